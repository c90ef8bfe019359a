"""Intrinsic measures: what vectors know without training, by kind of measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from polyseme.reporting.collect import Evidence
from polyseme.reporting.figures import contextuality as figure
from polyseme.reporting.intrinsic import kind, measured
from polyseme.reporting.measurements import Measurements
from polyseme.reporting.page import Figure, Part, Section, Table
from polyseme.reporting.sections import intrinsic_tables as tables
from polyseme.reporting.sections.floor import MODEL as BITS
from polyseme.reporting.sections.floor import ONE_SIDED
from polyseme.reporting.sections.intrinsic_words import analogies, distillation, similarity, words

Groups = Mapping[str, Measurements]


@dataclass(frozen=True)
class Kind:
    """Measures that are shown together.

    Attributes:
        of: families of tasks, and names of measures of the corpus.
    """

    title: str
    of: tuple[str, ...]
    lead: str
    tables: Callable[[Evidence, Groups], list[Table]]


POLICIES = (
    "Unknown words: skip leaves out pairs and questions that have one, zero lets them score 0 or "
    "count as wrong, backoff takes the longest known beginning of the word, and shared keeps only "
    "what all representations know."
)
KINDS = (
    Kind(
        "Word similarity",
        ("similarity",),
        "How well cosines of two words agree with human scores (Spearman correlation, with 95 % "
        "intervals), in the way and layer that are best under zero. " + POLICIES,
        similarity,
    ),
    Kind(
        "Static tables from contextual representations",
        ("similarity",),
        "Vectors of a word's occurrences, made one by their mean or first component, beside the "
        "same model asked for the word alone, and beside the best static representation; under "
        "zero, in the best layer of each.",
        distillation,
    ),
    Kind(
        "Analogies",
        ("analogies",),
        "A is to b as c is to what? Three rules choose the answer; each in the way and layer that "
        "are best under zero.",
        analogies,
    ),
    Kind(
        "Outliers and categories",
        ("outliers", "categorization"),
        "Which word does not belong, and do clusters of words agree with their categories? In the "
        "way and layer that are best under zero.",
        words,
    ),
    Kind(
        "Minimal pairs",
        ("minimal_pairs",),
        "The share in which the grammatical sentence scores higher; chance is 0.5. A language "
        "model that sees both sides scores a sentence by its pseudo-log-likelihood, one that reads "
        "one side at a time by its log-likelihood, another representation by how well its vectors "
        "agree.",
        tables.pairs,
    ),
    Kind(
        "SyntaxGym",
        ("syntaxgym",),
        "The share of the predictions of grammar that the surprisals of a language model bear out, "
        "the mean over suites.",
        tables.pairs,
    ),
    Kind(
        "Language modelling",
        ("language_model", "running_text"),
        "How well held-out text is predicted, per byte and per word, whatever the tokenizer. "
        "Pseudo measures are of models that see both sides: no probability of the text, and no "
        "comparison with the others.",
        tables.language,
    ),
    Kind(
        "Word senses",
        ("word_sense", "tagging"),
        "The sense of the nearest training occurrence of the same word, or of the nearest mean of "
        "a sense, each in its best layer; most frequent looks at no vector.",
        tables.senses,
    ),
    Kind(
        "Word in context",
        ("pair",),
        "Two occurrences have the same sense if their cosine is above a threshold, which is fitted "
        "on training pairs.",
        tables.thresholds,
    ),
    Kind(
        "Contextuality",
        ("contextuality",),
        "How much vectors depend on their context: the less alike the occurrences of a word "
        "are (self-similarity), the more. Anisotropy is the mean cosine of any two words; "
        "corrected values have it taken off.",
        tables.contextuality,
    ),
)


def build(evidence: Evidence) -> Section | None:
    """The section; None where nothing was measured."""
    groups = measured(evidence)
    shown = {
        task: rows for task, rows in groups.items() if not rows.where(metric=(BITS, *ONE_SIDED))
    }
    parts = [_part(evidence, of, shown) for of in KINDS]
    known = {name for of in KINDS for name in of.of}
    others = {task: rows for task, rows in shown.items() if kind(evidence, task) not in known}
    parts.append(Part("Other measures", tables=tuple(map(tables.plain, others, others.values()))))
    found = tuple(part for part in parts if part.tables)
    return Section("Intrinsic measures", "intrinsic", parts=found) if found else None


def _part(evidence: Evidence, of: Kind, groups: Groups) -> Part:
    chosen = {task: rows for task, rows in groups.items() if kind(evidence, task) in of.of}
    drawn: tuple[Figure, ...] = ()
    if "contextuality" in of.of and (one := figure.draw(evidence)):
        drawn = (one,)
    found = tuple(each for each in of.tables(evidence, chosen) if each.rows) if chosen else ()
    return Part(of.title, (of.lead,), drawn, found)
