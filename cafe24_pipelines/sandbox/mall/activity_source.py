"""What members have and did: carts, wish lists, coupons issued to them, points, credits, articles they wrote.

Does not belong here: the members themselves (`members_source.py`), their orders (`orders_source.py`).
"""

from __future__ import annotations

from typing import Any, Final

from cafe24_pipelines.sandbox.coupons import COUPONS
from cafe24_pipelines.sandbox.mall.filters import (
    Filter,
    Row,
    Where,
    from_time,
    greater,
    member_in,
    numbers,
    one_of,
    span,
    texts,
    until_time,
)
from cafe24_pipelines.sandbox.mall.moments import iso, iso_or_none
from cafe24_pipelines.sandbox.mall.reading import Moment, Ordering, Source
from cafe24_pipelines.sandbox.mall.wares import wares
from cafe24_pipelines.sandbox.orders import TIERS

_GROUP: Final = "CASE WHEN b.promoted <= {at} THEN b.tier ELSE 1 END"
_REASONS: Final = {
    "N": "신규회원 가입 적립금", "P": "구매확정 적립금", "A": "리뷰 작성 감사 적립금", "D": "환불 적립금 보상",
    "AB": "적립금 유효기간 만료",
}  # fmt: skip


def newest(column: str, name: str) -> Any:
    """The latest first, by the field that shows the time."""
    order = Ordering(f"{column} DESC, o.id DESC", lambda row: row.get(name) or "", descending=True)
    return lambda _where: order


def _product(column: str = "o.product") -> Filter:
    return one_of(column, "product_no", lambda value: [n - 1001 for n in numbers(value)])


def cart_row(_moment: Moment, found: tuple[Any, ...]) -> Row:
    """A product in a member's cart."""
    no, member, product, variant, quantity, opened = found
    ware = wares()[product]
    return {
        "shop_no": 1, "basket_product_no": no, "member_id": member, "created_date": iso(opened),
        "product_no": ware.no, "additional_option_values": [], "variant_code": ware.variant_code(variant),
        "quantity": quantity, "product_price": f"{ware.price}.00", "option_price": "0.00", "product_bundle": "F",
        "shipping_type": "A", "category_no": ware.category_no,
    }  # fmt: skip


def wish_row(_moment: Moment, found: tuple[Any, ...]) -> Row:
    """A product on a member's wish list."""
    no, member, product, variant, opened = found
    ware = wares()[product]
    return {
        "shop_no": 1, "wishlist_no": no, "member_id": member, "product_no": ware.no,
        "variant_code": ware.variant_code(variant), "additional_option": [], "attached_file_option": [],
        "price": f"{ware.price}.00", "product_bundle": "F", "created_date": iso(opened), "price_content": None,
    }  # fmt: skip


def issue_row(moment: Moment, found: tuple[Any, ...]) -> Row:
    """A coupon issued to a member; what is not there yet is the text "null", as the API's example has it."""
    no, coupon, member, issued, expires, used, order, group = found
    done = used <= moment.t
    return {
        "shop_no": 1, "coupon_no": COUPONS[coupon].no, "issue_no": str(no), "member_id": member, "group_no": group,
        "issued_date": iso(issued), "expiration_date": iso(expires), "used_coupon": "T" if done else "F",
        "used_date": iso(used) if done else "null", "related_order_id": order if done else "null",
    }  # fmt: skip


def point_row(_moment: Moment, found: tuple[Any, ...]) -> Row:
    """One movement of a member's points, with the total after it."""
    member, email, group, at, kind, gain, loss, total, order, ordered = found
    return {
        "shop_no": 1, "case": kind, "member_id": member, "email": email, "group_name": TIERS[group - 1],
        "available_points_increase": f"{gain}.00" if gain else None,
        "available_points_decrease": f"{loss}.00" if loss else None, "available_points_total": f"{total}.00",
        "unavailable_points": None, "order_date": iso(ordered) if order else None, "issue_date": iso(at),
        "available_date": iso(at), "admin_id": "sandbox" if kind == "A" else "", "admin_name": None,
        "order_id": order, "reason": _REASONS[kind],
    }  # fmt: skip


def credit_row(_moment: Moment, found: tuple[Any, ...]) -> Row:
    """One movement of a member's credits, with the balance after it."""
    member, group, at, kind, gain, loss, balance, order = found
    return {
        "shop_no": 1, "issue_date": iso(at), "member_id": member, "group_name": TIERS[group - 1],
        "increase_amount": f"{gain}.00", "decrease_amount": f"{loss}.00", "balance": f"{balance}.00",
        "admin_id": "sandbox", "admin_name": "대표운영자",
        "reason": "배송 지연 보상" if gain else "예치금 현금 환불", "case": kind, "order_id": order,
    }  # fmt: skip


def article_row(moment: Moment, found: tuple[Any, ...]) -> Row:
    """An article of a board; the shop's own have no member."""
    (board, no, parent, member, name, email, product, order, created, replied, rating, title, content, ip) = found
    answered = iso_or_none(replied, moment.t) is not None
    return {
        "shop_no": 1, "article_no": no, "parent_article_no": parent or no, "board_no": board,
        "product_no": product or 0,
        "category_no": wares()[product - 1001].category_no if product else 0, "board_category_no": 0,
        "reply_sequence": 1, "reply_depth": 1 if parent else 0, "created_date": iso(created),
        "writer": name or "샌드박스몰", "writer_email": email or "help@example.com", "member_id": member or "",
        "title": title, "content": content, "supplier_id": "", "client_ip": ip, "nick_name": "", "rating": rating,
        "reply_mail": "N", "display": "T", "secret": "T" if board == 6 else "F", "notice": "T" if board == 1 else "F",
        "fixed": "F", "deleted": "F", "input_channel": "P" if no % 3 else "M", "order_id": order or "",
        "attach_file_urls": [], "hit": no * 37 % 211, "reply": "F", "reply_user_id": "sandbox" if answered else "",
        "reply_status": ("C" if answered else "N") if board == 6 and not parent else None,
        "naverpay_review_id": "", "display_time": "F", "display_time_start_hour": None, "display_time_end_hour": None,
    }  # fmt: skip


