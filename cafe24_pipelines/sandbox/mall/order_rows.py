"""An order as `GET orders` shows it, with all that can be embedded: items, buyer, receivers and claims.

Rows share their constant parts, so whoever changes a row copies it first. Does not belong here: items
(`item_rows.py`), filters (`orders_source.py`).
"""

from __future__ import annotations

from typing import Any, Final

from cafe24_pipelines.sandbox.mall.item_rows import (
    LETTERS,
    NAMES,
    REASONS,
    begun,
    claim_fields,
    item_template,
    money,
    status_of,
)
from cafe24_pipelines.sandbox.mall.moments import iso, iso_or_none
from cafe24_pipelines.sandbox.mall.reading import Moment
from cafe24_pipelines.sandbox.mall.statuses import AUTO, BUYER, CANCEL, EXCHANGE, RETURN

Row = dict[str, Any]

COLUMNS: Final = (
    "o.id, o.order_id, o.shop, o.claim, o.ordered, o.paid, o.placed, o.shipped, o.delivered, o.confirmed, "
    "o.requested, o.accepted, o.completed, o.refunded, o.goods, o.discount, o.shipping, o.coupon, o.first, "
    "o.receiver, o.message, o.items, b.member_id, b.name, b.email, b.cellphone, b.zipcode, b.address, "
    "CASE WHEN b.promoted <= o.ordered THEN b.tier ELSE 1 END"
)
"""What `order_row` takes, of `orders o JOIN persons b ON b.id = o.buyer`."""
CASH_AFTER: Final = 600
"""Who pays at least so many seconds after ordering pays by bank transfer; nobody else takes that long."""

_METHODS: Final = (
    ("card", "신용카드", ""), ("card", "신용카드", ""), ("card", "신용카드", ""), ("card", "신용카드", ""),
    ("card", "신용카드", ""), ("card", "신용카드", "네이버페이"), ("card", "신용카드", "네이버페이"),
    ("card", "신용카드", "카카오페이"), ("cell", "휴대폰", ""), ("card", "신용카드", "토스"),
)  # fmt: skip
_AMOUNTS: Final = dict.fromkeys(
    ("order_price_amount", "shipping_fee", "points_spent_amount", "credits_spent_amount", "coupon_discount_price",
     "coupon_shipping_fee_amount", "membership_discount_amount", "shipping_fee_discount_amount",
     "set_product_discount_amount", "app_discount_amount", "point_incentive_amount", "total_amount_due",
     "payment_amount", "market_other_discount_amount", "tax"), "0.00",
)  # fmt: skip
_CONSTANT: Final[Row] = {
    "market_id": "self", "market_order_no": None, "member_authentication": "T", "bank_code": "", "bank_code_name": "",
    "payment_gateway_names": None, "sub_payment_method_name": "", "sub_payment_method_code": "",
    "transaction_ids": None, "use_escrow": "F", "bank_account_no": "", "bank_account_owner_name": "",
    "market_seller_id": None, "cancel_date": None, "payment_confirmation": None, "commission": "0.00",
    "postpay": "F", "admin_additional_amount": "0.00", "additional_shipping_fee": "0.00",
    "international_shipping_insurance": "0.00", "additional_handling_fee": "0.00", "regional_surcharge_detail": [],
    "wished_delivery_date": "", "wished_delivery_time": None, "wished_carrier_id": None, "wished_carrier_name": None,
    "return_confirmed_date": None, "total_supply_price": "0.00", "naver_point": 0, "additional_order_info_list": [],
    "store_pickup": "F", "easypay_name": "", "loan_status": None, "subscription": "F", "multiple_addresses": "F",
    "exchange_rate": "1.0000", "naverpay_payment_information": "N", "market_discount_info": None, "include_tax": "T",
    "tax_detail": [], "service_type": "", "service_data": [], "show_shipping_address": "F",
    "social_member_code": None, "social_name": None,
}  # fmt: skip
_SHOPS: Final[dict[int, Row]] = {
    1: {"shop_no": 1, "currency": "KRW", **_CONSTANT, "shipping_type": "A", "shipping_type_text": "국내"},
    2: {"shop_no": 2, "currency": "USD", **_CONSTANT, "shipping_type": "B", "shipping_type_text": "Overseas"},
}
_BUYER: Final[Row] = {
    "names_furigana": "", "customer_notification": "", "user_id": "", "user_name": "", "company_name": "",
    "company_registration_no": "", "buyer_address2": "",
}  # fmt: skip
_RECEIVER: Final[Row] = {
    "name_furigana": "", "virtual_phone_no": None, "address2": "", "name_en": None, "city_en": None, "state_en": None,
    "street_en": None, "country_name": None, "country_name_en": None, "clearance_information_type": "I",
    "clearance_information": "", "wished_delivery_date": "", "wished_delivery_time": None,
}  # fmt: skip
_FEES: Final[Row] = {
    "shipping_group_code": 1, "supplier_code": "S0000000", "cancel_shipping_fee": "0.00",
    "additional_shipping_fee": "0.00", "refunded_shipping_fee": "0.00", "return_shpping_fee": "0.00",
}  # fmt: skip
_BANK: Final[Row] = {
    "bank_code": "bank_04", "bank_code_name": "국민은행", "bank_account_no": "00000000000000",
    "bank_account_owner_name": "샌드박스몰",
}  # fmt: skip
_CARRIERS: Final = (("0001", "CJ대한통운"), ("0002", "우체국택배"), ("0003", "한진택배"))
_STAMPS: Final = ("ordered", "paid", "placed", "shipped", "delivered", "confirmed", "requested", "accepted",
                  "completed", "refunded")  # fmt: skip


