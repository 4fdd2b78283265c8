"""The one door to language models: LiteLLM, with time limits, bounded retries, and errors that a user can mend.

`local/extractive` needs no network. Importing this module is cheap; LiteLLM (5 s cold) is imported at the first
completion, told beforehand not to fetch its price list. Does not belong here: prompts, or checking what comes back.
"""

import os
import time
from dataclasses import dataclass
from typing import Any

from cafe24_pipelines.answers import extractive
from cafe24_pipelines.answers.prompts import Message
from cafe24_pipelines.errors import Cafe24Error, ConfigError

TIMEOUT_SECONDS = 60.0
RETRIES = 2
MAX_TOKENS = 800


class ModelError(Cafe24Error):
    """The language model could not be reached or refused the request."""


@dataclass(frozen=True)
class Completion:
    """A model's reply. `cost_usd` is None when the model's price is unknown, 0.0 for the local one."""

    text: str
    model: str
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    latency_ms: float


class LanguageModel:
    """One configured model; `api_key` appears in no message or representation."""

    def __init__(
        self,
        model: str = extractive.MODEL,
        api_base: str = "",
        api_key: str = "",
        *,
        timeout: float = TIMEOUT_SECONDS,
        retries: int = RETRIES,
    ) -> None:
        self.model, self.api_base, self._api_key = model, api_base, api_key
        self.timeout, self.retries = timeout, retries

    @property
    def local(self) -> bool:
        """Whether this is the built-in extractive composer."""
        return self.model == extractive.MODEL

    def complete(self, messages: list[Message], *, max_tokens: int = MAX_TOKENS) -> Completion:
        """One reply, at temperature 0.

        Raises:
            ConfigError: the model's key is missing or its name is unknown.
            ModelError: no connection, timeout, rate limit, or an error on the model's side, after the retries.
        """
        litellm = _litellm()
        self._check_key(litellm)
        started = time.perf_counter()
        reply = self._ask(litellm, messages, max_tokens)
        latency = 1000 * (time.perf_counter() - started)
        text = reply.choices[0].message.content or ""
        usage = reply.usage
        return Completion(
            text.strip(),
            self.model,
            usage.prompt_tokens,
            usage.completion_tokens,
            self._cost(reply, litellm),
            latency,
        )

    def write(self, prompt: str) -> str:
        """The reply to one prompt; errors as of `complete`."""
        return self.complete([{"role": "user", "content": prompt}]).text

    def _ask(self, litellm: Any, messages: list[Message], max_tokens: int) -> Any:
        """The reply; passing troubles are tried again after 0.25 s, 0.5 s ... (no client retries on its own)."""
        from openai import OpenAIError  # what every error of LiteLLM derives from

        for attempt in range(self.retries + 1):
            try:
                return litellm.completion(
                    model=self.model, messages=messages, max_tokens=max_tokens, temperature=0.0,
                    timeout=self.timeout, max_retries=0, drop_params=True,
                    api_base=self.api_base or None, api_key=self._key() or None,
                )  # fmt: skip
            except OpenAIError as e:
                problem = self._problem(e, litellm.exceptions)
                if isinstance(problem, ConfigError) or attempt == self.retries:
                    raise problem from e
                time.sleep(0.25 * 2**attempt)
        raise AssertionError("the loop returns or raises")

    def _key(self) -> str:
        """The key; a stand-in for a server on this machine, which usually wants none."""
        loopback = ("http://127.0.0.1", "http://localhost", "http://[::1]")
        return self._api_key or ("not-needed" if self.api_base.startswith(loopback) else "")

    def _check_key(self, litellm: Any) -> None:
        if self.local or self._key():
            return
        missing = litellm.validate_environment(model=self.model)["missing_keys"]
        if missing:
            raise ConfigError(
                f"no key for the model {self.model!r}",
                remedy="set LLM_API_KEY, or LLM_MODEL=local/extractive to answer without a model",
            )

    def _cost(self, reply: Any, litellm: Any) -> float | None:
        if self.local:
            return 0.0
        try:
            return float(litellm.completion_cost(completion_response=reply, model=self.model))
        except (litellm.exceptions.ModelNotMappedError, litellm.exceptions.BadRequestError):
            return None  # the price of a self-hosted or private model is not known

    def _problem(self, error: Exception, kinds: Any) -> Cafe24Error:
        """What a user can act on. Provider messages are left out: they may repeat a part of the key."""
        where = f"model {self.model}" + (f" at {self.api_base}" if self.api_base else "")
        status = getattr(error, "status_code", "no status")
        if "Connection error" in str(error):  # LiteLLM reports a refused connection as a failing server
            error = kinds.APIConnectionError("", "", self.model)
        known: list[tuple[Any, type[Cafe24Error], str, str]] = [
            (kinds.AuthenticationError, ConfigError, "the key was not accepted", "check LLM_API_KEY"),
            (kinds.PermissionDeniedError, ConfigError, "the key has no access", "check LLM_API_KEY"),
            (kinds.NotFoundError, ConfigError, "no such model", "check LLM_MODEL and LLM_API_BASE"),
            (kinds.BadRequestError, ConfigError, "the request was not accepted", "check LLM_MODEL"),
            (kinds.RateLimitError, ModelError, "the rate limit was hit", "wait a minute and ask again"),
            (kinds.Timeout, ModelError, f"no answer within {self.timeout:g} s", "choose a faster model"),
            (kinds.APIConnectionError, ModelError, "not reachable", "check LLM_API_BASE and the network"),
            (Exception, ModelError, f"the model's server failed ({status})", "ask again later"),
        ]
        kind, what, remedy = next(entry[1:] for entry in known if isinstance(error, entry[0]))
        return kind(
            what, where=where, remedy=f"{remedy}, or set LLM_MODEL=local/extractive to answer without a model"
        )


def _litellm() -> Any:
    """LiteLLM without its start-up fetch, with the local provider registered once."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm

    if not any(entry["provider"] == extractive.PROVIDER for entry in litellm.custom_provider_map):
        litellm.telemetry = False
        litellm.suppress_debug_info = True
        litellm.custom_provider_map.append({"provider": extractive.PROVIDER, "custom_handler": extractive.handler()})
    return litellm
