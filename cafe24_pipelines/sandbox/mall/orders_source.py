"""How orders and refunds are selected. Does not belong here: what a row shows (`order_rows.py`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from cafe24_pipelines.sandbox.mall.filters import (
    Filter,
    Params,
    Row,
    Where,
    as_t,
    from_time,
    member_in,
    numbers,
    one_of,
    texts,
    until_time,
)
from cafe24_pipelines.sandbox.mall.moments import NEVER, parse
from cafe24_pipelines.sandbox.mall.order_rows import CASH_AFTER, COLUMNS, order_row, refund_row
from cafe24_pipelines.sandbox.mall.reading import Ordering, Source
from cafe24_pipelines.sandbox.mall.statuses import FIRST_SQL, REST_SQL

_C, _R, _E = "(1, 4, 5)", "(2)", "(3)"
DATES: Final[dict[str, tuple[str, str, tuple[str, str]]]] = {
    # date_type: column, kinds of claim, where a rendered row shows it (or what comes nearest, if nowhere)
    "order_date": ("ordered", "", ("", "order_date")),
    "pay_date": ("paid", "", ("", "payment_date")),
    "place_date": ("placed", "", ("", "payment_date")),
    "shipbegin_date": ("shipped", "", ("items", "shipped_date")),
    "shipend_date": ("delivered", "", ("items", "delivered_date")),
    "purchaseconfirmation_date": ("confirmed", "", ("items", "purchaseconfirmation_date")),
    "cancel_date": ("completed", _C, ("items", "cancel_date")),
    "cancel_request_date": ("requested", _C, ("items", "cancel_request_date")),
    "cancel_accept_date": ("accepted", _C, ("items", "cancel_request_date")),
    "cancel_complete_date": ("completed", _C, ("items", "cancel_date")),
    "return_request_date": ("requested", _R, ("items", "return_request_date")),
    "return_accept_date": ("accepted", _R, ("items", "return_request_date")),
    "return_complete_date": ("completed", _R, ("items", "return_confirmed_date")),
    "exchange_request_date": ("requested", _E, ("items", "exchange_request_date")),
    "exchange_accept_date": ("accepted", _E, ("items", "exchange_request_date")),
    "exchange_complete_date": ("completed", _E, ("items", "exchange_date")),
}


def _shown(row: Row, where: Where) -> list[int]:
    """The times that a rendered order shows for the date type."""
    part, name = DATES[where.get("date_type", "order_date")][2]
    holders = row.get(part) or [] if part else [row]
    return [parse(holder[name]) for holder in holders if holder.get(name)]


def _window(sign: str) -> Filter:
    def sql(value: Any, where: Where, params: Params) -> str:
        return f"o.{DATES[where.get('date_type', 'order_date')][0]} {sign} {params.mark(as_t(value))}"

    def test(row: Row, value: Any, where: Where) -> bool:
        edge, other = as_t(value), where.get("end" if sign == ">=" else "start")
        if sign == "<=":
            low = as_t(other) if other is not None else -NEVER
            return any(low <= t <= edge for t in _shown(row, where))
        high = as_t(other) if other is not None else NEVER
        return any(edge <= t <= high for t in _shown(row, where))

    return Filter(sql, test)


def _date_type() -> Filter:
    def sql(value: Any, _where: Where, _params: Params) -> str:
        column, claims, _ = DATES[value]
        claim = f" AND o.claim > 0 AND o.claim IN {claims}" if claims else ""
        return f"o.{column} <= :at{claim}"

    return Filter(sql, lambda row, _value, where: bool(_shown(row, where)))


_STATUS = Filter(
    lambda value, _w, p: (
        f"{FIRST_SQL} IN ({(marks := p.marks(texts(value)))})"
        f" OR (o.claim = 3 AND o.lines > 1 AND {REST_SQL} IN ({marks}))"
    ),
    lambda row, value, _w: any(line["order_status"] in texts(value) for line in row.get("items", ())),
)
_PAYMENTS: Final = {
    "F": "o.paid > :at", "P": "o.paid <= :at", "M": "0",
    "T": f"o.paid <= :at AND o.paid - o.ordered >= {CASH_AFTER}",
    "A": f"o.paid <= :at AND o.paid - o.ordered < {CASH_AFTER}",
}  # fmt: skip


def _payment_test(row: Row, value: Any, _where: Where) -> bool:
    paid, cash = row.get("paid") == "T", row.get("payment_method") == ["cash"]
    codes = {"P", "T" if cash else "A"} if paid else {"F"}
    return bool(codes & set(texts(value)))


_PAYMENT = Filter(
    lambda value, _w, _p: " OR ".join(f"({_PAYMENTS.get(code, '0')})" for code in texts(value)), _payment_test
)
_MEMBER_TYPE = Filter(
    lambda value, _w, _p: {"2": "o.member IS NOT NULL", "3": "o.member IS NULL"}.get(str(value), "0"),
    lambda row, value, _w: bool(row.get("member_id")) == (str(value) == "2"),
)
_PRODUCT = Filter(
    lambda value, _w, p: (
        f"o.id IN (SELECT order_no FROM order_lines WHERE product IN ({p.marks(n - 1001 for n in numbers(value))}))"
    ),
    lambda row, value, _w: any(line["product_no"] in numbers(value) for line in row.get("items", ())),
)


def _newest(column: str, field: str) -> Callable[[Where], Ordering]:
    order = Ordering(f"{column} DESC, o.id DESC", lambda row: row.get(field) or "", descending=True)
    return lambda _where: order


ORDERS: Final = Source(
    table="orders o", joins="JOIN persons b ON b.id = o.buyer", columns=COLUMNS, render=order_row, shops="o.shop",
    visible="o.ordered <= :at AND o.deleted > :at", key=lambda row: row["order_id"], key_sql="o.order_id",
    ordering=_newest("o.ordered", "order_date"),
    filters={
        "date_type": _date_type(), "start": _window(">="), "end": _window("<="), "order_status": _STATUS,
        "payment_status": _PAYMENT, "member_type": _MEMBER_TYPE, "member_id": member_in("o.member"),
        "product_no": _PRODUCT, "order_id": one_of("o.order_id", "order_id", texts),
    },
)  # fmt: skip


def _refund_date(sign: str) -> Filter:
    make = from_time if sign == ">=" else until_time
    kinds = {
        "refund_date": make("o.refunded", "refund_date"),
        "accepted_refund_date": make("o.completed", "accepted_refund_date"),
    }
    come = {"refund_date": "o.refunded <= :at", "accepted_refund_date": "1"}
    return Filter(
        lambda value, where, p: (
            f"{kinds[name := where.get('date_type', 'refund_date')].sql(value, where, p)} AND {come[name]}"
        ),
        lambda row, value, where: kinds[where.get("date_type", "refund_date")].test(row, value, where),
    )


def _refund_type() -> Filter:
    return Filter(
        lambda value, _w, _p: "o.refunded <= :at" if value == "refund_date" else "1",
        lambda row, value, _w: bool(row.get(str(value))),
    )


REFUNDS: Final = Source(
    table="orders o", joins="JOIN persons b ON b.id = o.buyer", columns=COLUMNS, render=refund_row, shops="o.shop",
    visible=f"o.claim > 0 AND o.completed <= :at AND o.refunded < {NEVER} AND o.deleted > :at",
    key=lambda row: row["refund_code"], key_sql="'R' || o.order_id",
    ordering=_newest("o.completed", "accepted_refund_date"),
    filters={
        "date_type": _refund_type(), "start": _refund_date(">="), "end": _refund_date("<="),
        "order_id": one_of("o.order_id", "order_id", texts), "member_id": member_in("o.member"),
    },
)  # fmt: skip
