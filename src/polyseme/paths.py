"""Where each artifact lies, relative to the project root: the same paths as in dvc.yaml."""

from __future__ import annotations

from pathlib import Path

ARTIFACTS = Path("artifacts")
SCRATCH = Path(".polyseme")
STACKED = ".stack"
"""Ends the name of a folder of the stage `stack`, which lies beside that of `finetune`."""


def dataset(name: str) -> Path:
    """Verified bytes of a data set; shared by all experiments."""
    return ARTIFACTS / "data" / name


def corpus(experiment: str, name: str) -> Path:
    """Prepared corpus: documents, tokenizer, tokens, vocabulary, card."""
    return ARTIFACTS / experiment / "corpus" / name


def task(experiment: str, name: str) -> Path:
    """Labelled splits of a task."""
    return ARTIFACTS / experiment / "task" / name


def model(experiment: str, corpus_name: str, name: str) -> Path:
    """Trained representation: config, weights, history."""
    return ARTIFACTS / experiment / "model" / corpus_name / name


def results(experiment: str, stage: str, *names: str) -> Path:
    """Measurements and per-item predictions of an evaluation stage."""
    return ARTIFACTS.joinpath(experiment, stage, *names)


def stacked(experiment: str, corpus_name: str, name: str) -> Path:
    """Measurements of strategies that put another representation beside this one."""
    return results(experiment, "finetune", corpus_name, f"{name}{STACKED}")


def run_record(experiment: str, stage: str) -> Path:
    """What may differ between two equal runs: seconds, memory, versions, hardware."""
    return ARTIFACTS / experiment / "runs" / f"{stage.replace('@', '-')}.json"


def report(experiment: str) -> Path:
    """Generated report, committed."""
    return Path("reports") / experiment


def items_of(measure: str, task: str) -> Path:
    """Values of single items that an intrinsic measure keeps, beside its results."""
    return Path("items") / f"{measure}.{task}.parquet"
