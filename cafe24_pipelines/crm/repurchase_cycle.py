"""Repurchase cycle: how long until a member buys the same product, or from the same category, again.

A spell begins on each local day on which a member bought the product (or from the category) and ends on the next
such day; a member's last spell is still open and is censored on the mall's last day. Kaplan-Meier over spells gives
the share that has bought again after so many days; quartiles describe those who buy again within the horizon, so
that a product that half its buyers never buy twice still has a cycle. A member's spells resemble each other, so
every interval treats the member as the unit: the estimate's influence is summed within a member before it is
squared. Guests can't be followed and are left out. Does not belong here: when one member orders next
(`next_order.py`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.crm.analysis import Lacking, Outcome, analysis

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

    from cafe24_pipelines.crm.shop import Shop

MINIMUM_GAPS: Final = 20
MINIMUM_MEMBERS: Final = 10
"""Finished gaps, and members with one, that a row needs."""

HORIZON_DAYS: Final = 365
AT_RISK: Final = 10
"""A curve is read up to the horizon, or to the last day on which so many spells are still watched."""

LATE: Final = 1.5
"""A purchase is "within the cycle" until so many times the median."""

REMIND_WINDOW: Final = (3, 14)
"""A reminder's day is chosen by purchases within half a median after it, but so many days at least and at most."""

_SHOWN: Final = 12

_SPELLS_SQL: Final = """
    CREATE TEMP TABLE spells AS
    WITH days AS (
        SELECT DISTINCT 'product' AS level, product_no AS key, member_key, ordered_local::DATE AS day
        FROM sale_lines WHERE member_key IS NOT NULL
        UNION ALL
        SELECT DISTINCT 'category', p.category, l.member_key, l.ordered_local::DATE
        FROM sale_lines l JOIN known_products p USING (product_no)
        WHERE l.member_key IS NOT NULL AND p.category IS NOT NULL AND p.category <> ''
    ), followed AS (
        SELECT level, key, member_key, day, lead(day) OVER (PARTITION BY level, key, member_key ORDER BY day) AS again
        FROM days
    )
    SELECT level, key, member_key, again IS NOT NULL AS event,
           (coalesce(again, (SELECT max(ordered_local)::DATE FROM order_facts)) - day)::INTEGER AS days
    FROM followed"""

_COUNTS_SQL: Final = """
    SELECT level, key, days, count(*) FILTER (event) AS events, count(*) AS ended
    FROM spells GROUP BY ALL ORDER BY level, key, days"""

_SIZES_SQL: Final = """
    SELECT s.level, s.key, any_value(coalesce(nullif(p.product_name, ''), s.key)) AS name,
           count(DISTINCT s.member_key) AS members, count(DISTINCT s.member_key) FILTER (s.event) AS repeat_members,
           count(*) FILTER (s.event) AS gaps, count(*) FILTER (NOT s.event) AS open_spells
    FROM spells s LEFT JOIN known_products p ON s.level = 'product' AND p.product_no = s.key
    GROUP BY s.level, s.key ORDER BY s.level, s.key"""

# Influence of a member on the share that bought again by day t, for t = the median (m), 1.5 medians (c) and the
# horizon (h): survival(t) * sum over spells of [event by t / at risk - cumulative hazard over at risk up to t].
_VARIANCE_SQL: Final = """
    WITH spans AS (
        SELECT s.level, s.key, s.member_key, s.event, s.days, p.m, p.c, p.h, p.sm, p.sc, p.sh, p.fh, p.g
        FROM spells s JOIN points p USING (level, key)
    ), parts AS (
        SELECT s.level, s.key, s.member_key, any_value(s.sm) AS sm, any_value(s.sc) AS sc, any_value(s.sh) AS sh,
               any_value(s.fh) AS fh, any_value(s.g) AS g,
               sum(CASE WHEN s.event AND s.days <= s.m THEN 1 / e.at_risk ELSE 0 END - a.spent) AS am,
               sum(CASE WHEN s.event AND s.days <= s.c THEN 1 / e.at_risk ELSE 0 END - b.spent) AS ac,
               sum(CASE WHEN s.event AND s.days <= s.h THEN 1 / e.at_risk ELSE 0 END - d.spent) AS ah
        FROM spans s
        JOIN curve e ON (e.level, e.key, e.days) = (s.level, s.key, s.days)
        JOIN curve a ON (a.level, a.key, a.days) = (s.level, s.key, least(s.days, s.m))
        JOIN curve b ON (b.level, b.key, b.days) = (s.level, s.key, least(s.days, s.c))
        JOIN curve d ON (d.level, d.key, d.days) = (s.level, s.key, least(s.days, s.h))
        GROUP BY s.level, s.key, s.member_key
    )
    SELECT level, key, sqrt(sum(((sm * am - g * sh * ah) / fh) ** 2)) AS se_median,
           sqrt(sum((sc * ac) ** 2)) AS se_cycle, sqrt(sum((sh * ah) ** 2)) AS se_horizon
    FROM parts GROUP BY level, key ORDER BY level, key"""


