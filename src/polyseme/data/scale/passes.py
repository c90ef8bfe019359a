"""The passes of a preparation, each a function of job, rank and folder to write into.

    clean   spool.parquet, signatures, places.npy, numbers.npy, tally.json     every task
    decide  which documents stay: kept.npy, <rank>.npy; splits.json, tally.json    one task
    count   words of each split (sorted), sample of the tokenizer                  every task
    learn   vocabulary.parquet, tokenizer.json, types.json                         one task
    tokens  <split>.tokens, <split>.flags, lengths.npy                             every task

They call what the preparation on one machine calls (preparation.py, cleaning.py, dedup.py,
tokenizer.py, tokens.py), in the order of the source where order matters.
"""

from __future__ import annotations

import json
import shutil
from array import array
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from polyseme.data import spool, steps
from polyseme.data.card import Tally
from polyseme.data.counts import WordCounter
from polyseme.data.dedup import NUM_HASHES
from polyseme.data.documents import grouped, table
from polyseme.data.preparation import Preparation, document_of, is_drawn
from polyseme.data.scale.job import Job
from polyseme.data.split import SPLITS
from polyseme.data.spool import SpoolWriter
from polyseme.data.steps import Normalizer, sizes
from polyseme.data.tokens import TokenWriter
from polyseme.runtime import collecting

SIGNATURE_BYTES = 4 * NUM_HASHES
SAMPLE = "sample.jsonl"


def preparation(job: Job, work: Path, result: Path) -> Preparation:
    """The steps on one machine, for those that are one task here."""
    return Preparation(
        options=job.options,
        reader_options=job.reader_options,
        name=job.name,
        source=job.source,
        files=list(job.files),
        work=work,
        result=result,
        progress=False,
    )


def clean(job: Job, rank: int, folder: Path) -> None:
    """Clean the documents of the task; note their places, ids and sizes."""
    cleaner = preparation(job, folder, folder).cleaner()
    normalize, tally = Normalizer(lowercase=job.options.lowercase), Tally()
    places, numbers = array("q"), array("q")
    with (
        SpoolWriter(folder / spool.FILE) as cleaned,
        (folder / "signatures").open("wb") as signatures,
    ):
        for place, raw in job.raw(rank):
            (found,) = cleaner([raw])
            if not tally.passes(found):
                continue
            document = document_of(found, job.options)
            cleaned.write(document)
            signatures.write(found.signature)
            places.append(place)
            numbers.extend([SPLITS.index(document.split), *sizes(document, normalize)])
    np.save(folder / "places.npy", np.array(places, dtype=np.int64))
    np.save(folder / "ids.npy", np.array(tally.ids, dtype=np.uint64))
    np.save(folder / "numbers.npy", np.array(numbers, dtype=np.int64).reshape(-1, 4))
    _dump(folder / "tally.json", {"read": tally.read, "empty": tally.empty, "short": tally.short})


def decide(job: Job, rank: int, folder: Path) -> None:
    """Find duplicates among all documents; count what stays by split."""
    ranks, tasks = job.ranks_in_order(), range(job.num_tasks)
    tally = _tally(job)
    tally.ids = array("Q", _gathered(job, "ids.npy", ranks))
    _gather_signatures(job, ranks, folder / "signatures")
    preparing = preparation(job, folder, folder)
    kept = preparing.keep(tally)
    (folder / "signatures").unlink()
    numbers = _gathered(job, "numbers.npy", ranks)[kept]
    splits = {}
    for index, split in enumerate(SPLITS):
        mine = numbers[numbers[:, 0] == index]
        sums = [len(mine), *map(int, mine[:, 1:].sum(axis=0))]
        splits[split] = dict(zip(("documents", "sentences", "words", "bytes"), sums, strict=True))
    preparing.check_splits(splits)
    np.save(folder / "kept.npy", kept)
    for task in tasks:
        np.save(folder / f"{task:05d}.npy", kept[ranks == task])
    _dump(folder / "splits.json", splits)
    counts = {key: getattr(tally, key) for key in ("read", "empty", "short", "exact", "near")}
    _dump(folder / "tally.json", counts)


