"""What processes exchange, how they end, and what they cannot share."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
import torch.distributed as dist
from tests.training.exchange import exchange, follow

from polyseme.data.tokenizer import WordPieces
from polyseme.data.tokens import TokenStore
from polyseme.errors import ConfigError, DataError, ResourceError
from polyseme.models import bert, electra, gpt, gpt_bert
from polyseme.runtime import settings
from polyseme.runtime.settings import Runtime
from polyseme.runtime.world import World
from polyseme.training.loop import pretrain
from polyseme.training.pretrain import as_batch
from polyseme.training.processes import Processes, device_of
from polyseme.training.spawn import together

NETWORK = {"dim": 16, "num_layers": 1, "num_heads": 2, "dim_ff": 32, "sequence_length": 16}


def _store(tokens: int, seed: int) -> TokenStore:
    random = np.random.default_rng(seed)
    flags = random.choice([0, 1, 1, 2], tokens).astype(np.uint8)
    return TokenStore(random.integers(5, 300, tokens).astype(np.uint16), flags, tokens // 2)


STORES = {"train": _store(2000, 0), "valid": _store(500, 1)}


@pytest.mark.parametrize("module", [bert, gpt, electra, gpt_bert])
def test_sums_over_shares_are_those_of_the_batch(pieces: WordPieces, module: Any) -> None:
    model = module.Model(module.Config(**NETWORK), pieces)
    model.reset(0)
    rows = _store(7 * 16, 0)
    whole = as_batch(
        model,
        (rows.tokens.astype(np.int64).reshape(7, 16), rows.flags.reshape(7, 16)),
        np.random.default_rng(0),
    )
    parts = [model.losses(Processes(World(rank, 2, rank, 2)).share(whole)) for rank in range(2)]
    found = model.losses(whole)
    for name in ("nats", "tokens", "bytes"):
        summed = sum(getattr(part, name) for part in parts)
        assert torch.allclose(summed, getattr(found, name), rtol=1e-5)
    if found.objective:
        for n, total in enumerate(found.objective):
            assert torch.allclose(sum(part.objective[n] for part in parts), total, rtol=1e-5)


@pytest.mark.parametrize(
    ("job", "error"), [("end", None), ("refuse", DataError), ("die", ResourceError)]
)
def test_processes_exchange_gradients_and_an_end_of_one_is_told(job: str, error: Any) -> None:
    def run() -> None:
        with together(2, follow, job) as group:
            exchange(group)
            dist.barrier()

    if error is None:
        run()
    else:
        with pytest.raises(error):
            run()
    assert not dist.is_initialized()


PARENT = """
import sys, time, multiprocessing
from tests.training.exchange import wait
from polyseme.training.spawn import together
if __name__ == "__main__":
    with together(2, wait, None) as group:
        print(multiprocessing.active_children()[0].pid, flush=True)
        time.sleep(600)
"""


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A first process, which waits for nothing, and the id of the other."""
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": f"{root}:{root / 'src'}"}
    parent = subprocess.Popen(
        [sys.executable, script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert parent.stdout is not None
    yield parent, int(parent.stdout.readline())
    parent.kill()
    parent.wait()


def test_the_first_process_ends_with_another_of_which_it_does_not_hear(
    pair: tuple[subprocess.Popen[str], int],
) -> None:
    parent, child = pair
    os.kill(child, signal.SIGKILL)
    _, told = parent.communicate(timeout=60)
    assert parent.returncode == ResourceError.exit_code
    assert told.startswith("error: pre-training: a process of the training was killed")
    assert len(told.splitlines()) == 1


def test_a_process_dies_with_the_first_one(pair: tuple[subprocess.Popen[str], int]) -> None:
    parent, child = pair
    assert psutil.pid_exists(child)
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 10
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("values", [{"budget_unit": "seconds"}, {"batch_size": 2}])
def test_what_processes_cannot_share_is_refused(
    pieces: WordPieces, tmp_path: Path, values: dict[str, Any]
) -> None:
    options = gpt.Config(**NETWORK, **({"batch_size": 8} | values))
    with pytest.raises(ConfigError, match=r"runtime\.num_processes"):
        pretrain(
            gpt.Model(options, pieces), options, STORES,
            seed=0, scratch=tmp_path, log=lambda row, step: None,
            runtime=Runtime(num_threads=1, num_processes=3, progress=False),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("world", "there", "device"),
    [
        (World(5, 8, 1, 4), 4, "cuda:1"),
        (World(5, 8, 1, 4, "srun"), 1, "cuda:0"),  # each task is shown its own
        (World(1, 2, 1, 2), 1, None),
        (World(1, 2, 1, 2, "torchrun"), 1, None),
        (World(0, 3, 0, 3, "srun"), 2, None),
    ],
)
def test_each_process_has_a_gpu_of_its_own(
    monkeypatch: pytest.MonkeyPatch, world: World, there: int, device: str | None
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: there)
    assert device_of(world, "cpu").type == "cpu"
    if device:
        assert device_of(world, "gpu") == torch.device(device)
    else:
        with pytest.raises(ConfigError, match=f"{there} GPUs"):
            device_of(world, "gpu")


def test_auto_takes_the_cores_that_a_job_has_not_those_of_its_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5, 7}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    asked = Runtime(num_processes="auto", num_threads=2, strategy="ddp")
    assert settings.local_processes(asked) == 2
