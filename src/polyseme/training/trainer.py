"""The Lightning Trainer as every stage uses it."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

from lightning.pytorch import Callback, Trainer

from polyseme.runtime.settings import Runtime, precision
from polyseme.runtime.world import ALONE, World
from polyseme.training import strategies

LIGHTNING_PRECISION = {"fp32": "32-true", "bf16": "bf16-mixed"}


def make_trainer(
    runtime: Runtime, *, folder: Path, callbacks: list[Callback], world: World = ALONE
) -> Trainer:
    """A Trainer that only trains: history, checkpoints and progress are callbacks of our own.

    Args:
        folder: where Lightning may write; it has nothing to write.
        world: the place of this process among those that train together.
    """
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="lightning.*")
    return Trainer(
        accelerator=runtime.accelerator,
        precision=LIGHTNING_PRECISION[precision(runtime)],  # type: ignore[arg-type]
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        deterministic=True,
        use_distributed_sampler=False,
        default_root_dir=folder,
        callbacks=callbacks,
        **strategies.of(runtime, world),
    )
