"""How often words stand near each other: a sparse matrix of weighted counts.

A pair of words of one sentence at distance d <= L, unknown words left out, counts

    flat       1
    dynamic    (L - d + 1) / L     word2vec's shrinking window, expected (Levy et al. 2015, 3.1)
    harmonic   1 / d               GloVe (Pennington et al. 2014, 4.2)

in both directions, so the matrix is symmetric. The text is read in chunks of whole sentences and
each chunk is added to the sparse sum: neither pairs nor a dense matrix are ever held.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse
from tqdm import tqdm

from polyseme.errors import DataError
from polyseme.models.common.text import CHUNK_WORDS, Text

Weighting = Literal["flat", "dynamic", "harmonic"]


def cooccurrence(
    text: Text,
    words: Sequence[str],
    *,
    window: int,
    weighting: Weighting,
    num_words: int,
    progress: bool,
    chunk_words: int = CHUNK_WORDS,
) -> sparse.csr_array:
    """Weighted counts X_VV of word and context word, float64, indices sorted.

    Args:
        words: the V known types.
        window: largest distance L.
        num_words: running words of the text, for the progress bar.
        chunk_words: words of one chunk; it changes last bits at most.

    Raises:
        DataError: no two known words stand near each other.
    """
    size = len(words)
    total_VV = sparse.csr_array((size, size))
    with tqdm(total=num_words, desc="co-occurrence", unit="word", disable=not progress) as bar:
        for ids_N, sentence_N in text.ids(words, chunk_words):
            total_VV = total_VV + _following(ids_N, sentence_N, window, weighting, size)
            bar.update(len(ids_N))
    total_VV = (total_VV + total_VV.T).tocsr()
    total_VV.sort_indices()
    if not total_VV.nnz:
        raise DataError(
            "no two known words stand within the window",
            where=text.corpus,
            mend="lower min_count, widen window or add text",
        )
    return total_VV


def weights(window: int, weighting: Weighting) -> npt.NDArray[np.float64]:
    """What a pair counts at distance 1 to `window`."""
    distances = np.arange(1, window + 1)
    made = {
        "flat": np.ones(window),
        "dynamic": (window - distances + 1) / window,
        "harmonic": 1 / distances,
    }
    return made[weighting]


def _following(
    ids_N: npt.NDArray[np.int32],
    sentence_N: npt.NDArray[np.int32],
    window: int,
    weighting: Weighting,
    size: int,
) -> sparse.csr_array:
    """Counts of each word with the words that follow it."""
    counted_VV = sparse.csr_array((size, size))
    for distance, weight in enumerate(weights(window, weighting), start=1):
        together = sentence_N[distance:] == sentence_N[:-distance]
        if not together.any():
            break  # no sentence is so long
        rows, columns = ids_N[:-distance][together], ids_N[distance:][together]
        values = np.full(len(rows), weight)
        counted_VV = counted_VV + sparse.csr_array((values, (rows, columns)), shape=(size, size))
    return counted_VV
