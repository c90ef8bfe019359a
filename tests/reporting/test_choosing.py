"""The rule of choices, on scores made by hand, and the command that applies it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from polyseme import cli
from polyseme.errors import DataError
from polyseme.reporting import scores as written
from polyseme.reporting.choosing import Limits, choose, tied
from polyseme.reporting.sections import overview

TASKS = [
    {"name": "senses", "kind": "word_sense", "metric": "accuracy", "lower": False},
    {"name": "tags", "kind": "tagging", "metric": "accuracy", "lower": False},
    {"name": "loss", "kind": "tagging", "metric": "loss", "lower": True},
]
SYSTEMS = [
    {"name": "small", "family": "static", "pretrain": 5.0},
    {"name": "large", "family": "contextual", "pretrain": 50.0},
    {"name": "broken", "family": "contextual", "pretrain": 9.0},
]
SIZE, MILLISECONDS = (1e6, 9e6, 1e6), (0.1, 4.0, 2.0)
FULL, FROZEN = 0, 1


def row(task: int, system: int, labels: int, valid: float, mean: float, **other: Any) -> dict:
    """A line with an interval of 0.02 to each side."""
    line = {"task": task, "system": system, "strategy": FULL, "labels": labels, "valid": valid}
    line |= {"mean": mean, "low": mean - 0.02, "high": mean + 0.02, "seeds": 3, "seconds": 8.0}
    line |= {"bytes": SIZE[system], "milliseconds": MILLISECONDS[system], "parameters": 10}
    return line | {"counts": int(system != 2)} | other


LINES = [
    row(0, 0, 32, 0.5, 0.5),
    row(0, 0, 128, 0.6, 0.6),
    row(0, 1, 128, 0.8, 0.7),
    row(0, 1, 128, 0.7, 0.73, strategy=FROZEN),
    row(0, 2, 128, 0.99, 0.99),
    row(1, 0, 128, 0.6, 0.6),
    row(1, 1, 128, 0.7, 0.7),
    row(2, 0, 128, 1.0, 1.0),
    row(2, 1, 128, 2.0, 2.0),
]


def made(lines: list[dict[str, Any]], ties: list[list[int]] | None = None) -> dict[str, Any]:
    """As a report has them."""
    columns = {name: [line[name] for line in lines] for name in written.COLUMNS}
    return {
        "tasks": TASKS,
        "systems": SYSTEMS,
        "strategies": ["full", "frozen"],
        "rows": columns,
        "ties": ties,
    }


def test_validation_data_chooses_and_overlap_on_final_data_makes_alike():
    choice = choose(made(LINES), [0], Limits())
    assert choice.pair == (1, FULL)
    assert choice.alike == ((1, FROZEN),)
    assert list(choice.ranked) == [(1, FULL), (1, FROZEN), (0, FULL)]


def test_what_failed_a_check_is_never_recommended():
    assert all(pair[0] != 2 for pair in choose(made(LINES), [0], Limits()).ranked)


@pytest.mark.parametrize(
    ("limits", "rows"),
    [
        (Limits(labels=127), {0: 0}),
        (Limits(labels=128, megabytes=1), {0: 1}),
        (Limits(megabytes=8.99), {0: 1}),
        (Limits(megabytes=9), {0: 2}),
        (Limits(milliseconds=3.9), {0: 1}),
        (Limits(milliseconds=4), {0: 2}),
        (Limits(seconds=8), {0: 2}),
    ],
)
def test_limits_hold_at_their_ends(limits, rows):
    assert choose(made(LINES), [0], limits).rows == rows


def test_what_has_no_known_size_is_beyond_every_limit_of_size():
    lines = [line | {"bytes": None} if line["system"] == 1 else line for line in LINES]
    assert choose(made(lines), [0], Limits(megabytes=1e9)).pair == (0, FULL)
    assert choose(made(lines), [0], Limits()).pair == (1, FULL)


def test_ranks_are_added_over_tasks_and_less_loss_is_better():
    assert choose(made(LINES), [2], Limits()).pair == (0, FULL)
    both = choose(made(LINES), [1, 2], Limits())
    assert both.pair == (0, FULL)  # one first and one second place each: the first of equal ones
    assert choose(made(LINES), [0, 1, 2], Limits()).pair == (1, FULL)


def test_pairs_that_miss_a_task_stand_back():
    assert (1, FROZEN) not in choose(made(LINES), [0, 1], Limits()).ranked


def test_a_list_of_ties_takes_the_place_of_intervals():
    assert tied(made(LINES), 2, 3) and not tied(made(LINES), 1, 3)
    listed = made(LINES, ties=[[3, 1]])
    assert tied(listed, 1, 3) and tied(listed, 3, 1) and not tied(listed, 2, 3)
    assert choose(listed, [0], Limits()).alike == ()


def test_one_seed_tells_nothing_apart():
    lines = [line | {"low": None, "high": None} for line in LINES]
    assert choose(made(lines), [0], Limits()).alike == ((1, FROZEN), (0, FULL))


def test_nothing_within_the_limits_is_one_line_with_the_least_there_is():
    with pytest.raises(DataError, match="the least that was measured is 32 labels, 1 MB, 8 sec"):
        choose(made(LINES), [0], Limits(labels=31))


@pytest.fixture
def report(tmp_path: Path) -> Path:
    (tmp_path / written.NAME).write_text(written.dump(made(LINES)), encoding="utf-8")
    return tmp_path


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        cli.main(["choose", *arguments])
    out, err = capsys.readouterr()
    return int(left.value.code or 0), out, err


def test_the_command_shows_the_rows_behind_the_answer(report, capsys):
    code, out, _ = _run(capsys, "--report", str(report), "--task", "senses", "--labels", "200")
    lines = out.splitlines()
    assert code == 0
    assert lines[0] == "use large with full (measured on senses)"
    assert lines[1] == "cannot be told apart from it: 1 other"
    assert lines[3].split()[:3] == ["recommended", "large", "full"]
    assert "0.700  0.680 to 0.720  3      128     9   8" in lines[3]
    assert [line.split()[0] for line in lines[4:]] == ["alike", "next"]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--task", "tag"), 2, "--task: 'tag' was not measured; choose one of loss, senses, tags"),
        (("--kind", "x"), 2, "--kind: 'x' was not measured; choose one of tagging, word_sense"),
        (("--labels", "1.5"), 2, "--labels: '1.5' is no number of items; give a whole number"),
        (("--labels", "0"), 2, "--labels: '0' is no limit; give a number above 0"),
        (("--max-mb", "nan"), 2, "--max-mb: 'nan' is no limit; give a number above 0"),
        (("--max-seconds", "soon"), 2, "--max-seconds: 'soon' is no limit"),
        (("--max-mb", "0.5"), 3, "nothing was measured within these limits; allow more"),
    ],
)
def test_bad_values_are_one_line(report, capsys, arguments, code, told):
    found, out, err = _run(capsys, "--report", str(report), *arguments)
    assert (found, out) == (code, "")
    assert err.startswith(f"error: {told}") and err.count("\n") == 1


DEEP = "[" * 200_000
DAMAGES = [
    "{",
    "[]",
    DEEP,
    "rows",
    "ties",
    "task",
    "lower",
    "mean",
    "name",
    "more",
    "nan",
    "cost",
    "escape",
    "twice",
]


@pytest.mark.parametrize("change", DAMAGES, ids=[each[:5] for each in DAMAGES])
def test_a_damaged_file_is_one_line(report, capsys, change):
    content = made(LINES)
    if change == "rows":
        content["rows"]["mean"].pop()
    elif change == "ties":
        content["ties"] = [[0, 99]]
    elif change == "task":
        content["rows"]["task"][0] = 3
    elif change == "lower":
        content["tasks"] = [TASKS[0] | {"lower": "x"}, *TASKS[1:]]
    elif change == "mean":
        content["rows"]["mean"][0] = "0.5"
    elif change == "name":
        content["systems"] = [SYSTEMS[0] | {"name": 3}, *SYSTEMS[1:]]
    elif change == "more":
        content["surplus"] = 1
    elif change == "nan":
        content["rows"]["mean"][0] = float("nan")
    elif change == "cost":
        content["rows"]["milliseconds"][0] = -1
    elif change == "escape":
        content["tasks"] = [TASKS[0] | {"name": "a\x1b[2J"}, *TASKS[1:]]
    elif change == "twice":
        content["tasks"] = [TASKS[0], TASKS[0], *TASKS[2:]]
    text = change if change in ("{", "[]", DEEP) else json.dumps(content)
    (report / written.NAME).write_text(text, encoding="utf-8")
    code, _, err = _run(capsys, "--report", str(report))
    assert code == 3 and "scores.json: is not readable; run `dvc repro` again" in err


def test_a_folder_without_scores_is_one_line(tmp_path, capsys):
    code, _, err = _run(capsys, "--report", str(tmp_path))
    assert code == 3 and "scores.json: is missing" in err and err.count("\n") == 1


def test_a_report_from_before_latency_was_measured_is_read(tmp_path):
    old = made(LINES)
    del old["rows"]["milliseconds"]
    (tmp_path / "scores.json").write_text(json.dumps(old))
    found = written.load(tmp_path)
    assert choose(found, [0], Limits()).pair == (1, FULL)
    with pytest.raises(DataError, match="milliseconds were not measured, ask for no limit"):
        choose(found, [0], Limits(milliseconds=5))


def test_where_all_failed_a_check_no_limit_helps():
    lines = [line | {"counts": 0} for line in LINES]
    with pytest.raises(DataError, match="every representation that was measured on these failed"):
        choose(made(lines), [0], Limits())


def test_what_a_stack_takes_is_that_of_both_parts(make_tree):
    tree = make_tree()
    for name, median in (("bert", 1.5), ("word2vec", 0.25)):
        latency = {"median_ms": median, "least_ms": 1, "most_ms": 2, "words": 9.0}
        tree.record(f"invariance@wiki-{name}", latency=latency, num_threads=1)
    tree.params["strategy"] = {"full": {"partner": "word2vec"}}
    found = written.build(tree.collect())
    names = [of["name"] for of in found["systems"]]
    rows = [dict(zip(found["rows"], line, strict=True))
            for line in zip(*found["rows"].values(), strict=True)]  # fmt: skip
    for row in rows:
        is_stack = found["strategies"][row["strategy"]] == "full"
        alone = {"bert": 1.5, "word2vec": 0.25}.get(names[row["system"]])
        wanted = None if alone is None else alone + 0.25 * is_stack
        assert (row["milliseconds"], row["bytes"]) == (wanted, 12_000_000 * (1 + is_stack))
    text = overview.build(tree.collect())
    cells = [cell.text for row in text.tables[0].rows for cell in row]
    assert "1.5 ms (1 to 2)" in cells
    assert any("of 9 words in the mean" in note and "with 1 thread" in note for note in text.notes)
