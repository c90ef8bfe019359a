"""Representations that were trained elsewhere, one module for each format."""
