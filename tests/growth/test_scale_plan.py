"""The paper plan follows from the results, and says so where there are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from benchmarks import _plan

GIB = 2**30


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, content in made().items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    monkeypatch.setattr(_plan, "RESULTS", tmp_path)
    return tmp_path


def made() -> dict[str, Any]:
    """Ten microseconds a word everywhere; a million tokens a second on a card."""
    facts = {"draw": {}, "text": {"input_bytes": 6e6},
             "clean": {"clean_seconds": 5.0, "duplicates_seconds": 1.0, "select_seconds": 4.0,
                       "read": 10_000},
             "tokenizer": {}, "tokens": {"tokens": 1.5e6}, "count": {}, "word2vec": {},
             "glove": {}}  # fmt: skip
    cells = [
        {"stage": stage, "words": 1_000_000, "cpu_seconds": 10.0, "output_bytes": 3e6, **more}
        for stage, more in facts.items()
    ]
    cells += [{**cells[5], "words": 1000, "cpu_seconds": 77.0}]
    return {
        "growth": {"cells": cells},
        "growth_limits": {"rows": [
            {"what": "keys", "stage": "clean", "unit": "document", "bytes": GIB / 1e8},
            {"what": "pairs", "stage": "glove", "unit": "pair", "bytes": 128.0},
        ]},
        "gpu_bert": {"rows": [{"contestant": "polyseme, AdamW", "tokens_per_second": 1e6}],
                     "hardware": {"cores": 16}, "gpu": "a card"},
        "gpu_speed": {"rows": [
            {"work": "encode, bert of base size", "gpu": 1000},
            {"work": "linear probes, 768 dimensions", "gpu": 1.024e6},
        ]},
        "encode_speed": {"words_per_sentence": 10},
    }  # fmt: skip


def lines(text: str) -> dict[str, list[str]]:
    parts = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    return {cells[0]: cells for cells in parts if cells}


@pytest.mark.usefixtures("results")
def test_hours_and_bytes_follow_from_the_constants() -> None:
    found = lines(_plan.stages())
    hours = f"{100e9 * 10e-6 / 3600:.0f}"
    assert found["token store"][1:6] == ["one process", hours, hours, "0.3", "0.3"]
    assert found["read, clean, sign"][1] == "1,024"
    assert float(found["read, clean, sign"][3]) == pytest.approx(5e5 / 3600 / 1024, rel=0.05)
    trained = found["pre-train BERT of base size, one pass"]
    assert float(trained[3]) == pytest.approx(150e9 / 1e6 / 64 / 3600, rel=0.05)
    assert float(trained[2]) == pytest.approx(150e9 / 1e6 / 3600, rel=0.05)
    encoded = found["encode a billion words with it, 13 layers"]
    assert float(encoded[3]) == pytest.approx(1e9 / 10_000 / 64 / 3600, rel=0.05)
    assert encoded[5] == "20"


@pytest.mark.usefixtures("results")
def test_the_text_names_share_of_peak_exchange_and_sizes() -> None:
    text = _plan.stages()
    weights = 12 * 12 * 768**2 + 8192 * 768
    assert f"{6 * weights * 1e6 / 989e12:.0%} of the card's peak" in text
    assert f"{2 * 4 * weights * 1e6 / 8192 / 1e9:.0f} GB/s" in text
    assert "1M to 1M words" in text


@pytest.mark.usefixtures("results")
def test_memory_is_that_of_the_units_at_this_size() -> None:
    found = lines(_plan.memory())
    assert found["keys"][3:5] == ["200M", "2"]
    assert found["pairs"][3:] == ["depends on the text", "-", "1,074M"]


def test_without_results_the_page_says_how_to_get_them(results: Path) -> None:
    (results / "growth_limits.json").unlink()
    assert _plan.stages() == _plan.memory()
    assert "make bench BENCH=growth" in _plan.memory()
