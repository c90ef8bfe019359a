"""The output of several processes in one terminal: whole lines, and their progress bars in one."""

from __future__ import annotations

import os
import selectors
import shutil
import sys
from collections.abc import Sequence
from subprocess import Popen
from typing import IO, TextIO

READ_BYTES = 65_536


class Console:
    """Shows what processes write until all have ended, or one has failed.

    A line that ends in a line feed is printed. What stands after a carriage return is a state of a
    progress bar: on a terminal the latest one of each process stands in the last line, elsewhere
    bars are left out.

    Args:
        processes: with stdout as a pipe of bytes.
    """

    def __init__(self, processes: Sequence[Popen[bytes]], out: TextIO = sys.stderr) -> None:
        self.processes, self.out = processes, out
        self.rest = [b"" for _ in processes]
        self.bars = ["" for _ in processes]

    def show(self) -> None:
        """Read and print; returns early when a process has failed."""
        with selectors.DefaultSelector() as selector:
            for number, process in enumerate(self.processes):
                selector.register(_pipe(process), selectors.EVENT_READ, number)
            while selector.get_map():
                for key, _ in selector.select():
                    if data := os.read(key.fd, READ_BYTES):
                        self._take(key.data, data)
                        continue
                    selector.unregister(key.fileobj)
                    self.bars[key.data] = ""
                    if self.processes[key.data].wait():
                        return
        self._clear()

    def _take(self, number: int, data: bytes) -> None:
        *done, self.rest[number] = (self.rest[number] + data).replace(b"\r\n", b"\n").split(b"\n")
        for line in done:
            text = line.rpartition(b"\r")[2].decode(errors="replace")
            self._clear()
            self.bars[number] = ""
            print(text, file=self.out, flush=True)
        head, mark, tail = self.rest[number].rpartition(b"\r")
        if mark:
            state = tail or head.rpartition(b"\r")[2]
            self.rest[number] = mark + state
            self.bars[number] = state.decode(errors="replace").strip()
        self._draw()

    def _draw(self) -> None:
        bars = [bar for bar in self.bars if bar]
        if bars and self.out.isatty():
            width = shutil.get_terminal_size().columns // len(bars) - 3
            line = " | ".join(bar[:width].ljust(width) for bar in bars)
            print(f"\r{line}", end="", file=self.out, flush=True)

    def _clear(self) -> None:
        if self.out.isatty():
            print("\r\x1b[K", end="", file=self.out)


def _pipe(process: Popen[bytes]) -> IO[bytes]:
    if process.stdout is None:
        raise ValueError("a process without a pipe")
    return process.stdout
