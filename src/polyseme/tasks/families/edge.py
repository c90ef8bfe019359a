"""Edge: one marked span of a text, or two, one label (edge probing, Tenney et al. 2019).

`places` are first word and end of each span, as in `span_pair`; all items of a task have as many
spans. A span is the mean of its words; one span has zeros where a second would stand. Departure:
Tenney et al. project the vectors and pool each span by self-attention of its own, both of which a
probe learns; means leave a linear probe linear.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from polyseme.errors import DataError
from polyseme.tasks.families import classification, span_pair
from polyseme.tasks.families.base import Scored

if TYPE_CHECKING:
    from torch import Tensor

MEND = "mark one span or two, each by its first word, from 0, and the word after its last"


class Family(span_pair.Family):
    """A label for one marked span or two, side by side."""

    metrics = classification.Family.metrics
    names_unseen = False

    def combine(self, h_XQD: Tensor) -> Tensor:
        """The spans side by side, 2 D."""
        from torch.nn import functional as F

        flat_XE = h_XQD.flatten(-2)
        return F.pad(flat_XE, (0, self.width(h_XQD.shape[-1]) - flat_XE.shape[-1]))

    def score(self, scored: Scored) -> dict[str, float]:
        """Accuracy, and macro F1 over labels."""
        return classification.Family.score(self, scored)


def require_spans(words: Sequence[str], places: Sequence[int], *, where: str) -> None:
    """Refuse spans that are not there.

    Raises:
        DataError: not one span or two; one that is empty, or not inside the words.
    """
    if len(places) not in (2, 4):
        what = f"has {len(places)} places, which are not one span or two"
        raise DataError(what, where=where, mend=MEND)
    for first, end in zip(places[::2], places[1::2], strict=True):
        if first >= end:
            raise DataError(f"span [{first}, {end}] is empty", where=where, mend=MEND)
        if first < 0 or end > len(words):
            what = f"span [{first}, {end}] is outside of its sentence of {len(words)} words"
            raise DataError(what, where=where, mend=MEND)
