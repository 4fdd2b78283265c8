"""An order's items, as `embed=items` shows them: each with its own status and dates.

Does not belong here: the order around them (`order_rows.py`).
"""

from __future__ import annotations

from typing import Any, Final

from cafe24_pipelines.sandbox.mall.moments import iso_or_none
from cafe24_pipelines.sandbox.mall.statuses import AUTO, BUYER, CANCEL, CLAIMS, EXCHANGE, NAMES, NORMAL, RETURN
from cafe24_pipelines.sandbox.mall.wares import Ware, wares

Row = dict[str, Any]

_CONSTANT: Final[Row] = {
    "internal_product_name": "", "custom_product_code": "", "custom_variant_code": "", "eng_product_name": None,
    "additional_option_value": "", "additional_option_values": [], "option_price": "0.00",
    "additional_discount_price": "0.00", "coupon_discount_price": "0.00", "app_item_discount_amount": "0.00",
    "payment_amount": None, "product_tax_type": "A", "tax_rate": 10, "supplier_product_name": "",
    "supplier_transaction_type": "D", "supplier_id": "S0000000", "supplier_name": "자체공급", "tracking_no": "",
    "shipping_code": "", "claim_code": "", "claim_reason_type": "", "claim_reason": "", "refund_bank_name": "",
    "refund_bank_account_no": "", "refund_bank_account_holder": "", "post_express_flag": None, "request_undone": None,
    "claim_quantity": 0, "order_status_additional_info": None, "open_market_status": "", "bundled_shipping_type": "N",
    "shipping_company_id": "", "shipping_company_name": "", "shipping_company_code": "", "product_bundle": "F",
    "product_bundle_no": "0", "product_bundle_name": None, "product_bundle_name_default": None,
    "product_bundle_type": "", "was_product_bundle": None, "original_bundle_item_no": None,
    "naver_pay_order_id": None, "naver_pay_claim_status": "PAYMENT_WAITING", "individual_shipping_fee": "0.00",
    "shipping_fee_type": "X", "shipping_fee_type_text": "기본배송비", "shipping_payment_option": "B",
    "payment_info_id": "0", "original_item_no": [], "store_pickup": "F", "shipped_date": None, "delivered_date": None,
    "purchaseconfirmation_date": None, "cancel_date": None, "return_confirmed_date": None,
    "return_request_date": None, "return_collected_date": None, "cancel_request_date": None, "refund_date": None,
    "exchange_request_date": None, "exchange_date": None, "product_material": None, "product_material_eng": None,
    "cloth_fabric": None, "product_weight": "0.50", "volume_size": None, "volume_size_weight": None,
    "clearance_category": None, "clearance_category_info": None, "clearance_category_code": None, "hs_code": "",
    "one_plus_n_event": None, "origin_place": "국내", "origin_place_no": 1798, "made_in_code": "KR",
    "origin_place_value": "", "gift": "F", "item_granting_gift": None, "subscription": "F", "product_bundle_list": [],
    "market_cancel_request": None, "market_cancel_request_quantity": None, "market_fail_reason": None,
    "market_fail_reason_guide": None, "market_item_no": None, "market_custom_variant_code": None, "option_type": "T",
    "options": [], "market_discount_amount": "0.00", "labels": None, "order_status_before_cs": None,
    "supply_price": "0.00", "option_id": "000A", "option_value": "", "option_value_default": "",
}  # fmt: skip
REASONS: Final = {
    CANCEL: ("A", "고객변심"), RETURN: ("I", "상품이 생각과 달라요"), EXCHANGE: ("O", "사이즈가 맞지 않아요"),
}  # fmt: skip
"""Kind of claim: its reason's letter and text."""
LETTERS: Final = {CANCEL: "C", AUTO: "C", BUYER: "C", RETURN: "R", EXCHANGE: "E"}
_CODES: Final = {CANCEL: "C2", AUTO: "C1", BUYER: "C1", RETURN: "C3", EXCHANGE: "E1"}


def money(value: int, shop: int) -> str:
    """An amount as the API writes it: won, or cents of a dollar, with two decimals."""
    return f"{value}.00" if shop == 1 else f"{value // 100}.{value % 100:02d}"


def status_of(t: int, stamps: dict[str, int], claim: int) -> str:
    """The item status code at `t`; `claim` 0 for a line that has none."""
    for stamp, code in CLAIMS.get(claim, ()):
        if stamps[stamp] <= t:
            return code
    for stamp, code in NORMAL:
        if stamps[stamp] <= t:
            return code
    return "N00"


_TEMPLATES: dict[tuple[int, int, int], Row] = {}


def item_template(product: int, variant: int, shop: int) -> Row:
    """What every order's line of that variant has in common."""
    found = _TEMPLATES.get((product, variant, shop))
    if found is None:
        found = _TEMPLATES[product, variant, shop] = _template(wares()[product], variant, shop)
    return found


def _template(ware: Ware, variant: int, shop: int) -> Row:
    value = f"{ware.option}={ware.choices[variant]}" if ware.choices else ""
    name = ware.english if shop == 2 else ware.name
    options: list[Row] = []
    if ware.choices:
        chosen = {"option_text": ware.choices[variant], "value_no": variant + 1}
        options = [{"option_code": "O000", "option_name": ware.option, "option_value": chosen}]
    return {
        "shop_no": shop, "item_no": 0, "order_item_code": "", "variant_code": ware.variant_code(variant),
        "product_no": ware.no, "product_code": ware.code, **_CONSTANT,
        "option_id": ware.variant_code(variant)[-4:], "option_value": value, "option_value_default": value,
        "product_name": name, "product_name_default": name, "options": options,
    }  # fmt: skip


def claim_fields(order_id: str, t: int, stamps: dict[str, int], claim: int, quantity: int) -> Row:
    """Fields of a line with a claim that has begun by `t`."""
    code, reason = REASONS.get(claim, ("", ""))
    letter = LETTERS[claim]
    fields: Row = {
        "claim_code": f"{letter}{order_id}", "claim_reason_type": code, "claim_reason": reason,
        "claim_quantity": quantity, "status_code": _CODES[claim], "refund_date": iso_or_none(stamps["refunded"], t),
    }  # fmt: skip
    done = iso_or_none(stamps["completed"], t)
    asked = iso_or_none(stamps["requested"], t)
    if letter == "C":
        fields |= {"cancel_date": done, "cancel_request_date": asked}
    elif letter == "R":
        collected = iso_or_none(stamps["accepted"], t)
        fields |= {"return_request_date": asked, "return_confirmed_date": done, "return_collected_date": collected}
    else:
        fields |= {"exchange_request_date": asked, "exchange_date": done}
    fields["order_status_before_cs"] = status_of(
        min(stamps["requested"], stamps["completed"]) - 1 if stamps["requested"] <= t else t, stamps, 0
    )
    return fields


def begun(t: int, stamps: dict[str, int], claim: int) -> bool:
    """Whether the order's claim was made by `t`."""
    return claim > 0 and (stamps["requested"] <= t or stamps["completed"] <= t)


__all__ = ["LETTERS", "NAMES", "REASONS", "begun", "claim_fields", "item_template", "money", "status_of"]
