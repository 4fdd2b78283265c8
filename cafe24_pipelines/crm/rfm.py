"""RFM: how recently, how often and for how much each member bought, as quintiles, segments and actions.

The quintiles compare members of one mall with each other on one day, the mall's last day of orders. Guests and
members without a sale are not scored. Does not belong here: predictions (a score describes, it doesn't forecast)
or sending anything to anybody.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.crm.analysis import Lacking, Outcome, analysis

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    import pyarrow as pa

    from cafe24_pipelines.crm.shop import Shop


@dataclass(frozen=True)
class Segment:
    """A named part of the R x FM grid and the one thing to do about it."""

    name: str
    action: str


_CHAMPION = Segment("챔피언", "신상품을 먼저 보여 주고 후기와 추천을 부탁하세요.")
_LOYAL = Segment("충성 고객", "등급 혜택을 알리고 함께 사기 좋은 상품을 제안하세요.")
_POTENTIAL = Segment("잠재 충성", "다음 구매에 쓸 적립금을 기한과 함께 안내하세요.")
_NEW = Segment("신규", "첫 구매 감사와 사용법을 보내고 두 번째 구매 쿠폰을 주세요.")
_ATTENTION = Segment("관심 필요", "본 상품과 산 상품을 바탕으로 기간 한정 제안을 보내세요.")
_FADING = Segment("휴면 예정", "인기 상품과 함께 짧은 재방문 쿠폰을 보내세요.")
_AT_RISK = Segment("이탈 위험", "왜 뜸해졌는지 묻고 되돌아올 이유가 되는 혜택을 주세요.")
_CANT_LOSE = Segment("놓치면 안 될 고객", "담당자가 직접 연락해 불편을 듣고 맞춤 혜택을 제안하세요.")
_DORMANT = Segment("휴면", "비용이 적은 채널로 한두 번만 알리고, 반응이 없으면 발송을 멈추세요.")

# Rows: R from 5 (most recent) to 1. Columns: FM (mean of F and M, halves up) from 1 to 5.
_GRID: Final[tuple[tuple[Segment, ...], ...]] = (
    (_NEW, _POTENTIAL, _POTENTIAL, _LOYAL, _CHAMPION),
    (_NEW, _POTENTIAL, _POTENTIAL, _LOYAL, _CHAMPION),
    (_FADING, _ATTENTION, _ATTENTION, _LOYAL, _LOYAL),
    (_DORMANT, _FADING, _AT_RISK, _AT_RISK, _CANT_LOSE),
    (_DORMANT, _DORMANT, _AT_RISK, _AT_RISK, _CANT_LOSE),
)

SEGMENTS: Final[dict[str, Segment]] = {s.name: s for row in _GRID for s in row}
"""Every segment by name, in the grid's order."""

_BASE_SQL: Final = """
    WITH last_day AS (SELECT max(ordered_local)::DATE AS as_of FROM order_facts)
    SELECT member_key,
           date_diff('day', max(ordered_local) FILTER (is_sale)::DATE, (SELECT as_of FROM last_day)) AS recency_days,
           count(*) FILTER (is_sale) AS frequency,
           sum(net_amount)::DECIMAL(20, 4) AS monetary
    FROM order_facts WHERE member_key IS NOT NULL
    GROUP BY member_key HAVING count(*) FILTER (is_sale) > 0
    ORDER BY member_key"""


def segment_of(r: int, f: int, m: int) -> Segment:
    """The segment of three scores from 1 to 5; every combination has exactly one."""
    fm = (f + m + 1) // 2
    return _GRID[5 - r][fm - 1]


def _columns() -> "Mapping[str, pa.DataType]":
    from cafe24_pipelines.stores.schemas import INT, MONEY, TEXT

    return {
        "member_key": TEXT, "recency_days": INT, "frequency": INT, "monetary": MONEY,
        "r": INT, "f": INT, "m": INT, "segment": TEXT, "action": TEXT,
    }  # fmt: skip


@analysis(name="rfm", title_ko="RFM", title_en="RFM", needs=("orders", "order_items", "customers"), columns=_columns)
def rfm(shop: "Shop", mall: Mall) -> Outcome:
    """Recency, frequency and monetary scores of every buyer, with a named segment and an action.

    One row a member with at least one sale, ordered by `member_key`.

    Columns: member_key, recency_days (whole local days up to the mall's last day of orders), frequency (sales),
    monetary (Decimal, sales less credits), r, f, m (1 to 5, 5 is best), segment, action. Equal values always get
    equal scores: F and M count the members strictly below, so a single purchase scores 1 however common it is;
    R counts the members at least as long ago, so the latest day scores 5.
    """
    import numpy as np

    frame = shop.query(_BASE_SQL, zone=mall.time_zone).to_pandas()
    n = len(frame)
    days = frame["recency_days"].astype("int64")
    frame["recency_days"], frame["frequency"] = days, frame["frequency"].astype("int64")
    frame["r"] = np.ceil(5 * days.rank(method="max", ascending=False) / max(n, 1)).astype(int)
    for score, column in (("f", "frequency"), ("m", "monetary")):
        below = frame[column].astype(float).rank(method="min") - 1
        frame[score] = (np.floor(5 * below / max(n, 1)) + 1).astype(int)
    scores = zip(*(frame[name].tolist() for name in ("r", "f", "m")), strict=True)
    found = [segment_of(r, f, m) for r, f, m in scores]
    frame["segment"] = [s.name for s in found]
    frame["action"] = [s.action for s in found]
    if frame.empty:
        return Outcome(frame, {}, lacking=(Lacking("회원의 구매", 0, 1),))
    return Outcome(frame, _summary(frame), {"grid": _grid_chart(frame)})


def rfm_segments(frame: "pd.DataFrame") -> "pd.DataFrame":
    """One row a segment, also for empty ones: segment, customers, share, revenue (Decimal), recency_days, action.

    `frame` is the result of `rfm`; `recency_days` is the segment's median (NaN when it is empty).
    """
    from decimal import Decimal

    import pandas as pd

    rows = []
    for name, segment in SEGMENTS.items():
        part = frame[frame["segment"] == name]
        rows.append(
            {
                "segment": name,
                "customers": len(part),
                "share": len(part) / len(frame) if len(frame) else 0.0,
                "revenue": sum(part["monetary"], Decimal(0)),
                "recency_days": float(part["recency_days"].median()) if len(part) else float("nan"),
                "action": segment.action,
            }
        )
    return pd.DataFrame(rows)


def _summary(frame: "pd.DataFrame") -> dict[str, Any]:
    segments = rfm_segments(frame)
    return {
        "customers": len(frame),
        "revenue": float(sum(frame["monetary"])),
        "segments": [
            {
                "segment": str(row["segment"]), "customers": int(row["customers"]), "share": float(row["share"]),
                "revenue": float(row["revenue"]), "action": str(row["action"]),
                "recency_days": float(row["recency_days"]) if row["customers"] else None,
            }
            for row in segments.to_dict("records")
        ],
    }  # fmt: skip


def _grid_chart(frame: "pd.DataFrame") -> str:
    """Buyers by recency and by the mean of frequency and money."""
    import numpy as np

    from cafe24_pipelines.crm.charts import heat_map

    grid = np.zeros((5, 5))
    np.add.at(grid, (5 - frame["r"], (frame["f"] + frame["m"] + 1) // 2 - 1), 1)
    scores = [str(score) for score in range(1, 6)]
    return heat_map(
        grid,
        scores[::-1],
        scores,
        title="RFM: 구매 회원 수",
        x="FM(빈도와 금액의 평균)",
        y="R(최근성)",
        form="{:,.0f}",
    )
