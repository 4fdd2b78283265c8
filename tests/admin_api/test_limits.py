"""The call budget: buckets, the mall's pace, the quota, and what headers teach, on both databases."""

import threading
import time

import pytest

from cafe24_pipelines.cafe24.admin_api import pace
from cafe24_pipelines.cafe24.admin_api.clock import FastClock, SystemClock
from cafe24_pipelines.cafe24.admin_api.limits import Limiter
from cafe24_pipelines.stores.shared_state import SharedState


class PlayedClock:
    """A clock that only sleeping moves: the whole limiter runs, and nobody waits."""

    def __init__(self) -> None:
        self.at = 1_000_000.0

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += max(0.0, seconds)


class Bucket:
    """A leaky bucket as the mall keeps it."""

    def __init__(self, size: int, level: float = 0.0, at: float = 1_000_000.0) -> None:
        self.size, self.level, self.at = size, level, at

    def call(self, now: float) -> str | None:
        """The header of an answer; None when it would overflow."""
        self.level, self.at = max(0.0, self.level - (now - self.at) * 2), now
        if self.level + 1 > self.size + 1e-9:
            return None
        self.level += 1
        return f"{int(self.level + 0.999)}/{self.size}"


def played(state: SharedState) -> tuple[Limiter, PlayedClock]:
    clock = PlayedClock()
    return Limiter(state, "testmall", clock), clock


@pytest.mark.parametrize("size", [1, 10, 30, 40])
def test_no_bucket_overflows_and_the_steady_rate_is_used(sqlite_state: SharedState, size: int) -> None:
    limiter, clock = played(sqlite_state)
    bucket, starts = Bucket(size), []
    for _ in range(150):
        limiter.acquire("GET orders", size)
        starts.append(clock.at)
        header = bucket.call(clock.at)
        assert header is not None
        limiter.learn("GET orders", 200, {"X-Api-Call-Limit": header})
    steady = (len(starts) - 1 - 100) / (starts[-1] - starts[100])
    assert steady >= (0.98 * 2 if size > pace.SMALL else 1.5)


def test_the_mall_takes_fewer_than_ten_a_second_over_all_apis(sqlite_state: SharedState) -> None:
    limiter, clock = played(sqlite_state)
    starts = []
    for turn in range(120):
        limiter.acquire(f"GET api{turn % 12}")
        starts.append(clock.at)
    assert max(sum(1 for later in starts if t <= later < t + 1) for t in starts) <= 9
    assert (len(starts) - 1) / (starts[-1] - starts[0]) > 8


def test_a_waiting_api_holds_no_other_up(sqlite_state: SharedState) -> None:
    limiter, clock = played(sqlite_state)
    for _ in range(60):
        limiter.acquire("GET orders")
    began = clock.at
    limiter.acquire("GET products")
    assert clock.at - began <= pace.MALL_GAP + 1e-6


def test_another_client_of_the_app_is_noticed_before_it_hurts(sqlite_state: SharedState) -> None:
    limiter, clock = played(sqlite_state)
    bucket, refused = Bucket(40), 0
    for turn in range(120):
        limiter.acquire("GET orders")
        if turn % 3 == 0:
            bucket.call(clock.at)  # theirs
        header = bucket.call(clock.at)
        refused += header is None
        limiter.learn("GET orders", 200 if header else 429, {"X-Api-Call-Limit": header or "40/40"})
    assert refused <= 2


def test_the_size_that_the_mall_says_goes_before_the_reference(sqlite_state: SharedState) -> None:
    limiter, clock = played(sqlite_state)
    bucket = Bucket(10)
    for _ in range(60):
        limiter.acquire("GET orders", 40)
        header = bucket.call(clock.at)
        assert header is not None
        limiter.learn("GET orders", 200, {"X-Api-Call-Limit": header})


def test_a_refusal_waits_for_the_bucket(sqlite_state: SharedState) -> None:
    limiter, clock = played(sqlite_state)
    limiter.acquire("GET orders")
    limiter.learn("GET orders", 429, {"X-Api-Call-Limit": "42/40"})
    began = clock.at
    limiter.acquire("GET orders")
    assert clock.at - began >= 1.5, "half a second for each call over"
    assert limiter.report().refused["GET orders"] == 1


