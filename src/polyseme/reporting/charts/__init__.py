"""Interactive charts of the HTML page: Vega-Lite specifications, drawn by the reader's browser."""

from polyseme.reporting.charts.specs import CAPTIONS, Charts, build

__all__ = ["CAPTIONS", "Charts", "build"]
