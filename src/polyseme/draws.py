"""Random numbers by counting: a draw depends on its key alone, not on what was drawn before."""

from __future__ import annotations

import numpy as np


def philox(*key: int) -> np.random.Generator:
    """Counter-based random numbers (Salmon et al. 2011) for a key, e.g. (seed, stream, step)."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))
