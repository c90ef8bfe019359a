"""Time of one sentence, by a clock of our own."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from polyseme.invariance import latency


class _Clock:
    """Time that only encoding takes: a second for each word, a hundred in the first round."""

    def __init__(self) -> None:
        self.now, self.encoded = 0.0, []

    def perf_counter(self) -> float:
        return self.now

    def encode(self, sentences: Any) -> None:
        (sentence,) = sentences
        self.encoded.append(sentence)
        self.now += 100 if len(self.encoded) <= 3 else len(sentence)


@pytest.mark.parametrize(("seconds", "rounds"), [(50.0, 4), (325.0, 6)])
def test_single_sentences_are_timed_after_a_round_to_warm_up(
    monkeypatch: pytest.MonkeyPatch, seconds: float, rounds: int
) -> None:
    clock = _Clock()
    monkeypatch.setattr(latency, "time", SimpleNamespace(perf_counter=clock.perf_counter))
    sentences = [["a"], ["a", "b"], ["a"] * 3]
    found = latency.measure(clock, sentences, seconds=seconds)  # type: ignore[arg-type]
    assert len(clock.encoded) == rounds * 3
    assert (found["median_ms"], found["words"], found["sentences"]) == (2000.0, 2.0, 3)
    assert (found["least_ms"], found["most_ms"], found["rounds"]) == (2000.0, 2000.0, rounds - 1)
    assert 2000 < found["p95_ms"] <= 3000


def test_a_slow_representation_is_asked_less(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = _Clock()
    monkeypatch.setattr(latency, "time", SimpleNamespace(perf_counter=clock.perf_counter))
    found = latency.measure(clock, [["a"]] * 50, seconds=15.0)  # type: ignore[arg-type]
    assert len(clock.encoded) == 2
    assert (found["median_ms"], found["rounds"]) == (100_000.0, 1)


def test_what_a_representation_raises_is_noted() -> None:
    class Broken:
        def encode(self, sentences: Any) -> None:
            raise ValueError("one word is too few")

    assert latency.measure(Broken(), [["a"]]) == {  # type: ignore[arg-type]
        "reason": "ValueError: one word is too few"
    }
