"""The call budget of a mall, shared by every process that calls it: when the next call may start.

Three limits hold at once. Each API has a leaky bucket (its size, 2 calls a second); a mall takes fewer than ten calls
a second in all; and a usage quota over all APIs, which only the answers' headers tell of. `acquire` hands out start
times in one short transaction and then sleeps outside it. Does not belong here: retries (see `client`).
"""

import json
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.admin_api.clock import Clock, speed_of
from cafe24_pipelines.cafe24.admin_api.pace import (
    AFTER_BLOCK,
    BRAKE_AT,
    BRAKE_GAP,
    LEAK,
    REMAIN_MORE,
    TOO_FAST_HOLD,
    Plan,
    Said,
    bucket_start,
    call_gap,
    free_start,
    level_said,
    number_said,
    raise_level,
    spacing,
    usage_now,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from cafe24_pipelines.stores.shared_state import SharedState

SHORT_WAIT: Final = 0.2
CLOCK_SET_BACK: Final = 1.0

_TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS call_pace (mall_id TEXT PRIMARY KEY, starts TEXT NOT NULL DEFAULT '[]', "
    "hold_until DOUBLE PRECISION NOT NULL DEFAULT 0, usage_percent DOUBLE PRECISION NOT NULL DEFAULT 0, "
    "usage_at DOUBLE PRECISION NOT NULL DEFAULT 0, seen DOUBLE PRECISION NOT NULL DEFAULT 0)",
    "CREATE TABLE IF NOT EXISTS call_buckets (mall_id TEXT NOT NULL, api TEXT NOT NULL, size BIGINT NOT NULL, "
    "empty_at DOUBLE PRECISION NOT NULL, raised_at DOUBLE PRECISION NOT NULL, PRIMARY KEY (mall_id, api))",
)


@dataclass
class LimitReport:
    """What this process did: calls and refusals (429) by API, and seconds that threads spent waiting."""

    calls: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    waited: float = 0.0


class Limiter:
    """Start times for calls of one mall. Thread-safe; processes and machines agree through the shared state.

    Args:
        state: the shared state.
        mall_id: the mall.
        clock: what waits; machines that share a PostgreSQL compare times by its clock.
    """

    def __init__(self, state: "SharedState", mall_id: str, clock: Clock) -> None:
        self._state, self.mall_id, self._clock = state, mall_id, clock
        self._lock = threading.Lock()
        self._report = LimitReport()
        self._plans = threading.local()  # of this thread's last call: API, level after it, when it was planned
        self._braking = False

    def acquire(self, api: str, size: int = 40) -> None:
        """Return when a call of this API may start.

        Args:
            api: method and path template, such as `GET orders`.
            size: the bucket's size, by the reference; what the mall's answers say goes before it.
        """
        waited = 0.0
        while True:
            start, now = self._reserve(api, size)
            if start <= now:
                break
            self._clock.sleep(start - now)
            waited += start - now
            if start - now < SHORT_WAIT or self._held_until() <= self._now():
                break  # else the mall closed its doors while this call waited: stand in line again
        with self._lock:
            self._report.calls[api] += 1
            self._report.waited += waited

    def learn(self, api: str, status: int, headers: Mapping[str, str]) -> None:
        """Take in what an answer says: the bucket's level, the quota's usage, and refusals.

        Call it in the thread that called `acquire`: what the mall counts is compared with what was planned for that
        call. Most answers say nothing new and cost nothing.

        Args:
            api: as given to `acquire`.
            status: the answer's.
            headers: the answer's; names in any case (`httpx.Headers` does it).
        """
        used, size = level_said(headers.get("X-Api-Call-Limit", ""))
        usage = max(number_said(headers.get("X-Cafe24-Call-Usage")), number_said(headers.get("X-Cafe24-Time-Usage")))
        remain = ["X-Cafe24-Call-Remain", "X-Cafe24-Time-Remain"] + (["Retry-After"] if status in (429, 503) else [])
        hold = max(number_said(headers.get(name)) for name in remain)
        hold += REMAIN_MORE if hold else 0.0
        if status == 429:
            if not hold and used < size:  # not the bucket either: too many calls in a second
                hold = TOO_FAST_HOLD
            used += 1
            with self._lock:
                self._report.refused[api] += 1
        plan = self._plan_of(api)
        surprise = plan is not None and (used > plan.level + 1 or (size > 0 and size != plan.size))
        if status == 429 or hold > 0 or surprise or usage >= BRAKE_AT or self._braking:
            self._write(api, Said(status == 429, used, size, usage, hold), plan)

    def report(self) -> LimitReport:
        """What this process called and waited so far."""
        with self._lock:
            return LimitReport(Counter(self._report.calls), Counter(self._report.refused), self._report.waited)

    def _now(self) -> float:
        return self._clock.now() + self._state.skew() * speed_of(self._clock)

    def _held_until(self) -> float:
        with self._state.reading() as connection:
            found = connection.execute(_text(_HOLD), {"mall": self.mall_id}).scalar()
        return float(found or 0.0)

    def _plan_of(self, api: str) -> Plan | None:
        plan: Plan | None = getattr(self._plans, "last", None)
        return plan if plan is not None and plan.api == api else None

    def _reserve(self, api: str, size: int) -> tuple[float, float]:
        """The start time of one call, and the time now."""
        self._state.ensure(*_TABLES)
        with self._state.transaction(durable=False) as connection:
            pace, now = self._pace(connection)
            bucket = self._bucket(connection, api, size)
            start = max(now, pace["hold_until"], bucket_start(bucket, now))
            start = free_start(pace["starts"], start, call_gap(pace, now))
            bucket["empty_at"] = max(bucket["empty_at"], start) + spacing(bucket["size"])
            pace["starts"] = sorted([s for s in pace["starts"] if s > now - BRAKE_GAP] + [start])
            self._save(connection, api, pace, bucket, now)
        self._plans.last = Plan(api, (bucket["empty_at"] - start) * LEAK, bucket["size"], now)
        self._braking = usage_now(pace, now) >= BRAKE_AT
        return start, now

    def _write(self, api: str, said: Said, plan: Plan | None) -> None:
        self._state.ensure(*_TABLES)
        with self._state.transaction(durable=False) as connection:
            pace, now = self._pace(connection)
            bucket = self._bucket(connection, api, said.size or 40)
            bucket["size"] = said.size or bucket["size"]
            if said.hold > 0:
                pace["hold_until"] = max(pace["hold_until"], now + said.hold)
            raise_level(bucket, said, plan, now)
            if said.usage > 0:  # of a block's end nobody tells the usage; the first answer after it will
                pace["usage_percent"] = min(said.usage, AFTER_BLOCK) if said.hold else said.usage
                pace["usage_at"] = now
            self._save(connection, api, pace, bucket, now)
        self._braking = usage_now(pace, now) >= BRAKE_AT

    def _pace(self, connection: "Connection") -> tuple[dict[str, Any], float]:
        """The mall's row, held until the transaction ends and made when there is none, and the time now.

        When the machine's clock was set back, everything planned moves back with it.
        """
        who = {"mall": self.mall_id}
        select = _text(_PACE + self._state.for_update)
        found = connection.execute(select, who).one_or_none()
        if found is None:
            connection.execute(_text(_NEW_PACE), who)
            found = connection.execute(select, who).one()
        pace, now = {**found._mapping, "starts": json.loads(found.starts)}, self._now()
        if (back := pace["seen"] - now) > CLOCK_SET_BACK:
            pace["starts"] = [s - back for s in pace["starts"]]
            pace["hold_until"] -= back
            pace["usage_at"] -= back
            connection.execute(_text(_SHIFT), {"back": back, "mall": self.mall_id})
        return pace, now

    def _bucket(self, connection: "Connection", api: str, size: int) -> dict[str, Any]:
        found = connection.execute(_text(_BUCKET), {"mall": self.mall_id, "api": api}).one_or_none()
        return dict(found._mapping) if found else {"size": size, "empty_at": 0.0, "raised_at": 0.0}

    def _save(
        self, connection: "Connection", api: str, pace: dict[str, Any], bucket: dict[str, Any], now: float
    ) -> None:
        starts = json.dumps([round(s, 4) for s in pace["starts"]])
        connection.execute(_text(_SAVE_PACE), {**pace, "starts": starts, "seen": now, "mall": self.mall_id})
        connection.execute(_text(_SAVE_BUCKET), {**bucket, "mall": self.mall_id, "api": api})


_PACE = "SELECT starts, hold_until, usage_percent, usage_at, seen FROM call_pace WHERE mall_id = :mall"
_NEW_PACE = "INSERT INTO call_pace (mall_id) VALUES (:mall) ON CONFLICT (mall_id) DO NOTHING"
_HOLD = "SELECT hold_until FROM call_pace WHERE mall_id = :mall"
_SHIFT = "UPDATE call_buckets SET empty_at = empty_at - :back, raised_at = raised_at - :back WHERE mall_id = :mall"
_BUCKET = "SELECT size, empty_at, raised_at FROM call_buckets WHERE mall_id = :mall AND api = :api"
_SAVE_PACE = (
    "UPDATE call_pace SET starts = :starts, hold_until = :hold_until, usage_percent = :usage_percent, "
    "usage_at = :usage_at, seen = :seen WHERE mall_id = :mall"
)
_SAVE_BUCKET = (
    "INSERT INTO call_buckets (mall_id, api, size, empty_at, raised_at) "
    "VALUES (:mall, :api, :size, :empty_at, :raised_at) ON CONFLICT (mall_id, api) DO UPDATE "
    "SET size = excluded.size, empty_at = excluded.empty_at, raised_at = excluded.raised_at"
)
_TEXTS: dict[str, Any] = {}


def _text(statement: str) -> Any:
    """A statement that SQLAlchemy compiles once."""
    if statement not in _TEXTS:
        from sqlalchemy import text

        _TEXTS[statement] = text(statement)
    return _TEXTS[statement]
