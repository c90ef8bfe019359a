"""The signal of a scheduler that wants its machine back: SIGUSR2, as submitit and Slurm send it.

A job (executors/common/job.py) has its children ignore the signal, since Slurm may send it to all
processes of a job, and passes it on to all until they have ended. A stage ends at it: whatever is
unfinished is continued or begun again, as after a kill. Where stopping at once would lose work,
it is noted instead: training (training/preempt.py) takes its step to the end and saves, and a
worker of a sweep waits for the stage of its trial and gives the trial back.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import suppress

import psutil

SIGNAL = signal.SIGUSR2
PASS_ON_SECONDS = 0.5
_came: list[int] = []
"""Signals that have come since `listen`."""


def ignore() -> None:
    """Let others stop: this process ends when they have."""
    signal.signal(SIGNAL, signal.SIG_IGN)


def obey() -> None:
    """End at the signal from now on."""
    signal.signal(SIGNAL, signal.SIG_DFL)


def listen() -> None:
    """Note the signal from now on, instead of ending."""
    _came.clear()
    signal.signal(SIGNAL, lambda number, frame: _came.append(number))


def asked() -> bool:
    """Whether it has come."""
    return bool(_came)


def pass_on(process: int) -> None:
    """Send the signal to a process and all its descendants."""
    for each in _tree(process):
        with suppress(psutil.Error):
            each.send_signal(SIGNAL)


def stop(process: int, patience: float) -> None:
    """Pass the signal on until a child has ended; kill it where it does not.

    Args:
        process: number of the child, which the caller waits for later.
        patience: seconds.
    """
    deadline = time.monotonic() + patience
    while is_running(process):
        if time.monotonic() > deadline:
            for each in _tree(process):
                with suppress(psutil.Error):
                    each.kill()
            return
        pass_on(process)
        time.sleep(PASS_ON_SECONDS)


def is_running(process: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        return bool(psutil.Process(process).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _tree(process: int) -> Iterator[psutil.Process]:
    with suppress(psutil.Error):
        root = psutil.Process(process)
        yield from [root, *root.children(recursive=True)]
