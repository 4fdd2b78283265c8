"""What a mall may do: limits of its plan, little while it is suspended, nothing when it is gone; what it did today.

The one rule that every door asks (HTTP API, MCP, command line, inbox, schedules) is `_closed`. Plans lie in
`plans.yaml`; which one holds is read from the event log. Counts lie in the shared state, so that processes and
machines count together. Does not belong here: the state itself (see `state.py`), the words for a reason
(`words.py`), or a model's spending (`answers/budget.py` counts that; here is only how much it may be).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, Literal
from zoneinfo import ZoneInfo

from cafe24_pipelines.errors import Cafe24Error, ConfigError
from cafe24_pipelines.lifecycle.state import MallState, mall_state
from cafe24_pipelines.lifecycle.words import mended_by, told

if TYPE_CHECKING:
    from cafe24_pipelines.settings import Settings
    from cafe24_pipelines.stores.events import EventLog

What = Literal["question", "snippet", "sync", "run", "read"]
"""`question`, `snippet` and `sync` are the plan's; `run` is work that the operator starts by hand, at any hour;
`read` is what runs have made of the mall already: figures, patterns, reports, rows behind a number, search."""
READABLE: Final = frozenset({"expired", "payment", "deactivated"})
"""Suspensions under which a merchant may still read what was made for them: the subscription ended, not the trust.
Under the others somebody has said stop, Cafe24 (`blocked`) or the operator."""
_HOURS: Final = 24
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS plan_usage (mall_id TEXT NOT NULL, day TEXT NOT NULL, what TEXT NOT NULL, "
    "used BIGINT NOT NULL, PRIMARY KEY (mall_id, day, what))"
)


class NotAllowed(Cafe24Error):
    """What was asked for is not within the mall's plan now; `allowance` says why."""

    def __init__(self, allowance: "Allowance") -> None:
        self.allowance = allowance
        mall_id = allowance.mall_id
        super().__init__(
            allowance.text("en"), where=f"mall {mall_id}", remedy=mended_by(allowance.reasons, mall_id, "en")
        )

    def to_merchant(self) -> str:
        """The reasons in Korean, and what the merchant can do."""
        return f"{self.allowance.text()}. {mended_by(self.allowance.reasons, self.allowance.mall_id, 'ko')}"


@dataclass(frozen=True)
class Limits:
    """What a plan allows in a day; None sets no bound."""

    plan: str
    title: str
    questions_per_day: int | None
    snippets_per_day: int | None
    syncs_per_day: int
    llm_usd_per_day: float | None


@dataclass(frozen=True)
class Allowance:
    """Whether something is allowed now. `reasons` are codes (see `text`), empty when it is."""

    mall_id: str
    what: What
    plan: str
    reasons: tuple[str, ...] = ()
    limit: int | None = None
    used: int = 0

    @property
    def ok(self) -> bool:
        """Whether it may go ahead."""
        return not self.reasons

    def text(self, lang: str = "ko") -> str:
        """The reasons in words; "" when it is allowed."""
        counted = f" ({self.used:,}/{self.limit:,})" if "spent" in self.reasons and self.limit is not None else ""
        return told(self.reasons, lang) + counted


@cache
def plans() -> dict[str, Limits]:
    """Every plan by name.

    Raises:
        ConfigError: the file names a number that makes no sense.
    """
    import yaml

    read = yaml.safe_load(files("cafe24_pipelines.lifecycle").joinpath("plans.yaml").read_text(encoding="utf-8"))
    found = {name: Limits(plan=name, **row) for name, row in read.items()}
    for one in found.values():
        if one.syncs_per_day < 1 or _HOURS % one.syncs_per_day:
            raise ConfigError(f"plan {one.plan}: {one.syncs_per_day} syncs a day don't spread evenly",
                              where="lifecycle/plans.yaml", remedy="use a divisor of 24")  # fmt: skip
    return found


def limits_of(settings: "Settings", state: MallState) -> Limits:
    """The limits that hold for a mall; one whose plan is unknown here gets the default plan's."""
    known = plans()
    return known.get(state.plan) or known[settings.default_plan]


def allowed(
    settings: "Settings", log: "EventLog", mall_id: str, what: What, *, now: datetime | None = None
) -> Allowance:
    """Whether a mall may do something now; counts nothing.

    A mall without any event of its life is the operator's own: it is served, within the default plan.
    """
    return _judged(settings, mall_state(log, mall_id), what, _used(settings, mall_id, what, now), now)


