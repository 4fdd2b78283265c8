"""Rows of the shop's own things as the API shows them, made for a moment from fixed data.

Does not belong here: how they are selected (`catalogue_source.py`), the long constant parts (`catalogue_fields.py`).
"""

from __future__ import annotations

from typing import Final

from cafe24_pipelines.sandbox.catalog import category_tree
from cafe24_pipelines.sandbox.coupons import COUPONS
from cafe24_pipelines.sandbox.mall.catalogue_fields import BOARD, CATEGORY, COUPON, GROUP, PRODUCT
from cafe24_pipelines.sandbox.mall.item_rows import money
from cafe24_pipelines.sandbox.mall.moments import NEVER, START, day_text, iso
from cafe24_pipelines.sandbox.mall.overlay import applied
from cafe24_pipelines.sandbox.mall.reading import Moment, Row
from cafe24_pipelines.sandbox.mall.wares import Ware, wares
from cafe24_pipelines.sandbox.orders import TIERS
from cafe24_pipelines.sandbox.seasons import DAY, DAYS

_TIERS_ENGLISH: Final = ("General", "Silver", "Gold", "VIP")
_BOARDS: Final = (
    (1, 1, "공지사항", "Notice"), (4, 4, "상품 사용후기", "Review"), (6, 6, "상품 Q&A", "Q&A"),
)  # fmt: skip
INVENTORY: Final = (
    "shop_no", "variant_code", "use_inventory", "important_inventory", "inventory_control_type", "display_soldout",
    "quantity", "safety_inventory", "origin_code", "product_no",
)  # fmt: skip
"""Fields of an inventory, and its product."""
_BEFORE_WITHDRAWAL: Final = 60  # pieces in stock of a product that is withdrawn later


def shop_rows(moment: Moment) -> list[Row]:
    """Shop 1 in won, shop 2 (when the mall has one) in dollars; the same list whichever shop asks."""
    shops = (("기본 쇼핑몰", "ko_KR", "KRW", "대한민국 원", "KR"), ("Global shop", "en_US", "USD", "US Dollar", "US"))
    return [
        {
            "shop_no": k, "default": "T" if k == 1 else "F", "shop_name": name, "business_country_code": country,
            "language_code": language, "language_name": {"ko_KR": "한국어", "en_US": "English"}[language],
            "currency_code": currency, "currency_name": f"{currency_name} ({currency})",
            "reference_currency_code": "" if k == 1 else "KRW", "reference_currency_name": "", "pc_skin_no": k,
            "mobile_skin_no": k + 2, "base_domain": f"{moment.mall_id}.cafe24.com", "primary_domain": "",
            "slave_domain": [], "active": "T", "timezone": "Asia/Seoul", "timezone_name": "Asia/Seoul",
            "date_format": "YYYY-MM-DD", "time_format": "hh:mm:ss", "use_reference_currency": "F",
            "is_https_active": "T",
            "site_connect": [], "channel": "",
        }
        for k, (name, language, currency, currency_name, country) in enumerate(shops[: moment.shops], 1)
        if moment.shop in (1, k)
    ]  # fmt: skip


def group_rows(moment: Moment) -> list[Row]:
    """Member tiers."""
    names = TIERS if moment.shop == 1 else _TIERS_ENGLISH
    return [
        {"shop_no": moment.shop, "group_no": k, "group_name": name, "group_description": f"{name} 등급", **GROUP}
        for k, name in enumerate(names, 1)
    ]


def _there(moment: Moment) -> list[Ware]:
    """Products that exist at the moment in the shop."""
    t, english = moment.t, moment.shop == 2
    return [w for w in wares() if w.created <= t < w.deleted and (w.dollars or not english)]


def product_rows(moment: Moment) -> list[Row]:
    """Products without their variants."""
    return [_product(moment, ware) for ware in _there(moment)]


