"""What becomes of findings from run to run: observed, confirmed, retracted aloud, confirmed again."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from cafe24_pipelines.discovery.history import pattern_histories, remember, told
from cafe24_pipelines.discovery.insights import insight_text
from cafe24_pipelines.discovery.patterns import Effect, Evidence, Pattern, pattern_id
from cafe24_pipelines.reports.digest import items_of
from cafe24_pipelines.stores.events import EventLog
from tests.reports.conftest import empty_snapshot, made_finding

FOUND = Pattern(
    pattern_id("m", "customer_hub", "top"), "customer_hub", "cross_domain", "상위 고객이 매출을 이끕니다",
    "confirmed", Effect("gini", 0.5, 0.4, 0.6), 0.001, 0.01, 500, Evidence("SELECT 1 AS x", [{"x": 1}]), "할 일",
    "", "요약",
)  # fmt: skip
OTHER = replace(FOUND, id=pattern_id("m", "churn_signals", "late"), detector="churn_signals", title="늦은 배송")
DOUBTED = replace(FOUND, status="tentative", q=0.3, title=f"[잠정] {FOUND.title}")


class Mall:
    """Runs of discovery, one a day, over one log."""

    def __init__(self, root: Path) -> None:
        self.events, self.day = EventLog(root / "events.db"), 0

    def run(self, *patterns: Pattern) -> list[Pattern]:
        self.day += 1
        return told(patterns, remember(self.events, "m", patterns, date(2026, 1, self.day)))

    def types(self) -> list[str]:
        return [e.type.removeprefix("pattern.") for e in self.events.read("m")]

    def history(self):
        return pattern_histories(self.events, "m")[FOUND.id]


@pytest.fixture
def mall(tmp_path: Path) -> Mall:
    return Mall(tmp_path)


def test_the_same_finding_is_logged_once_and_new_numbers_become_history(mall: Mall) -> None:
    [first] = mall.run(FOUND)
    [again] = mall.run(FOUND)
    assert first == again and first.discovered_at and not first.retracted_at
    assert mall.types() == ["discovered", "observed"]
    moved = replace(FOUND, effect=Effect("gini", 0.55, 0.45, 0.65))
    mall.run(moved)
    mall.run(FOUND)  # back to the first numbers: that is news too
    assert mall.types() == ["discovered", "observed", "observed", "observed"]
    seen = mall.history().observations
    assert [one.effect.value for one in seen] == [0.5, 0.55, 0.5]
    assert [one.as_of for one in seen] == ["2026-01-01", "2026-01-03", "2026-01-04"]
    assert seen[0].query == "SELECT 1 AS x"


def test_a_confirmed_pattern_that_breaks_is_retracted_aloud_and_may_come_back(mall: Mall) -> None:
    mall.run(FOUND)
    [broken] = mall.run(DOUBTED)
    assert broken.title == f"[철회] {FOUND.title}" and broken.retracted_at
    assert "철회" in broken.summary and broken.summary.endswith("요약")
    assert "철회" in insight_text(broken)
    mall.run(DOUBTED)
    assert mall.types() == ["discovered", "observed", "observed", "retracted"]  # told once
    [back] = mall.run(FOUND)
    assert back.title == FOUND.title and not back.retracted_at
    history = mall.history()
    assert history.retracted is None and len(history.retractions) == 1
    [gone] = mall.run(replace(DOUBTED, status="insufficient_data", p=None, q=None))
    assert gone.title.startswith("[철회]")
    assert [one.reason for one in mall.history().retractions] == ["tentative", "insufficient_data"]


def test_a_confirmed_pattern_that_vanishes_stays_in_sight_as_retracted(mall: Mall) -> None:
    mall.run(FOUND, OTHER)
    other, gone = mall.run(OTHER)
    assert other.id == OTHER.id and not other.retracted_at
    assert gone.id == FOUND.id and gone.status == "tentative" and gone.q is None
    assert gone.title == f"[철회] {FOUND.title}" and "2026-01-01" in gone.summary
    assert gone.evidence.query == "SELECT 1 AS x" and "멈추고" in gone.action
    before = mall.types()
    assert mall.run(OTHER) == [other, gone]
    assert mall.types() == before
    both = mall.run(FOUND, OTHER)
    assert {p.title for p in both} == {FOUND.title, OTHER.title}


def test_what_was_never_confirmed_is_not_retracted(mall: Mall) -> None:
    mall.run(DOUBTED)
    assert mall.run() == []
    assert mall.run(replace(DOUBTED, status="insufficient_data", p=None, q=None))[0].title == DOUBTED.title
    assert "retracted" not in mall.types()


def test_a_run_killed_after_logging_logs_nothing_twice(mall: Mall) -> None:
    mall.run(FOUND)
    patterns = [DOUBTED, OTHER]
    remember(mall.events, "m", patterns, date(2026, 1, 2))  # killed before it published
    before = mall.types()
    assert [p.retracted_at != "" for p in mall.run(*patterns)] == [True, False]
    assert mall.types() == before


def test_another_wording_of_the_same_finding_is_no_news(mall: Mall) -> None:
    """A finding whose numbers stand is neither found nor told again because its title says it in other words."""
    [first] = mall.run(FOUND)
    before, [again] = (
        mall.types(),
        mall.run(replace(FOUND, title="상위 고객이 매출을 이끌어 갑니다", action="새 할 일")),
    )
    assert again.title != first.title and again.discovered_at == first.discovered_at and mall.types() == before
    told_as = [
        [item.identity for item in items_of({**empty_snapshot(), "findings": [{**made_finding(1), **one}]})]
        for one in ({"title": first.title}, {"title": again.title, "summary": "다른 요약", "action": "새 할 일"})
    ]
    assert told_as[0] and told_as[0] == told_as[1]


def test_malls_don_t_see_each_other(mall: Mall) -> None:
    mall.run(FOUND)
    assert pattern_histories(mall.events, "n") == {}
    foreign = replace(FOUND, id=pattern_id("n", "customer_hub", "top"))
    assert told([foreign], remember(mall.events, "n", [foreign], None))[0].discovered_at
    assert mall.types() == ["discovered", "observed"]
