"""Why a customer's probability is what it is: the sides of it that move it most, as Korean phrases of a fixed list.

Features that say one thing together (how long ago, measured in days and in the member's own gaps) are one reason:
apart, their signs would only tell how a model shares the work among them. A contribution is the logit less the logit
with those features at their medians: exact for the additive models, the effect of that one change for the boosted
one. A reason gives the customer's own values and the direction; no cause is claimed. Does not belong here: what to
do about it.
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from cafe24_pipelines.crm.churn_model.study import Fitted

TOP: Final = 3
LEAST: Final = 0.1
"""A contribution below this (odds changed by less than a tenth) is no reason."""

PHRASES: Final = {
    "recency_days": "마지막 구매 후 {value:,.0f}일",
    "recency_ratio": "예상 간격의 {value:.1f}배",
    "recent_frequency": "최근 {horizon}일에 {value:,.0f}일 구매",
    "tenure_days": "첫 구매 후 {value:,.0f}일",
    "frequency": "구매한 날 {value:,.0f}일",
    "money": "누적 구매액 {value:,.0f}",
    "breadth": "구매한 상품 {value:,.0f}종",
    "return_share": "반품·취소 비율 {value:.0%}",
    "coupon_share": "쿠폰 사용 비율 {value:.0%}",
    "last_rating": "마지막 평점 {value:.0f}점",
    "last_delay_days": "마지막 배송 {value:.1f}일 걸림",
    "views_since": "마지막 구매 후 조회 {value:,.0f}회",
}
"""What is said of each feature; the season is no reason, because it is the same for every customer of one day."""

SIDES: Final = (
    ("recency_days", "recency_ratio", "recent_frequency"), ("tenure_days", "frequency"), ("money",), ("breadth",),
    ("return_share",), ("coupon_share",), ("last_rating",), ("last_delay_days",), ("views_since",),
)  # fmt: skip
"""Features that are told, and moved to their medians, together."""

HIGHER, LOWER = "위험을 높임", "위험을 낮춤"
_CHUNK: Final = 100_000


def contributions(fitted: "Fitted", rows: "pd.DataFrame", median: "Mapping[str, float | None]") -> "pd.DataFrame":
    """Contribution of each side (a column, named by its first feature) in logits of churn; 0 where it isn't known."""
    import numpy as np
    import pandas as pd

    whole = fitted.platt.logit(fitted.model.logit(rows))
    out = {}
    for side in _sides(fitted, median):
        moved = rows.assign(**{name: median[name] for name in side})
        part = whole - fitted.platt.logit(fitted.model.logit(moved))
        out[side[0]] = np.where(rows[list(side)].isna().any(axis=1), 0.0, np.round(part, 6))
    return pd.DataFrame(out, index=rows.index)


def reasons(
    fitted: "Fitted", rows: "pd.DataFrame", median: "Mapping[str, float | None]", *, horizon: int
) -> list[str]:
    """Up to three reasons a row, the strongest first, joined by "; " ("" when nothing sets the customer apart)."""
    found: list[str] = []
    sides = _sides(fitted, median)
    for start in range(0, len(rows), _CHUNK):
        part = rows.iloc[start : start + _CHUNK]
        found += _told(contributions(fitted, part, median), part, sides, horizon)
    return found


def _sides(fitted: "Fitted", median: "Mapping[str, float | None]") -> list[tuple[str, ...]]:
    """The sides, of the features that the model looks at."""
    known = [name for name in fitted.model.features if median.get(name) is not None]
    return [kept for side in SIDES if (kept := tuple(name for name in side if name in known))]


def _told(parts: "pd.DataFrame", rows: "pd.DataFrame", sides: list[tuple[str, ...]], horizon: int) -> list[str]:
    import numpy as np

    if not sides:
        return [""] * len(rows)
    size = np.abs(parts.to_numpy())
    rank = np.argsort(-size, axis=1, kind="stable")[:, :TOP]
    strong = np.take_along_axis(size, rank, axis=1) >= LEAST
    phrases = np.full(rank.shape, "", dtype=object)
    for j, side in enumerate(sides):
        at = np.nonzero((rank == j) & strong)
        form = "·".join(PHRASES[name].replace("value", name) for name in side)
        values = rows.iloc[at[0]][list(side)].to_numpy(float)
        raising = parts[side[0]].to_numpy()[at[0]] > 0
        phrases[at] = [
            f"{form.format(**dict(zip(side, row, strict=True)), horizon=horizon)}({HIGHER if raises else LOWER})"
            for row, raises in zip(values, raising, strict=True)
        ]
    return ["; ".join(filter(None, row)) for row in phrases.tolist()]
