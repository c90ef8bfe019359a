"""What all tasks wrote, as the one artifact that the preparation on one machine writes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from polyseme.data.card import Tally, card
from polyseme.data.documents import FILE, DocumentWriter, Packed
from polyseme.data.scale.job import Job
from polyseme.data.split import SPLITS
from polyseme.data.tokenizer import WordPieces
from polyseme.data.tokens import token_dtype

Ranks = npt.NDArray[np.int32]


def merge(job: Job, result: Path) -> dict[str, Any]:
    """Write the artifact's files into `result`; returns the data card."""
    for name in ("vocabulary.parquet", "tokenizer.json"):
        shutil.copyfile(job.done("learn") / name, result / name)
    pieces, ranks = WordPieces.load(result / "tokenizer.json"), job.kept_ranks()
    splits = _merge_documents(job, ranks, result / FILE)
    counts = json.loads((job.done("decide") / "splits.json").read_text())
    types = json.loads((job.done("learn") / "types.json").read_text())
    lengths = [np.load(job.done("tokens", task) / "lengths.npy") for task in range(job.num_tasks)]
    size = token_dtype(pieces.vocab_size).itemsize
    for index, split in enumerate(SPLITS):
        counts[split]["types"] = types[split]
        parts = list(_lengths(ranks, lengths, splits == index))
        counts[split]["tokens"] = sum(length for _, length in parts)
        _merge_bytes(job, f"{split}.tokens", parts, size, result)
        _merge_bytes(job, f"{split}.flags", parts, 1, result)
    tally = Tally(**json.loads((job.done("decide") / "tally.json").read_text()))
    made = card(
        name=job.name,
        options=job.options,
        source=job.source,
        files=list(job.files),
        tally=tally,
        splits=counts,
        pieces=pieces,
    )
    (result / "card.json").write_text(json.dumps(made, sort_keys=True, indent=1) + "\n")
    return made


def _merge_documents(job: Job, ranks: Ranks, path: Path) -> npt.NDArray[np.int8]:
    """Write the kept documents in order; returns the number of the split of each."""
    cleaned = [job.cleaned(task) for task in range(job.num_tasks)]
    splits = np.empty(len(ranks), dtype=np.int8)

    def in_order() -> Iterator[Packed]:
        for index, rank in enumerate(ranks):
            document = next(cleaned[rank])
            splits[index] = SPLITS.index(document.split)
            yield document

    with DocumentWriter(path) as writer:
        writer.write_all(in_order())
    return splits


def _lengths(
    ranks: Ranks, lengths: list[npt.NDArray[np.int64]], wanted: npt.NDArray[np.bool_]
) -> Iterator[tuple[int, int]]:
    """Task and number of tokens of each wanted document, in order."""
    at = [iter(numbers) for numbers in lengths]
    for rank, is_wanted in zip(ranks, wanted, strict=True):
        length = int(next(at[rank]))
        if is_wanted:
            yield int(rank), length


def _merge_bytes(
    job: Job, name: str, parts: list[tuple[int, int]], size: int, result: Path
) -> None:
    """Put the parts of all tasks' files together; `size` bytes a token."""
    with ExitStack() as stack:
        files = [
            stack.enter_context((job.done("tokens", task) / name).open("rb"))
            for task in range(job.num_tasks)
        ]
        out = stack.enter_context((result / name).open("wb"))
        for rank, length in parts:
            out.write(files[rank].read(length * size))
