"""Supersenses: which of WordNet's 45 lexicographer files has the sense of a marked word?

The label is read from the sense key (Fellbaum 1998; lexnames(5WN)): the second field of `1:14:00::`
is the number of the file, here noun.group. Texts, marked words and splits are those of `all_words`,
but any label may be predicted, whatever the lemma. Where several senses are right, the files of all
of them are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path

from polyseme.errors import DataError
from polyseme.tasks import all_words
from polyseme.tasks.base import KEY_END, Split
from polyseme.tasks.common.lines import numbered
from polyseme.tasks.families.word_sense import ALTERNATIVE

FAMILY = "word_sense"
PROBED_ONLY = True
Config = all_words.Config

FILES = tuple(
    """
    adj.all adj.pert adv.all noun.Tops noun.act noun.animal noun.artifact noun.attribute noun.body
    noun.cognition noun.communication noun.event noun.feeling noun.food noun.group noun.location
    noun.motive noun.object noun.person noun.phenomenon noun.plant noun.possession noun.process
    noun.quantity noun.relation noun.shape noun.state noun.substance noun.time verb.body verb.change
    verb.cognition verb.communication verb.competition verb.consumption verb.contact verb.creation
    verb.emotion verb.motion verb.perception verb.possession verb.social verb.stative verb.weather
    adj.ppl
    """.split()
)
"""Names of the lexicographer files, by their numbers, as WordNet's `lexnames` has them."""
POS = {"1": "noun", "2": "verb", "3": "adj", "4": "adv", "5": "adj"}


class _UnknownError(Exception):
    """A sense that is in no lexicographer file of its part of speech."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """Sentences with marked words and their supersenses.

    Raises:
        DataError: naming file and line of a sense whose lexicographer file WordNet lacks.
    """
    try:
        return {
            name: replace(split, labels=[[*map(_label, row)] for row in split.labels], keys=None)
            for name, split in all_words.prepare(options, source).items()
        }
    except _UnknownError as error:
        raise _located(options, source, str(error)) from None


def _label(senses: str) -> str:
    """Files of the senses of a word, as alternatives."""
    found = [_file(sense.rpartition(KEY_END)[2]) for sense in senses.split(ALTERNATIVE)]
    return ALTERNATIVE.join(dict.fromkeys(found))


def _file(sense: str) -> str:
    kind, number, *_ = sense.split(":")
    name = FILES[int(number)] if int(number) < len(FILES) else ""
    if not name.startswith(POS[kind]):
        raise _UnknownError(sense)
    return name


def _located(options: Config, source: Path, sense: str) -> DataError:
    """The error about a sense, with the first line that has it."""
    gold = [source / f"{prefix}.gold.key.txt" for prefix in options.framework.values()]
    paths = chain(sorted(source.glob(options.semcor)), gold)
    where = next(
        f"{path}:{number}"
        for path in paths
        for number, line in numbered(path)
        if f"={sense}" in line or f"{KEY_END}{sense}" in line
    )
    kind, number, *_ = sense.split(":")
    return DataError(
        f"{sense!r}: no lexicographer file {number} of part of speech {POS[kind]}",
        where=where,
        mend="correct its second field; files are numbered 00 to 44 in WordNet's lexnames",
    )
