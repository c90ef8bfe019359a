"""Word sense: one label for each of the marked words of an item.

A label is `key%sense`, where the key says what is asked about (a lemma); only labels of the same
key are predicted, as far as training has them (Raganato et al. 2017). A key that training lacks is
left without an answer, which counts as wrong: `answered` is the share of the others. Several
senses may be right: `bank.n%1|bank.n%2`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from polyseme.errors import DataError
from polyseme.stats.additive import Additive
from polyseme.tasks.families import tagging
from polyseme.tasks.families.base import IGNORE, Kept, Scored

if TYPE_CHECKING:
    from torch import Tensor

ALTERNATIVE = "|"


class Family(tagging.Family):
    """Labels for marked words."""

    main_metric = "accuracy"
    metrics = ("accuracy", "macro_f1", "answered")
    names_unseen = True

    def parts(self, h_BTD: Tensor, mask_BT: Tensor, places_BP: Tensor | None) -> Tensor:
        """The marked words: a unit each."""
        if places_BP is None:
            raise DataError("has no marked words", where="family word_sense", mend="give `places`")
        at_BPD = places_BP[..., None].expand(-1, -1, h_BTD.shape[-1])
        return h_BTD.gather(1, at_BPD)[:, :, None]

    def decode(self, logits_UC: Tensor) -> np.ndarray:
        """The best label; IGNORE where none is allowed."""
        best = super().decode(logits_UC)
        best[logits_UC.amax(-1).isneginf().numpy()] = IGNORE
        return best

    def alternatives(self, label: str) -> list[str]:
        """Labels that are all right."""
        return label.split(ALTERNATIVE)

    def right(
        self, gold_N: np.ndarray, predicted_N: np.ndarray, names: Sequence[str]
    ) -> np.ndarray:
        """Whether the predicted label is among those that are right."""
        right_N = gold_N == predicted_N
        several = [n for n, gold in enumerate(gold_N) if ALTERNATIVE in names[gold]]
        for n in several:
            chosen = predicted_N[n]
            right_N[n] = chosen >= 0 and names[chosen] in self.alternatives(names[gold_N[n]])
        return right_N

    def score(self, scored: Scored) -> dict[str, float]:
        """Accuracy, macro F1 over labels, and the share of words that got an answer."""
        right_N = self.right(scored.gold_N, scored.predicted_N, scored.labels)
        settled_N = np.where(right_N, scored.predicted_N, scored.gold_N)
        answered = float((scored.predicted_N != IGNORE).mean())
        return super().score(scored._replace(gold_N=settled_N)) | {"answered": answered}

    def additive(self, metric: str, kept: Kept) -> Additive | None:
        """With every alternative right."""
        gold_U = kept.gold_U.copy()
        for n in np.flatnonzero(gold_U != kept.predicted_U):
            gold, predicted = kept.names[gold_U[n]], kept.names[kept.predicted_U[n]]
            if ALTERNATIVE in gold and predicted in self.alternatives(gold):
                gold_U[n] = kept.predicted_U[n]
        return super().additive(metric, kept._replace(gold_U=gold_U))
