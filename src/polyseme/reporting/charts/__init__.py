"""Interactive charts of the HTML page: Vega-Lite specifications, drawn by the reader's browser."""

from polyseme.reporting.charts.specs import Charts, build

__all__ = ["Charts", "build"]
