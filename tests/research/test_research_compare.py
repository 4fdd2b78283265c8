"""A mall beside the research: discovery's rule confirms differences, a lone word never does, news is told once."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.discovery.context import DiscoveryContext, discovery_context
from cafe24_pipelines.discovery.detectors import web_benchmarks
from cafe24_pipelines.discovery.patterns import Pattern
from cafe24_pipelines.discovery.registry import detectors
from cafe24_pipelines.discovery.research_measures import MEASURES
from cafe24_pipelines.discovery.run import find_all, judge
from cafe24_pipelines.research.book import KnownClaim
from cafe24_pipelines.research.claims import Claim
from cafe24_pipelines.research.comparison import ALERT, ComparisonBook, compare_and_tell, conflicts
from cafe24_pipelines.stores.events import EventLog
from cafe24_pipelines.stores.lake import Lake, MallLake

BASE = Claim(
    "average_order_value", 50_000, 50_000, "KRW", "KR", "2025", 0, "2025-06-01", "a", "출처 A", "vendor",
    "https://a.example/1", "제목", "ko", "객단가는 5만원입니다.", "hash",
)  # fmt: skip


def claim(metric: str = BASE.metric, value: float = BASE.value, source: str = "a", **kw: Any) -> Claim:
    unit = "KRW" if metric == "average_order_value" else "%"
    kw = {"unit": unit, "publisher": f"출처 {source}", "address": f"https://{source}.example/1", **kw}
    return replace(BASE, metric=metric, value=value, value_to=kw.pop("value_to", value), source=source, **kw)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> MallLake:
    """A shop of 900 days: members buy about every 120 days, an order brings 30,000 won, one in ten comes back."""
    from decimal import Decimal

    import pyarrow as pa

    from cafe24_pipelines.stores.schemas import TABLES

    rng = np.random.default_rng(7)
    rows = []
    for member in range(500):
        joined = rng.uniform(0, 700)
        times = joined + np.cumsum(np.r_[0, rng.exponential(120, 60)])
        rows += [(f"m{member}", t) for t in times if t <= 900]
    frame = pd.DataFrame(rows, columns=["member_key", "day"]).sort_values("day", ignore_index=True)
    at = pd.Timestamp("2023-09-01", tz="UTC") + pd.to_timedelta((frame["day"] * 86400).round(), unit="s")
    columns = {
        "order_id": [f"o{k}" for k in range(len(frame))],
        "member_key": frame["member_key"],
        "ordered_at": at,
        "status": np.where(rng.random(len(frame)) < 0.1, "returned", "confirmed"),
        "paid_amount": [Decimal(int(v)) for v in rng.normal(30_000, 4_000, len(frame)).clip(5_000)],
        "currency": "KRW",
    }
    table = pd.DataFrame(columns)
    schema = {c.name: c.type for c in TABLES["orders"].columns}
    made = Lake(tmp_path_factory.mktemp("compare")).mall("test")
    made.land("orders", pa.table({n: pa.array(table[n].tolist(), schema[n]) for n in columns}), snapshot=True)
    return made


def value(pattern: Pattern) -> float:
    assert pattern.effect.value is not None
    return pattern.effect.value


def judged(lake: MallLake, *claims: Claim) -> dict[str, Pattern]:
    graph = SimpleNamespace(query=lambda *a, **k: [])
    with discovery_context(lake, graph, Mall("test"), claims=tuple(claims)) as context:
        one = next(d for d in detectors() if d.name == web_benchmarks.NAME)
        found = judge(context, [(one, find_all(one, context))])
    metrics = {measure.effect: metric for metric, measure in MEASURES.items()}
    return {metrics.get(p.effect.name, p.effect.name): p for p in found}


def test_two_independent_sources_confirm_a_difference_and_one_alone_never(lake: MallLake) -> None:
    both = judged(lake, claim(value=50_000), claim(value=55_000, source="b"))["average_order_value"]
    assert both.status == "confirmed" and both.kind == "web_research" and "낮음" in both.title
    assert both.effect.value == pytest.approx(30_000, rel=0.02) and both.evidence.rows[0]["sales"] > 500
    alone = judged(lake, claim(value=50_000), claim("return_rate", 2, "b"))["average_order_value"]
    assert alone.status == "tentative" and "하나뿐" in alone.summary
    assert alone.title.endswith("낮아 보임(확정 아님)"), "a title is read without its status"
    copied = judged(lake, claim(value=50_000), claim(value=50_000, source="b"))["average_order_value"]
    assert copied.status == "tentative", "a number that another source copied counts once"
    official = judged(lake, claim(value=50_000, trust="official"))["average_order_value"]
    assert official.status == "confirmed"


def test_a_mall_whose_interval_meets_a_bound_is_neither_lower_nor_alike(lake: MallLake) -> None:
    mine = value(judged(lake, claim(value=50_000), claim(value=55_000, source="b"))["average_order_value"])
    bound = [claim(value=mine / 0.9), claim(value=2 * mine, source="b")]  # the range begins where the mall stands
    found = judged(lake, *bound)["average_order_value"]
    assert found.status == "tentative" and found.title.endswith("같은지 다른지 말할 수 없음")


def test_a_further_claim_only_widens_what_is_not_different(lake: MallLake) -> None:
    given = [claim(value=50_000), claim(value=55_000, source="b"), claim(value=29_000, source="poisoned")]
    found = judged(lake, *given)["average_order_value"]
    assert found.status == "tentative" and "비슷함" in found.title
    for one in given:
        assert one.publisher in found.summary
    assert "https" not in found.summary and BASE.quote not in found.summary, "words of a page entered a finding"


def test_what_is_marked_foreign_special_old_or_undated_confirms_nothing(lake: MallLake) -> None:
    second = claim(value=56_000, source="b")
    for change in (
        {"doubt": "its page speaks to a model"}, {"population": "US"}, {"population": "KR/fashion"},
        {"period": "2015"}, {"unit": "USD"},
    ):  # fmt: skip
        found = judged(lake, claim(value=50_000, **change), second)["average_order_value"]
        assert found.status == "tentative" and "하나뿐" in found.summary, change
    undated = [claim(value=v, source=s, period="", published="") for v, s in ((50_000, "a"), (56_000, "b"))]
    assert judged(lake, *undated)["average_order_value"].status == "tentative"
    assert judged(lake)["none"].status == "insufficient_data"


def test_a_window_is_measured_as_the_sources_say_and_an_unsaid_one_confirms_nothing(lake: MallLake) -> None:
    def pair(window: int) -> list[Claim]:
        return [claim("repurchase_rate", v, s, window_days=window) for v, s in ((20, "a"), (25, "b"))]

    said = judged(lake, *pair(365))["repurchase_rate"]
    assert said.status == "confirmed" and "(365일)" in said.title and value(said) > 0.8
    assert value(judged(lake, *pair(30))["repurchase_rate"]) < 0.4
    unsaid = judged(lake, *pair(0))["repurchase_rate"]
    assert unsaid.status == "tentative" and "기간을 밝히지 않아" in unsaid.summary


def test_measures_agree_with_what_the_shop_was_made_of(lake: MallLake) -> None:
    found = judged(
        lake, claim("return_rate", 2), claim("return_rate", 3, "b"),
        claim("retention_rate", 30, "a", window_days=365), claim("churn_rate", 30, "a", window_days=365),
    )  # fmt: skip
    assert found["return_rate"].effect.value == pytest.approx(0.10, abs=0.03)
    assert found["return_rate"].status == "confirmed"
    kept, lost = value(found["retention_rate"]), value(found["churn_rate"])
    assert kept + lost == pytest.approx(1.0, abs=1e-5) and kept == pytest.approx(0.93, abs=0.04)


def test_claims_about_a_shop_without_orders_are_a_shortage(tmp_path: Path) -> None:
    found = judged(Lake(tmp_path).mall("test"), claim(), claim(value=60_000, source="b"))
    assert [p.status for p in found.values()] == ["insufficient_data"]


# -- the page beside it, and what is new ---------------------------------------------------------------------


def known(*claims: Claim) -> list[KnownClaim]:
    return [KnownClaim(c, "2026-01-01T00:00:00+00:00", (c.address,)) for c in claims]


def test_news_is_told_once_and_a_withdrawn_difference_is_told_too(lake: MallLake, tmp_path: Path) -> None:
    log, book = EventLog(tmp_path / "events.db"), ComparisonBook(tmp_path / "research")
    given = [claim(value=50_000), claim(value=70_000, source="b")]

    def tell(patterns: list[Pattern], digest: str) -> list[str]:
        _, alerts = compare_and_tell(log, book, "test", known(*given), patterns=patterns, patterns_digest=digest)
        return [a.kind for a in alerts]

    confirmed = list(judged(lake, *given).values())
    assert tell(confirmed, "p1") == ["differs", "conflict"]
    before = log.read("test")
    assert tell(confirmed, "p1") == [] and log.read("test") == before
    assert tell([replace(p, status="tentative") for p in confirmed], "p2") == ["withdrawn"]
    assert tell(confirmed, "p3") == ["differs"], "the old conflict is not told again"
    assert [e.payload["kind"] for e in log.read("test", types=(ALERT,))] == [
        "differs", "conflict", "withdrawn", "differs",
    ]  # fmt: skip
    [row] = book.current("test")
    assert [c["value"] for c in row["claims"]] and len(row["conflicts"]) == 1
    assert row["compared"][0]["status"] == "confirmed" and (book.made_from("test") or ("", ""))[1] == "p3"


def test_numbers_of_different_years_don_t_contradict_each_other() -> None:
    apart = [claim(value=50_000), claim(value=70_000, source="b")]
    assert len(conflicts(known(*apart))) == 1
    assert conflicts(known(apart[0], replace(apart[1], period="2021-Q1"))) == []
    assert len(conflicts(known(apart[0], replace(apart[1], period="")))) == 1, "who says no year says it of today"


def test_claims_that_a_mall_has_no_number_for_are_shown_and_say_so(tmp_path: Path) -> None:
    log, book = EventLog(tmp_path / "events.db"), ComparisonBook(tmp_path / "research")
    rows, alerts = compare_and_tell(
        log, book, "test", known(claim("open_rate", 15.3)), patterns=[], patterns_digest="p"
    )
    assert [r.metric for r in rows] == ["open_rate"] and rows[0].note and not alerts


def test_the_context_takes_claims(lake: MallLake) -> None:
    assert DiscoveryContext.__dataclass_fields__["claims"].default == ()
