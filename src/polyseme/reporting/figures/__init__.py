"""Figures of a report: SVG whose bytes follow from the rows alone."""
