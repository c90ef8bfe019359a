"""Runtime settings: how a stage runs, never what it computes; no stage depends on them in DVC."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Literal

import psutil
from pydantic import Field

from polyseme.config import build, config
from polyseme.runtime.preparing import HERE, Preparing

VERSIONED = (
    "polyseme torch numpy scipy gensim tokenizers lightning dvc scikit-learn pyarrow safetensors"
).split()


@config
class Runtime:
    """Values of conf/runtime/*.yaml.

    Changing the number of threads or the precision may change the last bits of results: they are
    recorded with every run and compared by `make verify`.
    """

    accelerator: Literal["cpu", "gpu"] = "cpu"
    """Where training and encoding run."""
    num_threads: Annotated[int, Field(ge=1)] = 2
    """Threads of one process; part of what makes a rerun bit-identical."""
    num_processes: Annotated[int, Field(ge=1)] | Literal["auto"] = 1
    """Processes of this machine that share each batch of pre-training, with num_threads each. auto:
    one a GPU, or as many as the cores have room for. Where torchrun or srun started them, their
    number counts instead."""
    strategy: Literal["ddp", "fsdp"] = "ddp"
    """How several processes share the model: each has all of it, or a part of it."""
    num_workers: Annotated[int, Field(ge=1)] = 2
    """Worker processes for text; never changes a result."""
    preparation: Preparing = HERE
    """Where corpora are prepared; never changes a result."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """auto: bf16 where the processor multiplies it faster, else fp32."""
    checkpoint_seconds: Annotated[float, Field(gt=0)] = 20.0
    """Seconds of training between two checkpoints."""
    feature_cache_gib: Annotated[float, Field(ge=0)] = 8.0
    """Most gigabytes (2^30 bytes) of vectors kept in .polyseme/features; 0 keeps none."""
    feature_type: Literal["float32", "float16", "bfloat16"] = "float32"
    """Of the numbers kept there; the last two take half the room and round (docs/probes.md)."""
    tracking: Literal["off", "offline", "online"] = "offline"
    """Weights & Biases mirror."""
    progress: bool = True
    """Progress bars with time to go."""

    @property
    def feature_cache_bytes(self) -> int:
        """Bytes of feature_cache_gib."""
        return int(self.feature_cache_gib * 2**30)


def read(values: Mapping[str, Any]) -> Runtime:
    """Check the `runtime` group of params.yaml."""
    return build(Runtime, values, file="conf/runtime", key="runtime")


def local_processes(runtime: Runtime) -> int:
    """Processes that a pre-training starts on this machine, `auto` resolved."""
    if runtime.num_processes != "auto":
        return runtime.num_processes
    if runtime.accelerator == "gpu":
        import torch

        return max(1, torch.cuda.device_count())
    return max(1, cores() // runtime.num_threads)


def cores() -> int:
    """That this process may use: a job of a cluster has a part of its machine's."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def has_fast_bf16(accelerator: str) -> bool:
    """Whether the processor multiplies bfloat16 faster than float32.

    AMX does, and AMD's AVX-512 does (2x measured). Intel's AVX-512 has the instruction, but not at
    a higher rate: there bf16 took 1.4 times as long as fp32 (docs/decisions.md).
    """
    if accelerator == "gpu":
        import torch

        return torch.cuda.is_bf16_supported(including_emulation=False)
    flags = cpu_flags()
    amd = _cpuinfo("vendor_id") == "AuthenticAMD"
    return "amx_bf16" in flags or (amd and "avx512_bf16" in flags)


def precision(runtime: Runtime) -> str:
    """`fp32` or `bf16`, with `auto` resolved on this machine."""
    if runtime.precision != "auto":
        return runtime.precision
    return "bf16" if has_fast_bf16(runtime.accelerator) else "fp32"


def cpu_flags() -> list[str]:
    """Instruction sets of the processor as Linux names them; empty elsewhere."""
    return _cpuinfo("flags").split()


def _cpuinfo(field: str) -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() == field:
            return value.strip()
    return ""


def hardware() -> dict[str, Any]:
    """Processor, cores, memory, and the GPU where there is one, for the run record."""
    found = {
        "cpu": _cpuinfo("model name") or platform.processor(),
        "cores": os.cpu_count(),
        "blas": blas(),
        "fast_bf16": has_fast_bf16("cpu"),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.system(),
    }
    return found | ({"gpu": name} if (name := gpu_name()) else {})


def gpu_name() -> str | None:
    """Of the GPU that the process can use; None where it did not load torch: its import is slow."""
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    return cuda.get_device_name() if cuda and cuda.is_available() else None


def blas() -> str:
    """Kernels by which numpy and scipy multiply, `openblas SkylakeX`; each rounds in its own way.

    The processor decides, or a variable such as OPENBLAS_CORETYPE.
    """
    import numpy  # noqa: F401 - loads its library
    from threadpoolctl import threadpool_info

    own = [i for i in threadpool_info() if i["user_api"] == "blas" and "torch" not in i["filepath"]]
    kernels = (f"{i['internal_api']} {i.get('architecture', '')}".strip() for i in own)
    return ", ".join(sorted(set(kernels)))


def versions() -> dict[str, str]:
    """Versions of what computes the results."""
    return {"python": platform.python_version()} | {
        name: metadata.version(name) for name in VERSIONED
    }
