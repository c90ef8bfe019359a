"""Labelled tasks, one file each, in families that own loss and metrics."""
