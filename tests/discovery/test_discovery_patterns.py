"""Patterns, their book, the rule of confirmation, dates of discovery and the documents made of them."""

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.discovery.context import discovery_context
from cafe24_pipelines.discovery.insights import insight_documents
from cafe24_pipelines.discovery.patterns import Effect, Evidence, Pattern, PatternBook, pattern_id, patterns_digest
from cafe24_pipelines.discovery.registry import Detector, Finding, Shortage, detector, detectors
from cafe24_pipelines.discovery.run import discover, judge
from cafe24_pipelines.discovery.statistics import Estimate
from cafe24_pipelines.stores.events import EventLog
from cafe24_pipelines.stores.lake import Lake

PROTOTYPE = {
    "ratio_churn", "product_scarcity", "order_density", "customer_hub", "density_imbalance",
    "relationship_complexity", "temporal_association", "segment_clusters", "churn_signals",
}  # fmt: skip
ACTED_ON = {
    "gateway_products", "category_migration", "co_purchase", "discount_sensitivity", "coupon_effect",
    "seasonality_change", "stock_out", "review_repurchase", "delivery_delay",
}  # fmt: skip
CONTRACT = {
    "id", "detector", "kind", "title", "status", "effect", "p", "q", "n", "evidence", "action", "discovered_at",
}  # fmt: skip
PATTERN = Pattern(
    pattern_id("m", "d", "s"), "customer_hub", "cross_domain", "제목", "confirmed", Effect("gini", 0.5, 0.4, 0.6),
    0.001, 0.01, 500, Evidence("SELECT 1", [{"x": 1}]), "할 일", "2026-01-01T00:00:00+00:00", "요약",
)  # fmt: skip


@pytest.fixture
def context(tmp_path: Path, shops: SimpleNamespace):
    lake = shops.random_shop(1, members=20).land(tmp_path / "lake")
    with discovery_context(lake, shops.EmptyGraph(), Mall("test")) as c:
        yield c


def finding(**changes: object) -> Finding:
    base = Finding(
        "s", "t", "e", Estimate(2.0, 1.5, 2.5), (1.0, 1.0), 0.001, 200, (0.8, 1.1), Evidence("", []), "요약", "할 일"
    )  # fmt: skip
    return replace(base, **changes)


def status(context: object, *found: Finding) -> list[str]:
    d = Detector("x", "cross_domain", "엑스", 100, lambda c: list(found))
    return [p.status for p in judge(context, [(d, list(found))])]


def test_the_prototype_s_nine_and_ten_more_are_registered_four_of_them_from_research() -> None:
    known = {d.name: d.kind for d in detectors()}
    assert set(known) == PROTOTYPE | ACTED_ON | {"web_benchmarks"}
    assert {n for n, k in known.items() if k == "web_research"} == {
        "ratio_churn",
        "product_scarcity",
        "order_density",
        "web_benchmarks",
    }


def test_a_detector_must_have_a_known_kind_and_a_name_of_its_own() -> None:
    with pytest.raises(ValueError, match="unknown kind"):
        detector(name="new", kind="guess", title_ko="", minimum_sample=1)(lambda c: [])
    with pytest.raises(ValueError, match="defined twice"):
        detector(name="customer_hub", kind="cross_domain", title_ko="", minimum_sample=1)(lambda c: [])


def test_confirmation_needs_every_one_of_its_conditions(context: object) -> None:
    assert status(context, finding()) == ["confirmed"]
    assert status(context, finding(p=0.06)) == ["tentative"]
    assert status(context, finding(estimate=Estimate(2.0, 0.9, 2.5))) == ["tentative"]
    assert status(context, finding(halves=(0.8, -0.1))) == ["tentative"]
    assert status(context, finding(halves=(0.8, 0.0))) == ["tentative"]
    assert status(context, finding(caution="심슨의 역설")) == ["tentative"]
    assert status(context, finding(n=99)) == ["insufficient_data"]
    assert status(context, finding(null=(1.0, 1.8))) == ["tentative"]
    low = finding(estimate=Estimate(0.2, 0.1, 0.3), halves=(-0.1, -0.2))
    assert status(context, low) == ["confirmed"]


def test_q_counts_every_test_of_the_run_but_not_those_without_a_sample(context: object) -> None:
    near = finding(p=0.04)
    assert status(context, near) == ["confirmed"]
    noise = [finding(subject=f"n{i}", p=0.9) for i in range(9)]
    assert status(context, near, *noise)[0] == "tentative"
    small = [finding(subject=f"n{i}", p=0.9, n=5) for i in range(9)]
    assert status(context, near, *small) == ["confirmed"] + ["insufficient_data"] * 9


def test_a_doubted_title_says_so_and_the_summary_says_why(context: object) -> None:
    d = Detector("x", "cross_domain", "엑스", 100, lambda c: [])
    doubtful, none = judge(context, [(d, [finding(p=0.3)]), (d, Shortage(3, 100, "회원"))])
    assert doubtful.title.startswith("[잠정]")
    assert "q=0.300" in doubtful.summary
    assert none.status == "insufficient_data"
    assert (none.p, none.q, none.effect.value) == (None, None, None)
    assert "3명" in none.summary
    assert "100명" in none.summary and none.action == "회원 100명이 모이면 다시 분석합니다."


