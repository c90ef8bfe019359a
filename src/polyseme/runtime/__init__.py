"""How a stage runs: guard, manifests, atomic outputs, determinism."""