@pytest.mark.parametrize("name", ["X-Cafe24-Call-Remain", "X-Cafe24-Time-Remain"])
def test_remain_headers_hold_every_process_back(state: SharedState, state_url: str, name: str) -> None:
    clock = FastClock(20.0, time.time())
    one, other = Limiter(state, "testmall", clock), Limiter(SharedState(state_url), "testmall", clock)
    one.acquire("GET orders")
    one.learn("GET orders", 429, {name: "30", "X-Cafe24-Call-Usage": "120.04"})
    began = clock.now()
    other.acquire("GET products")
    assert 30 <= clock.now() - began < 60


def test_who_waited_while_the_mall_closed_stands_in_line_again(sqlite_state: SharedState) -> None:
    clock = FastClock(20.0, time.time())
    limiter = Limiter(sqlite_state, "testmall", clock)
    for _ in range(40):
        limiter.acquire("GET orders", 10)
    started: list[float] = []

    def wait() -> None:
        for _ in range(4):
            limiter.acquire("GET orders", 10)
        started.append(clock.now())

    thread = threading.Thread(target=wait)
    thread.start()
    limiter.learn("GET other", 429, {"X-Cafe24-Call-Remain": "20"})
    held_at = clock.now()
    thread.join()
    assert started[0] - held_at >= 20


def test_calls_slow_down_as_usage_nears_the_quota(sqlite_state: SharedState) -> None:
    limiter, clock = played(sqlite_state)

    def seconds_for_calls(usage: str) -> float:
        limiter.acquire("GET a")
        limiter.learn("GET a", 200, {"X-Cafe24-Time-Usage": usage})
        began = clock.at
        for n in range(5):
            limiter.acquire(f"GET b{n}")
        return clock.at - began

    slow = [seconds_for_calls(usage) for usage in ("50.00", "92.50", "96.00", "99.00")]
    assert slow == sorted(slow) and slow[0] < 0.7 and slow[3] > 10
    seconds_for_calls("10.00")
    assert seconds_for_calls("10.00") < 0.7, "and quicken again"


def test_a_quota_that_leaks_is_used_without_a_block(sqlite_state: SharedState) -> None:
    limiter, clock = played(sqlite_state)
    usage, at, made = 0.0, clock.at, 0
    while clock.at < 1_000_000 + 900:
        limiter.acquire(f"GET api{made % 8}")
        usage, at = max(0.0, usage - (clock.at - at) * 3), clock.at  # 300 calls leak in 100 s
        usage, made = usage + 1, made + 1
        assert usage < 300, "blocked"
        limiter.learn(f"GET api{made % 8}", 200, {})
        limiter.learn(f"GET api{(made - 1) % 8}", 200, {"X-Cafe24-Call-Usage": f"{usage / 3:.2f}"})
    assert made >= 0.97 * 3 * 900


def test_a_clock_that_is_set_back_stops_nobody(sqlite_state: SharedState) -> None:
    limiter, clock = played(sqlite_state)
    for api in ("GET orders", "GET products"):
        for _ in range(45):
            limiter.acquire(api)
    clock.at -= 3600
    for api in ("GET products", "GET orders"):
        began = clock.at
        limiter.acquire(api)
        assert clock.at - began < 1


def test_headers_of_no_sense_do_no_harm(sqlite_state: SharedState) -> None:
    limiter, _ = played(sqlite_state)
    senseless: list[dict[str, str]] = [
        {}, {"X-Api-Call-Limit": "many"}, {"X-Api-Call-Limit": "/"}, {"X-Api-Call-Limit": "1/0"},
        {"X-Cafe24-Call-Usage": "nan"}, {"X-Cafe24-Call-Remain": "inf"}, {"X-Cafe24-Time-Remain": "-3"},
    ]  # fmt: skip
    for headers in senseless:
        limiter.acquire("GET orders")
        limiter.learn("GET orders", 200, headers)
    assert limiter.report().calls["GET orders"] == 7


def test_a_call_costs_little(sqlite_state: SharedState) -> None:
    limiter = Limiter(sqlite_state, "testmall", FastClock(1000.0, time.time()))
    limiter.acquire("GET orders")
    began = time.process_time()
    for n in range(100):
        limiter.acquire(f"GET api{n % 20}")
    assert (time.process_time() - began) / 100 < 0.005


def test_waiting_is_reported(sqlite_state: SharedState) -> None:
    limiter = Limiter(sqlite_state, "testmall", SystemClock())
    for _ in range(4):
        limiter.acquire("GET orders")
    report = limiter.report()
    assert report.calls["GET orders"] == 4 and 0.2 < report.waited < 1.0
