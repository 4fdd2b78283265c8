"""Numbers as a reader sees them: money, counts and percentages in Korean text, and intervals for small samples.

Does not belong here: where a number comes from (see `aggregates.py`), or checking a text's numbers (`guard.py`).
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

SMALL_SAMPLE = 100
"""A percentage of fewer cases is shown with its 95 % interval."""

_WHOLE_CURRENCIES = {"KRW": "원", "JPY": "엔"}


@dataclass(frozen=True)
class Number:
    """One number of an answer: `unit` is a currency code or a Korean unit, `query` gives the value when run again.

    `rows` refers to the rows that were counted (see `rows.py`); "" when there are none to show.
    """

    value: float | int
    unit: str
    query: str
    rows: str = ""

    def to_json(self) -> dict[str, Any]:
        """The CLI contract of a number; `rows` only where there are some."""
        told = {"value": self.value, "unit": self.unit, "query": self.query}
        return {**told, "rows": self.rows} if self.rows else told


def money_digits(currency: str) -> int:
    """Decimal places that amounts of this currency are rounded to."""
    return 0 if currency in _WHOLE_CURRENCIES else 2


def plain(value: Decimal | float | int) -> float | int:
    """A JSON number: whole values as int, others as float."""
    return int(value) if value == int(value) else float(value)


def show(value: Decimal | float | int, unit: str, currency: str) -> str:
    """A value as text, e.g. `1,234원`, `12.5%`, `1,234.50 GBP`; `unit` "money" means the currency."""
    if unit == "money":
        if currency in _WHOLE_CURRENCIES:
            return f"{_grouped(value)}{_WHOLE_CURRENCIES[currency]}"
        return f"{Decimal(value):,.2f} {currency}"
    return f"{_grouped(value)}{unit}"


def _grouped(value: Decimal | float | int) -> str:
    number = Decimal(str(value))
    return f"{int(number):,}" if number == int(number) else f"{number.normalize():,f}"


def wilson(k: int, n: int) -> tuple[float, float]:
    """95 % Wilson interval of `k` of `n` (n > 0) in per cent, one decimal."""
    z = 1.959963984540054  # the normal distribution's 97.5 % point
    p = k / n
    middle = p + z * z / (2 * n)
    spread = z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    low, high = (middle - spread) / (1 + z * z / n), (middle + spread) / (1 + z * z / n)
    return round(100 * max(low, 0.0), 1), round(100 * min(high, 1.0), 1)
