"""Word analogies by 3CosAdd: the word nearest to b - a + c is d (Mikolov et al. 2013).

Candidates are the frequent words of the corpus, the same for every representation; a, b and c are
no answers. A question is covered when its four words are candidates that the representation knows.

Shapes: L layers, V candidates, D dimensions, Q questions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from polyseme.config import config
from polyseme.intrinsic.base import Material, word_vectors
from polyseme.models.base import Representation

BLOCK = 512


@config
class Config:
    """conf/intrinsic/analogies.yaml has no values."""


FAMILIES = ("analogies",)


def measure(
    options: Config, representation: Representation, material: Material
) -> Iterator[dict[str, Any]]:
    """Rows: accuracy under both policies and coverage, for each layer."""
    items = material.test
    known = [word for word in material.vocabulary if representation.knows(word)]
    row_of = {word: row for row, word in enumerate(known)}
    questions = [[row_of.get(w.lower(), row_of.get(w, -1)) for w in q] for q in items.sentences]
    covered = torch.tensor([q for q in questions if min(q) >= 0]).reshape(-1, 4)
    h_LVD = word_vectors(representation, known)
    total = len(questions)
    for layer, h_VD in enumerate(h_LVD):
        common = {"layer": str(layer), "split": "test"}
        share = len(covered) / total
        yield {**common, "metric": "coverage", "value": share, "num_items": total}
        right = int((answer(h_VD, covered) == covered[:, 3]).sum())
        for policy, count in (("skip", len(covered)), ("zero", total)):
            yield {
                **common,
                "strategy": policy,
                "metric": "accuracy",
                "value": right / count if count else None,
                "num_items": count,
            }


def answer(h_VD: Tensor, questions_Q4: Tensor) -> Tensor:
    """Row of the word nearest to b - a + c, not counting a, b and c."""
    found = []
    for block in questions_Q4.split(BLOCK):
        a, b, c = (h_VD[block[:, column]] for column in range(3))
        scores_qV = torch.nn.functional.normalize(b - a + c, dim=-1) @ h_VD.T
        scores_qV.scatter_(1, block[:, :3], -np.inf)
        found.append(scores_qV.argmax(-1))
    return torch.cat(found) if found else torch.zeros(0, dtype=torch.long)
