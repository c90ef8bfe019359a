"""Small files for DVC: nested JSON for `dvc metrics`, CSV for `dvc plots`.

JSON holds means over seeds, rounded, so that a diff shows what changed and not the last bits.
dvc.yaml names summary.json (headline.py) alone, so that `dvc exp show` stays a readable table; the
others are for `dvc metrics show <file>`, of the last layer only. results.parquet holds the exact
values, and layers.csv every layer.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from polyseme.reporting import intrinsic
from polyseme.reporting.collect import Evidence
from polyseme.reporting.headline import Nested, rounded, summary
from polyseme.reporting.measurements import Measurements, is_main
from polyseme.reporting.probing import CLASSIFIER, SELECTIVITY, Probing, firsts, probings
from polyseme.reporting.rankings import finals
from polyseme.stats.seeds import summarize

FORGETTING_COLUMNS = (
    "system",
    "strategy",
    "task",
    "train_size",
    "seed",
    "epoch",
    "step",
    "bits_per_byte",
)
LOSS_COLUMNS = (
    "model",
    "step",
    "words_seen",
    "loss",
    "learning_rate",
    "valid_loss",
    "valid_bits_per_byte",
    "valid_perplexity",
)
CURVE_COLUMNS = (
    *("representation", "task", "strategy", "labels", "metric"),
    *("score", "lowest", "highest", "seeds"),
)
LAYER_COLUMNS = ("representation", "task", "probe", "layer", "metric", "score", "control")


def write(folder: Path, evidence: Evidence) -> None:
    """Write all files into `folder`; one without content is an empty object or a header."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "summary": summary(evidence),
        "pretrain": _pretrain(evidence),
        "finetune": _finetune(evidence),
        "probe": _probe(evidence),
        "intrinsic": _intrinsic(evidence),
    }
    for name, content in contents.items():
        text = json.dumps(content, indent=1, sort_keys=name != "summary", ensure_ascii=False)
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    _write_csv(folder / "loss.csv", LOSS_COLUMNS, _losses(evidence))
    _write_csv(folder / "layers.csv", (*LAYER_COLUMNS, SELECTIVITY), _layers(evidence))
    _write_csv(folder / "learning_curves.csv", CURVE_COLUMNS, _learning_curves(evidence))
    _write_csv(folder / "forgetting.csv", FORGETTING_COLUMNS, evidence.forgetting)


def _put(nested: Nested, keys: Sequence[str], rows: Measurements) -> None:
    """Set the mean of `rows` at a path of keys."""
    known = rows.summary()
    if known is None:
        return
    for key in keys[:-1]:
        nested = nested.setdefault(key, {})
    nested[keys[-1]] = rounded(known.mean)


def _pretrain(evidence: Evidence) -> Nested:
    found: Nested = {}
    groups = evidence.rows.where(stage="pretrain", split="valid").by("system", "metric")
    for (system, metric), rows in groups.items():
        _put(found, [system, metric], rows)
    return found


def _finetune(evidence: Evidence) -> Nested:
    """Task, strategy, representation, metric; fewer labels stand beside as `strategy@size`."""
    found: Nested = {}
    for task, measured in evidence.rows.where(stage="finetune").real().by("task").items():
        sizes = measured.distinct("train_size")
        groups = measured.final().by("strategy", "train_size", "system", "metric")
        for (strategy, size, system, metric), rows in groups.items():
            name = strategy if not sizes or size == max(sizes) else f"{strategy}@{size}"
            _put(found, [task, name, system, metric], rows)
    return found


def _probe(evidence: Evidence) -> Nested:
    """Task, probe, representation: score and selectivity of the last layer and main rank."""
    found: Nested = {}
    for each in firsts(probings(evidence)):
        rows = each.by_layer.real().where(metric=(each.metric, SELECTIVITY))
        for system, measured in rows.by("system").items():
            for metric, last in _last_layer(measured).by("metric").items():
                _put(found, [each.task, each.probe, system, metric], last)
    return found


def _intrinsic(evidence: Evidence) -> Nested:
    """Data set, representation, OOV policy if any, metric, of the last layer and the first way."""
    found: Nested = {}
    for task, rows in intrinsic.measured(evidence).items():
        for (system, policy, metric), measured in (
            intrinsic.own(rows).by("system", "strategy", "metric").items()
        ):
            if is_main(metric):
                last = _last_layer(measured)
                one = last.where(variant=last.rows[0]["variant"])
                _put(found, [task, system, *([policy] if policy else []), metric], one)
    return found


def _last_layer(rows: Measurements) -> Measurements:
    """Rows of the highest layer; all where layers are not numbered."""
    numbered = [layer for layer in rows.distinct("layer") if layer.isdecimal()]
    return rows.where(layer=max(numbered, key=int)) if numbered else rows


def _losses(evidence: Evidence) -> list[Mapping[str, Any]]:
    return [
        {"model": system, **{name: _plain(value) for name, value in row.items()}}
        for system, history in evidence.histories.items()
        for row in history
    ]


def _layers(evidence: Evidence) -> list[Mapping[str, Any]]:
    """One line a representation, task and layer of a classifier, means over seeds."""
    found = [each for each in firsts(probings(evidence)) if each.kind == CLASSIFIER]
    return [line for each in found for line in _layers_of(each)]


def _layers_of(each: Probing) -> Iterator[Mapping[str, Any]]:
    for (system, layer), rows in each.by_layer.by("system", "layer").items():
        scores = {
            "score": rows.where(metric=each.metric).real(),
            "control": rows.where(metric=each.metric, control=True),
            SELECTIVITY: rows.where(metric=SELECTIVITY),
        }
        keys = (system, each.task, each.probe, layer, each.metric)
        line: dict[str, Any] = dict(zip(LAYER_COLUMNS, keys, strict=False))
        for name, measured in scores.items():
            known = measured.summary()
            line[name] = rounded(known.mean) if known else ""
        yield line


def _learning_curves(evidence: Evidence) -> list[Mapping[str, Any]]:
    """One line a representation, task, strategy and number of labels, over seeds."""
    lines: list[Mapping[str, Any]] = []
    for task in evidence.selection.tasks:
        groups = finals(evidence, task).by("system", "task", "strategy", "train_size", "metric")
        for keys, rows in groups.items():
            found = summarize(rows.values())
            scores = [rounded(value) for value in (found.mean, found.minimum, found.maximum)]
            lines.append(dict(zip(CURVE_COLUMNS, (*keys, *scores, found.num), strict=True)))
    return lines


def _plain(value: float | None) -> str:
    """A number as short as it can be read back; blank where there is none."""
    if value is None:
        return ""
    return str(int(value)) if value.is_integer() else repr(value)


def _write_csv(path: Path, columns: Sequence[str], lines: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
