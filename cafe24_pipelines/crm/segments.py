"""Segments: groups of buyers who buy alike, if there are any, each named by what sets it apart from the rest.

Unlike RFM's grid, whose cells are there in every shop, these groups are looked for, and the summary says when the
buyers form none. Whether groups behave differently afterwards is judged by `discovery/detectors/segment_clusters.py`.
Does not belong here: the search for clusters itself (`clusters.py`).
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
    from numpy.typing import NDArray

    from cafe24_pipelines.crm.clusters import Clusters
    from cafe24_pipelines.crm.shop import Shop

MINIMUM_BUYERS: Final = 100
ALPHA: Final = 0.05
STABLE: Final = 0.6
"""Mean adjusted Rand index from which clusters count as found again."""
NAMED_FROM: Final = 0.5
"""Standardised difference from the rest from which a feature takes part in a name."""
NONE: Final = "뚜렷한 군집 없음"
_EDGE: Final = 4.0  # standard deviations at which features are cut: one wholesaler is no cluster


@dataclass(frozen=True)
class Feature:
    """A feature of a buyer: its column, whether its logarithm is used, and what much and little of it are called."""

    name: str
    log: bool
    ko: str
    high: str
    low: str


FEATURES: Final = (
    Feature("recency_days", True, "마지막 구매 뒤 일수", "오래 안 옴", "최근 구매"),
    Feature("orders", True, "구매 횟수", "자주", "드물게"),
    Feature("spent", True, "구매 금액", "고액", "소액"),
    Feature("categories", True, "산 분류 수", "여러 분류", "한 분류"),
    Feature("discount_share", False, "할인·쿠폰 주문 비율", "쿠폰 선호", "정가 구매"),
    Feature("days_per_order", True, "구매 간격(일)", "느린 주기", "빠른 주기"),
)

_SQL: Final = """
    WITH last_day AS (SELECT max(ordered_local)::DATE AS as_of FROM order_facts),
    breadth AS (
        SELECT s.member_key, count(DISTINCT coalesce(k.category, s.category, s.product_no)) AS categories
        FROM sale_lines s LEFT JOIN known_products k USING (product_no) WHERE s.member_key IS NOT NULL
        GROUP BY s.member_key
    ), bought AS (
        SELECT member_key,
               date_diff('day', max(ordered_local) FILTER (is_sale)::DATE, any_value(as_of)) AS recency_days,
               count(*) FILTER (is_sale) AS orders, greatest(sum(net_amount), 0)::DOUBLE AS spent,
               (count(*) FILTER (is_sale AND (coupon_no IS NOT NULL OR discount_amount > 0))
                / greatest(count(*) FILTER (is_sale), 1))::DOUBLE AS discount_share,
               (1 + date_diff('day', min(ordered_local) FILTER (is_sale)::DATE, any_value(as_of)))
               / greatest(count(*) FILTER (is_sale), 1) AS days_per_order
        FROM order_facts, last_day WHERE member_key IS NOT NULL
        GROUP BY member_key HAVING count(*) FILTER (is_sale) > 0
    )
    SELECT b.*, coalesce(w.categories, 1) AS categories FROM bought b LEFT JOIN breadth w USING (member_key)
    ORDER BY member_key"""


def _columns() -> "Mapping[str, pa.DataType]":
    import pyarrow as pa

    from cafe24_pipelines.stores.schemas import INT, TEXT

    return {"member_key": TEXT, "segment_no": INT, "segment_name": TEXT, "distance": pa.float64()}


@analysis(
    name="segments",
    title_ko="고객 군집",
    title_en="Customer segments",
    needs=("orders", "order_items", "products"),
    columns=_columns,
)
def segments(shop: "Shop", mall: Mall) -> Outcome:
    """Groups of buyers by recency, orders, spend, breadth, discounts and cadence, or that there are none.

    One row a buyer, ordered by `member_key`.

    Columns: member_key, segment_no (1 is the group that spends most; 0 when there are no groups), segment_name (what
    sets the group apart from all other buyers, the largest standardised difference first), distance (to the group's
    centre, in standard deviations). There are groups when a search on shuffled columns gives a silhouette as good in
    at most 5 % of draws and the groups come back in bootstrap resamples (adjusted Rand index at least 0.6 on
    average); `one_cloud_p` says whether they are more than cuts through one cloud of related features.
    """
    import numpy as np

    from cafe24_pipelines.crm.clusters import find_clusters, nearest

    frame = shop.query(_SQL, zone=mall.time_zone).to_pandas()
    x, used = _standardised(frame)
    if len(frame) < MINIMUM_BUYERS:
        return Outcome(_empty(), {}, lacking=(Lacking("구매한 회원", len(frame), MINIMUM_BUYERS),))
    if len(used) < 2 or len(np.unique(x, axis=0)) < 20:
        kinds = len(np.unique(x, axis=0)) if x.size else 1
        return Outcome(_empty(), {}, lacking=(Lacking("서로 다른 구매 모습", kinds, 20),))
    found = find_clusters(x)
    there = found.p_shuffled <= ALPHA and found.stability.value >= STABLE
    centres = _ordered(found.centres, used) if there else np.zeros((1, x.shape[1]))
    label, distance = nearest(x, centres)
    profiles = _profiles(frame, label, x, used) if there else []
    names = [one["name"] for one in profiles] or [NONE]
    table = frame[["member_key"]].assign(
        segment_no=label + (1 if there else 0), segment_name=np.array(names, object)[label], distance=distance
    )
    summary = {"verdict": _verdict(found, there), **_figures(found, used, len(frame)), "segments": profiles}
    return Outcome(table, summary, {"profile": _chart(profiles, used)} if there else {})


# -- inside --------------------------------------------------------------------------------------------------


def _empty() -> "pd.DataFrame":
    import pyarrow as pa

    return pa.schema(list(_columns().items())).empty_table().to_pandas()


def _standardised(frame: "pd.DataFrame") -> "tuple[NDArray[np.float64], list[Feature]]":
    """Features with any variance, as standard deviations from their mean."""
    import numpy as np

    columns, used = [], []
    for feature in FEATURES:
        values = np.maximum(frame[feature.name].to_numpy(float), 0)
        values = np.log1p(values) if feature.log else values
        spread = float(values.std()) if len(values) else 0.0
        if spread > 1e-9:
            columns.append(np.clip((values - values.mean()) / spread, -_EDGE, _EDGE))
            used.append(feature)
    return (np.column_stack(columns) if columns else np.zeros((len(frame), 0))), used


def _ordered(centres: "NDArray[np.float64]", used: list[Feature]) -> "NDArray[np.float64]":
    """Centres from the most to the least spend (or orders, where nobody spends)."""
    import numpy as np

    names = [feature.name for feature in used]
    keys = [names.index(name) for name in ("spent", "orders") if name in names]
    columns = [-np.round(centres[:, key], 9) for key in [*keys, *(k for k in range(len(names)) if k not in keys)]]
    return centres[np.lexsort(columns[::-1])]


def _profiles(
    frame: "pd.DataFrame", label: "NDArray[np.int64]", x: "NDArray[np.float64]", used: list[Feature]
) -> list[dict[str, Any]]:
    """Each segment's size, name, medians, and standardised differences from the rest with 95 % intervals."""
    import numpy as np

    profiles: list[dict[str, Any]] = []
    for k in range(int(label.max()) + 1):
        mine = label == k
        n, m = int(mine.sum()), int((~mine).sum())
        apart = []
        for i, feature in enumerate(used):
            d = float(x[mine, i].mean() - x[~mine, i].mean()) if n and m else 0.0
            half = 1.96 * float(x[mine, i].var() / n + x[~mine, i].var() / m) ** 0.5 if n and m else 0.0
            median = float(np.median(frame.loc[mine, feature.name])) if n else 0.0
            apart.append({"feature": feature.name, "ko": feature.ko, "difference": d, "low": d - half,
                          "high": d + half, "median": median})  # fmt: skip
        profiles.append({"segment_no": k + 1, "name": "", "members": n, "share": n / len(frame),
                         "spent_share": _share(frame["spent"], mine), "apart": apart})  # fmt: skip
    _name(profiles, used)
    return profiles


