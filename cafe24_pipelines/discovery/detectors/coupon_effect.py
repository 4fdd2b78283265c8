"""Coupon effect: do members who were sent a coupon order within 30 days more often than those who were not?

A coupon sent to many members on one day is a wave. Pre-declared statistic, for every coupon with enough waves: the
Mantel-Haenszel difference of the shares with a sale in the 30 days after the wave, issued against eligible and not
issued, within wave x days since the last order x number of orders before. Eligible is who was a member then. Null:
within such a stratum who got it has nothing to do with who buys (Cochran-Mantel-Haenszel, the permutation variance
given each stratum's margins); every judged coupon is a finding, so nothing is picked. Balance: within strata,
earlier orders, spend and age of membership must not differ by more than a tenth of a standard deviation; else the
coupon was not sent at random, and the finding says so. Does not belong here: who used a coupon (users buy by
definition), coupons sent one by one (joining, birthday: there is no one at the same moment who got none).
"""

from typing import TYPE_CHECKING

from cafe24_pipelines.discovery.context import DiscoveryContext, quoted
from cafe24_pipelines.discovery.registry import Finding, Findings, Shortage, detector
from cafe24_pipelines.discovery.statistics import Estimate, cochran_mantel_haenszel, mantel_haenszel
from cafe24_pipelines.korean import particle

if TYPE_CHECKING:
    import pandas as pd

NAME = "coupon_effect"
MINIMUM = 200
MINIMUM_ARM = 50
_LEAST_BUYERS = 10  # of both arms together
DAYS = 30
_FORTNIGHT = 15 * 86_400_000_000  # microseconds: days counted by midnights would mix members of two strata
_WAVE = 30  # members sent a coupon on one day: fewer are no wave
_MOST_WAVES = 12
_MOST_COUPONS = 5
_MOST_ISSUED = 8  # coupons looked at
_UNLIKE = 0.1  # standard deviations
_BY_CHANCE = 2.94  # standard errors: 1 in 100 random sendings goes beyond in any of the three traits
_TRAITS = {"orders": "이전 주문 수", "spent": "이전 구매액", "tenure": "가입 기간"}

# One row a wave, stratum and arm: members, how many bought, and sums of what was known before the wave.
_WAVES_SQL = f"""
    WITH waves AS (SELECT coupon_no, (issued_at AT TIME ZONE '{{zone}}')::DATE AS wave, min(issued_at) AS sent
                   FROM coupon_issues WHERE coupon_no IN (SELECT coupon_no FROM coupon_issues GROUP BY coupon_no
                                                          ORDER BY count(*) DESC, coupon_no LIMIT {_MOST_ISSUED})
                   GROUP BY ALL HAVING count(DISTINCT member_key) >= {_WAVE}),
         kept AS (SELECT * FROM waves
                  WHERE sent + INTERVAL {DAYS} DAY <= (SELECT max(ordered_at) FROM orders)
                  QUALIFY row_number() OVER (PARTITION BY coupon_no ORDER BY sent DESC) <= {_MOST_WAVES}),
         members AS (SELECT c.member_key, any_value(c.group_no) AS tier,
                            least(min(c.created_at), min(o.ordered_at)) AS since
                     FROM known_customers c LEFT JOIN orders o USING (member_key) GROUP BY c.member_key),
         history AS (SELECT w.coupon_no, w.wave, o.member_key,
                            max(o.ordered_at) FILTER (o.ordered_at <= w.sent) AS last,
                            count(*) FILTER (o.ordered_at <= w.sent) AS orders,
                            coalesce(sum(greatest(o.net_amount, 0)) FILTER (o.ordered_at <= w.sent), 0)::DOUBLE
                                AS spent,
                            bool_or(o.is_sale AND o.ordered_at > w.sent
                                    AND o.ordered_at <= w.sent + INTERVAL {DAYS} DAY) AS bought
                     FROM kept w JOIN order_facts o ON o.ordered_at <= w.sent + INTERVAL {DAYS} DAY
                     WHERE o.member_key IS NOT NULL GROUP BY ALL),
         issued AS (SELECT DISTINCT coupon_no, (issued_at AT TIME ZONE '{{zone}}')::DATE AS wave, member_key
                    FROM coupon_issues),
         people AS (SELECT w.coupon_no, w.wave, w.sent, coalesce(m.tier, '') AS tier,
                           i.member_key IS NOT NULL AS issued,
                           coalesce(h.bought, false) AS bought, ln(1 + coalesce(h.orders, 0)) AS orders,
                           ln(1 + coalesce(h.spent, 0)) AS spent, ln(1 + date_diff('day', m.since, w.sent)) AS tenure,
                           coalesce(least((epoch_us(w.sent) - epoch_us(h.last)) // {_FORTNIGHT}, 13), 14) * 4
                               + least(coalesce(h.orders, 0), 3) AS stratum
                    FROM kept w JOIN members m ON m.since <= w.sent
                    LEFT JOIN history h USING (coupon_no, wave, member_key)
                    LEFT JOIN issued i USING (coupon_no, wave, member_key))
    SELECT coupon_no, wave, stratum, {{tier}} AS tier, issued, count(*) AS n, count(*) FILTER (bought) AS k,
           sum(orders) AS orders, sum(orders ** 2) AS orders2, sum(spent) AS spent, sum(spent ** 2) AS spent2,
           sum(tenure) AS tenure, sum(tenure ** 2) AS tenure2
    FROM people GROUP BY ALL ORDER BY coupon_no, wave, stratum, tier, issued"""

