"""On a GPU as on a CPU: vectors, losses, probabilities, probes, and reruns of the same bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from polyseme import items
from polyseme.data.tokenizer import WordPieces
from polyseme.data.tokens import TokenStore
from polyseme.probes import linear
from polyseme.probes.base import ProbeData
from polyseme.runtime.settings import Runtime
from polyseme.training.determinism import make_deterministic
from polyseme.training.loop import pretrain
from polyseme.training.pretrain import Pretraining

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU")
GPU, CPU = (Runtime(accelerator=name, precision="fp32", progress=False) for name in ("gpu", "cpu"))
CUDA = torch.device("cuda")
SHAPE = {"num_layers": 2, "dim": 32}
TRANSFORMER = {**SHAPE, "num_heads": 2, "dim_ff": 64}
MODELS: dict[str, dict[str, Any]] = {
    "awd_lstm": {**SHAPE, "hidden_dim": 48, "optimizer": "adamw"},
    "bert": TRANSFORMER,
    "electra": TRANSFORMER,
    "elmo": {**SHAPE, "cell_dim": 48, "optimizer": "adamw"},
    "gpt": TRANSFORMER,
    "gpt_bert": TRANSFORMER,
}
STEPS = {"batch_size": 4, "sequence_length": 16, "budget": 12, "budget_unit": "steps"}
STEPS |= {"num_validations": 3, "validation_rows": 8}


@pytest.fixture(autouse=True)
def deterministic() -> Iterator[None]:
    """As in a stage; other tests find what they know."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    make_deterministic(GPU)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest, pieces: WordPieces) -> Any:
    """A small untrained model on the CPU."""
    module = items.load("lm", request.param)
    made = module.Model(module.Config(**MODELS[request.param]), pieces)
    made.reset(0)
    return made.eval()


def test_vectors(model: Any, toy_sentences: list[list[str]]) -> None:
    sentences = [*toy_sentences, ["crack"], [], toy_sentences[0] * 5]
    expected = model.encode(sentences)
    for found, known in zip(model.to(CUDA).encode(sentences), expected, strict=True):
        assert found.shape == known.shape
        assert torch.allclose(found, known, atol=2e-4, rtol=1e-3)


def test_probabilities_of_sentences(model: Any, toy_sentences: list[list[str]]) -> None:
    expected = np.array(model.scores(toy_sentences))
    found = np.array(model.to(CUDA).scores(toy_sentences))
    assert np.allclose(found, expected, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_training_is_the_same_twice_after_a_stop_and_near_to_that_on_a_cpu(
    name: str,
    precision: str,
    pieces: WordPieces,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, again = (_train(name, GPU, precision, pieces, tmp_path / part) for part in "ab")
    assert torch.equal(_weights(first), _weights(again))
    step = Pretraining.training_step

    class Killed(BaseException):
        pass

    def limited(self: Pretraining, batch: Any, number: int) -> None:
        if self.step == 7:
            raise Killed
        step(self, batch, number)

    monkeypatch.setattr(Pretraining, "training_step", limited)
    with pytest.raises(Killed):
        _train(name, GPU, precision, pieces, tmp_path / "killed")
    monkeypatch.setattr(Pretraining, "training_step", step)
    continued = _train(name, GPU, precision, pieces, tmp_path / "killed")
    assert torch.equal(_weights(continued), _weights(first))
    assert continued.rows == first.rows
    on_cpu = _train(name, CPU, precision, pieces, tmp_path / "cpu")
    losses = [[row["valid_loss"] for row in run.rows if "valid_loss" in row]
              for run in (first, on_cpu)]  # fmt: skip
    assert losses[0]
    assert np.allclose(*losses, rtol=0.02 if precision == "fp32" else 0.05)


def _train(
    name: str, runtime: Runtime, precision: str, pieces: WordPieces, folder: Path
) -> Pretraining:
    module = items.load("lm", name)
    options = module.Config(**MODELS[name], **STEPS)
    random = np.random.default_rng(0)
    ids = random.integers(5, 300, 2000).astype(np.uint16)
    store = TokenStore(ids, np.ones(len(ids), np.uint8), len(ids))
    return pretrain(
        module.Model(options, pieces),
        options,
        {"train": store, "valid": store},
        seed=3,
        runtime=Runtime(accelerator=runtime.accelerator, precision=precision,  # type: ignore[arg-type]
                        progress=False, checkpoint_seconds=1e-6),
        scratch=folder,
        log=lambda row, step: None,
    )  # fmt: skip


def _weights(module: Pretraining) -> torch.Tensor:
    return torch.cat([w.detach().cpu().flatten() for w in module.model.parameters()])


def test_linear_probes() -> None:
    random = np.random.default_rng(0)
    h_LND = torch.from_numpy(random.normal(size=(3, 3000, 32)).astype(np.float32))
    gold_N = (h_LND[1] @ torch.from_numpy(random.normal(size=(32, 5)).astype(np.float32))).argmax(1)
    found = []
    for device in ("cpu", "cuda"):
        at = torch.device(device)
        data = ProbeData(
            h_LND[:, :2000].to(at), h_LND[:, 2000:].to(at), gold_N[None, :2000].to(at), [0], 5
        )
        options = linear.Config(min_steps=300, ranks=(4,))
        found.append({rank: p.cpu() for rank, p in linear.predict(options, data).items()})
    for rank, on_cpu in found[0].items():
        assert (on_cpu == found[1][rank]).float().mean() > 0.99
    assert (found[1][None][1, 0] == gold_N[2000:]).float().mean() > 0.9
