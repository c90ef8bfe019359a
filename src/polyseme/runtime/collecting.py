"""Fewer searches for garbage in cycles, where text becomes many small objects without cycles.

Python looks for cycles after every 700 new objects, and looks at all that are alive: half of the
time that it takes to clean a page of wikitext. References are counted as ever, so memory is freed
at once.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

OBJECTS = 200_000
"""New objects between two searches: some tens of megabytes."""


@contextmanager
def rarely() -> Iterator[None]:
    """Search for cycles rarely while the body runs."""
    before = gc.get_threshold()
    gc.set_threshold(OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
