"""Versions: which one serves a call, and when one expires.

A call that names an expired version is served by the oldest one alive, and nothing in the answer says so (whether
the real API names the served version is unconfirmed). A name that is no date, or newer than every version, is
refused; what the real API does then is unconfirmed, and refusing is the safe side.
"""

import re
from datetime import date

from cafe24_pipelines.sandbox.server.config import ServerConfig
from cafe24_pipelines.sandbox.server.errors import Refusal


def served(config: ServerConfig, asked: str | None, pinned: str) -> str:
    """The version that serves a call whose header says `asked`; without a header, the app's own.

    Raises:
        Refusal: 400, it is no version.
    """
    version = asked or pinned
    alive = config.versions
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", version) or version > alive[-1]:
        raise Refusal(400, "Invalid API version.", {"version": version[:20]})
    older = [v for v in alive if v <= version]
    return older[-1] if older else alive[0]


def expiry(config: ServerConfig, version: str) -> str | None:
    """The day a version ends: a year after the next one came out; None while it is the newest."""
    newer = [v for v in config.versions if v > version]
    if not newer:
        return None
    out = date.fromisoformat(newer[0])
    return out.replace(year=out.year + 1).isoformat()
