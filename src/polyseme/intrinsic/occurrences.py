"""Occurrences of words with several senses: do the vectors fall apart into the senses?

Separation is the leave-one-out accuracy of the nearest neighbour (cosine): how often the
occurrence whose vector is nearest has the same sense. `details` adds what the report draws:
principal components, neighbours in context and fillings of gaps, one piece each.

Shapes: L layers, N occurrences, V word types, D dimensions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from polyseme.config import config
from polyseme.intrinsic.base import Material
from polyseme.models.base import MARKS, Representation, Words
from polyseme.models.common.filling import Filling
from polyseme.tasks.base import Split

GAP = "___"
NUM_NEIGHBORS, NUM_FILLINGS = 5, 5


@config
class Config:
    """conf/intrinsic/occurrences.yaml has no values."""


FAMILIES = ("occurrences",)


def measure(
    options: Config, representation: Representation, material: Material
) -> Iterator[dict[str, Any]]:
    """Rows: separation of senses, the mean over words, for each layer."""
    items = material.test
    groups = _groups(representation, items)
    separations = [_separations(h_LND, senses) for h_LND, senses, _ in groups.values()]
    for layer, values in enumerate(np.array(separations).T if separations else []):
        yield {
            "layer": str(layer),
            "split": "test",
            "metric": "separation",
            "value": float(values.mean()),
            "num_items": sum(len(senses) for _, senses, _ in groups.values()),
        }


def details(options: Config, representation: Representation, material: Material) -> dict[str, Any]:
    """What the polysemy page of the report shows."""
    items = material.test
    types = _types(representation, items)
    words = {
        lemma: {
            "occurrences": [_shown(items, n) for n in numbers],
            "layers": _layers(h_LND, senses),
            "contexts": _contexts(items, numbers, senses, _Nearest(h_LND, *types)),
        }
        for lemma, (h_LND, senses, numbers) in _groups(representation, items).items()
    }
    gaps = []
    if isinstance(representation, Filling):
        for words_, label, place in _rows(items):
            if label == GAP:
                best = representation.fill(words_, place, NUM_FILLINGS)
                fillings = [[word, round(p, 4)] for word, p in best]
                gaps.append({"text": " ".join(words_), "fillings": fillings})
    return {"words": words, "gaps": gaps}


def _rows(items: Split) -> Iterator[tuple[Words, str, int]]:
    for words, label, place in zip(items.sentences, items.labels, items.places or [], strict=True):
        yield words, label, place[0]


def _groups(
    representation: Representation, items: Split
) -> dict[str, tuple[Tensor, list[str], list[int]]]:
    """Of each word: unit vectors h_LND, sense and item of each occurrence."""
    numbers: dict[str, list[int]] = {}
    for n, (_, label, _) in enumerate(_rows(items)):
        if label != GAP:
            numbers.setdefault(label.split(" ")[1].rpartition(".")[0], []).append(n)
    found = {}
    for lemma, chosen in numbers.items():
        encoded = representation.encode([items.sentences[n] for n in chosen])
        places = [(items.places or [])[n][0] for n in chosen]
        h_LND = torch.stack([h[:, place] for h, place in zip(encoded, places, strict=True)], dim=1)
        senses = [items.labels[n].rpartition(".")[2] for n in chosen]
        found[lemma] = (torch.nn.functional.normalize(h_LND, dim=-1), senses, chosen)
    return found


def _types(representation: Representation, items: Split) -> tuple[Tensor, Tensor, list[str]]:
    """Mean unit vector of each word over its occurrences here, their mean h_L1D, and the words.

    A word alone is nothing that a contextual representation has seen; the words of the same texts
    are. What all vectors have in common is taken off (Mu & Viswanath 2018), for it would make
    every cosine large.
    """
    sums: dict[str, Tensor] = {}
    counts: Counter[str] = Counter()
    for words, h_LTD in zip(items.sentences, representation.encode(items.sentences), strict=True):
        unit_LTD = torch.nn.functional.normalize(h_LTD.double(), dim=-1)
        for place, word in enumerate(words):
            if word.isalpha() and representation.knows(word):
                sums[word.lower()] = sums.get(word.lower(), 0) + unit_LTD[:, place]
                counts[word.lower()] += 1
    known = sorted(sums)
    if not known:
        shape = (representation.num_layers, 0, representation.dim)
        return torch.zeros(shape).double(), torch.zeros(shape).double().sum(1, keepdim=True), []
    types_LVD = torch.stack([sums[word] / counts[word] for word in known], dim=1)
    mean_L1D = types_LVD.mean(1, keepdim=True)
    return torch.nn.functional.normalize(types_LVD - mean_L1D, dim=-1), mean_L1D, known


def _separations(h_LND: Tensor, senses: Sequence[str]) -> list[float]:
    """Leave-one-out 1-nearest-neighbour accuracy of each layer; equal neighbours share the vote."""
    names = sorted(set(senses))
    senses_N = torch.tensor([names.index(sense) for sense in senses])
    same_NN = (senses_N[:, None] == senses_N).float()
    found = []
    for h_ND in h_LND.double():
        cosine_NN = (h_ND @ h_ND.T).fill_diagonal_(-2.0)
        nearest_NN = (cosine_NN >= cosine_NN.max(1, keepdim=True).values - 1e-9).float()
        votes_N = (nearest_NN * same_NN).sum(1) / nearest_NN.sum(1)
        found.append(float(votes_N.mean()))
    return found


def _layers(h_LND: Tensor, senses: Sequence[str]) -> list[dict[str, Any]]:
    made = []
    for layer, (h_ND, separation) in enumerate(
        zip(h_LND.double().numpy(), _separations(h_LND, senses), strict=True)
    ):
        centred = h_ND - h_ND.mean(0)
        left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
        points = left[:, :2] * sizes[:2]
        points *= np.sign(
            points[np.abs(points).argmax(0), [0, 1]] + 1e-300
        )  # svd leaves signs open
        total = float((sizes**2).sum())
        explained = float((sizes[:2] ** 2).sum() / total) if total > 1e-12 else 1.0  # noqa: PLR2004
        made.append(
            {
                "layer": str(layer),
                "points": [[round(float(x), 4) + 0.0 for x in point] for point in points],
                "explained": round(explained, 4),
                "separation": round(separation, 4),
            }
        )
    return made


def _shown(items: Split, number: int) -> dict[str, Any]:
    """An occurrence as text: its own sentence."""
    words, label = items.sentences[number], items.labels[number]
    place = (items.places or [])[number][0]
    starts = [0, *(n + 1 for n, word in enumerate(words) if word in MARKS)]
    start = max(n for n in starts if n <= place)
    end = min([n - 1 for n in starts if n > place], default=len(words))
    cue, _, sense = label.partition(" ")
    return {
        "text": " ".join(words[start:end]),
        "position": place - start,
        "sense": sense.rpartition(".")[2],
        "cue": cue,
    }


class _Nearest(NamedTuple):
    """Occurrences h_LND and the word types among which their neighbours are sought."""

    h_LND: Tensor
    types_LVD: Tensor
    mean_L1D: Tensor
    known: Sequence[str]

    def of(self, number: int, own: str) -> dict[str, list[list[Any]]]:
        """Layer -> nearest types of an occurrence, other than its own, with cosines."""
        found = {}
        for layer, h_ND in enumerate(self.h_LND):
            centred_D = h_ND[number].double() - self.mean_L1D[layer, 0]
            cosine_V = self.types_LVD[layer] @ torch.nn.functional.normalize(centred_D, dim=0)
            order = [int(v) for v in cosine_V.argsort(descending=True)]
            best = [v for v in order if self.known[v] != own][:NUM_NEIGHBORS]
            found[str(layer)] = [[self.known[v], round(float(cosine_V[v]), 3)] for v in best]
        return found


def _contexts(
    items: Split,
    numbers: Sequence[int],
    senses: Sequence[str],
    nearest: _Nearest,
) -> list[dict[str, Any]]:
    """Nearest word types of the word in three contexts, of different senses where there are."""
    firsts = [senses.index(sense) for sense in dict.fromkeys(senses)]
    chosen = [*firsts, *(n for n in range(len(senses)) if n not in firsts)][:3]
    made = []
    for n in chosen:
        shown = _shown(items, numbers[n])
        own = items.sentences[numbers[n]][(items.places or [])[numbers[n]][0]].lower()
        made.append({**shown, "neighbors": nearest.of(n, own)})
    return made