def order_row(moment: Moment, found: tuple[Any, ...]) -> Row:
    """One order at the moment's time, whole."""
    from msgspec.json import decode

    no, order_id, shop, claim, ordered, paid, placed, shipped, delivered = found[:9]
    goods, discount, fee, _coupon, first = found[14:19]
    t, stamps = moment.t, dict(zip(_STAMPS, found[4:14], strict=True))
    gone = claim in (CANCEL, AUTO, BUYER) and stamps["completed"] <= t
    initial = _amounts(goods, fee, discount, goods - discount + fee, shop)
    lines = _items(moment, found, decode(found[21]), stamps)
    ordered_text = iso(ordered)
    row = {
        **_SHOPS[shop], "order_id": order_id, "initial_order_amount": initial,
        "actual_order_amount": _AMOUNTS if gone else initial, "paid": "T" if paid <= t else "F",
        "canceled": "T" if gone else "F", "order_date": ordered_text, "first_order": "T" if first else "F",
        "payment_date": iso_or_none(paid, t), "payment_amount": initial["payment_amount"] if paid <= t else "0.00",
        "shipping_status": "T" if delivered <= t else "M" if shipped <= t else "F" if placed <= t else "X",
        "shipping_fee_detail": [{
            **_FEES, "shipping_fee": initial["shipping_fee"], "items": [line["order_item_code"] for line in lines],
        }],
        **_placed(no, cash=paid - ordered >= CASH_AFTER),
        **_people(shop, order_id, ordered_text, found),
        "items": lines, "cancellation": [], "return": [], "exchange": [],
    }  # fmt: skip
    if begun(t, stamps, claim):
        _add_claim(row, order_id, t, stamps, claim)
    return row


def paid_by(no: int, ordered: int, paid: int) -> str:
    """The API's code of the means by which an order was paid."""
    return "cash" if paid - ordered >= CASH_AFTER else _METHODS[no % 10][0]


def _placed(no: int, *, cash: bool) -> Row:
    """By which device and means an order was made and paid."""
    method, name, easy = ("cash", "무통장입금", "") if cash else _METHODS[no % 10]
    mobile = no % 10 < 7
    fields: Row = {
        "payment_method": [method], "payment_method_name": [name], "first_payment_methods": [method],
        "easypay_name": easy, "order_from_mobile": "T" if mobile else "F",
        "order_place_name": "모바일웹" if mobile else "PC쇼핑몰", "order_place_id": "mobile" if mobile else "cafe24",
    }  # fmt: skip
    return fields | _BANK if cash else fields


def _people(shop: int, order_id: str, ordered: str, found: tuple[Any, ...]) -> Row:
    """Who ordered, and to whom it goes."""
    receiver, message = found[19:21]
    member, name, mail, phone, zipcode, address, group = found[22:]
    known = bool(member)
    return {
        "member_id": member or "", "member_email": mail if known else "", "billing_name": name,
        "member_authentication": "T" if known else "",
        "group_no_when_ordering": group if known else None,
        "customer_group_no_when_ordering": group if known else None,
        "buyer": {
            **_BUYER, "shop_no": shop, "member_id": member or "", "member_group_no": group if known else 0,
            "name": name,
            "email": mail, "phone": phone, "cellphone": phone, "updated_date": ordered, "buyer_zipcode": zipcode,
            "buyer_address1": address,
        },
        "receivers": [{
            **_RECEIVER, "shop_no": shop, "name": receiver or name, "phone": phone, "cellphone": phone,
            "zipcode": zipcode, "address1": address, "address_full": address,
            "country_code": "KR" if shop == 1 else "US", "shipping_message": message,
            "shipping_code": f"D-{order_id}-00",
        }],
    }  # fmt: skip


def _amounts(goods: int, fee: int, discount: int, due: int, shop: int) -> Row:
    total = money(due, shop)
    return {
        **_AMOUNTS, "order_price_amount": money(goods, shop), "shipping_fee": money(fee, shop),
        "coupon_discount_price": money(discount, shop), "total_amount_due": total, "payment_amount": total,
    }  # fmt: skip


