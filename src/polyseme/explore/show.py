"""Neighbours and fillings as lines of text."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from torch import Tensor

from polyseme.errors import PolysemeError
from polyseme.explore import nearest
from polyseme.explore.explorer import Explorer, Lens
from polyseme.explore.filling import fill, how
from polyseme.explore.nearest import Scored
from polyseme.explore.project import Project, layer_of
from polyseme.explore.sample import Sample
from polyseme.explore.text import Reader

AROUND = 6
"""Words that are shown on either side of an occurrence."""


def neighbors(
    project: Project, word: str, sentence: str | None, layer: int | None, top: int
) -> Iterator[str]:
    """Nearest neighbours of a word by every representation of the project.

    Raises:
        PolysemeError: the word does not stand in the sentence, or there is no such layer.
    """
    explorer = Explorer(project, progress=sys.stderr.isatty())
    words, place = _asked(explorer.reader, word, sentence)
    told = f"in: {_marked(words, place)}" if sentence is not None else "without context"
    yield f"{words[place]} {told}"
    _note_missing(project)
    for name in project.names:
        lens = explorer.open(name)
        own = explorer.type_of(words[place])
        yield ""
        if lens.vocabulary:
            yield from _static(lens, words[place], own, top)
            continue
        chosen = layer_of(name, lens.representation.num_layers, layer)
        yield f"{name}, contextual: layer {chosen} of 0 to {lens.representation.num_layers - 1}"
        h_LD = lens.encode(words)[:, place]
        if sentence is None:
            yield from _as_type(lens, own, h_LD, chosen, top)
        else:
            yield from _in_context(lens, own, h_LD, chosen, top)


def _asked(reader: Reader, word: str, sentence: str | None) -> tuple[list[str], int]:
    if sentence is None:
        return reader.one(word), 0
    words = reader.words(sentence)
    places = reader.find(word, words)
    if len(places) > 1:
        print(f"{word} stands there {len(places)} times: the first one is taken", file=sys.stderr)
    return words, places[0]


def _note_missing(project: Project) -> None:
    if project.missing:
        told = ", ".join(project.missing)
        print(f"not trained yet: {told} (run `make repro`)", file=sys.stderr)


def _static(lens: Lens, word: str, own: str, top: int) -> Iterator[str]:
    if lens.vocabulary is None:
        return
    num_words = len(lens.vocabulary.words)
    yield f"{lens.name}, static: one vector a word type, whatever its context"
    yield f"  cosine with the {num_words:,} words of its vocabulary"
    if not lens.representation.knows(word):
        yield f"  {word} is not among them"
        return
    yield from _scored(lens.vocabulary.nearest(lens.encode([word])[0, 0], own, top))


def _as_type(lens: Lens, own: str, alone_LD: Tensor, layer: int, top: int) -> Iterator[str]:
    if lens.index is None:
        return
    found, size = nearest.of_type(lens.index, own, alone_LD, layer, top)
    yield f"  cosine of {f'its mean over {size} occurrences' if size else 'the word alone'}"
    yield f"  with the means of {len(lens.index.words):,} word types in a sample of the corpus"
    yield from _scored(found)


def _in_context(lens: Lens, own: str, h_LD: Tensor, layer: int, top: int) -> Iterator[str]:
    if lens.index is None:
        return
    found = list(nearest.in_context(lens.index, h_LD, own, top))[layer]
    sample = lens.index.sample
    yield (
        f"  cosine with {len(sample.occurrences):,} words in {len(sample.sentences):,} "
        "sentences of the corpus, after their mean is taken off"
    )
    size = len(sample.of(own))
    yield f"  the same word, nearest of {size}:" if size else "  the same word: not in the sample"
    yield from (f"  {cosine:6.2f}  {_occurrence(sample, n)}" for n, cosine in found.same)
    yield "  other words, nearest occurrence of each:"
    yield from (f"  {cosine:6.2f}  {_occurrence(sample, n)}" for n, cosine in found.others)


def _scored(found: Sequence[Scored]) -> Iterator[str]:
    for word, cosine in found:
        yield f"  {cosine:6.2f}  {word}"


def _occurrence(sample: Sample, number: int) -> str:
    occurrence = sample.occurrences[number]
    marked = _marked(sample.sentences[occurrence.sentence], occurrence.place)
    return f"{marked}  ({occurrence.sense})" if occurrence.sense else marked


def _marked(words: Sequence[str], place: int) -> str:
    """The words around a place, that one in brackets."""
    start, end = max(0, place - AROUND), place + AROUND + 1
    before, after = words[start:place], words[place + 1 : end]
    shown = [*before, f"[{words[place]}]", *after]
    return " ".join([*["…"] * (start > 0), *shown, *["…"] * (end < len(words))])


def fillings(project: Project, sentence: str, top: int) -> Iterator[str]:
    """Most probable words of a gap by every language model of the project.

    Raises:
        PolysemeError: there is not one gap, or no representation that fills gaps.
    """
    gapped = Reader(project.language).gapped(sentence)
    yield str(gapped)
    _note_missing(project)
    number = 0
    for name in project.names:
        representation = project.open(name)
        if not how(representation):
            continue
        number += 1
        found = fill(representation, gapped, top)
        yield ""
        yield f"{name}: {found.how}"
        yield from (f"  {probability:6.3f}  {word}" for word, probability in found.words)
    if not number:
        mend = "name a language model"
        raise PolysemeError("none of them fills gaps", where=" ".join(project.names), mend=mend)
