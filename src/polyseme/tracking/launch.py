"""Start the mirror of a run as a process that the stage never waits for.

The mirror gets its own session (Ctrl-C and a killed stage do not reach it), its own log instead
of the terminal, and only those environment variables that it needs: what is not in its
environment cannot leak into what it writes.
"""

from __future__ import annotations

import configparser
import netrc
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

Process = subprocess.Popen[bytes]

LOG = "mirror.log"
SERVER = "https://api.wandb.ai"
PASSED_ON = frozenset(
    "PATH HOME USER LANG LC_ALL TMPDIR XDG_CONFIG_HOME PYTHONPATH LD_LIBRARY_PATH NETRC "
    "SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE "
    "HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy".split()
)


def start(folder: Path, mode: Literal["offline", "online"]) -> Process | None:
    """Start the mirror of the history in `folder`; returns at once.

    Returns:
        The process; None where it cannot be started, which is no reason to stop the stage.
    """
    if mode == "online" and not has_credentials():
        _warn("no W&B key (WANDB_API_KEY or `wandb login`): the run is mirrored offline")
        mode = "offline"
    command = [sys.executable, "-P", "-m", "polyseme.tracking.mirror", str(folder.resolve())]
    try:
        with (folder / LOG).open("ab") as log:
            return subprocess.Popen(  # noqa: S603
                [*command, "--mode", mode],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(),
                start_new_session=True,
            )
    except OSError as error:
        _warn(f"the mirror cannot be started ({error}): local history only")
        return None


def has_credentials() -> bool:
    """Whether W&B would find a key without asking for one; no key is read out of its store."""
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    path = Path(os.environ.get("NETRC", "~/.netrc")).expanduser()
    with suppress(OSError, netrc.NetrcParseError):
        return urlsplit(server()).netloc in netrc.netrc(path).hosts
    return False


def server() -> str:
    """Where W&B is: environment, then the settings that `wandb login --host` writes."""
    if url := os.environ.get("WANDB_BASE_URL"):
        return url
    home = os.environ.get("XDG_CONFIG_HOME", "~/.config")
    folder = os.environ.get("WANDB_CONFIG_DIR", f"{home}/wandb")
    settings = configparser.ConfigParser()
    with suppress(OSError, configparser.Error):
        settings.read(Path(folder).expanduser() / "settings")
    return settings.get("default", "base_url", fallback=SERVER)


def _environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k in PASSED_ON or k.startswith("WANDB_")}


def _warn(line: str) -> None:
    sys.stderr.write(f"tracking: {line}\n")
