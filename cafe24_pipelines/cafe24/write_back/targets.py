"""What is written to: the tier or the coupon, looked up in the mall before anything is planned.

A number that the mall doesn't know would give a plan that looks right and is refused member by member. Names are
typed by people: they pass the privacy line before a plan shows them.
Does not belong here: members, requests.
"""

from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.privacy import mask_text
from cafe24_pipelines.cafe24.write_back.plan import coupon_number
from cafe24_pipelines.errors import BadInput

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.admin_api.client import AdminClient

_NAMED: Final = 10


def tier_name(client: "AdminClient", group_no: int, *, shop_no: int = 1) -> str:
    """The name of a tier of the shop.

    Raises:
        BadInput: there is no such tier.
        ScopeMissing: mall.read_customer is not granted.
    """
    tiers = client.get("customergroups", shop_no=shop_no).get("customergroups") or []
    for tier in tiers:
        if str(tier.get("group_no")) == str(group_no):
            return mask_text(str(tier.get("group_name") or ""))
    known = _listed(tiers, "group_no", "group_name")
    raise BadInput(f"there is no tier {group_no} in shop {shop_no}", where=f"mall {client.mall_id}",
                   remedy=f"use one of: {known}" if known else "the shop has no tiers")  # fmt: skip


def coupon_name(client: "AdminClient", coupon_no: str, *, shop_no: int = 1) -> str:
    """The name of a coupon of the shop that can be issued.

    Raises:
        BadInput: there is no such coupon, or the merchant deleted it or stopped issuing it.
        ScopeMissing: mall.read_promotion is not granted.
    """
    where = f"mall {client.mall_id}"
    wanted = {"coupon_no": coupon_number(coupon_no)}
    for coupon in client.get("coupons", params=wanted, shop_no=shop_no).get("coupons") or []:
        if str(coupon.get("coupon_no")) != coupon_no:
            continue
        if coupon.get("deleted") == "T":
            raise BadInput(f"coupon {coupon_no} was deleted", where=where, remedy="use another coupon")
        if coupon.get("is_stopped_issued_coupon") == "T":
            raise BadInput(f"issuing of coupon {coupon_no} is stopped", where=where,
                           remedy="start it again in the admin (쿠폰 관리), or use another coupon")  # fmt: skip
        return mask_text(str(coupon.get("coupon_name") or ""))
    some = client.get("coupons", params={"limit": _NAMED}, shop_no=shop_no).get("coupons") or []
    known = _listed([c for c in some if c.get("deleted") != "T"], "coupon_no", "coupon_name")
    raise BadInput(f"there is no coupon {coupon_no} in shop {shop_no}", where=where,
                   remedy=f"use a number from the admin (쿠폰 관리), such as: {known}" if known
                   else "the shop has no coupons")  # fmt: skip


def _listed(rows: list[dict[str, Any]], number: str, name: str) -> str:
    return ", ".join(f"{row.get(number)} ({mask_text(str(row.get(name) or ''))})" for row in rows[:_NAMED])
