"""Word analogies: a is to b as c is to d, in three ways (first part of the column `variant`).

    3CosAdd  d is nearest to b - a + c (Mikolov et al. 2013)
    3CosMul  cos(d, b) cos(d, c) / (cos(d, a) + 0.001), cosines moved to 0..1 (Levy and Goldberg
             2014)
    LRCos    P(d is such a thing as the answers of the relation) cos(d, c), the class by logistic
             regression (Drozd et al. 2016). Where they leave out the pair that is asked, a fifth of
             the answers is left out here, the asked one among them.

Candidates are the frequent words of the corpus, the same for every representation; a, b and c are
no answers. A question is covered when its four words are candidates that the representation knows.
Rows of single relations (column `part`) are of the last layer and the last way to get vectors.

Shapes: L layers, V candidates, D dimensions, Q questions, q of a block, u words of a block,
p pairs a and b of a block, P pairs c and d, K best candidates, F folds, M examples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from polyseme.config import config
from polyseme.draws import philox
from polyseme.intrinsic.base import POLICIES, Material
from polyseme.intrinsic.common import logistic, types
from polyseme.intrinsic.common.types import TypeOptions, Variant
from polyseme.models.base import Representation

FAMILIES = ("analogies",)
BLOCK = 256
EPSILON = 0.001
WORDS = 4
FOLDS = 5
STREAM = 32


@config
class Config(TypeOptions):
    """Values of conf/intrinsic/analogies.yaml."""

    variants: tuple[Variant, ...] = ("alone", "mean")
    """Of TypeOptions; each is asked about all candidates."""


def measure(
    options: Config, representation: Representation, material: Material
) -> Iterator[dict[str, Any]]:
    """Rows: accuracy under both policies and coverage, for each layer, method and variant."""
    items = material.test
    known = [word for word in material.vocabulary if representation.knows(word)]
    row_of = {word: row for row, word in enumerate(known)}
    questions = [[row_of.get(w.lower(), row_of.get(w, -1)) for w in q] for q in items.sentences]
    chosen = [number for number, q in enumerate(questions) if min(q) >= 0]
    chosen.sort(key=lambda number: str(items.labels[number]))  # a block then has few words
    covered = torch.tensor([questions[number] for number in chosen]).reshape(-1, 4)
    relations = [items.labels[number] for number in chosen]
    asked = types.variants(options, representation)
    for variant in asked:
        if variant == "mean" and known:
            share = types.seen(options, representation, material, known)
            name = types.label(representation, variant)
            row = {"split": "test", "variant": name, "metric": "seen", "num_items": len(known)}
            yield {**row, "layer": None, "value": share}
        h_LVD = types.type_vectors(options, representation, material, known, variant)
        for layer, h_VD in enumerate(h_LVD):
            apart = variant == asked[-1] and layer == len(h_LVD) - 1
            for method, answers in METHODS.items():
                right_Q = (answers(h_VD, covered, relations) == covered[:, 3]).numpy()
                common = {"layer": str(layer), "split": "test"}
                common["variant"] = str(types.label(representation, method, variant))
                yield from _rows(common, right_Q, len(questions))
                yield from _parts(common, right_Q, relations) if apart else ()


def _rows(common: Mapping[str, Any], right_Q: np.ndarray, total: int) -> Iterator[dict[str, Any]]:
    share = len(right_Q) / total
    yield {**common, "metric": "coverage", "value": share, "num_items": total}
    for policy, count in zip(POLICIES, (len(right_Q), total), strict=True):
        value = int(right_Q.sum()) / count if count else None
        row = {"strategy": policy, "metric": "accuracy", "value": value, "num_items": count}
        yield {**common, **row}


def _parts(
    common: Mapping[str, Any], right_Q: np.ndarray, relations: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Accuracy on the covered questions of each relation."""
    names_Q = np.array(relations)
    for part in dict.fromkeys(relations):
        right = right_Q[names_Q == part]
        row = {"metric": "accuracy", "value": float(right.mean()), "num_items": len(right)}
        yield {**common, "part": part, "strategy": "skip", **row}


