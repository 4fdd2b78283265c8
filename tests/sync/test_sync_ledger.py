"""The ledger: what counts as agreed, what is open, and that JSON brings all of it back."""

from datetime import UTC, datetime, timedelta

from cafe24_pipelines.cafe24.sync.ledger import Ledger
from cafe24_pipelines.cafe24.sync.report import SyncReport
from cafe24_pipelines.cafe24.sync.windows import Window

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def window(start: int, end: int) -> Window:
    return Window(T0 + timedelta(days=start), T0 + timedelta(days=end))


def test_what_was_agreed_is_not_missing_any_more() -> None:
    ledger = Ledger()
    ledger.agree(window(0, 10), 100)
    ledger.agree(window(20, 30), 5)
    assert ledger.missing(T0, T0 + timedelta(days=40)) == [window(10, 20), window(30, 40)]


def test_a_window_that_disagrees_takes_back_what_was_agreed_about_its_time() -> None:
    ledger = Ledger()
    ledger.agree(window(0, 10), 100)
    ledger.disagree(window(5, 8))
    assert ledger.open == [window(5, 8)]
    assert ledger.missing(T0, T0 + timedelta(days=10)) == [window(0, 10)]
    assert ledger.agree(window(0, 10), 90) == []
    assert ledger.open == []


def test_reading_part_of_a_window_again_makes_the_rest_missing() -> None:
    ledger = Ledger()
    ledger.agree(window(0, 10), 100)
    assert ledger.agree(window(5, 20), 30) == [window(0, 10)]
    assert ledger.missing(T0, T0 + timedelta(days=20)) == [window(0, 5)]


def test_json_brings_a_ledger_back() -> None:
    ledger = Ledger(begun=T0, started=T0, last_run=T0 + timedelta(hours=1), whole_at=None)
    ledger.agree(window(0, 10), 100, 3)
    ledger.disagree(window(10, 11))
    assert Ledger.from_json(ledger.to_json()) == ledger
    assert Ledger.from_json(None) == Ledger()


def test_a_report_agrees_only_if_every_window_does() -> None:
    report = SyncReport("mall")
    orders = report.of("orders")
    orders.window(window(0, 1), 5, 5, True)
    report.of("points").skipped = "the scope is not granted"
    assert report.agreed
    orders.window(window(1, 2), 5, 4, False, why="5 counted, 4 read")
    assert not report.agreed
    assert [w.why for w in orders.open] == ["5 counted, 4 read"]
    assert any("OPEN" in row for row in report.rows())
    assert report.to_json()["resources"]["orders"]["windows"][1]["agreed"] is False