def count(job: Job, rank: int, folder: Path) -> None:
    """Count words by split; write what the tokenizer learns from."""
    counters = {split: WordCounter(folder / split) for split in SPLITS}
    splits = json.loads((job.done("decide") / "splits.json").read_text())
    share = job.options.tokenizer_sample_bytes / splits["train"]["bytes"]
    with (folder / SAMPLE).open("w", encoding="utf-8") as sample:
        for group in grouped(job.cleaned(rank)):
            for split, counted in steps.count(table(group), job.options.lowercase).items():
                counters[split].update(counted.words)
            for one in group:
                drawn = is_drawn(one.doc_id, one.split, share)
                sample.write(json.dumps(one.text.split("\n") if drawn else []) + "\n")
    for split, counter in counters.items():
        counter.save(folder / f"{split}.tsv")


def learn(job: Job, rank: int, folder: Path) -> None:
    """Merge the counts; train the tokenizer."""
    preparing, types = preparation(job, folder, folder), {}
    for split in SPLITS:
        runs = [job.done("count", task) / f"{split}.tsv" for task in range(job.num_tasks)]
        counter = WordCounter(folder / split, runs=runs)
        types[split] = counter.num_types()
        if split == "train":
            preparing.write_vocabulary(counter.most_common(job.options.max_types))
        shutil.rmtree(folder / split)
    _dump(folder / "types.json", types)
    preparing.learn(_sample(job))


def _sample(job: Job) -> Iterator[str]:
    with ExitStack() as stack:
        files = [
            stack.enter_context((job.done("count", task) / SAMPLE).open(encoding="utf-8"))
            for task in range(job.num_tasks)
        ]
        for rank in job.kept_ranks():
            yield from json.loads(next(files[rank]))


def tokens(job: Job, rank: int, folder: Path) -> None:
    """Write the tokens of the task's documents, and how many each has."""
    encoding, lengths = steps.Encoding(job.done("learn") / "tokenizer.json"), array("q")
    with ExitStack() as stack:
        writers = {split: stack.enter_context(TokenWriter(folder, split)) for split in SPLITS}
        for group in grouped(job.cleaned(rank)):
            found = np.zeros(len(group), dtype=np.int64)
            for split, encoded in encoding(table(group))[1]:
                writers[split].add(encoded)
                mine = np.array([one.split == split for one in group])
                sentences_D = [one.num_sentences for one in group if one.split == split]
                found[mine] = steps.document_lengths(encoded, sentences_D)
            lengths.extend(found.tolist())
    np.save(folder / "lengths.npy", np.array(lengths, dtype=np.int64))


def _tally(job: Job) -> Tally:
    """What all tasks have read and dropped."""
    total = Tally()
    for task in range(job.num_tasks):
        found = json.loads((job.done("clean", task) / "tally.json").read_text())
        total.read += found["read"]
        total.empty += found["empty"]
        total.short += found["short"]
    return total


def _gathered(job: Job, file: str, ranks: np.ndarray) -> np.ndarray:
    """Rows of all tasks in the order of the source."""
    parts = [np.load(job.done("clean", task) / file) for task in range(job.num_tasks)]
    found = np.empty((len(ranks), *parts[0].shape[1:]), dtype=parts[0].dtype)
    for task, part in enumerate(parts):
        found[ranks == task] = part
    return found


def _gather_signatures(job: Job, ranks: np.ndarray, path: Path) -> None:
    with ExitStack() as stack:
        files = [
            stack.enter_context((job.done("clean", task) / "signatures").open("rb"))
            for task in range(job.num_tasks)
        ]
        out = stack.enter_context(path.open("wb"))
        for rank in ranks:
            out.write(files[rank].read(SIGNATURE_BYTES))


def _dump(path: Path, content: object) -> None:
    path.write_text(json.dumps(content) + "\n")


Pass = Callable[[Job, int, Path], None]
PASSES: dict[str, Pass] = {
    "clean": clean,
    "decide": decide,
    "count": count,
    "learn": learn,
    "tokens": tokens,
}
"""In order."""
SINGLE = ("decide", "learn")
"""Those that are one task."""


def run(job: Job, what: str, rank: int) -> None:
    """Do one task, unless it is finished."""
    if not job.done(what, rank).exists():
        with job.writing(what, rank) as folder, collecting.rarely():
            PASSES[what](job, rank, folder)
