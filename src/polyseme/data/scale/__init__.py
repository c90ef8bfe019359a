"""Corpus preparation in tasks that several machines share; see run.py."""
