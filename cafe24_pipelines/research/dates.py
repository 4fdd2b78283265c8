"""Days out of what pages and feeds write: ISO, RFC 822, `2026.03.05`, `2026년 3월 5일`, `March 5, 2026`.

Does not belong here: deciding whether a date can be true (see `pages.py`).
"""

import re
from datetime import UTC, date
from email.utils import parsedate_to_datetime
from typing import Final

_MONTHS: Final = {
    name: n
    for n, names in enumerate(
        ("jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july", "aug august",
         "sep sept september", "oct october", "nov november", "dec december"), 1)
    for name in names.split()
}  # fmt: skip
FIRST_YEAR: Final = 1995
"""An older day is no page's: a clock that was never set, or the year somebody was founded."""
_MONTH: Final = "|".join(sorted(_MONTHS, key=len, reverse=True))
_NUMERIC: Final = re.compile(r"(?<!\d)((?:19|20)\d{2})\s?[-./년]\s?(\d{1,2})\s?[-./월]\s?(\d{1,2})(?!\d)")
_NAMED: Final = re.compile(rf"\b({_MONTH})\.? (\d{{1,2}})(?:st|nd|rd|th)?,? ((?:19|20)\d{{2}})\b", re.IGNORECASE)
_DAY_FIRST: Final = re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th)? ({_MONTH})\.?,? ((?:19|20)\d{{2}})\b", re.IGNORECASE)


def read_date(text: str) -> str:
    """The first day that a text names, ISO; "" when it names none."""
    text = text[:500]
    if match := _NUMERIC.search(text):
        return _iso(match[1], match[2], match[3])
    if match := _NAMED.search(text):
        return _iso(match[3], str(_MONTHS[match[1].lower()]), match[2])
    if match := _DAY_FIRST.search(text):
        return _iso(match[3], str(_MONTHS[match[2].lower()]), match[1])
    try:
        at = parsedate_to_datetime(text)
        found = (at.astimezone(UTC) if at.tzinfo else at).date()
        return found.isoformat() if found.year >= FIRST_YEAR else ""
    except (TypeError, ValueError, OverflowError):
        return ""


def _iso(year: str, month: str, day: str) -> str:
    try:
        found = date(int(year), int(month), int(day))
        return found.isoformat() if found.year >= FIRST_YEAR else ""
    except ValueError:
        return ""
