"""Checks of query parameters: types, bounds, which go together and which exclude each other.

Whether the real API refuses an unknown parameter or ignores it is unconfirmed. The sandbox answers 422: a client
that is misspelt here would silently read the wrong rows there. Does not belong here: which endpoint takes what
(`endpoints.py`).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from cafe24_pipelines.sandbox.server.clock import KST
from cafe24_pipelines.sandbox.server.errors import Refusal, bad_value, missing

Parser = Callable[[str], Any]
Values = dict[str, Any]
Rule = Callable[[Values], None]
MOST_IN_LIST: Final = 100


def text(value: str) -> str:
    """Any text that is not empty."""
    if not value:
        raise ValueError("is empty")
    return value


def number(low: int = 0, high: int | None = None) -> Parser:
    """A whole number within bounds."""

    def parse(value: str) -> int:
        if not re.fullmatch(r"\d{1,19}", value, re.ASCII):
            raise ValueError("is not a whole number")
        if int(value) < low or (high is not None and int(value) > high):
            raise ValueError(f"must be {low} to {high}" if high is not None else f"must be at least {low}")
        return int(value)

    return parse


def one_of(*choices: str) -> Parser:
    """One of the given values, spelled exactly so."""

    def parse(value: str) -> str:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return value

    return parse


FLAG: Final = one_of("T", "F")


def comma(item: Parser = text) -> Parser:
    """A comma list of at most a hundred items."""

    def parse(value: str) -> list[Any]:
        items = value.split(",")
        if len(items) > MOST_IN_LIST:
            raise ValueError(f"has more than {MOST_IN_LIST} values")
        return [item(i.strip()) for i in items]

    return parse


def moment(*, end: bool = False) -> Parser:
    """A date or a time, KST unless it has an offset. A date alone is its first second, or with `end` its last."""

    def parse(value: str) -> datetime:
        # A plus sign that was not encoded arrives as a space.
        value = re.sub(r" (\d\d:\d\d)$", r"+\1", value) if "T" in value else value
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("is not a date") from None
        if re.fullmatch(r"\d{4}-\d\d-\d\d", value) and end:
            at += timedelta(days=1, seconds=-1)
        return (at if at.tzinfo else at.replace(tzinfo=KST)).astimezone(KST)

    return parse


def day(*, end: bool = False) -> Parser:
    """YYYY-MM-DD in KST: its first second, or with `end` its last."""
    whole = moment(end=end)

    def parse(value: str) -> datetime:
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
            raise ValueError("must be YYYY-MM-DD")
        return whole(value)

    return parse


def together(*names: str) -> Rule:
    """All of them or none."""

    def check(values: Values) -> None:
        given = [n for n in names if n in values]
        if given and len(given) < len(names):
            raise missing(next(n for n in names if n not in values))

    return check


def any_of(*names: str) -> Rule:
    """At least one of them."""

    def check(values: Values) -> None:
        if not any(n in values for n in names):
            raise Refusal(422, f"One of these parameters is required ({', '.join(names)}).", {"parameter": names[0]})

    return check


def excludes(name: str, *others: str) -> Rule:
    """`name` can't be combined with the others."""

    def check(values: Values) -> None:
        clash = [o for o in others if o in values]
        if name in values and clash:
            raise bad_value(clash[0], f"can't be used together with {name}")

    return check


def needs(name: str, other: str) -> Rule:
    """`name` only makes sense with `other`."""

    def check(values: Values) -> None:
        if name in values and other not in values:
            raise missing(other)

    return check


def span(*, months: int = 0, start: str = "start_date", end: str = "end_date") -> Rule:
    """`start` is not after `end`; with `months`, the span must stay below so many of them."""

    def check(values: Values) -> None:
        if start not in values or end not in values:
            return
        first, last = values[start], values[end]
        if last < first:
            raise bad_value(end, f"is before {start}")
        if months and last >= _later(first, months):
            raise bad_value(end, f"the period must be less than {months} months")

    return check


def parse_query(
    pairs: Iterable[tuple[str, str]],
    params: Mapping[str, Parser],
    *,
    required: Iterable[str] = (),
    rules: Iterable[Rule] = (),
) -> Values:
    """The values of a query string, checked.

    Raises:
        Refusal: 422 for a parameter that is unknown, repeated, missing or out of its bounds.
    """
    values: Values = {}
    for name, raw in pairs:
        if name not in params:
            raise bad_value(name, "unknown parameter")
        if name in values:
            raise bad_value(name, "is given twice")
        try:
            values[name] = params[name](raw)
        except ValueError as e:
            raise bad_value(name, str(e)) from None
    for name in required:
        if name not in values:
            raise missing(name)
    for rule in rules:
        rule(values)
    return values


def _later(at: Any, months: int) -> Any:
    """The same day `months` later, or the month's last."""
    index = at.year * 12 + at.month - 1 + months
    year, month = divmod(index, 12)
    for days in range(at.day, 27, -1):
        try:
            return at.replace(year=year, month=month + 1, day=days)
        except ValueError:
            continue
    return at.replace(year=year, month=month + 1)
