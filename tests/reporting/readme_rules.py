"""What each number of a report has to be, computed from results.parquet alone.

Nothing here is taken from polyseme: rows are grouped by hand, intervals are those of scipy. A rule
is a function that is found by the section and the caption of a table (or what a list item is
about); it gives the numbers of one cell, or of one sentence, in their order, or None for a cell
that it does not cover. To add one: write it with `@rule(section, caption)`; the first that fits
counts.
"""

from __future__ import annotations

import functools
import itertools
import math
import re
import statistics
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import scipy.stats
from readme_page import Block

Row = dict[str, Any]
Values = list[float]
Rule = Callable[["Data", Block, dict[str, str], str], Values | None]
RULES: list[tuple[re.Pattern[str], re.Pattern[str], Rule]] = []
SECONDARY = {"coverage", "seen", "answered", "threshold", "kilobits", "selectivity", "uuas_chain"}
METRICS = {
    "macro F1": "macro_f1",
    "F1 of spans": "f1",
    "F1 of relations": "relation_f1",
    "Spearman correlation": "spearman",
    "Pearson correlation": "pearson",
    "Matthews correlation": "matthews",
    "bits per byte": "bits_per_byte",
    "UUAS": "uuas",
    "self-similarity": "self_similarity",
    "intra-sentence similarity": "intra_sentence_similarity",
    "maximum explainable variance": "max_explained_variance",
    "centre of gravity": "centre_of_gravity",
    "outlier position": "opp",
    "share with an answer": "answered",
}


INDEXED = ("stage", "task", "metric", "representation")


class Data:
    """Rows of one report, found by the columns that are always asked for."""

    def __init__(self, folder: Path) -> None:
        self.rows: list[Row] = pq.read_table(folder / "results.parquet").to_pylist()
        self.counted = [row for row in self.rows if row["checked"] is not False]
        self._index: dict[tuple[Any, ...], list[Row]] = {}
        for row in self.rows:
            for key in itertools.product(*((row[name], None) for name in INDEXED)):
                self._index.setdefault(key, []).append(row)

    @property
    def keys(self) -> Iterable[tuple[Any, ...]]:
        """Combinations that were measured; None stands for any."""
        return self._index

    def of_name(self, name: str) -> list[Row]:
        """All rows of a representation."""
        return self._index.get((None, None, None, name), [])

    def pick(self, rows: Iterable[Row] | None = None, **wanted: Any) -> list[Row]:
        """Rows with these values and a finite one, of real labels and the whole task if not asked
        otherwise."""
        wanted = {"part": None} | wanted
        control = wanted.pop("control", False)
        if rows is None:
            rows = self._index.get(tuple(wanted.get(name) for name in INDEXED), [])
        return [
            row
            for row in rows
            if all(row.get(key) == value for key, value in wanted.items())
            and bool(row["control"]) is control
            and row["value"] is not None
            and math.isfinite(row["value"])
        ]

    def final(self, **wanted: Any) -> list[Row]:
        """The same, of the test split where there is one, with the most labels."""
        rows = self.pick(**wanted)
        rows = [row for row in rows if row["split"] == "test"] or rows
        return largest(rows)


def largest(rows: list[Row]) -> list[Row]:
    """Rows with the most labels."""
    sizes = [row["train_size"] for row in rows if row["train_size"] is not None]
    return [row for row in rows if not sizes or row["train_size"] == max(sizes)]


def seeds(rows: Iterable[Row]) -> dict[int, float]:
    """Value by seed; two values of one seed are a mistake of the rule."""
    found: dict[int, float] = {}
    for row in rows:
        seed = -1 if row["seed"] is None else row["seed"]
        assert seed not in found, f"two rows of seed {seed}: {row}"
        found[seed] = row["value"]
    return found


def mean(values: Iterable[float]) -> float:
    """Arithmetic mean."""
    return statistics.fmean(values)


def spread(rows: Iterable[Row]) -> Values | None:
    """Mean, and standard deviation where there are several seeds."""
    values = list(seeds(rows).values())
    if not values:
        return None
    return [mean(values), *([statistics.stdev(values)] if len(values) > 1 else [])]


def behind(first: dict[int, float], second: dict[int, float]) -> Values:
    """Mean of first less second over common seeds, with Student's interval."""
    gaps = [first[seed] - second[seed] for seed in sorted(first.keys() & second.keys())]
    if len(gaps) < 2:
        return gaps
    half = scipy.stats.t.ppf(0.975, len(gaps) - 1) * scipy.stats.sem(gaps)
    return [mean(gaps), mean(gaps) - half, mean(gaps) + half]


