"""Readiness in one glance: each workflow, asset, check, store and model is green, or why it is not and what mends it.

A plain function over facts: whoever has a Dagster instance collects them (`instance_facts.py`), stores and models
tell theirs (`store_facts.py`). What nobody asked for (an optional model, an analysis outside the chain) is off, which
is neither green nor red. Does not belong here: collecting, rendering (`readiness_text.py`), posting (`posting.py`).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from cafe24_pipelines.names import SEOUL
from cafe24_pipelines.operations import phrases
from cafe24_pipelines.operations.clock import last_due
from cafe24_pipelines.operations.phrases import Said

State = Literal["green", "red", "off"]
AREAS: Final = ("store", "model", "job", "asset", "check", "workflow", "upkeep")
"""In the order in which trouble is worth a look: what holds the data, what failed with it, what starts it."""
GRACE: Final = timedelta(minutes=10)
"""A tick may come this much after it was due: the daemon looks every 30 s, and a machine may sleep."""
_NAMED: Final = 5
_ANY: Final = ("*",)


@dataclass(frozen=True)
class Item:
    """One line of the table. `why` and `remedy` are Korean, and empty when all is well; `en` is both in English."""

    area: str
    name: str
    state: State
    why: str = ""
    remedy: str = ""
    detail: str = ""
    en: tuple[str, str] = ("", "")

    @classmethod
    def red(cls, area: str, name: str, why: Said, remedy: Said, detail: str = "") -> "Item":
        """One that is not green."""
        return cls(area, name, "red", why.ko, remedy.ko, detail, (why.en, remedy.en))

    def said(self, lang: str) -> tuple[str, str]:
        """Reason and remedy in a language; in Korean where they are known in no other."""
        both = (self.why, self.remedy)
        return both if lang == "ko" else (self.en[0] or both[0], self.en[1] or both[1])

    @property
    def label(self) -> str:
        """Area and name without a mall: what is kept of the installation must not name one that was removed."""
        return f"{self.area}/{self.name.partition('/')[0] if self.area in ('store', 'job') else self.name}"

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return vars(self) | {"en": list(self.en)}


@dataclass(frozen=True)
class AutomationFact:
    """What is known of a schedule or sensor.

    Args:
        workflow: whether it is one of the 24 (else upkeep).
        crons: of a schedule; empty for a sensor.
        interval: seconds between a sensor's ticks.
        running: whether somebody started it.
        started_at: when, if that is known.
        last_tick_at: when it last ticked, if ever.
        last_tick: success, skipped, failure or started ("" before the first).
        last_run: how the last of its runs that has ended did ("" when none has).
    """

    name: str
    workflow: bool
    crons: tuple[str, ...] = ()
    interval: int = 0
    running: bool = False
    started_at: datetime | None = None
    last_tick_at: datetime | None = None
    last_tick: str = ""
    last_run_at: datetime | None = None
    last_run: str = ""


@dataclass(frozen=True)
class AssetFact:
    """What is known of an asset.

    Args:
        required: whether the chain of a mall makes it; what it doesn't make may be missing.
        missing: malls without it (`*` for an asset without partitions).
        failed: malls whose last attempt failed.
        last_at: when it was last made, for any mall.
        fail_after: the age at which it is late; None when it has no such bound.
        deadline: cron lines of its deadlines, and how long before one it counts.
    """

    name: str
    required: bool
    missing: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    last_at: datetime | None = None
    fail_after: timedelta | None = None
    deadline: tuple[str, timedelta, str] | None = None


@dataclass(frozen=True)
class CheckFact:
    """Malls whose latest execution of a check failed, or only warned; `known` is False before the first."""

    name: str
    known: bool
    failed: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """All that readiness is judged by. Stores and models come as finished items."""

    automations: Sequence[AutomationFact] = ()
    assets: Sequence[AssetFact] = ()
    checks: Sequence[CheckFact] = ()
    others: Sequence[Item] = ()


@dataclass(frozen=True)
class Readiness:
    """Every item, in the order of the areas, and when it was looked at."""

    at: datetime
    items: tuple[Item, ...] = field(default=())

    @property
    def green(self) -> bool:
        """Whether nothing is red."""
        return not self.red

    @property
    def red(self) -> list[Item]:
        """What is not green, and was asked for."""
        return [i for i in self.items if i.state == "red"]

    def counts(self) -> dict[str, dict[str, int]]:
        """Items by area and state."""
        counted = Counter((i.area, i.state) for i in self.items)
        return {
            a: {s: counted[a, s] for s in ("green", "red", "off")} for a in AREAS if any(k[0] == a for k in counted)
        }

    def digest(self) -> str:
        """Equal exactly when every item is in the same state for the same reason."""
        from cafe24_pipelines.stores.digest import json_digest

        return json_digest(sorted([i.area, i.name, i.state, i.why] for i in self.items))

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "at": self.at.isoformat(timespec="seconds"), "green": self.green, "digest": self.digest(),
            "counts": self.counts(), "items": [i.to_json() for i in self.items],
        }  # fmt: skip


def readiness(facts: Facts, now: datetime) -> Readiness:
    """Judge the facts. Reasons hold no ages and no times: the same trouble stays the same from hour to hour."""
    items = [
        *(_automation(f, now) for f in facts.automations),
        *(_asset(f, now) for f in facts.assets),
        *(_check(f) for f in facts.checks),
        *facts.others,
    ]
    rank = {area: place for place, area in enumerate(AREAS)}
    return Readiness(now, tuple(sorted(items, key=lambda i: (rank[i.area], i.name))))


def _automation(fact: AutomationFact, now: datetime) -> Item:
    area = "workflow" if fact.workflow else "upkeep"
    seen = f"틱 {at_seoul(fact.last_tick_at)} {fact.last_tick}".strip() if fact.last_tick_at else ""
    if fact.last_run_at:
        seen += f", 실행 {at_seoul(fact.last_run_at)} {fact.last_run}"
    red = partial(Item.red, area, fact.name, detail=seen)
    if not fact.running:
        return red(phrases.NOT_STARTED, phrases.TURN_ON)
    if fact.last_tick == "failure":
        return red(phrases.TICK_FAILED, phrases.SEE_TICK)
    if _late(fact, now):
        return red(phrases.TICK_LATE, phrases.SEE_DAEMON)
    if fact.last_run in ("failure", "canceled"):
        return red(phrases.RUN_FAILED, phrases.SEE_RUN)
    return Item(area, fact.name, "green", detail=seen)


def _late(fact: AutomationFact, now: datetime) -> bool:
    """Whether a tick should have come and did not."""
    if fact.crons:
        due = last_due(fact.crons, now - GRACE, SEOUL)
        if due is None or (fact.started_at and fact.started_at > due):
            return False
        return fact.last_tick_at is None or fact.last_tick_at < due
    waited = max(timedelta(seconds=5 * fact.interval), GRACE)
    since = max((t for t in (fact.last_tick_at, fact.started_at) if t), default=None)
    return since is None or now - since > waited


def _asset(fact: AssetFact, now: datetime) -> Item:
    seen = at_seoul(fact.last_at) if fact.last_at else ""
    red = partial(Item.red, "asset", fact.name, detail=seen)
    if fact.failed:
        return red(phrases.ATTEMPT_FAILED.of(_some(fact.failed)), phrases.RUN_AGAIN)
    if fact.last_at is None or (fact.missing and fact.required):
        if not fact.required:
            return Item("asset", fact.name, "off", detail="아직 만든 적이 없습니다")
        if fact.missing in ((), _ANY):
            return red(phrases.NOT_MADE, phrases.RUN.of("몰ID"))
        return red(phrases.NOT_MADE_FOR.of(_some(fact.missing)), phrases.RUN.of(sorted(fact.missing)[0]))
    if _stale(fact, fact.last_at, now):
        return red(phrases.STALE, phrases.SEE_SCHEDULE)
    return Item("asset", fact.name, "green", detail=seen)


def _stale(fact: AssetFact, last_at: datetime, now: datetime) -> bool:
    if fact.fail_after is not None:
        return now - last_at > fact.fail_after
    if fact.deadline is not None:
        cron, before, zone = fact.deadline
        due = last_due(cron, now, zone)
        return due is not None and last_at < due - before
    return False


def _check(fact: CheckFact) -> Item:
    if not fact.known:
        return Item("check", fact.name, "off", detail="아직 실행한 적이 없습니다")
    if fact.failed:
        return Item.red("check", fact.name, phrases.CHECK_FAILED.of(_some(fact.failed)), phrases.SEE_CHECK)
    return Item("check", fact.name, "green", detail=f"경고: {_some(fact.warned).ko}" if fact.warned else "")


def _some(names: Iterable[str]) -> Said:
    listed = sorted(set(names))
    first, more = ", ".join(listed[:_NAMED]), len(listed) - _NAMED
    return Said(f"{first} 외 {more}개", f"{first} and {more} more") if more > 0 else Said(first, first)


def at_seoul(moment: datetime | None) -> str:
    """A moment as it is shown, in the malls' time zone; "" for none."""
    return moment.astimezone(ZoneInfo(SEOUL)).strftime("%m-%d %H:%M") if moment else ""
