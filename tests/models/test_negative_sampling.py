"""Models that gensim trains: the adapter's vectors against gensim's, and reproducible shards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gensim.models import FastText, Word2Vec

from polyseme.config import build
from polyseme.data.tokenizer import WordPieces
from polyseme.errors import ConfigError, DataError
from polyseme.models import base, cbow, fasttext, word2vec
from polyseme.models.base import SENTENCE, TOKENIZER
from polyseme.models.common import artifact, sharding
from polyseme.models.common.table import Table, write_words
from polyseme.models.common.text import Text

MODULES: dict[str, Any] = {"word2vec": word2vec, "cbow": cbow, "fasttext": fasttext}
VALUES = {"dim": 16, "budget": 120_000, "sample": 1e-3, "min_count": 3}
UNSEEN = ["walruses", "housemouse", "x"]


def _text(corpus: Path) -> Text:
    return Text(corpus, WordPieces.load(corpus / TOKENIZER))


def _trained(name: str, corpus: Path, seed: int = 5, **changes: Any) -> tuple[Table, int]:
    module = MODULES[name]
    more = {"buckets": 2000} if name == "fasttext" else {}
    options = build(module.Config, VALUES | more | changes, file="test")
    table: Table
    table, seen = module.train(options, corpus, seed=seed, progress=False)
    return table.eval(), seen


def _by_gensim(name: str, corpus: Path, seed: int = 5) -> Word2Vec:
    text = list(_text(corpus))
    common = {
        "vector_size": 16, "window": 5, "negative": 5, "sample": 1e-3, "alpha": 0.025,
        "min_count": 3, "seed": seed, "workers": 1, "sg": int(name != "cbow"),
    }  # fmt: skip
    subwords = {"min_n": 3, "max_n": 6, "bucket": 2000} if name == "fasttext" else {}
    model = (FastText if subwords else Word2Vec)(**common, **subwords)
    model.build_vocab(text)
    epochs = round(VALUES["budget"] / model.corpus_total_words)
    model.train(text, total_examples=model.corpus_count, epochs=epochs)
    return model


@pytest.mark.parametrize("name", MODULES)
def test_one_shard_is_gensim_with_one_worker(name: str, controlled: Path) -> None:
    (table, seen), model = _trained(name, controlled), _by_gensim(name, controlled)
    words = ["crack", "the", table.words[-1]]
    found = table.encode([words])[0][0].numpy()
    np.testing.assert_array_equal(found, np.stack([model.wv[word] for word in words]))
    assert seen == 2 * model.corpus_total_words
    assert 0 < table.costs["num_trained_words"] < seen


def test_an_unseen_word_is_the_mean_of_its_ngrams_as_in_gensim(controlled: Path) -> None:
    (table, _), model = _trained("fasttext", controlled), _by_gensim("fasttext", controlled)
    found = table.encode([["the", *UNSEEN, SENTENCE, "the"], ["Walruses"]])
    expected = np.stack([model.wv[word] for word in UNSEEN])
    np.testing.assert_allclose(found[0][0, 1:4].numpy(), expected, atol=1e-7)
    np.testing.assert_allclose(found[1][0, 0].numpy(), expected[0], atol=1e-7)
    assert not found[0][0, 4].any()  # a mark has no vector
    assert all(map(table.knows, UNSEEN))


def test_other_policies_for_unseen_words_keep_no_ngrams(controlled: Path) -> None:
    zero, mean = (_trained("fasttext", controlled, oov=oov)[0] for oov in ("zero", "mean"))
    assert not zero.encode([UNSEEN])[0].any()
    assert mean.encode([UNSEEN])[0].any()
    assert not zero.knows("walruses")
    assert zero.num_parameters() == (len(zero.words) + 1) * 16


@pytest.mark.parametrize("name", MODULES)
def test_shards_give_equal_bytes_every_time(name: str, controlled: Path) -> None:
    made = [
        _trained(name, controlled, seed=seed, shards=shards)[0].state_dict()
        for seed, shards in ((5, 2), (5, 2), (6, 2), (5, 3))
    ]
    first, same, *others = ([t.numpy().tobytes() for t in state.values()] for state in made)
    assert first == same
    assert first not in others


def test_shards_learn_what_one_worker_learns(controlled: Path) -> None:
    """Cosines between frequent words agree with gensim's as well as those of another seed do."""
    kinds = {"one": {}, "other seed": {"seed": 6}, "shards": {"shards": 2}}
    cosines = {}
    for kind, changes in kinds.items():
        table, _ = _trained("word2vec", controlled, budget=600_000, **changes)
        rows = torch.nn.functional.normalize(table.table.weight.detach()[:300], dim=-1)
        cosines[kind] = (rows @ rows.T).numpy()[np.triu_indices(300, 1)]
    expected = np.corrcoef(cosines["one"], cosines["other seed"])[0, 1]
    found = np.corrcoef(cosines["one"], cosines["shards"])[0, 1]
    assert found > expected - 0.05


