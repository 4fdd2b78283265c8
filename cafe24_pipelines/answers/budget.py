"""A mall's daily budget for models, which concurrent callers can't overspend: reserve first, settle afterwards.

Before a request is sent, the most that it can cost is reserved in one write transaction of the shared state; what it
did cost replaces that afterwards. LiteLLM's own budgets check first and add later, in memory, so that calls at the
same time pass the check together (its issues 34732 and 35567). A reservation whose holder died, or whose reply never
came, can't be known to be free of charge: when it expires it counts as spent until the day ends, and it never counts
against another day. Does not belong here: prices (see `prices.py`).
"""

import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from cafe24_pipelines.answers.model_errors import LOCAL_INSTEAD, ModelError
from cafe24_pipelines.cafe24.admin_api.clock import Clock, SystemClock
from cafe24_pipelines.names import SEOUL

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from cafe24_pipelines.stores.shared_state import SharedState

MICRO: Final = 1_000_000
"""Amounts are whole millionths of a dollar: sums are exact."""
PATIENCE: Final = 5.0
"""Seconds that a call waits for others to settle, before it is told that the budget is spent."""
_LOOK_AGAIN: Final = 0.05
_KEPT_DAYS: Final = 40

_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS llm_spend (call_id TEXT PRIMARY KEY, mall_id TEXT NOT NULL, day TEXT NOT NULL, "
    "reserved BIGINT NOT NULL, settled BIGINT, expires_at DOUBLE PRECISION NOT NULL)",
    "CREATE INDEX IF NOT EXISTS llm_spend_day ON llm_spend (mall_id, day)",
    "CREATE TABLE IF NOT EXISTS llm_spend_lock (mall_id TEXT PRIMARY KEY)",
)


class BudgetSpent(ModelError):
    """The mall's budget of the day doesn't hold one more request."""

    usd_a_day = 0.0


@dataclass(frozen=True)
class Spend:
    """A day of one mall in USD: what is settled, what is held by calls under way, and what expired unsettled."""

    day: str
    settled: float
    held: float
    lost: float

    @property
    def total(self) -> float:
        """All that counts against the budget."""
        return self.settled + self.held + self.lost


class Hold:
    """The right to spend up to the reserved amount, once. Left unsettled, it counts as spent in full."""

    def __init__(self, budget: "Budget", call_id: str) -> None:
        self._budget, self._call_id = budget, call_id

    def settle(self, usd: float | None) -> None:
        """What the call did cost; None when nobody knows, which counts as all that was reserved."""
        if usd is not None:
            self._budget.settle(self._call_id, usd)

    def release(self) -> None:
        """The call was turned down before any work: it cost nothing."""
        self._budget.settle(self._call_id, 0.0)


