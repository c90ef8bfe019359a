"""Answers to the page's questions, as plain data.

Every question names a representation and is answered for all of its layers, so that the page need
not ask again when a slider moves.

Shapes: L layers, T words of a sentence, D dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple

from pydantic import Field
from torch import Tensor
from torch.nn.functional import normalize

from polyseme.config import build, config
from polyseme.errors import PolysemeError
from polyseme.explore import filling, nearest
from polyseme.explore.explorer import Explorer, Lens
from polyseme.explore.nearest import Plane
from polyseme.explore.sample import Sample
from polyseme.explore.text import GAP, Gapped

NUM_FILLINGS = 8
Answer = dict[str, Any]
Place = Annotated[int, Field(ge=0)]


@config
class Text:
    """A sentence, to be cut into words."""

    text: str


@config
class Word:
    """A word of a sentence, seen by a representation."""

    representation: str
    text: str
    place: Place


@config
class Gap:
    """A sentence with a gap, or one in which a word is taken out."""

    representation: str
    text: str
    place: Place | None = None


@config
class Pair:
    """Two sentences, seen by a representation."""

    representation: str
    first: str
    second: str


class Question(NamedTuple):
    """What a question has to hold, and what answers it."""

    form: type[Any]
    answer: Callable[[Any], Answer]


class Answers:
    """Answers from opened representations.

    Args:
        lenses: by name.
    """

    def __init__(self, explorer: Explorer, lenses: Mapping[str, Lens]) -> None:
        self.explorer, self.lenses = explorer, lenses
        self.questions: dict[str, Question] = {
            "words": Question(Text, self.words),
            "neighbors": Question(Word, self.neighbors),
            "positions": Question(Word, self.positions),
            "fillings": Question(Gap, self.fillings),
            "similarity": Question(Pair, self.similarity),
        }

    def ask(self, name: str, values: Mapping[str, Any]) -> Answer:
        """Answer the question of that name.

        Raises:
            PolysemeError: the values are not what it takes, or there is no answer.
        """
        question = self.questions[name]
        return question.answer(build(question.form, values, file="question"))

    def about(self) -> Answer:
        """What there is to choose from."""
        project, sample = self.explorer.project, self.explorer.sample
        return {
            "experiment": project.experiment,
            "corpus": project.corpus,
            "missing": project.missing,
            "examples": [_shown(sample, n) for n in sample.example()],
            "representations": [
                {
                    "name": lens.name,
                    "family": lens.representation.family,
                    "layers": lens.representation.num_layers,
                    "fills": filling.how(lens.representation),
                }
                for lens in self.lenses.values()
            ],
        }

    def words(self, asked: Text) -> Answer:
        """The words of a sentence, and which of them is a gap."""
        if GAP in asked.text or "[MASK]" in asked.text:
            words, place = self.explorer.reader.gapped(asked.text).filled(GAP)
            return {"words": words, "gap": place}
        return {"words": self.explorer.reader.words(asked.text), "gap": None}

    def neighbors(self, asked: Word) -> Answer:
        """Nearest words of a vocabulary, or nearest occurrences in every layer."""
        lens, words = self._asked(asked)
        word = words[asked.place]
        own, h_LD = self.explorer.type_of(word), lens.encode(words)[:, asked.place]
        if lens.vocabulary:
            known = lens.representation.knows(word)
            found = lens.vocabulary.nearest(h_LD[0], own) if known else []
            size = len(lens.vocabulary.words)
            return {"known": known, "size": size, "words": [(w, round(c, 4)) for w, c in found]}
        if lens.index is None:
            raise PolysemeError("has no index", where=lens.name)
        layers = list(nearest.in_context(lens.index, h_LD, own))
        sample = lens.index.sample
        numbers = {n for layer in layers for n, _ in (*layer.same, *layer.others)}
        return {
            "size": len(sample.occurrences),
            "sentences": len(sample.sentences),
            "num_same": len(sample.of(own)),
            "layers": [
                {
                    kind: [(n, round(c, 4)) for n, c in found]
                    for kind, found in layer._asdict().items()
                }
                for layer in layers
            ],
            "occurrences": {n: _shown(sample, n) for n in sorted(numbers)},
        }

    def positions(self, asked: Word) -> Answer:
        """Where a word lies among its occurrences in the corpus, in every layer."""
        lens, words = self._asked(asked)
        sample = lens.index.sample if lens.index else self.explorer.sample
        numbers = sample.of(self.explorer.type_of(words[asked.place]))
        shown = [_shown(sample, n) for n in numbers]
        return {
            "occurrences": shown,
            "senses": sorted({one["sense"] for one in shown}),
            "layers": [p._asdict() for p in self._planes(lens, words, asked.place, numbers)],
        }

    def _planes(self, lens: Lens, words: list[str], place: int, numbers: list[int]) -> list[Plane]:
        if not numbers:
            return []
        if lens.index is None:  # one vector for all
            return [Plane([(0.0, 0.0)] * len(numbers), (0.0, 0.0), 1.0)]
        unit_LD = lens.index.centred(lens.encode(words)[:, [place]])[:, 0]
        return [
            nearest.plane(unit_ND, unit_D)
            for unit_ND, unit_D in zip(lens.index.unit_LND[:, numbers], unit_LD, strict=True)
        ]

    def fillings(self, asked: Gap) -> Answer:
        """Most probable words of the gap, or of the place of a word."""
        lens = self._lens(asked.representation)
        if asked.place is None:
            gapped = self.explorer.reader.gapped(asked.text)
        else:
            words = self._words(asked.text, asked.place)
            gapped = Gapped(words[: asked.place], words[asked.place + 1 :])
        found = lens.fill(gapped, NUM_FILLINGS)
        return {"how": found.how, "words": [(word, round(p, 4)) for word, p in found.words]}

    def similarity(self, asked: Pair) -> Answer:
        """Cosines of the words of two sentences in every layer; null where a word is unknown."""
        lens = self._lens(asked.representation)
        sides = [self._words(text) for text in (asked.first, asked.second)]
        first_LTD, second_LTD = (self._unit(lens, words) for words in sides)
        cosines = (first_LTD @ second_LTD.mT).tolist()
        known = [[bool(vector.any()) for vector in h_LTD[0]] for h_LTD in (first_LTD, second_LTD)]
        rows = [
            [
                [round(c, 3) if a and b else None for c, b in zip(row, known[1], strict=True)]
                for row, a in zip(layer, known[0], strict=True)
            ]
            for layer in cosines
        ]
        return {"first": sides[0], "second": sides[1], "layers": rows}

    def _unit(self, lens: Lens, words: list[str]) -> Tensor:
        h_LTD = lens.encode(words)
        return lens.index.centred(h_LTD) if lens.index else normalize(h_LTD, dim=-1)

    def _asked(self, asked: Word) -> tuple[Lens, list[str]]:
        return self._lens(asked.representation), self._words(asked.text, asked.place)

    def _lens(self, name: str) -> Lens:
        if name not in self.lenses:
            mend = f"one of {', '.join(self.lenses)}"
            raise PolysemeError("no such representation", where="question", mend=mend)
        return self.lenses[name]

    def _words(self, text: str, place: int = 0) -> list[str]:
        if GAP in text or "[MASK]" in text:
            raise PolysemeError("has a gap", where="sentence", mend="put a word there")
        words = self.explorer.reader.words(text)
        if place >= len(words):
            mend = f"at most {len(words) - 1}"
            raise PolysemeError(f"has no word {place}", where="sentence", mend=mend)
        return words


def _shown(sample: Sample, number: int) -> Answer:
    """An occurrence: words before it, itself, words after it, and its sense."""
    occurrence = sample.occurrences[number]
    words, place = sample.sentences[occurrence.sentence], occurrence.place
    return {
        "before": " ".join(words[:place]),
        "word": words[place],
        "after": " ".join(words[place + 1 :]),
        "sense": occurrence.sense,
    }
