"""What a model's tokens cost: LiteLLM's list, which comes with it, or the price that the operator states.

A price that nobody knows is None, never a guess. Does not belong here: holding a budget (see `budget.py`).
"""

from dataclasses import dataclass
from typing import Any

from cafe24_pipelines.answers.extractive import PROVIDER, Message

_FRAME_TOKENS = 32
"""More than any chat template wraps around one message."""


@dataclass(frozen=True)
class Prices:
    """Prices in USD; `stated` is the operator's, input and output for a million tokens, where the list has none."""

    stated: tuple[float, float] | None = None

    def cost(
        self, litellm: Any, model: str, input_tokens: int, output_tokens: int, usage: Any = None
    ) -> float | None:
        """The price of so many tokens; `usage`, the provider's own record, adds what it cached."""
        if model.startswith(f"{PROVIDER}/"):
            return 0.0
        try:
            parts = litellm.cost_per_token(
                model=model, prompt_tokens=input_tokens, completion_tokens=output_tokens, usage_object=usage
            )
            return float(sum(parts))
        except (litellm.exceptions.ModelNotMappedError, litellm.exceptions.BadRequestError):
            if self.stated is None:
                return None
            return (input_tokens * self.stated[0] + output_tokens * self.stated[1]) / 1_000_000

    def most(self, litellm: Any, model: str, messages: list[Message], max_tokens: int) -> float | None:
        """The most that a request can cost: no tokenizer makes more tokens of a text than it has bytes."""
        tokens = sum(len(m["content"].encode()) + _FRAME_TOKENS for m in messages)
        return self.cost(litellm, model, tokens, max_tokens)
