"""Rules for tests: differences are computed from scores, intervals and p stand in rows of tests."""

from __future__ import annotations

import re
import statistics
from typing import Any

from readme_page import Block, numbers
from readme_rules import (
    Data,
    Row,
    Values,
    first_rule,
    largest,
    main_metric,
    mean,
    seeds,
)

LEVEL, MOST = 0.05, "most"
OWN_SIDES = ("layer", "labels")
"""Their sides are other layers, and other numbers of labels: their rules compute them."""


def rows_of(data: Data, question: str, **wanted: Any) -> list[Row]:
    """Rows of one kind of test; each difference is that of the scores that it names."""
    found = [
        row
        for row in data.rows
        if row["stage"] == "test"
        and row["variant"] == question
        and all(row[key] == value for key, value in wanted.items())
    ]
    for row in found if question not in OWN_SIDES else ():
        other, _, strategy = row["against"].partition(", ")
        sides = [
            _scores(data, row, row["representation"], row["strategy"]),
            _scores(data, row, other, strategy),
        ]
        common = sides[0].keys() & sides[1].keys()
        gap = mean(sides[0][seed] - sides[1][seed] for seed in common)
        assert abs(gap - row["value"]) < 1e-9, f"{row} is not {gap}"
    return found


def _scores(data: Data, row: Row, name: str, strategy: str) -> dict[int, float]:
    rows = data.pick(
        stage="finetune", task=row["task"], representation=name, strategy=strategy,
        metric=row["metric"],
    )  # fmt: skip
    rows = [each for each in rows if each["split"] == "test"] or rows
    if row["train_size"] is not None:
        rows = [each for each in rows if each["train_size"] == row["train_size"]]
    return seeds(largest(rows))


def shown_p(row: Row) -> Values:
    """As it stands on the page: no smaller than 0.001; none where there is none."""
    return [] if row["p"] is None else [max(row["p"], 0.001) if row["p"] >= 0.001 else 0.001]


def _verdict(row: Row) -> str:
    if row["p"] is None or row["p"] > LEVEL:
        return "tie"
    return "better" if row["value"] > 0 else "worse"


def _named(data: Data, task: str, text: str) -> Values:
    """Score of `system, strategy: mean ± deviation`."""
    name, _, strategy = text.partition(":")[0].partition(", ")
    row = {"task": task, "metric": main_metric(data, task), "train_size": None}
    values = list(_scores(data, row, name, strategy).values())
    return [mean(values), *([statistics.stdev(values)] if len(values) > 1 else [])]


def _difference(row: Row, column: str) -> Values | None:
    if column == "Difference":
        return [row["value"]]
    if column == "Interval":
        return [] if row["low"] is None else [row["low"], row["high"]]
    if column == "p":
        return shown_p(row)
    if column == "p, these models" and row["p_items"] is not None:
        return [max(row["p_items"], 0.001)]
    return None


@first_rule("^Answer$", "^The best of both families|^What the best costs")
def duels(data: Data, block: Block, row: dict[str, str], column: str) -> Values | None:
    """Both scores, and the test between them."""
    if column in ("Best contextual", "Best static", "Best", "Cheapest not told apart"):
        return _named(data, row["Task"], row[column])
    question = "price" if block.about.startswith("What the best") else "static or contextual"
    found = rows_of(data, question, task=row["Task"])
    return _difference(found[0], column) if found else None


@first_rule("^Answer$", "^Main metric with pre-training")
def gained(data: Data, block: Block, row: dict[str, str], column: str) -> Values | None:
    """Verdicts and mean gain of one representation, with all labels or the fewest."""
    found = _gains(data, row.get("Labels", MOST))
    found = [each for each in found if each["representation"] == row["Representation"]]
    if column == "Labels":
        return [float(found[0]["train_size"])]
    if column == "Mean gain over scratch":
        return [mean(each["value"] for each in found)]
    if column == "Comparisons":
        return [float(len(found))]
    return [float(sum(_verdict(each) == column.lower() for each in found))]


