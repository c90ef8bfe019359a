"""How much do vectors depend on their context (Ethayarajh 2019)?

Measured on different sentences of the corpus that no model was trained on. Occurrences of a written
form, the first in each sentence, give two measures, means over the forms that occur often enough:

- self-similarity: mean cosine of two occurrences (definition 1);
- maximum explainable variance: s_1^2 / sum of s_i^2, of the singular values of the matrix of
  occurrences (definition 3, whose matrix is not centred).

Intra-sentence similarity is the mean cosine of the words of a sentence with their mean vector
(definition 2), the mean over sentences of two words and more. Vectors that all point one way make
each of them large: `anisotropy` is the mean cosine of any two words from different sentences, one
word drawn from each. `corrected` values have it taken off; from explainable variance, which falls
with the number of vectors, that of as many of the drawn words as there are occurrences is. (The
paper takes that of one large sample.) Words that a representation does not know are left out.

Shapes: L layers, N words in context, S sentences, T words of one, G groups, D dimensions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import Field, model_validator

from polyseme.config import config
from polyseme.data.split import Split as SplitName
from polyseme.draws import philox
from polyseme.intrinsic.base import Material
from polyseme.intrinsic.common.tokens import Token, encoded, unit
from polyseme.models.base import MARKS, Representation, Words
from polyseme.training.options import Positive

FAMILIES = ()
STREAM = 52
SPLIT: SplitName = "test"
AtLeastTwo = Annotated[int, Field(ge=2)]


@config
class Config:
    """Values of conf/intrinsic/contextuality.yaml."""

    max_sentences: Positive = 1000
    """Most sentences of the corpus's test split: the first ones; equal ones count once."""
    min_occurrences: AtLeastTwo = 5
    """Forms in fewer sentences are not measured."""
    max_occurrences: AtLeastTwo = 20
    """Most occurrences of a form: the first ones."""

    @model_validator(mode="after")
    def _ordered(self) -> Config:
        if self.min_occurrences > self.max_occurrences:
            raise ValueError("min_occurrences at most max_occurrences")
        return self


class Sample(NamedTuple):
    """Sentences, places of known words in each, and which words are compared.

    Attributes:
        forms: occurrences of each form that occurs often enough.
        drawn: one known word from each sentence.
        groups: numbers of drawn words, as many as each form has occurrences.
    """

    texts: list[Words]
    places: list[list[int]]
    forms: list[list[Token]]
    drawn: list[Token]
    groups: list[np.ndarray]


def measure(
    options: Config, representation: Representation, material: Material
) -> Iterator[dict[str, Any]]:
    """Rows: anisotropy, and three measures, raw and corrected, for each layer.

    The value is null, and the number of items 0, where the corpus has nothing to measure: no form
    that occurs so often, no two sentences.
    """
    sample = _sample(options, representation, material)
    h_LND, intra_SL = _read(representation, sample)
    start = len(sample.drawn)
    for layer, h_ND in enumerate(h_LND):
        drawn_ND, rest_ND = h_ND[:start], h_ND[start:]
        sizes = [len(tokens) for tokens in sample.forms]
        forms = np.split(rest_ND, np.cumsum(sizes)[:-1]) if sizes else []
        common = mean_cosine(drawn_ND) if start > 1 else None
        variance = _mean([explained(group_ND) for group_ND in forms])
        baseline = _mean([explained(drawn_ND[group]) for group in sample.groups])
        measured = {
            "self_similarity": (_mean([mean_cosine(group) for group in forms]), common, len(forms)),
            "intra_sentence_similarity": (_mean(intra_SL[:, layer]), common, len(intra_SL)),
            "max_explained_variance": (variance, baseline, len(forms)),
        }
        place = {"layer": str(layer), "split": SPLIT}
        yield {**place, "metric": "anisotropy", "value": common, "num_items": start}
        for metric, (raw, base, count) in measured.items():
            corrected = None if raw is None or base is None else raw - base
            for variant, value in (("raw", raw), ("corrected", corrected)):
                yield {
                    **place,
                    "variant": variant,
                    "metric": metric,
                    "value": value,
                    "num_items": count,
                }


def mean_cosine(h_ND: np.ndarray) -> float:
    """Mean cosine of all pairs of N > 1 vectors, from the length of the sum of unit vectors."""
    unit_ND = unit(h_ND)
    num_pairs = len(h_ND) * (len(h_ND) - 1)
    return float(((unit_ND.sum(0) ** 2).sum() - (unit_ND**2).sum()) / num_pairs)


def explained(h_ND: np.ndarray) -> float:
    """Share of the first singular direction in the sum of squares; 0 for zero vectors."""
    wide_ND = h_ND.astype(np.float64)
    gram_NN = wide_ND @ wide_ND.T
    total = float(np.trace(gram_NN))
    return min(1.0, float(np.linalg.eigvalsh(gram_NN)[-1]) / total) if total > 0 else 0.0


def _mean(values: Sequence[float] | np.ndarray) -> float | None:
    return float(np.mean(values)) if len(values) else None


def _sample(options: Config, representation: Representation, material: Material) -> Sample:
    """Which words of the corpus are compared."""
    known: dict[str, bool] = dict.fromkeys(MARKS, False)
    found: dict[str, list[Token]] = {}
    texts: list[Words] = []
    places: list[list[int]] = []
    for words in dict.fromkeys(map(tuple, material.sentences(SPLIT, options.max_sentences))):
        for word in words:
            if word not in known:
                known[word] = representation.knows(word)
        at = [place for place, word in enumerate(words) if known[word]]
        if not at:
            continue
        for word in dict.fromkeys(words[place] for place in at):
            found.setdefault(word, []).append((len(texts), words.index(word)))
        texts.append(words)
        places.append(at)
    often = (tokens for tokens in found.values() if len(tokens) >= options.min_occurrences)
    forms = [tokens[: options.max_occurrences] for tokens in often]
    random = philox(0, STREAM)
    drawn = [(text, int(random.choice(at))) for text, at in enumerate(places)]
    groups = [random.choice(len(drawn), len(tokens), replace=False) for tokens in forms]
    return Sample(texts, places, forms, drawn, groups)


def _read(representation: Representation, sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of the drawn words and then of the forms, h_LND, and intra-sentence similarities."""
    tokens = [*sample.drawn, *(token for form in sample.forms for token in form)]
    rows: list[list[int]] = [[] for _ in sample.texts]
    for row, (text, _) in enumerate(tokens):
        rows[text].append(row)
    num_layers = representation.num_layers
    h_LND = np.zeros((num_layers, len(tokens), representation.dim), dtype=np.float32)
    intra = []
    for text, h in enumerate(encoded(representation, sample.texts)):
        h_LTD = h.numpy()
        h_LND[:, rows[text]] = h_LTD[:, [tokens[row][1] for row in rows[text]]]
        if len(sample.places[text]) > 1:
            intra.append(_intra(h_LTD[:, sample.places[text]]))
    return h_LND, np.array(intra).reshape(-1, num_layers)


def _intra(h_LTD: np.ndarray) -> np.ndarray:
    """Mean cosine of words with their mean vector, in each layer."""
    mean_L1D = h_LTD.mean(1, keepdims=True, dtype=np.float64)
    cosine_LT = (unit(h_LTD) * unit(mean_L1D)).sum(-1)
    return np.asarray(cosine_LT.mean(-1))
