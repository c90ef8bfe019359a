"""The libraries that draw charts, as the page carries them: Vega, Vega-Lite and Vega-Embed.

They come out of the package vl-convert-python, so that neither building nor reading a report
needs a network. The page carries their licences, and those of what they contain, at its end
(templates/licences.txt).
"""

from __future__ import annotations

import base64
import zlib
from functools import cache


@cache
def packed() -> str:
    """The libraries as one script, deflated, in base 64; the page unpacks it when it draws."""
    import vl_convert

    script = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return base64.b64encode(zlib.compress(script.encode("utf-8"), 9)).decode("ascii")


def versions() -> dict[str, str]:
    """Library -> version, as packed."""
    import vl_convert

    return {
        "Vega": vl_convert.get_vega_version(),
        "Vega-Lite": max(vl_convert.get_vegalite_versions(), key=_parts),
        "Vega-Embed": vl_convert.get_vega_embed_version(),
    }


def _parts(version: str) -> list[int]:
    return [int(part) for part in version.lstrip("v").split(".")]
