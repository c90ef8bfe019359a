"""A small project with trained (random) representations, as its stages would have left it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from torch import nn

from polyseme import paths
from polyseme.data.tokenizer import WordPieces
from polyseme.explore.explorer import Explorer
from polyseme.explore.project import Project
from polyseme.language import gold
from polyseme.models import base, bert, gpt
from polyseme.models.base import Representation
from polyseme.models.common import artifact
from polyseme.models.common.table import Table, write_words
from polyseme.runtime import manifest

SIZES = {"dim": 16, "num_layers": 2, "num_heads": 2, "dim_ff": 24}
SENSES = {"wall": "fissure", "police": "drug", "problem": "solve", "document": "drug"}
WORDS = ("the", "crack", "wall", "police", "drugs", "car", "Bank", "river")
PARAMS = """
experiment: demo
corpora: [toy]
representations: [random, bert, gpt, later]
"""


def gold_rows(sentences: list[list[str]]) -> list[dict[str, Any]]:
    """Rows with the senses of `crack`; the last sentence does not tell which one it is."""
    rows = []
    for number, words in enumerate(sentences):
        kind = next((name for name in SENSES if name in words), "document")
        senses = [f"crack.{SENSES[kind]}" if word == "crack" else "" for word in words]
        cue = "document" if kind == "document" else "clause"
        more = {"doc_id": "0", "split": "test", "topic": "", "sentence": number, "cue": cue}
        rows.append({"words": words, "senses": senses, **more})
    return rows


def write_corpus(folder: Path, sentences: list[list[str]], pieces: WordPieces) -> None:
    folder.mkdir(parents=True)
    columns = dict.fromkeys(gold.SCHEMA.names)
    table = pa.Table.from_pylist([columns | row for row in gold_rows(sentences)], gold.SCHEMA)
    pq.write_table(table, folder / gold.FILE)
    pieces.tokenizer.save(str(folder / base.TOKENIZER))
    counts = pa.table({"word": list(WORDS), "count": [1] * len(WORDS)})
    pq.write_table(counts, folder / "vocabulary.parquet")
    (folder / "card.json").write_text(json.dumps({"language": "en"}))
    manifest.write(folder, stage="corpus", inputs={})


def write_model(name: str, model: Representation, pieces: WordPieces) -> None:
    folder = paths.model("demo", "toy", name)
    folder.mkdir(parents=True)
    options = {**SIZES, "max_length": 32, "sequence_length": 16}
    is_table = isinstance(model, Table)
    group, options = ("static", {"dim": 5}) if is_table else ("lm", options)
    card = artifact.card(group, name, options, model, corpus="toy", words_seen=1)
    base.save(model, folder, card | {"seed": 0})
    if isinstance(model, Table):
        write_words(folder, model.words)
    pieces.tokenizer.save(str(folder / base.TOKENIZER))
    manifest.write(folder, stage="test", inputs={})


@pytest.fixture(scope="session")
def _root(
    tmp_path_factory: pytest.TempPathFactory, toy_sentences: list[list[str]], pieces: WordPieces
) -> Path:
    root = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        untold = "somebody has seen the crack".split()
        write_corpus(paths.corpus("demo", "toy"), [*toy_sentences, untold], pieces)
        table = Table(WORDS, 5, pieces, "zero")
        table.reset(1)
        write_model("random", table, pieces)
        for name, module in {"bert": bert, "gpt": gpt}.items():
            options = module.Config(**SIZES, max_length=32, sequence_length=16)
            model = module.Model(options, pieces)
            torch.manual_seed(3)
            for weight in model.parameters():
                nn.init.normal_(weight, std=0.3)
            write_model(name, model, pieces)
        Path("params.yaml").write_text(PARAMS)
    return root


@pytest.fixture
def root(_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project as working directory."""
    monkeypatch.chdir(_root)
    return _root


@pytest.fixture
def explorer(root: Path) -> Iterator[Explorer]:
    """The representations of the project."""
    threads = torch.get_num_threads()
    yield Explorer(Project(), progress=False)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)
