from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from polyseme.data.counts import WordCounter


def test_spilled_counts_equal_counts_in_memory(tmp_path: Path) -> None:
    words = [f"w{i}" for i in np.random.default_rng(0).zipf(1.5, 5000) % 500]
    small, expected = WordCounter(tmp_path / "a", max_types=20), Counter(words)
    for start in range(0, len(words), 7):
        small.update(words[start : start + 7])
    assert len(list((tmp_path / "a").iterdir())) > 3
    ordered = sorted(expected.items(), key=lambda item: (-item[1], item[0]))
    assert small.most_common(10**6) == ordered
    assert small.most_common(3) == ordered[:3]
    assert small.num_types() == len(expected)


def test_line_separators_inside_a_word_survive(tmp_path: Path) -> None:
    counter = WordCounter(tmp_path / "a", max_types=1)
    counter.update(["a\u2028b", "\x85"])
    assert counter.most_common(5) == [("a\u2028b", 1), ("\x85", 1)]


def test_many_runs_become_few_and_count_the_same(tmp_path: Path) -> None:
    words = [f"w{i}" for i in np.random.default_rng(0).integers(0, 400, 3000)]
    few = WordCounter(tmp_path / "a", max_types=10, max_runs=3)
    for word in words:
        few.update([word])
    assert len(list((tmp_path / "a").iterdir())) < 3 * 6  # 290 runs: six levels of two or fewer
    ordered = sorted(Counter(words).items(), key=lambda item: (-item[1], item[0]))
    assert few.most_common(10**6) == ordered
    assert few.num_types() == 400


def test_saved_counts_of_several_counters_are_summed(tmp_path: Path) -> None:
    words = [f"w{i}" for i in np.random.default_rng(0).zipf(1.5, 900) % 90]
    saved = []
    for number in range(3):
        counter = WordCounter(tmp_path / str(number), max_types=20 if number else 1000)
        counter.update(words[300 * number : 300 * (number + 1)])
        saved.append(tmp_path / f"{number}.tsv")
        counter.save(saved[-1])
    expected = Counter(words)
    for most in (64, 2):  # of as many files as are opened at once
        whole = WordCounter(tmp_path / f"all-{most}", max_runs=most, runs=saved)
        assert whole.num_types() == len(expected)
        assert dict(whole.most_common(10**6)) == expected
    assert all(path.exists() for path in saved)
    whole = WordCounter(tmp_path / "all", runs=saved)
    assert whole.num_types() == len(expected)
    assert dict(whole.most_common(10**6)) == expected
    assert not (tmp_path / "0").exists()
