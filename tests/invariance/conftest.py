"""Small tasks of several families, and every representation of the tree at a tiny size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf

from polyseme import items
from polyseme.data.tokenizer import WordPieces
from polyseme.models.base import TEXT, TOKENIZER, Representation
from polyseme.models.common.table import write_words
from polyseme.tasks import base as tasks
from polyseme.tasks.base import Split

CONF = Path(__file__).parents[2] / "conf"
SMALL: dict[str, Any] = {
    "dim": 32, "num_layers": 2, "num_heads": 2, "dim_ff": 64, "hidden_dim": 32, "cell_dim": 32,
    "max_length": 64, "sequence_length": 8, "buckets": 50,
}  # fmt: skip
NOUNS = "wall house car drug problem student team match room river town year".split()
VERBS = "found lost opened lit broke crossed".split()
TASKS = ("topic", "upos", "senses", "wordsim", "agreement")


def sentence(random: np.random.Generator) -> list[str]:
    """The student found a crack in the old wall ... of 3 to 11 words."""
    words = ["the", *random.choice(NOUNS, 1), *random.choice(VERBS, 1)]
    while len(words) < 10 and random.random() < 0.7:
        words += ["the", *random.choice(NOUNS, 1)]
    return [str(word) for word in words]


def splits(make: Any) -> dict[str, Split]:
    """The same kind of items in every split."""
    return {name: make(np.random.default_rng(n)) for n, name in enumerate(tasks.SPLITS)}


def _topic(random: np.random.Generator) -> Split:
    texts = [sentence(random) for _ in range(60)]
    return Split(texts, ["indoors" if "room" in text else "outdoors" for text in texts])


def _upos(random: np.random.Generator) -> Split:
    texts = [sentence(random) for _ in range(60)]
    known = dict.fromkeys(NOUNS, "noun") | dict.fromkeys(VERBS, "verb")
    return Split(texts, [[known.get(word, "det") for word in text] for text in texts])


def _senses(random: np.random.Generator) -> Split:
    texts = [[*sentence(random), TEXT, *sentence(random)] for _ in range(60)]
    places = [[1, text.index(TEXT) + 2] for text in texts]
    same = [str(text[a] == text[b]) for text, (a, b) in zip(texts, places, strict=True)]
    return Split(texts, same, places)


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepared tasks."""
    top = tmp_path_factory.mktemp("tasks")
    random = np.random.default_rng(9)
    pairs = Split([list(random.choice(NOUNS, 2, replace=False)) for _ in range(40)], [1.0] * 40)
    minimal = [[*sentence(random), TEXT, *sentence(random)] for _ in range(40)]
    made = {
        "topic": ("classification", splits(_topic)),
        "upos": ("tagging", splits(_upos)),
        "senses": ("pair", splits(_senses)),
        "wordsim": ("similarity", {"test": pairs}),
        "agreement": ("minimal_pairs", {"test": Split(minimal, ["number"] * 40)}),
    }
    for name, (family, content) in made.items():
        (top / name).mkdir()
        tasks.write(top / name, content, {"name": name, "family": family})
    return top


def tiny(group: str, name: str, pieces: WordPieces, folder: Path) -> Representation:
    """A representation of the tree as its artifact would give it back, with random weights."""
    values: Any = OmegaConf.to_container(OmegaConf.load(CONF / group / f"{name}.yaml")[group][name])
    values |= {key: value for key, value in SMALL.items() if key in values}
    pieces.tokenizer.save(str(folder / TOKENIZER))
    write_words(folder, ["the", *NOUNS, *VERBS])
    made: Representation = items.load(group, name).restore({"config": values}, folder)
    made.reset(0)
    return made.eval()
