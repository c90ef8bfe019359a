"""How processes share a model: Lightning's DDP, or its ModelParallelStrategy with torch's FSDP2.

- ddp (Li et al. 2020): every process has the whole model; gradients are exchanged in the backward
  pass. Weights without a gradient are looked for, which also keeps the buckets as they are made:
  torch deals them anew after the first step otherwise, and sums of three or more processes would be
  rounded in another order after a resume.
- fsdp (Zhao et al. 2023): every process has a part of each weight, of its gradient and of its
  optimizer state (sharding.py). In one step all processes have to use the same weights, which is so
  if it is not rows that choose them.

Both average gradients over processes. Checkpoints hold whole tensors: a run may continue on another
number of processes, or with the other strategy.
"""

from __future__ import annotations

from typing import Any

from lightning.fabric.plugins.environments import ClusterEnvironment
from lightning.pytorch.strategies import DDPStrategy, ModelParallelStrategy

from polyseme.runtime.settings import Runtime
from polyseme.runtime.world import World
from polyseme.training.processes import device_of


class Places(ClusterEnvironment):
    """The processes of a world, for Lightning, which is to start none."""

    def __init__(self, world: World) -> None:
        self.world = world

    creates_processes_externally = True
    main_address, main_port = "", 0  # they have met already

    @staticmethod
    def detect() -> bool:
        """Never by itself."""
        return False

    def world_size(self) -> int:
        """Processes on all machines."""
        return self.world.size

    def set_world_size(self, size: int) -> None:
        """It is known."""

    def global_rank(self) -> int:
        """Of this process."""
        return self.world.rank

    def set_global_rank(self, rank: int) -> None:
        """It is known."""

    def local_rank(self) -> int:
        """On this machine."""
        return self.world.local_rank

    def node_rank(self) -> int:
        """Of this machine."""
        return self.world.node


def is_sharded(runtime: Runtime, world: World) -> bool:
    """Whether each process has a part of the model only."""
    return runtime.strategy == "fsdp" and world.size > 1


def of(runtime: Runtime, world: World) -> dict[str, Any]:
    """What Lightning's Trainer is told of the processes."""
    if world.size == 1:
        return {"devices": 1}
    made: DDPStrategy | ModelParallelStrategy
    if is_sharded(runtime, world):
        made = ModelParallelStrategy(data_parallel_size=world.size, tensor_parallel_size=1)
    else:
        made = DDPStrategy(
            find_unused_parameters=True, broadcast_buffers=False, gradient_as_bucket_view=True
        )
    made.parallel_devices = [device_of(world, runtime.accelerator)] * world.local_size
    return {
        "strategy": made,
        "plugins": [Places(world)],
        "num_nodes": world.num_nodes,
        "devices": 1,  # overruled by those of the strategy
    }
