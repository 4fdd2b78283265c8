"""How long a server asks us to wait: the header Retry-After, read in one way wherever we call one.

Does not belong here: what a caller does with it.
"""

import re
import time
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST: Final = 86400.0
"""A day: who asks for more is asked again after it."""
_SECONDS: Final = re.compile(r"\d+(?:\.\d+)?", re.ASCII)


def retry_after(value: str, *, milliseconds: str = "", now: float | None = None) -> float:
    """Seconds that a Retry-After header asks for: a number or a date; 0 when it says neither, a day at most.

    Args:
        value: the header.
        milliseconds: what some model providers send beside it (`retry-after-ms`); a number there comes first.
        now: epoch seconds that a date is counted from; the clock's when none are given.
    """
    if finer := _SECONDS.fullmatch(milliseconds.strip()):
        return min(float(finer[0]) / 1000, LONGEST)
    text = value.strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), LONGEST)
    try:
        at = parsedate_to_datetime(text)
        until = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
        return min(max(until - (time.time() if now is None else now), 0.0), LONGEST)
    except (TypeError, ValueError, OverflowError):
        return 0.0
