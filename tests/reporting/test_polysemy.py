"""Words with several senses: what is read, refused, drawn, tabulated and embedded."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_polysemy import NUM
from fake_tree import WITH_SENSES, Tree
from test_report import _files, _parse, _table, _write

from polyseme.errors import DataError
from polyseme.reporting.explorer import script_json
from polyseme.reporting.figures import polysemy as figure
from polyseme.reporting.polysemy import Layer

TITLE = "One word, several senses"


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("senses")
    return _write(Tree(folder / "project", WITH_SENSES).write(), folder / "report")


def _embedded(page: str) -> dict[str, Any]:
    pattern = r'<script type="application/json" data-part="data">(.*?)</script>'
    (text,) = re.findall(pattern, page, re.DOTALL)
    return json.loads(text)


def test_words_come_in_the_order_of_the_task_not_of_the_file(make_tree):
    found = make_tree(WITH_SENSES).collect().polysemy
    assert list(found) == ["random", "word2vec", "bert"]
    assert all(list(each.words) == ["crack", "bank"] for each in found.values())
    assert [each.is_static for each in found.values()] == [True, True, False]


def test_without_such_a_task_there_is_neither_section_nor_figure_nor_script(make_tree, tmp_path):
    folder = _write(make_tree(), tmp_path / "report")
    assert TITLE not in (folder / "README.md").read_text()
    assert not (folder / "figures/polysemy.svg").exists()
    page = (folder / "index.html").read_text()
    assert 'data-part="data"' not in page
    assert "createElementNS" not in page


def test_a_system_without_a_description_is_left_out(make_tree):
    tree = make_tree(WITH_SENSES)
    (tree.root / tree.described("random")).unlink()
    assert list(tree.collect().polysemy) == ["word2vec", "bert"]


def _word(content: dict[str, Any]) -> dict[str, Any]:
    return content["words"]["crack"]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda c: c.pop("words"), r"words: Field required"),
        (lambda c: c["words"].clear(), r"words: .*at least 1"),
        (lambda c: _word(c)["layers"][0]["points"].pop(), "not one point for each occurrence"),
        (lambda c: _word(c)["layers"][0].update(separation=None), r"crack.layers.0.separation"),
        (lambda c: _word(c)["layers"][0]["points"].append([1]), r"points"),
        (lambda c: _word(c)["occurrences"][0].update(position=99), "position 99"),
        (lambda c: _word(c)["occurrences"][0].update(text="other text it is"), "than random does"),
    ],
)
def test_a_malformed_description_is_one_line(
    make_tree, damage: Callable[[dict[str, Any]], Any], said: str
):
    tree = make_tree(WITH_SENSES)
    path = tree.root / tree.described("bert")
    content = json.loads(path.read_text())
    damage(content)
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=said) as caught:
        tree.collect()
    assert re.search(r"bert/occurrences\.json: (is malformed|describes)", str(caught.value))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["{", "[]", "", '{"words": {}, "gaps": [NaN]}'])
def test_what_is_no_description_at_all_is_one_line(make_tree, text):
    tree = make_tree(WITH_SENSES)
    (tree.root / tree.described("word2vec")).write_text(text)
    with pytest.raises(DataError, match=r"word2vec/occurrences\.json: is malformed: [^\n]+$"):
        tree.collect()


def test_the_figure_has_a_panel_for_each_layer_and_a_legend(report):
    svg = (report / "figures/polysemy.svg").read_text()
    for title in ("random", "word2vec", *(f"bert, layer {n}" for n in range(5))):
        assert f">{title}<" in svg
    for sense in ("fissure", "drug", "solve"):
        assert f">{sense}<" in svg
    assert svg.count(">separation 0.32<") == 2
    assert (report / "figures/polysemy-dark.svg").read_text() != svg


def test_points_are_on_one_place_when_they_are_drawn_on_each_other():
    layer = Layer("0", ((0.5, 0.0), (0.5001, 0.0), (-0.5, 0.1)), 1.0, 0.5)
    first, second, third = figure.places(layer)
    assert first == second != third
    assert set(figure.places(Layer("0", ((0.0, 0.0),) * 3, 1.0, 0.5))) == {(0, 0)}


def test_sentences_state_the_numbers_of_the_description(report):
    readme = (report / "README.md").read_text()
    assert "crack has 3 senses here (fissure, drug and solve), in 60 sentences." in readme
    assert "bert 0.920 in layer 4 of 0 to 4, random 0.320 and word2vec 0.320" in readme
    assert "most frequent sense would give 0.333" in readme
    assert "the best contextual vectors (layer 4 of bert) 0.920" in readme
    assert "has a share of 0.417" in readme
    assert readme.index(TITLE) < readme.index("## Comparison")


def test_tables_hold_separations_neighbours_and_fillings(report):
    readme = (report / "README.md").read_text()
    rows = _table(readme, "Separation of the senses by layer")
    assert [(r["Word"], r["Representation"]) for r in rows][:3] == [
        ("crack", "random"),
        ("crack", "word2vec"),
        ("crack", "bert"),
    ]
    assert (rows[2]["Layer 3"], rows[1]["Layer 3"]) == ("0.790", "–")
    nearest = {r["Representation"]: r for r in _table(readme, "crack: nearest words")}
    assert list(nearest) == ["random", "word2vec", "bert, layer 4"]
    head = r"fissure: the rusty \[crack\] surprised him ."
    assert nearest["bert, layer 4"][head] == nearest["word2vec"][head] == "wall, door"
    assert "**bank: nearest words" in readme
    (gap,) = _table(readme, "Most probable words for a gap")
    assert (gap["Representation"], gap[list(gap)[-1]]) == ("bert", "lost 0.51, won 0.20")


def test_the_page_embeds_every_word_and_layer_for_the_script(report):
    data = _embedded((report / "index.html").read_text())
    assert set(data["systems"]) == {"random", "word2vec", "bert"}
    assert [each["layer"] for each in data["systems"]["bert"]["bank"]] == list("01234")
    assert len(data["systems"]["bert"]["bank"][0]["points"]) == NUM
    word = data["words"]["crack"]
    assert word["senses"] == ["fissure", "drug", "solve"]
    assert word["texts"][0] == "the rusty [crack] surprised him ."
    assert len(word["kinds"]) == len(word["texts"]) == NUM


def test_text_cannot_end_the_script_that_holds_it(report):
    page = (report / "index.html").read_text()
    assert "</script><script>alert" not in page
    assert page.count("<script>") == 1
    assert "<b>Eve" not in page
    texts = _embedded(page)["words"]["crack"]["texts"]
    assert any("</script><script>alert(1)</script>" in text for text in texts)
    assert json.loads(script_json(["<!--", "&amp;", "\u2028"])) == ["<!--", "&amp;", "\u2028"]
    assert "innerHTML" not in page


def test_every_control_has_a_label_and_the_part_is_hidden_until_a_script_shows_it(report):
    page = _parse(report / "index.html")
    controls = {tag for tag, name, _ in page.attributes if name == "data-control"}
    assert controls == {"select", "input"}
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    labels = {value for tag, name, value in page.attributes if (tag, name) == ("label", "for")}
    labelled = {value for value in labels if value.startswith("polysemy-")}
    assert labelled <= set(ids)
    assert len(labelled) == sum(name == "data-control" for _, name, _ in page.attributes)
    assert ("div", "hidden", "") in page.attributes


def test_the_page_still_loads_nothing_and_has_the_same_bytes_again(report, make_tree, tmp_path):
    text = (report / "index.html").read_text()
    assert not re.search(r"https?://|@import|url\((?!#)", text)
    assert _files(report) == _files(_write(make_tree(WITH_SENSES), tmp_path / "again"))
