"""Shop tables out of landed Admin API rows: what the API says, in the lake's ten tables.

One module a group of tables, each a few SQL queries that DuckDB streams over the landed rows; `values.py` holds how
single values are read, `unusable.py` what becomes of rows that can't be used. Rows come from behind the privacy line
(`member_key` is there already, text is masked), so nothing here looks at personal data. Does not belong here: calling
the API (`sync/`), storing its rows (`stores/records.py`), writing the tables (`landing.py`).

What the API can't give: product views (it has no such list; the analytics API counts them without members), carts
that were emptied (only what lies in a cart now), and coupons of orders whose issue was not read.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.landing import ShopData
    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.stores.records import ApiLake


def shop_tables(api: "ApiLake", mall: "Mall") -> "ShopData":
    """The ten shop tables of everything that has landed from a mall's Admin API.

    Args:
        api: the mall's landed rows.
        mall: its currency stands in where a row names none; times without an offset are read in Korean time.

    Returns:
        A snapshot: every table of `names.SHOP_TABLES` with the lake's columns and types (`member_key` in place of
        `member_id`, no `mall_id`), and the rows that can't be used, with resource, reason and field.
    """
    from cafe24_pipelines.cafe24.landing import ShopData
    from cafe24_pipelines.cafe24.shop_of_api.tables import quarantine_of, tables_of
    from cafe24_pipelines.cafe24.shop_of_api.values import prepared

    with prepared(api, mall) as db:
        tables = tables_of(db)
        return ShopData(tables, snapshot=True, quarantine=quarantine_of(db))