def _columns() -> "Mapping[str, pa.DataType]":
    import pyarrow as pa

    from cafe24_pipelines.stores.schemas import INT, TEXT

    real = pa.float64()
    return {
        "level": TEXT, "key": TEXT, "name": TEXT, "members": INT, "repeat_members": INT, "gaps": INT,
        "open_spells": INT, "horizon_days": INT, "q1_days": INT, "median_days": INT, "median_low": INT,
        "median_high": INT, "q3_days": INT, "share_within_cycle": real, "share_low": real, "share_high": real,
        "rebuy_share": real, "rebuy_low": real, "rebuy_high": real, "remind_day": INT, "remind_share": real,
        "status": TEXT,
    }  # fmt: skip


@dataclass(frozen=True)
class _Curve:
    """Kaplan-Meier of one product or category on its distinct days, up to its horizon.

    `spent` is the sum of events / at risk^2, the compensator that a spell's influence subtracts.
    """

    days: "NDArray[np.int64]"
    at_risk: "NDArray[np.float64]"
    survival: "NDArray[np.float64]"
    spent: "NDArray[np.float64]"
    horizon: int

    def quantile(self, share: float) -> int:
        """The first day by which `share` of all spells were followed (the horizon if none)."""
        import numpy as np

        at = np.flatnonzero(1 - self.survival >= share - 1e-12)
        return min(int(self.days[at[0]]) if at.size else self.horizon, self.horizon)

    def bought_by(self, day: float) -> float:
        """Share of spells followed by then."""
        import numpy as np

        return float(1 - np.append(1.0, self.survival)[np.searchsorted(self.days, day, side="right")])

    def seen_by(self, day: float) -> int:
        """The last day of the curve that is not after `day`."""
        import numpy as np

        return int(self.days[max(int(np.searchsorted(self.days, day, side="right")) - 1, 0)])


@analysis(
    name="repurchase_cycle",
    title_ko="재구매 주기",
    title_en="Repurchase cycle",
    needs=("orders", "order_items", "products"),
    columns=_columns,
)
def repurchase_cycle(shop: "Shop", mall: Mall) -> Outcome:
    """Days until a member buys a product, or from a category, again, and the best day to remind of it.

    One row a category and a product that members bought, ordered by level and key.

    Columns: level (product|category), key, name, members, repeat_members, gaps (finished), open_spells (censored),
    horizon_days (how far the curve is read), q1_days, median_days, q3_days (of those who buy again within the
    horizon), median_low and median_high (95 %, members as units), share_within_cycle (of all purchases, followed by
    another within 1.5 medians) and its interval, rebuy_share (within the horizon) and its interval, remind_day (the
    day after which half a median, a fortnight at most, brings back the largest share of those who had not bought
    yet) and that remind_share, status (ok|insufficient). Figures of insufficient rows are null.
    """
    with shop.duckdb(zone=mall.time_zone) as db:
        db.execute(_SPELLS_SQL)
        sizes = db.sql(_SIZES_SQL).to_arrow_table().to_pandas()
        enough = sizes[(sizes["gaps"] >= MINIMUM_GAPS) & (sizes["repeat_members"] >= MINIMUM_MEMBERS)]
        counts = db.sql(_COUNTS_SQL).to_arrow_table().to_pandas()
        wanted = set(zip(enough["level"], enough["key"], strict=True))
        curves = {key: _curve(part) for key, part in counts.groupby(["level", "key"]) if key in wanted}
        curves = {key: curve for key, curve in curves.items() if curve.bought_by(curve.horizon) > 0}
        errors = _errors(db, curves)
    table = _table(sizes, curves, errors)
    if table.empty:
        return Outcome(table, {}, lacking=(Lacking("회원의 구매", 0, 1),))
    shown = table[table["status"] == "ok"]
    most = 0 if table.empty else int(table["gaps"].max())
    lacking = () if len(shown) else (Lacking("한 상품이나 분류를 같은 회원이 다시 산 횟수", most, MINIMUM_GAPS),)
    return Outcome(table, _summary(table), _charts(shown, curves), lacking)


