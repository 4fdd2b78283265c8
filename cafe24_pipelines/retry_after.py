"""How long a server asks us to wait: the header Retry-After, read in one way wherever we call one.

Does not belong here: what a caller does with it.
"""

import time
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST: Final = 86400.0
"""A day: who asks for more is asked again after it."""


def retry_after(value: str) -> float:
    """Seconds that a Retry-After header asks for: a number or a date; 0 when it says neither, a day at most."""
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST)
    try:
        return min(max(parsedate_to_datetime(text).timestamp() - time.time(), 0.0), LONGEST)
    except (TypeError, ValueError, OverflowError):
        return 0.0
