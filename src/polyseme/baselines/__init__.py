"""Baselines that look at no representation, one file each."""
