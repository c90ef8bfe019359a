"""Sections of a report; each is a function of the evidence, and None where it has no rows."""
