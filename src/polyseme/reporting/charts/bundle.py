"""The libraries that draw charts, as the page carries them: Vega, Vega-Lite and Vega-Embed.

They come out of the package vl-convert-python, so that neither building nor reading a report
needs a network. All three are under the BSD 3-clause licence of the University of Washington
Interactive Data Lab, whose text the page carries beside them.
"""

from __future__ import annotations

import base64
import zlib
from functools import cache

LICENCE = """\
Copyright (c) 2015-2025, University of Washington Interactive Data Lab. All rights reserved.
Redistribution and use in source and binary forms, with or without modification, are permitted
provided that the following conditions are met:
1. Redistributions of source code must retain the above copyright notice, this list of conditions
and the following disclaimer.
2. Redistributions in binary form must reproduce the above copyright notice, this list of
conditions and the following disclaimer in the documentation and/or other materials provided with
the distribution.
3. Neither the name of the copyright holder nor the names of its contributors may be used to
endorse or promote products derived from this software without specific prior written permission.
THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR
IMPLIED WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND
FITNESS FOR A PARTICULAR PURPOSE ARE DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR
CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL
DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES; LOSS OF USE,
DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER
IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT
OF THE USE OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE."""
"""The same text in all three packages."""


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
