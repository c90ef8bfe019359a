"""GloVe (Pennington, Socher & Manning 2014): logarithms of co-occurrence counts as dot products.

    J = sum over nonzeros of f(X_ij) (w_i . c_j + b_i + b'_j - log X_ij)^2 / 2    (eq. 8, halved)
    f(x) = min(1, (x / x_max)^exponent)                                           (eq. 9)

by AdaGrad over the nonzeros in random order; the vector of a word is w + c (section 4.2). As in the
authors' program the learning rate stands inside AdaGrad's sums, which begin at 1: a step is
lr g / sqrt(1 + sum (lr g)^2).

Departures from that program: nonzeros are taken in blocks. All gradients of a block follow from the
vectors before it and are applied together, each parameter's sum of squares still growing by every
single nonzero's gradient, this block's own included. A block is a sparse matrix of the rows and
columns that occur in it, so that sums over nonzeros are sparse products: no lock-free threads, so
equal input gives equal bytes. float32 instead of double. Windows end with the sentence.

Shapes: V words; N nonzeros of a block in R rows and C columns; E = dim + 1, the last entry being
the bias.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy import sparse
from tqdm import tqdm

from polyseme.config import build, config
from polyseme.data.tokenizer import WordPieces
from polyseme.draws import philox
from polyseme.errors import NumericsError
from polyseme.models.base import TOKENIZER
from polyseme.models.common.cooccurrence import cooccurrence
from polyseme.models.common.table import OOV, Table, read_words
from polyseme.models.common.text import Text, num_words
from polyseme.models.common.vocabulary import frequent
from polyseme.training.options import Positive, Rate

STREAM = 42
CACHED_NONZEROS = 512
"""Nonzeros whose vectors are multiplied at once: two such tables stay in the second-level cache."""
Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int32]


@config
class Config:
    """Values of conf/static/glove.yaml."""

    dim: Positive = 128
    """Dimensions."""
    window: Positive = 10
    """Largest distance between word and context word; a pair at distance d counts 1 / d."""
    x_max: Rate = 100.0
    """Count from which a pair has full weight."""
    exponent: Annotated[float, Field(gt=0, le=1)] = 0.75
    """Of the weight of rarer pairs."""
    lr: Rate = 0.05
    """Learning rate of AdaGrad."""
    epochs: Positive = 25
    """Passes over the nonzeros; the text itself is read once."""
    block: Positive = 8192
    """Nonzeros of one update."""
    add_context: bool = True
    """Vectors are w + c, as in the paper; else w alone."""
    min_count: Positive = 2
    """Rarer types are unknown."""
    oov: OOV = "zero"
    """Vector of an unknown word."""


@dataclass(frozen=True)
class Block:
    """Nonzeros of one update, sorted by row and column.

    Attributes:
        rows_R: words that occur as rows.
        columns_C: words that occur as columns.
        pointers: where each row's nonzeros begin (as in a CSR matrix), R + 1 long.
        row_N: number of the row, in 0..R.
        column_N: number of the column, in 0..C.
        log_N: log X.
        weight_N: f(X).
    """

    rows_R: Rows
    columns_C: Rows
    pointers: Rows
    row_N: Rows
    column_N: Rows
    log_N: Floats
    weight_N: Floats

    def matrix(self, values_N: Floats) -> sparse.csr_array:
        """A sparse matrix, R x C, of these values."""
        shape = (len(self.rows_R), len(self.columns_C))
        return sparse.csr_array((values_N, self.column_N, self.pointers), shape=shape)


def blocks(counts_VV: sparse.csr_array, options: Config, seed: int) -> list[Block]:
    """All nonzeros once, in random order."""
    nonzeros = counts_VV.tocoo()
    order = philox(seed, STREAM, 0).permutation(nonzeros.nnz)
    starts = range(0, nonzeros.nnz, options.block)
    return [_block(nonzeros, np.sort(order[a : a + options.block]), options) for a in starts]


def _block(nonzeros: sparse.coo_array, chosen_N: npt.NDArray[np.int64], options: Config) -> Block:
    """The block of some nonzeros, which stand in the order of rows and columns."""
    row_N, column_N = (side[chosen_N] for side in nonzeros.coords)
    counts_N = nonzeros.data[chosen_N]
    rows_R, row_N = np.unique(row_N, return_inverse=True)
    columns_C, column_N = np.unique(column_N, return_inverse=True)
    weight_N = np.minimum(1.0, (counts_N / options.x_max) ** options.exponent)
    return Block(
        rows_R=rows_R,
        columns_C=columns_C,
        pointers=np.searchsorted(row_N, np.arange(len(rows_R) + 1)).astype(np.int32),
        row_N=row_N.astype(np.int32),
        column_N=column_N.astype(np.int32),
        log_N=np.log(counts_N).astype(np.float32),
        weight_N=weight_N.astype(np.float32),
    )


def residuals(block: Block, word_RE: Floats, context_CE: Floats) -> Floats:
    """w_i . c_j + b_i + b'_j - log X_ij of each nonzero."""
    found_N = np.empty_like(block.log_N)
    for start in range(0, len(found_N), CACHED_NONZEROS):
        part = slice(start, start + CACHED_NONZEROS)
        word_NE = word_RE.take(block.row_N[part], axis=0)
        context_NE = context_CE.take(block.column_N[part], axis=0)
        np.einsum("ne,ne->n", word_NE[:, :-1], context_NE[:, :-1], out=found_N[part])
        found_N[part] += word_NE[:, -1] + context_NE[:, -1]
    return found_N - block.log_N