def tied(gap: Values) -> bool:
    """Whether an interval includes 0, or there is none."""
    return len(gap) < 3 or gap[1] <= 0 <= gap[2]


def metric(name: str) -> str:
    """Column of a metric's name in words."""
    return METRICS.get(name, name.lower().replace(" ", "_"))


def rule(section: str, caption: str) -> Callable[[Rule], Rule]:
    """Register a rule for tables, or list items, whose section and caption match."""

    def register(made: Rule) -> Rule:
        RULES.append((re.compile(section), re.compile(caption), made))
        return made

    return register


def first_rule(section: str, caption: str) -> Callable[[Rule], Rule]:
    """The same, before those that are registered already."""

    def register(made: Rule) -> Rule:
        RULES.insert(0, (re.compile(section), re.compile(caption), made))
        return made

    return register


def expected(data: Data, block: Block, row: dict[str, str], column: str) -> Values | None:
    """What the numbers of a cell have to be; None where no rule covers it."""
    for section, caption, made in RULES:
        if section.search(block.section) and caption.search(block.about):
            found = made(data, block, row, column)
            if found is not None:
                return found
    return None


# Comparison


def _of(data: Data, task: str, strategy: str, name: str, what: str) -> list[Row]:
    """Final scores of one representation, or of a baseline."""
    if strategy == "baseline":
        key = name.replace(" ", "_")
        return data.final(stage="baseline", task=task, representation=key, metric=what)
    rows = data.final(stage="finetune", task=task, strategy=strategy, metric=what)
    return [row for row in rows if row["representation"] == name]


@functools.cache
def _leader(data: Data, task: str, strategy: str, what: str) -> dict[int, float]:
    """Scores of the representation with the best mean."""
    rows = data.final(stage="finetune", task=task, strategy=strategy, metric=what)
    names = sorted({each["representation"] for each in rows})
    all_ = [seeds(r for r in rows if r["representation"] == name) for name in names]
    return max(all_, key=lambda scores: mean(scores.values()))


@rule("^Comparison$", r"^\w+: .* on (test|valid)")
def scores(data: Data, block: Block, row: dict[str, str], column: str) -> Values | None:
    """Mean and spread of each metric; distance from the best; range over seeds."""
    task = block.about.partition(":")[0]
    name = row["Representation"].partition(" (failed")[0]
    main = metric(block.columns[2])
    if column in ("Behind the best", "Lowest to highest seed"):
        own = seeds(_of(data, task, row["Strategy"], name, main))
        if column != "Behind the best":
            return [min(own.values()), max(own.values())]
        from readme_tests import distance

        if (found := distance(data, task, row["Strategy"], name)) is not None:
            return found
        return behind(_leader(data, task, row["Strategy"], main), own)
    own_rows = _of(data, task, row["Strategy"], name, metric(column))
    if column in ("Items", "Training items", "Seeds"):
        rows = _of(data, task, row["Strategy"], name, main)
        key = {"Items": "num_items", "Training items": "train_size"}.get(column)
        return [float(rows[0][key])] if key else [float(len(rows))]
    return spread(own_rows)


@rule("^Comparison$", "^What pre-training adds")
def gains(data: Data, block: Block, row: dict[str, str], column: str) -> Values | None:
    """Difference from scratch, seed by seed."""
    task = row.get("Task") or block.about.rpartition("task: ")[2]
    sides = []
    for strategy in (row["Strategy"], "scratch"):
        rows = data.pick(
            stage="finetune", task=task, strategy=strategy, representation=row["Representation"]
        )
        rows = [each for each in rows if each["split"] == "test"]
        if "Training items" in row:
            size = int(row["Training items"].replace(",", ""))
            rows = [each for each in rows if each["train_size"] == size]
        sides.append([each for each in rows if each["metric"] == main_metric(data, task)])
    found = behind(*map(seeds, sides))
    size = float(sides[0][0]["train_size"])
    return {"Gain over scratch": found[:1], "Interval": found[1:], "Training items": [size]}[column]


def main_metric(data: Data, task: str) -> str:
    """That by which the page decides a task: the first of its table, as rows do not tell."""
    return MAINS[id(data)][task]


MAINS: dict[int, dict[str, str]] = {}
"""Data -> task -> main metric, as the captions of the comparison have it."""


# Overview, learning curves