def test_json_is_the_contract_and_comes_back() -> None:
    value = json.loads(json.dumps(PATTERN.to_json(), allow_nan=False))
    assert set(value) >= CONTRACT
    assert set(value["effect"]) == {"name", "value", "ci_low", "ci_high"}
    assert set(value["evidence"]) >= {"query", "rows"}
    assert Pattern.from_json(value) == PATTERN


def test_ids_depend_on_mall_detector_and_subject_only() -> None:
    assert pattern_id("m", "d", "s") == pattern_id("m", "d", "s")
    assert len({pattern_id(*k) for k in (("m", "d", "s"), ("n", "d", "s"), ("m", "e", "s"), ("m", "d", "t"))}) == 4


def test_the_book_publishes_once_and_ignores_dates(tmp_path: Path) -> None:
    book = PatternBook(tmp_path)
    assert book.current("m") == []
    assert book.digest("m") == ""
    digest = book.publish("m", [PATTERN])
    pointer = (tmp_path / "m" / "current.json").stat().st_mtime_ns
    assert book.publish("m", [replace(PATTERN, discovered_at="2027-01-01T00:00:00+00:00")]) == digest
    assert (tmp_path / "m" / "current.json").stat().st_mtime_ns == pointer
    assert book.current("m") == [PATTERN]
    assert book.publish("m", [replace(PATTERN, n=501)]) != digest
    assert book.current("m")[0].n == 501
    assert patterns_digest([]) != digest


def test_discovery_dates_a_pattern_once_and_repeats_itself(tmp_path: Path, shops: SimpleNamespace) -> None:
    lake = shops.random_shop(3, members=250).land(tmp_path / "lake")
    graph, events = shops.staged_graph(lake, tmp_path / "graph"), EventLog(tmp_path / "events.db")
    first = discover(lake, graph, Mall("test"), events)
    again = discover(lake, graph, Mall("test"), events)
    assert first == again
    assert {p.detector for p in first} == {d.name for d in detectors()}
    assert len({p.id for p in first}) == len(first)
    measured = sum(p.status != "insufficient_data" for p in first)
    assert len(events.read("test")) == len(first) + measured
    for p in first:
        assert datetime.fromisoformat(p.discovered_at).utcoffset().total_seconds() == 0
        assert len(p.evidence.rows) <= 20
        json.dumps(p.to_json(), allow_nan=False)


def test_evidence_runs_again_to_the_same_rows_and_names_no_member(tmp_path: Path, shops: SimpleNamespace) -> None:
    lake = shops.random_shop(4, members=250).land(tmp_path / "lake")
    graph = shops.staged_graph(lake, tmp_path / "graph")
    found = shops.findings(lake, graph=graph)
    languages = {p.evidence.language for p in found}
    assert languages == {"sql", "cypher"}
    for p in found:
        assert p.evidence.rows, p.title
        assert "member_key" not in {column for row in p.evidence.rows for column in row}
        assert not any(str(v).startswith("m0") for row in p.evidence.rows for v in row.values())
        if p.evidence.language == "sql":
            rows = lake.query(p.evidence.query).to_pylist()
        else:
            rows = graph.query("test", p.evidence.query, staged=True)
        assert [list(r) for r in rows[:20]] == [list(r) for r in p.evidence.rows]
        numbers = [v for r in rows[:20] for v in r.values() if isinstance(v, int)]
        assert numbers == [v for r in p.evidence.rows for v in r.values() if isinstance(v, int)]


@pytest.mark.parametrize("members", [0, 3])
def test_a_mall_without_data_gets_one_honest_pattern_a_detector(
    tmp_path: Path, shops: SimpleNamespace, members: int
) -> None:
    lake = shops.random_shop(5, members=members).land(tmp_path) if members else Lake(tmp_path).mall("test")
    events = EventLog(tmp_path / "events.db")
    found = discover(lake, shops.EmptyGraph(), Mall("test"), events)
    assert [p.detector for p in found] == [d.name for d in detectors()]
    assert {p.status for p in found} == {"insufficient_data"}
    assert {e.type for e in events.read("test")} == {"pattern.lacking"}  # nothing was discovered


def test_insights_tell_the_status_and_the_numbers() -> None:
    doubtful = replace(PATTERN, id="x", status="tentative", q=0.2)
    lacking = replace(
        PATTERN, id="y", status="insufficient_data", effect=Effect("none", None, None, None), p=None, q=None
    )
    sure, unsure, none = insight_documents([PATTERN, doubtful, lacking], "m")
    assert sure.document_id == f"pattern-{PATTERN.id}"
    assert (sure.collection, sure.kind, sure.language) == ("cafe24_insights", "insight", "ko")
    assert "확정" in sure.body
    assert "0.4~0.6" in sure.body
    assert "잠정" in unsure.body
    assert "결정의 근거로 쓰지 마세요" in unsure.body
    assert "데이터 부족" in none.body
    assert "신뢰구간" not in none.body.replace("통계 검정, 신뢰구간", "")