def _items(moment: Moment, found: tuple[Any, ...], lines: list[list[int]], stamps: dict[str, int]) -> list[Row]:
    """The lines; of an exchange only the first has the claim."""
    no, order_id, shop, claim = found[:4]
    t = moment.t
    status = status_of(t, stamps, claim)
    shared: Row = {
        "order_status": status, "status_code": "N1", "status_text": NAMES[status],
        "ordered_date": iso(stamps["ordered"]),
        "naver_pay_claim_status": "PAYMENT_WAITING" if stamps["paid"] > t else "PAYED",
    }  # fmt: skip
    if stamps["shipped"] <= t:
        carrier = _CARRIERS[no % 3]
        shared |= {
            "shipped_date": iso(stamps["shipped"]), "tracking_no": f"{600_000_000_000 + no}",
            "shipping_code": f"D-{order_id}-00", "shipping_company_id": carrier[0],
            "shipping_company_name": carrier[1], "shipping_company_code": carrier[0],
            "delivered_date": iso_or_none(stamps["delivered"], t),
            "purchaseconfirmation_date": iso_or_none(stamps["confirmed"], t),
        }  # fmt: skip
    claimed = begun(t, stamps, claim)
    rows = []
    for k, (product, variant, quantity, unit) in enumerate(lines, 1):
        row = {
            **item_template(product, variant, shop), **shared, "item_no": k, "order_item_code": f"{order_id}-{k:02d}",
            "product_price": money(unit, shop), "quantity": quantity, "original_item_no": [k],
        }  # fmt: skip
        if claimed and (claim != EXCHANGE or k == 1):
            row |= claim_fields(order_id, t, stamps, claim, quantity)
        if claim == EXCHANGE:
            if k > 1:
                row["order_status"] = code = status_of(t, stamps, 0)
                row["status_text"] = NAMES[code]
            else:
                row["purchaseconfirmation_date"] = None
        rows.append(row)
    return rows


def _add_claim(row: Row, order_id: str, t: int, stamps: dict[str, int], claim: int) -> None:
    """The claim in the embed of its kind, and the dates that the order itself shows."""
    reason = REASONS.get(claim, ("", ""))
    lines = row["items"][:1] if claim == EXCHANGE else row["items"]
    code = f"{LETTERS[claim]}{order_id}"
    done = iso_or_none(stamps["completed"], t)
    made = {
        "shop_no": row["shop_no"], "order_id": order_id, "claim_code": code, "claim_reason_type": reason[0],
        "claim_reason": reason[1], "claim_due_date": done, "status": lines[0]["order_status"],
        "refund_methods": row["payment_method"], "items": lines, "include_tax": "T", "tax": [],
    }  # fmt: skip
    embed = {"C": "cancellation", "R": "return", "E": "exchange"}[LETTERS[claim]]
    row[embed] = [made]
    if embed == "cancellation":
        row["cancel_date"] = done
    elif claim == RETURN:
        row["return_confirmed_date"] = done


def refund_row(moment: Moment, found: tuple[Any, ...]) -> Row:
    """One refund, from its acceptance on; `status` is F until the money went back, then T. Columns as for orders."""
    row = order_row(moment, found)
    claim, completed, refunded, goods, discount, fee = found[3], *found[12:17]
    t, shop, cash = moment.t, found[2], row["payment_method"] == ["cash"]
    amount = goods - discount + (fee if claim == CANCEL else 0)
    done = iso_or_none(refunded, t)
    return {
        "shop_no": shop, "member_id": row["member_id"], "member_email": row["member_email"],
        "buyer_email": row["buyer"]["email"], "order_date": row["order_date"], "accepted_refund_date": iso(completed),
        "refund_date": done, "order_id": row["order_id"], "refund_code": f"R{row['order_id']}",
        "order_item_code": [line["order_item_code"] for line in row["items"]],
        "quantity": sum(line["quantity"] for line in row["items"]), "actual_refund_amount": money(amount, shop),
        "used_points": "0.00", "used_credits": "0.00", "currency": row["currency"],
        "payment_methods": row["payment_method"], "refund_payment_methods": row["payment_method"],
        "payment_gateway_cancel_statuses": [] if cash else [
            {"payment_method": row["payment_method"][0], "cancel_status": "T" if done else "F"}],
        "payment_gateway_cancel_dates": [] if cash else [
            {"payment_method": row["payment_method"][0], "cancel_date": done}],
        "status": "T" if done else "F", "refund_methods": ["현금" if cash else "신용카드취소"],
        "refund_bank_name": "국민은행" if cash else "",
        "refund_bank_account_no": "00000000000000" if cash else "",
        "refund_bank_account_holder": row["billing_name"] if cash else "",
        "include_tax": "T", "tax": [],
    }  # fmt: skip