@rule("^All representations", "^Every representation")
def overview(data: Data, block: Block, row: dict[str, str], column: str) -> Values | None:
    """Scores of tasks; counts of words and parameters."""
    name = row["Representation"].partition(", from scratch")[0]
    if column in ("Words seen", "Parameters"):
        key = {"Words seen": "words_seen", "Parameters": "num_parameters"}[column]
        rows = [r for r in data.of_name(name) if r["stage"] != "finetune"]
        found = {r[key] for r in rows if r[key] is not None}
        return (
            [float(next(iter(found)))]
            if len(found) == 1 and "from scratch" not in row["Representation"]
            else None
        )
    task, _, what = column.partition(": ")
    if not what or what.endswith("nothing trained") or "finetune" not in stages(data, task):
        return None
    if name.endswith(" (baseline)"):
        rows = _of(data, task, "baseline", name.removesuffix(" (baseline)"), metric(what))
    else:
        scratch = "from scratch" in row["Representation"]
        strategy = "scratch" if scratch else row[column].split(" ")[-1]
        rows = _of(data, task, strategy, name, metric(what))
    return [mean(seeds(rows).values())] if rows else None


def stages(data: Data, task: str) -> set[str]:
    """Stages that have measured a task."""
    return {key[0] for key in data.keys if key[1] == task and key[0] is not None}


@rule("^Learning curves$", r"^\w+: .* by number of labelled training items")
def curves(data: Data, block: Block, row: dict[str, str], column: str) -> Values | None:
    """Mean and spread for each number of labels."""
    task, what = re.match(r"(\w+): (.*) by number", block.about).groups()  # type: ignore[union-attr]
    size = re.fullmatch(r"([\d,]+) items", column)
    if size is None:
        return None
    rows = data.pick(
        stage="finetune", task=task, metric=metric(what), strategy=row["Strategy"],
        representation=row["Representation"], split="test",
        train_size=int(size[1].replace(",", "")),
    )  # fmt: skip
    return spread(rows)


# Probes


def _probed(data: Data, task: str, probe: str, row: dict[str, str]) -> dict[str, Any]:
    name = row["Representation"].replace(", random weights", "_init")
    wanted: dict[str, Any] = {"stage": "probe", "task": task, "probe": probe}
    wanted |= {"representation": name}
    if "Layer" in row:
        wanted["layer"] = row["Layer"]
    if "Rank" in row:
        wanted["rank"] = int(row["Rank"]) if row["Rank"].isdecimal() else None
    return wanted


PROBED = set(
    "accuracy macro_f1 f1 selectivity compression kilobits uuas dspr nspr root_accuracy".split()
)


@rule("^Probes by layer$", r"^\w+, (\w+) probe: (by layer|cost of the training labels by layer)")
def probed(data: Data, block: Block, row: dict[str, str], column: str) -> Values | None:
    """Mean and spread of each layer, on real and on control labels."""
    task, probe = re.match(r"(\w+), (\w+) probe", block.about).groups()  # type: ignore[union-attr]
    wanted = _probed(data, task, probe, row)
    is_control = column.startswith("Control ")
    wanted["metric"] = metric(column.removeprefix("Control "))
    if wanted["metric"] not in PROBED:
        return None
    rows = data.pick(control=is_control, **wanted)
    rows = [each for each in rows if each["split"] == "test"] or rows
    return spread(rows) if rows else None


# Intrinsic measures, pre-training


@rule("^Intrinsic measures$", "^Contextuality by layer")
def contextuality(data: Data, block: Block, row: dict[str, str], column: str) -> Values | None:
    """The value itself; raw or corrected."""
    name = column.partition(", corrected")[0]
    what = metric(name[0].lower() + name[1:])
    rows = data.pick(
        stage="intrinsic", task="contextuality", layer=row["Layer"], metric=what,
        representation=row["Representation"],
    )  # fmt: skip
    variant = "corrected" if ", corrected" in column else "raw"
    rows = [r for r in rows if r.get("variant") in (variant, None)] if len(rows) > 1 else rows
    return [rows[0]["value"]] if len(rows) == 1 else None


@rule("^Pre-training$", "^Contextual representations")
def losses(data: Data, block: Block, row: dict[str, str], column: str) -> Values | None:
    """Loss, bits and perplexity of each split."""
    name = row["Representation"].split(" ")[0].rstrip(",")
    if column in ("Words seen", "Parameters"):
        key = {"Words seen": "words_seen", "Parameters": "num_parameters"}[column]
        rows = data.pick(stage="pretrain", representation=name)
        return [float(rows[0][key])] if rows else None
    what, _, split = column.partition(", ")
    rows = data.pick(stage="pretrain", representation=name, metric=metric(what), split=split)
    return [rows[0]["value"]] if len(rows) == 1 else None


# Answer


