"""Funnel: of those who looked, how many put something in the cart, and how many of those bought.

A step counts when it comes at or after the step before it, in the same unit: a cart after the first view, a
purchase after such a cart. Whoever has a later step without an earlier one (a purchase whose views were not
recorded, a cart from a mail) is no part of the ratio; they are counted beside it as `out_of_order`. Units are
members, and their sessions (a pause of half an hour ends one). Visitors without a member key can't be followed and
are left out. Does not belong here: products bought together, or where visitors came from.
"""

from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.crm.analysis import Lacking, Outcome, analysis
from cafe24_pipelines.discovery.statistics import wilson_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

    from cafe24_pipelines.crm.shop import Shop

PRODUCTS: Final = 50
"""Products shown: those seen by most members."""

SESSION_MINUTES: Final = 30

MINIMUM_VIEWERS: Final = 30
"""Units that the shop's ratio needs."""

# A mall that records views and carts alone (its purchases are its orders) still has a funnel.
_ACTS_SQL: Final = """
    CREATE TEMP TABLE acts AS
    WITH seen AS (
        SELECT member_key, event, coalesce(product_no, '') AS product_no, e.at AS time
        FROM events e WHERE member_key IS NOT NULL
        UNION ALL
        SELECT member_key, 'purchase', product_no, ordered_at FROM sale_lines
        WHERE member_key IS NOT NULL AND NOT EXISTS (SELECT 1 FROM events WHERE event = 'purchase')
          AND ordered_at >= (SELECT min(e.at) FROM events e)
    ), marked AS (
        SELECT *, time - lag(time) OVER w <= INTERVAL {minutes} MINUTE AS continued FROM seen
        WINDOW w AS (PARTITION BY member_key ORDER BY time)
    )
    SELECT member_key, event, product_no, time, strftime(time AT TIME ZONE $zone, '%Y-%m') AS month,
           sum(CASE WHEN continued THEN 0 ELSE 1 END) OVER (PARTITION BY member_key ORDER BY time) AS session
    FROM marked"""

# (level, unit) -> (key, who): whose steps are looked at together.
_UNITS: Final = {
    ("total", "member"): ("'전체'", "member_key"),
    ("total", "session"): ("'전체'", "member_key || ':' || session"),
    ("month", "member"): ("month", "member_key || ':' || month"),
    ("month", "session"): ("month", "member_key || ':' || session"),
    ("product", "member"): ("product_no", "member_key || ':' || product_no"),
}

_STEPS_SQL: Final = """
    WITH chosen AS (
        SELECT {key} AS key, {who} AS who, event, time FROM acts WHERE {where}
    ), viewed AS (
        SELECT *, min(CASE WHEN event = 'view' THEN time END) OVER (PARTITION BY key, who) AS view_at FROM chosen
    ), carted AS (
        SELECT *, min(CASE WHEN event = 'cart' AND time >= view_at THEN time END)
                      OVER (PARTITION BY key, who) AS cart_at
        FROM viewed
    ), units AS (
        SELECT key, who, count(view_at) > 0 AS v, count(cart_at) > 0 AS c,
               coalesce(bool_or(event = 'purchase' AND time >= cart_at), false) AS p,
               bool_or(event = 'cart') AS any_cart, bool_or(event = 'purchase') AS any_purchase
        FROM carted GROUP BY key, who
    )
    SELECT '{level}' AS level, '{unit}' AS unit, key, count(*) FILTER (v) AS views, count(*) FILTER (c) AS carts,
           count(*) FILTER (p) AS purchases,
           count(*) FILTER ((any_cart AND NOT c) OR (any_purchase AND NOT p)) AS out_of_order
    FROM units GROUP BY key"""


def _columns() -> "Mapping[str, pa.DataType]":
    import pyarrow as pa

    from cafe24_pipelines.stores.schemas import INT, TEXT

    shares = ("view_to_cart", "cart_to_purchase", "view_to_purchase")
    return {
        "level": TEXT, "unit": TEXT, "key": TEXT, "name": TEXT,
        "views": INT, "carts": INT, "purchases": INT, "out_of_order": INT,
        **{f"{share}{end}": pa.float64() for share in shares for end in ("", "_low", "_high")},
    }  # fmt: skip