def _gains(data: Data, labels: str) -> list[Row]:
    """With so many labels, or the most of each task and strategy."""
    found = [row for row in rows_of(data, "gain over scratch") if _counts(data, row)]
    if labels != MOST:
        size = int(labels.replace(",", ""))
        return [row for row in found if row["train_size"] == size]
    most: dict[tuple[str, str], int] = {}
    for row in found:
        key = row["task"], row["strategy"]
        most[key] = max(most.get(key, 0), row["train_size"])
    return [row for row in found if row["train_size"] == most[row["task"], row["strategy"]]]


def _counts(data: Data, row: Row) -> bool:
    rows = data.of_name(row["representation"])
    return all(each["checked"] is not False for each in rows if each["stage"] != "test")


@first_rule("^Answer$", "^paragraph$")
def sentences(data: Data, block: Block, row: dict[str, str], column: str) -> Values | None:
    """The headline, and what pre-training buys."""
    text = block.text
    if text.startswith("Pre-training is better than the same"):
        gains = [_verdict(each) for each in _gains(data, MOST)]
        duels_ = [_verdict(each) for each in rows_of(data, "static or contextual")]
        found = [gains.count("better"), len(gains), gains.count("worse")]
        if duels_:
            found += [duels_.count("better"), len(duels_), duels_.count("worse")]
            found += [duels_.count("tie")]
        return [float(number) for number in found]
    if text.startswith("A linear probe reads contextual representations best"):
        return layer_sentence(data)
    if text.startswith("With the most labels of each task and strategy, it gains"):
        made: Values = []
        for labels in (MOST, *re.findall(r"With ([\d,]+) labels", text)):
            gains_ = _gains(data, labels)
            verdicts = [_verdict(each) for each in gains_]
            size = [] if labels == MOST else [float(labels.replace(",", ""))]
            made += [*size, mean(each["value"] for each in gains_)]
            made += [float(verdicts.count(v)) for v in ("better", "tie", "worse")]
            made.append(float(len(gains_)))
        return made
    return None


@first_rule("^Comparison$", r"^\w+: what pre-training adds")
def gain_tables(data: Data, block: Block, row: dict[str, str], column: str) -> Values | None:
    """One strategy of one representation against scratch."""
    task, _, rest = block.about.partition(":")
    size = int(re.findall(r"([\d,]+) training items", rest)[0].replace(",", ""))
    (found,) = rows_of(
        data, "gain over scratch", task=task, train_size=size, strategy=row["Strategy"],
        representation=row["Representation"],
    )  # fmt: skip
    return _difference(found, "Difference" if column == "Gain over scratch" else column)


def distance(data: Data, task: str, strategy: str, name: str) -> Values | None:
    """From the best: difference, interval and p; None where the page has no tests."""
    found = rows_of(data, "behind the best", task=task, strategy=strategy)
    mine = [row for row in found if row["against"] == f"{name}, {strategy}"]
    if not mine:
        return None
    (row,) = mine
    ends = [] if row["low"] is None else [row["low"], row["high"]]
    return [row["value"], *ends, *shown_p(row)]


@first_rule("^Answer$", "^Strategies, each")
def contests(data: Data, block: Block, row: dict[str, str], column: str) -> Values | None:
    """How often a strategy is best, tied or behind, each task and representation a contest."""
    name = row["Strategy"]
    groups: dict[tuple[str, str], list[Row]] = {}
    for each in rows_of(data, "strategy"):
        groups.setdefault((each["task"], each["representation"]), []).append(each)
    counts = dict.fromkeys(("Best alone", "Tied for best", "Behind"), 0)
    distances = []
    for rivals in groups.values():
        verdicts = {each["against"].rpartition(", ")[2]: each for each in rivals}
        if rivals[0]["strategy"] == name:
            is_tied = any(_verdict(each) == "tie" for each in rivals)
            counts["Tied for best" if is_tied else "Best alone"] += 1
            distances.append(0.0)
        elif name in verdicts:
            is_tied = _verdict(verdicts[name]) == "tie"
            counts["Tied for best" if is_tied else "Behind"] += 1
            distances.append(verdicts[name]["value"])
    if column in counts:
        return [float(counts[column])]
    return [mean(distances)] if column.startswith("Mean") else [float(len(distances))]


