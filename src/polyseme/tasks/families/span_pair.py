"""Span pair: two marked spans of an item, side by side, one label (Tenney et al. 2019).

`places` are first word and end of each span: `[2, 3, 7, 9]` marks word 2, and words 7 and 8. A span
is the mean of its words. The two are not compared but put beside one another, because a label may
say which is which: `Cause-Effect(e1,e2)`. Such labels are scored as SemEval-2010 task 8 does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from polyseme.errors import DataError
from polyseme.stats.additive import Additive, mean_dice, per_item
from polyseme.tasks.families import classification
from polyseme.tasks.families.base import Kept, Scored

if TYPE_CHECKING:
    from torch import Tensor

DIRECTED = "("


class Family(classification.Family):
    """A label for two marked spans."""

    metrics: ClassVar[tuple[str, ...]] = ("accuracy", "macro_f1", "relation_f1")
    names_unseen = True

    def parts(self, h_BTD: Tensor, mask_BT: Tensor, places_BP: Tensor | None) -> Tensor:
        """The means of the two spans."""
        import torch

        if places_BP is None:
            raise DataError("has no marked spans", where="family span_pair", mend="give `places`")
        first_BQ1, end_BQ1 = places_BP.unflatten(1, (-1, 2))[..., None].unbind(2)
        places_T = torch.arange(h_BTD.shape[1], device=h_BTD.device)
        inside_BQT1 = ((places_T >= first_BQ1) & (places_T < end_BQ1))[..., None].to(h_BTD.dtype)
        mean_BQD = (h_BTD[:, None] * inside_BQT1).sum(2) / inside_BQT1.sum(2).clamp(min=1)
        return mean_BQD[:, None]

    def marked(self, places: Sequence[int]) -> list[int]:
        """The words of both spans."""
        spans = zip(places[::2], places[1::2], strict=True)
        return [place for first, end in spans for place in range(first, end)]

    def width(self, dim: int) -> int:
        """2 D."""
        return 2 * dim

    def score(self, scored: Scored) -> dict[str, float]:
        """Accuracy, macro F1 over labels, and F1 of relations."""
        return super().score(scored) | {"relation_f1": relation_f1(scored)}

    def additive(self, metric: str, kept: Kept) -> Additive | None:
        """F1 of relations: of each item and relation, what is right, and what both sides say."""
        if metric != "relation_f1":
            return super().additive(metric, kept)
        names = np.array([name.partition(DIRECTED)[0] for name in kept.names])
        relations = sorted({name.partition(DIRECTED)[0] for name in kept.names if DIRECTED in name})
        gold_UC, predicted_UC = (
            names[side][:, None] == np.array(relations) for side in (kept.gold_U, kept.predicted_U)
        )
        right_UC = gold_UC & (kept.gold_U == kept.predicted_U)[:, None]
        values_UK = np.concatenate([right_UC, gold_UC.astype(float) + predicted_UC], axis=1)
        return Additive(per_item(values_UK, kept.item_U, kept.num_items), mean_dice)


def relation_f1(scored: Scored) -> float:
    """Macro F1 of the relations with a direction, the official one of SemEval-2010 task 8.

    A relation in the wrong direction is wrong, for precision and for recall; labels without a
    direction (`Other`) are predicted, but not averaged. 0 where no label has one.
    """
    right_N = scored.gold_N == scored.predicted_N
    gold_N, predicted_N = (_relations(scored, side) for side in (scored.gold_N, scored.predicted_N))
    relations = {label.partition(DIRECTED)[0] for label in scored.labels if DIRECTED in label}
    found = [_f1(gold_N == r, predicted_N == r, right_N) for r in sorted(relations)]
    return float(np.mean(found)) if found else 0.0


def _relations(scored: Scored, numbers_N: np.ndarray) -> np.ndarray:
    """Names without their direction."""
    return np.array([scored.name(number).partition(DIRECTED)[0] for number in numbers_N])


def _f1(gold_N: np.ndarray, predicted_N: np.ndarray, right_N: np.ndarray) -> float:
    total = int(gold_N.sum() + predicted_N.sum())
    return 2 * int((gold_N & right_N).sum()) / total if total else 0.0