class Budget:
    """The budget of one mall and day, shared by every thread, process and machine of the installation."""

    def __init__(
        self, state: "SharedState", mall_id: str, usd_a_day: float, *, zone: str = SEOUL, clock: Clock | None = None
    ) -> None:
        self._state, self.mall_id, self.usd_a_day, self._zone = state, mall_id, usd_a_day, ZoneInfo(zone)
        self._clock = clock or SystemClock()

    def reserve(self, usd: float, seconds: float) -> Hold:
        """Hold `usd` for a call that ends within `seconds`; waits a little while others hold what would be needed.

        Raises:
            BudgetSpent: what is spent and `usd` together are more than the budget.
        """
        self._state.ensure(*_TABLE)
        amount, deadline = _micro_up(usd), time.monotonic() + PATIENCE
        while True:
            call_id, spent = self._try(amount, seconds)
            if call_id:
                return Hold(self, call_id)
            now_free = _micro(self.usd_a_day) - _micro(spent.settled + spent.lost)
            if amount > now_free or time.monotonic() >= deadline:
                raise self._refusal(spent, usd)
            time.sleep(_LOOK_AGAIN)

    def settle(self, call_id: str, usd: float) -> None:
        """Replace a reservation by what the call did cost."""
        with self._state.transaction() as connection:
            row = {"id": call_id, "usd": _micro_up(usd)}
            _run(connection, "UPDATE llm_spend SET settled = :usd WHERE call_id = :id AND settled IS NULL", row)

    def today(self) -> Spend:
        """What this day has cost so far."""
        self._state.ensure(*_TABLE)
        with self._state.reading() as connection:
            return self._spend(connection, *self._now())

    def _try(self, amount: int, seconds: float) -> tuple[str, Spend]:
        """One attempt, one transaction: the id of the reservation ("" when it doesn't fit), and the day before it."""
        with self._state.transaction() as connection:
            _run(
                connection, "INSERT INTO llm_spend_lock (mall_id) VALUES (:mall) ON CONFLICT (mall_id) DO NOTHING",
                {"mall": self.mall_id},
            )  # fmt: skip
            lock = f"SELECT mall_id FROM llm_spend_lock WHERE mall_id = :mall{self._state.for_update}"
            _run(connection, lock, {"mall": self.mall_id})
            day, now = self._now()
            spent = self._spend(connection, day, now)
            if _micro(spent.total) + amount > _micro(self.usd_a_day):
                return "", spent
            oldest = (datetime.fromisoformat(day) - timedelta(days=_KEPT_DAYS)).date().isoformat()
            _run(connection, "DELETE FROM llm_spend WHERE mall_id = :mall AND day < :day",
                 {"mall": self.mall_id, "day": oldest})  # fmt: skip
            call_id = secrets.token_hex(16)
            row = {
                "id": call_id,
                "mall": self.mall_id,
                "day": day,
                "usd": amount,
                "until": now + seconds,
            }
            _run(
                connection, "INSERT INTO llm_spend (call_id, mall_id, day, reserved, expires_at) "
                "VALUES (:id, :mall, :day, :usd, :until)", row,
            )  # fmt: skip
            return call_id, spent

    def _spend(self, connection: "Connection", day: str, now: float) -> Spend:
        sql = (
            "SELECT coalesce(sum(settled), 0), "
            "coalesce(sum(CASE WHEN settled IS NULL AND expires_at > :now THEN reserved ELSE 0 END), 0), "
            "coalesce(sum(CASE WHEN settled IS NULL AND expires_at <= :now THEN reserved ELSE 0 END), 0) "
            "FROM llm_spend WHERE mall_id = :mall AND day = :day"
        )
        settled, held, lost = _run(connection, sql, {"mall": self.mall_id, "day": day, "now": now}).one()
        return Spend(day, int(settled) / MICRO, int(held) / MICRO, int(lost) / MICRO)

    def _now(self) -> tuple[str, float]:
        """The mall's day and the epoch seconds, by the clock that all machines share."""
        now = self._clock.now() + self._state.skew()
        return datetime.fromtimestamp(now, UTC).astimezone(self._zone).date().isoformat(), now

    def _refusal(self, spent: Spend, usd: float) -> BudgetSpent:
        error = BudgetSpent(
            f"the day's budget of ${self.usd_a_day:g} is spent (${spent.total:.6f} on {spent.day}; "
            f"one request may cost ${usd:.6f})",
            where=f"mall {self.mall_id}", remedy=f"raise LLM_BUDGET_USD, wait for the next day, {LOCAL_INSTEAD}",
        )  # fmt: skip
        error.usd_a_day = self.usd_a_day
        return error


def _run(connection: "Connection", sql: str, values: dict[str, Any]) -> Any:
    from sqlalchemy import text

    return connection.execute(text(sql), values)


def _micro(usd: float) -> int:
    return round(usd * MICRO)


def _micro_up(usd: float) -> int:
    """Rounded up, so that many small amounts don't add up to more than was counted."""
    whole = round(usd * MICRO, 3)
    return -int(-whole // 1)
