"""Promises of a retrospective: what the next one comes back to, and how it says what came of it.

A promise names something that can be measured again; nothing is promised that can't be. Does not belong here:
measuring (`week.py`).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.watch.churn_signal import SIGNALLED
from cafe24_pipelines.watch.measures import METRICS

if TYPE_CHECKING:
    from cafe24_pipelines.watch.measures import Judged
    from cafe24_pipelines.watch.news import Finding, News

KEPT, OPEN, UNKNOWN = "kept", "open", "unknown"


@dataclass(frozen=True)
class Promise:
    """What is looked at again: `kind` metric, finding, alarm, job or churn; `about` names it; `way` is a metric's."""

    kind: str
    about: str
    text: str
    way: int = 0

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def promises_of(
    told: "News", metrics: Sequence[tuple[str, int]], standing_alarm: bool, failing: Sequence[str], as_of: date | None
) -> list[Promise]:
    """What a week leaves open."""
    titles, ways = {m.name: m.title_ko for m in METRICS}, {1: "많은", -1: "적은"}
    found = [
        Promise("metric", name, f"{titles[name]}: 평소보다 {ways[way]} 상태가 이어지는지 봅니다.", way)
        for name, way in metrics
    ]
    found += [Promise("finding", one.id, f"새로 확인한 것이 유지되는지 봅니다: {one.title}") for one in told.new]
    if standing_alarm:
        found.append(Promise("alarm", "ontology", "온톨로지 경보가 끝났는지 봅니다."))
    found += [Promise("job", job, f"실패한 작업({job})이 다시 되는지 봅니다.") for job in failing]
    signals = [e.payload for e in told.of(SIGNALLED)]
    if signals and as_of:
        days = sorted(str(s["as_of"]) for s in signals)
        people = sum(int(s["new"]) for s in signals)
        text = f"새로 이탈 위험에 든 고객 {people:,}명 가운데 몇 명이 다시 샀는지 봅니다."
        found.append(Promise("churn", f"{days[0]}/{days[-1]}", text))
    return found


def metric_outcome(promise: Promise, judged: "Judged | None") -> tuple[str, str]:
    """Whether a figure came back to its usual: into its range, for that no test calls it different is no proof."""
    if judged is None:
        return UNKNOWN, "이번 주에는 비교할 자료가 없습니다."
    if judged.differs == promise.way:
        return OPEN, f"아직 평소보다 {'많습니다' if promise.way > 0 else '적습니다'}."
    if judged.differs:
        return OPEN, f"반대로 평소보다 {'많아졌습니다' if judged.differs > 0 else '적어졌습니다'}."
    if judged.outside:
        return UNKNOWN, "평소 범위 밖이지만 우연일 수도 있어, 돌아왔는지 아직 알 수 없습니다."
    return KEPT, "평소 범위로 돌아왔습니다."


def finding_outcome(held: "Finding | None", broke: "Finding | None") -> tuple[str, str]:
    """Whether a finding that was new is still one."""
    if broke:
        return OPEN, "철회되었습니다."
    if held is None:
        return UNKNOWN, "그 뒤의 기록이 없습니다."
    return KEPT, "다시 재어도 유지되었습니다." if held.measured else "철회되지 않았습니다(새로 잰 값 없음)."


def state_outcome(over: bool) -> tuple[str, str]:
    """Whether an alarm or a failure is over."""
    return (KEPT, "해결되었습니다.") if over else (OPEN, "아직 해결되지 않았습니다.")


def churn_outcome(told: int, back: int) -> tuple[str, str]:
    """How many of the customers at risk have bought since; no cause is claimed."""
    if not told:
        return UNKNOWN, "알린 고객의 기록이 남아 있지 않습니다."
    from cafe24_pipelines.discovery.statistics import wilson

    share = wilson(back, told)
    figures = f"{share.value:.1%}, 95% 구간 {share.low:.1%}~{share.high:.1%}"
    bought = f"{told:,}명 가운데 {back:,}명이 다시 샀습니다({figures})."
    return KEPT, f"{bought} 안내의 효과인지는 알 수 없습니다."
