"""The gate before a forecast: enough data for the shop's own model, enough for a pooled one, or a refusal.

Above it a shop's own parameters are believed. Below it they are drawn towards those of public shops. With next to
nothing there is no forecast, and it is said what is missing. Does not belong here: the models.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

from cafe24_pipelines.crm.analysis import Lacking

OWN_BUYERS, OWN_DAYS = 500, 180
"""What peers ask for before they forecast at all."""
POOLED_BUYERS, POOLED_DAYS, POOLED_REPEATERS = 30, 60, 1
OWN_REPEATERS: Final = 100
"""Repeat buyers below which the value of a purchase is drawn towards that of public shops."""

_BUYERS, _DAYS = "구매한 회원 수", "첫 구매부터 마지막 주문까지의 날수"


@dataclass(frozen=True)
class Gate:
    """What a shop has, and what that suffices for.

    Attributes:
        buyers: members with a purchase.
        days: from the first to the last day.
        repeaters: members who bought again on another day and paid for it.
    """

    buyers: int
    days: int
    repeaters: int

    @property
    def result(self) -> Literal["passed", "pooled", "refused"]:
        """What it suffices for."""
        if self.buyers >= OWN_BUYERS and self.days >= OWN_DAYS and self.repeaters >= POOLED_REPEATERS:
            return "passed"
        enough = self.buyers >= POOLED_BUYERS and self.days >= POOLED_DAYS and self.repeaters >= POOLED_REPEATERS
        return "pooled" if enough else "refused"

    @property
    def pooled(self) -> bool:
        """Whether the parameters of purchases are drawn towards public shops."""
        return self.result != "passed"

    def lacking(self) -> tuple[Lacking, ...]:
        """What is missing for the next better answer (empty when passed)."""
        refused = self.result == "refused"
        buyers, days = (POOLED_BUYERS, POOLED_DAYS) if refused else (OWN_BUYERS, OWN_DAYS)
        wanted = (
            (_BUYERS, self.buyers, buyers),
            (_DAYS, self.days, days),
            ("두 날 이상 구매하고 결제 금액이 있는 회원 수", self.repeaters, POOLED_REPEATERS),
        )
        return tuple(Lacking(what, have, needed) for what, have, needed in wanted if have < needed)

    def to_json(self) -> dict[str, Any]:
        """As JSON values, with what is asked for."""
        return {
            "result": self.result, "buyers": self.buyers, "days": self.days, "repeat_buyers": self.repeaters,
            "own_model_from": {"buyers": OWN_BUYERS, "days": OWN_DAYS},
            "pooled_from": {"buyers": POOLED_BUYERS, "days": POOLED_DAYS, "repeat_buyers": POOLED_REPEATERS},
        }  # fmt: skip
