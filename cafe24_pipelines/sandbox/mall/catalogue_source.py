"""The shop's own things: shops, tiers, products with variants and stock, categories, coupons, boards.

They are few, so each is a list made anew for the moment. Does not belong here: what sold when (`reports_source.py`).
"""

from __future__ import annotations

from typing import Any, Final

from cafe24_pipelines.sandbox.mall.catalogue_rows import (
    INVENTORY,
    board_rows,
    category_product_rows,
    category_rows,
    coupon_rows,
    group_rows,
    inventory_rows,
    products_with_variants,
    shop_rows,
    variant_rows,
)
from cafe24_pipelines.sandbox.mall.filters import Filter, Row, Where, as_t, by_test, field_in, texts
from cafe24_pipelines.sandbox.mall.moments import parse
from cafe24_pipelines.sandbox.mall.reading import Ordering, Source
from cafe24_pipelines.sandbox.mall.wares import wares


def _by(name: str) -> Any:
    order = Ordering("", lambda row: row[name])
    return lambda _where: order


def _product_order(where: Where) -> Ordering:
    return Ordering("", lambda row: row["product_no"], descending="since_product_no" not in where)


def _moments(field: str) -> dict[str, Filter]:
    return {
        f"{field}_start": by_test(lambda row, value: parse(row[f"{field}_date"]) >= as_t(value)),
        f"{field}_end": by_test(lambda row, value: parse(row[f"{field}_date"]) <= as_t(value)),
    }


def _category_of(row: Row, value: Any) -> bool:
    place = int(row["product_no"]) - wares()[0].no
    return 0 <= place < len(wares()) and str(wares()[place].category_no) in texts(value)


def _leaf(row: Row, value: Any) -> bool:
    return str(row["category_no"]) in texts(value)


_VARIANT: Final = {"product_no": field_in("product_no"), "variant_code": field_in("variant_code")}
SOURCES: Final = {
    "shops": Source(rows=shop_rows, key=lambda r: str(r["shop_no"]), ordering=_by("shop_no"),
                    filters={"shop_no": field_in("shop_no")}),
    "customer_groups": Source(rows=group_rows, key=lambda r: str(r["group_no"]), ordering=_by("group_no"),
                              filters={"group_no": field_in("group_no")}),
    "products": Source(
        rows=products_with_variants, key=lambda r: str(r["product_no"]), ordering=_product_order,
        filters={
            "since_product_no": by_test(lambda row, value: row["product_no"] > int(value)),
            "product_no": field_in("product_no"), "product_code": field_in("product_code"),
            "product_name": by_test(lambda row, value: str(value) in row["product_name"]),
            "selling": field_in("selling"), "display": field_in("display"), "category": by_test(_category_of),
            **_moments("created"), **_moments("updated"),
        },
    ),
    "variants": Source(rows=variant_rows, key=lambda r: r["variant_code"], ordering=_by("variant_code"),
                       filters=_VARIANT, hidden=("product_no",)),
    "inventories": Source(rows=inventory_rows, key=lambda r: r["variant_code"], ordering=_by("variant_code"),
                          filters=_VARIANT, overlay="variants", shape=INVENTORY, hidden=("product_no",)),
    "categories": Source(
        rows=category_rows, key=lambda r: str(r["category_no"]), ordering=_by("category_no"),
        filters={name: field_in(name) for name in ("category_no", "category_depth", "parent_category_no")},
    ),
    "category_products": Source(
        rows=category_product_rows, ordering=_by("sequence_no"),
        key=lambda r: f"{r['category_no']}:{r['display_group']}:{r['product_no']}",
        filters={"category_no": by_test(_leaf), "display_group": field_in("display_group"),
                 "product_no": field_in("product_no")},
        hidden=("category_no", "display_group"),
    ),
    "coupons": Source(rows=coupon_rows, key=lambda r: r["coupon_no"], ordering=_by("coupon_no"),
                      filters={"coupon_no": field_in("coupon_no")}),
    "boards": Source(rows=board_rows, key=lambda r: str(r["board_no"]), ordering=_by("board_no"),
                     filters={"board_no": field_in("board_no")}),
}  # fmt: skip
