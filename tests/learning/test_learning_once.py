"""2,000 pieces of feedback, repeated, out of order, some of them poison, under a worker that is killed three times.

What they come to is counted by hand here; ten times as many under the real daemon: `proofs/test_daemon_kills.py`.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cafe24_pipelines.inbox.read import SET_ASIDE
from cafe24_pipelines.learning.candidates import candidates
from cafe24_pipelines.learning.loop import REPEATED, effects
from cafe24_pipelines.stores.events import Event, EventLog

RECEIVED = "feedback.received"
MALLS = ("a", "b", "c")
EVENTS, GOOD, POISON, KILLS, QUESTIONS = 2_000, 1_600, 100, 3, 100
START = datetime(2026, 11, 2, tzinfo=UTC)


def good(number: int, draw: random.Random) -> Event:
    """Feedback on one of some hundred answers; every tenth says what one before it said."""
    about = draw.randrange(QUESTIONS)
    verdict = draw.choice(["positive", "positive", "negative"])
    text = "" if number % 10 == 0 else f"의견 {number}"
    payload = {"answer_id": f"answer {about}", "verdict": verdict, "text": text, "question": f"질문 {about}",
               "arm": "", "build": ""}  # fmt: skip
    at = START + timedelta(seconds=draw.randrange(100_000))
    return Event(f"{RECEIVED}:{number}", draw.choice(MALLS), RECEIVED, at, payload)


def poison(number: int, draw: random.Random) -> Event:
    broken: list[dict[str, Any]] = [
        {}, {"answer_id": 5, "verdict": "positive"}, {"answer_id": "x", "verdict": "perhaps"},
        {"answer_id": "x", "verdict": "positive", "shell": "rm"}, {"answer_id": "x" * 200, "verdict": "negative"},
    ]  # fmt: skip
    return Event(f"{RECEIVED}:poison:{number}", draw.choice(MALLS), RECEIVED, START, draw.choice(broken))


def sent(seed: int) -> list[Event]:
    """The good ones, 300 of them twice, and poison, in no order."""
    draw = random.Random(seed)
    events = [good(number, draw) for number in range(GOOD)]
    events += draw.sample(events, EVENTS - GOOD - POISON) + [poison(number, draw) for number in range(POISON)]
    random.Random(seed + 1).shuffle(events)
    return events


def worker(home: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, Path(__file__).with_name("learning_worker.py"), home])


def effects_of(log: EventLog) -> list[Event]:
    return [effect for mall in MALLS for effect in effects(log, mall)]


@pytest.mark.slow
def test_each_good_event_has_exactly_one_effect(tmp_path: Path) -> None:
    events = sent(1)
    assert len(events) == EVENTS
    log, kills, seen = EventLog(tmp_path / "events.db"), 0, 0
    log.append(events[:1400])
    for part in range(KILLS):  # more comes in while a worker is at it, and then it is killed
        process = worker(tmp_path)
        deadline = time.monotonic() + 120
        while process.poll() is None and len(effects_of(log)) <= seen and time.monotonic() < deadline:
            time.sleep(0.05)
        log.append(events[1400 + 200 * part : 1600 + 200 * part])
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            kills += process.wait() == -signal.SIGKILL
        seen = len(effects_of(log))
    assert kills == KILLS and 0 < seen < GOOD, "every kill fell between effects"
    assert worker(tmp_path).wait(timeout=600) == 0

    made = effects_of(log)
    assert Counter(e.payload["feedback"] for e in made) == Counter({f"{RECEIVED}:{n}": 1 for n in range(GOOD)})
    set_aside = [e for mall in MALLS for e in log.read(mall, types=(SET_ASIDE,), limit=10_000)]
    assert len(set_aside) == POISON == len({e.payload["event_id"] for e in set_aside})

    before = {e.event_id: e for e in made}
    (tmp_path / "cursor").unlink()  # the daemon lost its cursor: all is read again
    assert worker(tmp_path).wait(timeout=600) == 0
    assert {e.event_id: e for e in effects_of(log)} == before

    accepted = [e for e in made if "voice" in e.payload]
    assert len({(e.mall_id, e.payload["voice"]) for e in accepted}) == len(accepted), "a voice counted twice"
    assert any(e.payload.get("reason") == REPEATED for e in made)
    for mall in MALLS:
        assert candidates(log, mall).net == netted(events, mall)


def netted(events: list[Event], mall: str) -> dict[str, int]:
    """By hand, in another order: voices for minus voices against, of what can be verified."""
    voices = {
        (e.payload["answer_id"], e.payload["verdict"], e.payload["text"])
        for e in sorted(events, key=lambda e: e.event_id)
        if e.mall_id == mall and e.event_id.split(":")[1] != "poison"
    }
    found: Counter[str] = Counter()
    for answer, verdict, _ in voices:
        odd = int(answer.split()[1]) % 2
        if verdict == "negative" or not odd:
            found[answer] += -1 if verdict == "negative" else 1
    return dict(sorted(found.items()))
