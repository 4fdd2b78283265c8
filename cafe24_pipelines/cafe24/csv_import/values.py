"""Reading one cell: times, money, whole numbers, status words, flags. Every reader takes the stripped, non-empty
text and returns the lake's value, or raises `Refused` with a reason that a merchant understands.

Money and quantities are exact: `Decimal`, never a float. Does not belong here: rows (see `rows.py`).
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from cafe24_pipelines.cafe24.csv_import.mapping import ShopMapping

MOST: Final = Decimal(10**11)
"""Amounts of a line or order reach up to this; more is a slip, and would not add up within the lake's 20 digits."""

_NUMBER = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|[+-]?\.\d+", re.ASCII)
_CURRENCY_SIGNS = re.compile(r"^(?P<sign>[+-]?)\s*[₩￦$£€¥]\s*|\s*원$")
_LOOSE_DATE = re.compile(
    r"(?P<y>\d{4})\s*[-./년]\s*(?P<m>\d{1,2})\s*[-./월]\s*(?P<d>\d{1,2})\s*[.일]?"
    r"(?:[T\s]\s*(?P<half>오전|오후|AM|PM)?\s*(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2}))?)?",
    re.ASCII,
)

_STATUS: Final = {
    "unpaid": "unpaid", "pending": "unpaid", "awaiting payment": "unpaid", "입금전": "unpaid", "입금대기": "unpaid",
    "미입금": "unpaid", "paid": "paid", "processing": "paid", "결제완료": "paid", "입금완료": "paid",
    "상품준비중": "paid", "배송준비중": "paid", "배송대기": "paid", "배송보류": "paid",
    "shipping": "shipping", "shipped": "shipping", "배송중": "shipping",
    "delivered": "delivered", "배송완료": "delivered",
    "confirmed": "confirmed", "completed": "confirmed", "complete": "confirmed", "구매확정": "confirmed",
    "cancelled": "cancelled", "canceled": "cancelled", "취소": "cancelled", "취소완료": "cancelled",
    "주문취소": "cancelled", "returned": "returned", "refunded": "returned", "반품": "returned",
    "반품완료": "returned", "환불": "returned", "환불완료": "returned",
    "exchanged": "exchanged", "교환": "exchanged", "교환완료": "exchanged",
    "n00": "unpaid", "n10": "paid", "n20": "paid", "n21": "paid", "n22": "paid", "n30": "shipping",
    "n40": "delivered", "n50": "confirmed",
}  # fmt: skip
_CODE = re.compile(r"[cre][0-9]{2}")
_CODE_STATUS: Final = {"c": "cancelled", "r": "returned", "e": "exchanged"}
_EVENT: Final = {
    "view": "view", "조회": "view", "상품조회": "view", "cart": "cart", "장바구니": "cart",
    "purchase": "purchase", "구매": "purchase", "주문": "purchase",
}  # fmt: skip
_GENDER: Final = {"f": "F", "female": "F", "여": "F", "여자": "F", "여성": "F",
                  "m": "M", "male": "M", "남": "M", "남자": "M", "남성": "M"}  # fmt: skip
_YES: Final = frozenset(["t", "true", "y", "yes", "1", "o", "수신", "동의", "판매함", "판매중"])
_NO: Final = frozenset(["f", "false", "n", "no", "0", "x", "미수신", "수신거부", "거부", "판매안함", "판매중지"])


class Refused(Exception):
    """A cell that can't be taken; the message is the reason, without the cell's content."""


class Readers:
    """The readers of one import: they know its zone, its status words, and which local times were doubtful."""

    def __init__(self, mapping: ShopMapping) -> None:
        from zoneinfo import ZoneInfo

        self._zone = ZoneInfo(mapping.time_zone)
        self._format = mapping.time_format
        self._status = _STATUS | _folded(mapping.status)
        self._event = _EVENT | _folded(mapping.event)
        self.doubtful: dict[str, str] = {}  # raw text -> "ambiguous" | "non-existent"

    def reader(self, kind: str) -> Callable[[str], Any]:
        """The reader of a field kind (KeyError for a kind that does not exist)."""
        readers: dict[str, Callable[[str], Any]] = {
            "id": str, "text": str, "prose": str, "member": str, "time": self.time, "money": money, "price": money,
            "whole": whole, "rating": rating, "status": self.status, "event": self.event, "gender": gender,
            "flag": flag,
        }  # fmt: skip
        return readers[kind]

    def time(self, text: str) -> datetime:
        """A time in UTC. Local when it has no offset; a doubtful local time is read with the offset before the
        clock change (`fold=0`): the first of two, and a skipped one moves forward by the gap."""
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
        word = text.casefold()
        if (known := self._status.get(word)) is not None:
            return known
        if _CODE.fullmatch(word):  # a request counts as done: better a sale too few than one that was taken back
            return _CODE_STATUS[word[0]]
        raise Refused("is an unknown status")

    def event(self, text: str) -> str:
        """view, cart or purchase."""
        if (known := self._event.get(text.casefold())) is not None:
            return known
        raise Refused("is an unknown event")


def _folded(words: Mapping[str, str]) -> dict[str, str]:
    return {word.strip().casefold(): meaning for word, meaning in words.items()}


def money(text: str) -> Decimal:
    """An exact amount; thousands separators and a currency sign are allowed, more than four decimals are not."""
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


def whole(text: str) -> int:
    """A whole number; `2.0` is one, `1.5` is not."""
    if not _NUMBER.fullmatch(text):
        raise Refused("is not a number")
    value = Decimal(text.replace(",", ""))
    if value != value.to_integral_value():
        raise Refused("is not a whole number")
    if abs(value) > 10**9:
        raise Refused("is too large")
    return int(value)


def rating(text: str) -> int:
    """One to five."""
    value = whole(text)
    if not 1 <= value <= 5:
        raise Refused("is not between 1 and 5")
    return value


def gender(text: str) -> str:
    """F or M."""
    if (known := _GENDER.get(text.casefold())) is None:
        raise Refused("is not a known gender code")
    return known


def flag(text: str) -> bool:
    """Yes or no."""
    word = text.casefold()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise Refused("is neither yes nor no")
