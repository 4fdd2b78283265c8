"""The one door to language models: LiteLLM, with time limits, retries, fallbacks, a cache, a budget, and errors that
a user can mend.

`local/extractive` needs no network. Importing this module is cheap; LiteLLM (5 s cold) is imported at the first
completion, told beforehand not to fetch its price list. LiteLLM's own retries and fallbacks (`num_retries`, `Router`)
are not used: they don't stop at a bounded wait, sleep over a Retry-After of an hour, and count no attempts. Does not
belong here: prompts, or checking what comes back.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.answers import extractive
from cafe24_pipelines.answers.model_errors import LOCAL_INSTEAD, ModelError, ReplyBroken, Trouble, trouble
from cafe24_pipelines.answers.prices import Prices
from cafe24_pipelines.answers.prompts import Message
from cafe24_pipelines.errors import Cafe24Error, ConfigError

if TYPE_CHECKING:
    from cafe24_pipelines.answers.answer_cache import AnswerCache
    from cafe24_pipelines.answers.budget import Budget, Hold

__all__ = ["Completion", "LanguageModel", "ModelError", "ReplyBroken"]

TIMEOUT_SECONDS = 60.0
RETRIES = 2
MAX_TOKENS = 800
MAX_WAIT = 20.0
"""Seconds that one question may spend on waiting between attempts, whatever a provider asks for."""
FIRST_WAIT = 0.25
_LOOPBACK = ("http://127.0.0.1", "http://localhost", "http://[::1]")


@dataclass(frozen=True)
class Completion:
    """A model's reply.

    Args:
        text: what it said.
        model: the model that answered: the configured one, or a fallback.
        input_tokens: as the provider counted them; 0 for a cached reply, which used none.
        output_tokens: likewise.
        cost_usd: None when the model's price is unknown, 0.0 for the local one and for a cached reply.
        latency_ms: from the question to the last letter, with every attempt and wait.
        first_token_ms: from the question to the first letter; None when the reply was not streamed.
        cached: whether it came from the answer cache.
        attempts: requests that were sent, over all models.
        fallback: whether another model than the configured one answered.
        finish: why it ended: stop, length or content_filter.
    """

    text: str
    model: str
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    latency_ms: float
    first_token_ms: float | None = None
    cached: bool = False
    attempts: int = 1
    fallback: bool = False
    finish: str = "stop"


@dataclass
class _Tally:
    """What one question has taken so far."""

    started: float
    attempts: int = 0
    waited: float = 0.0
    first_ms: float | None = None
    pieces: list[str] = field(default_factory=list)
    usage: Any = None
    finish: str = "stop"

    @property
    def text(self) -> str:
        return "".join(self.pieces).strip()

    @property
    def elapsed_ms(self) -> float:
        return 1000 * (time.perf_counter() - self.started)


class _NextModel(Exception):
    """This model is given up; the next one of the list may be asked."""

    def __init__(self, error: Cafe24Error) -> None:
        self.error = error


class LanguageModel:
    """One configured model and what stands behind it; `api_key` appears in no message or representation.

    Args:
        model: a LiteLLM name, such as `anthropic/claude-sonnet-4-5`.
        api_base: the server's address, when it is not the provider's own.
        api_key: its key; empty means the provider's own variable, such as ANTHROPIC_API_KEY.
        timeout: seconds that one request may take, streamed or not.
        retries: further attempts with one model after a passing trouble.
        fallbacks: models that are asked, in order, when one could not answer or its window is too small. Those of the
            same provider share address and key; others have their provider's own address, and their own variable.
        cache: where replies are kept; None keeps none.
        budget: the mall's daily budget; None sets no bound.
        prices: what models cost that LiteLLM's list doesn't know.
    """

    _sleep = staticmethod(time.sleep)

    def __init__(
        self,
        model: str = extractive.MODEL,
        api_base: str = "",
        api_key: str = "",
        *,
        timeout: float = TIMEOUT_SECONDS,
        retries: int = RETRIES,
        fallbacks: tuple[str, ...] = (),
        cache: "AnswerCache | None" = None,
        budget: "Budget | None" = None,
        prices: Prices | None = None,
    ) -> None:
        self.model, self.api_base, self._api_key = model, api_base, api_key
        self.timeout, self.retries, self.fallbacks = timeout, retries, fallbacks
        self.cache, self.budget, self.prices = cache, budget, prices or Prices()

    @property
    def local(self) -> bool:
        """Whether this is the built-in extractive composer."""
        return self.model == extractive.MODEL

    def complete(self, messages: list[Message], *, max_tokens: int = MAX_TOKENS) -> Completion:
        """One reply, at temperature 0.

        Raises:
            ConfigError: a model's key is missing, its name is unknown, or its price is, where a budget is set.
            ModelError: no connection, timeout, rate limit, spent budget, or an error on the model's side, after the
                retries and with every fallback.
            ReplyBroken: the provider's filter stopped the reply.
        """
        return _last(self._run(messages, max_tokens, streamed=False))

    def stream(self, messages: list[Message], *, max_tokens: int = MAX_TOKENS) -> Iterator[str | Completion]:
        """The reply's text in pieces as they come, and the completion last; errors as of `complete`.

        Until the first piece, troubles are handled as in `complete`; afterwards nobody can take back what was said,
        so a cut line is a `ReplyBroken`.
        """
        return self._run(messages, max_tokens, streamed=True)

    def write(self, prompt: str) -> str:
        """The reply to one prompt; errors as of `complete`."""
        return self.complete([{"role": "user", "content": prompt}]).text

    def _run(self, messages: list[Message], max_tokens: int, *, streamed: bool) -> Iterator[str | Completion]:
        tally = _Tally(time.perf_counter())
        key = self._cache_key(messages, max_tokens)
        if key and self.cache and (kept := self.cache.get(key)) is not None:
            yield kept
            yield Completion(kept, self.model, 0, 0, 0.0, tally.elapsed_ms, cached=True, attempts=0)
            return
        models = (self.model, *self.fallbacks)
        for place, model in enumerate(models):
            try:
                yield from self._attempts(model, messages, max_tokens, tally, streamed=streamed)
            except _NextModel as e:
                if place + 1 == len(models):
                    raise e.error from e.__cause__
                continue
            done = self._completion(model, tally, fallback=place > 0)
            if key and self.cache and not done.fallback and done.finish == "stop" and done.text:
                self.cache.put(key, model, done.text)
            yield done
            return

    def _attempts(
        self, model: str, messages: list[Message], max_tokens: int, tally: _Tally, *, streamed: bool
    ) -> Iterator[str]:
        """The pieces of one model's reply; passing troubles are tried again after 0.25 s, 0.5 s, or as asked."""
        from openai import OpenAIError  # what every error of LiteLLM derives from

        litellm = _litellm()
        self._check_key(litellm, model)
        for attempt in range(self.retries + 1):
            hold = self._hold(litellm, model, messages, max_tokens)
            tally.attempts += 1
            try:
                yield from self._request(litellm, model, messages, max_tokens, tally, streamed=streamed)
            except (OpenAIError, _NoReply) as e:
                found = self._trouble(e, litellm, model)
                if tally.pieces:
                    raise self._broken(model, tally) from e
                if hold and not found.billed:
                    hold.release()
                if found.final:
                    raise found.error from e
                wait = self._wait(found, attempt, tally)
                if wait is None:
                    raise _NextModel(found.error) from e
                self._sleep(wait)
                continue
            if hold:
                hold.settle(self._cost(litellm, model, tally))
            if tally.finish == "content_filter":
                raise self._broken(model, tally)
            return

    def _request(
        self, litellm: Any, model: str, messages: list[Message], max_tokens: int, tally: _Tally, *, streamed: bool
    ) -> Iterator[str]:
        """One request; its pieces, with the usage and the reason of its end left in the tally."""
        base, key = self._endpoint(model)
        streamed = streamed and not model.startswith(f"{extractive.PROVIDER}/")
        more: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}} if streamed else {}
        deadline, tally.usage, tally.finish = time.monotonic() + self.timeout, None, "stop"
        reply = litellm.completion(
            model=model, messages=messages, max_tokens=max_tokens, temperature=0.0, timeout=self.timeout,
            max_retries=0, drop_params=True, api_base=base or None, api_key=key or None, **more,
        )  # fmt: skip
        if not streamed:
            if not reply.choices:
                raise _NoReply
            tally.usage, tally.finish = reply.usage, str(reply.choices[0].finish_reason or "stop")
            text = reply.choices[0].message.content or ""
            if text:
                tally.pieces.append(text)
                yield text
            return
        try:
            yield from self._streamed(litellm, reply, model, tally, deadline)
        finally:  # a reader who left must not leave the model at work
            close = getattr(getattr(reply, "completion_stream", None), "close", None)
            if close:
                close()

    def _streamed(self, litellm: Any, reply: Any, model: str, tally: _Tally, deadline: float) -> Iterator[str]:
        chosen = False
        for chunk in reply:
            if time.monotonic() > deadline:  # the client's own limit starts anew with every byte
                raise litellm.exceptions.Timeout("the reply took too long", model, "")
            tally.usage = getattr(chunk, "usage", None) or tally.usage
            for choice in chunk.choices[:1]:
                if choice.finish_reason:
                    tally.finish = str(choice.finish_reason)
                piece = choice.delta.content
                chosen = chosen or piece is not None
                if piece:
                    if tally.first_ms is None:
                        tally.first_ms = tally.elapsed_ms
                    tally.pieces.append(piece)
                    yield piece
        if not chosen:
            raise _NoReply

    def _completion(self, model: str, tally: _Tally, *, fallback: bool) -> Completion:
        usage = tally.usage
        return Completion(
            tally.text, model, int(usage.prompt_tokens) if usage else 0, int(usage.completion_tokens) if usage else 0,
            self._cost(_litellm(), model, tally), tally.elapsed_ms, tally.first_ms, attempts=tally.attempts,
            fallback=fallback, finish=tally.finish,
        )  # fmt: skip

    def _broken(self, model: str, tally: _Tally) -> ReplyBroken:
        why = (
            "the provider's filter stopped the reply" if tally.finish == "content_filter" else "the reply was cut off"
        )
        error = ReplyBroken(why, where=f"model {model}", remedy=f"ask again, {LOCAL_INSTEAD}")
        error.completion = self._completion(model, tally, fallback=model != self.model)
        return error

    def _hold(self, litellm: Any, model: str, messages: list[Message], max_tokens: int) -> "Hold | None":
        """A reservation for one request; models that cost nothing need none.

        Raises:
            _NextModel: the budget is spent (a cheaper fallback may fit into what is left).
            ConfigError: the price is not known, so that no budget could be held.
        """
        if self.budget is None:
            return None
        most = self.prices.most(litellm, model, messages, max_tokens)
        if most is None:
            raise ConfigError(
                f"the price of {model} is not known, so LLM_BUDGET_USD can't be held",
                remedy="state it: LLM_PRICE_USD=input,output for a million tokens (0,0 for a server of your own)",
            )
        if most == 0:
            return None
        try:
            return self.budget.reserve(most, self.timeout + 60)
        except ModelError as e:
            raise _NextModel(e) from e

    def _wait(self, found: Trouble, attempt: int, tally: _Tally) -> float | None:
        """Seconds until the next attempt with this model; None when there should be none."""
        if not found.again or attempt == self.retries:
            return None
        wait = max(FIRST_WAIT * 2**attempt, found.wait or 0.0)
        if tally.waited + wait > MAX_WAIT:
            return None
        tally.waited += wait
        return wait

    def _cost(self, litellm: Any, model: str, tally: _Tally) -> float | None:
        if model.startswith(f"{extractive.PROVIDER}/"):
            return 0.0
        usage = tally.usage
        if usage is None:
            return None
        return self.prices.cost(litellm, model, int(usage.prompt_tokens), int(usage.completion_tokens), usage)

    def _cache_key(self, messages: list[Message], max_tokens: int) -> str:
        """Where the reply would be kept; "" when none is: the local composer is cheaper than a look-up."""
        if self.cache is None or self.local:
            return ""
        return self.cache.key(self.model, self.api_base, messages, {"max_tokens": max_tokens, "temperature": 0.0})

    def _endpoint(self, model: str) -> tuple[str, str]:
        """Address and key for a model of the list; a server on this machine usually wants no key, but gets one."""
        if model.partition("/")[0] != self.model.partition("/")[0]:
            return "", ""
        return self.api_base, self._api_key or ("not-needed" if self.api_base.startswith(_LOOPBACK) else "")

    def _check_key(self, litellm: Any, model: str) -> None:
        if model.startswith(f"{extractive.PROVIDER}/") or self._endpoint(model)[1]:
            return
        if litellm.validate_environment(model=model)["missing_keys"]:
            raise ConfigError(
                f"no key for the model {model!r}",
                remedy="set LLM_API_KEY, or LLM_MODEL=local/extractive to answer without a model",
            )

    def _trouble(self, error: Exception, litellm: Any, model: str) -> Trouble:
        if isinstance(error, _NoReply):
            told = ModelError(
                "a reply without an answer", where=f"model {model}", remedy=f"ask again, {LOCAL_INSTEAD}"
            )
            return Trouble(told, again=True, billed=True)
        return trouble(
            error, litellm.exceptions, model=model, address=self._endpoint(model)[0], timeout=self.timeout,
            now=time.time(),
        )  # fmt: skip


