"""What goes wrong between us and a language model, told so that a user can act, and what to do about it next.

Provider messages are left out of our errors: they may repeat a part of the key or of the prompt. Does not belong
here: trying again (see `llm.py`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.errors import Cafe24Error, ConfigError
from cafe24_pipelines.retry_after import retry_after

if TYPE_CHECKING:
    from cafe24_pipelines.answers.llm import Completion

LOCAL_INSTEAD = "or set LLM_MODEL=local/extractive to answer without a model"


class ModelError(Cafe24Error):
    """The language model could not be reached or refused the request."""


class ReplyBroken(ModelError):
    """A reply that was begun and is not whole: the line was cut, or the provider's filter stopped it."""

    completion: "Completion | None" = None
    """What came of it, and what it cost."""


@dataclass(frozen=True)
class Trouble:
    """One failed attempt.

    Args:
        error: what a user is told in the end.
        final: another attempt or model would only hide it (a wrong key, a wrong name).
        again: the same model may do better in a moment.
        wait: seconds that the provider asks to wait, 0 when it names none.
        billed: whether the provider may have charged for it (it may have worked until our patience ended).
    """

    error: Cafe24Error
    final: bool = False
    again: bool = False
    wait: float = 0.0
    billed: bool = False


def trouble(error: Exception, kinds: Any, *, model: str, address: str, timeout: float, now: float) -> Trouble:
    """What an error of LiteLLM means.

    Args:
        kinds: the module `litellm.exceptions`.
        now: epoch seconds, for a Retry-After that names a date.
    """
    if "Connection error" in str(error) and not isinstance(error, kinds.Timeout):
        cut = kinds.APIConnectionError("", "", model)  # LiteLLM calls a refused connection a failing server
        cut.__cause__, error = error, cut
    status = _status(error)
    known: list[tuple[Any, type[Cafe24Error], str, str]] = [
        (kinds.AuthenticationError, ConfigError, "the key was not accepted", "check LLM_API_KEY"),
        (kinds.PermissionDeniedError, ConfigError, "the key has no access", "check LLM_API_KEY"),
        (kinds.NotFoundError, ConfigError, "no such model", "check LLM_MODEL and LLM_API_BASE"),
        (kinds.ContextWindowExceededError, ModelError, "the material is longer than the model's window",
         "add a model with a larger one to LLM_FALLBACKS"),
        (kinds.ContentPolicyViolationError, ModelError, "the provider's filter declined the request",
         "ask in other words"),
        (kinds.BadRequestError, ConfigError, "the request was not accepted", "check LLM_MODEL"),
        (kinds.RateLimitError, ModelError, "the rate limit was hit", "wait a minute and ask again"),
        (kinds.Timeout, ModelError, f"no answer within {timeout:g} s", "choose a faster model"),
        (kinds.APIConnectionError, ModelError, "not reachable", "check LLM_API_BASE and the network"),
        (Exception, ModelError, f"the model's server failed ({status or 'no status'})", "ask again later"),
    ]  # fmt: skip
    mistaken = {401: kinds.AuthenticationError, 403: kinds.PermissionDeniedError, 404: kinds.NotFoundError}
    of = mistaken.get(status, type(error)) if status and isinstance(error, kinds.BadRequestError) else type(error)
    kind, what, remedy = next(entry[1:] for entry in known if issubclass(of, entry[0]))
    where = f"model {model}" + (f" at {address}" if address else "")
    told = kind(what, where=where, remedy=f"{remedy}, {LOCAL_INSTEAD}")
    slow = isinstance(error, kinds.Timeout)  # waited for once; another wait of that length helps nobody
    again = kind is ModelError and not slow and not isinstance(error, kinds.BadRequestError)
    billed = slow or (isinstance(error, kinds.APIConnectionError) and not _never_sent(error))
    return Trouble(told, final=kind is ConfigError, again=again, wait=_asked_wait(error, now), billed=billed)


def _status(error: BaseException | None) -> int | None:
    """The status that the server sent: LiteLLM calls some of them a bad request, and keeps the first as the cause."""
    found = None
    while error is not None:
        status = getattr(getattr(error, "response", None), "status_code", None) or getattr(error, "status_code", None)
        found = int(status) if isinstance(status, int) else found
        error = error.__cause__ or error.__context__
    return found


def _never_sent(error: BaseException | None) -> bool:
    """Whether the connection was not even made, so that nobody worked for us."""
    import httpx

    while error is not None:
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return True
        error = error.__cause__ or error.__context__
    return False


def _asked_wait(error: Exception, now: float) -> float:
    """Seconds that the headers of a reply ask to wait."""
    response = getattr(error, "response", None)
    headers = getattr(error, "litellm_response_headers", None) or getattr(response, "headers", None) or {}
    said, finer = (str(headers.get(name) or "") for name in ("retry-after", "retry-after-ms"))
    return retry_after(said, milliseconds=finer, now=now)
