"""Checks that every representation must pass before its scores count."""
