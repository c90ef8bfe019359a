"""Texts with marked words and their WordNet senses, from two sources.

SemCor's tag files (a line a word, SGML) and the data of the evaluation framework (XML, with a file
of keys; Raganato et al. 2017). A word's key is its lemma and part of speech, `bank.n`; its label
adds what follows `%` in the sense key of WordNet: `bank.n%1:14:00::`. Of a target of several words
one is marked: the first of a verb (*took place*), else the last (*grand jury*), which is the head.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from polyseme.data.streams import CheckedStream
from polyseme.errors import DataError
from polyseme.tasks.base import KEY_END
from polyseme.tasks.common.lines import numbered
from polyseme.tasks.families.word_sense import ALTERNATIVE

KIND = {"1": "n", "2": "v", "3": "a", "4": "r", "5": "a"}
"""Part of speech by the first digit after `%`; 5 is an adjective that clusters around another."""
POS = {"NOUN": "n", "VERB": "v", "ADJ": "a", "ADV": "r"}
_WORD = re.compile(r"<(wf|punc)([^>]*)>(.+)</\1>")
_FRAME = re.compile(r"</?(contextfile|context|p)\b[^>]*>|<s [^>]*>")
_SENSE = re.compile(r"[1-5]:\d\d:\d\d:[^:]*:(\d\d)?")


@dataclass
class Sentence:
    """Words, and of each marked one: its place, its key and its label."""

    words: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)

    def add(self, words: list[str]) -> None:
        """Words without a sense."""
        self.words += words

    def mark(self, words: list[str], key: str, label: str) -> None:
        """A target, which may be several words."""
        place = 0 if key.endswith(".v") else len(words) - 1
        self.places.append(len(self.words) + place)
        self.keys.append(key)
        self.labels.append(label)
        self.words += words


def semcor(path: Path) -> Iterator[Sentence]:
    """Sentences of a tag file; of several senses of a word the first.

    Raises:
        DataError: a line that is none of a tag file.
    """
    sentence = Sentence()
    for number, text in numbered(path):
        line = text.strip()
        if (found := _WORD.fullmatch(line)) is not None:
            _add(sentence, found[2], found[3], f"{path}:{number}")
        elif line == "</s>":
            yield sentence
            sentence = Sentence()
        elif line and not _FRAME.fullmatch(line):
            mend = "it holds <wf>, <punc>, <s>, <p> and <context> only, each on its line"
            raise DataError(
                f"{line[:40]!r} is no line of a tag file", where=f"{path}:{number}", mend=mend
            )


def _add(sentence: Sentence, attributes: str, text: str, where: str) -> None:
    """A <wf> or <punc> of a tag file."""
    of = dict(part.partition("=")[::2] for part in attributes.split())
    words = [word for word in text.split("_") if word] or [text]
    if "lexsn" not in of:
        sentence.add(words)
        return
    sense = of["lexsn"].partition(";")[0]
    if not _SENSE.fullmatch(sense) or not of.get("lemma"):
        mend = "give lemma=... and lexsn=1:14:00::"
        raise DataError(f"{of['lexsn'][:40]!r} is no sense of a lemma", where=where, mend=mend)
    key = f"{of['lemma'].lower()}.{KIND[sense[0]]}"
    sentence.mark(words, key, f"{key}{KEY_END}{sense}")


def framework(data: Path, gold: Path) -> Iterator[Sentence]:
    """Sentences of a data set of the framework; several senses of a word are alternatives.

    Raises:
        DataError: XML that is broken, an instance without a sense, a sense without an instance.
    """
    keys = _gold(gold)
    try:
        with CheckedStream(data, text=True) as raw:
            for _, element in ElementTree.iterparse(raw):  # noqa: S314 - expat bounds entities
                if element.tag == "sentence":
                    yield _sentence(element, keys, data, gold)
    except ElementTree.ParseError as error:
        where = f"{data}:{error.position[0]}"
        raise DataError(f"broken XML ({error})", where=where, mend="get it again") from None
    for name, (line, _) in keys.items():
        mend = f"remove it, or add the instance to {data.name}"
        raise DataError(f"{name!r} is no instance", where=f"{gold}:{line}", mend=mend)


def _gold(path: Path) -> dict[str, tuple[int, list[str]]]:
    """Line and senses, without their lemma, of each instance."""
    found: dict[str, tuple[int, list[str]]] = {}
    for number, line in numbered(path):
        name, *senses = line.split() or [""]
        parts = [sense.partition("%")[2] for sense in senses]
        if name and not (parts and all(map(_SENSE.fullmatch, parts))):
            mend = "write `instance lemma%1:14:00::`"
            raise DataError(f"{name!r} has no sense key", where=f"{path}:{number}", mend=mend)
        if name in found:
            mend = "write all its senses on one line"
            raise DataError(f"{name!r} stands here again", where=f"{path}:{number}", mend=mend)
        if name:
            found[name] = number, parts
    return found


def _sentence(
    element: ElementTree.Element, gold: dict[str, tuple[int, list[str]]], data: Path, keys: Path
) -> Sentence:
    """A <sentence>; its senses are taken out of `gold`."""
    sentence = Sentence()
    for child in element:
        words = (child.text or "").split()
        name, lemma, pos = (child.get(a, "") for a in ("id", "lemma", "pos"))
        if child.tag != "instance":
            sentence.add(words)
            continue
        if not (words and lemma and pos in POS):
            mend = f"give it a text, a lemma, and a pos of {', '.join(POS)}"
            raise DataError(f"instance {name!r} is not whole", where=data, mend=mend)
        if name not in gold:
            mend = f"add its senses to {keys.name}, or make it a <wf>"
            raise DataError(f"instance {name!r} has no sense", where=data, mend=mend)
        key = f"{lemma.lower()}.{POS[pos]}"
        senses = [f"{key}{KEY_END}{sense}" for sense in gold.pop(name)[1]]
        sentence.mark(words, key, ALTERNATIVE.join(senses))
    element.clear()
    return sentence
