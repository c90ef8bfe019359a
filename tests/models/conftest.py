"""A small prepared corpus of the controlled language, for models that are trained on text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from polyseme.data import corpus

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def controlled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of about 60,000 training words."""
    values: Any = OmegaConf.to_container(OmegaConf.load(ROOT / "conf/corpus/controlled.yaml"))
    values |= {"vocab_size": 512, "valid_fraction": 0.1, "test_fraction": 0.1}
    values["source"] = str(ROOT / values["source"])
    values["reader_options"]["num_words"] = 80_000
    options, reader_options = corpus.check(values, file="test", key="corpus")
    out = tmp_path_factory.mktemp("corpus") / "controlled"
    out.mkdir()
    corpus.prepare(
        options,
        reader_options,
        name="controlled",
        source=Path(options.source),
        out=out,
        num_workers=1,
        progress=False,
    )
    return out