def cos_add(h_VD: Tensor, questions_Q4: Tensor, relations: Sequence[str]) -> Tensor:
    """Row of the word nearest to b - a + c."""

    def scores(block_q4: Tensor) -> Tensor:
        a, b, c = (h_VD[block_q4[:, column]] for column in range(3))
        return torch.nn.functional.normalize(b - a + c, dim=-1) @ h_VD.T

    return _best(questions_Q4, scores)


def cos_mul(h_VD: Tensor, questions_Q4: Tensor, relations: Sequence[str]) -> Tensor:
    """Row of the word with the largest cos(b) cos(c) / cos(a)."""

    def likeness(rows_u: Tensor) -> Tensor:
        return (h_VD[rows_u] @ h_VD.T + 1) / 2

    def scores(block_q4: Tensor) -> Tensor:
        pairs_p2, pair_q = block_q4[:, :2].unique(dim=0, return_inverse=True)
        ratio_pV = likeness(pairs_p2[:, 1]) / (likeness(pairs_p2[:, 0]) + EPSILON)
        third_u, third_q = block_q4[:, 2].unique(return_inverse=True)
        return ratio_pV[pair_q].mul_(likeness(third_u)[third_q])

    return _best(questions_Q4, scores)


def lr_cos(h_VD: Tensor, questions_Q4: Tensor, relations: Sequence[str]) -> Tensor:
    """Row of the word nearest to c among words that are like the answers of the relation."""
    found_Q = torch.zeros(len(questions_Q4), dtype=torch.long)
    names_Q = np.array(relations)
    for name in dict.fromkeys(relations):
        chosen = torch.from_numpy(np.flatnonzero(names_Q == name))
        found_Q[chosen] = _of_relation(h_VD, questions_Q4[chosen])
    return found_Q


def _of_relation(h_VD: Tensor, asked_Q4: Tensor) -> Tensor:
    targets, target_Q = asked_Q4[:, 3].unique(return_inverse=True)
    pairs_P2, pair_Q = torch.stack([asked_Q4[:, 2], target_Q], 1).unique(dim=0, return_inverse=True)
    class_FV = _classes(h_VD, asked_Q4, targets)
    scores_PV = class_FV[pairs_P2[:, 1] % FOLDS] * (h_VD[pairs_P2[:, 0]] @ h_VD.T)
    best_QK = scores_PV.topk(min(WORDS, len(h_VD))).indices[pair_Q]
    asked_for_QK = (best_QK[:, :, None] == asked_Q4[:, None, :3]).any(-1)
    return best_QK.gather(1, asked_for_QK.int().argmin(1, keepdim=True))[:, 0]


def _classes(h_VD: Tensor, asked_Q4: Tensor, targets: Tensor) -> Tensor:
    """Probability of each candidate to be an answer, without the answers of each fold, class_FV.

    What they are told from are the other words of the questions, and as many random candidates as
    there are answers.
    """
    sources = torch.tensor(sorted({*asked_Q4[:, [0, 2]].flatten().tolist()} - {*targets.tolist()}))
    random = philox(0, STREAM, len(h_VD), len(targets)).permutation(len(h_VD))
    free = random[~np.isin(random, asked_Q4.numpy())][: len(targets)]
    rows_M = torch.cat([targets, sources.long(), torch.from_numpy(free)])
    x_MD = torch.nn.functional.pad(h_VD[rows_M], (0, 1), value=1.0)
    positive_M = torch.arange(len(rows_M)) < len(targets)
    fold_M = torch.where(positive_M, torch.arange(len(rows_M)) % FOLDS, -1)
    used_FM = fold_M[None] != torch.arange(FOLDS)[:, None]
    w_FD = logistic.weights(
        x_MD.expand(FOLDS, -1, -1), positive_M.expand(FOLDS, -1), used_FM
    ).float()
    return (w_FD[:, :-1] @ h_VD.T + w_FD[:, -1:]).sigmoid()


def _best(questions: Tensor, scores: Callable[[Tensor], Tensor]) -> Tensor:
    """Row of the largest score, not counting a, b and c."""
    if not len(questions):
        return torch.zeros(0, dtype=torch.long)
    found = []
    for block in questions.split(BLOCK):
        scores_qV = scores(block).scatter_(1, block[:, :3], -np.inf)
        found.append(scores_qV.argmax(-1))
    return torch.cat(found)


METHODS = {"3CosAdd": cos_add, "3CosMul": cos_mul, "LRCos": lr_cos}
