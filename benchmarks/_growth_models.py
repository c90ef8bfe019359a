"""Stages of `growth` that read a corpus: representations, encoding, probes.

Static ones see the text once (`glove` its nonzeros once). `lm_steps` takes the same number of steps
whatever the size of the text. `encode` and `probe` read a task that grows with the text: about a
sixteenth of its words.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks._growth_text import ROOT, Place, Work

STEPS = 100
WORDS_PER_ITEM = 128
"""Words of text for each sentence of the task: it has seven or eight."""
FEATURES = 2**40
"""Bytes: no limit."""


def _options(group: str, name: str, **changes: Any) -> tuple[Any, Any]:
    from omegaconf import OmegaConf

    from polyseme import items
    from polyseme.config import build

    module, file = items.load(group, name), f"conf/{group}/{name}.yaml"
    values: Any = OmegaConf.to_container(OmegaConf.load(ROOT / file)[group][name])
    return module, build(module.Config, values | changes, file=file)


def _static(name: str, place: Place, **changes: Any) -> Work:
    module, options = _options("static", name, **changes)

    def work() -> dict[str, Any]:
        table, _ = module.train(options, place.of("tokens"), seed=0, progress=False)
        return {"types": len(table.words), **table.costs}

    return work


def count(place: Place) -> Work:
    """PPMI and SVD."""
    return _static("count", place)


def word2vec(place: Place) -> Work:
    """Skip-gram, one pass."""
    from polyseme.models.common.text import num_words

    return _static("word2vec", place, budget=num_words(place.of("tokens")))


def glove(place: Place) -> Work:
    """Co-occurrence, and one pass over it."""
    return _static("glove", place, epochs=1)


def _model(place: Place, **changes: Any) -> tuple[Any, Any]:
    from polyseme.data.tokenizer import WordPieces

    module, options = _options("lm", "bert", **changes)
    model = module.Model(options, WordPieces.load(place.of("tokens") / "tokenizer.json"))
    model.reset(0)
    return model, options


def _runtime() -> Any:
    from polyseme.runtime.settings import Runtime

    return Runtime(num_threads=1, num_workers=1, progress=False, checkpoint_seconds=1e9)


def lm_steps(place: Place) -> Work:
    """Pre-training of `bert`, some steps."""
    from polyseme.data.tokens import TokenStore
    from polyseme.training.loop import pretrain

    few = {"budget": STEPS, "budget_unit": "steps", "num_validations": 1, "validation_rows": 16}
    model, options = _model(place, **few)
    splits = ("train", "valid")

    def work() -> dict[str, Any]:
        stores: Any = {split: TokenStore.open(place.of("tokens"), split) for split in splits}  # type: ignore[arg-type]
        trained = pretrain(
            model,
            options,
            stores,
            seed=0,
            runtime=_runtime(),
            scratch=place.work,
            log=lambda row, step: None,
        )
        return {"steps": trained.step, "step_tokens": options.batch_size * options.sequence_length}

    return work


def task(place: Place) -> Work:
    """Words with their parts of speech."""
    from omegaconf import OmegaConf

    from polyseme.tasks import base
    from polyseme.tasks.common import preparation

    raw = OmegaConf.load(ROOT / "conf/task/cpos.yaml")
    raw.experiment = "benchmark"
    values: Any = OmegaConf.to_container(raw, resolve=True)
    del values["experiment"]
    values["num_items"]["train"] = max(8, place.words // WORDS_PER_ITEM)
    configured = preparation.configured("cpos", values)

    def work() -> dict[str, Any]:
        splits, card = preparation.prepare(configured, place.of("draw"))
        base.write(place.out, splits, card)
        return {"task_words": sum(map(len, splits["train"].sentences))}

    return work


def _encoding(place: Place) -> tuple[Any, Callable[..., Any]]:
    from polyseme.training.determinism import make_deterministic
    from polyseme.transfer.features import FeatureCache

    make_deterministic(_runtime())
    model, _ = _model(place)
    cache = FeatureCache({}, FEATURES, Path(place.out), kind="bfloat16")
    return model, partial(cache.encode, lambda: model)


def encode(place: Place) -> Work:
    """Vectors of the task's training sentences, to disk."""
    from polyseme.tasks.common.prepared import PreparedTask

    model, encoded = _encoding(place)

    def work() -> dict[str, Any]:
        sentences = PreparedTask(place.of("task")).splits["train"].sentences
        vectors = encoded(sentences)
        words = sum(vectors.lengths)
        return {"task_words": words, "layers": model.num_layers, "dim": model.dim}

    return work


def probe(place: Place) -> Work:
    """Linear probes of all layers, real and control labels, as configured."""
    from omegaconf import OmegaConf

    from polyseme.probes.base import Probed
    from polyseme.probes.common.evaluate import evaluate
    from polyseme.tasks.common.prepared import PreparedTask

    values: Any = OmegaConf.to_container(OmegaConf.load(ROOT / "conf/probe/linear.yaml"))
    model, encoded = _encoding(place)

    def work() -> dict[str, Any]:
        prepared = PreparedTask(place.of("task"))
        probed = Probed(encoded, prepared, (0,), model.num_layers, model.dim)
        rows = list(evaluate("linear", values, probed))
        return {"rows": len(rows), "max_units": values["max_units"]}

    return work
