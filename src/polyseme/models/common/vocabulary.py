"""Which word types a static representation knows."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from polyseme.errors import DataError


def frequent(corpus: Path, min_count: int) -> list[str]:
    """Types of the training split seen at least `min_count` times, the most frequent first.

    Raises:
        DataError: there is none.
    """
    path = corpus / "vocabulary.parquet"
    table = pq.read_table(path)
    pairs = zip(table["word"].to_pylist(), table["count"].to_pylist(), strict=True)
    words = [word for word, count in pairs if count >= min_count]
    if not words:
        raise DataError(
            f"no word occurs {min_count} times", where=path, mend="lower min_count or add text"
        )
    return words
