"""What an answer used: tokens, money in USD and KRW, and which model it really came from.

Won are told only at a rate that the operator configured, and the rate and its date are told with them. Does not
belong here: prices (see `prices.py`), or holding a budget (see `budget.py`).
"""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cafe24_pipelines.answers.llm import Completion


@dataclass(frozen=True)
class KrwRate:
    """Won for a dollar, and the day (YYYY-MM-DD) of that rate."""

    krw_per_usd: float
    as_of: str


@dataclass(frozen=True)
class Usage:
    """What one answer used; all zero and `model` empty when no model was asked.

    Args:
        model: the model that answered (a fallback, when the configured one failed).
        input_tokens: tokens of the prompt; 0 when cached.
        output_tokens: tokens of the reply; 0 when cached.
        cost_usd: None when the price is not known.
        cost_krw: None when the price or the rate is not known.
        cached: whether the reply came from the cache.
        attempts: requests sent.
        fallback: whether a fallback answered.
        first_token_ms: time to the first letter, when streamed.
        krw_per_usd: the rate that was used, None when none is configured.
        krw_rate_date: its day, "" when none is configured.
    """

    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    cost_krw: float | None = 0.0
    cached: bool = False
    attempts: int = 0
    fallback: bool = False
    first_token_ms: float | None = None
    krw_per_usd: float | None = None
    krw_rate_date: str = ""

    def to_json(self) -> dict[str, Any]:
        """As it stands in an answer's JSON."""
        first = self.first_token_ms
        return asdict(self) | {"first_token_ms": None if first is None else round(first, 1)}


NO_USAGE = Usage()
"""No model was asked."""


def used(completion: "Completion", rate: KrwRate | None) -> Usage:
    """What a completion used."""
    return Usage(
        model=completion.model, input_tokens=completion.input_tokens, output_tokens=completion.output_tokens,
        cost_usd=completion.cost_usd, cost_krw=in_krw(completion.cost_usd, rate), cached=completion.cached,
        attempts=completion.attempts, fallback=completion.fallback, first_token_ms=completion.first_token_ms,
        krw_per_usd=rate.krw_per_usd if rate else None, krw_rate_date=rate.as_of if rate else "",
    )  # fmt: skip


def in_krw(usd: float | None, rate: KrwRate | None) -> float | None:
    """Won of an amount: nothing costs nothing at any rate; else None without a price or a rate."""
    if usd == 0:
        return 0.0
    return None if usd is None or rate is None else round(usd * rate.krw_per_usd, 4)