def _product(moment: Moment, ware: Ware) -> Row:
    shop, t = moment.shop, moment.t
    price = money(ware.dollars if shop == 2 else ware.price, shop)
    picture = f"https://{moment.mall_id}.cafe24.example/product/{ware.no}"
    return {
        **PRODUCT, "shop_no": shop, "product_no": ware.no, "product_code": ware.code,
        "custom_product_code": f"SB-{ware.no}", "product_name": ware.english if shop == 2 else ware.name,
        "eng_product_name": ware.english, "supply_product_name": ware.name, "price": price, "retail_price": price,
        "price_excluding_tax": money((ware.dollars if shop == 2 else ware.price) * 10 // 11, shop),
        "supply_price": money((ware.dollars if shop == 2 else ware.price) * 2 // 5, shop),
        "selling": "F" if t >= ware.withdrawn else "T", "display": "F" if t >= ware.withdrawn else "T",
        "summary_description": f"{ware.category} 인기 상품", "detail_image": f"{picture}/big.jpg",
        "list_image": f"{picture}/medium.jpg", "tiny_image": f"{picture}/tiny.jpg",
        "small_image": f"{picture}/small.jpg", "created_date": iso(ware.created),
        "updated_date": iso(_updated(ware, t)), "sold_out": "T" if ware.sold_out(t) else "F",
    }  # fmt: skip


def changes_of(ware: Ware) -> tuple[int, ...]:
    """When a product was changed after it was made: withdrawn, run out, filled up again."""
    from cafe24_pipelines.sandbox import truth
    from cafe24_pipelines.sandbox.seasons import day_of

    if str(ware.no) == truth.BESTSELLER:
        return day_of(truth.STOCKOUT_FROM) * DAY, (day_of(truth.STOCKOUT_TO) + 1) * DAY
    return (ware.withdrawn,) if ware.withdrawn < NEVER else ()


def _updated(ware: Ware, t: int) -> int:
    return max([ware.created, *(at for at in changes_of(ware) if at <= t)])


def _stock(moment: Moment, ware: Ware) -> int:
    """Pieces of a product over all its variants."""
    if ware.sold_out(moment.t):
        return 0
    if ware.index >= len(moment.stock) or ware.withdrawn < NEVER:
        return _BEFORE_WITHDRAWAL
    return moment.stock[ware.index]


def variant_rows(moment: Moment) -> list[Row]:
    """Variants with their stock; `product_no` beside what the API shows."""
    rows = []
    for ware in _there(moment):
        total = _stock(moment, ware)
        for k in range(ware.variants):
            share = total // ware.variants + (total % ware.variants if k == 0 else 0)
            options = [{"name": ware.option, "value": ware.choices[k]}] if ware.choices else None
            selling = "F" if moment.t >= ware.withdrawn else "T"
            rows.append({
                "shop_no": moment.shop, "variant_code": ware.variant_code(k), "options": options,
                "custom_variant_code": "", "display": "T", "selling": selling, "additional_amount": "0.00",
                "use_inventory": "T", "important_inventory": "A", "inventory_control_type": "B",
                "display_soldout": "T", "quantity": share, "safety_inventory": 0, "product_no": ware.no,
            })  # fmt: skip
    return rows


def inventory_rows(moment: Moment) -> list[Row]:
    """The same variants as the inventory endpoint shows them."""
    return [{name: row.get(name, "") for name in INVENTORY} for row in variant_rows(moment)]


def products_with_variants(moment: Moment) -> list[Row]:
    """Products as `embed=variants` shows them; what clients wrote to a variant is in it."""
    writes = moment.writes("variants")
    variants: dict[int, list[Row]] = {}
    for base in variant_rows(moment):
        row = applied(base, writes.get(base["variant_code"], []))
        if row is not None:
            number = row.pop("product_no") if row is not base else base["product_no"]
            variants.setdefault(number, []).append({k: v for k, v in row.items() if k != "product_no"})
    return [{**row, "variants": variants.get(row["product_no"], [])} for row in product_rows(moment)]


def category_rows(moment: Moment) -> list[Row]:
    """The tree of categories; a parent of 1 means the top level."""
    tree = {int(no): (name, int(parent) if parent else 1) for no, name, parent in category_tree()}
    rows = []
    for place, (no, (name, parent)) in enumerate(tree.items(), 1):
        path = [no]
        while tree[path[0]][1] != 1:
            path.insert(0, tree[path[0]][1])
        deep = {str(k): None for k in range(1, 5)}
        rows.append({
            **CATEGORY, "shop_no": moment.shop, "category_no": no, "category_depth": len(path),
            "parent_category_no": parent, "category_name": name,
            "full_category_name": {**deep, **{str(k): tree[n][0] for k, n in enumerate(path, 1)}},
            "full_category_no": {**deep, **{str(k): n for k, n in enumerate(path, 1)}},
            "root_category_no": path[0], "display_order": place,
        })  # fmt: skip
    return rows


def category_product_rows(moment: Moment) -> list[Row]:
    """Products of each leaf: group 1 has all, 2 (recommended) the first, 3 (new) what is younger than 90 days."""
    rows: list[Row] = []
    heads: dict[int, int] = {}
    for ware in _there(moment):
        place = heads[ware.category_no] = heads.get(ware.category_no, 0) + 1
        groups = [1] + [2] * (place == 1) + [3] * (ware.created > 0 and moment.t - ware.created < 90 * DAY)
        rows += [
            {
                "shop_no": moment.shop, "product_no": ware.no, "sequence_no": place, "auto_sort": False,
                "sold_out": ware.sold_out(moment.t), "fixed_sort": False, "not_for_sale": moment.t >= ware.withdrawn,
                "category_no": ware.category_no, "display_group": group,
            }
            for group in groups
        ]  # fmt: skip
    return rows


def coupon_rows(moment: Moment) -> list[Row]:
    """Coupons of shop 1, all made when the mall began."""
    if moment.shop != 1 or moment.t < 0:
        return []
    counted = dict(moment.db.execute(
        "SELECT coupon, count(*) FROM issues WHERE issued <= ? GROUP BY coupon", (moment.t,)
    ))  # fmt: skip
    begin, end = START.isoformat(), f"{day_text(DAYS - 1)}T23:59:59+09:00"
    kinds = {"A": "할인금액", "B": "할인율"}
    rows = []
    for k, coupon in enumerate(COUPONS):
        rate = coupon.benefit == "B"
        text = f"{coupon.value}%" if rate else f"{coupon.value:,}원"
        rows.append({
            **COUPON, "shop_no": 1, "coupon_no": coupon.no, "coupon_name": coupon.name, "created_date": begin,
            "benefit_text": f"{kinds[coupon.benefit]} {text}", "benefit_type": coupon.benefit,
            "benefit_price": None if rate else f"{coupon.value}.00",
            "benefit_percentage": f"{coupon.value}.00" if rate else None,
            "issue_type": "A" if k in (1, 2) else "M", "issue_sub_type": {1: "A", 2: "J"}.get(k, "M"),
            "issued_count": str(counted.get(k, 0)), "available_date": f"{begin} ~ {end}",
            "available_begin_datetime": begin, "available_end_datetime": end,
        })  # fmt: skip
    return rows


def board_rows(moment: Moment) -> list[Row]:
    """Notices, reviews, questions."""
    return [
        {"shop_no": moment.shop, "board_no": no, "board_type": kind,
         "board_name": name if moment.shop == 1 else english, **BOARD, "display_order": no}
        for no, kind, name, english in _BOARDS
    ]  # fmt: skip