def test_rows_that_meet_hold_the_sum_of_all_steps() -> None:
    old = np.arange(12, dtype=np.float32).reshape(4, 3)
    steps = [np.full((4, 3), 0.5, np.float32), np.zeros((4, 3), np.float32)]
    common, copies = old.copy(), [old + step for step in steps]
    sharding._meet(common, copies, 3)
    for each in (common, *copies):
        np.testing.assert_array_equal(each[:3], old[:3] + 0.5)
    np.testing.assert_array_equal(common[3], old[3])
    np.testing.assert_array_equal(copies[0][3], old[3] + 0.5)


def test_batches_hold_every_sentence_in_order(controlled: Path) -> None:
    text = list(_text(controlled))
    dealt = list(sharding.batches(text, 2))
    assert [s for batch in dealt for s in batch] == text * 2
    assert all(sum(map(len, batch)) <= sharding.BATCH_WORDS for batch in dealt)


@pytest.mark.parametrize("name", MODULES)
def test_a_saved_table_loads_without_pickle_and_encodes_the_same(
    name: str, controlled: Path, tmp_path: Path
) -> None:
    more = {"buckets": 2000} if name == "fasttext" else {}
    values = VALUES | more
    table, seen = _trained(name, controlled)
    card = artifact.card("static", name, values, table, corpus="controlled", words_seen=seen)
    base.save(table, tmp_path, card)
    write_words(tmp_path, table.words)
    artifact.copy_tokenizer(controlled, tmp_path)
    loaded = base.load(tmp_path)
    sentences = [["the", "crack", *UNSEEN], ["crack"]]
    for a, b in zip(table.encode(sentences), loaded.encode(sentences), strict=True):
        assert torch.equal(a, b)
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {
        "representation.json",
        "tokenizer.json",
        "weights.safetensors",
        "words.parquet",
    }


def test_gradients_reach_the_ngrams_of_unseen_words_only(controlled: Path) -> None:
    table, _ = _trained("fasttext", controlled)
    table(table.prepare([["crack", "walruses"]])).sum().backward()
    touched = set(table.ngrams.weight.grad.abs().sum(1).nonzero().flatten().tolist())
    assert touched == set(table._rows("walruses"))


@pytest.mark.parametrize("name", MODULES)
def test_a_budget_below_one_pass_is_refused(name: str, controlled: Path) -> None:
    with pytest.raises(
        ConfigError, match=rf"{name}.yaml: budget = 1,000 is too small for one pass"
    ):
        _trained(name, controlled, budget=1000)


def test_no_frequent_word_is_refused(controlled: Path) -> None:
    with pytest.raises(DataError, match="no word occurs"):
        _trained("cbow", controlled, min_count=10**6)


def test_ngrams_shorter_than_the_shortest_are_refused() -> None:
    with pytest.raises(ConfigError, match="min_n <= max_n"):
        build(fasttext.Config, {"min_n": 5, "max_n": 3}, file="conf/static/fasttext.yaml")
