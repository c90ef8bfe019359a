"""Corpus readers, one file each: a source of documents and how to clean one."""
