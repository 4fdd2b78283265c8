"""Reading one cell: times, money, whole numbers, status words, flags. Every reader takes the stripped, non-empty
text and returns the lake's value, None for a placeholder that means empty, or raises `Refused` with a reason that a
merchant understands.

Money and quantities are exact: `Decimal`, never a float. Does not belong here: rows (see `rows.py`), and what words
mean (see `words.py`).
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from cafe24_pipelines.cafe24.csv_import.mapping import ShopMapping
from cafe24_pipelines.cafe24.csv_import.words import (
    DASHES,
    EVENT,
    GENDER,
    GUESTS,
    NO_GENDER,
    compact,
    flag_of,
    region_of,
    status_of,
)

MOST: Final = Decimal(10**11)
"""Amounts of a line or order reach up to this; more is a slip, and would not add up within the lake's 20 digits."""

_NUMBER = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|[+-]?\.\d+", re.ASCII)
_CURRENCY_SIGNS = re.compile(r"^(?P<sign>[+-]?)\s*(?:[₩￦$£€¥]|KRW(?![A-Z]))\s*|\s*(?:원|KRW)$", re.IGNORECASE)
_LOOSE_DATE = re.compile(
    r"(?P<y>\d{4})\s*[-./년]\s*(?P<m>\d{1,2})\s*[-./월]\s*(?P<d>\d{1,2})\s*[.일]?(?:\s*\([월화수목금토일]\))?"
    r"(?:[T\s]\s*(?P<half>오전|오후|AM|PM)?\s*(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2}))?)?",
    re.ASCII,
)
_NO_DATE: Final = frozenset(["0000-00-00", "0000-00-00 00:00:00", "0000-00-00 00:00"])
_EXCEL_DAY = re.compile(r"\d{5}(?:\.\d+)?", re.ASCII)
_EXCEL_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001  a local day count; the caller gives it the mall's zone


class Refused(Exception):
    """A cell that can't be taken; the message is the reason, without the cell's content."""


class Readers:
    """The readers of one import: they know its zone, its status words, and which local times were doubtful."""

    def __init__(self, mapping: ShopMapping) -> None:
        from zoneinfo import ZoneInfo

        self._zone = ZoneInfo(mapping.time_zone)
        self._format = mapping.time_format
        self._status = _folded(mapping.status)
        self._event = EVENT | _folded(mapping.event)
        self.doubtful: dict[str, str] = {}  # raw text -> "ambiguous" | "non-existent"

    def reader(self, kind: str) -> Callable[[str], Any]:
        """The reader of a field kind (KeyError for a kind that does not exist)."""
        readers: dict[str, Callable[[str], Any]] = {
            "id": str, "text": str, "prose": str, "member": member, "time": self.time, "money": money, "price": money,
            "whole": whole, "rating": rating, "status": self.status, "event": self.event, "gender": gender,
            "flag": flag, "region": region_of,
        }  # fmt: skip
        return readers[kind]

    def time(self, text: str) -> datetime | None:
        """A time in UTC. Local when it has no offset; a doubtful local time is read with the offset before the
        clock change (`fold=0`): the first of two, and a skipped one moves forward by the gap."""
        if text in DASHES or text in _NO_DATE:
            return None
        local = self._local(text)
        if not 1990 <= local.year <= 2100:
            raise Refused("is not between the years 1990 and 2100")
        if local.tzinfo is not None:
            return local.astimezone(UTC)
        at = local.replace(tzinfo=self._zone)
        if at.utcoffset() != (later := at.replace(fold=1)).utcoffset():
            skipped = (at.utcoffset() or timedelta()) < (later.utcoffset() or timedelta())
            self.doubtful[text] = "non-existent" if skipped else "ambiguous"
        return at.astimezone(UTC)

    def _local(self, text: str) -> datetime:
        try:
            if self._format:
                return datetime.strptime(text, self._format)  # noqa: DTZ007  the caller gives it the mall's zone
            return datetime.fromisoformat(text)
        except ValueError:
            loose = None if self._format else _LOOSE_DATE.fullmatch(text)
        if loose is None and not self._format and _EXCEL_DAY.fullmatch(text):
            return _EXCEL_EPOCH + timedelta(seconds=round(Decimal(text) * 86_400))
        if loose is None:
            raise Refused("is not a date or time")
        part = {k: int(v or 0) for k, v in loose.groupdict().items() if k != "half"}
        hour = part["H"]
        if half := loose["half"]:
            hour = hour % 12 + (12 if half in ("오후", "PM") else 0)
        try:
            return datetime(part["y"], part["m"], part["d"], hour, part["M"], part["S"])  # noqa: DTZ001  as above
        except ValueError:
            raise Refused("is not a date or time") from None

    def status(self, text: str) -> str:
        """An order status of the lake, from the mapping's words, English, Korean, or Cafe24 item codes."""
        known = self._status.get(text.casefold()) or status_of(text)
        if known is None:
            raise Refused("is an unknown status")
        return known

    def event(self, text: str) -> str:
        """view, cart or purchase."""
        if (known := self._event.get(text.casefold())) is not None:
            return known
        raise Refused("is an unknown event")


def _folded(words: Mapping[str, str]) -> dict[str, str]:
    return {word.strip().casefold(): meaning for word, meaning in words.items()}


def member(text: str) -> str | None:
    """A member id; None for the words that stand for a guest."""
    return None if compact(text) in GUESTS else text


def money(text: str) -> Decimal | None:
    """An exact amount; thousands separators and a currency sign are allowed, more than four decimals are not."""
    if text in DASHES:
        return None
    if text == "무료":
        return Decimal("0.0000")
    bare = _CURRENCY_SIGNS.sub(lambda m: m["sign"] or "", text)
    if not _NUMBER.fullmatch(bare):
        raise Refused("is not a number")
    value = Decimal(bare.replace(",", ""))
    if abs(value) >= MOST:
        raise Refused("is too large")
    exact = value.quantize(Decimal("0.0001"))
    if exact != value:
        raise Refused("has more than four decimals")
    return exact


def whole(text: str) -> int | None:
    """A whole number; `2.0` is one, `1.5` is not."""
    if text in DASHES:
        return None
    if not _NUMBER.fullmatch(text):
        raise Refused("is not a number")
    value = Decimal(text.replace(",", ""))
    if value != value.to_integral_value():
        raise Refused("is not a whole number")
    if abs(value) > 10**9:
        raise Refused("is too large")
    return int(value)


def rating(text: str) -> int | None:
    """One to five."""
    value = whole(text)
    if value is None:
        return None
    if not 1 <= value <= 5:
        raise Refused("is not between 1 and 5")
    return value


def gender(text: str) -> str | None:
    """F or M; None for the words that say it was not told."""
    word = compact(text)
    if word in DASHES or word in NO_GENDER:
        return None
    if (known := GENDER.get(word)) is None:
        raise Refused("is not a known gender code")
    return known


def flag(text: str) -> bool | None:
    """Yes or no."""
    if text in DASHES:
        return None
    if (known := flag_of(text)) is None:
        raise Refused("is neither yes nor no")
    return known
