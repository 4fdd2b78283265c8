"""Campaign response: did a coupon make members buy, or was it used by those who would have bought anyway?

A use rate can't tell. What can is a sending that left out some of those who could have got it: a wave is one
coupon's issues of one day, its eligible members those whose history lies within the range of the issued ones', and
its hold-out the eligible ones who got none. Whether the hold-out can pass as random is tested on what was known
before the wave; where it can't, the difference is called an observation and proves nothing. Both arms are followed
for 30 days from the wave, whatever became of the coupon. `holdout` and `sample_size` serve the next campaign.
Does not belong here: sending, the rows (`campaign_waves.py`) or the arithmetic (`campaign_statistics.py`).
"""

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.crm.analysis import Lacking, Outcome, analysis
from cafe24_pipelines.crm.campaign_waves import BUCKETS, COUPONS_SQL, COVARIATES, prepare, sums

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    import pyarrow as pa

    from cafe24_pipelines.crm.shop import Shop
    from cafe24_pipelines.discovery.statistics import Estimate

MINIMUM_ARM: Final = 50
"""Members, times waves, that each arm needs; and orders in both together."""
MINIMUM_ORDERS: Final = 10

BALANCE_LEVEL: Final = 0.01
LARGEST_DIFFERENCE: Final = 0.25
"""Arms are not random when the joint test rejects at this level, or any standardised difference is larger."""

Q_LEVEL: Final = 0.05
RANDOM, OBSERVED, NO_CONTROL = "무작위로 볼 수 있음", "관찰(무작위 아님)", "비교군 없음"
WORKS, NOT_EXCLUDED, HARMS, UNKNOWN = "효과 있음", "없음을 배제 못함", "역효과", "알 수 없음"


def _columns() -> "Mapping[str, pa.DataType]":
    import pyarrow as pa

    from cafe24_pipelines.stores.schemas import INT, TEXT

    real = pa.float64()
    return {
        "coupon_no": TEXT, "coupon_name": TEXT, "issued": INT, "used": INT,
        **dict.fromkeys(("use_rate", "use_low", "use_high"), real),
        "waves": INT, "n_issued": INT, "n_held_out": INT,
        **dict.fromkeys(("ordered_issued", "ordered_held_out", "lift", "lift_low", "lift_high"), real),
        **dict.fromkeys(("p", "q", "detectable_lift", "revenue_lift", "revenue_low", "revenue_high"), real),
        **{f"difference_{name}": real for name in COVARIATES},
        "balance_p": real, "design": TEXT, "verdict": TEXT,
    }  # fmt: skip


@dataclass(frozen=True)
class _Compared:
    """A coupon's arms over its waves."""

    waves: int
    n: tuple[int, int]
    shares: tuple[float, float]
    lift: "Estimate"
    p: float
    money: "Estimate"
    differences: tuple[float, ...]
    balance_p: float
    orders: int
    q: float | None = None

    @property
    def design(self) -> str:
        if min(self.n) < MINIMUM_ARM:
            return NO_CONTROL
        alike = max(abs(d) for d in self.differences) <= LARGEST_DIFFERENCE
        return RANDOM if alike and self.balance_p >= BALANCE_LEVEL else OBSERVED

    @property
    def testable(self) -> bool:
        return self.design == RANDOM and self.orders >= MINIMUM_ORDERS

    @property
    def verdict(self) -> str:
        if self.q is None:
            return UNKNOWN
        if self.q >= Q_LEVEL:
            return NOT_EXCLUDED
        return WORKS if self.lift.value > 0 else HARMS

    @property
    def detectable(self) -> float:
        """The difference that so many would have shown with power 0.8."""
        base = self.shares[1] if 0 < self.shares[1] < 1 else 0.5 / self.n[1]
        return float(2.801585 * (base * (1 - base) * (1 / self.n[0] + 1 / self.n[1])) ** 0.5)


@analysis(
    name="campaign_response",
    title_ko="쿠폰·캠페인 반응",
    title_en="Campaign response",
    needs=("coupons", "coupon_issues", "orders", "customers"),
    columns=_columns,
)
def campaign_response(shop: "Shop", mall: Mall) -> Outcome:
    """What each coupon brought: its use, and the orders within 30 days of issued members against held-out ones.

    One row a coupon, ordered by `coupon_no`.

    Columns: coupon_no, coupon_name, issued, used, use_rate with 95 % Wilson bounds, waves compared, n_issued and
    n_held_out (eligible members, times waves), ordered_issued and ordered_held_out (shares with a sale within 30
    days, over the same mix of waves), lift (their difference) with Newcombe bounds, p (Cochran-Mantel-Haenszel over
    waves), q (Benjamini-Hochberg over testable coupons), detectable_lift (at power 0.8), revenue_lift (net revenue
    a member within 30 days) with bootstrap bounds, difference_* (standardised, before the wave), balance_p (joint),
    design (무작위로 볼 수 있음|관찰(무작위 아님)|비교군 없음), verdict
    (효과 있음|없음을 배제 못함|역효과|알 수 없음). Only a design that can pass as random gets a q and a verdict other
    than "알 수 없음".
    """
    with shop.duckdb(zone=mall.time_zone) as db:
        coupons = db.sql(COUPONS_SQL).to_arrow_table().to_pandas()
        issued = int(coupons["issued"].sum())
        if not issued:
            return Outcome(_table(coupons.iloc[:0], {}), {}, lacking=(Lacking("발급된 쿠폰", 0, 1),))
        one_of = prepare(db, mall.time_zone)
        waves, money = sums(db)
    parts = dict(iter(money.groupby("coupon_no")))
    compared = _corrected({str(no): _compare(part, parts[no]) for no, part in waves.groupby("coupon_no")})
    table = _table(coupons, compared)
    lacking = () if compared else (Lacking("받은 회원과 받지 않은 대상 회원(각각)", 0, MINIMUM_ARM),)
    return Outcome(table, _summary(table, one_of), _charts(table), lacking)


