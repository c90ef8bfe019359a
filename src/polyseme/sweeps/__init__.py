"""Hyper-parameter sweeps: Optuna over the composed configuration."""
