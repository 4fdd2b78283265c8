"""Which errors pass by themselves and which don't, read from the names of an error's classes and its causes.

Names, because a failed run is known by its serialised error. The outermost name that is known decides: our own rooms
raise the verdict (`ConfigError`) over the library's error (`AuthenticationError`). What nobody knows is a mistake in
the code: it would fail again the same way, so it is permanent and told at once.

Does not belong here: what follows from it (see `failures.py`, and `assets/policies.py` for trying again).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["permanent", "transient"]

PERMANENT: Final = frozenset({
    "BadInput", "ConfigError", "LakeDamaged", "ConsentNeeded", "AppRemoved", "ScopeMissing", "ApprovalNeeded",
    "NotBuilt", "Refused", "NotFound", "WrongEncoder", "DamagedVectors", "GraphFileDamaged", "PersonalData",
    "BadQuery", "MalformedAnswer", "Miscounted", "Cafe24Error", "PermissionError", "Failure",
})  # fmt: skip
"""Somebody must do something first."""

SOON: Final = frozenset({
    "ModelError", "ReplyBroken", "Unavailable", "Neo4jDown", "Unreachable", "SyncRunning",
    "ConnectionError", "ConnectionResetError", "ConnectionRefusedError", "ConnectionAbortedError", "BrokenPipeError",
    "TimeoutError", "Timeout", "ConnectError", "ConnectTimeout", "ReadTimeout", "ReadError", "RemoteProtocolError",
    "gaierror", "IncompleteRead", "RateLimitError", "APIConnectionError", "ServiceUnavailableError",
    "InternalServerError", "ServiceUnavailable", "TransientError", "SessionExpired", "ResponseHandlingException",
    "OperationalError", "BlockingIOError",
})  # fmt: skip
"""The same step may well succeed in a moment: networks, locks, limits of a minute."""

LATER: Final = frozenset({"BudgetSpent", "TokenCallsSpent", "TooMany"})
"""They pass too, but not within minutes: a step that is tried again at once fails again."""

CRASH: Final = "(crash)"
"""The name of a run's end without an error: its process is gone."""

_OURS: Final = frozenset({*PERMANENT, *LATER, "ModelError", "ReplyBroken", "Unavailable", "Neo4jDown", "SyncRunning"})
_NOT_OURS: Final = frozenset({"PermissionError", "Failure"})
_WRAPPERS: Final = ("Dagster", "RetryRequested")


@dataclass(frozen=True)
class Trouble:
    """An error as it is told: its kind, the name that decided, and its words where we wrote them ("" otherwise)."""

    kind: Kind
    name: str
    words: str = ""
    soon: bool = False


@dataclass(frozen=True)
class Link:
    """One error of a chain: the names of its class and of what that derives from, and its message."""

    names: tuple[str, ...]
    message: str = ""


def judge(chain: Iterable[Link]) -> Trouble:
    """What the error of this chain, the outermost first, is; Dagster's own wrappers in it don't count.

    A `Failure` that a step raises itself is permanent: it says so on purpose, with `allow_retries=False` or without.
    """
    links = [link for link in chain if link.names and not link.names[0].startswith(_WRAPPERS)]
    if not links:
        return Trouble("transient", CRASH)
    for link in links:
        for name in link.names:
            if name in PERMANENT | SOON | LATER:
                kind: Kind = "permanent" if name in PERMANENT else "transient"
                return Trouble(kind, link.names[0], _words(link, name), name in SOON)
    return Trouble("permanent", links[0].names[0])


def _words(link: Link, known: str) -> str:
    """The message, if it is one of ours: those hold no row of anybody; what a library says might."""
    if known not in _OURS or known in _NOT_OURS:
        return ""
    from cafe24_pipelines.cafe24.masking import mask_text

    text = " ".join(mask_text(link.message).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


_LONGEST: Final = 300


def links_of(error: BaseException) -> Iterator[Link]:
    """The chain of a live error, as Python would print it."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        names = tuple(c.__name__ for c in type(current).__mro__ if c not in (Exception, BaseException, object))
        yield Link(names, str(current))
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
