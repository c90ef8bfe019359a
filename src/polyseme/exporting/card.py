"""README.md of an exported representation: data, budget, configuration, metrics, licence."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml  # type: ignore[import-untyped]

from polyseme import __version__, paths, results
from polyseme.models import base
from polyseme.runtime import manifest

EVALUATIONS = ("finetune", "intrinsic")
TRAINED = ("steps", "seed", "words_seen", "num_parameters", "num_layers", "dim", "pooling")


class Use(NamedTuple):
    """How the exported files are used.

    Attributes:
        library: that loads them.
        code: an example.
        note: one paragraph.
        architecture: class or format.
    """

    library: str
    code: str
    note: str
    architecture: str


def write(out: Path, experiment: str, corpus: str, name: str, use: Use) -> None:
    """Write README.md into the folder.

    Args:
        experiment, corpus, name: of the artifact; its evaluations are listed as far as they ran.
    """
    source = paths.model(experiment, corpus, name)
    card, lineage = base.read_card(source), manifest.read(source)
    text = paths.corpus(experiment, corpus)
    data = json.loads((text / "card.json").read_text()) if (text / "card.json").exists() else {}
    head = {
        "library_name": use.library,
        "language": data.get("language"),
        "tags": ["polyseme", card["family"]],
    }
    facts = {
        "Representation": f"{card['module']} ({use.architecture})",
        "Trained by": f"polyseme {__version__}, experiment `{experiment}`",
        "Artifact": f"sha256 {manifest.digest(source)}",
        "Corpus": corpus,
        "Data": f"sha256 {lineage['inputs'].get(text.as_posix(), 'unknown')} (prepared corpus)",
        "Licence of the data": data.get("licence", "see the corpus"),
        "Licence of the weights": card.get("licence", "follows from that of the data"),
        **{key.replace("_", " "): card[key] for key in TRAINED if card.get(key) is not None},
    }
    parts = [
        f"---\n{yaml.safe_dump({k: v for k, v in head.items() if v}, sort_keys=True)}---",
        f"# {name} on {corpus}",
        _table(("Fact", "Value"), facts.items()),
        f"## Use\n\n```python\n{use.code}```\n\n{use.note}",
        f"## Configuration\n\n```yaml\n{yaml.safe_dump(card['config'], sort_keys=True)}```",
        "## Metrics\n\nMeans over seeds, as measured in that experiment.\n\n"
        + _table(("Stage", "Task", "Strategy", "Labels", "Split", "Metric", "Value"), _scores(
            _rows(experiment, corpus, name)
        )),
    ]  # fmt: skip
    (out / "README.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _table(columns: tuple[str, ...], lines: Any) -> str:
    """A table in Markdown."""
    rows = [columns, ("---",) * len(columns), *lines]
    return "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)


def _rows(experiment: str, corpus: str, name: str) -> Iterator[dict[str, Any]]:
    """Measurements of training, and of the evaluations that have run."""
    folders = [paths.model(experiment, corpus, name)]
    folders += [paths.results(experiment, stage, corpus, name) for stage in EVALUATIONS]
    for folder in folders:
        if (folder / "results.parquet").is_file():
            yield from results.read(folder / "results.parquet")


def _scores(rows: Iterator[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Mean value of each measure."""
    groups: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for row in rows:
        if row["split"] != "valid" or row["stage"] == "pretrain":
            keys = ("stage", "task", "strategy", "train_size", "split", "metric")
            groups[tuple(str(row[key] or "") for key in keys)].append(row["value"])
    return [(*key, f"{sum(values) / len(values):.4g}") for key, values in groups.items()]
