"""What language models put into the gap of a sentence.

A word of one piece stands in for the gap while its place is sought, so that a model that sees masks
sees exactly one.
"""

from __future__ import annotations

from typing import NamedTuple

from polyseme.errors import PolysemeError
from polyseme.explore.text import Gapped
from polyseme.models.base import Representation
from polyseme.models.common.contextual import SubwordRows
from polyseme.models.common.filling import Filling, locate

STAND_IN = ("the", "a", "of", "in", ".")
HOW = {
    "both": "sees both sides of the gap",
    "left": "proposes words from the left side, ranks them by the whole sentence",
    "each": "multiplies what the left and the right side say",
}
SPARE = 8
"""More than was asked for, since pieces that are no text are left out."""


class Filled(NamedTuple):
    """Most probable words with their probabilities, and from which side they come."""

    words: list[tuple[str, float]]
    how: str


def how(representation: Representation) -> str:
    """What a representation fills gaps from; blank where it fills none."""
    if not isinstance(representation, Filling):
        return ""
    predictor = str(getattr(representation, "predictor", ""))
    return HOW[representation.sides] + (f" ({predictor} does)" if predictor else "")


def fill(representation: Representation, gapped: Gapped, num_words: int) -> Filled:
    """The most probable words of one piece.

    Raises:
        PolysemeError: the representation is no language model that fills gaps.
    """
    if not isinstance(representation, Filling):
        raise PolysemeError("fills no gaps", where="model", mend="name a language model")
    told = how(representation)
    if representation.sides == "left" and not gapped.after:
        told = "the next word after the left side"
    words, place = gapped.filled(_stand_in(representation))
    found = representation.fill(words, place, num_words + SPARE)
    return Filled([(word, p) for word, p in found if word][:num_words], told)


def _stand_in(representation: Representation) -> str:
    """A word of one piece; the first one where there is none."""
    if isinstance(representation, SubwordRows):
        for word in STAND_IN:
            _, start, end = locate(representation, [word], 0)
            if end - start == 1:
                return word
    return STAND_IN[0]
