"""The examples of docs/representations.md run as they stand; its tables are those of results."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from benchmarks import _docs
from omegaconf import OmegaConf

from polyseme.config import build
from polyseme.data.tokenizer import WordPieces
from polyseme.data.tokens import TokenStore
from polyseme.models.base import TOKENIZER
from polyseme.models.common import artifact
from polyseme.models.common.table import write_words
from polyseme.runtime.settings import Runtime
from polyseme.training.loop import pretrain

ROOT = Path(__file__).parents[2]
FILE = re.compile(r"^`(\S+)`:\n\n```\w+\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.fixture
def written(tmp_path: Path) -> dict[str, Path]:
    """Files that the page shows, by their names."""
    found = {}
    for name, text in FILE.findall((ROOT / "docs/representations.md").read_text()):
        found[name] = tmp_path / name
        found[name].parent.mkdir(parents=True, exist_ok=True)
        found[name].write_text(text)
    return found


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _item(written: dict[str, Path], group: str, name: str) -> tuple[Any, Any, Any]:
    """Module, values of conf and options."""
    conf: Any = OmegaConf.to_container(OmegaConf.load(written[f"conf/{group}/{name}.yaml"]))
    assert conf["representation"] == {name: group}
    module, values = _module(written[f"src/polyseme/models/{name}.py"]), conf[group][name]
    return module, values, build(module.Config, values, file="test")


def test_the_static_example_trains_and_is_restored(
    written: dict[str, Path], controlled: Path, tmp_path: Path
) -> None:
    module, values, options = _item(written, "static", "lengths")
    table, _ = module.train(options, controlled, seed=0, progress=False)
    assert table.encode([["the"]])[0][0, 0].tolist() == [0, 0, 0, 1, 0, 0, 0, 0]
    write_words(tmp_path, table.words)
    artifact.copy_tokenizer(controlled, tmp_path)
    assert module.restore({"config": values}, tmp_path).words == table.words


def test_the_example_of_a_language_model_learns_and_is_restored(
    written: dict[str, Path], controlled: Path, tmp_path: Path
) -> None:
    module, values, options = _item(written, "lm", "gru")
    few = {"budget": 30, "budget_unit": "steps", "num_validations": 2, "validation_rows": 16}
    options = build(module.Config, values | few, file="test")
    model = module.Model(options, WordPieces.load(controlled / TOKENIZER))
    stores = {s: TokenStore.open(controlled, s) for s in ("train", "valid")}  # type: ignore[arg-type]
    trained = pretrain(
        model, options, stores, seed=0, scratch=tmp_path / "scratch", log=lambda row, step: None,
        runtime=Runtime(num_threads=1, precision="fp32", progress=False),
    )  # fmt: skip
    first, last = (row["valid_loss"] for row in trained.rows if "valid_loss" in row)
    assert last < first
    sentences = [["the", "crack"], ["a", "wall", "of", "the", "house"]]
    artifact.copy_tokenizer(controlled, tmp_path)
    again = module.restore({"config": values}, tmp_path)
    again.load_state_dict(model.state_dict())
    for a, b in zip(model.encode(sentences), again.encode(sentences), strict=True):
        assert a.shape[0] == 2 and torch.equal(a, b)


@pytest.mark.parametrize("name", _docs.PAGES)
def test_pages_show_the_results_of_benchmarks(name: str) -> None:
    for page in _docs.PAGES[name]:
        shown = f"<!-- {name} -->\n{_docs.content(name)}\n<!-- end -->"
        assert shown in page.read_text(), "run `python -m benchmarks._docs`"
