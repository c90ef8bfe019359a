"""Every number of a committed report is its row in results.parquet, to the printed digit.

The page is read back and every number computed again by readme_rules.py, which shares nothing with
the code of the report. Numbers that no rule covers may stand in the places named here alone.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import readme_tests  # noqa: F401 - registers its rules
from readme_page import Block, blocks, numbers
from readme_rules import MAINS, Data, expected, metric

ROOT = Path(__file__).parents[2]
REPORTS = ("demo", "wiki", "standard")
LABELS = (
    "Representation Layer Strategy Task Probe Rank Part Asked Nearest Relation Rule Pooling "
    "Check Compared Where Stage Property Value Anchor Word Sentence Finding Expectation Split "
    "Measure Metric Text"
).split()
"""Columns that name, and measure nothing."""
UNCOVERED = {
    (
        "^Answer$",
        "^(paragraph|caption)$",
    ): "rules in words; how often a strategy, layer, price wins",
    ("^Answer$", "^The best of both"): "McNemar, and what could be seen: no rows",
    ("^Answer$", "^(What validation|What the best)"): "labels by interpolation, seconds",
    ("^What to use$", ""): "those of scores.json, which tests of choices compute again",
    ("^Comparison$", "^Ranks"): "from all pairs of tests",
    ("^All representations", ""): "seconds, bytes, and intrinsic measures: see their own tables",
    ("^Checks before scores count$", ""): "differences of the battery",
    ("^One word, several senses$", ""): "descriptions beside the results",
    ("^Comparison$", "^(caption|paragraph)$"): "how many seeds, labels and items",
    ("^Learning curves$", "^(Labels saved|caption|paragraph)"): "labels by interpolation",
    ("^Strategies$", ""): "values of conf, and forgetting",
    ("^Textbook findings$", ""): "means over layers and representations",
    ("^Published figures$", ""): "those of conf/anchor, and what they are held against",
    (
        "^Probes by layer$",
        "best layer|edge probe|^caption$|^paragraph$|^\\w+, \\w+ probe",
    ): "chosen layers",
    ("^Intrinsic measures$", "^(?!Contextuality)"): "best ways and layers, bootstrap intervals",
    ("^Distance from the floor$", ""): "bits, and their standard errors",
    ("^Pre-training$", "^(Static|What single|caption|paragraph)"): "counts of run records",
    ("^Pre-training$", "^Contextual"): "seconds and bytes of run records",
    ("^Cost against quality$", ""): "seconds of run records",
    ("^Data$", ""): "cards",
    ("^Provenance$", ""): "run records",
    ("^$", ""): "how many representations",
}
"""(section, caption) -> what the numbers there are, that no rule computes again."""
FEWEST = {"demo": 7000, "wiki": 1900, "standard": 12000}
"""Numbers that the rules have to cover, so that none falls silent."""


class Checked:
    """What came of reading one page."""

    def __init__(self, folder: Path) -> None:
        self.name, self.data = folder.name, Data(folder)
        self.blocks = list(blocks(folder / "README.md"))
        MAINS[id(self.data)] = dict(_mains(self.blocks))
        self.num_covered = 0
        self.wrong: list[str] = []
        self.uncovered: dict[tuple[str, str], int] = {}
        for block in self.blocks:
            if block.columns:
                self._table(block)
            else:
                self._compare(block, {}, "", block.text)

    def _table(self, block: Block) -> None:
        for cells in block.rows:
            row = dict(zip(block.columns, cells, strict=True))
            for column, cell in row.items():
                if column not in LABELS and numbers(cell):
                    self._compare(block, row, column, cell)

    def _compare(self, block: Block, row: dict[str, str], column: str, text: str) -> None:
        shown = numbers(text)
        if not shown:
            return
        wanted = expected(self.data, block, row, column)
        if wanted is None:
            place = block.section, block.about
            self.uncovered[place] = self.uncovered.get(place, 0) + len(shown)
            return
        self.num_covered += len(wanted)
        agrees = len(wanted) <= len(shown) and all(
            abs(value - found) <= 0.5 * 10**-decimals + 1e-9
            for (value, decimals), found in zip(shown, wanted, strict=False)
        )
        # behind a score may stand the name of a strategy or layer
        if not agrees or (
            len(wanted) < len(shown) and block.section != "All representations, with their cost"
        ):
            where = f"{block.section} / {block.about} / {row.get('Representation', '')} / {column}"
            self.wrong.append(f"{where}: {text!r}, not {wanted}")

    def left(self) -> dict[tuple[str, str], int]:
        """Places with numbers that no rule covers, and that are not named."""
        return {
            place: number
            for place, number in self.uncovered.items()
            if not any(
                re.search(section, place[0]) and re.search(caption, place[1])
                for section, caption in UNCOVERED
            )
        }


def _mains(found: list[Block]) -> Iterator[tuple[str, str]]:
    """Task and main metric, which the captions of the comparison name first."""
    for block in found:
        is_scores = block.columns[:2] == ["Strategy", "Representation"] and " on " in block.about
        if block.section == "Comparison" and is_scores:
            yield block.about.partition(":")[0], metric(block.columns[2])


@pytest.fixture(scope="module", params=REPORTS)
def checked(request: pytest.FixtureRequest) -> Checked:
    """A committed report, every number of it compared."""
    return Checked(ROOT / "reports" / request.param)


def test_every_number_is_its_row(checked: Checked) -> None:
    assert not checked.wrong, f"{len(checked.wrong)} numbers differ:\n" + "\n".join(
        checked.wrong[:20]
    )


def test_numbers_without_a_rule_stand_in_named_places_alone(checked: Checked) -> None:
    assert not checked.left()


def test_the_rules_cover_the_scores(checked: Checked) -> None:
    assert checked.num_covered >= FEWEST[checked.name]


def test_a_number_that_is_not_its_row_is_found(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "reports/wiki", tmp_path / "wiki")
    page = tmp_path / "wiki/README.md"
    text = page.read_text(encoding="utf-8")
    start = text.index("## Comparison")
    score = re.search(r"(\d\.\d{2})(\d) ± ", text[start:])
    assert score is not None
    other = f"{score[1]}{(int(score[2]) + 1) % 10} ± "
    page.write_text(text[:start] + text[start:].replace(score[0], other, 1), encoding="utf-8")
    (wrong,) = Checked(tmp_path / "wiki").wrong
    assert wrong.startswith("Comparison / truecase") and other in wrong


def test_a_number_where_none_is_expected_is_found(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "reports/wiki", tmp_path / "wiki")
    page = tmp_path / "wiki/README.md"
    page.write_text(page.read_text(encoding="utf-8") + "\n## New\n\nA claim of 0.5.\n")
    assert Checked(tmp_path / "wiki").left() == {("New", "paragraph"): 1}
