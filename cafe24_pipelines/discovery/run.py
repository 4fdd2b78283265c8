"""One discovery run over one mall: every detector, one control of false discoveries, one rule of confirmation.

The rule, fixed before any data are seen: a finding is confirmed only if its q (Benjamini-Hochberg over the whole
run) is at most 0.05, its 95 % interval excludes its null, both halves of the period point the same way, it has the
detector's minimum sample, and no check speaks against it. Otherwise it is tentative; below the minimum it is
`insufficient_data`. Does not belong here: any one detector, or publishing.
"""

import re
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.discovery.context import DiscoveryContext, discovery_context
from cafe24_pipelines.discovery.history import remember, told
from cafe24_pipelines.discovery.patterns import Effect, Pattern, pattern_id
from cafe24_pipelines.discovery.registry import Detector, Finding, Shortage, detectors
from cafe24_pipelines.discovery.statistics import benjamini_hochberg
from cafe24_pipelines.korean import particle
from cafe24_pipelines.research.book import standing_claims
from cafe24_pipelines.stores.events import EventLog

if TYPE_CHECKING:
    from cafe24_pipelines.stores.graph import GraphStore
    from cafe24_pipelines.stores.lake import MallLake

FALSE_DISCOVERY_RATE: Final = 0.05
_UNSURE_KO: Final = {"tentative": "잠정", "insufficient_data": "데이터 부족"}

_SIZE_SQL = """
    SELECT count(*) AS orders, count(*) FILTER (is_sale) AS sales,
           count(DISTINCT member_key) FILTER (is_sale) AS members FROM order_facts"""


def discover(lake: "MallLake", graph: "GraphStore", mall: Mall, events: EventLog) -> list[Pattern]:
    """Run every detector over the mall's lake and its staged graph facts.

    Returns:
        Patterns ordered by status (confirmed first), detector and id; at least one a detector, and those that were
        confirmed before and vanished. Their dates and retractions come from the event log, into which this run
        enters what is new (see `history.py`), as do the web claims that a mall is compared with (see `research/`);
        everything else depends on the lake alone.

    Raises:
        NotBuilt: no graph facts are staged for the mall.
    """
    with discovery_context(lake, graph, mall, claims=standing_claims(events)) as context:
        patterns = judge(context, [(d, find_all(d, context)) for d in detectors()])
        as_of = context.as_of
    known = told(patterns, remember(events, mall.mall_id, patterns, as_of))
    return sorted(known, key=lambda p: (_STATUS_ORDER[p.status], p.detector, p.id))


_STATUS_ORDER = {"confirmed": 0, "tentative": 1, "insufficient_data": 2}


def find_all(detector: Detector, context: DiscoveryContext) -> list[Finding] | Shortage:
    """What one detector says; a shortage at once when the mall has no order at all."""
    if context.as_of is None:
        return Shortage(0, detector.minimum_sample, "주문")
    return detector.find(context)


def judge(context: DiscoveryContext, results: list[tuple[Detector, list[Finding] | Shortage]]) -> list[Pattern]:
    """Patterns, not yet dated, with q over all findings that have the minimum sample."""
    tested = [
        f for d, result in results if not isinstance(result, Shortage) for f in result if f.n >= d.minimum_sample
    ]
    q = dict(zip(map(id, tested), benjamini_hochberg([f.p for f in tested]), strict=True))
    patterns: list[Pattern] = []
    for d, result in results:
        if isinstance(result, Shortage):
            patterns.append(_lacking(context, d, result))
        else:
            patterns += [_pattern(context.mall.mall_id, d, f, q.get(id(f))) for f in result]
    return patterns


def _pattern(mall_id: str, detector: Detector, finding: Finding, q: float | None) -> Pattern:
    estimate = finding.estimate
    reasons = _doubts(detector, finding, q)
    status = "insufficient_data" if q is None else "tentative" if reasons else "confirmed"
    return Pattern(
        id=pattern_id(mall_id, detector.name, finding.subject),
        detector=detector.name,
        kind=detector.kind,
        title=finding.title if status == "confirmed" else f"[{_UNSURE_KO[status]}] {finding.title}",
        status=status,
        effect=Effect(finding.effect, *(_rounded(v) for v in estimate)),
        p=None if q is None else _rounded(finding.p),
        q=None if q is None else _rounded(q),
        n=finding.n,
        evidence=finding.evidence,
        action=finding.action,
        discovered_at="",
        summary=" ".join([finding.summary, *reasons]),
    )


def _doubts(detector: Detector, finding: Finding, q: float | None) -> list[str]:
    """Why a finding is not confirmed, in Korean; empty when it is."""
    if q is None:
        return [f"표본이 {finding.n:,}개로 최소 {detector.minimum_sample:,}개에 못 미칩니다."]
    low, high = finding.null
    null = f"{low:.3g}" if low == high else f"{low:.3g}~{high:.3g}"
    doubts = []
    if q > FALSE_DISCOVERY_RATE:
        doubts.append(f"우연일 가능성을 배제하지 못했습니다(q={q:.3f}).")
    if not finding.estimate.excludes(low, high):
        doubts.append(f"95% 구간이 귀무값({null})을 포함합니다.")
    if not finding.stable:
        doubts.append("기간을 둘로 나누면 방향이 유지되지 않습니다.")
    return [*doubts, finding.caution] if finding.caution else doubts


def _lacking(context: DiscoveryContext, detector: Detector, shortage: Shortage) -> Pattern:
    counter = _counter(shortage.what)
    return Pattern(
        id=pattern_id(context.mall.mall_id, detector.name, "data"),
        detector=detector.name,
        kind=detector.kind,
        title=f"{detector.title_ko}: 데이터가 부족합니다",
        status="insufficient_data",
        effect=Effect("none", None, None, None),
        p=None,
        q=None,
        n=shortage.n,
        evidence=context.evidence(_SIZE_SQL),
        action=f"{shortage.what} {shortage.needed:,}{counter}{particle(counter, '이(가)')} 모이면 다시 분석합니다.",
        discovered_at="",
        summary=(
            f"필요한 것: {shortage.what} {shortage.needed:,}{counter} 이상. 지금은 {shortage.n:,}{counter}입니다."
        ),
    )


def _counter(what: str) -> str:
    """The counting word of what is lacking: people, orders and reviews have their own."""
    last = re.sub(r"\([^()]*\)\Z", "", what)
    return "명" if last.endswith("회원") else "건" if last.endswith(("주문", "리뷰")) else "개"


def _rounded(value: float) -> float:
    """Six significant digits: enough to read, and equal whatever the order of a floating-point sum."""
    return float(f"{value:.6g}")
