"""What a check of the invariance battery finds, and how two encodings are compared.

Every check asks one question and leaves the others alone, so that its name tells the fault.

Shapes: L layers, T words of a sentence, N words of all sentences, D dimensions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from polyseme.models.base import MARKS, Representation, Words

TOLERANCE = 1e-4
"""Of a component, as a share of the largest one of its layer: float32, summed in any order."""


class Finding(NamedTuple):
    """Outcome of one check.

    Attributes:
        passed: None where the check does not apply.
        difference: what was measured.
        tolerance: the largest difference that passes.
        reason: why it does not apply, or what was found.
    """

    passed: bool | None
    difference: float | None = None
    tolerance: float | None = None
    reason: str = ""


def judged(difference: float, tolerance: float = TOLERANCE, reason: str = "") -> Finding:
    """Passed if the difference is within the tolerance."""
    return Finding(difference <= tolerance, difference, tolerance, reason)


def not_applicable(reason: str) -> Finding:
    """A question that cannot be asked here."""
    return Finding(None, reason=reason)


@torch.no_grad()
def in_one_batch(representation: Representation, sentences: Sequence[Words]) -> list[Tensor]:
    """Vectors h_LTD of each sentence, all of them in one batch, in the given order."""
    batch = representation.prepare(sentences).to(next(representation.parameters()).device)
    h_LBTD = representation(batch).float().cpu()
    return [h_LBTD[:, b, : len(sentence)] for b, sentence in enumerate(sentences)]


def difference(found: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
    """Largest difference of a component, as a share of the largest one of its layer.

    What is not a number on both sides is no difference: `missing` counts it.
    """
    if [h.shape for h in found] != [h.shape for h in expected]:
        return math.inf
    a_LND, b_LND = torch.cat(list(found), dim=1), torch.cat(list(expected), dim=1)
    if not a_LND.numel():
        return 0.0
    apart_LND = (a_LND - b_LND).abs().nan_to_num(nan=math.inf)
    apart_L = apart_LND.masked_fill(same(a_LND, b_LND), 0.0).amax((1, 2))
    largest_L = b_LND.nan_to_num(0.0, 0.0, 0.0).abs().amax((1, 2))
    return float((apart_L / largest_L.clamp(min=torch.finfo(torch.float32).tiny)).max())


def same(a: Tensor, b: Tensor) -> Tensor:
    """Where two tensors are equal, or both not a number."""
    return (a == b) | (a.isnan() & b.isnan())


def missing(
    representation: Representation, sentences: Sequence[Words], encoded: Sequence[Tensor]
) -> list[str]:
    """Words without a vector: not finite or, where words have contexts, zero."""
    found: list[str] = []
    for sentence, h_LTD in zip(sentences, encoded, strict=True):
        if h_LTD.shape != (representation.num_layers, len(sentence), representation.dim):
            found += sentence
            continue
        lost_T = ~h_LTD.isfinite().all(-1).all(0)
        if representation.family == "contextual":
            lost_T |= (h_LTD[-1] == 0).all(-1)
        words = zip(sentence, lost_T.tolist(), strict=True)
        found += [word for word, lost in words if lost and word not in MARKS]
    return found


def all_there(
    representation: Representation, sentences: Sequence[Words], encoded: Sequence[Tensor]
) -> Finding:
    """Whether every word has a vector; the difference is the share of those that have none."""
    lost = missing(representation, sentences, encoded)
    share = len(lost) / max(1, sum(map(len, sentences)))
    return judged(share, 0.0, f"no vector: {lost[0]!r}" if lost else "")
