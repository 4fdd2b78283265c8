"""Who could have got a coupon when it was sent, who got it, and what both did in the 30 days from then.

A wave is one coupon's issues of one local day. Of what the analysis of response compares, this makes the rows: one a
wave and eligible member, in a temporary table, and their sums a wave. Does not belong here: what the sums mean.
"""

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyConnection

FOLLOW_DAYS: Final = 30
WAVE_ISSUES: Final = 20
"""Issues of a coupon on one day that make a sending of it; fewer are a stream (a birthday, a sign-up)."""

WAVES: Final = 12
"""Latest sendings of a coupon that are compared."""

PAIRS: Final = 5_000_000
"""Members times waves that are looked at; where there are more, a fixed sample of the members is."""

BUCKETS: Final = 200
COVARIATES: Final = ("recency", "never_ordered", "frequency", "spend", "tenure")

COUPONS_SQL: Final = """
    SELECT coalesce(c.coupon_no, i.coupon_no) AS coupon_no,
           coalesce(nullif(c.coupon_name, ''), c.coupon_no, i.coupon_no) AS coupon_name,
           coalesce(i.issued, 0) AS issued, coalesce(i.used, 0) AS used
    FROM coupons c FULL JOIN (
        SELECT coupon_no, count(*) AS issued,
               count(*) FILTER (used_at IS NOT NULL OR used_order_id IS NOT NULL) AS used
        FROM coupon_issues GROUP BY coupon_no) i ON c.coupon_no = i.coupon_no
    ORDER BY 1"""

_WAVES_SQL: Final = """
    CREATE TEMP TABLE waves AS
    SELECT * FROM (
        SELECT coupon_no, (issued_at AT TIME ZONE $zone)::DATE AS day, min(issued_at) AS start
        FROM coupon_issues GROUP BY ALL
        HAVING count(*) >= {issues} AND min(issued_at) + INTERVAL {days} DAY <= (SELECT max(ordered_at) FROM orders))
    QUALIFY row_number() OVER (PARTITION BY coupon_no ORDER BY day DESC) <= {waves}"""

_UNITS_SQL: Final = (
    # what each member had ordered and paid by each time at which they ordered
    """
    CREATE TEMP TABLE history AS
    SELECT member_key, ordered_at, sum(sales) OVER w AS sales, sum(net) OVER w AS net
    FROM (SELECT member_key, ordered_at, count(*) FILTER (is_sale) AS sales, sum(net_amount) AS net
          FROM order_facts WHERE member_key IS NOT NULL GROUP BY member_key, ordered_at)
    WINDOW w AS (PARTITION BY member_key ORDER BY ordered_at)""",
    """
    CREATE TEMP TABLE members AS
    SELECT k.member_key, least(k.created_at, h.first) AS joined
    FROM known_customers k
    LEFT JOIN (SELECT member_key, min(ordered_at) AS first FROM history GROUP BY member_key) h USING (member_key)
    WHERE joined IS NOT NULL AND md5_number_lower(k.member_key) % $one_of = 0""",
    """
    CREATE TEMP TABLE units AS
    WITH issued AS (
        SELECT DISTINCT coupon_no, member_key, (issued_at AT TIME ZONE $zone)::DATE AS day FROM coupon_issues
    ), pairs AS (
        SELECT w.coupon_no, w.day, w.start, w.start + INTERVAL {days} DAY AS finish, m.member_key, m.joined
        FROM waves w JOIN members m ON m.joined <= w.start
        WHERE NOT EXISTS (SELECT 1 FROM issued e WHERE e.coupon_no = w.coupon_no AND e.member_key = m.member_key
                          AND e.day < w.day AND e.day >= w.day - {days})
    ), known AS (
        SELECT p.*, h.ordered_at AS last, coalesce(h.sales, 0) AS sales, coalesce(h.net, 0) AS net
        FROM pairs p ASOF LEFT JOIN history h ON p.member_key = h.member_key AND p.start >= h.ordered_at
    )
    SELECT k.coupon_no, k.day, k.member_key, i.member_key IS NOT NULL AS treated,
           epoch(k.start - k.last) / 86400 AS quiet, k.last IS NULL AS never, k.sales AS before,
           k.net::DOUBLE AS spent, epoch(k.start - k.joined) / 86400 AS tenure,
           coalesce(h.sales, 0) > k.sales AS ordered, coalesce(h.net, 0) - k.net AS revenue
    FROM known k ASOF LEFT JOIN history h ON k.member_key = h.member_key AND k.finish >= h.ordered_at
    LEFT JOIN issued i ON i.coupon_no = k.coupon_no AND i.day = k.day AND i.member_key = k.member_key""",
    # Common support, over all waves of a coupon (one wave's own extremes would cut its hold-out, not its issued): the
    # hold-out within what the issued span, who never ordered only if some issued never did; then the other way round.
    *(
        """
    CREATE TEMP TABLE {made} AS
    WITH span AS (
        SELECT coupon_no, min(quiet) AS q0, max(quiet) AS q1, bool_or(never) AS never, min(before) AS b0,
               max(before) AS b1, min(spent) AS s0, max(spent) AS s1, min(tenure) AS t0, max(tenure) AS t1
        FROM {among} WHERE treated = {of} GROUP BY coupon_no
    )
    SELECT u.* FROM {among} u JOIN span s USING (coupon_no)
    WHERE u.treated = {of} OR (
        (CASE WHEN u.never THEN s.never ELSE u.quiet BETWEEN s.q0 AND s.q1 END) AND u.before BETWEEN s.b0 AND s.b1
        AND u.spent BETWEEN s.s0 AND s.s1 AND u.tenure BETWEEN s.t0 AND s.t1)""".replace("{made}", made)
        .replace("{among}", among)
        .replace("{of}", of)
        for made, among, of in (("reached", "units", "true"), ("supported", "reached", "false"))
    ),
    """
    CREATE TEMP TABLE eligible AS
    SELECT coupon_no, day, member_key, treated, ordered, revenue, coalesce(ln(1 + quiet), 0) AS recency,
           never::INTEGER AS never_ordered, ln(1 + before) AS frequency, ln(1 + greatest(spent, 0)) AS spend,
           ln(1 + tenure) AS tenure
    FROM supported""",
)