CONTENDER = re.compile(r"(\w+)(?: with (\w+))? \((−?[\d.]+)(?: ± ([\d.]+))?")
DIFFERENCE = re.compile(r"difference (−?[\d.]+), interval (−?[\d.]+) to (−?[\d.]+)")


@rule("^Answer$", r"^\w+, ")
def verdicts(data: Data, block: Block, row: dict[str, str], column: str) -> Values | None:
    """Leader, the nearest tie and the next one, with their differences from the leader."""
    task, _, strategy = block.about.partition(", ")
    strategy = strategy.partition(" with ")[0]
    found: Values = []
    leader: dict[int, float] | None = None
    for name, with_, _, sd in CONTENDER.findall(block.text):
        if name == "baseline":
            continue
        rows = _answered(data, task, with_ or strategy, name)
        found += spread(rows) or []
        assert bool(sd) == (len(rows) > 1)
        if leader is None:
            leader = seeds(rows)
        else:
            found += behind(leader, seeds(rows))
    if shown := re.search(r"the ([\w ]+) baseline \(", block.text):
        rows = _of(data, task, "baseline", shown[1], main_metric(data, task))
        found += [mean(seeds(rows).values())]
    if others := re.findall(r"and (\d+) others", block.text):
        found.insert(_place_of_others(block.text), float(others[0]))
    return found


def _place_of_others(text: str) -> int:
    """How many numbers stand before the count of others, which is not recomputed."""
    from readme_page import numbers

    return len(numbers(text[: re.search(r"\d+ others", text).start()]))  # type: ignore[union-attr]


def _answered(data: Data, task: str, strategy: str, name: str) -> list[Row]:
    what = main_metric(data, task)
    rows = data.final(stage="finetune", task=task, strategy=strategy, metric=what)
    return [row for row in rows if row["representation"] == name]


@rule("^Answer$", r"^(?!caption)\w+$")
def setting(data: Data, block: Block, row: dict[str, str], column: str) -> Values | None:
    """Items, seeds and training items of a task."""
    if block.about == "paragraph":
        return counts(data, block)
    rows = data.final(stage="finetune", task=block.about, metric=main_metric(data, block.about))
    most = largest(rows)
    found = [{row["num_items"] for row in most}, {row["train_size"] for row in most}]
    number = len({row["seed"] for row in most})
    single = [[float(next(iter(each)))] if len(each) == 1 else [] for each in found]
    shown = [*single[0], float(number), *single[1]]
    return shown


def counts(data: Data, block: Block) -> Values | None:
    """Of contests and of gains, all of them held by hand."""
    if block.text.startswith("Of "):
        return _contests(data)
    if block.text.startswith("Against the same representation"):
        return _gains(data)
    return None


def _contests(data: Data) -> Values:
    """Contests, those that each family wins, ties; in the order of the sentence."""
    wins: dict[str | None, int] = {"contextual": 0, "static": 0, None: 0}
    for task, what in MAINS[id(data)].items():
        rows = data.pick(data.counted, stage="finetune", task=task, metric=what, split="test")
        for strategy in sorted({row["strategy"] for row in rows} - {"scratch"}):
            own = largest([row for row in rows if row["strategy"] == strategy])
            names = sorted({row["representation"] for row in own})
            all_ = {n: seeds(r for r in own if r["representation"] == n) for n in names}
            leader = max(names, key=lambda n: mean(all_[n].values()))
            best = {n for n in names if n == leader or tied(behind(all_[leader], all_[n]))}
            families = {row["family"] for row in own if row["representation"] in best}
            wins[families.pop() if len(families) == 1 else None] += 1
    order = sorted(("contextual", "static"), key=lambda name: (-wins[name], name))
    return [float(sum(wins.values())), *(float(wins[name]) for name in (*order, None))]


def _gains(data: Data) -> Values:
    """Better, worse, tied and all comparisons with scratch."""
    verdicts = {"better": 0, "worse": 0, "tie": 0}
    for task, what in MAINS[id(data)].items():
        rows = data.pick(data.counted, stage="finetune", task=task, metric=what, split="test")
        rows = [row for row in rows if row["words_seen"] or row["strategy"] == "scratch"]
        groups: dict[tuple[Any, ...], list[Row]] = {}
        for row in rows:
            key = row["representation"], row["train_size"], row["strategy"]
            groups.setdefault(key, []).append(row)
        for (name, size, strategy), own in groups.items():
            if strategy != "scratch" and (base := groups.get((name, size, "scratch"))):
                gap = behind(seeds(own), seeds(base))
                verdicts["tie" if tied(gap) else "better" if gap[0] > 0 else "worse"] += 1
    return [float(number) for number in (*verdicts.values(), sum(verdicts.values()))]
