"""URLs in configuration and in messages: none of them may hold a secret.

A value of conf/ is written to params.yaml, dvc.lock, local history, W&B and reports. So a URL with
a user name, a password, a key or a signature is refused where it enters, and whatever an error
prints goes through `redacted`. Credentials belong where the storage's own tools look for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_WEB, _OTHER = r"(?:(?<=http://)|(?<=https://))", r"(?<=://)(?<!http://)(?<!https://)"
_USER = re.compile(
    rf"(?:{_WEB}[^/?#\s'\":]*:(?!\d+/)[^@\s'\"]*"  # a port and a path are no password
    rf"|{_OTHER}[^/?#\s'\":]*:[^@\s'\"]*"  # keys of storages may hold /
    r"|(?<=://)[^/?#\s'\"]*)@"
)
_SIGNED = re.compile(
    r"([?&#;][\w-]*(?:key|token|secret|passw|pwd|auth|credential|signature|(?<![a-z])sig)[\w-]*=)"
    r"[^&#;\s'\"]*",
    re.IGNORECASE,
)


def redacted(text: str) -> str:
    """`text` with `***` for what may be a secret in a URL."""
    return _SIGNED.sub(r"\1***", _USER.sub("***@", text))


def has_secret(text: str) -> bool:
    """Whether a URL in the text may hold a secret."""
    return redacted(text) != text


def with_secrets(values: Any, key: str = "") -> Iterator[str]:
    """Dotted keys of the values that may hold one."""
    if isinstance(values, Mapping):
        for name, value in values.items():
            yield from with_secrets(value, f"{key}.{name}" if key else str(name))
    elif isinstance(values, list | tuple):
        for index, value in enumerate(values):
            yield from with_secrets(value, f"{key}.{index}")
    elif isinstance(values, str) and has_secret(values):
        yield key
