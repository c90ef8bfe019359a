"""Mirror one local history into one W&B run, in a process of its own.

    python -m polyseme.tracking.mirror <folder> --mode offline|online

Follows events.jsonl until the `finish` event, or until the process that writes it is dead: then
the run ends with exit code 1. Whatever goes wrong with W&B, this process writes one line to
mirror.log and exits; the stage never notices, and the same command mirrors the complete history
later. After the end of the stage it stays at most LINGER_SECONDS.

What goes where: writer.py. The config is exactly the declared params.

The executions of one stage (killed, continued) share a run: `wandb sync .polyseme/wandb/*` uploads
them in order of start. W&B drops rows whose step it has already seen; they are equal anyway. Each
W&B run that a history was mirrored into is noted in `mirrored` beside it, a folder a line; check.py
compares the two.
"""

from __future__ import annotations

import argparse
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import psutil

from polyseme.runtime import preempt
from polyseme.tracking.launch import LOG
from polyseme.tracking.local import EVENTS
from polyseme.tracking.writer import Writer

if TYPE_CHECKING:
    import wandb

Mode = Literal["offline", "online"]

PROJECT = "polyseme"
POLL_SECONDS = 0.5
CLOCK_SECONDS = 2.0
INIT_SECONDS = 10.0
FINISH_SECONDS = 60
LINGER_SECONDS = 120.0
NICE = 10
MIRRORED = "mirrored"


def main() -> None:
    """Mirror until the end of the run; leaves with 1 after any failure of W&B."""
    parser = argparse.ArgumentParser(description="Mirror a local history into Weights & Biases.")
    parser.add_argument("folder", type=Path, help=".polyseme/tracking/<run id>/<n>")
    parser.add_argument("--mode", choices=["offline", "online"], required=True)
    args = parser.parse_args()
    folder = args.folder.resolve()
    os.nice(NICE)
    preempt.ignore()
    try:
        mirror(folder, args.mode)
    except Exception as error:  # the boundary: no failure of W&B concerns anybody else
        _give_up(folder, f"{type(error).__name__}: {error}")


def mirror(folder: Path, mode: Mode) -> None:
    """Copy all events of `folder` into one W&B run, waiting for those still to come."""
    events = follow(folder / EVENTS)
    start = next(events)
    threading.Thread(target=_limit, args=(folder, start), daemon=True).start()
    run = _open_run(start, mode, home=folder.parents[2])
    _note(run, folder)
    writer = Writer(run, folder, online=mode == "online")
    event = start
    for event in events:
        if event["event"] == "finish":
            return writer.finish(event["exit_code"], event["time"])
        writer.write(event)
    writer.finish(1, event["time"])


def _note(run: wandb.Run, folder: Path) -> None:
    """Where the W&B run lies, from the folder that holds `tracking` and `wandb`."""
    lies = Path(run.dir).parent.relative_to(folder.parents[2])
    with (folder / MIRRORED).open("a", encoding="utf-8") as stream:
        stream.write(f"{lies.as_posix()}\n")


def follow(path: Path) -> Iterator[dict[str, Any]]:
    """Events of a history as they are written; ends after `finish` or with its dead writer."""
    with path.open(encoding="utf-8") as stream:
        owner = json.loads(stream.readline())
        yield owner
        line = ""
        while True:
            last_look = not is_alive(owner)  # before reading: nothing is written after death
            while (line := line + stream.readline()).endswith("\n"):
                event = json.loads(line)
                line = ""
                yield event
                if event["event"] == "finish":
                    return
            if last_look:
                return
            time.sleep(POLL_SECONDS)


def is_alive(owner: Mapping[str, Any]) -> bool:
    """Whether the process that started this history still runs, and not another of its number."""
    try:
        process = psutil.Process(owner["pid"])
        same = abs(process.create_time() - owner["started"]) < CLOCK_SECONDS
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _open_run(start: Mapping[str, Any], mode: Mode, *, home: Path) -> wandb.Run:
    """A W&B run that records what it is told and nothing of machine, code or environment."""
    os.environ.update(
        WANDB_DIR=str(home),  # W&B adds its own folder `wandb`
        WANDB_DATA_DIR=str(home / "wandb" / "data"),
        WANDB_CACHE_DIR=str(home / "wandb" / "cache"),
        WANDB_ERROR_REPORTING="false",
    )
    os.environ.setdefault("WANDB_PROJECT", PROJECT)
    import wandb

    return wandb.init(
        id=start["id"],
        name=start["name"],
        group=start["group"],
        job_type=start["job_type"],
        tags=start["tags"],
        config=start["config"],
        resume="allow",
        settings=wandb.Settings(
            mode=mode,
            silent=True,
            console="off",
            symlink=False,
            host="",
            disable_git=True,
            disable_code=True,
            save_code=False,
            disable_job_creation=True,
            x_disable_meta=True,
            x_disable_stats=True,
            x_disable_machine_info=True,
            x_save_requirements=False,
            init_timeout=INIT_SECONDS,
            login_timeout=INIT_SECONDS,
            finish_timeout=FINISH_SECONDS,
        ),
    )


def _limit(folder: Path, start: Mapping[str, Any]) -> None:
    """End this process a while after the stage, should W&B still be busy."""
    while is_alive(start):
        time.sleep(POLL_SECONDS)
    time.sleep(LINGER_SECONDS)
    _give_up(folder, f"not done {LINGER_SECONDS:.0f} s after the end of the stage")


def _give_up(folder: Path, reason: str) -> None:
    """Note the reason in one line and exit without waiting for any thread of W&B."""
    reason = " ".join(reason.split())
    again = f"python -m polyseme.tracking.mirror {folder} --mode offline"
    with (folder / LOG).open("a", encoding="utf-8") as log:
        log.write(f"W&B mirror stopped: {reason}; local history is complete, again: {again}\n")
    os._exit(1)


if __name__ == "__main__":
    main()
