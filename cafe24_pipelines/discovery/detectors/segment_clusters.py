"""Segment clusters: do groups of alike members (recency, sales, spend) go on to behave differently?

Clusters are made from what was known on one day and judged on what came after, so a cluster is not confirmed for
looking different but for foretelling. Null: all clusters buy alike afterwards. Does not belong here: the named RFM
segments of `crm/rfm.py`.
"""

from typing import TYPE_CHECKING

from cafe24_pipelines.discovery.context import DiscoveryContext
from cafe24_pipelines.discovery.registry import Finding, Findings, Shortage, detector
from cafe24_pipelines.discovery.statistics import newcombe, two_proportions

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

NAME = "segment_clusters"
MINIMUM = 200
_LONGEST = 180.0  # days of outcome
_STABLE = 0.6  # adjusted Rand index from which two clusterings count as the same
_SILHOUETTE_SAMPLE = 1500


@detector(name=NAME, kind="cross_domain", title_ko="고객 군집", minimum_sample=MINIMUM)
def find(context: DiscoveryContext) -> Findings:
    """Later purchase of the best cluster against the weakest one, ranked before the outcome is seen."""
    sales = context.sales
    span = context.end - float(sales["day"].min()) if len(sales) else 0.0
    horizon = min(_LONGEST, span / 3)
    landmark = context.end - horizon
    known = sales[sales["day"] <= landmark]
    members = int(known["member"].nunique())
    if members < MINIMUM or horizon < 14:
        return Shortage(members, MINIMUM, "군집을 만들 시점까지 산 회원")
    features = _features(known, landmark)
    labels, value, alike = _clusters(features, context)
    top, bottom = int(value.argmax()), int(value.argmin())
    ids = known["member"].drop_duplicates().to_numpy()  # sales are sorted by member, as features are
    later = sales[sales["day"] > landmark]

    def table(part: "pd.DataFrame") -> tuple[int, int, int, int]:
        bought = _isin(ids, part)
        return (
            int(bought[labels == top].sum()), int((labels == top).sum()),
            int(bought[labels == bottom].sum()), int((labels == bottom).sum()),
        )  # fmt: skip

    middle = landmark + horizon / 2
    first, second = (newcombe(*table(later[m])) for m in (later["day"] <= middle, later["day"] > middle))
    k1, n1, k2, n2 = table(later)
    estimate = newcombe(k1, n1, k2, n2)
    return [
        Finding(
            subject="rfm_clusters",
            title=(
                f"고객은 {len(value)}개 군집으로 나뉘고, 가장 좋은 군집의 이후 구매율은 가장 약한 군집보다 "
                f"{abs(estimate.value) * 100:.0f}%p {'높습니다' if estimate.value > 0 else '낮습니다'}"
            ),
            effect="repurchase_gap_best_vs_weakest",
            estimate=estimate,
            null=(0.0, 0.0),
            p=two_proportions(k1, n1, k2, n2),
            n=n1 + n2,
            halves=(first.value, second.value),
            evidence=context.evidence(_evidence_sql(landmark)),
            summary=(
                f"결과를 보기 전의 최근성·횟수·금액으로 군집을 만들었습니다. 이후 {horizon:.0f}일 동안 "
                f"가장 좋은 군집은 {n1:,}명 가운데 {k1:,}명, 가장 약한 군집은 {n2:,}명 가운데 {k2:,}명이 "
                f"다시 샀습니다. 표본을 바꾼 군집의 일치도(ARI)는 {alike:.2f}입니다."
            ),
            action="좋은 군집에는 신상품과 등급 혜택을, 약한 군집에는 비용이 적은 재방문 안내를 보내세요.",
            caution="" if alike >= _STABLE else f"표본을 바꾸면 군집이 달라집니다(ARI {alike:.2f}).",
        )
    ]


def _features(known: "pd.DataFrame", landmark: float) -> "NDArray[np.float64]":
    """Standardised log recency, sales and spend of each member, in member order."""
    import numpy as np

    by_member = known.groupby("member", sort=True)
    recency = landmark - by_member["day"].max().to_numpy()
    spend = np.maximum(by_member["amount"].sum().to_numpy(), 0)
    x = np.column_stack([np.log1p(recency), np.log(by_member.size().to_numpy()), np.log1p(spend)])
    return (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-9)


def _clusters(
    x: "NDArray[np.float64]", context: DiscoveryContext
) -> "tuple[NDArray[np.int64], NDArray[np.float64], float]":
    """(labels, value of each cluster, agreement when refitted on halves of the members)."""
    import numpy as np
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score, silhouette_score

    rng = context.rng(NAME)
    seed = int(rng.integers(2**31))
    sample = rng.permutation(len(x))[:_SILHOUETTE_SAMPLE]
    fits = {k: KMeans(k, n_init=10, random_state=seed).fit(x) for k in range(3, 7)}
    scores = {
        k: silhouette_score(x[sample], fit.labels_[sample])
        for k, fit in fits.items()
        if len(np.unique(fit.labels_[sample])) > 1
    }
    best = fits[max(scores, key=lambda k: scores[k])] if scores else fits[3]
    value = best.cluster_centers_ @ np.array([-1.0, 1.0, 1.0])
    agreement = []
    for _ in range(10):
        half = rng.permutation(len(x))[: len(x) // 2]
        refit = KMeans(best.n_clusters, n_init=5, random_state=seed).fit(x[half])
        agreement.append(adjusted_rand_score(best.labels_, refit.predict(x)))
    return best.labels_.astype(np.int64), value, float(np.mean(agreement))


def _isin(ids: "NDArray[np.int64]", part: "pd.DataFrame") -> "NDArray[np.bool_]":
    import numpy as np

    return np.isin(ids, part["member"].to_numpy())


def _evidence_sql(landmark: float) -> str:
    from datetime import UTC, datetime, timedelta

    cut = f"TIMESTAMPTZ '{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=landmark)}'"
    return f"""
        WITH before AS (SELECT member_key, count(*) AS sales, max(ordered_at) AS last_at
                        FROM order_facts WHERE is_sale AND member_key IS NOT NULL AND ordered_at <= {cut}
                        GROUP BY member_key),
             after AS (SELECT DISTINCT member_key FROM order_facts
                       WHERE is_sale AND member_key IS NOT NULL AND ordered_at > {cut})
        SELECT least(sales, 5) AS sales_before, last_at > {cut} - INTERVAL 60 DAY AS bought_in_last_60_days,
               count(*) AS customers, count(a.member_key) AS bought_again,
               count(a.member_key) / count(*) AS share
        FROM before LEFT JOIN after a USING (member_key) GROUP BY 1, 2 ORDER BY 1, 2"""
