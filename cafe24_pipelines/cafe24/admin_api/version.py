"""The API's version: which one is pinned, which one serves, and when it ends.

An ended version is not refused but answered by another one, so only this tells. Does not belong here: asking.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

SUNSET_DAYS: Final = 90
"""How long before its end a version is spoken of, days."""


@dataclass(frozen=True)
class VersionNotice:
    """Which version serves us, and until when (None when the mall does not say). `text` says it in one line."""

    pinned: str
    served: str
    expires: date | None
    days_left: int | None
    text: str


def date_of(value: object) -> date | None:
    """The date that a text begins with, or None."""
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def version_notice(pinned: str, served: str, expires: date | None, today: date) -> VersionNotice:
    """What is to be said of the version on a day (the mall's date)."""
    left = (expires - today).days if expires else None
    text = f"API version {pinned} is pinned; the app's is {served or 'unknown'}"
    if expires is not None and left is not None:
        ends = f"ended on {expires}" if left < 0 else f"ends on {expires}, in {left} day(s)"
        text += f" and {ends}: an ended version is answered by another one, without a word"
        text += "; set CAFE24_API_VERSION to a newer one" if left < SUNSET_DAYS else ""
    return VersionNotice(pinned, served, expires, left, text)
