"""Energy that the machine used while a stage ran, where a counter can be read.

RAPL counts the microjoules of each processor package (Linux, /sys/class/powercap; many systems let
only root read it), NVML the millijoules of each GPU since the driver was loaded. Both count the
whole device: what else ran at the same time is in the figure, and stages that ran side by side
count it twice.
"""

from __future__ import annotations

import ctypes
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")
MICRO, MILLI = 1e-6, 1e-3


class Meter:
    """Counts from when it is made.

    Args:
        powercap: where RAPL has its counters.
        has_gpu: whether to ask NVML as well.
    """

    def __init__(self, powercap: Path = POWERCAP, *, has_gpu: bool = False) -> None:
        self._powercap, self._has_gpu = powercap, has_gpu
        self._start = self._counters()

    def joules(self) -> dict[str, float]:
        """Counter -> joules since the start; empty where none can be read."""
        found = {}
        for name, (now, span) in self._counters().items():
            if name in self._start:
                used = now - self._start[name][0]
                found[name] = round(used + span if used < 0 else used, 3)
        return found

    def _counters(self) -> dict[str, tuple[float, float]]:
        """Counter -> its joules, and those at which it starts again from 0."""
        found = {}
        for folder in sorted(self._powercap.glob("intel-rapl:*")):
            if folder.name.count(":") > 1:
                continue  # a part of a package, which counts it already
            try:
                count, span = (
                    int((folder / file).read_text()) * MICRO
                    for file in ("energy_uj", "max_energy_range_uj")
                )
                found[f"rapl {(folder / 'name').read_text().strip()}"] = count, span
            except (OSError, ValueError):
                continue
        return found | (_gpus() if self._has_gpu else {})


def _gpus() -> dict[str, tuple[float, float]]:
    """Of every GPU that counts it."""
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return {}
    found: dict[str, tuple[float, float]] = {}
    number, handle, used = ctypes.c_uint(), ctypes.c_void_p(), ctypes.c_ulonglong()
    if nvml.nvmlInit_v2() or nvml.nvmlDeviceGetCount_v2(ctypes.byref(number)):
        return found
    for n in range(number.value):
        if not nvml.nvmlDeviceGetHandleByIndex_v2(n, ctypes.byref(handle)) and not (
            nvml.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(used))
        ):
            found[f"nvml gpu {n}"] = used.value * MILLI, 0.0
    nvml.nvmlShutdown()
    return found
