"""Categories, products and the currencies of shops.

A product may lie in several categories and, with a multi-shop, in several shops. The row of the shop with the lowest
number stands (the default shop is 1). Its category is the deepest one that is displayed and shows it (a leaf says
more than the root above it); of several as deep, the one that shows it in the first display group, then the lowest
number. `selling` is the shop's own flag: a product that is sold but not displayed can still be bought by its link.
Stock is the sum over variants that the shop counts; null when it counts none of them.
"""

from typing import Final

from cafe24_pipelines.cafe24.shop_of_api.values import rows_of, struct

_SHOP: Final = struct("shop_no", "currency_code", "currency")
_CATEGORY: Final = struct(
    "shop_no", "category_no", "category_name", "category_depth", "parent_category_no", "use_display", "display_order"
)
_PLACE: Final = struct("shop_no", "category_no", "display_group", "product_no", "sequence_no")
_VARIANT: Final = struct("variant_code", "use_inventory", "quantity")
_PRODUCT: Final = struct(
    "shop_no", "product_no", "product_name", "price", "created_date", "selling", variants=f"[{_VARIANT}]"
)
_INVENTORY: Final = struct("shop_no", "variant_code", "use_inventory", "quantity")

PREPARED: Final = {
    "a_shop_currency": f"""
        SELECT r.shop_no, any_value(coalesce(filled(r.currency_code), filled(r.currency))) AS of_shop
        FROM {rows_of("shops", _SHOP)} GROUP BY 1""",
    "a_categories": f"""
        SELECT filled(r.category_no) AS category_no, filled(r.category_name) AS category_name,
               CASE WHEN whole(r.parent_category_no) > 1 THEN filled(r.parent_category_no) END AS parent_category_no,
               whole(r.category_depth) AS depth, coalesce(flag(r.use_display), true) AS displayed, key
        FROM {rows_of("categories", _CATEGORY)}
        QUALIFY row_number() OVER (PARTITION BY r.category_no ORDER BY whole(r.shop_no), key) = 1""",
    "a_product_category": f"""
        WITH places AS (
            SELECT filled(r.product_no) AS product_no, filled(r.category_no) AS category_no,
                   whole(r.shop_no) AS shop_no, whole(r.display_group) AS display_group
            FROM {rows_of("category_products", _PLACE)}
        )
        SELECT p.product_no, c.category_no, c.category_name AS category
        FROM places p JOIN a_categories c USING (category_no)
        QUALIFY row_number() OVER (
            PARTITION BY p.product_no
            ORDER BY c.displayed DESC, p.shop_no, c.depth DESC NULLS LAST, p.display_group, whole(p.category_no)
        ) = 1""",
    "a_inventories": f"""
        SELECT r.variant_code, flag(r.use_inventory) AS counted, whole(r.quantity) AS quantity
        FROM {rows_of("inventories", _INVENTORY)}
        QUALIFY row_number() OVER (PARTITION BY r.variant_code ORDER BY whole(r.shop_no), key) = 1""",
    "a_product_rows": f"""
        SELECT filled(r.product_no) AS product_no, filled(r.product_name) AS product_name, money(r.price) AS price,
               instant(r.created_date) AS created_at, flag(r.selling) AS selling, r.shop_no, r.variants, key
        FROM {rows_of("products", _PRODUCT)}
        QUALIFY row_number() OVER (PARTITION BY r.product_no ORDER BY whole(r.shop_no), key) = 1""",
    "a_stock": """
        WITH flat AS (SELECT product_no, unnest(variants) AS v FROM a_product_rows)
        SELECT f.product_no, sum(coalesce(i.quantity, whole(f.v.quantity)))
                   FILTER (coalesce(i.counted, flag(f.v.use_inventory), true))::BIGINT AS stock_quantity
        FROM flat f LEFT JOIN a_inventories i ON i.variant_code = f.v.variant_code GROUP BY 1""",
    "a_products": """
        SELECT p.product_no, p.product_name, c.category_no, c.category, p.price,
               coalesce(s.of_shop, getvariable('currency')) AS currency, p.created_at, p.selling, k.stock_quantity
        FROM a_product_rows p LEFT JOIN a_product_category c USING (product_no)
        LEFT JOIN a_stock k USING (product_no) LEFT JOIN a_shop_currency s USING (shop_no)""",
}
"""Made once, in this order."""

_PRODUCT_FAULT: Final = """CASE WHEN product_no IS NULL THEN 'product_no is missing'
    WHEN product_name IS NULL THEN 'product_name is missing' WHEN price < 0 THEN 'the price is below zero' END"""
_CATEGORY_FAULT: Final = """CASE WHEN category_no IS NULL THEN 'category_no is missing'
    WHEN category_name IS NULL THEN 'category_name is missing' END"""

TABLES: Final = {
    "categories": f"""
        SELECT category_no, category_name, parent_category_no FROM a_categories WHERE {_CATEGORY_FAULT} IS NULL""",
    "products": f"SELECT * FROM a_products WHERE {_PRODUCT_FAULT} IS NULL",
}

UNUSABLE: Final = {
    "categories": f"""
        SELECT coalesce(category_no, key) AS key, {_CATEGORY_FAULT} AS reason,
               CASE WHEN category_no IS NULL THEN 'category_no' ELSE 'category_name' END AS field, NULL AS amount
        FROM a_categories""",
    "products": f"""
        SELECT coalesce(product_no, '') AS key, {_PRODUCT_FAULT} AS reason,
               CASE WHEN product_no IS NULL THEN 'product_no' WHEN product_name IS NULL THEN 'product_name'
                    ELSE 'price' END AS field,
               price AS amount
        FROM a_products""",
}
