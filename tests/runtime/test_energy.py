"""Energy counters: read where they can be, wrapped where they wrap, silent elsewhere."""

from __future__ import annotations

from pathlib import Path

from polyseme.runtime.energy import Meter


def _counter(root: Path, folder: str, name: str, count: int, span: int = 1_000_000_000) -> Path:
    (root / folder).mkdir(exist_ok=True)
    (root / folder / "name").write_text(f"{name}\n")
    (root / folder / "max_energy_range_uj").write_text(f"{span}\n")
    (root / folder / "energy_uj").write_text(f"{count}\n")
    return root / folder / "energy_uj"


def test_joules_are_those_since_the_start_of_each_package(tmp_path: Path) -> None:
    first = _counter(tmp_path, "intel-rapl:0", "package-0", 5_000_000)
    second = _counter(tmp_path, "intel-rapl:1", "package-1", 999_000_000)
    _counter(tmp_path, "intel-rapl:0:0", "core", 1)
    meter = Meter(tmp_path)
    first.write_text("7500000\n")
    second.write_text("1000000\n")  # it started again from 0
    assert meter.joules() == {"rapl package-0": 2.5, "rapl package-1": 2.0}


def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    assert Meter(tmp_path / "nowhere").joules() == {}
    counter = _counter(tmp_path, "intel-rapl:0", "package-0", 5)
    counter.write_text("denied")
    assert Meter(tmp_path).joules() == {}
    counter.unlink()
    counter.mkdir()  # reading it raises OSError, as a file of root does
    assert Meter(tmp_path).joules() == {}


def test_a_counter_that_appears_later_has_no_start(tmp_path: Path) -> None:
    meter = Meter(tmp_path)
    _counter(tmp_path, "intel-rapl:0", "package-0", 5)
    assert meter.joules() == {}