def _by_layer(data: Data, task: str, name: str) -> dict[str, dict[int, float]]:
    """Layer -> accuracy of the linear probe by seed."""
    rows = data.pick(
        stage="probe", task=task, representation=name, probe="linear", metric="accuracy",
        control=False, rank=None, split="test",
    )  # fmt: skip
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["layer"], []).append(row)
    return {layer: seeds(of) for layer, of in found.items()}


def _depths(data: Data) -> dict[str, dict[str, tuple[int, int, list[str], str]]]:
    """Task -> representation -> best layer, the last one, tied ones, verdict over layer 0."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows_of(data, "layer"):
        groups.setdefault((row["task"], row["representation"]), []).append(row)
    found: dict[str, dict[str, tuple[int, int, list[str], str]]] = {}
    for (task, name), own in groups.items():
        scores = _by_layer(data, task, name)
        best = own[0]["layer"]
        assert mean(scores[best].values()) == max(mean(of.values()) for of in scores.values())
        for row in own:
            other = row["against"].rpartition(" ")[2]
            common = scores[best].keys() & scores[other].keys()
            gap = mean(scores[best][s] - scores[other][s] for s in common)
            assert abs(gap - row["value"]) < 1e-9, f"{row} is not {gap}"
        ties = [each["against"].rpartition(" ")[2] for each in own if _verdict(each) == "tie"]
        over = [_verdict(each) for each in own if each["against"].endswith("layer 0")]
        found.setdefault(task, {})[name] = int(best), len(scores) - 1, ties, "".join(over)
    return found


@first_rule("^Answer$", "^Where a linear probe")
def layers(data: Data, block: Block, row: dict[str, str], column: str) -> Values | None:
    """Depth and gain of the best layers, from scores; what is tied, from tests."""
    found = _depths(data)[row["Task"]]
    if column == "Depth of the best layer":
        return [mean(best / last for best, last, *_ in found.values())]
    if column == "Gain over layer 0":
        scores = {name: _by_layer(data, row["Task"], name) for name in found}
        return [
            mean(
                mean(of[str(found[n][0])].values()) - mean(of["0"].values())
                for n, of in scores.items()
            )
        ]
    if column.startswith("Best layer"):
        told = [(str(best), *sorted(ties, key=int)) for best, _, ties, _ in found.values()]
        text = ", ".join(f"{n} {' '.join(of)}" for n, of in zip(found, told, strict=True))
        return [value for value, _ in numbers(text)]
    above = [over for *_, over in found.values()].count("better")
    return [float({"Better than layer 0": above, "Representations": len(found)}[column])]


def layer_sentence(data: Data) -> Values:
    """Mean depth, ends of the scale, depths of the earliest and latest tasks, counts."""
    found = _depths(data)
    every = [each for of in found.values() for each in of.values()]
    depth = [mean(best / last for best, last, *_ in of.values()) for of in found.values()]
    above = [over for *_, over in every].count("better")
    alone = sum(not ties for _, _, ties, _ in every)
    pairs = sum(last * (last + 1) // 2 for _, last, *_ in every)
    means = mean(best / last for best, last, *_ in every)
    return [means, 0, 1, min(depth), max(depth), above, len(every), alone, pairs]


@first_rule("^Answer$", "^What validation chooses")
def few(data: Data, block: Block, row: dict[str, str], column: str) -> Values | None:
    """A score with few labels, and the test against the best from scratch with all."""
    task, (name, _, strategy) = row["Task"], row["Best with few labels"].partition(", ")
    (found,) = rows_of(data, "labels", task=task)
    assert (found["representation"], found["strategy"]) == (name, strategy)
    other, _, told = found["against"].partition(", ")
    assert other == row["Best from scratch"]
    most = int(told.split()[-2])
    sides = [
        _scores(data, found | {"train_size": size}, who, way)
        for who, way, size in ((name, strategy, found["train_size"]), (other, "scratch", most))
    ]
    common = sides[0].keys() & sides[1].keys()
    assert abs(mean(sides[0][s] - sides[1][s] for s in common) - found["value"]) < 1e-9
    if column == "Score":
        values = list(sides[0].values())
        return [mean(values), *([statistics.stdev(values)] if len(values) > 1 else [])]
    if column in ("Labels", "All labels"):
        return [float(found["train_size"] if column == "Labels" else most)]
    return _difference(found, column)
