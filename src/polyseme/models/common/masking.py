"""Hiding tokens that a model is to guess: BERT's masking (Devlin et al. 2019), and two variants.

- The share of hidden tokens may fall over the budget (Yang et al. 2023: much hiding early on).
- Whole words may be hidden: all pieces of a word, or none. Words are taken in random order until
  the next one would be too much, so a row may hide a few pieces less than its share; the reference
  code skips that word and tries smaller ones.

Every row has the same number K of places, so that shapes never change while the share does not.

Shapes: B rows, S subwords, K places of a row.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field, model_validator

from polyseme.config import config
from polyseme.data.tokenizer import MASK, SPECIALS
from polyseme.data.tokens import CONTINUATION, SPECIAL
from polyseme.models.common.transformer import TransformerOptions
from polyseme.training.options import Fraction

Ratio = Annotated[float, Field(gt=0, lt=1)]


@config
class MaskingOptions(TransformerOptions):
    """A Transformer that guesses hidden tokens."""

    mask_ratio: Ratio = 0.2
    """Share of positions to predict."""
    mask_ratio_end: Ratio | None = None
    """Share at the end of the budget, to which mask_ratio goes linearly; none: it stays.
    Validation hides the share of the end."""
    mask_words: bool = False
    """Hide whole words."""
    mask_replace: Fraction = 0.8
    """Share of those that are shown as [MASK]."""
    mask_random: Fraction = 0.1
    """Share of those that are shown as a random token; the rest is shown as it is."""

    @model_validator(mode="after")
    def _shares_fit(self) -> MaskingOptions:
        if self.mask_replace + self.mask_random > 1:
            raise ValueError("mask_replace + mask_random <= 1")
        return self

    def ratio_at(self, progress: float) -> float:
        """Share of positions to predict at `progress` in 0..1 through the budget."""
        end = self.mask_ratio if self.mask_ratio_end is None else self.mask_ratio_end
        return self.mask_ratio + (end - self.mask_ratio) * progress

    @property
    def predicts(self) -> str:
        """What held-out losses are over; see LanguageModel."""
        kind = " in whole words" if self.mask_words else ""
        return f"hidden tokens ({100 * self.ratio_at(1.0):.4g} % of all{kind}), from both sides"


class Hidden(NamedTuple):
    """Rows with hidden tokens.

    Attributes:
        ids_BS: what is shown.
        positions_BK: places in the row, ascending.
        targets_BK: what is hidden there.
        weights_BK: float32, 1 where it counts; a special token in a row of little else does not.
    """

    ids_BS: np.ndarray
    positions_BK: np.ndarray
    targets_BK: np.ndarray
    weights_BK: np.ndarray


def hide(
    ids_BS: np.ndarray,
    flags_BS: np.ndarray,
    options: MaskingOptions,
    *,
    vocab_size: int,
    random: np.random.Generator,
    progress: float,
) -> Hidden:
    """Choose K positions a row, never a special token, and hide them."""
    rows, length = ids_BS.shape
    num_masked = max(1, round(options.ratio_at(progress) * length))
    score_BS = random.random((rows, length))
    if options.mask_words:
        score_BS = _whole_words(score_BS, flags_BS, num_masked)
    score_BS[flags_BS == SPECIAL] = -1.0
    chosen_BK = np.argpartition(-score_BS, num_masked - 1, axis=1)[:, :num_masked]
    chosen_BK = np.sort(chosen_BK, axis=1)
    targets_BK = np.take_along_axis(ids_BS, chosen_BK, axis=1)
    counts_BK = np.take_along_axis(score_BS, chosen_BK, axis=1) >= 0
    shown_BK = _shown(targets_BK, counts_BK, options, vocab_size, random)
    shown_BS = ids_BS.copy()
    np.put_along_axis(shown_BS, chosen_BK, shown_BK, axis=1)
    return Hidden(shown_BS, chosen_BK, targets_BK, counts_BK.astype(np.float32))


def _whole_words(score_BS: np.ndarray, flags_BS: np.ndarray, num_masked: int) -> np.ndarray:
    """Every piece with its word's score; negative for words that do not fit into `num_masked`.

    A word that the row's beginning cuts is what is left of it.
    """
    length = score_BS.shape[1]
    starts_BS = flags_BS != CONTINUATION
    starts_BS[:, 0] = True
    first_BS = np.maximum.accumulate(np.where(starts_BS, np.arange(length), 0), axis=1)
    score_BS = np.take_along_axis(score_BS, first_BS, axis=1)
    score_BS[flags_BS == SPECIAL] = -1.0
    if num_masked < length:  # the best piece that is left out tells which word is cut
        limit_B1 = -np.partition(-score_BS, num_masked, axis=1)[:, num_masked, None]
        score_BS[score_BS <= limit_B1] = -1.0
    return score_BS


def _shown(
    targets_BK: np.ndarray,
    counts_BK: np.ndarray,
    options: MaskingOptions,
    vocab_size: int,
    random: np.random.Generator,
) -> np.ndarray:
    """What is shown at the chosen positions."""
    draw_BK = random.random(targets_BK.shape)
    other_BK = random.integers(len(SPECIALS), vocab_size, targets_BK.shape)
    replace, change = options.mask_replace, options.mask_random
    shown_BK = np.where(draw_BK < replace + change, other_BK, targets_BK)
    shown_BK = np.where(draw_BK < replace, MASK, shown_BK)
    return np.where(counts_BK, shown_BK, targets_BK)