_MONEY_SQL: Final = """
    SELECT coupon_no, day, treated, (md5_number_lower(member_key) // 1000 % {buckets})::INTEGER AS bucket,
           count(*) AS n, sum(revenue)::DOUBLE AS total FROM eligible GROUP BY ALL
    ORDER BY coupon_no, day, treated, bucket"""


def prepare(db: "DuckDBPyConnection", zone: str) -> int:
    """Make `eligible`, one row a wave and eligible member; the answer says that one of so many members is in it."""
    params: dict[str, Any] = {"zone": zone, "one_of": 1}
    for sql in (_WAVES_SQL, *_UNITS_SQL):
        text = sql.format(issues=WAVE_ISSUES, days=FOLLOW_DAYS, waves=WAVES)
        db.execute(text, {name: value for name, value in params.items() if f"${name}" in text})
        if sql is _WAVES_SQL:
            pairs = "SELECT (SELECT count(*) FROM known_customers) * (SELECT count(*) FROM waves)"
            params["one_of"] = max(1, -(-int(db.sql(pairs).fetchall()[0][0]) // PAIRS))
    return int(params["one_of"])


def sums(db: "DuckDBPyConnection") -> "tuple[pd.DataFrame, pd.DataFrame]":
    """Of `eligible`: one row a wave that has both arms (counts and moments of what was known before), and one a wave,
    arm and bucket of members (units and money)."""
    pairs = [(a, b) for a in COVARIATES for b in COVARIATES]
    moments = ", ".join(
        [f"sum({a}) AS sum_{a}, coalesce(sum({a}) FILTER (treated), 0) AS of_{a}" for a in COVARIATES]
        + [f"sum({a}::DOUBLE * {b}) AS {a}_x_{b}" for a, b in pairs]
    )
    waves = db.sql(
        f"""SELECT coupon_no, day, count(*) AS n, count(*) FILTER (treated) AS n1,
            count(*) FILTER (ordered AND treated) AS k1, count(*) FILTER (ordered AND NOT treated) AS k0, {moments}
        FROM eligible GROUP BY coupon_no, day HAVING n1 > 0 AND n1 < n ORDER BY coupon_no, day"""
    )
    money = db.sql(_MONEY_SQL.format(buckets=BUCKETS))
    return waves.to_arrow_table().to_pandas(), money.to_arrow_table().to_pandas()
