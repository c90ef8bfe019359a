"""The invariance battery: does what a representation says depend on what it should not?

For each family of tasks that the experiment has, sentences of its smallest task go through the
checks of vectors and of edges; the labels of the smallest task of all, one of words where there is
one, are shuffled. A check that raises an error has failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from polyseme.draws import philox
from polyseme.invariance import edges, labels, vectors
from polyseme.invariance.base import Finding
from polyseme.models.base import MARKS, Representation, Words
from polyseme.probes.base import MAX_LABELS
from polyseme.tasks import base as tasks
from polyseme.tasks.common.prepared import PreparedTask, classified
from polyseme.tasks.families.base import get

CHECKS = {
    check.__name__: check
    for check in (
        vectors.batch_size,
        vectors.padding,
        vectors.left_padding,
        vectors.neighbours,
        vectors.order,
        vectors.length_sorted,
        vectors.precision,
        vectors.defined,
        edges.empty,
        edges.one_word,
        edges.long,
    )
}
NUM_SENTENCES, MOST_WORDS = 32, 48
STREAM = 8


def run(
    representation: Representation, root: Path, names: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Rows of results.CHECK_SCHEMA, without what the caller knows (representation, corpus).

    Args:
        root: folder of the prepared tasks.
        names: of the tasks.
    """
    representation.eval()
    for task in of_each_family(root, names):
        if sentences := sample(tasks.read(root / task, "test")):
            for name, check in CHECKS.items():
                found = _ask(check, representation, sentences)
                yield _row(task, name, found, len(sentences))
    for task in labelled(root, names):
        yield from _shuffled(representation, PreparedTask(root / task))


def sentences(root: Path, names: Sequence[str]) -> list[Words]:
    """Those that the checks ask about, of all families."""
    chosen = of_each_family(root, names)
    return [words for task in chosen for words in sample(tasks.read(root / task, "test"))]


def by_size(root: Path, names: Sequence[str]) -> list[str]:
    """Tasks, the one with the fewest words first."""
    cards = {name: tasks.read_card(root / name) for name in names}
    return sorted(names, key=lambda name: sum(cards[name]["num_words"].values()))


def of_each_family(root: Path, names: Sequence[str]) -> list[str]:
    """The smallest task of each family."""
    chosen: dict[str, str] = {}
    for name in by_size(root, names):
        chosen.setdefault(tasks.read_card(root / name)["family"], name)
    return [name for name in names if name in chosen.values()]


def labelled(root: Path, names: Sequence[str]) -> list[str]:
    """The smallest task that labels words, else sentences; none where nothing has labels.

    As for probes, a task of more than MAX_LABELS labels is left out.
    """
    found = by_size(root, classified(root, names))
    levels = {name: get(tasks.read_card(root / name)["family"]).level for name in found}
    for name in sorted(found, key=lambda name: levels[name] != "word"):
        if len(tasks.label_names(tasks.read(root / name, "train").labels)) <= MAX_LABELS:
            return [name]
    return []


def sample(split: tasks.Split) -> list[Words]:
    """Some sentences of a split, or how they begin, sorted by length; none without words."""
    begun = [words[:MOST_WORDS] for words in split.sentences]
    there = [words for words in begun if set(words) - MARKS]
    chosen = philox(0, STREAM).permutation(len(there))[:NUM_SENTENCES]
    return sorted((there[i] for i in sorted(chosen)), key=len)


def _ask(
    check: Callable[[Representation, Sequence[Words]], Finding],
    representation: Representation,
    sentences: Sequence[Words],
) -> Finding:
    try:
        return check(representation, sentences)
    except Exception as error:  # whatever a representation of the user's own raises
        return _failed(error)


def _shuffled(representation: Representation, task: PreparedTask) -> Iterator[dict[str, Any]]:
    try:
        probed = labels.probe(representation, task)
    except Exception as error:
        yield from (_row(task.name, name, _failed(error), None) for name in labels.CHECKS)
    else:
        for name, check in labels.CHECKS.items():
            yield _row(task.name, name, check(probed), len(probed.gold_M))


def _failed(error: Exception) -> Finding:
    return Finding(False, reason=f"{type(error).__name__}: {error}")


def _row(task: str, name: str, found: Finding, num_items: int | None) -> dict[str, Any]:
    return {
        "stage": "invariance",
        "task": task,
        "split": "test",
        "metric": name,
        "value": found.difference,
        "num_items": num_items,
        "checked": found.passed,
        "tolerance": found.tolerance,
        "reason": found.reason or None,
    }