def _name(profiles: list[dict[str, Any]], used: list[Feature]) -> None:
    """Name each segment by its three largest differences; a name that is taken gets its next one, then a number."""
    words = {feature.name: (feature.high, feature.low) for feature in used}
    taken: set[str] = set()
    for profile in profiles:
        ranked = sorted(profile["apart"], key=lambda one: -abs(one["difference"]))
        traits = [
            words[one["feature"]][one["difference"] < 0] for one in ranked if abs(one["difference"]) >= NAMED_FROM
        ]
        names = ["·".join(traits[:count]) for count in (3, 4, 5, 6) if traits] or ["평균적인 고객"]
        free = [name for name in names if name not in taken]
        profile["name"] = free[0] if free else f"{names[0]} {profile['segment_no']}"
        taken.add(profile["name"])


def _share(values: "pd.Series[Any]", mine: "NDArray[np.bool_]") -> float:
    total = float(values.sum())
    return float(values[mine].sum()) / total if total > 0 else 0.0


def _verdict(found: "Clusters", there: bool) -> str:
    if not there:
        why = (
            "무작위로 섞은 자료와 다르지 않습니다"
            if found.p_shuffled > ALPHA
            else f"표본을 바꾸면 군집이 달라집니다(ARI {found.stability.value:.2f})"
        )
        return f"{NONE}: {why}."
    if found.p_copula <= ALPHA:
        return f"{found.k}개 군집: 특성끼리의 관련만 흉내 낸 한 무리(가우스 코퓰라)보다 뚜렷하게 나뉩니다."
    return f"{found.k}개 군집: 안정적이지만 사이가 비어 있지 않습니다. 이어진 차이를 나눈 구간으로 읽으세요."


def _figures(found: "Clusters", used: list[Feature], buyers: int) -> dict[str, Any]:
    return {
        "buyers": buyers, "features": [feature.name for feature in used],
        "features_without_variance": [one.name for one in FEATURES if one not in used],
        "k": found.k, "rule": "실루엣 평균이 가장 큰 3~8개(같으면 적은 쪽)",
        "silhouettes": {str(k): value for k, value in found.silhouettes.items()},
        "shuffled_p": found.p_shuffled, "one_cloud_p": found.p_copula, "stability": found.stability._asdict(),
    }  # fmt: skip


def _chart(profiles: list[dict[str, Any]], used: list[Feature]) -> str:
    """Standardised differences of each segment from the rest."""
    from cafe24_pipelines.crm.charts import heat_map

    return heat_map(
        [[one["difference"] for one in profile["apart"]] for profile in profiles],
        [f"{profile['name']} ({profile['share']:.0%})" for profile in profiles], [feature.ko for feature in used],
        title="군집이 다른 고객과 다른 정도", x="특성(표준편차)", y="", form="{:+.1f}",
    )  # fmt: skip
