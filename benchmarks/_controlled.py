"""A small controlled corpus and its tasks, for measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from polyseme.data import corpus
from polyseme.tasks import base
from polyseme.tasks.common import preparation

ROOT = Path(__file__).parents[1]


def prepare(out: Path, *, vocab_size: int, num_workers: int = 2, **options: Any) -> dict[str, Any]:
    """Draw a corpus with some parameters changed; gives its card."""
    values: Any = OmegaConf.to_container(OmegaConf.load(ROOT / "conf/corpus/controlled.yaml"))
    values |= {"vocab_size": vocab_size, "source": str(ROOT / values["source"])}
    values["reader_options"] |= options
    checked, reader_options = corpus.check(values, file="benchmark", key="corpus.controlled")
    out.mkdir(parents=True)
    return corpus.prepare(
        checked,
        reader_options,
        name="controlled",
        source=Path(checked.source),
        out=out,
        num_workers=num_workers,
        progress=False,
    )


def task(name: str, source: Path, out: Path, **changes: Any) -> Path:
    """Prepare a task from the corpus; gives its folder."""
    raw = OmegaConf.load(ROOT / f"conf/task/{name}.yaml")
    raw.experiment = "benchmark"
    values: Any = OmegaConf.to_container(raw, resolve=True)
    del values["experiment"]
    out.mkdir(parents=True)
    base.write(out, *preparation.prepare(preparation.configured(name, values | changes), source))
    return out
