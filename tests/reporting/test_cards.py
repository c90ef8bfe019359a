"""Probe cards: every representation on every task, once, from its own rows."""

from __future__ import annotations

import re
import time
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from fake_measures import RICH, write
from fake_tree import MANY, Tree

from polyseme.reporting import cards
from polyseme.reporting.figures import card as card_figure


def test_the_cards_are_linked_and_each_file_is_shown_once(rich):
    page = (rich / "cards.html").read_text()
    shown = re.findall(r'src="cards/([^"]+)"', page)
    files = [path.name for path in (rich / "cards").iterdir()]
    assert sorted(shown) == sorted(files) == sorted(set(shown))
    tasks = {"cpos", "senses", "trees", "structure", "edges"}
    assert set(files) == {f"{name}-{task}.svg" for name in RICH.representations for task in tasks}
    assert page.count('loading="lazy"') == len(files)
    assert 'href="cards.html"' in (rich / "index.html").read_text()
    assert "(cards.html)" in (rich / "README.md").read_text()
    assert "<script" not in page and "https://" not in page
    for name in files:
        assert f'href="#{name.removesuffix(".svg")}"' in page


def test_cards_are_small_svg_in_both_palettes(rich):
    for path in (rich / "cards").iterdir():
        text = path.read_text()
        ET.fromstring(text)
        assert len(text) < 40_000
        assert "prefers-color-scheme:dark" in text
        assert not re.search(r"nan|inf\b", text)


def test_a_card_has_what_the_probes_of_its_task_found(evidence):
    made = {card.name: card for card in cards.cards(evidence)}
    tags = {panel.title: panel for panel in made["bert-cpos"].panels}
    assert list(tags) == ["linear: accuracy", "mlp: accuracy", "mdl: compression", "selectivity"]
    linear = [line.label for line in tags["linear: accuracy"].lines]
    assert linear == ["no limit", "rank or width 4", "random weights", "control"]
    assert {level.label for level in tags["linear: accuracy"].levels} == {
        "majority",
        "type majority",
    }
    assert [line.label for line in tags["mlp: accuracy"].lines][:2] == [
        "rank or width 64",
        "rank or width 8",
    ]
    (mean,) = [p for p in tags["linear: accuracy"].lines[0].points if p[0] == 3.0]
    values = evidence.rows.where(
        stage="probe", task="cpos", probe="linear", rank=None, layer="3", system="bert"
    )
    values = values.where(metric="accuracy", control=False).values()
    assert mean == (3.0, sum(values) / 3, min(values), max(values))
    tree = made["bert-structure"].panels
    assert [line.label for line in tree[0].lines] == [
        "rank or width 32",
        "rank or width 4",
        "random weights",
    ]
    assert [(level.label, level.value) for level in tree[0].levels] == [("linear chain", 0.41)]
    (edge,) = made["bert-edges"].panels
    assert {(level.label, level.value) for level in edge.levels if level.upright} == {
        ("centre of gravity", 2.25),
        ("expected layer", 3.5),
    }
    assert not any(line.hollow for panel in made["random-cpos"].panels for line in panel.lines)


def test_more_than_a_hundred_cards_take_seconds(tmp_path):
    selection = replace(RICH, representations=MANY.representations)
    found = cards.cards(write(Tree(tmp_path / "project", selection).write()).collect())
    assert len(found) == 12 * 5
    start = time.process_time()
    for card in found:
        card_figure.draw(card)
    assert (time.process_time() - start) / len(found) < 0.15


@pytest.mark.parametrize(("name", "expected"), [("bert", "bert"), ("a/b <c>", "a~2fb~20~3cc~3e")])
def test_names_of_cards_are_safe(name, expected):
    assert cards.safe(name) == expected
