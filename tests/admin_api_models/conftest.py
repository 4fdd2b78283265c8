"""Rows as the API gives them, in full, with invented people."""

from collections.abc import Callable
from copy import deepcopy
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from cafe24_pipelines.cafe24.admin_api.line import PrivacyLine
from cafe24_pipelines.cafe24.admin_api.line_nodes import node_of
from cafe24_pipelines.cafe24.admin_api.models.order_items import OrderItem
from cafe24_pipelines.cafe24.admin_api.models.orders import Order, OrderAmount
from cafe24_pipelines.cafe24.privacy import Pseudonyms
from cafe24_pipelines.cafe24.sealing import Seal

NAME, PHONE, MEMBER, EMAIL = "김하늘이", "010-2345-6789", "sky_kim77", "sky.kim@example.com"
ADDRESS1, ADDRESS2 = "경기도 성남시 분당구 불정로 6", "101동 1203호"


@pytest.fixture(scope="session")
def person() -> SimpleNamespace:
    """Who the member of `order_row` is; `secrets` may be found nowhere behind the line."""
    known = SimpleNamespace(name=NAME, phone=PHONE, member=MEMBER, email=EMAIL, address1=ADDRESS1, address2=ADDRESS2)
    phones = (PHONE, PHONE.replace("-", ""), "02-345-6789", "0504-1234-5678")
    known.secrets = (
        NAME, MEMBER, EMAIL, *phones, ADDRESS1, ADDRESS2, "13561", "박운영", "문 앞에", "P123456789012", "19990909",
        "110-234-567890", "123-45-67890", "688123456789", "688123456780", "tid-1", "(주)가게",
    )  # fmt: skip
    return known


@pytest.fixture(scope="session")
def seal() -> Seal:
    return Seal(b"s" * 32)


@pytest.fixture(scope="session")
def hasher() -> Pseudonyms:
    return Pseudonyms(b"p" * 32)


@pytest.fixture
def line(seal: Seal, hasher: Pseudonyms) -> PrivacyLine:
    return PrivacyLine("shop", hasher, seal)


def filled(model: type[msgspec.Struct], **known: Any) -> dict[str, Any]:
    """A row with every scalar field of a model: amounts, null, or text that can't be mistaken for personal data."""
    node = node_of(model)
    row: dict[str, Any] = dict.fromkeys(sorted(node.known - {n for n, _ in node.children}))
    row |= dict.fromkeys(node.decimals.names if node.decimals else (), "1000.00")
    return row | known


def _item(n: int) -> dict[str, Any]:
    return filled(
        OrderItem, shop_no=1, item_no=n, order_item_code=f"20260401-0000013-0{n}", variant_code="P000000R000A",
        product_no=20 + n, product_code="P000000R", product_name=f"리넨 셔츠 {n}",
        option_value="색상=아이보리, 사이즈=M", quantity=n, order_status="N40", status_code="N1",
        status_text="배송완료", claim_reason="생각보다 작아요",
        ordered_date="2026-04-01T09:30:05+09:00", shipped_date="2026-04-02T11:00:00+09:00",
        tracking_no="688123456789",
        refund_bank_account_no="110-234-567890", refund_bank_account_holder=NAME,
        additional_option_value=f"각인={NAME}",
        additional_option_values=[{"key": "item_option_add", "type": "text", "name": "각인", "value": NAME}],
        options=[{"option_code": "O1", "option_name": None, "option_value": {"option_text": NAME, "value_no": 1}}],
        original_item_no=[n], tax_rate=10, product_bundle_list=[], supplier_name="자체공급", origin_place_no=1798,
        claim_quantity=0,
    )  # fmt: skip


@pytest.fixture(scope="session")
def order_row() -> Callable[..., dict[str, Any]]:
    """An order of a member with two items and everything embedded; keyword arguments change top-level fields."""
    amounts = filled(OrderAmount)
    person = {"name": NAME, "phone": "02-345-6789", "cellphone": PHONE}
    row = filled(
        Order, shop_no=1, currency="KRW", order_id="20260401-0000013", member_id=MEMBER, member_email=EMAIL,
        member_authentication="T", initial_order_amount=amounts, actual_order_amount=dict(amounts), billing_name=NAME,
        payment_method=["card"], payment_method_name=["신용카드"], paid="T", canceled="F", payment_amount="31000.00",
        order_date="2026-04-01T09:30:05+09:00", payment_date="2026-04-01T09:31:00+09:00", shipping_status="T",
        bank_account_no="123-45-67890", bank_account_owner_name="(주)가게", transaction_ids=["tid-1"],
        additional_order_info_list=[{"id": 1, "name": "생일", "value": "19990909", "input_type": "T",
                                     "product_type": "A", "applied_product_list": []}],
        shipping_fee_detail=[{"shipping_group_code": 1, "supplier_code": "S0000000", "shipping_fee": "3000.00",
                              "items": ["20260401-0000013-01"]}],
        regional_surcharge_detail=[], first_payment_methods=["card"], naver_point=0, service_data=[],
        items=[_item(1), _item(2)],
        buyer={"shop_no": 1, "member_id": MEMBER, "member_group_no": 2, "email": EMAIL, **person,
               "buyer_zipcode": "13561", "buyer_address1": ADDRESS1, "buyer_address2": ADDRESS2,
               "user_id": "admin", "user_name": "박운영", "customer_notification": f"{NAME}님께",
               "company_name": "", "company_registration_no": ""},
        receivers=[{"shop_no": 1, **person, "zipcode": "13561", "address1": ADDRESS1, "address2": ADDRESS2,
                    "address_full": f"{ADDRESS1} {ADDRESS2}", "shipping_message": "문 앞에 놓아 주세요",
                    "clearance_information": "P123456789012", "country_code": "KR", "shipping_code": "D-1",
                    "virtual_phone_no": "0504-1234-5678", "wished_delivery_date": ""}],
        cancellation=[], exchange=[], benefits=None,
        **{"return": [{"claim_code": "R20260405-0000001", "claim_reason_type": "A", "claim_reason": "단순 변심",
                       "pickup": {"name": NAME, "cellphone": PHONE, "address": ADDRESS1},
                       "refund_methods": ["카드취소"],
                       "refund_amounts": [{"payment_method": "card", "amount": "10000.00"}],
                       "return_invoice_no": "688123456780", "items": [_item(1)]}]},
    )  # fmt: skip

    def make(**changed: Any) -> dict[str, Any]:
        return deepcopy(row) | changed

    return make
