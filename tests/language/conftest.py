"""The English controlled language, and documents drawn from it."""

from __future__ import annotations

import copy
import dataclasses
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from polyseme import language
from polyseme.language import lexicon as lexicons
from polyseme.language.lexicon import Lexicon
from polyseme.language.source import Config, Document, Sentence, Source

ENGLISH = Path(language.__file__).parent / "english"
Damage = Callable[[str, str, str], Path]


def with_seed(source: Source, seed: int) -> Source:
    """The same language, other draws: the tables, which take a second to make, are shared."""
    other = copy.copy(source)
    other.options = dataclasses.replace(source.options, seed=seed)
    return other


def sentences(documents: list[Document]) -> Iterator[tuple[Document, Sentence]]:
    for document in documents:
        for sentence in document.sentences:
            yield document, sentence


def cues(lexicon: Lexicon, lemma: str, upos: str) -> dict[str, set[str]]:
    """Sense -> lemmas that tell it, of a word."""
    return {
        sense.name: {
            *(word.lemma for word in lexicons.objects(lexicon, sense)),
            *(lexicons.modifiers(lexicon, sense) if upos == "NOUN" else ()),
        }
        for sense in lexicon.senses.values()
        if (sense.word.lemma, sense.word.upos) == (lemma, upos)
    }


@pytest.fixture(scope="session")
def source() -> Source:
    return Source(ENGLISH, Config())


@pytest.fixture(scope="session")
def sample(source: Source) -> list[Document]:
    """About 190,000 words; a third of the documents in the test split."""
    return [source.document(number, 0.1, 0.3) for number in range(2500)]


@pytest.fixture
def damaged(tmp_path: Path) -> Damage:
    """A copy of the language in which one line is other: the first that begins with `line`.

    `{}` in what it becomes stands for the old line; an empty `line` adds one at the end.
    """

    def make(file: str, line: str, becomes: str) -> Path:
        folder = tmp_path / "damaged"
        if not folder.exists():
            shutil.copytree(ENGLISH, folder)
        lines = (folder / file).read_text().splitlines()
        if line:
            number = next(n for n, text in enumerate(lines) if text.startswith(line))
            lines[number] = becomes.replace("{}", lines[number])
        else:
            lines.append(becomes)
        (folder / file).write_text("\n".join(lines) + "\n")
        return folder

    return make
