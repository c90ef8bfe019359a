"""Data sets, corpora and tokens."""