def _compare(waves: "pd.DataFrame", money: "pd.DataFrame") -> _Compared:
    import numpy as np

    from cafe24_pipelines.crm.campaign_statistics import balance, mean_difference, stratified_newcombe
    from cafe24_pipelines.discovery.statistics import cochran_mantel_haenszel

    n, n1, k1, k0 = (waves[name].to_numpy(int) for name in ("n", "n1", "k1", "k0"))
    alike = balance(
        n, n1, waves[[f"sum_{a}" for a in COVARIATES]], waves[[f"of_{a}" for a in COVARIATES]],
        waves[[f"{a}_x_{b}" for a in COVARIATES for b in COVARIATES]].to_numpy(float).reshape(
            len(waves), len(COVARIATES), len(COVARIATES)),
    )  # fmt: skip
    place = {day: i for i, day in enumerate(waves["day"])}
    kept = money[money["day"].isin(place)]
    cells = (kept["day"].map(place).to_numpy(int), kept["treated"].to_numpy(int), kept["bucket"].to_numpy(int))
    units, total = np.zeros((2, len(waves), 2, BUCKETS))
    units[cells], total[cells] = kept["n"], kept["total"]
    lift = stratified_newcombe(k1, n1, k0, n - n1)
    strata = [(int(a), int(b), int(c), int(d)) for a, b, c, d in zip(k1, n1, k0, n - n1, strict=True)]
    return _Compared(
        len(waves), (int(n1.sum()), int((n - n1).sum())), (lift.treated, lift.rest), lift.difference,
        cochran_mantel_haenszel(strata), mean_difference(units, total, 20260401),
        tuple(round(float(d), 9) for d in alike.differences), round(alike.p, 9), int((k1 + k0).sum()),
    )  # fmt: skip


def _corrected(compared: dict[str, _Compared]) -> dict[str, _Compared]:
    """With q over the coupons that can be tested."""
    from cafe24_pipelines.discovery.statistics import benjamini_hochberg

    tested = [no for no in sorted(compared) if compared[no].testable]
    q = dict(zip(tested, benjamini_hochberg([compared[no].p for no in tested]), strict=True))
    return {no: replace(one, q=q.get(no)) for no, one in compared.items()}


def _table(coupons: "pd.DataFrame", compared: dict[str, _Compared]) -> "pd.DataFrame":
    import pandas as pd
    import pyarrow as pa

    from cafe24_pipelines.discovery.statistics import wilson

    rows = []
    for coupon in coupons.to_dict("records"):
        issued, used = int(coupon["issued"]), int(coupon["used"])
        row: dict[str, Any] = {str(name): value for name, value in coupon.items()}
        row |= {"waves": 0, "n_issued": 0, "n_held_out": 0}
        if issued:
            row |= dict(zip(("use_rate", "use_low", "use_high"), wilson(used, issued), strict=True))
        rows.append(row | _compared_row(compared.get(str(coupon["coupon_no"]))))
    if not rows:
        empty: pd.DataFrame = pa.schema(list(_columns().items())).empty_table().to_pandas()
        return empty
    table = pd.DataFrame(rows).reindex(columns=list(_columns()))
    for name, kind in _columns().items():
        if str(kind) == "double":
            table[name] = table[name].astype(float).round(9)
    return table


def _compared_row(one: _Compared | None) -> dict[str, Any]:
    if one is None:
        return {"design": NO_CONTROL, "verdict": UNKNOWN}
    counts = {"waves": one.waves, "n_issued": one.n[0], "n_held_out": one.n[1]}
    if one.design == NO_CONTROL:
        return {**counts, "design": NO_CONTROL, "verdict": UNKNOWN}
    return {
        **counts,
        "ordered_issued": one.shares[0], "ordered_held_out": one.shares[1],
        "lift": one.lift.value, "lift_low": one.lift.low, "lift_high": one.lift.high,
        "p": one.p, "q": one.q, "detectable_lift": one.detectable,
        "revenue_lift": one.money.value, "revenue_low": one.money.low, "revenue_high": one.money.high,
        **{f"difference_{name}": d for name, d in zip(COVARIATES, one.differences, strict=True)},
        "balance_p": one.balance_p, "design": one.design, "verdict": one.verdict,
    }  # fmt: skip


