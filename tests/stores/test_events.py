"""The event log: in order, each event once, durable, under several writers."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from cafe24_pipelines.errors import LakeDamaged
from cafe24_pipelines.stores.events import Event, EventLog

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    return EventLog(tmp_path / "home" / "events.db")


def event(
    name: str, mall: str = "shop", kind: str = "feedback.received", at: datetime = AT, **payload: object
) -> Event:
    return Event(name, mall, kind, at, dict(payload))


def test_a_log_that_does_not_exist_yet_is_empty_and_stays_absent(log):
    assert log.read("shop") == [] and log.cursor("reader") == 0
    assert not log.path.exists()
    assert log.append([]) == 0 and not log.path.exists()


def test_events_come_back_in_order_with_payload_and_utc_time(log):
    seoul = timezone(timedelta(hours=9))
    log.append([event("a", at=datetime(2026, 1, 1, 9, tzinfo=seoul), 말="좋아요", n=1), event("b")])
    log.append([event("c")])
    found = log.read("shop")
    assert [e.event_id for e in found] == ["a", "b", "c"]
    assert [e.seq for e in found] == sorted(e.seq for e in found)
    assert found[0].occurred_at == AT and found[0].occurred_at.utcoffset() == timedelta(0)
    assert found[0].payload == {"말": "좋아요", "n": 1}


def test_an_event_is_logged_once_and_its_first_form_stays(log):
    assert log.append([event("a", v=1), event("a", v=2), event("b")]) == 2
    assert log.append([event("a", v=3)]) == 0
    assert [(e.event_id, e.payload) for e in log.read("shop")] == [("a", {"v": 1}), ("b", {})]


def test_reading_is_scoped_by_mall_type_place_and_limit(log):
    log.append([event("a"), event("b", mall="other"), event("c", kind="app.installed"), event("d")])
    everything = log.read("shop")
    assert [e.event_id for e in everything] == ["a", "c", "d"]
    assert [e.event_id for e in log.read("shop", types=("app.installed",))] == ["c"]
    assert [e.event_id for e in log.read("shop", after=everything[0].seq, limit=1)] == ["c"]


def test_all_events_are_read_page_by_page_each_once(log):
    log.append([*(event(f"{n}", n=n) for n in range(2500)), event("other", mall="rival"), event("t", kind="other")])
    assert [e.payload["n"] for e in log.read_all("shop", types=("feedback.received",))] == list(range(2500))
    assert len(list(log.read_all("shop", after=1000))) == 1501


def test_a_time_without_zone_is_refused_and_nothing_is_logged(log):
    with pytest.raises(ValueError, match="time zone"):
        log.append([event("a"), event("b", at=datetime(2026, 1, 1))])  # noqa: DTZ001
    assert log.read("shop") == []


def test_a_cursor_never_moves_back(log):
    log.move_cursor("one", 5)
    log.move_cursor("one", 3)
    log.move_cursor("two", 1)
    assert (log.cursor("one"), log.cursor("two")) == (5, 1)
    log.move_cursor("one", 6)
    assert EventLog(log.path).cursor("one") == 6


def test_a_file_that_is_no_log_is_named(log):
    log.path.parent.mkdir(parents=True)
    log.path.write_text("not a database " * 100)
    with pytest.raises(LakeDamaged, match=r"events\.db"):
        log.read("shop")


_WRITE = """
import sys, os
from datetime import UTC, datetime
from pathlib import Path
from cafe24_pipelines.stores.events import Event, EventLog
path, writer, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
log = EventLog(path)
for n in range(count):
    at = datetime(2026, 1, 1, tzinfo=UTC)
    log.append([Event(f"{writer}-{n}", "shop", "t", at, {"n": n}), Event(f"shared-{n}", "shop", "t", at, {})])
if len(sys.argv) > 4:
    os.kill(os.getpid(), 9)  # nothing is closed or flushed after the last append returned
"""


def writer(path: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", _WRITE, str(path), *arguments])


def test_four_processes_write_at_once_and_nothing_is_lost_or_doubled(log):
    writers = [writer(log.path, f"w{n}", "25") for n in range(4)]
    assert [w.wait(120) for w in writers] == [0, 0, 0, 0]
    found = log.read("shop", limit=10_000)
    assert len(found) == 4 * 25 + 25
    for n in range(4):  # each writer's own order is kept
        assert [e.payload["n"] for e in found if e.event_id.startswith(f"w{n}-")] == list(range(25))


def test_an_appended_event_survives_a_kill(log):
    assert writer(log.path, "w", "3", "die").wait(60) == -9
    assert [e.event_id for e in log.read("shop") if e.event_id.startswith("w-")] == ["w-0", "w-1", "w-2"]
