"""The mall beside what allowed web sources claim: higher, lower, or like them?

The null is the published range (from the lowest claim to the highest, conflicting ones included) widened by a
margin that was fixed beforehand (`research_measures.py`), so a further claim can only make it harder to differ. A
claim is somebody's word: one source alone, undated claims, or a metric that isn't measured as the source defines it
never confirm anything; numbers that sources copy from each other count once. Claims of an industry, a device or a
channel, of another region, marked ones, and those older than five years are not compared. Words of a page don't
enter a finding: publisher, number and day do. Does not belong here: which claims stand (see `research/book.py`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.discovery.context import DiscoveryContext
from cafe24_pipelines.discovery.registry import Finding, Findings, Shortage, beyond, detector
from cafe24_pipelines.discovery.research_measures import MEASURES, Measure, Measured

if TYPE_CHECKING:
    from datetime import date

    from cafe24_pipelines.discovery.statistics import Estimate
    from cafe24_pipelines.research.claims import Claim

NAME: Final = "web_benchmarks"
MINIMUM: Final = 100
YEARS: Final = 5
_REGIONS: Final = {"KRW": "KR", "USD": "US", "GBP": "UK", "EUR": "EU", "JPY": "JP", "CNY": "CN"}


@dataclass(frozen=True)
class Group:
    """Claims that one value of the mall is compared with."""

    metric: str
    window: int
    claims: "tuple[Claim, ...]"

    def range(self, measure: Measure) -> tuple[float, float]:
        """What is published, widened by the margin; shares as fractions."""
        scale = 100.0 if self.claims[0].unit == "%" else 1.0
        low, high = min(c.value for c in self.claims) / scale, max(c.value_to for c in self.claims) / scale
        if measure.relative:
            return low * (1 - measure.margin), high * (1 + measure.margin)
        return max(low - measure.margin, 0.0), min(high + measure.margin, 1.0)

    def caution(self) -> str:
        """Why these claims confirm nothing, in Korean; "" when they may."""
        numbers = {(c.value, c.value_to) for c in self.claims}
        sources = {c.source for c in self.claims}
        if min(len(numbers), len(sources)) < 2 and not any(c.trust == "official" for c in self.claims):
            return "독립된 공개 출처가 하나뿐이라 확정하지 않습니다."
        if not any(c.published or c.period for c in self.claims):
            return "날짜가 있는 공개 출처가 없어 확정하지 않습니다."
        return ""


@detector(name=NAME, kind="web_research", title_ko="고객 지표와 공개 벤치마크", minimum_sample=MINIMUM)
def find(context: DiscoveryContext) -> Findings:
    """One finding a metric that both the mall and enough claims have a number of."""
    groups = comparable(context.claims, context.mall.currency, context.as_of)
    found = []
    for group in groups:
        measure = MEASURES[group.metric]
        if measured := measure.find(context, group.window):
            found.append(_finding(context, group, measure, measured))
    if not groups:
        return Shortage(0, 1, "이 몰과 견줄 수 있는 공개 벤치마크")
    return found or Shortage(0, MINIMUM, "공개 벤치마크와 견줄 수 있는 주문")


def comparable(claims: "Iterable[Claim]", currency: str, as_of: "date | None") -> list[Group]:
    """Claims that a mall may be compared with, grouped by metric and window, in order."""
    from cafe24_pipelines.research.populations import is_general, region_of

    groups: dict[tuple[str, int], list[Claim]] = {}
    regions = {"", "global", _REGIONS.get(currency, "")}
    for claim in claims:
        measure = MEASURES.get(claim.metric)
        if (
            measure is None
            or claim.doubt
            or claim.unit not in ("%", currency)
            or not is_general(claim.population)
            or region_of(claim.population) not in regions
            or _old(claim, as_of)
        ):
            continue
        groups.setdefault((claim.metric, claim.window_days if measure.windowed else 0), []).append(claim)
    return [Group(*key, tuple(sorted(groups[key], key=lambda c: c.id))) for key in sorted(groups)]


def _old(claim: "Claim", as_of: "date | None") -> bool:
    year = (claim.period or claim.published)[:4]
    return bool(year and as_of and int(year) < as_of.year - YEARS)


def _finding(context: DiscoveryContext, group: Group, measure: Measure, measured: Measured) -> Finding:
    from cafe24_pipelines.research.claims import number_text
    from cafe24_pipelines.research.metrics import METRICS

    low, high = group.range(measure)
    value, caution = measured.estimate.value, " ".join(filter(None, (measured.caution, group.caution())))
    place = _place(measured.estimate, low, high, sure=not caution)
    window = f"({group.window}일)" if group.window else ""
    cited = "; ".join(
        f"{c.publisher} {c.published or c.period or '날짜 없음'} {number_text(c)}"
        for c in sorted(group.claims, key=lambda c: (c.published, c.id), reverse=True)
    )
    mine = shown(value, context.mall.currency)
    margin = f"±{measure.margin:.0%}" if measure.relative else f"±{measure.margin * 100:.0f}%p"
    return Finding(
        subject=f"{group.metric}:{group.window}",
        title=f"{METRICS[group.metric].title_ko}{window} {mine}: 공개 자료와 견주어 {place}",
        effect=measure.effect,
        estimate=measured.estimate,
        null=(low, high),
        p=measured.p(low, high),
        n=measured.n,
        halves=(beyond(measured.halves[0], low, high), beyond(measured.halves[1], low, high)),
        evidence=context.evidence(measured.query),
        summary=f"{measured.defined}입니다. 공개 자료(출처의 주장): {cited}. 여유 {margin}를 두고 견주었습니다.",
        action=measure.action,
        caution=caution,
    )


def _place(mine: "Estimate", low: float, high: float, *, sure: bool) -> str:
    """Where the mall stands in Korean, read from its whole interval: a title is read without its status."""
    if mine.low <= high and mine.high >= low:
        return "비슷함" if low <= mine.low and mine.high <= high else "같은지 다른지 말할 수 없음"
    way = "낮" if mine.value < low else "높"
    return f"{way}음" if sure else f"{way}아 보임(확정 아님)"


def shown(value: float, currency: str) -> str:
    """A mall's value as a person reads it: a share below 1, else money."""
    if value <= 1:
        return f"{value:.1%}"
    return f"{value:,.0f}원" if currency == "KRW" else f"{value:,.2f} {currency}"
