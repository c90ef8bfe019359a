"""Small models, tables and texts for the tests of transfer."""

from __future__ import annotations

from typing import Any

import numpy as np

from polyseme.config import build
from polyseme.data.tokenizer import WordPieces
from polyseme.models import awd_lstm, bert, elmo
from polyseme.models.common.language_model import LanguageModel
from polyseme.models.common.table import Table
from polyseme.runtime.settings import Runtime

WORDS = [f"w{i}" for i in range(40)]
RUNTIME = Runtime(num_threads=1, precision="fp32", progress=False)
COMMON = {"epochs": 4, "batch_size": 8, "head_lr": 0.02, "encoder_lr": 0.01}
SMALL = {"batch_size": 4, "sequence_length": 16}
SIZES = {
    "bert": {"dim": 16, "num_layers": 3, "num_heads": 2, "dim_ff": 32},
    "awd_lstm": {"dim": 16, "hidden_dim": 20, "num_layers": 2},
    "elmo": {"dim": 16, "cell_dim": 12, "character_dim": 4, "filters": [[1, 4], [3, 8]]},
}


def model_of(pieces: WordPieces, name: str) -> LanguageModel:
    module: Any = {"bert": bert, "awd_lstm": awd_lstm, "elmo": elmo}[name]
    made: LanguageModel = module.Model(build(module.Config, SMALL | SIZES[name], file=name), pieces)
    made.reset(0)
    return made.eval()


def table_of(pieces: WordPieces, dim: int = 8) -> Table:
    table = Table(WORDS, dim, pieces, "zero")
    table.reset(0)
    return table.eval()


def texts_of(count: int = 60, seed: int = 0) -> list[list[str]]:
    random = np.random.default_rng(seed)
    return [list(random.choice(WORDS[:6], random.integers(3, 9))) for _ in range(count)]