def gradients(
    block: Block, word_RE: Floats, context_CE: Floats, slope_N: Floats
) -> tuple[Floats, Floats]:
    """Sums over the nonzeros of each row and of each column: d J / d (w, b), d J / d (c, b').

    Args:
        slope_N: f(X) times the residual: the derivative of J with respect to it.
    """
    matrix_RC = block.matrix(slope_N)
    return matrix_RC @ _with_one(context_CE), matrix_RC.T @ _with_one(word_RE)


def _with_one(vectors_RE: Floats) -> Floats:
    """The factor of a bias is 1."""
    factors_RE = vectors_RE.copy()
    factors_RE[:, -1] = 1
    return factors_RE


class Glove:
    """Parameters and their AdaGrad sums.

    Args:
        num_words: V.
        options: dimensions and learning rate.
        seed: of the initial values, uniform in (-1/2, 1/2) / E.
    """

    def __init__(self, num_words: int, options: Config, seed: int) -> None:
        shape = (2, num_words, options.dim + 1)
        uniform = philox(seed, STREAM, 1).random(shape, dtype=np.float32) - np.float32(0.5)
        self.word_VE, self.context_VE = uniform / np.float32(shape[-1])
        self.word_sums_VE, self.context_sums_VE = np.ones(shape, dtype=np.float32)
        self.lr, self.add_context = np.float32(options.lr), options.add_context

    def step(self, block: Block) -> float:
        """Update the parameters by one block; gives its share of J before the update."""
        word_RE, context_CE = self.word_VE[block.rows_R], self.context_VE[block.columns_C]
        residual_N = residuals(block, word_RE, context_CE)
        slope_N = block.weight_N * residual_N
        cost = 0.5 * float(slope_N @ residual_N)
        slope_N *= self.lr
        sides = (self.word_VE, self.word_sums_VE, block.rows_R, word_RE), (
            self.context_VE, self.context_sums_VE, block.columns_C, context_CE,
        )  # fmt: skip
        steps = gradients(block, word_RE, context_CE, slope_N)
        squares = gradients(block, word_RE**2, context_CE**2, slope_N**2)
        for (values_VE, sums_VE, rows, old_RE), step_RE, square_RE in zip(
            sides, steps, squares, strict=True
        ):
            sums_RE = sums_VE[rows] + square_RE
            sums_VE[rows] = sums_RE
            values_VE[rows] = old_RE - step_RE / np.sqrt(sums_RE)
        return cost

    def vectors(self) -> Floats:
        """Vectors of all words, without the biases."""
        both_VE = self.word_VE + self.context_VE if self.add_context else self.word_VE
        return both_VE[:, :-1]


def fit(glove: Glove, shuffled: list[Block], epochs: int) -> Iterator[float]:
    """Pass over the nonzeros, again and again.

    Yields:
        After each pass, J per nonzero, of each block before its update.

    Raises:
        NumericsError: it is no longer finite.
    """
    num_nonzeros = sum(len(block.log_N) for block in shuffled)
    for epoch in range(epochs):
        cost = sum(glove.step(block) for block in shuffled) / num_nonzeros
        if not np.isfinite(cost):
            raise NumericsError(
                f"the cost of pass {epoch + 1} is not finite",
                where="conf/static/glove.yaml",
                mend="lower lr or block",
            )
        yield cost


def train(options: Config, corpus: Path, *, seed: int, progress: bool) -> tuple[Table, int]:
    """Count, then fit.

    Returns:
        The representation and the number of running words seen: one pass.

    Raises:
        DataError: no word is frequent enough, or no pair of words is near enough.
    """
    words = frequent(corpus, options.min_count)
    pieces, seen = WordPieces.load(corpus / TOKENIZER), num_words(corpus)
    counts_VV = cooccurrence(
        Text(corpus, pieces),
        words,
        window=options.window,
        weighting="harmonic",
        num_words=seen,
        progress=progress,
    )
    glove, shuffled = Glove(len(words), options, seed), blocks(counts_VV, options, seed)
    with tqdm(total=options.epochs, desc="glove", unit="pass", disable=not progress) as bar:
        for cost in fit(glove, shuffled, options.epochs):
            bar.set_postfix(cost=f"{cost:.4f}", refresh=False)
            bar.update()
    table = Table(words, options.dim, pieces, options.oov).set_vectors(glove.vectors())
    table.costs = {
        "num_nonzeros": counts_VV.nnz,
        "num_updates": counts_VV.nnz * options.epochs,
    }
    return table, seen


def restore(card: dict[str, Any], folder: Path) -> Table:
    """The table of a card, its vectors still to be loaded."""
    options = build(Config, card["config"], file=str(folder))
    pieces = WordPieces.load(folder / TOKENIZER)
    return Table(read_words(folder), options.dim, pieces, options.oov)
