"""Sales reports and the analytics API's figures: finished hours and days only, so a figure never changes.

Does not belong here: how they were counted (`building.py`, `traffic.py`), where visits came from
(`analytics_source.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from cafe24_pipelines.sandbox.mall.analytics_source import LISTS, Period
from cafe24_pipelines.sandbox.mall.filters import Filter, Params, Row, Where, as_t, numbers, one_of
from cafe24_pipelines.sandbox.mall.item_rows import money
from cafe24_pipelines.sandbox.mall.moments import day_text, iso, parse
from cafe24_pipelines.sandbox.mall.reading import Moment, Ordering, Source
from cafe24_pipelines.sandbox.mall.wares import wares
from cafe24_pipelines.sandbox.seasons import DAY


def _stamp(row: Row) -> str:
    return f"{row['collection_date']}T{row['collection_hour']}"


def sales_row(_moment: Moment, found: tuple[Any, ...]) -> Row:
    """What one hour sold and paid back."""
    shop, hour, orders, items, goods, fee, discount, refund = found
    paid = goods - discount + fee
    nothing = money(0, shop)
    return {
        "shop_no": shop, "collection_date": day_text(hour // 24), "collection_hour": f"{hour % 24:02d}",
        "order_count": orders, "item_count": items, "order_price_amount": money(goods, shop),
        "shipping_fee": money(fee, shop), "order_sale_price": money(0, shop),
        "coupon_discount_price": money(discount, shop), "actual_order_amount": money(paid, shop),
        "refund_amount": money(refund, shop), "sales": _signed(paid - refund, shop), "used_points": nothing,
        "used_credits": nothing, "used_naver_points": nothing, "used_naver_cash": nothing, "refund_points": nothing,
        "refund_credits": nothing, "refund_naver_points": nothing, "refund_naver_cash": nothing,
    }  # fmt: skip


def product_sales_row(_moment: Moment, found: tuple[Any, ...]) -> Row:
    """What one hour sold and took back of one variant."""
    shop, hour, product, variant, settled, refunded, exchanged, cancelled, returned = found
    ware = wares()[product]
    return {
        "shop_no": shop, "collection_date": day_text(hour // 24), "collection_hour": f"{hour % 24:02d}",
        "product_no": ware.no, "variants_code": ware.variant_code(variant),
        "product_price": money(ware.dollars if shop == 2 else ware.price, shop), "settle_count": settled,
        "refund_count": refunded, "sale_count": settled - refunded, "exchange_product_count": exchanged,
        "cancel_product_count": cancelled, "return_product_count": returned, "total_sale_count": settled,
        "total_cancel_count": cancelled + returned,
    }  # fmt: skip


def volume_row(_moment: Moment, found: tuple[Any, ...]) -> Row:
    """The same as the report of units sold says it: numbers as strings, one key misspelt."""
    shop, hour, product, variant, settled, _refunded, exchanged, cancelled, returned = found
    ware = wares()[product]
    price = ware.dollars if shop == 2 else ware.price
    return {
        "shop_no": str(shop), "collection_date": day_text(hour // 24), "collection_hour": f"{hour % 24:02d}",
        "product_price": money(price, shop), "product_option_price": money(0, shop), "settle_count": str(settled),
        "exchane_product_count": str(exchanged), "cancel_product_count": str(cancelled),
        "return_product_count": str(returned), "updated_date": iso((hour + 1) * 3600), "product_no": ware.no,
        "variants_code": ware.variant_code(variant), "total_sales": money(settled * price, shop),
    }  # fmt: skip


def _signed(value: int, shop: int) -> str:
    return f"-{money(-value, shop)}" if value < 0 else money(value, shop)


def _hours(sign: str) -> Filter:
    """Whole hours that the window touches."""

    def sql(value: Any, _where: Where, params: Params) -> str:
        return f"o.hour {sign} {params.mark(as_t(value) // 3600)}"

    def test(row: Row, value: Any, _where: Where) -> bool:
        hour = parse(f"{_stamp(row)}:00:00") // 3600
        return hour >= as_t(value) // 3600 if sign == ">=" else hour <= as_t(value) // 3600

    return Filter(sql, test)


def _ascending(sql: str, key: Callable[[Row], Any]) -> Callable[[Where], Ordering]:
    order = Ordering(sql, key)
    return lambda _where: order


_DONE: Final = "(o.hour + 1) * 3600 <= :at"
_HOUR = Filter(
    lambda value, _w, p: f"o.hour % 24 = {p.mark(int(value))}",
    lambda row, value, _w: int(row["collection_hour"]) == int(value),
)
_PRODUCT = one_of("o.product", "product_no", lambda value: [n - 1001 for n in numbers(value)])
SALES: Final = {
    "hourly_sales": Source(
        table="sales_hours o", identity="", columns="o.*", visible=_DONE, shops="o.shop", render=sales_row,
        ordering=_ascending("o.hour", _stamp), key=_stamp,
        filters={"start": _hours(">="), "end": _hours("<="), "collection_hour": _HOUR},
    ),
    "product_sales": Source(
        table="product_hours o", identity="", columns="o.*", visible=_DONE, shops="o.shop", render=product_sales_row,
        ordering=_ascending("o.hour, o.product, o.variant", _stamp), key=_stamp,
        filters={
            "start": _hours(">="), "end": _hours("<="), "collection_hour": _HOUR,
            "product_no": _PRODUCT,
        },
    ),
    "sales_volume": Source(
        table="product_hours o", identity="", columns="o.*", visible=_DONE, shops="o.shop", render=volume_row,
        ordering=_ascending("o.hour, o.product, o.variant", _stamp), key=_stamp,
        filters={"start": _hours(">="), "end": _hours("<="), "product_no": _PRODUCT},
    ),
}  # fmt: skip

ANALYTICS: Final = (
    "visitors_view", "visitors_pageview", "visitors_unique", "visitors_dailyactive", "carts_action",
    "products_view", "products_sales", *LISTS,
)  # fmt: skip
_PAGEVIEWS: Final = "SELECT hour, views FROM page_hours WHERE hour BETWEEN ? AND ? ORDER BY hour"
_VISITORS: Final = "SELECT day, uniques, visits, firsts FROM visitor_days WHERE day BETWEEN ? AND ? ORDER BY day"
_SHELF: Final = (
    "SELECT product, sum(views), sum(carts), sum(sold) FROM shelf_days WHERE day BETWEEN ? AND ? GROUP BY product"
)


def analytics_rows(moment: Moment, name: str, where: Where) -> list[Row]:
    """Rows of the analytics API over the finished days of a window: per day (or hour), or per product.

    Raises:
        KeyError: `where` holds something else than start and end.
    """
    if other := where.keys() - {"start", "end"}:
        raise KeyError(*other)
    if moment.shop != 1:
        return []
    first = max(0, as_t(where["start"]) // DAY) if "start" in where else 0
    last = moment.t // DAY - 1
    if "end" in where:
        last = min(last, as_t(where["end"]) // DAY)
    if last < first:
        return []
    if name in LISTS:
        return LISTS[name](Period(moment.db, moment.mall_id, first, last))
    if name == "visitors_pageview":
        found = moment.db.execute(_PAGEVIEWS, (first * 24, last * 24 + 23))
        return [{"date": day_text(h // 24), "hour": f"{h % 24:02d}", "page_view": n} for h, n in found]
    if name.startswith("visitors"):
        return [_visitors(name, row) for row in moment.db.execute(_VISITORS, (first, last))]
    rows = [_shelf(name, row) for row in moment.db.execute(_SHELF, (first, last))]
    return [row for row in rows if row is not None]


def _visitors(name: str, found: tuple[int, ...]) -> Row:
    day, uniques, visits, firsts = found
    if name == "visitors_unique":
        return {"date": day_text(day), "unique_visit_count": uniques}
    if name == "visitors_dailyactive":
        return {"date": day_text(day), "user_count": uniques}
    return {
        "date": day_text(day), "visit_count": visits, "first_visit_count": firsts, "re_visit_count": visits - firsts,
    }  # fmt: skip


def _shelf(name: str, found: tuple[int, ...]) -> Row | None:
    product, views, carts, sold = found
    ware = wares()[product]
    head = {"product_no": ware.no, "product_name": ware.name}
    if name == "carts_action":
        rate = f"{100 * carts / views:.2f}" if views else "0.00"
        return {**head, "count": views, "add_cart_count": carts, "add_cart_rate": rate} if views or carts else None
    if name == "products_view":
        return {**head, "count": views} if views else None
    return {**head, "order_count": sold, "order_amount": f"{sold * ware.price}.00"} if sold else None
