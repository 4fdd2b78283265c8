"""10,000 events in the inbox of a home whose real daemon is killed ten times: each good one has exactly one effect.

`dagster-daemon run` with its code server and its runs, all of them killed at seeded moments, most of them inside of a
run, while more events come in; then one daemon that is left alone. Feedback is judged by published malls
(`learning_loop`), requests for code are answered (`code_generator`). Not here: what an effect holds (tests/learning).
"""

import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import pytest
from click.testing import CliRunner

from benchmarks import loopback, week_daemon
from benchmarks.sandbox_home import publish_sandbox
from cafe24_pipelines import parts
from cafe24_pipelines.answers.feedback import RECEIVED, Feedback, receive
from cafe24_pipelines.cafe24.malls import Mall, register
from cafe24_pipelines.cli import main
from cafe24_pipelines.inbox.read import held, read_cursor, set_aside
from cafe24_pipelines.instance import dagster_instance
from cafe24_pipelines.learning import code_requests, loop
from cafe24_pipelines.learning.code_requests import CODE_VERIFIED, REQUESTED
from cafe24_pipelines.partitions import malls
from cafe24_pipelines.serving.app import create_app
from cafe24_pipelines.serving.keys import KeyRing
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import Event
from cafe24_pipelines.stores.graph import uid

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]
MALLS = ("sandbox", "shop-b", "shop-c")
SENSORS = ("learning_loop", "code_generator")
EVENTS, POISON, TWICE, KILLS, ANSWERS = 10_000, 500, 1_500, 10, 500
BY_HTTP, REQUESTS = 60, 3  # of each mall; the rest of the feedback takes the API's own function
SEED = 20261128
QUESTIONS = ("지난달 매출은?", "지난달 주문은 몇 건?", "주문 목록을 조회하는 API는?", "안녕?", "", "")
BROKEN: tuple[dict[str, Any], ...] = (
    {}, {"answer_id": 5, "verdict": "positive"}, {"answer_id": "x", "verdict": "perhaps"},
    {"answer_id": "x", "verdict": "positive", "stars": 5}, {"answer_id": "x" * 200, "verdict": "negative"},
)  # fmt: skip
UNFINISHED = [s for s in dg.DagsterRunStatus if s.value in ("QUEUED", "NOT_STARTED", "STARTING", "STARTED")]
WITHIN = 900.0


@dataclass
class Sent:
    """What was put into the inbox: ids of good events by type, and of poison."""

    good: dict[str, set[str]] = field(default_factory=lambda: {RECEIVED: set(), REQUESTED: set()})
    poison: set[str] = field(default_factory=set)
    times: int = 0

    def count(self, event_id: str) -> None:
        self.good[event_id.partition(":")[0]].add(event_id)
        self.times += 1


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    """Three small malls that can be asked; no chain was run."""
    settings = Settings.from_env({"CAFE24_SANDBOX_CUSTOMERS": "30"}, home=tmp_path / "home")
    for mall_id in MALLS:
        register(settings.home, Mall(mall_id))
        publish_sandbox(settings, Mall(mall_id), lambda d: d.resource == "orders")
    with dagster_instance(settings) as instance:
        instance.add_dynamic_partitions(str(malls.name), list(MALLS))
    return settings


# -- senders -------------------------------------------------------------------------------------------------


def said(number: int, draw: random.Random) -> Feedback:
    """A verdict on one of some hundred answers; every tenth is without words, as one before it may be."""
    mall, verdict = MALLS[number % 3], draw.choice(["positive", "positive", "negative", "correction"])
    text = "" if number % 10 == 0 and verdict != "correction" else f"의견 {number}"
    answer = uid(mall, "answer", str(draw.randrange(ANSWERS)))
    return Feedback(mall, answer, verdict, text, draw.choice(QUESTIONS), key=f"key {number}")


def stream(draw: random.Random, good: int) -> list[Feedback | Event]:
    """The bulk: good ones, some of them twice under the same key, and poison of an older version, in no order."""
    first = [said(number, draw) for number in range(good)]
    at = datetime(2026, 1, 1, tzinfo=UTC)
    poison = [Event(f"{RECEIVED}:poison:{n}", draw.choice(MALLS), RECEIVED, at, draw.choice(BROKEN))
              for n in range(POISON)]  # fmt: skip
    events: list[Feedback | Event] = [*first, *draw.sample(first, TWICE), *poison]
    draw.shuffle(events)
    return events