def _curve(part: "pd.DataFrame") -> _Curve:
    import numpy as np

    days, events = part["days"].to_numpy(np.int64), part["events"].to_numpy(float)
    ended = part["ended"].to_numpy(float)
    at_risk = ended[::-1].cumsum()[::-1]
    survival = np.cumprod(1 - events / at_risk)
    watched = days[(at_risk >= AT_RISK) & (days <= HORIZON_DAYS)]
    horizon = int(watched[-1]) if watched.size else 0
    return _Curve(days, at_risk, survival, np.cumsum(events / at_risk**2), horizon)


def _errors(
    db: "DuckDBPyConnection", curves: "dict[Any, _Curve]"
) -> "dict[tuple[str, str], tuple[float, float, float]]":
    """Standard errors of (the share bought by the median, of those who buy again; by 1.5 medians; by the horizon)."""
    import numpy as np
    import pandas as pd

    if not curves:
        return {}
    names = ["level", "key", "m", "c", "h", "sm", "sc", "sh", "fh", "g"]
    points, rows = [], []
    for (level, key), c in curves.items():
        returned = c.bought_by(c.horizon)
        median = c.quantile(returned / 2)
        late = min(LATE * median, c.horizon)
        m, cycle = c.seen_by(median), c.seen_by(late)
        at = (1 - c.bought_by(median), 1 - c.bought_by(late), 1 - returned)
        points.append((level, key, m, cycle, c.horizon, *at, returned, c.bought_by(median) / returned))
        rows.append(
            pd.DataFrame({"level": level, "key": key, "days": c.days, "at_risk": c.at_risk, "spent": c.spent})
        )
    db.register("points", pd.DataFrame(points, columns=names))
    db.register("curve", pd.concat(rows, ignore_index=True))
    found = db.sql(_VARIANCE_SQL).to_arrow_table().to_pandas()
    se = np.maximum(found[["se_median", "se_cycle", "se_horizon"]].to_numpy(float), 0.0)
    return {
        (str(level), str(key)): (float(a), float(b), float(c))
        for level, key, (a, b, c) in zip(found["level"], found["key"], se, strict=True)
    }


def _table(sizes: "pd.DataFrame", curves: "dict[Any, _Curve]", errors: "dict[Any, Any]") -> "pd.DataFrame":
    import pandas as pd

    figures = [
        _figures(curves[key], errors[key]) if key in curves else {"status": "insufficient"}
        for key in zip(sizes["level"], sizes["key"], strict=True)
    ]
    more = pd.DataFrame(figures, index=sizes.index).reindex(columns=[c for c in _columns() if c not in sizes])
    for name, kind in _columns().items():
        if name in more and str(kind) == "int64":
            more[name] = more[name].astype(float).astype("Int64")
        elif name in more and str(kind) == "double":
            more[name] = more[name].astype(float).round(6)
    return pd.concat([sizes, more], axis=1)[list(_columns())]


