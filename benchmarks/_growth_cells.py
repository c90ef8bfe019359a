"""Cells of `growth`: one stage at one size, each in a process of its own, kept when it is done.

A line of JSON is kept for each finished cell; a killed run leaves at most half a line, which is
cut off, and a folder that is not whole, which is made again. What a stage has made is there for
the next ones, and goes when all cells of its size are done.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import _growth_models as models
from benchmarks import _growth_text as text
from benchmarks._growth_text import Place, Work
from benchmarks._growth_watch import Watch, watched
from polyseme.runtime import whole

Cell = dict[str, Any]
Key = tuple[str, int, int]


class Stage(NamedTuple):
    """What is measured.

    Attributes:
        begin: does what does not count, gives the work that does.
        needs: stages whose output it reads.
        shown: in the table; others only make what a stage needs.
        grows: what stays in memory and grows with the text; blank where nothing does.
    """

    begin: Callable[[Place], Work]
    needs: tuple[str, ...] = ()
    shown: bool = True
    grows: str = ""


STAGES = {
    "draw": Stage(text.draw, grows="footers of files"),
    "text": Stage(text.text, ("draw",), shown=False),
    "clean": Stage(text.clean, ("text",), grows="keys of documents"),
    "tokenizer": Stage(text.tokenizer, ("draw",)),
    "tokens": Stage(text.tokens, ("tokenizer",)),
    "count": Stage(models.count, ("tokens",), grows="pairs of types"),
    "word2vec": Stage(models.word2vec, ("tokens",), grows="types"),
    "glove": Stage(models.glove, ("tokens",), grows="pairs of types"),
    "lm_steps": Stage(models.lm_steps, ("tokens",), grows="order of rows"),
    "task": Stage(models.task, ("draw",), shown=False),
    "encode": Stage(models.encode, ("tokens", "task"), grows="texts of the task"),
    "probe": Stage(models.probe, ("tokens", "task"), grows="texts of the task"),
}
PREPARATION = ("draw", "text", "clean", "tokenizer", "tokens")


class Cells:
    """Finished cells in a file of JSON lines.

    Args:
        path: of the file; half a line at its end is cut off.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.done: dict[Key, Cell] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = path.read_text().split("\n") if path.exists() else []
        for line in lines[:-1]:
            cell = json.loads(line)
            self.done[key_of(cell)] = cell
        if lines and lines[-1]:
            whole.write_text(path, "".join(f"{line}\n" for line in lines[:-1]))

    def add(self, cell: Cell) -> None:
        """Keep a cell, on disk before anything else is begun."""
        with self.path.open("a") as file:
            file.write(json.dumps(cell) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.done[key_of(cell)] = cell


def key_of(cell: Cell) -> Key:
    """Stage, words, round."""
    return cell["stage"], cell["words"], cell["round"]


def measure(
    cells: Cells, stages: Sequence[str], sizes: Sequence[int], folder: Path, rounds: int = 1
) -> None:
    """Run the cells that are not done, size by size; what stages made is deleted after each."""
    for number, words in itertools.product(range(rounds), sorted(sizes)):
        place = folder / str(words)
        for name in STAGES:
            if name in stages and (name, words, number) not in cells.done:
                _make(cells, (name, words, number), place)
        shutil.rmtree(place, ignore_errors=True)


def _make(cells: Cells, key: Key, place: Path) -> None:
    """Run a stage, and before it those whose output it needs and that is not there."""
    name, words, number = key
    for needed in STAGES[name].needs:
        if not (place / needed).exists():
            _make(cells, (needed, words, number), place)
    command = [sys.executable, "-m", "benchmarks.growth", "--cell", name, str(words), str(place)]
    found = watched(command)
    about = {"stage": name, "words": words, "round": number}
    cells.add(about | found)
    shown = {key: found[key] for key in ("cpu_seconds", "wall_seconds", "peak_bytes")}
    print(about | shown, flush=True)


def run(name: str, words: int, folder: Path) -> Cell:
    """What the process of a cell does: the work of one stage, its output whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(".*"):
        shutil.rmtree(left)
    out, work = folder / f".{name}", folder / f".{name}-work"
    out.mkdir()
    work.mkdir()
    doing = STAGES[name].begin(Place(words, folder, out, work))
    before = _bytes(out)
    with Watch() as watch:
        facts = doing()
    found = watch.takes | {"output_bytes": _bytes(out) - before}
    shutil.rmtree(work)
    shutil.rmtree(folder / name, ignore_errors=True)
    out.rename(folder / name)
    return found | facts


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