def put(settings: Settings, events: list[Feedback | Event], seed: int, sent: Sent) -> None:
    """Senders at the same time, whose clocks differ by hours: none is bound by the minute's rate of another."""
    log, draw = parts.event_log(settings), random.Random(seed)
    now = datetime.now(UTC) + timedelta(hours=1)
    times = [now + timedelta(seconds=draw.randrange(100_000)) for _ in events]

    def one(event: Feedback | Event, at: datetime) -> str:
        if isinstance(event, Event):
            log.append([event])
            return event.event_id
        return receive(log, event, now=at)[0].feedback_id

    with ThreadPoolExecutor(4) as pool:
        for event, event_id in zip(events, pool.map(one, events, times), strict=True):
            if isinstance(event, Event):
                sent.poison.add(event_id)
                sent.times += 1
            else:
                sent.count(event_id)


def put_from_outside(settings: Settings, sent: Sent) -> None:
    """Over HTTP with a key of each mall, and from the command line; everything twice."""
    ring = KeyRing(parts.event_log(settings))
    with loopback.served(create_app(settings)) as url, httpx.Client(trust_env=False, timeout=60) as client:
        for mall in MALLS:
            headers = {"X-API-Key": ring.add(mall)[1]}
            for number in [*range(BY_HTTP), *range(0, BY_HTTP, 6)]:
                body = {"answer_id": uid(mall, "answer", f"http {number}"), "verdict": "positive"}
                asked = headers | {"Idempotency-Key": f"http {number}"}
                answer = client.post(f"{url}/cafe24-crm/feedback", json=body, headers=asked)
                assert answer.status_code == 200, answer.text
                sent.count(answer.json()["feedback_id"])
            for number in [*range(REQUESTS), 0]:
                payload = {"question": "최근 주문 목록을 조회하는 코드", "execute": False}
                wish = {"type": REQUESTED, "key": f"http {number}", "payload": payload}
                answer = client.post(f"{url}/cafe24-crm/events", json=wish, headers=headers)
                assert answer.status_code == 200, answer.text
                sent.count(answer.json()["event_id"])
    for mall in MALLS:
        answer_id = uid(mall, "answer", "cli")
        given = ["feedback", "--answer-id", answer_id, "--verdict", "negative", "--mall", mall]
        for _ in range(2):
            done = CliRunner().invoke(main, [*given, "--json", "--home", str(settings.home.root)])
            assert done.exit_code == 0, done.output
            sent.count(httpx.Response(200, text=done.stdout).json()["feedback_id"])


# -- kills ---------------------------------------------------------------------------------------------------


