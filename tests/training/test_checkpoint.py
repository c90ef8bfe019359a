"""Checkpoints: what is damaged is noticed, and the one before is used."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from polyseme.training.checkpoint import Checkpoints, collect, restore


def _three(folder: Path) -> Checkpoints:
    checkpoints = Checkpoints(folder)
    for step in (10, 20, 30):
        checkpoints.save(
            step, {"weight": torch.full((100,), float(step))}, {"words_seen": step * 7}
        )
    return checkpoints


def test_the_newest_of_two_kept_ones_is_read(tmp_path: Path) -> None:
    found = _three(tmp_path).newest()
    assert found is not None
    assert (found.step, found.facts["words_seen"]) == (30, 210)
    assert (found.tensors["weight"] == 30).all()
    assert len(list(tmp_path.glob("*.safetensors"))) == 2


@pytest.mark.parametrize(
    "damage", ["truncated", "flipped byte", "missing", "note truncated", "note flipped"]
)
def test_a_damaged_checkpoint_gives_way_to_the_one_before_and_says_so(
    tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoints = _three(tmp_path)
    newest = tmp_path / "000000030.safetensors"
    if damage == "truncated":
        newest.write_bytes(newest.read_bytes()[:-40])
    elif damage == "flipped byte":
        content = bytearray(newest.read_bytes())
        content[-5] ^= 1
        newest.write_bytes(bytes(content))
    elif damage == "missing":
        newest.unlink()
    elif damage == "note truncated":
        note = newest.with_suffix(".json")
        note.write_text(note.read_text()[:20])
    else:
        note = newest.with_suffix(".json")
        note.write_text(note.read_text().replace("210", "211"))
    found = checkpoints.newest()
    assert found is not None
    assert found.step == 20
    assert "000000030.json is damaged" in capsys.readouterr().err
    assert checkpoints.newest().step == 20  # type: ignore[union-attr]


def test_two_damaged_checkpoints_mean_a_fresh_start(tmp_path: Path) -> None:
    checkpoints = _three(tmp_path)
    for path in tmp_path.glob("*.safetensors"):
        path.write_bytes(b"")
    assert checkpoints.newest() is None


def test_half_a_checkpoint_is_none(tmp_path: Path) -> None:
    checkpoints = _three(tmp_path)
    (tmp_path / "000000040.safetensors").write_bytes(b"killed before its note was written")
    (tmp_path / "000000040.json.tmp").write_text('{"step": 40')
    assert checkpoints.newest().step == 30  # type: ignore[union-attr]


def test_model_and_optimizer_continue_bit_for_bit() -> None:
    def make() -> tuple[nn.Module, torch.optim.Optimizer]:
        torch.manual_seed(0)
        model = nn.Linear(4, 4)
        return model, torch.optim.AdamW(model.parameters(), lr=0.1)

    def step(model: nn.Module, optimizer: torch.optim.Optimizer, number: int) -> None:
        x = torch.full((2, 4), float(number))
        model(x).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()

    model, optimizer = make()
    for number in range(3):
        step(model, optimizer, number)
    state = collect(model, [optimizer])
    other, other_optimizer = make()
    restore(state, other, [other_optimizer])
    for number in range(3, 6):
        step(model, optimizer, number)
        step(other, other_optimizer, number)
    assert torch.equal(model.weight, other.weight)