@analysis(
    name="funnel",
    title_ko="구매 퍼널",
    title_en="Purchase funnel",
    needs=("events", "orders", "order_items", "products"),
    columns=_columns,
)
def funnel(shop: "Shop", mall: Mall) -> Outcome:
    """View, cart, purchase: how many members and sessions reach each step, overall, by month and by product.

    One row a level, unit and key, ordered by them.

    Columns: level (total|month|product), unit (member|session), key ("전체", "YYYY-MM" or product_no), name, views,
    carts, purchases (units that reached the step in order), out_of_order (units with a later step without the one
    before), view_to_cart, cart_to_purchase and view_to_purchase, each with its 95 % Wilson bounds; a share of
    nobody is null. Products are the 50 that most members viewed.
    """
    with shop.duckdb(zone=mall.time_zone) as db:
        seen = db.sql(
            "SELECT count(*) AS events, count(member_key) AS known, count(*) FILTER (event = 'purchase') AS bought, "
            "count(*) FILTER (event = 'view' AND member_key IS NOT NULL) AS viewed FROM events"
        ).to_arrow_table().to_pylist()[0]  # fmt: skip
        if not seen["viewed"]:
            return Outcome(_table_of([]), {}, lacking=(Lacking("회원이 상품을 본 기록(events)", 0, MINIMUM_VIEWERS),))
        db.execute(_ACTS_SQL.format(minutes=SESSION_MINUTES), {"zone": mall.time_zone})
        table = _table_of([_steps(db, level, unit) for level, unit in _UNITS])
        table["name"] = _names(db, table)
    whole = table[(table["level"] == "total") & (table["unit"] == "member")].iloc[0]
    lacking = () if whole["views"] >= MINIMUM_VIEWERS else (Lacking("본 회원", int(whole["views"]), MINIMUM_VIEWERS),)
    return Outcome(table, _summary(table, seen), _charts(table), lacking)


def _steps(db: "DuckDBPyConnection", level: str, unit: str) -> "pd.DataFrame":
    key, who = _UNITS[level, unit]
    product = level == "product"
    sql = _STEPS_SQL.format(key=key, who=who, level=level, unit=unit, where="product_no <> ''" if product else "true")
    order = f"views DESC, key LIMIT {PRODUCTS}" if product else "key"
    return db.sql(f"{sql} ORDER BY {order}").to_arrow_table().to_pandas()


def _table_of(parts: "list[pd.DataFrame]") -> "pd.DataFrame":
    """The rows of all levels with their shares."""
    import pandas as pd
    import pyarrow as pa

    empty: pd.DataFrame = pa.schema(list(_columns().items())).empty_table().to_pandas()
    if not parts:
        return empty
    frame = pd.concat(parts, ignore_index=True)
    steps = {"view_to_cart": ("carts", "views"), "cart_to_purchase": ("purchases", "carts"),
             "view_to_purchase": ("purchases", "views")}  # fmt: skip
    for share, (of, out) in steps.items():
        value, low, high = wilson_columns(frame[of].to_numpy(float), frame[out].to_numpy(float))
        frame[share], frame[f"{share}_low"], frame[f"{share}_high"] = value, low, high
    frame["name"] = frame["key"]
    return frame.sort_values(["level", "unit", "key"], ignore_index=True)[list(_columns())]


def _names(db: "DuckDBPyConnection", table: "pd.DataFrame") -> "pd.Series[Any]":
    """Names of products; other keys name themselves."""
    found = db.sql("SELECT product_no, product_name FROM known_products").to_arrow_table().to_pydict()
    names = {no: name for no, name in zip(found["product_no"], found["product_name"], strict=True) if name}
    return table["key"].where(table["level"] != "product", table["key"].map(lambda key: names.get(key, key)))


def _summary(table: "pd.DataFrame", seen: dict[str, Any]) -> dict[str, Any]:
    """The shop's funnel by unit, the last months, and the seen products that fewest put in the cart."""

    def row(one: "Mapping[Any, Any]") -> dict[str, Any]:
        shares = [name for name in _columns() if "_to_" in name]
        return {
            "name": str(one["name"]),
            **{name: int(one[name]) for name in ("views", "carts", "purchases", "out_of_order")},
            **{name: None if one[name] != one[name] else round(float(one[name]), 6) for name in shares},
        }

    def rows(level: str, unit: str = "member") -> "list[dict[Any, Any]]":
        return table[(table["level"] == level) & (table["unit"] == unit)].to_dict("records")

    watched = [one for one in rows("product") if one["views"] >= MINIMUM_VIEWERS]
    return {
        "members": row(rows("total")[0]),
        "sessions": row(rows("total", "session")[0]),
        "months": [row(one) for one in rows("month")[-12:]],
        "least_carted": [row(one) for one in sorted(watched, key=lambda o: (o["view_to_cart_high"], o["key"]))[:5]],
        "events": int(seen["events"]),
        "events_without_member": int(seen["events"] - seen["known"]),
        "purchases_from": "events" if seen["bought"] else "orders",
    }


def _charts(table: "pd.DataFrame") -> dict[str, str]:
    from cafe24_pipelines.crm import charts

    whole = table[(table["level"] == "total") & (table["unit"] == "member")].iloc[0]
    months = table[(table["level"] == "month") & (table["unit"] == "member")].tail(24)
    drawn = {
        "steps": charts.bars(
            ["보기", "담기", "구매"], [whole["views"], whole["carts"], whole["purchases"]],
            title="구매 퍼널(회원)", x="회원 수",
        )
    }  # fmt: skip
    if len(months) > 1:
        at = list(range(len(months)))
        drawn["months"] = charts.curves(
            [
                charts.Line(name, at, months[share], months[f"{share}_low"], months[f"{share}_high"])
                for name, share in (("보기→담기", "view_to_cart"), ("담기→구매", "cart_to_purchase"))
            ],
            title="월별 전환율", x=f"{months['key'].iloc[0]}부터 지난 달", y="전환율",
        )  # fmt: skip
    return drawn
