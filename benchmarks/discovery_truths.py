"""Which detector may rightly report which truth of the sandbox: the key by which false discoveries are counted.

`DIRECT` is what a detector was made to see of a truth; `ALSO` are consequences that are just as true
(docs/sandbox.md, "What follows from what was planted"). A pattern is a regular expression over `detector/subject`. A
confirmed finding that matches no acting truth is a false discovery, whatever else may explain it.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import Final

from cafe24_pipelines.sandbox import truth
from cafe24_pipelines.sandbox.catalog import products
from cafe24_pipelines.sandbox.coupons import COUPONS


def _of(*categories: str) -> str:
    """An alternative of the product numbers in some categories."""
    return "(" + "|".join(p.no for p in products() if p.category in categories) + ")"


def _changed() -> str:
    """An alternative of the categories in which a product is launched or withdrawn."""
    return "(" + "|".join(sorted({p.category for p in products() if p.launched or p.withdrawn})) + ")"


_KIT, _MASK, _SHAMPOO, _GIFTS, _DIFFUSER = "트라이얼 키트", "마스크팩", "샴푸", "선물세트", "디퓨저"
_PAIR: Final = r"\+".join(sorted(truth.PAIR))
_FROM_CATEGORY, _TO_CATEGORY = (
    next(p.category for p in products() if p.no == number) for number in (truth.SEQUEL_FROM, truth.SEQUEL_TO)
)
_FIRST: Final = r"(churn_signals/first_product|gateway_products/product):"

RHYTHM: Final = (
    r"customer_hub/.*", r"order_density/.*", r"segment_clusters/.*", r"ratio_churn/.*",
    r"churn_signals/long_first_gap",
)  # fmt: skip
"""How evenly, how often and how long members buy: whatever makes some members buy more than others shows here."""

DIRECT: Final[dict[str, tuple[str, ...]]] = {
    "gateway_product": (rf"{_FIRST}{truth.GATEWAY}",),
    "co_purchase_pair": (rf"co_purchase/{_PAIR}", rf"relationship_complexity/pair:{_PAIR}"),
    "winback_coupon": (rf"coupon_effect/coupon:{COUPONS[0].no}",),
    "refill_28_days": (
        rf"temporal_association/category:{_MASK}>{_MASK}", rf"temporal_association/product:{_of(_MASK)}>{_of(_MASK)}",
    ),
    "refill_90_days": (
        rf"temporal_association/category:{_SHAMPOO}>{_SHAMPOO}",
        rf"temporal_association/product:{_of(_SHAMPOO)}>{_of(_SHAMPOO)}",
    ),
    "stock_out": (rf"stock_out/product:{truth.BESTSELLER}:2025-0[67].*",),
    "late_delivery_churn": (r"churn_signals/late_delivery", r"delivery_delay/.*"),
    "category_change_point": (rf"seasonality_change/change:{_DIFFUSER}",),
    "vip_revenue": (r"customer_hub/.*",),
    "hub_product": (rf"co_purchase/.*{truth.HUB}.*", rf"relationship_complexity/pair:.*{truth.HUB}.*"),
    "sequel_product": (
        rf"temporal_association/product:{truth.SEQUEL_FROM}>{truth.SEQUEL_TO}",
        rf"temporal_association/category:{_FROM_CATEGORY}>{_TO_CATEGORY}",
        rf"category_migration/{_FROM_CATEGORY}>{_TO_CATEGORY}",
    ),
    "low_first_review": (r"churn_signals/low_first_rating", r"review_repurchase/.*"),
    "fragile_product": (),  # no detector looks at mean stars
    "gift_season": (rf"seasonality_change/holiday:{_GIFTS}",),
    "fit_returns": (),  # no detector looks at returns
    "unequal_members": RHYTHM,
    "busy_days": (r"seasonality_change/weekday",),
    "category_demand": (r"density_imbalance/.*",),
    "assortment": (rf"seasonality_change/change:{_changed()}",),
}  # fmt: skip
"""What each effect and trait shows as, to the detector that was made for it."""

ALSO: Final[dict[str, tuple[str, ...]]] = {
    # first baskets hold the kit, so it comes before all else, and less often as first orders become fewer
    "gateway_product": (
        *RHYTHM, rf"temporal_association/(category:{_KIT}|product:{truth.GATEWAY})>.*",
        rf"seasonality_change/change:{_KIT}",
    ),
    # quiet members are called back at a time of the shop's choosing
    "winback_coupon": RHYTHM,
    # who refills comes back, often to the same product, in small baskets; their share grows with the shop's age
    "refill_28_days": (
        *RHYTHM, rf"{_FIRST}{_of(_MASK)}", r"product_scarcity/.*",
        r"relationship_complexity/(basket_size|category_breadth)", rf"seasonality_change/change:{_MASK}",
    ),
    "refill_90_days": (
        *RHYTHM, rf"{_FIRST}{_of(_SHAMPOO)}", r"product_scarcity/.*",
        r"relationship_complexity/(basket_size|category_breadth)", rf"seasonality_change/change:{_SHAMPOO}",
    ),
    "sequel_product": (
        *RHYTHM, rf"{_FIRST}{truth.SEQUEL_FROM}", r"relationship_complexity/(basket_size|category_breadth)",
        rf"seasonality_change/change:{_TO_CATEGORY}",
    ),
    # leaving makes silence tell something of the future
    "late_delivery_churn": RHYTHM,
    "low_first_review": RHYTHM,
    "category_change_point": (rf"(co_purchase/|relationship_complexity/pair:){_of(_DIFFUSER)}\+{_of(_DIFFUSER)}",),
    # VIPs buy more in every later basket
    "vip_revenue": (*RHYTHM, r"relationship_complexity/(basket_size|category_breadth)", r"product_scarcity/.*"),
    # within a quarter, gift sets meet in the same fortnight
    "gift_season": (
        rf"(co_purchase/|relationship_complexity/pair:){_of(_GIFTS)}\+{_of(_GIFTS)}",
        rf"seasonality_change/change:{_GIFTS}",
    ),
    "stock_out": (rf"stock_out/members:{truth.BESTSELLER}:2025-0[67].*",),
}  # fmt: skip
"""What follows from an effect for other detectors."""

TOGETHER: Final[dict[frozenset[str], tuple[str, ...]]] = {
    frozenset({"fragile_product", "low_first_review"}): (rf"{_FIRST}{truth.FRAGILE}",),
}
"""What only several effects bring about at once."""


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def shows(subject: str, name: str, *, direct: bool = False) -> bool:
    """Whether a pattern about `subject` (`detector/about`) is what one truth shows as."""
    patterns = DIRECT[name] if direct else (*DIRECT[name], *ALSO.get(name, ()))
    return any(_compiled(p).fullmatch(subject) for p in patterns)


def explained(subject: str, acting: Iterable[str]) -> bool:
    """Whether any acting truth, or several together, shows as a pattern about `subject`."""
    there = frozenset(acting)
    if any(shows(subject, name) for name in there):
        return True
    joint = (p for names, patterns in TOGETHER.items() if names <= there for p in patterns)
    return any(_compiled(p).fullmatch(subject) for p in joint)
