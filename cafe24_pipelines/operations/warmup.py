"""Keeping the fine-tuned model's endpoint warm within a month's budget, and telling when it was cold.

A warm-up is one tiny completion, kept as an event with its latency and its cost: the events are the month's account.
It is cold when it took more than three times the median of its own earlier ones. What a provider bills by the hour is
not seen from here; the budget is of what completions cost. Does not belong here: when it is tried (the schedule).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from cafe24_pipelines.answers.usage import KrwRate, in_krw
from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.names import OPERATIONS_MALL, SEOUL
from cafe24_pipelines.stores.events import Event

if TYPE_CHECKING:
    from cafe24_pipelines.answers.llm import LanguageModel
    from cafe24_pipelines.settings import Settings
    from cafe24_pipelines.stores.events import EventLog

WARMED: Final = "model.warmed"
INTERVAL: Final = timedelta(minutes=10)
COLD_FACTOR: Final = 3.0
HISTORY: Final = 30
ENOUGH: Final = 5
"""Earlier warm-ups below which nobody can say what is usual."""
TOKENS: Final = 1
_PROMPT: Final = "ping"
_MOST_A_MONTH: Final = 6_000
"""More than a month of ticks has: 31 days of 84, were each of them run twice."""
_STATE_KO: Final = {"warm": "따뜻함", "cold": "식어 있었음", "unknown": "이력이 적어 알 수 없음"}


@dataclass(frozen=True)
class Warmed:
    """What a warm-up found: warm, cold, or unknown while the history is short; latencies in ms."""

    state: str
    latency_ms: float
    usual_ms: float | None
    cost_usd: float | None
    month_usd: float


def why_not(
    settings: "Settings", log: "EventLog", *, now: datetime | None = None, last_use: datetime | None = None
) -> str:
    """Why the model is not to be warmed now; "" when it is.

    Args:
        last_use: when a merchant last got an answer of it.
    """
    now = now or datetime.now(UTC)
    if not settings.finetuned_model:
        return "no fine-tuned model is configured (FINETUNED_MODEL)"
    budget = budget_usd(settings)
    if budget == 0:
        return "no budget is set for warming (CAFE24_WARMUP_BUDGET)"
    events = this_month(log, settings.finetuned_model, now)
    if any(e.payload["cost_usd"] is None for e in events):
        return "the price of the fine-tuned model is not known, so no budget can be held (LLM_PRICE_USD)"
    spent = spent_usd(events)
    next_one = max((float(e.payload["cost_usd"]) for e in events), default=0.0)
    if spent + next_one > budget:
        return f"the month's budget of ${budget:g} is spent (${spent:.6f})"
    if last_use is not None and now - INTERVAL < last_use <= now:
        return "merchants used the model within the last 10 minutes: it is warm"
    return ""


def warm(
    settings: "Settings", log: "EventLog", model: "LanguageModel", *, key: str, now: datetime | None = None
) -> Warmed:
    """Ask for one token, and log what it took.

    Args:
        key: names this warm-up; the same one again is logged once.

    Raises:
        ModelError: the endpoint did not answer.
        ConfigError: its key or name is not accepted.
    """
    now = now or datetime.now(UTC)
    before = _latencies(log, model.model)
    reply = model.complete([{"role": "user", "content": _PROMPT}], max_tokens=TOKENS)
    latency, usual = round(reply.latency_ms, 1), (round(median(before), 1) if len(before) >= ENOUGH else None)
    state = "unknown" if usual is None else "cold" if latency > COLD_FACTOR * usual else "warm"
    rate = KrwRate(*settings.krw_per_usd) if settings.krw_per_usd else None
    payload = {
        "model": model.model, "state": state, "latency_ms": latency, "usual_ms": usual,
        "cost_usd": reply.cost_usd, "cost_krw": in_krw(reply.cost_usd, rate),
    }  # fmt: skip
    log.append([Event(f"{WARMED}:{key}", OPERATIONS_MALL, WARMED, now, payload)])
    return Warmed(state, latency, usual, reply.cost_usd, spent_usd(this_month(log, model.model, now)))


def budget_usd(settings: "Settings") -> float:
    """The month's budget in USD.

    Raises:
        ConfigError: it is in won and no rate is known.
    """
    amount, unit = settings.warmup_budget
    if unit == "usd" or amount == 0:
        return amount
    if settings.krw_per_usd is None:
        raise ConfigError("CAFE24_WARMUP_BUDGET is in won, and no rate is known", remedy="set CAFE24_KRW_PER_USD")
    return amount / settings.krw_per_usd[0]


def this_month(log: "EventLog", model: str, now: datetime) -> list[Event]:
    """Warm-ups of the model in the month (Asia/Seoul) of `now`, newest first."""
    month = _month(now)
    events = log.latest(OPERATIONS_MALL, (WARMED,), _MOST_A_MONTH)
    return [e for e in events if e.payload["model"] == model and _month(e.occurred_at) == month]


def spent_usd(events: list[Event]) -> float:
    """What these warm-ups cost, as far as prices are known."""
    return round(sum(float(e.payload["cost_usd"] or 0.0) for e in events), 9)


def last_warmth(settings: "Settings") -> str:
    """What the last warm-up of the configured model found, in Korean; "" before the first."""
    from cafe24_pipelines.parts import event_log

    events = event_log(settings).latest(OPERATIONS_MALL, (WARMED,), HISTORY)
    last: dict[str, Any] = next((e.payload for e in events if e.payload["model"] == settings.finetuned_model), {})
    if not last:
        return ""
    usual = f" (평소 {last['usual_ms']:g} ms)" if last["usual_ms"] is not None else ""
    return f"{_STATE_KO[last['state']]} {last['latency_ms']:g} ms{usual}"


def _latencies(log: "EventLog", model: str) -> list[float]:
    events = log.latest(OPERATIONS_MALL, (WARMED,), HISTORY)
    return [float(e.payload["latency_ms"]) for e in events if e.payload["model"] == model]


def _month(at: datetime) -> str:
    return at.astimezone(ZoneInfo(SEOUL)).strftime("%Y-%m")
