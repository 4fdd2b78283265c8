"""Digests: each piece of news once whatever happens, few at a time, silent at night, and never a person in it."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cafe24_pipelines import parts
from cafe24_pipelines.discovery.patterns import Effect, Evidence, Pattern
from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.ontology.health_history import HealthPoint, Trend
from cafe24_pipelines.ontology.health_report import WEIGHTS
from cafe24_pipelines.reports.digest import is_quiet
from cafe24_pipelines.reports.digest_documents import digest_documents
from cafe24_pipelines.reports.ledger import SENT, Ledger
from cafe24_pipelines.reports.publish import archived, publish_digest, sink_for
from cafe24_pipelines.reports.slack import DeliveryUnknown, NotDelivered, SlackWebhook
from cafe24_pipelines.reports.snapshot import health_alarm
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import Event, EventLog
from tests.reports.conftest import MEMBER_KEY, PHONE, made_finding
from tests.reports.slack_server import SlackServer

NOON = datetime(2026, 11, 28, 3, 30, tzinfo=UTC)  # 12:30 in Seoul
Make = Callable[..., dict[str, Any]]


@dataclass
class Sink:
    """Keeps what it is sent, or fails as it is told to."""

    fails: Exception | None = None
    sent: list[str] = field(default_factory=list)
    channel: str = "test"

    def send(self, body: dict[str, Any], text: str) -> None:
        if self.fails:
            raise self.fails
        self.sent.append(json.dumps(body, ensure_ascii=False) + text)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_env({"CAFE24_DIGEST_FINDINGS": "2"}, home=tmp_path)


@pytest.fixture
def log(settings: Settings) -> EventLog:
    return parts.event_log(settings)


def test_news_is_told_once_and_a_few_at_a_time_whoever_restarts(
    settings: Settings, log: EventLog, snapshot: Make
) -> None:
    sink, known = Sink(), snapshot(4)
    outcomes = [publish_digest(settings, log, known, sink, now=NOON + timedelta(minutes=n)) for n in range(4)]
    assert [(o.status, o.told, o.waiting) for o in outcomes] == [
        ("sent", 2, 3), ("sent", 2, 1), ("sent", 1, 0), ("nothing", 0, 0)]  # fmt: skip
    assert "외 3건" in sink.sent[0] and "외" not in sink.sent[2]
    assert outcomes[0].digest and [i.kind for i in outcomes[0].digest.items] == ["stock", "confirmed"]
    told = [e.payload["identity"] for e in log.read("handmade", types=(SENT,))]
    assert len(told) == len(set(told)) == 5
    assert [e.payload["status"] for e in archived(log, "handmade")] == ["sent"] * 3


def test_a_retracted_finding_is_told_once_first_and_again_only_after_it_was_confirmed_again(
    settings: Settings, log: EventLog, snapshot: Make
) -> None:
    sink = Sink()

    def told(*findings: dict[str, Any]) -> list[str]:
        made = publish_digest(settings, log, snapshot(0, stock=None, findings=list(findings)), sink, now=NOON)
        return [f"{i.kind}:{i.identity.split(':')[1]}" for i in made.digest.items] if made.digest else []

    assert told(made_finding(1)) == ["confirmed:p001"]
    gone, new = made_finding(1, state="retracted", turn=1), made_finding(2)
    assert told(new, gone) == ["retracted:p001", "confirmed:p002"]
    assert "멈추고" in sink.sent[1].split("p002")[0], "a retracted finding still advises what it advised"
    assert told(new, gone) == []
    assert told(made_finding(1, turn=1)) == ["confirmed:p001"]
    assert told(made_finding(1, turn=1), {**made_finding(3), "state": "insufficient_data"}) == []


@pytest.mark.parametrize(
    ("span", "clock", "quiet"),
    [((21 * 60, 8 * 60), "20:59", False), ((21 * 60, 8 * 60), "21:00", True), ((21 * 60, 8 * 60), "07:59", True),
     ((21 * 60, 8 * 60), "08:00", False), ((12 * 60, 13 * 60), "12:30", True), (None, "03:00", False)],
)  # fmt: skip
def test_quiet_hours_are_seouls(span: tuple[int, int] | None, clock: str, quiet: bool) -> None:
    at = datetime.fromisoformat(f"2026-11-28T{clock}:00+09:00").astimezone(UTC)
    assert is_quiet(at, span) is quiet


def test_what_falls_into_quiet_hours_waits_for_the_next_digest(
    settings: Settings, log: EventLog, snapshot: Make
) -> None:
    sink, night = Sink(), NOON + timedelta(hours=11)
    made = publish_digest(settings, log, snapshot(1), sink, now=night)
    assert (made.status, made.waiting, sink.sent) == ("quiet", 2, [])
    assert publish_digest(settings, log, snapshot(1), sink, now=NOON + timedelta(days=1)).told == 2


@pytest.mark.parametrize("said", ["9-18", "21:00-21:00", "25:00-08:00", "21:00"])
def test_quiet_hours_that_are_none_are_refused(said: str) -> None:
    with pytest.raises(ConfigError, match="QUIET_HOURS"):
        Settings.from_env({"CAFE24_QUIET_HOURS": said})


def test_the_address_of_a_webhook_is_never_repeated() -> None:
    for url in ("http://hooks.example/secret", "ftp://localhost/secret", "https://[secret", "secret"):
        with pytest.raises(ConfigError) as raised:
            Settings.from_env({"SLACK_WEBHOOK_URL": url})
        assert "secret" not in str(raised.value)
    assert "secret" not in repr(Settings.from_env({"SLACK_WEBHOOK_URL": "https://hooks.slack.com/T/B/secret"}))


def test_refused_news_is_told_by_the_next_digest(settings: Settings, log: EventLog, snapshot: Make) -> None:
    sink = Sink(NotDelivered("status 503", lasting=False))
    for n in range(3):
        made = publish_digest(settings, log, snapshot(1), sink, now=NOON + timedelta(minutes=n))
        assert (made.status, made.waiting) == ("refused", 2)
    sink.fails = None
    assert publish_digest(settings, log, snapshot(1), sink, now=NOON + timedelta(minutes=9)).told == 2
    assert publish_digest(settings, log, snapshot(1), sink, now=NOON + timedelta(hours=1)).status == "nothing"


def test_news_of_unknown_fate_is_not_repeated_and_its_doubt_is_told_once(
    settings: Settings, log: EventLog, snapshot: Make
) -> None:
    sink, later = Sink(DeliveryUnknown("no reply came")), NOON + timedelta(hours=6)
    assert publish_digest(settings, log, snapshot(1), sink, now=NOON).status == "unknown"
    sink.fails = None
    assert publish_digest(settings, log, snapshot(1), sink, now=NOON + timedelta(minutes=1)).status == "nothing"
    made = publish_digest(settings, log, snapshot(1), sink, now=later)
    assert made.told == 0 and "2건은 전달을 확인하지 못했습니다" in sink.sent[0]
    assert "번째 발견" not in sink.sent[0]
    assert publish_digest(settings, log, snapshot(1), sink, now=later + timedelta(hours=1)).status == "nothing"


_KILLED = """
import json, os, sys
from datetime import datetime
from cafe24_pipelines import parts
from cafe24_pipelines.reports.publish import publish_digest
from cafe24_pipelines.reports.slack import SlackWebhook
from cafe24_pipelines.settings import Settings

