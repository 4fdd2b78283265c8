"""Every field of every model has one fate at the privacy line, said in one list."""

import importlib
import pkgutil
import typing
from itertools import combinations
from typing import Any

import msgspec
import pytest

from cafe24_pipelines.cafe24 import field_policy as policy
from cafe24_pipelines.cafe24.admin_api import models
from cafe24_pipelines.cafe24.admin_api.models.types import Row
from cafe24_pipelines.cafe24.admin_api.resources import CONTENT, MEMBER, RESOURCES
from cafe24_pipelines.cafe24.field_policy import Becomes, becomes
from cafe24_pipelines.cafe24.privacy import PERSONAL_COLUMNS


def every_model() -> list[type[Row]]:
    found: dict[str, type[Row]] = {}
    for module in pkgutil.iter_modules(models.__path__):
        for thing in vars(importlib.import_module(f"{models.__name__}.{module.name}")).values():
            if isinstance(thing, type) and issubclass(thing, Row) and thing is not Row:
                assert found.setdefault(thing.__name__, thing) is thing, "the policy tells models apart by name"
    return sorted(found.values(), key=lambda m: m.__name__)


def holds_text(kind: Any) -> bool:
    if typing.get_origin(kind) is typing.Annotated:
        return not any((m.extra or {}).get("decimal") for m in kind.__metadata__)  # checked to be a number
    return kind is str or any(holds_text(k) for k in typing.get_args(kind))


@pytest.mark.parametrize("model", every_model(), ids=lambda m: m.__name__)
def test_every_text_field_of_every_model_is_classified(model: type[Row]) -> None:
    fields = msgspec.structs.fields(model)
    missing = [f.encode_name for f in fields if holds_text(f.type) and becomes(model.__name__, f.encode_name) is None]
    assert not missing, f"say in field_policy.py what becomes of {missing}"


def test_the_walk_over_models_finds_them_and_their_text() -> None:
    names = {m.__name__ for m in every_model()}
    assert {"Order", "OrderItem", "Buyer", "Receiver", "Claim", "CustomerPrivacy", "Article", "Point"} <= names
    assert holds_text(str) and holds_text(list[str | None] | None) and not holds_text(int | None)


def test_no_field_is_in_two_lists_and_no_context_is_made_up() -> None:
    lists = [policy.DROPPED, set(policy.MEMBER_IDS), policy.WRITTEN, policy.WORDED, policy.CODED, policy.NUMBERED]
    assert not any(a & b for a, b in combinations(lists, 2))
    known = {f"{m.__name__}.{f.encode_name}" for m in every_model() for f in msgspec.structs.fields(m)}
    assert policy.IN_CONTEXT.keys() <= known
    assert {f"{m}.{f}" for m, fields in policy.REGION_FROM.items() for f in fields} <= known
    assert policy.OWN_NAMES | policy.OWN_NUMBERS | policy.OWN_ADDRESSES <= policy.DROPPED


@pytest.mark.parametrize(
    ("where", "what"),
    [
        ("Order.billing_name", Becomes.DROPPED), ("Order.bank_account_owner_name", Becomes.DROPPED),
        ("Order.bank_account_no", Becomes.DROPPED), ("Order.member_email", Becomes.DROPPED),
        ("Order.transaction_ids", Becomes.DROPPED), ("Order.social_member_code", Becomes.DROPPED),
        ("OrderItem.refund_bank_account_no", Becomes.DROPPED), ("OrderItem.tracking_no", Becomes.DROPPED),
        ("Refund.refund_bank_account_holder", Becomes.DROPPED), ("CustomerPrivacy.recommend_id", Becomes.HASHED),
        ("CustomerPrivacy.nick_name", Becomes.DROPPED), ("CustomerPrivacy.corporate_name", Becomes.DROPPED),
        ("CustomerPrivacy.shop_name", Becomes.DROPPED), ("Shop.shop_name", Becomes.WORDED),
        ("AdditionalOrderInfo.value", Becomes.DROPPED), ("AdditionalOption.value", Becomes.DROPPED),
        ("AdditionalInformation.value", Becomes.DROPPED), ("OrderItem.option_value", Becomes.WRITTEN),
        ("Article.client_ip", Becomes.DROPPED), ("Article.writer", Becomes.DROPPED),
        ("Article.reply_user_id", Becomes.DROPPED), ("Article.content", Becomes.WRITTEN),
        ("AttachedFile.url", Becomes.DROPPED), ("Receiver.clearance_information", Becomes.DROPPED),
        ("Buyer.company_registration_no", Becomes.DROPPED), ("Buyer.user_id", Becomes.DROPPED),
        ("Buyer.name", Becomes.DROPPED), ("VariantOption.name", Becomes.WORDED), ("Point.admin_id", Becomes.DROPPED),
        ("Product.buy_member_id_list", Becomes.HASHED), ("Cart.member_id", Becomes.HASHED),
        ("Order.new_field", None),
    ],
)  # fmt: skip
def test_fields_that_need_a_second_thought(where: str, what: Becomes | None) -> None:
    assert becomes(*where.split(".")) is what


def test_files_and_the_api_share_one_list_of_personal_columns() -> None:
    assert policy.DROPPED | policy.MEMBER_IDS.keys() == PERSONAL_COLUMNS
    assert {"name", "buyer_name", "receiver_name", "cellphone", "client_ip", "member_id"} <= PERSONAL_COLUMNS


@pytest.mark.parametrize("resource", RESOURCES.values(), ids=lambda r: r.name)
def test_a_resource_names_fields_that_its_model_has(resource: Any) -> None:
    fields = {f.encode_name for f in msgspec.structs.fields(resource.model)}
    for name in resource.key:
        assert name == CONTENT or {"member_id" if name == MEMBER else name} <= fields
    assert not resource.dated or resource.dated in fields
    assert resource.scope.startswith("mall.read_") and set(resource.embed) <= fields
    assert (resource.parent != "") == ("{" in resource.path or resource.name in ("customers", "sales_volume"))
    assert resource.turns in ("", "day", "product") and (resource.turns != "day" or "date" in resource.key)


def test_parents_come_before_their_children() -> None:
    order = list(RESOURCES)
    for parent, children in {
        "products": ("carts", "inventories", "sales_volume"), "coupons": ("coupon_issues",), "boards": ("articles",),
        "categories": ("category_products",), "customers": ("wish_lists",), "orders": ("customers",),
    }.items():  # fmt: skip
        assert all(order.index(parent) < order.index(child) for child in children)
