"""The page: one HTML file with its style and its script inside, and the policy that allows both."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import NamedTuple

from polyseme.reporting.figures import style

TEMPLATES = Path(__file__).parent / "templates"


class Page(NamedTuple):
    """The bytes of the page, and its Content-Security-Policy."""

    html: bytes
    policy: str


def build() -> Page:
    """Put the parts together."""
    script = _read("explorer.js")
    light, dark = style.css(is_dark=False), style.css(is_dark=True)
    sheet = _read("explorer.css").replace("LIGHT", light).replace("DARK", dark)
    html = _read("explorer.html").replace("STYLE", sheet).replace("SCRIPT", script)
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(sheet)}'; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    return Page(html.encode(), policy)


def _read(name: str) -> str:
    return (TEMPLATES / name).read_text("utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