@contextmanager
def daemon(settings: Settings, env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    begun = week_daemon.begin(settings.home.root, env)
    try:
        yield begun
    finally:
        if begun.poll() is None:
            week_daemon.kill(begun)


def wait(until: Callable[[], Any], seconds: float, alive: subprocess.Popen[bytes] | None = None) -> bool:
    deadline = time.monotonic() + seconds
    while not until() and time.monotonic() < deadline:
        assert alive is None or alive.poll() is None, "the daemon ended by itself"
        time.sleep(0.2)
    return time.monotonic() < deadline


def kill_at_some_moment(
    settings: Settings, env: dict[str, str], draw: random.Random, inside: bool, come_in: Callable[[], None]
) -> list[str]:
    """One life of the daemon; gives the runs that had begun when it was killed."""
    began = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
    delay = draw.uniform(0, 3) if inside else draw.uniform(1, 8)
    log = settings.home.root / "daemon.log"
    said = log.stat().st_size if log.exists() else 0
    with daemon(settings, env) as process, dagster_instance(settings) as instance:
        come_in()
        wait(lambda: log.stat().st_size > said, 180, process)  # it is up: on a busy machine that takes a while
        if inside:  # of a run that this daemon began: orphans of the one before are failed first
            before = {r.run_id for r in instance.get_runs(dg.RunsFilter(statuses=began))}
            wait(lambda: {r.run_id for r in instance.get_runs(dg.RunsFilter(statuses=began))} - before, 60, process)
        time.sleep(delay)
        assert process.poll() is None, week_daemon.last_words(settings.home.root)
        week_daemon.kill(process)
        with pytest.raises(ProcessLookupError):
            while True:  # the group is empty once all of it is dead
                os.killpg(process.pid, 0)
                time.sleep(0.05)
        return [run.run_id for run in instance.get_runs(dg.RunsFilter(statuses=began))]


def cursors(instance: dg.DagsterInstance) -> dict[str, str | None]:
    states: Any = {s.instigator_name: s.instigator_data for s in instance.all_instigator_state()}
    return {name: getattr(states[name], "cursor", None) for name in SENSORS}


def quiet(instance: dg.DagsterInstance, last: dict[str, int]) -> bool:
    """Everything was read, no run that was asked for is open, and none will be asked for again."""
    if instance.get_runs_count(dg.RunsFilter(statuses=UNFINISHED)):
        return False
    return all(
        read_cursor(cursor) == last[name] and not held(cursor, "waiting") and not held(cursor, "later")
        for name, cursor in cursors(instance).items()
    )


# -- the proof -----------------------------------------------------------------------------------------------


def test_each_good_event_has_exactly_one_effect_though_the_daemon_is_killed(home: Settings) -> None:
    clock, sent, draw = time.monotonic(), Sent(), random.Random(SEED)
    put_from_outside(home, sent)
    bulk = stream(draw, EVENTS - sent.times - TWICE - POISON)
    env, log = week_daemon.environment_of(home), parts.event_log(home)
    with ThreadPoolExecutor(1) as sender:
        first = sender.submit(put, home, bulk[: len(bulk) // 2], 0, sent)
        for sensor in SENSORS:
            week_daemon.dagster(home.home.root, env, "sensor", "start", sensor)
        first.result()
    ready = time.monotonic()

    orphans: list[list[str]] = []
    rest, step = bulk[len(bulk) // 2 :], -(-(len(bulk) - len(bulk) // 2) // KILLS)
    for part, inside in enumerate(draw.sample([True] * 7 + [False] * 3, KILLS)):
        portion = rest[part * step : (part + 1) * step]
        orphans.append(kill_at_some_moment(home, env, draw, inside, partial(put, home, portion, 1 + part, sent)))
    killed = time.monotonic()
    assert sent.times == EVENTS and len(orphans) == KILLS
    last = {"learning_loop": log.read_every_mall((RECEIVED,), limit=2 * EVENTS)[-1].seq,
            "code_generator": log.read_every_mall((REQUESTED,), limit=EVENTS)[-1].seq}  # fmt: skip
    with daemon(home, env) as process, dagster_instance(home) as instance:
        ended = wait(lambda: quiet(instance, last), WITHIN, process)
        runs, told = instance.get_runs(), cursors(instance)
        assert ended, (told, Counter(r.status.value for r in runs), week_daemon.last_words(home.home.root))
        week_daemon.end(process)
    done = time.monotonic()

    made = [e for mall in MALLS for e in log.read_all(mall, types=(loop.ACCEPTED, loop.REFUSED))]
    assert Counter(e.payload["feedback"] for e in made) == Counter(dict.fromkeys(sent.good[RECEIVED], 1))
    verdicts = [e for mall in MALLS for e in log.read_all(mall, types=(CODE_VERIFIED,))]
    wanted = Counter(code_requests.effect_id(i) for i in sent.good[REQUESTED])
    assert Counter(e.event_id for e in verdicts) == wanted
    aside = [one for mall in MALLS for one in set_aside(log, mall)]
    assert Counter(one["event_id"] for one in aside) == Counter(dict.fromkeys(sent.poison, 1))
    assert all(one["type"] == RECEIVED and one["reason"] for one in aside)

    found = week_daemon.looked(home, done - clock)
    assert not found.wrong, found.wrong
    lost = {run_id for life in orphans for run_id in life}
    ends = {run.run_id: run.status.value for run in runs}
    assert lost and {ends[run_id] for run_id in lost} == {"FAILURE"}, "no kill orphaned a run, or one was never freed"
    voices = [(e.mall_id, e.payload["voice"]) for e in made if "voice" in e.payload]
    assert len(voices) == len(set(voices)) > 0, "a voice counted twice"
    told_of = {
        "sent": sent.times, "good": sum(map(len, sent.good.values())), "poison": len(sent.poison), "kills": KILLS,
        "orphaned": len(lost), "effects": len(made) + len(verdicts), "runs": dict(Counter(ends.values())),
        "retries": sum(bool(run.parent_run_id) for run in runs),
        "asked_again": sum("~" in run.tags.get("dagster/run_key", "") for run in runs),
        "seconds": [round(b - a) for a, b in ((clock, ready), (ready, killed), (killed, done))],
    }  # fmt: skip
    print("\n" + "\n".join(f"{name}: {value}" for name, value in told_of.items()))
