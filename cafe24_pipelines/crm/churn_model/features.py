"""What was known of each member on the eve of a cut: a few numbers, by SQL, from rows dated before the cut only.

The lake holds an order's last status, not the day it changed: so a return counts once its order is `SETTLED_DAYS`
old, and an order that is no sale today was none then. Reviews, deliveries and views count from their own time.
Does not belong here: what came after the cut (see `labels.py`), or any model.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyConnection

SETTLED_DAYS: Final = 30
VIEW_DAYS: Final = 60
SEASON_DAYS: Final = 330
"""The season is a feature only when the cuts that are trained on span so many days: else it stands for one date."""

KNOWN: Final = (
    "recency_days", "recency_ratio", "frequency", "recent_frequency", "money", "tenure_days", "breadth",
    "return_share", "coupon_share", "last_rating", "last_delay_days", "views_since",
)  # fmt: skip
SEASON: Final = ("season_sin", "season_cos")
FEATURES: Final = (*KNOWN, *SEASON)

_PREPARE_SQL: Final = """
    CREATE TEMP TABLE churn_members AS
    SELECT member_key, (row_number() OVER (ORDER BY member_key))::INTEGER AS member
    FROM (SELECT DISTINCT member_key FROM order_facts WHERE is_sale AND member_key IS NOT NULL);

    CREATE TEMP TABLE churn_orders AS
    SELECT m.member, o.ordered_local::DATE AS day, o.ordered_at, o.is_sale, o.sale_no, o.net_amount,
           o.is_sale AND row_number() OVER (
               PARTITION BY m.member, o.is_sale, o.ordered_local::DATE ORDER BY o.ordered_at, o.order_id
           ) = 1 AS new_day,
           o.is_sale AND o.paid_amount >= 0 AS bought, o.paid_amount < 0 AS credit,
           o.status = 'returned' AND o.paid_amount >= 0 AS returned, o.coupon_no IS NOT NULL AS coupon,
           o.delivered_at, date_diff('minute', o.ordered_at, o.delivered_at) / 1440 AS delay_days
    FROM order_facts o JOIN churn_members m USING (member_key);

    CREATE TEMP TABLE churn_breadth AS
    SELECT m.member, min(l.ordered_local)::DATE AS day
    FROM sale_lines l JOIN churn_members m USING (member_key) GROUP BY m.member, l.product_no;

    CREATE TEMP TABLE churn_ratings AS
    SELECT m.member, r.created_at, r.review_no, r.rating
    FROM reviews r JOIN churn_members m USING (member_key) WHERE r.rating IS NOT NULL;

    CREATE TEMP TABLE churn_views AS
    SELECT m.member, e."at" AS viewed_at FROM events e JOIN churn_members m USING (member_key)
    WHERE e.event IN ('view', 'cart')"""

_SNAPSHOT_SQL: Final = """
    WITH base AS (
        SELECT member,
               date_diff('day', max(day) FILTER (is_sale), $cut::DATE) AS recency_days,
               date_diff('day', min(day) FILTER (is_sale), $cut::DATE) AS tenure_days,
               count(*) FILTER (new_day) AS frequency,
               count(*) FILTER (new_day AND day >= $recent::DATE) AS recent_frequency,
               greatest(sum(net_amount) FILTER (bought OR credit), 0)::DOUBLE AS money,
               (count(*) FILTER (returned AND day < $settled::DATE) + count(*) FILTER (credit))
               / greatest(count(*) FILTER (bought OR (returned AND day < $settled::DATE)), 1) AS returns,
               count(*) FILTER (is_sale AND coupon) / count(*) FILTER (is_sale) AS coupon_share,
               arg_max(delay_days, sale_no) FILTER (is_sale AND delivered_at < $instant) AS last_delay_days,
               max(ordered_at) FILTER (is_sale) AS last_at
        FROM churn_orders WHERE day < $cut::DATE GROUP BY member HAVING count(*) FILTER (is_sale) > 0
    ), shop AS (
        SELECT sum(tenure_days - recency_days) / nullif(sum(frequency - 1), 0) AS gap,
               coalesce((SELECT min(viewed_at) FROM churn_views) <= $views_from, false) AS views_known
        FROM base
    ), breadth AS (
        SELECT member, count(*) AS n FROM churn_breadth WHERE day < $cut::DATE GROUP BY member
    ), rated AS (
        SELECT member, arg_max(rating, (created_at, review_no)) AS rating
        FROM churn_ratings WHERE created_at < $instant GROUP BY member
    ), viewed AS (
        SELECT v.member, count(*) AS n FROM churn_views v JOIN base b USING (member)
        WHERE v.viewed_at >= $views_from AND v.viewed_at < $instant AND v.viewed_at > b.last_at GROUP BY v.member
    )
    SELECT m.member, m.member_key, b.recency_days,
           b.recency_days / ((b.tenure_days - b.recency_days + shop.gap) / b.frequency) AS recency_ratio,
           b.frequency, b.recent_frequency, b.money, b.tenure_days, coalesce(breadth.n, 0) AS breadth,
           least(b.returns, 1) AS return_share, b.coupon_share, rated.rating AS last_rating, b.last_delay_days,
           CASE WHEN shop.views_known THEN coalesce(viewed.n, 0) END AS views_since
    FROM base b JOIN churn_members m USING (member) LEFT JOIN breadth USING (member) LEFT JOIN rated USING (member)
         LEFT JOIN viewed USING (member), shop
    WHERE $share >= 1 OR md5_number_lower(m.member_key || $cut) % 1000000 < $share * 1000000
    ORDER BY m.member"""


def prepare(db: "DuckDBPyConnection") -> None:
    """Read the shop once into slim temporary tables of the connection; members are numbered in order of key."""
    for statement in _PREPARE_SQL.split(";"):
        db.execute(statement)


def members_at(db: "DuckDBPyConnection", cut: date) -> int:
    """How many members had bought before the cut."""
    [(n,)] = db.execute(
        "SELECT count(DISTINCT member) FROM churn_orders WHERE is_sale AND day < $cut::DATE", {"cut": cut.isoformat()}
    ).fetchall()
    return int(n)


def features(db: "DuckDBPyConnection", cut: date, *, horizon: int, zone: str, share: float = 1.0) -> "pd.DataFrame":
    """One row a member who had bought before the cut, by `member`: member_key and `FEATURES` as floats.

    What isn't known is NaN: a rating or a delivery that there never was, views of a time before events were kept.
    `recency_ratio` is the recency over the member's mean gap, which counts the shop's mean gap once as its own (a
    single purchase has no gap). Below 1, `share` keeps members by a hash of key and cut: the same in any order.
    """
    import numpy as np
    import pandas as pd

    instant = datetime.combine(cut, time(), ZoneInfo(zone)).astimezone(UTC)
    asked = {
        "cut": cut.isoformat(), "share": float(share), "instant": instant,
        "recent": (cut - timedelta(days=horizon)).isoformat(),
        "settled": (cut - timedelta(days=SETTLED_DAYS)).isoformat(),
        "views_from": instant - timedelta(days=VIEW_DAYS),
    }  # fmt: skip
    found = db.sql(_SNAPSHOT_SQL, params=asked).to_arrow_table().to_pandas()
    out = pd.DataFrame({"member_key": found["member_key"].to_numpy()}, index=pd.Index(found["member"], name="member"))
    for name in KNOWN:
        out[name] = found[name].to_numpy(dtype=float, na_value=np.nan)
    turn = 2 * np.pi * cut.timetuple().tm_yday / 365.25
    return out.assign(season_sin=np.sin(turn), season_cos=np.cos(turn))
