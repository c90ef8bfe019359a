"""Intrinsic measures, one file each: nothing is trained."""