_EVIDENCE_SQL = """
    SELECT coupon_no, wave, issued, sum(n)::BIGINT AS members, sum(k)::BIGINT AS bought_in_30_days,
           (sum(k) / sum(n))::DOUBLE AS share
    FROM (SELECT *, count(*) OVER (PARTITION BY coupon_no, wave, stratum) AS arms FROM ({waves}))
    WHERE arms = 2 AND coupon_no = {coupon} GROUP BY coupon_no, wave, issued ORDER BY wave DESC, issued"""


@detector(name=NAME, kind="cross_domain", title_ko="쿠폰 효과", minimum_sample=MINIMUM)
def find(context: DiscoveryContext) -> Findings:
    """For every coupon sent in waves: sales within 30 days, issued against eligible and not issued."""
    rows = context.sql(_waves(context, tier=True))
    pooled = _both_arms(_pooled(rows))
    found = []
    if len(pooled):
        buyers = pooled.groupby("coupon_no")["k"].transform("sum")
        pooled = pooled[buyers >= _LEAST_BUYERS]
    arms = pooled.groupby(["coupon_no", "issued"])["n"].sum().unstack(fill_value=0)
    if {True, False} <= set(arms.columns):
        enough = arms[(arms[True] >= MINIMUM_ARM) & (arms[False] >= MINIMUM_ARM)]
        chosen = enough[True].sort_values(ascending=False, kind="stable").index[:_MOST_COUPONS]
        for coupon in sorted(str(c) for c in chosen):
            found.append(_finding(context, coupon, pooled[pooled["coupon_no"] == coupon], rows))
    most = int(arms.min(axis=1).max()) if arms.shape[1] == 2 and len(arms) else 0
    return found or Shortage(most, MINIMUM_ARM, "같은 날 쿠폰을 받은 회원과, 조건이 비슷하지만 받지 않은 회원")


def _waves(context: DiscoveryContext, *, tier: bool) -> str:
    return _WAVES_SQL.format(zone=context.mall.time_zone, tier="tier" if tier else "''")


