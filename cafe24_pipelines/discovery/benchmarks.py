"""Published benchmarks as data: what was measured, on whom, when, and where to read it.

Every number here can be computed again from the public data it names, with the code that measures a mall
(`tests/discovery/test_discovery_benchmarks.py`, with CAFE24_TEST_DATA set). One public shop is a case, not a norm:
the null is the range over the cases' 95 % intervals, widened by a margin fixed beforehand. Does not belong here:
numbers that were only read about.
"""

from dataclasses import dataclass
from typing import Final

REPEAT_WINDOW: Final = 231
"""Days in which a second sale counts: 33 weeks, the mean follow-up of the CDNOW sample (27 to 39 weeks)."""

EARLY_DAYS: Final = 90
"""Days of the early period, and of the period after it in which a purchase counts."""


@dataclass(frozen=True)
class Case:
    """One measured value of one public population, with its 95 % interval."""

    population: str
    period: str
    source: str
    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Benchmark:
    """What several cases say about one quantity; `margin` is how far from them a mall must be to differ."""

    name: str
    claim: str
    cases: tuple[Case, ...]
    margin: float

    def null(self) -> tuple[float, float]:
        """The values that don't differ from the published ones."""
        return (min(c.low for c in self.cases) - self.margin, max(c.high for c in self.cases) + self.margin)

    def place(self, value: float) -> str:
        """Where a mall's value lies, in Korean."""
        low, high = self.null()
        if value < low:
            return "공개 사례보다 낮음"
        return "공개 사례보다 높음" if value > high else "공개 사례와 비슷함"

    def cited(self) -> str:
        """The cases in one Korean sentence each, with population and source."""
        rows = [f"{c.population} {c.period} {c.value:.1%}(n={c.n:,}, {c.source})" for c in self.cases]
        return f"공개 사례: {'; '.join(rows)}. 여유 ±{self.margin * 100:.0f}%p."


_CDNOW: Final = ("미국 온라인 음반점 CDNOW 1997년 1분기 첫 구매 고객", "1997-01~1997-09", "Fader·Hardie·Lee 2005")
# In UCI a customer's first invoice is the first one in the data: what was bought before 2010-12 is not known.
_UCI: Final = ("영국 온라인 선물 도매·소매점(UCI Online Retail)", "2010-12~2011-12", "Chen 2015, doi 10.24432/C5BW33")

REPEAT_SHARE: Final = Benchmark(
    "repeat_share",
    "첫 구매 고객 중 다시 사는 비율은 업종과 고객층에 따라 크게 다르다.",
    (Case(*_CDNOW, 0.4014, 0.3817, 0.4213, 2357), Case(*_UCI, 0.7306, 0.7125, 0.7480, 2402)),
    margin=0.05,
)
REBUY_SHARE: Final = Benchmark(
    "rebuy_share",
    "상품 수에 견주어 고객이 많은 몰에서는 재구매 때 같은 상품을 다시 고르는 일이 잦다.",
    (Case(*_UCI, 0.4221, 0.3935, 0.4511, 2845),),
    margin=0.05,
)
EARLY_REPEAT_GAP: Final = Benchmark(
    "early_repeat_gap",
    "초기에 촘촘히 주문한 고객일수록 이후에도 다시 산다.",
    (Case(*_UCI, 0.3394, 0.3041, 0.3747, 2815),),
    margin=0.05,
)
BENCHMARKS: Final = (REPEAT_SHARE, REBUY_SHARE, EARLY_REPEAT_GAP)
