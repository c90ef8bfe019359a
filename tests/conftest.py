"""Fixtures that several test files share: a small tokenizer and a small prepared corpus."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from polyseme.data import tokenizer
from polyseme.data.tokenizer import WordPieces

settings.register_profile("polyseme", deadline=None)  # a busy machine is no failure
settings.load_profile("polyseme")

SENTENCES = [
    "there was a crack in the old wall of the house",
    "the police found crack and other drugs in the car",
    "this problem is a hard nut to crack for the students",
    "I was sad because my football team had lost the match",
    "she lit a match and the small room was bright again",
    "the bank of the river was green in the early spring",
    "he opened a new account at the bank in the old town",
    "a spring in the old clock was broken again this year",
]


@pytest.fixture(scope="session")
def toy_sentences() -> list[list[str]]:
    """Sentences as lists of words."""
    return [sentence.split() for sentence in SENTENCES]


@pytest.fixture(scope="session")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> WordPieces:
    """A tokenizer with 320 pieces."""
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    made = tokenizer.train(SENTENCES * 3, vocab_size=320, lowercase=True, where="test")
    made.save(str(path))
    return WordPieces.load(path)


@pytest.fixture
def random() -> np.random.Generator:
    """Seeded random numbers."""
    return np.random.default_rng(0)


@pytest.fixture
def in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """The chromium of the system, headless."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("needs chromium (apt install chromium)")
    driver = pytest.importorskip("playwright.sync_api")
    with driver.sync_playwright() as playing:
        opened = playing.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()
