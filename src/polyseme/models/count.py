"""Counts: positive pointwise mutual information, reduced by a truncated SVD.

Levy, Goldberg & Dagan (2015), sections 2.1, 2.2 and 3. With co-occurrence counts #(w, c), their
sums #(w) and #(c), and smoothed context probabilities P_a(c) = #(c)^a / sum_c' #(c')^a,

    PMI_a(w, c) = log( P(w, c) / (P(w) P_a(c)) )        smoothing a = 0.75 helps rare contexts
    SPPMI(w, c) = max(PMI_a(w, c) - log k, 0)           k = 1 is plain PPMI
    W = U_d S_d^p                                       p = 1: classical, 0.5 and 0 work better

Departures: windows end with the sentence; frequent words are not subsampled, and context vectors
are not added. scipy's ARPACK starts from a vector of ours, and signs are fixed (the entry of
largest size in each column is positive), so that equal input gives equal bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy import sparse
from scipy.sparse.linalg import svds

from polyseme.config import build, config
from polyseme.data.tokenizer import WordPieces
from polyseme.draws import philox
from polyseme.errors import ConfigError, DataError
from polyseme.models.base import TOKENIZER
from polyseme.models.common.cooccurrence import Weighting, cooccurrence
from polyseme.models.common.table import OOV, Table, read_words
from polyseme.models.common.text import Text, num_words
from polyseme.models.common.vocabulary import frequent
from polyseme.training.options import Fraction, Positive

STREAM = 41
SMALLEST = 1e-7
"""A singular value below this share of the largest is none: the matrix has a lower rank."""


@config
class Config:
    """Values of conf/static/count.yaml."""

    dim: Positive = 128
    """Dimensions: singular vectors that are kept."""
    window: Positive = 5
    """Largest distance between word and context word."""
    weighting: Weighting = "dynamic"
    """What a pair counts at distance d: 1, (window - d + 1) / window, or 1 / d."""
    shift: Annotated[float, Field(ge=1)] = 1.0
    """k: log k is taken off the mutual information; 1 is plain PPMI."""
    smoothing: Annotated[float, Field(gt=0, le=1)] = 0.75
    """Exponent of context counts; 1 leaves them."""
    eigenvalue: Fraction = 0.5
    """p: power of the singular values that weighs the dimensions."""
    min_count: Positive = 2
    """Rarer types are unknown."""
    oov: OOV = "zero"
    """Vector of an unknown word."""


def train(options: Config, corpus: Path, *, seed: int, progress: bool) -> tuple[Table, int]:
    """Count, weigh, reduce.

    Returns:
        The representation and the number of running words seen: one pass.

    Raises:
        ConfigError: more dimensions than the vocabulary supports.
        DataError: no pair of words is left.
    """
    words = frequent(corpus, options.min_count)
    if options.dim >= len(words):
        raise ConfigError(
            f"dim = {options.dim} is not less than the {len(words)} known words",
            where="conf/static/count.yaml",
            mend="lower dim or min_count, or add text",
        )
    pieces, seen = WordPieces.load(corpus / TOKENIZER), num_words(corpus)
    counts_VV = cooccurrence(
        Text(corpus, pieces),
        words,
        window=options.window,
        weighting=options.weighting,
        num_words=seen,
        progress=progress,
    )
    ppmi_VV = ppmi(counts_VV, shift=options.shift, smoothing=options.smoothing)
    vectors_VD = reduce(ppmi_VV, options.dim, options.eigenvalue, seed)
    table = Table(words, options.dim, pieces, options.oov).set_vectors(vectors_VD)
    table.costs = {"num_nonzeros": ppmi_VV.nnz}
    return table, seen


def ppmi(counts_VV: sparse.csr_array, *, shift: float, smoothing: float) -> sparse.csr_array:
    """Shifted positive mutual information, float64; only what is positive is stored.

    Args:
        counts_VV: weighted counts of word (row) and context word (column).
        shift: k; its logarithm is taken off.
        smoothing: exponent of context counts.
    """
    word_V = counts_VV.sum(axis=1)
    context_V = counts_VV.sum(axis=0) ** smoothing
    pairs = counts_VV.tocoo()
    rows, columns = pairs.coords
    ratio = pairs.data * context_V.sum() / (word_V[rows] * context_V[columns])
    values = np.log(ratio) - np.log(shift)
    kept = values > 0
    positive = (values[kept], (rows[kept], columns[kept]))
    return sparse.csr_array(positive, shape=counts_VV.shape)


def reduce(
    matrix_VV: sparse.csr_array, dim: int, eigenvalue: float, seed: int
) -> npt.NDArray[np.float64]:
    """The leading left singular vectors, each weighed by its value to the power of `eigenvalue`.

    Raises:
        DataError: the rank of the matrix is less than `dim`.
    """
    rank = 0
    if matrix_VV.nnz:
        start_V = philox(seed, STREAM).standard_normal(matrix_VV.shape[0])
        left_VD, values_D, _ = svds(matrix_VV, k=dim, v0=start_V, solver="arpack")
        rank = int((values_D > SMALLEST * values_D.max()).sum())
    if rank < dim:
        raise DataError(
            f"the PPMI matrix has rank {rank}, less than dim = {dim}",
            where="conf/static/count.yaml",
            mend="lower dim or shift, or add text",
        )
    left_VD, values_D = left_VD[:, ::-1], values_D[::-1]
    largest_D = np.take_along_axis(left_VD, np.abs(left_VD).argmax(axis=0)[None], axis=0)
    return left_VD * np.sign(largest_D) * values_D**eigenvalue


def restore(card: dict[str, Any], folder: Path) -> Table:
    """The table of a card, its vectors still to be loaded."""
    options = build(Config, card["config"], file=str(folder))
    pieces = WordPieces.load(folder / TOKENIZER)
    return Table(read_words(folder), options.dim, pieces, options.oov)
