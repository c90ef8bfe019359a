"""Tagging from a Universal Dependencies treebank (Nivre et al. 2020): tags of syntactic words.

The tag is the part of speech, the relation to the head, or one feature. Words without it are not
scored. Relations are the 37 universal ones: what follows a colon, which differs between treebanks,
is cut off. Multiword tokens and empty nodes are read and left out, as the UD evaluation does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import Field

from polyseme.config import config
from polyseme.data import conllu
from polyseme.data.conllu import Sentence
from polyseme.errors import DataError
from polyseme.tasks.base import Split
from polyseme.training.options import Positive

FAMILY = "tagging"


@config
class Config:
    """Values of a conf/task/*.yaml with `module: ud_tags`."""

    module: str
    """This file."""
    source: str
    """Folder: artifact of the data set, or one of your own."""
    files: dict[str, str]
    """File of each split."""
    label: str = "upos"
    """`upos`, `deprel`, or the name of a feature, as `Number` or `Tense`."""
    max_sentences: dict[str, Positive] = Field(default_factory=dict)
    """Most sentences of a split: the first ones; all where a split is not named."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """Words and tags of each split."""
    splits = {}
    for name, file in options.files.items():
        found = list(conllu.read(source / file))[: options.max_sentences.get(name)]
        tags = [_tags(options.label, sentence) for sentence in found]
        if found and not any(map(any, tags)):
            raise _missing(options.label, found, source / file)
        splits[name] = Split([list(s.words) for s in found], tags)
    return splits


def _tags(label: str, sentence: Sentence) -> list[str | None]:
    """Tags of the words of a sentence; None where a word has none."""
    if label == "upos":
        return list(sentence.upos)
    if label == "deprel":
        relations = [relation.partition(":")[0] for relation in sentence.deprels]
        return [None if relation == "_" else relation for relation in relations]
    return [conllu.features(text).get(label) for text in sentence.feats]


def _missing(label: str, found: Sequence[Sentence], path: Path) -> DataError:
    known = sorted({name for s in found for text in s.feats for name in conllu.features(text)})
    return DataError(
        f"no word has a {label!r}",
        where=path,
        mend=f"set `label` to upos, deprel or a feature; here: {', '.join(known) or 'none'}",
    )
