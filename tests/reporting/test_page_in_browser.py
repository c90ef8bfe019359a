"""The page in a real browser: it loads nothing, and its tables, charts, slider and forms work."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_tree import Tree
from test_choosing import LINES, made, row
from test_learning import with_budgets
from test_polysemy import WITH_SENSES

from polyseme.errors import DataError
from polyseme.reporting import build, charts, pages, scores
from polyseme.reporting.charts import Charts
from polyseme.reporting.choosing import Limits, choose
from polyseme.reporting.page import Cell, Report, Section, table

ROWS = 1200
PHONE = 390
SHOWN = "e => e.getBoundingClientRect().height > 0"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with every chart, and scores.json beside it."""
    folder = tmp_path_factory.mktemp("page")
    evidence = with_budgets(Tree(folder / "project").write()).collect()
    evidence.tasks["truecase"]["family"], evidence.tasks["sst2"]["family"] = "tagging", "sentence"
    for line in evidence.rows.where(stage="finetune"):
        line["seconds"] = 5.0
    drawn = charts.build(evidence)
    page = pages.html(build.compose(evidence), drawn)
    (folder / "index.html").write_text(page, encoding="utf-8")
    (folder / scores.NAME).write_text(scores.dump(drawn.data["scores"]), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with one table of more rows than stand in a page."""
    lines = [[f"item {n}", "even odd".split()[n % 2], Cell(f"{n} x", n)] for n in range(ROWS)]
    shown = table("Long", ("Name", "Kind", "Number"), lines)
    path = tmp_path_factory.mktemp("long") / "index.html"
    page = pages.html(
        Report("Title", "Lead", (Section("S", "s", tables=(shown,)),)), Charts({}, {})
    )
    path.write_text(page, encoding="utf-8")
    return path


class Watched:
    """A page that remembers what went wrong, and what it asked for."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.page = browser.new_page(**options)
        self.wrong: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.wrong.append(message.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())

    def draw_all(self) -> None:
        """Scrolls to everything that is drawn when it is seen."""
        for figure in self.page.query_selector_all(".chart"):
            figure.scroll_into_view_if_needed()
            self.page.wait_for_function("e => e.dataset.state === 'drawn'", arg=figure)
        for widget in self.page.query_selector_all("[data-widget]"):
            widget.scroll_into_view_if_needed()


@pytest.fixture
def opened(browser: Any, report: Path) -> Iterator[Watched]:
    """The page with every chart; nothing may have gone wrong in the end."""
    watched = Watched(browser, report / "index.html")
    yield watched
    assert watched.wrong == []
    assert watched.requests == [(report / "index.html").as_uri()]
    watched.page.close()


def test_every_chart_is_drawn_with_its_rows_and_nothing_is_fetched(opened, report):
    opened.draw_all()
    found = scores.load(report)
    charts_ = opened.page.query_selector_all(".chart")
    names = [chart.get_attribute("data-chart") for chart in charts_]
    assert set(names) == {"learning_curves", "layers", "cost"}
    sizes = {each: len(set(found["rows"][each])) for each in ("system", "strategy", "labels")}
    marks = {
        name: chart.evaluate("e => e.querySelectorAll('.mark-symbol.role-mark path').length")
        for name, chart in zip(names, charts_, strict=True)
    }
    assert marks["learning_curves"] == sizes["system"] * sizes["labels"]
    assert marks["cost"] == sizes["system"] * sizes["strategy"]
    assert marks["layers"] == 2 * 5 + 2 * 2  # bert and its twin; two of one layer, at both ends


def test_controls_of_a_chart_choose_the_rows(opened):
    opened.draw_all()
    chart = opened.page.query_selector("[data-chart=learning_curves]")
    heights = "e => e.view.data('rows').map((row) => row.mean)"
    before = chart.evaluate(heights)
    opened.page.select_option("#chart-learning_curves-strategy", label="scratch")
    opened.page.wait_for_function(
        f"([e, before]) => ({heights})(e)[0] < before", arg=[chart, before[0]]
    )
    assert chart.evaluate(heights) != before


def test_the_front_is_what_nothing_cheaper_reaches(opened):
    opened.draw_all()
    rows = opened.page.eval_on_selector("[data-chart=cost]", "e => e.view.data('rows')")
    for one in rows:
        beaten = any(
            other["cost"] <= one["cost"]
            and other["mean"] >= one["mean"]
            and (other["cost"], -other["mean"]) < (one["cost"], -one["mean"])
            for other in rows
        )
        twin = [
            other for other in rows if (other["cost"], other["mean"]) == (one["cost"], one["mean"])
        ]
        assert one["front"] != beaten or len(twin) > 1
    assert any(one["front"] for one in rows)


def test_the_slider_moves_the_bars(opened):
    opened.draw_all()
    page = opened.page
    values = "ul => [...ul.children].map((li) => li.innerText.split('\\n').map((t) => t.trim()))"
    before = page.eval_on_selector(".bars", values)
    slider = page.query_selector("#slider-layer")
    assert page.inner_text("[data-widget=slider] output") == "4"
    slider.focus()
    page.keyboard.press("Home")
    after = page.eval_on_selector(".bars", values)
    assert page.inner_text("[data-widget=slider] output") == "0"
    assert slider.get_attribute("aria-valuetext") == "layer 0"
    names = [line[0] for line in after]
    assert names.index("bert_init") == names.index("bert") + 1
    assert set(names) >= {"random", "word2vec", "majority", "type majority"}
    changed = {line[0] for line in after if line not in before}
    assert changed == {"bert", "bert_init"}


def _asked(page: Any) -> list[tuple[str, str]]:
    lines = page.eval_on_selector(
        "[data-part=rows]",
        "body => [...body.rows].map((row) => [...row.cells].map((cell) => cell.textContent))",
    )
    return [(line[0], line[1]) for line in lines]


def test_the_form_gives_the_answer_of_the_rule(opened, report):
    found, page = scores.load(report), opened.page
    names = [each["name"] for each in found["tasks"]]
    for task, labels in (("sst2", None), ("truecase", 128), ("sst2", 40)):
        page.select_option("#chooser-about", f"task:{task}")
        page.fill("#chooser-labels", "" if labels is None else str(labels))
        choice = choose(found, [names.index(task)], Limits(labels=labels))
        system, strategy = choice.pair
        named = f"{found['systems'][system]['name']}, {found['strategies'][strategy]}"
        assert page.inner_text("[data-part=answer]").startswith(f"Use {named} (measured on {task})")
        assert _asked(page)[0] == ("recommended", named)
        assert [mark for mark, _ in _asked(page)].count("alike") == len(choice.alike)


@pytest.mark.parametrize(
    ("field", "text", "told"),
    [
        ("labels", "1.5", "give a whole number of at least 1, or nothing"),
        ("megabytes", "-3", "give a number above 0, or nothing"),
        ("labels", "3", "Nothing was measured within these limits"),
    ],
)
def test_bad_values_of_the_form_are_one_line(opened, field, text, told):
    opened.page.fill(f"#chooser-{field}", text)
    assert told in opened.page.inner_text("[data-part=answer]")
    assert not opened.page.is_visible("[data-part=evidence]")


def _random_scores(seed: int) -> dict[str, Any]:
    draw = random.Random(seed)
    lines = []
    for task in range(3):
        for system in range(3):
            for strategy in range(2):
                for labels in (32, 128, 512):
                    if draw.random() < 0.25:
                        continue
                    mean, half = round(draw.random(), 1), draw.choice([0.05, 0.2])
                    ends = (mean - half, mean + half) if draw.random() < 0.9 else (None, None)
                    other = {"strategy": strategy, "low": ends[0], "high": ends[1]}
                    other |= {"seconds": draw.choice([None, 1, 30]), "counts": draw.random() < 0.9}
                    valid = draw.choice([None, round(draw.random(), 1)])
                    lines.append(row(task, system, labels, valid, mean, **other))
    return made(lines, ties=[[0, 1], [2, 0]] if seed % 5 == 0 else None)


def test_script_and_python_choose_the_same(opened):
    draw = random.Random(0)
    asked = [(made(LINES), [0, 1, 2], Limits())]
    for seed in range(200):
        limits = Limits(
            labels=draw.choice([None, 10, 32, 200, 600]),
            megabytes=draw.choice([None, 0.5, 1, 5.5, 9]),
            seconds=draw.choice([None, 1, 29.5]),
            milliseconds=draw.choice([None, None, 0.05, 2, 4]),
        )
        asked.append(
            (_random_scores(seed), sorted(draw.sample(range(3), draw.randint(1, 3))), limits)
        )
    found = opened.page.evaluate(
        """(asked) => asked.map(([scores, tasks, limits]) => {
          const found = choosing.choose(scores, tasks, limits);
          const pairs = (list) => list.map((pair) => [pair.system, pair.strategy]);
          return found && [found.tasks, pairs(found.ranked), pairs(found.alike)];
        })""",
        [(each, tasks, vars(limits)) for each, tasks, limits in asked],
    )
    for (each, tasks, limits), theirs in zip(asked, found, strict=True):
        try:
            choice = choose(each, tasks, limits)
        except DataError:
            assert theirs is None
            continue
        ours = [list(choice.tasks), [*map(list, choice.ranked)], [*map(list, choice.alike)]]
        assert theirs == ours
    assert 20 < sum(each is not None for each in found) < len(found)


def test_the_matrix_filters_columns_and_rows(opened):
    opened.draw_all()
    page = opened.page
    assert page.locator("#matrix-table tbody tr").count() == 3
    assert page.locator("#matrix-table thead th").count() == 3
    page.select_option("#matrix-kind", "tagging")
    assert page.locator("#matrix-table thead button").all_inner_texts() == [
        "Representation",
        "truecase",
    ]
    page.select_option("#matrix-family", "static")
    assert page.locator("#matrix-table tbody th").all_inner_texts() == ["random", "word2vec"]
    page.select_option("#matrix-strategy", label="scratch")
    assert "scratch" not in page.inner_text("#matrix-table tbody")


def test_columns_sort_by_click_and_by_key_and_say_so(opened):
    header = opened.page.locator("#overview thead th").nth(3)
    body = "document.querySelector('#overview tbody')"
    values = f"[...{body}.rows].map((row) => row.cells[3].dataset.sort)"
    header.locator("button").focus()
    opened.page.keyboard.press("Enter")
    assert header.get_attribute("aria-sort") == "descending"
    falling = [float(v) for v in opened.page.evaluate(values) if v]
    assert falling == sorted(falling, reverse=True)
    opened.page.keyboard.press("Enter")
    assert header.get_attribute("aria-sort") == "ascending"
    assert [float(v) for v in opened.page.evaluate(values) if v] == falling[::-1]


def test_a_long_table_is_shown_by_windows_filtered_and_downloaded(browser, long, tmp_path):
    watched = Watched(browser, long)
    page = watched.page
    page.click("summary")
    page.wait_for_selector("[role=status]")
    assert page.locator("tbody tr").count() == 100
    assert page.inner_text("[role=status]") == "1,200 of 1,200 rows, 1 to 100 shown"
    page.click("text=Next")
    assert page.locator("tbody th").first.inner_text() == "item 100"
    page.locator("thead button").nth(2).click()
    assert page.locator("tbody th").first.inner_text() == "item 1199"
    page.get_by_label("Kind").select_option("even")
    page.get_by_label("Filter", exact=True).fill("item 11")
    wanted = [n for n in range(ROWS - 1, -1, -1) if n % 2 == 0 and "11" in str(n)]
    told = f"{len(wanted)} of 1,200 rows"
    shown = "(told) => document.querySelector('[role=status]').textContent === told"
    page.wait_for_function(shown, arg=told)
    with page.expect_download() as downloading:
        page.click("text=Download CSV")
    downloading.value.save_as(tmp_path / "found.csv")
    with (tmp_path / "found.csv").open(newline="") as stream:
        lines = list(csv.reader(stream))
    assert lines == [["Name", "Kind", "Number"], *([f"item {n}", "even", f"{n} x"] for n in wanted)]
    assert watched.wrong == [] and len(watched.requests) == 1
    page.close()


def test_without_script_figures_and_the_first_rows_are_there(browser, report, long):
    page = browser.new_page(java_script_enabled=False)
    page.goto((report / "index.html").as_uri())
    assert page.locator(".chart noscript svg").count() == page.locator(".chart").count() == 3
    assert not any(each.is_visible() for each in page.query_selector_all("[data-widget]"))
    page.goto(long.as_uri())
    page.click("summary")
    assert page.locator("tbody tr").count() == 20
    assert "The first 20 of 1200 rows" in page.inner_text("noscript")
    page.close()


def test_a_phone_does_not_scroll_sideways(browser, report):
    watched = Watched(browser, report / "index.html", viewport={"width": PHONE, "height": 800})
    watched.draw_all()
    watched.page.evaluate("document.querySelectorAll('details').forEach((e) => (e.open = true))")
    assert watched.page.evaluate("document.documentElement.scrollWidth") == PHONE
    watched.page.close()


def test_charts_follow_light_and_dark(browser, report):
    inks = []
    for scheme in ("light", "dark"):
        watched = Watched(browser, report / "index.html", color_scheme=scheme)
        watched.draw_all()
        label = ".chart .role-axis-title text"
        inks.append(
            watched.page.eval_on_selector_all(
                label, "all => all.map((e) => getComputedStyle(e).fill)"
            )
        )
        watched.page.close()
    assert set(inks[0]) == {"rgb(31, 35, 40)"} and set(inks[1]) == {"rgb(230, 237, 243)"}


def test_paper_gets_the_static_figures(opened):
    opened.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert opened.page.locator(".chart .printed svg").count() == 3
    opened.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert opened.page.locator(".printed").count() == 0


def test_the_tab_key_goes_down_the_page(opened):
    opened.draw_all()
    opened.page.evaluate("scrollTo(0, 0)")
    order = """() => [...document.querySelectorAll('*')].indexOf(document.activeElement)"""
    places = []
    for _ in range(60):
        opened.page.keyboard.press("Tab")
        places.append(opened.page.evaluate(order))
    assert places == sorted(places) and len(set(places)) == len(places)
    assert opened.page.evaluate(
        "[...document.querySelectorAll('input, select')].every((e) => e.labels.length === 1)"
    )


def test_the_page_opens_where_pre_training_and_context_show(browser, tmp_path):
    """Best by validation is with pre-training; words stand in the last layer."""
    evidence = Tree(tmp_path / "project", WITH_SENSES).write().collect()
    for line in evidence.rows.where(stage="finetune", strategy="scratch", split="valid"):
        line["value"] = 0.999
    path = tmp_path / "index.html"
    path.write_text(pages.html(build.compose(evidence), charts.build(evidence)), encoding="utf-8")
    watched = Watched(browser, path)
    watched.draw_all()
    page = watched.page
    assert "scratch" not in page.inner_text("#matrix-table")
    page.select_option("#matrix-strategy", label="scratch")
    assert page.locator("#matrix-table tbody tr").count() > 1
    slider = page.locator("[id$=-contextual-layer]").first
    assert slider.get_attribute("max") == slider.input_value() != "0"
    assert not watched.wrong
    page.close()