def spend(
    settings: "Settings", log: "EventLog", mall_id: str, what: What, *, now: datetime | None = None
) -> Allowance:
    """Count one use, if it is allowed: of callers at the same time only as many pass as the limit has room for."""
    from cafe24_pipelines.stores.shared_state import shared_state

    state = mall_state(log, mall_id)
    free = _judged(settings, state, what, 0, now)
    if not free.ok or free.limit is None:
        return free
    row = {"mall": mall_id, "day": _day(settings, mall_id, now), "what": what, "limit": free.limit}
    shared = shared_state(settings)
    shared.ensure(_TABLE)
    with shared.transaction() as connection:
        connection.execute(_sql("DELETE FROM plan_usage WHERE mall_id = :mall AND day < :day"), row)
        done = connection.execute(
            _sql(
                "INSERT INTO plan_usage (mall_id, day, what, used) VALUES (:mall, :day, :what, 1) "
                "ON CONFLICT (mall_id, day, what) DO UPDATE SET used = plan_usage.used + 1 "
                "WHERE plan_usage.used < :limit"
            ),
            row,
        )
    return _judged(settings, state, what, free.limit if not done.rowcount else 0, now)


def require(settings: "Settings", log: "EventLog", mall_id: str, what: What, *, now: datetime | None = None) -> None:
    """`spend`, for callers that stop at an error.

    Raises:
        NotAllowed: the plan, or the mall's state, doesn't allow it.
    """
    found = spend(settings, log, mall_id, what, now=now)
    if not found.ok:
        raise NotAllowed(found)


def llm_budget(settings: "Settings", log: "EventLog", mall_id: str) -> float:
    """Dollars a day for models: the installation's bound or the plan's, the smaller; 0 for no bound."""
    bounds = (settings.llm_budget_usd, limits_of(settings, mall_state(log, mall_id)).llm_usd_per_day)
    return min((usd for usd in bounds if usd), default=0.0)


def _judged(settings: "Settings", state: MallState, what: What, used: int, now: datetime | None) -> Allowance:
    limits = limits_of(settings, state)
    bound = {"question": limits.questions_per_day, "snippet": limits.snippets_per_day}.get(what)
    if closed := _closed(state, what):
        return Allowance(state.mall_id, what, limits.plan, closed, bound, used)
    if what == "sync":
        hour = _local(settings, state.mall_id, now).hour
        reasons = ("not_due",) if hour % (_HOURS // limits.syncs_per_day) else ()
        return Allowance(state.mall_id, what, limits.plan, reasons, limits.syncs_per_day)
    spent = bound is not None and used >= bound
    return Allowance(state.mall_id, what, limits.plan, ("spent",) if spent else (), bound, used)


def _closed(state: MallState, what: What) -> tuple[str, ...]:
    """Why the mall's place in its life closes this door; () while it is open. The one rule of all doors.

    A mall that left has withdrawn its consent: its results are in its export. Of a removed one there is nothing.
    """
    if state.served:
        return ()
    if state.stage != "suspended":
        return (str(state.stage),)
    return tuple(reason for reason in state.reasons if what != "read" or reason not in READABLE)


def _used(settings: "Settings", mall_id: str, what: What, now: datetime | None) -> int:
    from cafe24_pipelines.stores.shared_state import shared_state

    if what not in ("question", "snippet") or not (settings.state_url or settings.home.state.exists()):
        return 0
    shared = shared_state(settings)
    shared.ensure(_TABLE)
    row = {"mall": mall_id, "day": _day(settings, mall_id, now), "what": what}
    with shared.reading() as connection:
        sql = "SELECT used FROM plan_usage WHERE mall_id = :mall AND day = :day AND what = :what"
        return int(connection.execute(_sql(sql), row).scalar_one_or_none() or 0)


def _sql(text: str) -> Any:
    from sqlalchemy import text as statement

    return statement(text)


def _local(settings: "Settings", mall_id: str, now: datetime | None) -> datetime:
    from cafe24_pipelines.cafe24.malls import Mall, known_malls

    zone = known_malls(settings.home).get(mall_id, Mall(mall_id)).time_zone
    return (now or datetime.now(UTC)).astimezone(ZoneInfo(zone))


def _day(settings: "Settings", mall_id: str, now: datetime | None) -> str:
    return _local(settings, mall_id, now).date().isoformat()