def _figures(curve: _Curve, errors: tuple[float, float, float]) -> dict[str, Any]:
    z = 1.959964
    returned = curve.bought_by(curve.horizon)
    quarter, median, three = (curve.quantile(returned * share) for share in (0.25, 0.5, 0.75))
    cycle = curve.bought_by(min(LATE * median, curve.horizon))
    se_median, se_cycle, se_horizon = errors
    day, share = _remind(curve, median)
    return {
        "horizon_days": curve.horizon, "q1_days": quarter, "median_days": median, "q3_days": three,
        # Woodruff: the interval of the share at the median, read back as days
        "median_low": curve.quantile(returned * max(0.5 - z * se_median, 1e-9)),
        "median_high": curve.quantile(returned * min(0.5 + z * se_median, 1.0)),
        "share_within_cycle": cycle, "share_low": max(cycle - z * se_cycle, 0.0),
        "share_high": min(cycle + z * se_cycle, 1.0),
        "rebuy_share": returned, "rebuy_low": max(returned - z * se_horizon, 0.0),
        "rebuy_high": min(returned + z * se_horizon, 1.0),
        "remind_day": day, "remind_share": share, "status": "ok",
    }  # fmt: skip


def _remind(curve: _Curve, median: int) -> tuple[int, float]:
    """The day t from 1 on with the largest P(buys in (t, t + window] | not by t); the latest of equals."""
    import numpy as np

    window = int(np.clip(round(median / 2), *REMIND_WINDOW))
    days = np.arange(1, max(curve.horizon - window, 1) + 1)
    left = np.append(1.0, curve.survival)[np.searchsorted(curve.days, np.arange(days[-1] + window + 1), side="right")]
    # a few late buyers among the few who are left are no reason to wait a year: half of the buyers must be ahead
    ahead = left[days] >= 1 - curve.bought_by(curve.horizon) / 2
    share = np.where(ahead & (left[days] > 0), 1 - left[days + window] / np.maximum(left[days], 1e-12), -1.0)
    best = int(np.flatnonzero(share >= share.max() - 1e-9)[-1])
    return int(days[best]), float(max(share[best], 0.0))


def _summary(table: "pd.DataFrame") -> dict[str, Any]:
    shown = table[(table["status"] == "ok")].sort_values(["gaps", "key"], ascending=[False, True])

    def rows(level: str) -> list[dict[str, Any]]:
        return [
            {
                "name": str(r["name"]), "median_days": int(r["median_days"]), "low": int(r["median_low"]),
                "high": int(r["median_high"]), "rebuy_share": float(r["rebuy_share"]),
                "share_within_cycle": float(r["share_within_cycle"]), "remind_day": int(r["remind_day"]),
                "gaps": int(r["gaps"]), "members": int(r["members"]),
            }
            for r in shown[shown["level"] == level].head(_SHOWN).to_dict("records")
        ]  # fmt: skip

    return {
        "compared": len(table), "with_cycle": len(shown), "minimum_gaps": MINIMUM_GAPS,
        "minimum_members": MINIMUM_MEMBERS,
        "categories": rows("category"), "products": rows("product"),
    }  # fmt: skip


def _charts(shown: "pd.DataFrame", curves: "dict[Any, _Curve]") -> dict[str, str]:
    """The most repeated categories (products where there is no category): median days, and curves of buying again."""
    import numpy as np

    from cafe24_pipelines.crm import charts

    level = "category" if (shown["level"] == "category").any() else "product"
    rows = shown[shown["level"] == level].sort_values(["gaps", "key"], ascending=[False, True]).head(_SHOWN)
    if rows.empty:
        return {}
    names = [str(name) for name in rows["name"]]
    lines = []
    for name, key in list(zip(names, rows["key"], strict=True))[:5]:
        at = np.arange(0, min(curves[level, key].horizon, 180) + 1)
        lines.append(charts.Line(name, at, [curves[level, key].bought_by(float(day)) for day in at]))
    return {
        "median_days": charts.bars(
            names, rows["median_days"].astype(float), title="재구매 주기(중앙값과 95 % 구간)", x="일",
            low=rows["median_low"].astype(float), high=rows["median_high"].astype(float),
        ),
        "bought_again": charts.curves(lines, title="다시 산 비율", x="구매 뒤 지난 날", y="다시 산 비율"),
    }  # fmt: skip