home, url, at, when = sys.argv[1:5]
settings = Settings.from_env({"CAFE24_DIGEST_FINDINGS": "2"}, home=home)

class Killed(SlackWebhook):
    def send(self, body, text):
        if when == "before":
            os._exit(9)
        super().send(body, text)
        os._exit(9)

publish_digest(settings, parts.event_log(settings), json.load(sys.stdin), Killed(url), now=datetime.fromisoformat(at))
"""


@pytest.mark.parametrize(("when", "shown"), [("before", 0), ("after", 1)])
def test_a_kill_around_sending_never_sends_twice(
    settings: Settings, log: EventLog, snapshot: Make, slack: SlackServer, when: str, shown: int
) -> None:
    arguments = [str(settings.home.root), slack.url, NOON.isoformat(), when]
    done = subprocess.run([sys.executable, "-c", _KILLED, *arguments], input=json.dumps(snapshot(1)), text=True,
                          check=False, capture_output=True)  # fmt: skip
    assert done.returncode == 9, done.stderr
    assert len(slack.shown) == shown
    again = publish_digest(settings, log, snapshot(1), SlackWebhook(slack.url), now=NOON + timedelta(minutes=1))
    assert again.status == "nothing" and len(slack.shown) == shown
    later = publish_digest(settings, log, snapshot(2), SlackWebhook(slack.url), now=NOON + timedelta(hours=6))
    assert later.digest and [i.identity for i in later.digest.items] == ["finding:p002:confirmed:0"]
    assert later.digest.unconfirmed == 2


def test_of_two_processes_one_tells(settings: Settings, log: EventLog) -> None:
    first, second = Ledger(log, "handmade"), Ledger(log, "handmade")
    assert first.claim(["a", "b"], "d1", NOON) == ["a", "b"]
    assert second.claim(["a", "c"], "d2", NOON) == ["c"]
    first.release(["a"], "d1", NOON, "refused")
    assert Ledger(log, "handmade").is_open("a") and not Ledger(log, "handmade").is_open("b")
    assert Ledger(log, "other").is_open("b")


def test_an_alert_of_the_research_is_told_once_with_a_link_to_what_it_is_about(
    settings: Settings, log: EventLog, snapshot: Make
) -> None:
    sink, mine = Sink(), replace(settings, report_url="https://r.example/{mall_id}.html", digest_findings=5)
    for kind, pattern in (("differs", "p9"), ("conflict", "")):
        alert = {"kind": kind, "metric": "return_rate", "title": f"제목 {kind}", "text": "글", "pattern_id": pattern}
        log.append([Event(f"research.alert:{kind}", "handmade", "research.alert", NOON, alert)])
    told = publish_digest(mine, log, snapshot(0, stock=None), sink, now=NOON)
    assert told.told == 2 and "handmade.html#finding-p9" in sink.sent[0]
    assert "handmade.html#research|" in sink.sent[0]
    assert publish_digest(mine, log, snapshot(0, stock=None), sink, now=NOON).status == "nothing"


def test_a_graph_that_is_only_behind_its_lake_is_news_after_a_day() -> None:
    full = {part: float(points) for part, points in WEIGHTS.items()}

    def told(hours: float, **lost: float) -> str:
        found = {part: points - lost.get(part, 0.0) for part, points in full.items()}
        was = HealthPoint(NOON, "b0", "d0", 100.0, full, 1, 1, {})
        point = HealthPoint(NOON, "b1", "d1", sum(found.values()), found, 1, 1, {})
        since = round(point.score - was.score, 1)
        return health_alarm(Trend([was, point], since_last_build=since), NOON + timedelta(hours=hours))

    assert told(1, coverage=30, freshness=5) == "", "rows that landed since, which the next run takes in"
    assert "65점이 기준 80점" in told(25, coverage=30, freshness=5)
    assert "75점이 기준 80점" in told(1, coverage=30, freshness=5, references=20, orphans=5)
    assert "70점이 기준 80점" in told(1, coverage=30), "rows are lacking in a graph that is of this lake"
    assert "15점 떨어졌습니다" in told(1, references=15) and told(1) == ""

    lacking = full | {"coverage": full["coverage"] - 30, "freshness": full["freshness"] - 5}
    points = [
        HealthPoint(NOON + timedelta(hours=hours), "b1", "d1", sum(parts.values()), parts, 1, 1, {})
        for hours, parts in ((4, lacking), (30, full), (31, lacking))
    ]
    came_back = Trend(points, since_last_build=None)
    assert health_alarm(came_back, NOON + timedelta(hours=32)) == "", "behind for an hour: it was whole in between"
    assert "65점" in health_alarm(replace(came_back, points=[points[0], points[2]]), NOON + timedelta(hours=32))


def test_no_person_is_in_a_digest_nor_in_its_archive(settings: Settings, log: EventLog, snapshot: Make) -> None:
    lines: list[str] = []
    found = snapshot(0, findings=[made_finding(1, title=f"{PHONE} {MEMBER_KEY} 고객")])
    made = publish_digest(settings, log, found, sink_for(settings, "handmade", lines.append), now=NOON)
    assert made.told == 2
    kept = (settings.home.reports / "handmade" / "digests.jsonl").read_text(encoding="utf-8")
    written = kept + "".join(lines) + settings.home.events.read_bytes().decode(errors="ignore")
    assert "고객" in kept and lines
    for secret in (PHONE, PHONE.replace("-", ""), MEMBER_KEY):
        assert secret not in written


def test_the_latest_digests_are_documents_that_say_what_is_thought_now(
    settings: Settings, log: EventLog, snapshot: Make
) -> None:
    titles = ["배송이 늦은 고객", "할인 쿠폰", "사라진 것"]
    found = snapshot(0, stock=None, findings=[made_finding(n, title=t) for n, t in enumerate(titles, 1)])
    wide = replace(settings, digest_findings=8)
    publish_digest(wide, log, found, Sink(), now=NOON)
    now = [_pattern("p001", "배송이 늦은 고객"), _pattern("p002", "[철회] 할인 쿠폰")]
    (document,) = digest_documents(log, "handmade", now)
    assert "- 배송이 늦은 고객" in document.body and "- [철회] 할인 쿠폰" in document.body
    assert "사라진 것" not in document.body
    assert digest_documents(log, "handmade", now) == [document] and digest_documents(log, "other", now) == []


def _pattern(key: str, title: str) -> Pattern:
    effect, evidence = Effect("repurchase_90d_difference", -0.2, -0.3, -0.1), Evidence("SELECT 1", [])
    return Pattern(key, "churn_signals", "cross_domain", title, "confirmed", effect, 0.1, 0.1, 9, evidence, "", "")