def _summary(table: "pd.DataFrame", one_of: int) -> dict[str, Any]:
    shown = ("use_rate", "lift", "lift_low", "lift_high", "q", "revenue_lift", "revenue_low", "revenue_high")
    return {
        "coupons": len(table),
        "issued": int(table["issued"].sum()),
        "used": int(table["used"].sum()),
        "members_compared": 1 / one_of,
        "verdicts": {name: int((table["verdict"] == name).sum()) for name in (WORKS, NOT_EXCLUDED, HARMS, UNKNOWN)},
        "by_coupon": [
            {
                "name": str(row["coupon_name"]), "issued": int(row["issued"]), "used": int(row["used"]),
                **{name: None if row[name] != row[name] else round(float(row[name]), 6) for name in shown},
                "n_issued": int(row["n_issued"]), "n_held_out": int(row["n_held_out"]),
                "design": str(row["design"]), "verdict": str(row["verdict"]),
            }
            for row in table.sort_values(["issued", "coupon_no"], ascending=[False, True]).head(50).to_dict("records")
        ],
    }  # fmt: skip


def _charts(table: "pd.DataFrame") -> dict[str, str]:
    from cafe24_pipelines.crm.charts import bars

    shown = table[table["lift"].notna()].sort_values(["lift", "coupon_no"], ascending=[False, True]).head(15)
    if shown.empty:
        return {}
    names = [f"{name} [{verdict}]" for name, verdict in zip(shown["coupon_name"], shown["verdict"], strict=True)]
    return {
        "lift": bars(
            names, shown["lift"] * 100, title="쿠폰을 받은 회원의 30일 구매율 차이", x="%p(95 % 구간)",
            low=shown["lift_low"] * 100, high=shown["lift_high"] * 100,
        )
    }  # fmt: skip


# -- for a campaign about to be sent ---------------------------------------------------------------------------


def holdout(members: "pd.DataFrame", share: float, seed: int, *, strata: "Sequence[str]" = ()) -> "pd.Series[bool]":
    """Who is left out of a campaign: a random `share` of the members, to within one member in each stratum.

    The draw depends on the seed and the members alone: not on the order of rows, and the same again tomorrow.

    Args:
        members: with a column `member_key`, unique, and the columns of `strata` (a segment, a group).
        share: between 0 and 1.

    Returns:
        True for those left out, by the index of `members`.

    Raises:
        ValueError: a share outside 0 to 1, or a member named twice.
    """
    import numpy as np
    import pandas as pd

    if not 0 < share < 1:
        raise ValueError(f"the share held out must lie between 0 and 1, not {share}")
    if members["member_key"].duplicated().any():
        raise ValueError("a member is named twice: a draw would count them twice")
    keys = [hashlib.blake2b(f"{seed}:{key}".encode(), digest_size=16).hexdigest() for key in members["member_key"]]
    frame = pd.DataFrame({"stratum": "", "key": keys}, index=members.index)
    for column in strata:
        frame["stratum"] += members[column].astype(str).str.replace("|", "||") + "|"
    out = pd.Series(False, index=members.index)
    order = np.lexsort((frame["key"], frame["stratum"]))
    # every 1/share-th of members in random order within strata, from a random start
    start = float(np.random.default_rng(seed).random())
    places = np.floor(np.arange(len(order) + 1) * share + start)
    out.iloc[order] = np.diff(places) > 0
    return out


def sample_size(base_rate: float, lift: float, *, share: float = 0.5, power: float = 0.8) -> tuple[int, int]:
    """(members to send to, members to hold out) to see a rate change by `lift`, two-sided at 5 %.

    Args:
        base_rate: the share that buys without the campaign.
        lift: the difference looked for (0.02: two in a hundred more).
        share: held out, of all.

    Raises:
        ValueError: rates outside 0 to 1, no lift, or a share outside 0 to 1.
    """
    import math

    from scipy.stats import norm

    treated = base_rate + lift
    if not (0 < base_rate < 1 and 0 < treated < 1 and lift and 0 < share < 1 and 0.05 < power < 1):
        raise ValueError("rates, share and power must lie between 0 and 1, and the lift must not be 0")
    pooled = share * base_rate + (1 - share) * treated
    null = float(norm.ppf(0.975)) * (pooled * (1 - pooled) / (share * (1 - share))) ** 0.5
    real = (
        float(norm.ppf(power)) * (base_rate * (1 - base_rate) / share + treated * (1 - treated) / (1 - share)) ** 0.5
    )
    total = ((null + real) / lift) ** 2
    return math.ceil(total * (1 - share)), math.ceil(total * share)
