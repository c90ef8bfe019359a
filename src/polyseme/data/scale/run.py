"""Corpus preparation in tasks, through datatrove: on one machine, Slurm or Ray.

The same steps as preparation.py, in passes (passes.py) that hand on files; what comes out is the
same to the byte, whatever the executor, the number of tasks, and kills on the way. Finished tasks
are kept in `scratch` until the whole preparation is finished. Not shared out are: near-duplicates
(one task compares signatures, 512 bytes a document), the training of the tokenizer, and the
merge at the end, which this process does.
"""

from __future__ import annotations

import dataclasses
import platform
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tqdm import tqdm

from polyseme.data.preparation import Preparation
from polyseme.data.scale import failed, passes
from polyseme.data.scale.job import Job
from polyseme.data.scale.merge import merge
from polyseme.errors import ConfigError
from polyseme.runtime import manifest
from polyseme.runtime.preparing import Preparing

PACKAGE = Path(__file__).parents[2]
LIBRARIES = ("mwparserfromhell", "sentencex", "tokenizers", "datasketch", "numpy", "pyarrow")


def run(steps: Preparation, how: Preparing, *, scratch: Path, num_workers: int) -> dict[str, Any]:
    """Prepare a corpus.

    Args:
        steps: what is to be prepared, and the folder for the result.
        how: executor and tasks.
        scratch: folder for finished tasks, the same after a kill, and seen by all machines.
        num_workers: processes of the local executor, where `how` does not say.

    Returns:
        The data card.

    Raises:
        ConfigError: datatrove, or what its executor needs, is missing.
        DataError: as on one machine.
        ResourceError: a worker was killed, or tasks did not finish.
    """
    if find_spec("datatrove") is None:
        raise ConfigError(
            "the package datatrove is missing",
            where=f"runtime.preparation.executor = {how.executor}",
            mend="pip install 'polyseme[datatrove]', or choose preparation=here",
        )
    from polyseme.data.scale.executors import EXECUTORS

    if how.executor == "local" and how.num_workers is None:
        how = dataclasses.replace(how, num_workers=num_workers)
    job = _job(steps, how.num_tasks, scratch)
    failed.forget(job)
    for what in passes.PASSES:
        total = 1 if what in passes.SINGLE else job.num_tasks
        name = f"{job.name}: {what}"
        with tqdm(total=total, desc=name, unit="tasks", disable=not steps.progress) as bar:
            EXECUTORS[how.executor](job, what, how, bar)
    return merge(job, steps.result)


def _job(steps: Preparation, num_tasks: int, scratch: Path) -> Job:
    """The job; its folder is named by all that its tasks depend on."""
    files = [path.absolute() for path in steps.files]  # a resolved one may have another name
    key = manifest.canonical(
        [
            dataclasses.asdict(steps.options),
            dataclasses.asdict(steps.reader_options),
            [[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path in files],
            [manifest.sha256(path) for path in sorted((PACKAGE / "data").rglob("*.py"))],
            manifest.sha256(PACKAGE / "corpora" / f"{steps.options.reader}.py"),
            [metadata.version(name) for name in LIBRARIES],
            num_tasks,
            platform.python_version(),
        ]
    )
    return Job(
        options=steps.options,
        reader_options=steps.reader_options,
        name=steps.name,
        source=steps.source.absolute(),
        files=tuple(files),
        folder=(scratch / f"{steps.name}-{key[:12]}").absolute(),
        num_tasks=num_tasks,
    )
