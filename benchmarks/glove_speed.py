"""GloVe: nonzeros a second of one core, against the authors' C program.

    python -m benchmarks.glove_speed [words of text] [rounds]

On the controlled language, at the block size of conf/static/glove.yaml and around it, with the cost
after the passes beside it: larger blocks are faster, and should learn no less. The C program's
speed is that of its inner loop on two threads of this project's two-core machine, halved; a machine
of another speed has another. The aim is a third of it.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from scipy import sparse

from benchmarks import _controlled, _report
from polyseme.data.tokenizer import WordPieces
from polyseme.models import glove
from polyseme.models.base import TOKENIZER
from polyseme.models.common.cooccurrence import cooccurrence
from polyseme.models.common.text import Text, num_words
from polyseme.models.common.vocabulary import frequent

C_NONZEROS_PER_SECOND = 1_100_000 / 2
"""A core of the C program."""
BLOCKS = (1024, 8192, 65_536)
PASSES = 5


def main(words: int = 2_000_000, rounds: int = 3) -> None:
    counts = _counts(words)
    rates: dict[int, list[float]] = {block: [] for block in BLOCKS}
    costs: dict[int, float] = {}
    for _ in range(rounds):
        for block in BLOCKS:
            options = glove.Config(block=block)
            model = glove.Glove(counts.shape[0], options, 0)
            shuffled = glove.blocks(counts, options, 0)
            started = time.perf_counter()
            *_, costs[block] = glove.fit(model, shuffled, PASSES)
            rates[block].append(PASSES * counts.nnz / (time.perf_counter() - started))
    medians = {block: statistics.median(found) for block, found in rates.items()}
    rows = [
        {
            "block": block,
            "nonzeros_per_second": round(medians[block]),
            "ratio_to_a_core_of_the_c_program": round(medians[block] / C_NONZEROS_PER_SECOND, 2),
            f"cost_after_{PASSES}_passes": round(costs[block], 5),
            "rounds": [round(rate) for rate in rates[block]],
        }
        for block in BLOCKS
    ]
    _report.write("glove_speed", rows, nonzeros=counts.nnz, words=counts.shape[0])


def _counts(words: int) -> sparse.csr_array:
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        _controlled.prepare(corpus, vocab_size=1000, num_words=words)
        return cooccurrence(
            Text(corpus, WordPieces.load(corpus / TOKENIZER)),
            frequent(corpus, 2),
            window=10,
            weighting="harmonic",
            num_words=num_words(corpus),
            progress=False,
        )


if __name__ == "__main__":
    main(*(int(float(value)) for value in sys.argv[1:]))