class Composer(LanguageModel):
    """`local/extractive` without LiteLLM around it: for many questions in a row whose latency nobody records."""

    def complete(self, messages: list[Message], *, max_tokens: int = MAX_TOKENS) -> Completion:
        """What the local composer says; it always can."""
        started = time.perf_counter()
        text = extractive.compose(messages)
        before = sum(extractive.approximate_tokens(m["content"]) for m in messages)
        latency = 1000 * (time.perf_counter() - started)
        return Completion(text, self.model, before, extractive.approximate_tokens(text), 0.0, latency)


class _NoReply(Exception):
    """A reply that holds no choice at all."""


def _last(steps: Iterator[str | Completion]) -> Completion:
    for step in steps:
        if isinstance(step, Completion):
            return step
    raise AssertionError("a run ends with its completion or raises")


def _litellm() -> Any:
    """LiteLLM without its start-up fetch and its look-ups of tokenizers, with the local provider registered once."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm

    if not any(entry["provider"] == extractive.PROVIDER for entry in litellm.custom_provider_map):
        litellm.telemetry = False
        litellm.suppress_debug_info = True
        litellm.disable_hf_tokenizer_download = True
        litellm.custom_provider_map.append({"provider": extractive.PROVIDER, "custom_handler": extractive.handler()})
    return litellm