_BUYER = "JOIN persons b ON b.id = o.member"
_OPEN = "o.opened <= :at AND o.closed > :at"


def _issue_order(where: Where) -> Ordering:
    if "since_issue_no" in where:
        return Ordering("o.issue_no", lambda row: int(row["issue_no"]))
    return Ordering("o.issue_no DESC", lambda row: int(row["issue_no"]), descending=True)


def _place(numbers_: Any) -> list[int]:
    known = {c.no: k for k, c in enumerate(COUPONS)}
    return [known[n] for n in texts(numbers_) if n in known]


_USED = Filter(
    lambda value, _w, _p: "o.used <= :at" if value == "T" else "o.used > :at",
    lambda row, value, _w: row["used_coupon"] == value,
)
_CREDIT_TYPE = Filter(
    lambda value, _w, _p: "o.gain > 0" if value == "I" else "o.loss > 0",
    lambda row, value, _w: float(row["increase_amount" if value == "I" else "decrease_amount"] or 0) > 0,
)
SOURCES: Final = {
    "carts": Source(
        table="carts o", joins=_BUYER, columns="o.id, b.member_id, o.product, o.variant, o.quantity, o.opened",
        visible=_OPEN, render=cart_row, ordering=newest("o.opened", "created_date"),
        key=lambda row: str(row["basket_product_no"]), key_sql="CAST(o.id AS TEXT)",
        filters={"product_no": _product(), "member_id": member_in("o.member")},
    ),
    "wish_lists": Source(
        table="wishes o", joins=_BUYER, columns="o.id, b.member_id, o.product, o.variant, o.opened",
        visible=_OPEN, render=wish_row, hidden=("member_id",), ordering=newest("o.opened", "created_date"),
        key=lambda row: str(row["wishlist_no"]), key_sql="CAST(o.id AS TEXT)",
        filters={"product_no": _product(), "member_id": member_in("o.member")},
    ),
    "coupon_issues": Source(
        table="issues o", joins=_BUYER, identity="o.issue_no", visible="o.issued <= :at", render=issue_row,
        columns="o.issue_no, o.coupon, b.member_id, o.issued, o.expires, o.used, o.order_id, "
        + _GROUP.format(at="o.issued"),
        ordering=_issue_order, key=lambda row: row["issue_no"], key_sql="CAST(o.issue_no AS TEXT)",
        filters={
            "coupon_no": one_of("o.coupon", "coupon_no", _place), "since_issue_no": greater("o.issue_no", "issue_no"),
            "issue_no": one_of("o.issue_no", "issue_no", numbers), "member_id": member_in("o.member"),
            "used_coupon": _USED, "issued_start": from_time("o.issued", "issued_date"),
            "issued_end": until_time("o.issued", "issued_date"),
            "group_no": one_of(
                f"(SELECT {_GROUP.format(at='o.issued')} FROM persons b WHERE b.id = o.member)", "group_no", numbers
            ),
        },
    ),
    "points": Source(
        table="points o", joins=_BUYER, visible="o.at <= :at", render=point_row,
        columns=f"b.member_id, b.email, {_GROUP.format(at='o.at')}, o.at, o.kind, o.gain, o.loss, o.total, "
        "o.order_id, o.ordered",
        ordering=newest("o.at", "issue_date"),
        key=lambda row: "", unasked=("case", "o.kind = 'D'", "D"),
        filters={
            **span("o.at", "issue_date"), "case": one_of("o.kind", "case", texts), "member_id": member_in("o.member"),
        },
    ),
    "credits": Source(
        table="credits o", joins=_BUYER, visible="o.at <= :at", render=credit_row,
        columns=f"b.member_id, {_GROUP.format(at='o.at')}, o.at, o.kind, o.gain, o.loss, o.balance, o.order_id",
        ordering=newest("o.at", "issue_date"), key=lambda row: "",
        filters={
            **span("o.at", "issue_date"), "case": one_of("o.kind", "case", texts), "type": _CREDIT_TYPE,
            "member_id": member_in("o.member"),
        },
    ),
    "articles": Source(
        table="articles o", joins="LEFT JOIN persons b ON b.id = o.member", render=article_row,
        columns="o.board, o.article_no, o.parent, b.member_id, b.name, b.email, o.product, o.order_id, o.created, "
        "o.replied, o.rating, o.title, o.content, o.client_ip",
        visible="o.created <= :at AND o.deleted > :at", ordering=newest("o.created", "created_date"),
        key=lambda row: f"{row['board_no']}:{row['article_no']}", key_sql="(o.board || ':' || o.article_no)",
        filters={
            "board_no": one_of("o.board", "board_no"), "article_no": one_of("o.article_no", "article_no"),
            **span("o.created", "created_date"), "product_no": one_of("o.product", "product_no"),
            "member_id": member_in("o.member"),
        },
    ),
}  # fmt: skip