def _pooled(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Rows summed over tiers."""
    return rows.drop(columns="tier").groupby(["coupon_no", "wave", "stratum", "issued"], as_index=False).sum()


def _both_arms(rows: "pd.DataFrame", *by: str) -> "pd.DataFrame":
    """The strata in which some members got the coupon and some did not."""
    keys = ["coupon_no", "wave", "stratum", *by]
    return rows[rows.groupby(keys)["issued"].transform("nunique") == 2] if len(rows) else rows


def _strata(rows: "pd.DataFrame", *by: str) -> list[tuple[int, int, int, int]]:
    """(bought, members) of those issued, then of the others, in every stratum."""
    table = rows.set_index(["wave", "stratum", *by, "issued"])[["k", "n"]].unstack("issued")
    order = [("k", True), ("n", True), ("k", False), ("n", False)]
    return [(int(a), int(b), int(c), int(d)) for a, b, c, d in table[order].itertuples(index=False, name=None)]


def _finding(context: DiscoveryContext, coupon: str, rows: "pd.DataFrame", all_rows: "pd.DataFrame") -> Finding:
    strata = _strata(rows)
    estimate = mantel_haenszel(strata)
    issued, others = sum(s[1] for s in strata), sum(s[3] for s in strata)
    listed = context.sql("SELECT coupon_name FROM coupons WHERE coupon_no = $coupon", coupon=coupon)
    name = str(listed["coupon_name"].iloc[0]) if len(listed) else coupon
    less = estimate.value < 0
    points = abs(estimate.value) * 100
    tiers = _both_arms(all_rows[all_rows["coupon_no"] == coupon], "tier")
    return Finding(
        subject=f"coupon:{coupon}",
        title=(
            f"'{name}'{particle(name, '을(를)')} 받은 회원은 {DAYS}일 안 구매율이 {points:.1f}%p "
            f"{'낮습니다' if less else '높습니다'}"
        ),
        effect="purchase_30d_difference",
        estimate=estimate,
        null=(0.0, 0.0),
        p=cochran_mantel_haenszel(strata),
        n=issued + others,
        halves=_halves(rows),
        evidence=context.evidence(_EVIDENCE_SQL.format(waves=_waves(context, tier=False), coupon=quoted(coupon))),
        summary=(
            f"같은 날, 마지막 주문 뒤 지난 날수와 주문 수가 비슷한 회원끼리 받은 {issued:,}건과 "
            f"받지 않은 {others:,}건을 견주었습니다. 쿠폰을 쓴 사람이 아니라 받은 사람 전체의 차이입니다."
        ),
        action=(
            f"'{name}'{particle(name, '은(는)')} 매번 일부 회원을 빼고 보내 효과를 다시 재고, "
            "할인 비용이 늘어난 매출보다 크면 멈추세요."
        ),
        caution=_unbalanced(rows) or _by_tier(tiers, estimate),
    )


def _halves(rows: "pd.DataFrame") -> tuple[float, float]:
    """The difference in the earlier and the later half of the waves' members; 0 when a half has no wave."""
    by_wave = rows.groupby("wave")["n"].sum().sort_index()
    before = by_wave.cumsum() - by_wave / 2 <= by_wave.sum() / 2
    parts = [rows[rows["wave"].isin(before.index[before == flag])] for flag in (True, False)]
    values = [mantel_haenszel(_strata(part)).value if len(part) else 0.0 for part in parts]
    return values[0], values[1]


def _unbalanced(rows: "pd.DataFrame") -> str:
    """A Korean caution when those issued differed before the wave, within strata, else ""."""
    import numpy as np

    a, b = rows[rows["issued"]], rows[~rows["issued"]]
    n1, n2 = a["n"].to_numpy(float), b["n"].to_numpy(float)
    weight = n1 * n2 / (n1 + n2)
    unlike = []
    for trait, korean in _TRAITS.items():
        x1, x2 = a[trait].to_numpy(float), b[trait].to_numpy(float)
        ss = a[f"{trait}2"].to_numpy(float) - x1**2 / n1 + b[f"{trait}2"].to_numpy(float) - x2**2 / n2
        sd = (max(float(ss.sum()), 0.0) / max(float((n1 + n2 - 2).sum()), 1.0)) ** 0.5
        difference = float(np.sum(weight * (x1 / n1 - x2 / n2)) / weight.sum())
        if sd > 1e-9 and abs(difference) / sd > _UNLIKE and abs(difference) / sd * weight.sum() ** 0.5 > _BY_CHANCE:
            unlike.append(korean)
    if not unlike:
        return ""
    return (
        f"받은 회원과 받지 않은 회원이 보내기 전부터 달라({', '.join(unlike)}) 무작위로 보낸 것으로 볼 수 없습니다."
    )


def _by_tier(rows: "pd.DataFrame", estimate: Estimate) -> str:
    strata = _strata(rows, "tier") if len(rows) else []
    if not strata or mantel_haenszel(strata).value * estimate.value >= 0:
        return ""
    return "등급별로 나누어 합치면 방향이 뒤집힙니다(심슨의 역설)."
