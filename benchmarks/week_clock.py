"""A clock that is driven: what the project and Dagster take for the time of day, set from outside.

`time.time` is replaced for the process; `datetime.now` in every module of the project and in Dagster's own clock.
Waiting in the Admin API's client and between a step's tries moves the clock instead. Not driven: monotonic clocks,
SQLite's CURRENT_TIMESTAMP, file dates. Does not belong here: who sets it, and to what.
"""

import importlib
import pkgutil
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

_REAL_TIME = time.time
_LEFT_OUT = ("cafe24_pipelines.sandbox", "cafe24_pipelines.__main__")


class DrivenClock:
    """Seconds since the epoch: what was set last, and what has passed since. It never goes back."""

    def __init__(self, at: datetime) -> None:
        self._lock = threading.Lock()
        self._base, self._since = at.timestamp(), time.monotonic()

    def time(self) -> float:
        """Seconds since the epoch, as this clock counts them."""
        with self._lock:
            return self._base + time.monotonic() - self._since

    def now(self) -> datetime:
        """The time, UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    def set(self, at: datetime) -> float:
        """Go to `at`; gives the seconds by which the clock was past it already (0 when it was not)."""
        late = self.time() - at.timestamp()
        if late < 0:
            with self._lock:
                self._base, self._since = at.timestamp(), time.monotonic()
        return max(0.0, late)

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass at once."""
        with self._lock:
            self._base += max(0.0, seconds)


class _AnyDatetime(type):
    """The type of the stand-in: real datetimes are instances of it."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime)


def _stand_in(clock: DrivenClock) -> type:
    class Driven(datetime, metaclass=_AnyDatetime):
        """Makes real datetimes; only the present is another one."""

        def __new__(cls, *args: Any, **more: Any) -> Any:
            return datetime(*args, **more)  # noqa: DTZ001  the caller's own arguments

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.fromtimestamp(clock.time(), tz)

        @classmethod
        def utcnow(cls) -> Any:
            return datetime.fromtimestamp(clock.time(), UTC).replace(tzinfo=None)

    return Driven


@contextmanager
def driven(clock: DrivenClock) -> Iterator[list[str]]:
    """Project and Dagster live by `clock` inside the block; gives the modules whose `datetime.now` is driven.

    Every module of the project is loaded first, so that none takes the real class later.
    """
    modules = [*_project_modules(), importlib.import_module("dagster._time")]
    stand_in, named = _stand_in(clock), []
    from cafe24_pipelines.cafe24.admin_api import clock as api_clock

    waiting = SimpleNamespace(time=clock.time, sleep=clock.sleep, monotonic=time.monotonic)
    retries = importlib.import_module("dagster._core.execution.plan.active")  # waits between the tries of a step
    with (
        mock.patch.object(time, "time", clock.time), mock.patch.object(api_clock, "time", waiting),
        mock.patch.object(retries, "time", waiting),
    ):  # fmt: skip
        kept: list[tuple[ModuleType, str]] = []
        try:
            for module in modules:
                for name, value in list(vars(module).items()):
                    if value is datetime:
                        setattr(module, name, stand_in)
                        kept.append((module, name))
                        named.append(module.__name__)
            yield sorted(set(named))
        finally:
            for module, name in kept:
                setattr(module, name, datetime)


def _project_modules() -> list[ModuleType]:
    import cafe24_pipelines

    for found in pkgutil.walk_packages(cafe24_pipelines.__path__, "cafe24_pipelines."):
        if not found.name.startswith(_LEFT_OUT) and not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    return [m for n, m in sorted(sys.modules.items())
            if n.startswith("cafe24_pipelines.") and not n.startswith(_LEFT_OUT)]  # fmt: skip


def cron_times(cron: str | Sequence[str], begin: datetime, end: datetime) -> list[datetime]:
    """Times at which a five-field cron is due, `begin` included and `end` not, in the zone of `begin`.

    Understands `*`, lists, ranges and steps: what the definitions use, read here a second time and not by Dagster.
    """
    if not isinstance(cron, str):
        return sorted({at for one in cron for at in cron_times(one, begin, end)})
    fields = cron.split()
    bounds = ((0, 59), (0, 23), (1, 31), (1, 12))
    minute, hour, day, month = (_values(f, *b) for f, b in zip(fields[:4], bounds, strict=True))
    weekday = {d % 7 for d in _values(fields[4], 0, 7)}
    at, found = begin.replace(second=0, microsecond=0), []
    while at < end:
        if (at >= begin and at.minute in minute and at.hour in hour and at.day in day and at.month in month
                and at.isoweekday() % 7 in weekday):  # fmt: skip
            found.append(at)
        at += timedelta(minutes=1)
    return found


def _values(field: str, low: int, high: int) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = (f"{low}-{high}" if span == "*" else span).partition("-")
        found |= set(range(int(first), int(last or first) + 1, int(step or 1)))
    return found
