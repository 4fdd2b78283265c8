"""The API's version: which one is pinned, which one the app has, and when that one ends.

An ended version is not refused but answered by another one, so only this tells. The mall says when the app's own
version ends and nothing of any other, so of a pin that is not the app's version the end is unknown. Does not belong
here: asking.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

SUNSET_DAYS: Final = 90
"""How long before its end a version is spoken of, days."""
KEPT: Final = timedelta(days=365)
"""About how long Cafe24 keeps a version after newer ones came out; they come out about every three months."""


@dataclass(frozen=True)
class VersionNotice:
    """What is known of the version that we ask for.

    Attributes:
        pinned: sent with every call.
        served: the app's own version, by what the mall says of the app; "" when it does not say.
        expires: when the pinned version ends; None where nobody says: it is not the app's.
        days_left: days until then; None likewise.
        warn: whether something should be done: the end is near or past, or unknown of an old version.
        text: all of it in one line.
    """

    pinned: str
    served: str
    expires: date | None
    days_left: int | None
    warn: bool
    text: str


def date_of(value: object) -> date | None:
    """The date that a text begins with, or None."""
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def version_notice(pinned: str, served: str, expires: date | None, today: date) -> VersionNotice:
    """What is to be said of the version on a day.

    Args:
        pinned: what we ask for.
        served: the app's version, "" when the mall does not say.
        expires: when the *app's* version ends, None when the mall does not say.
        today: by the mall's clock.
    """
    ends = expires if pinned == served else None
    left = (ends - today).days if ends else None
    text = f"API version {pinned} is pinned; the app's is {served or 'unknown'}"
    if ends is not None and left is not None:
        warn = left < SUNSET_DAYS
        text += f" and ended on {ends}" if left < 0 else f" and ends on {ends}, in {left} day(s)"
        text += ": an ended version is answered by another one, without a word"
    else:
        warn = is_old(pinned, today)
        other = bool(served) and served != pinned
        why = "the mall says it of the app's version alone" if other else "the mall does not say"
        text += f"; when the pinned one ends is unknown ({why})"
        if warn:
            text += ", and it is over a year old: Cafe24 keeps a version about a year after newer ones, then another"
            text += " one answers without a word"
    return VersionNotice(pinned, served, ends, left, warn, text + (_REMEDY if warn else ""))


_REMEDY: Final = "; set CAFE24_API_VERSION to a newer one, and the app's version in the developer centre"


def is_old(version: str, today: date) -> bool:
    """Whether a version came out more than a year ago, so that it may have ended."""
    out = date_of(version)
    return out is not None and today - out > KEPT
