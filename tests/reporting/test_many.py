"""A dozen representations: tables, sentences and figures that can still be read."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_tree import CONTEXTUAL, EXPERIMENT, LEFT, MANY, SELECTION, STATIC, WITH_SENSES, Tree
from test_report import _table, _write

from polyseme import paths, results
from polyseme.reporting.measurements import lower_is_better


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("dozen")
    return _write(Tree(folder / "project", MANY).write(), folder / "report")


def _readme(folder: Path) -> str:
    return (folder / "README.md").read_text().replace("\\_", "_")


def test_static_ones_have_counts_and_contextual_ones_losses(report):
    static = _table(_readme(report), "Static representations")
    assert [line["Representation"] for line in static] == list(STATIC)
    (glove,) = [line for line in static if line["Representation"] == "glove"]
    shown = ("Types", "Nonzeros", "Updates", "Words seen", "Size", "Time")
    assert [glove[name] for name in shown] == [
        "40,000",
        "700,000",
        "7,000,000",
        "2,000,000",
        "11.4 MiB",
        "10.0 min",
    ]
    contextual = _table(_readme(report), "Contextual representations")
    assert [line["Representation"] for line in contextual] == list(CONTEXTUAL)
    assert contextual[0]["bits per byte, valid"] == "1.310"
    assert contextual[0]["Size"] == "11.4 MiB"
    assert not any("replaced" in column for column in contextual[0])


def test_what_one_model_reports_besides_has_a_table_of_its_own(report):
    lines = _table(_readme(report), "What single models report besides")
    assert {line["Representation"] for line in lines} == {"electra"}
    assert {line["Measure"]: line["valid"] for line in lines} == {
        "accuracy of detecting replaced tokens": "0.900",
        "loss of detecting replaced tokens": "0.300",
        "share of tokens that were replaced": "0.120",
    }


def test_counts_of_rows_stand_where_the_record_has_none(make_tree, tmp_path):
    tree = make_tree()
    tree.record_making("word2vec", costs={})
    row = {"corpus": "wiki", "representation": "word2vec", "stage": "pretrain", "split": "train"}
    tree.table(("model", "wiki", "word2vec"), [row | {"metric": "num_types", "value": 77.0}])
    lines = _table(_readme(_write(tree, tmp_path / "report")), "Static representations")
    assert [line["Types"] for line in lines] == ["40,000", "77"]


def test_the_note_says_whose_losses_compare(report):
    text = _readme(report)
    assert "awd_lstm and gpt predict every token, from the left" in text
    assert "elmo predicts every token, from each side alone" in text
    assert "bert, electra (its generator) and gpt_bert predict hidden tokens (15 % of all)" in text


def test_loss_curves_have_a_panel_for_each_kind(report, make_tree, tmp_path):
    svg = (report / "figures/loss.svg").read_text()
    assert svg.count(">validation loss (bits per byte)<") == 3
    assert f">{LEFT}<" in svg
    one = (_write(make_tree(), tmp_path / "report") / "figures/loss.svg").read_text()
    assert one.count(">validation loss (bits per byte)<") == 1


def test_ties_of_many_share_all_ranks(make_tree, tmp_path):
    tree = make_tree(replace(MANY, tasks=("truecase",), probes=(), strategies=("full",)))
    for name in (*STATIC, *CONTEXTUAL):
        path = tree.root / paths.results(EXPERIMENT, "finetune", "wiki", name) / "results.parquet"
        results.write(path, [row | {"value": 0.5} for row in results.read(path)])
    text = _readme(_write(tree, tmp_path / "report"))
    assert "they cannot be told apart on truecase" in text.lower()
    (line,) = re.findall(r"\| awd\_lstm \|.*", text[text.index("Ranks that cannot") :])[:1]
    assert line.split("|")[2].strip() == f"1 to {len((*STATIC, *CONTEXTUAL))}"


def test_long_sentences_name_the_best_and_count_the_others(report):
    text = _readme(report)
    (probe,) = re.findall(r"- \*\*sst2, linear probe\*\*: .*", text)
    assert probe.count("(layer 4 of 0 to 4)") == 4
    assert "and 14 others, down to 0.40" in probe
    assert probe.endswith("baselines: majority 0.300 and type majority 0.500.")
    (senses,) = re.findall(r"crack has 3 senses here .*", text)
    assert senses.count(" in layer ") == 4
    assert "and 8 others, down to 0.320; always" in senses


def test_nearest_words_have_one_line_a_representation(report):
    lines = _table(_readme(report), "crack: nearest words")
    assert [line["Representation"].split(",")[0] for line in lines] == [*STATIC, *CONTEXTUAL]
    assert len(lines[0]) == 1 + 3


def test_the_senses_of_many_are_drawn_in_the_best_layer_only(report, make_tree, tmp_path):
    svg = (report / "figures/polysemy.svg").read_text()
    assert svg.count(">separation ") == len((*STATIC, *CONTEXTUAL))
    assert ">gpt_bert, layer 4<" in svg
    assert ">gpt_bert, layer 3<" not in svg
    assert "is the best layer of a contextualized" in _readme(report)
    few = _write(make_tree(WITH_SENSES), tmp_path / "report")
    assert (few / "figures/polysemy.svg").read_text().count(">separation ") == 2 + 5
    assert "is each layer of a contextualized" in _readme(few)


def test_the_comparison_names_each_representation_once_a_row_of_panels(report):
    svg = (report / "figures/comparison.svg").read_text()
    assert {svg.count(f">{name}<") for name in (*STATIC, *CONTEXTUAL)} == {1}
    assert {svg.count(f">{name}<") for name in ("scratch", "frozen", "full", "majority")} == {1}
    assert svg.count(">macro F1 on test<") == 2


def test_the_legend_of_layers_leaves_the_hollow_twins_out(report):
    svg = (report / "figures/layers.svg").read_text()
    assert {svg.count(f">{name}<") for name in (*STATIC, *CONTEXTUAL)} == {1}
    assert "_init<" not in svg
    assert svg.count(">static<") == 4


def _gaps(system: str, metric: str, value: float) -> dict[str, Any]:
    row = {"corpus": "wiki", "representation": system, "stage": "intrinsic", "task": "wordsim353"}
    return row | {"split": "test", "metric": metric, "value": value, "num_items": 600}


def test_models_that_read_one_side_have_bits_but_no_floor(make_tree, tmp_path):
    names = ("bert", "gpt", "elmo")
    tree = make_tree(replace(SELECTION, representations=names, probes=(), strategies=()))
    both = {"bits_per_gap": 3.4, "floor_bits_per_gap": 2.8, "excess_bits_per_gap": 0.6}
    rows = {
        "bert": [_gaps("bert", name, x) for name, x in (both | {"excess_error": 0.04}).items()],
        "gpt": [_gaps("gpt", "bits_per_gap_from_the_left", 5.1)],
        "elmo": [_gaps("elmo", "bits_per_gap_from_each_side", 4.9)],
    }
    for name in names:
        tree.table(("intrinsic", "wiki", name), rows[name])
    text = _readme(_write(tree, tmp_path / "report"))
    (line,) = _table(text, "Words hidden one at a time")
    assert (line["Representation"], line["Above the floor"]) == ("bert", "0.600")
    lines = {each["Representation"]: each for each in _table(text, "The same words")}
    assert lines["gpt"]["bits a gap, from the left"] == "5.100"
    assert lines["elmo"]["bits a gap, from each side"] == "4.900"
    assert set(lines) == {"gpt", "elmo"}
    assert "**wordsim353: by layer" not in text
    assert "They have no floor here" in text


@pytest.mark.parametrize(
    ("metric", "lower"),
    [
        ("detection_loss", True),
        ("causal_bits_per_byte", True),
        ("masked_loss", True),
        ("bits_per_gap", True),
        ("bits_per_gap_from_each_side", True),
        ("excess_bits_per_gap", True),
        ("detection_accuracy", False),
        ("replaced_share", False),
        ("separation", False),
    ],
)
def test_direction_of_every_metric(metric, lower):
    assert lower_is_better(metric) is lower
