"""Published figures beside those of a run: what is tested, what is not, and why."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from fake_tree import SELECTION, Tree

from polyseme import compose, results
from polyseme.config import build as build_config
from polyseme.errors import ConfigError
from polyseme.reporting import anchored, anchors, build
from polyseme.reporting.collect import Evidence
from polyseme.reporting.measurements import Measurements
from polyseme.reporting.sections import anchors as section

ROOT = Path(__file__).parents[2]
PROBE = {"stage": "probe", "task": "upos", "probe": "linear", "metric": "accuracy"}
ANCHOR = {
    "claim": "A linear probe reads parts of speech",
    "source": "Somebody 2019, Table 1",
    "value": 0.9,
    "unit": "accuracy",
    "data": "EWT",
    "dataset": "ewt",
    "words": 1_000_000,
    "rows": PROBE | {"representation": "bert"},
    "tolerance": 0.05,
    "gap": ["budget: little text"],
}


def _row(value: float, **cells: Any) -> dict[str, Any]:
    row = dict.fromkeys(results.REPORT_SCHEMA.names) | PROBE | {"representation": "bert"}
    row |= {"split": "test", "layer": "1", "seed": 0, "family": "contextual", "words_seen": 500}
    return row | {"value": value, "system": cells.get("representation", "bert")} | cells


def _evidence(*rows: dict[str, Any], **changes: Any) -> Evidence:
    params = {"task": {"upos": {"source": "artifacts/data/ewt"}}}
    anchor = build_config(anchors.Anchor, ANCHOR | changes, file="x.yaml")
    return Evidence("x", SELECTION, params, Measurements(list(rows)), anchors={"mine": anchor})


def _outcome(*rows: dict[str, Any], **changes: Any) -> anchored.Outcome:
    (found,) = anchored.outcomes(_evidence(*rows, **changes))
    return found


def test_seeds_are_averaged_and_the_gap_is_judged() -> None:
    found = _outcome(_row(0.82), _row(0.90, seed=1))
    assert (found.observed, found.gap) == (pytest.approx(0.86), pytest.approx(-0.04))
    assert found.is_within is True
    assert _outcome(_row(0.82), _row(0.86, seed=1)).is_within is False


@pytest.mark.parametrize(
    "other",
    [
        {"control": True},
        {"part": "nouns"},
        {"split": "valid"},
        {"train_size": 5},
        {"rank": 4},
        {"checked": False},
        {"representation": "gpt"},
    ],
)
def test_rows_that_the_anchor_does_not_mean_do_not_count(other: dict[str, Any]) -> None:
    size = {"train_size": 10}
    assert _outcome(_row(0.9, **size), _row(0.1, **(size | other))).observed == pytest.approx(0.9)


def test_several_layers_give_their_mean_or_the_best() -> None:
    rows = [_row(0.6, layer="1"), _row(0.8, layer="2"), _row(0.9, layer="2", seed=1)]
    assert _outcome(*rows).observed == pytest.approx((0.6 + 0.85) / 2)
    assert _outcome(*rows, take="best").observed == pytest.approx(0.85)


def test_the_best_of_a_loss_is_the_lowest() -> None:
    rows = [_row(3.0, metric="loss", layer="1"), _row(2.0, metric="loss", layer="2")]
    asked = ANCHOR["rows"] | {"metric": "loss"}  # type: ignore[operator]
    assert _outcome(*rows, rows=asked, take="best", value=2.0).observed == 2.0


def test_two_sides_are_compared_where_both_were_measured() -> None:
    rows = [
        _row(0.9, layer="1"),
        _row(0.1, layer="2"),
        _row(0.6, layer="1", representation="bert_init"),
    ]
    changes = {"compare": "difference", "against": {"representation": "bert_init"}, "value": 0.28}
    assert _outcome(*rows, **changes).observed == pytest.approx(0.3)
    ratio = _outcome(*rows, **(changes | {"compare": "ratio"}))
    assert ratio.observed == pytest.approx(1.5)
    lone = [_row(0.9, layer="1"), _row(0.6, layer="2", representation="bert_init")]
    assert _outcome(*lone, **changes).why == "the two were not measured on the same"


@pytest.mark.parametrize(
    ("value", "tolerance", "holds"), [(0.5, 0.0, True), (-0.5, 0.0, False), (0.5, 0.2, False)]
)
def test_an_ordering_is_judged_by_its_sign(value: float, tolerance: float, holds: bool) -> None:
    rows = [_row(0.9), _row(0.8, representation="gpt")]
    changes: dict[str, Any] = {"compare": "ordering", "against": {"representation": "gpt"}}
    assert _outcome(*rows, value=value, tolerance=tolerance, **changes).is_within is holds


@pytest.mark.parametrize(
    ("compare", "value", "holds"),
    [("at_most", 0.9, False), ("at_most", 0.95, True), ("at_least", 0.95, True)],
)
def test_bounds_are_judged_on_one_side(compare: str, value: float, holds: bool) -> None:
    found = _outcome(_row(0.99), compare=compare, value=value, tolerance=0.05)
    assert found.is_within is holds


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"task": "ner"}, "no task ner in this run"),
        ({"representation": "elmo"}, "no representation elmo on upos, but bert"),
        ({"representation": ["elmo", "gpt"]}, "no representation elmo or gpt on upos, but bert"),
        ({"probe": "mlp"}, "no probe mlp on upos, but linear"),
        ({"layer": "7"}, "no layer 7 on upos, but 1"),
        ({"strategy": "full"}, "no strategy full on upos"),
    ],
)
def test_what_is_not_there_is_named(asked: dict[str, Any], why: str) -> None:
    found = _outcome(_row(0.9), rows=PROBE | {"representation": "bert"} | asked)
    assert (found.observed, found.is_within, found.why) == (None, None, why)


def test_a_representation_that_failed_a_check_is_not_held_against_a_figure() -> None:
    assert _outcome(_row(0.9, checked=False)).why == "it failed a check"


@pytest.mark.parametrize("dataset", ["", "ptb"])
def test_other_data_are_not_judged(dataset: str) -> None:
    found = _outcome(_row(0.9), dataset=dataset, data="Penn Treebank")
    assert (found.observed, found.is_within) == (0.9, None)
    assert found.why == "other data: ewt, not Penn Treebank"
    assert _outcome(_row(0.9), dataset="any", data="Penn Treebank").is_within is True


def test_the_section_shows_both_sides_and_counts() -> None:
    evidence = _evidence(_row(0.80))
    evidence.anchors["other"] = _evidence(rows=PROBE | {"task": "ner"}).anchors["mine"]
    made = section.build(evidence)
    assert made is not None
    told = "Of 2 published figures this run tests 1: 0 within tolerance, 1 not. 1 it cannot test."
    assert made.paragraphs == (told,)
    (line,) = made.tables[0].rows
    shown = dict(zip(made.tables[0].columns, (cell.text for cell in line), strict=True))
    assert (shown["Published"], shown["Here"], shown["Gap"]) == ("0.900", "0.800", "−0.100")
    assert (shown["Within tolerance"], shown["Words, there and here"]) == ("no", "1,000,000; 500")
    assert shown["Why a gap is to be expected"] == "budget: little text"
    assert made.tables[1].rows[0][-1].text == "no task ner in this run"


def test_without_anchors_there_is_no_section() -> None:
    assert section.build(Evidence("x", SELECTION, {})) is None


def test_a_new_anchor_is_one_file(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "project").write()
    file = tree.root / "conf/anchor/mine.yaml"
    file.parent.mkdir(parents=True)
    asked = PROBE | {"task": "truecase", "representation": "bert"}
    values = ANCHOR | {"rows": asked, "claim": "Casing <b>|</b>", "dataset": "any"}
    file.write_text(yaml.safe_dump(values))
    (tmp_path / "report").mkdir()
    build.write(tmp_path / "report", tree.collect())
    page = (tmp_path / "report/README.md").read_text()
    assert r"Casing \<b\>\|\</b\> (Somebody 2019, Table 1)" in page
    assert "<b>|</b>" not in (tmp_path / "report/index.html").read_text()


def test_a_change_of_an_anchor_makes_the_report_run_again() -> None:
    stage = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]["report"]
    assert "conf/anchor" in stage["deps"]


def test_the_committed_anchors_can_be_read_and_name_what_exists() -> None:
    found = anchors.read(ROOT / "conf/anchor")
    assert len(found) > 20
    there = {group: {p.stem for p in (ROOT / "conf" / group).glob("*.yaml")} for group in GROUPS}
    for name, anchor in found.items():
        for side in (anchor.rows, anchor.rows | anchor.against):
            for group in GROUPS & side.keys():
                cells = side[group]
                for cell in cells if isinstance(cells, list) else [cells]:
                    known = there[group] | {f"{each}_init" for each in there[group]}
                    assert cell is None or cell in known or side["stage"] == "intrinsic", name
        assert anchor.dataset in {"", "any"} | there["dataset"], name


GROUPS = {"task", "probe", "strategy", "dataset"}


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"valeu": 1}, ["unknown key 'valeu'", "allowed keys: claim"]),
        ({"source": None}, ["source = None is not allowed", "string"]),
        ({"value": "high"}, ["value = 'high' is not allowed", "number"]),
        ({"value": float("nan")}, ["value"]),
        ({"tolerance": -1}, ["tolerance = -1", "greater than or equal to 0"]),
        ({"compare": "better"}, ["compare = 'better'", "'ordering'"]),
        ({"rows": {"task": "upos", "metric": "f1"}}, ["'rows.stage' is missing"]),
        (
            {"rows": PROBE | {"stage": "prob"}},
            ["rows.stage = 'prob' is unknown", "stages: pretrain"],
        ),
        ({"rows": PROBE | {"tsk": "upos"}}, ["unknown column 'rows.tsk'", "columns: corpus"]),
        ({"rows": PROBE | {"layer": 1}}, ["rows.layer = 1", "a text (in quotes)"]),
        ({"rows": PROBE | {"train_size": "all"}}, ["rows.train_size = 'all'", "a number"]),
        ({"against": {"probe": "mlp"}}, ["'against' has no use", "ordering"]),
        ({"compare": "ratio"}, ["'against' is missing"]),
        (
            {"compare": "ordering", "against": {"probe": "mlp"}, "value": 0},
            ["value = 0 is no ordering"],
        ),
    ],
)
def test_a_bad_anchor_is_refused_in_one_line(
    tmp_path: Path, changes: dict[str, Any], parts: list[str]
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(ANCHOR | changes))
    with pytest.raises(ConfigError) as caught:
        anchors.read(tmp_path)
    line = str(caught.value)
    assert "\n" not in line
    assert all(part in line for part in [str(file), *parts]), line


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (b"claim: a\nvalue: [1\n", "mine.yaml:3"),
        (b"", "holds no keys"),
        (b"- a\n", "holds no keys"),
        (b"claim: \xff\n", "not UTF-8"),
        (b"claim: a\nclaim: b\n", "mine.yaml"),
    ],
)
def test_a_file_that_is_no_yaml_is_refused_in_one_line(
    tmp_path: Path, text: bytes, part: str
) -> None:
    (tmp_path / "mine.yaml").write_bytes(text)
    with pytest.raises(ConfigError) as caught:
        anchors.read(tmp_path)
    assert part in str(caught.value)


def test_a_missing_key_names_it(tmp_path: Path) -> None:
    values = {key: value for key, value in ANCHOR.items() if key != "source"}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(ConfigError, match="key 'source' is missing"):
        anchors.read(tmp_path)


def test_composing_refuses_a_bad_anchor(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    (tmp_path / "conf/anchor/mine.yaml").write_text("claim: nothing more\n")
    with pytest.raises(ConfigError, match=r"conf/anchor/mine\.yaml: key 'source' is missing"):
        compose.composed([], tmp_path / "conf")


def test_committed_anchors_name_items_that_exist() -> None:
    """A misspelt name would only be reported as what the run cannot test."""
    groups = {"task": ["task"], "probe": ["probe"]}
    groups["representation"] = ["lm", "static", "baseline"]
    known = {
        key: {path.stem for group in names for path in (ROOT / "conf" / group).glob("*.yaml")}
        for key, names in groups.items()
    }
    datasets = {path.stem for path in (ROOT / "conf/dataset").glob("*.yaml")}
    for name, anchor in anchors.read(ROOT / "conf/anchor").items():
        for rows in (anchor.rows, anchor.against):
            for key, items in known.items():
                named = rows.get(key) or []
                for each in named if isinstance(named, list | tuple) else [named]:
                    assert str(each).removesuffix("_init") in items, f"{name}: {key} {each}"
        assert anchor.dataset in {"", "any", *datasets}, f"{name}: {anchor.dataset}"
