"""The ground for bit-identical reruns: threads, kernels, memory. Torch only, quick to import."""

from __future__ import annotations

import ctypes
from contextlib import suppress

import torch

from polyseme.runtime.settings import Runtime

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4


def make_deterministic(runtime: Runtime) -> None:
    """One number of threads and deterministic kernels for the whole process."""
    _keep_memory()
    torch.set_num_threads(runtime.num_threads)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined] # nothing here reads such memory
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False  # float32 is float32, as on a cpu


def device_of(runtime: Runtime) -> torch.device:
    """Where representations are loaded for encoding."""
    return torch.device("cuda" if runtime.accelerator == "gpu" else "cpu")


def _keep_memory() -> None:
    """Have glibc keep freed blocks instead of giving them back to the system.

    Logits of some megabytes are allocated in every step; without this each of their pages is mapped
    anew, which made log_softmax several times slower.
    """
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL("libc.so.6").mallopt
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
