"""What an answer of the API means: its JSON, or the error that its status stands for, without personal values.

Does not belong here: whether a call is repeated (see `client`).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.admin_api.errors import (
    AdminApiError,
    ApprovalNeeded,
    MalformedAnswer,
    NotFound,
    Refused,
    ScopeMissing,
)
from cafe24_pipelines.cafe24.privacy import PERSONAL_COLUMNS, mask_text

if TYPE_CHECKING:
    import httpx
    import msgspec

PERSONAL: Final = PERSONAL_COLUMNS | {
    "keyword", "receiver_phone", "receiver_cellphone", "receiver_address", "recipients", "member_ids", "writer_name",
    "recommend_id", "title", "content", "reason", "memo", "user_id", "user_name", "phone_no", "hp", "tel", "mail",
}  # fmt: skip
"""Names of parameters and body fields whose values never reach a log or an error."""

ANALYTICS_SCOPE: Final = "mall.read_analytics"
_SAID: Final = 300  # characters of the API's own words that an error repeats


@dataclass(frozen=True)
class Operation:
    """What the reference says of one method and path template."""

    api: str
    scope: str = ""
    bucket: int = 40
    approved: bool = False


@cache
def operation(method: str, path: str) -> Operation:
    """The operation by method and template below `/api/v2/admin/`; usual values for one that is not listed."""
    known = _operations().get((method, _shape(path)))
    if known is not None:
        return Operation(f"{method} {path}", *known)
    return Operation(f"{method} {path}")


@cache
def _operations() -> dict[tuple[str, str], tuple[str, int, bool]]:
    from cafe24_pipelines.knowledge.catalogue import operations

    return {
        (op.method, _shape(op.path.removeprefix("/api/v2/admin/"))): (op.scope, op.limits.bucket or 40, op.approved)
        for op in operations()
    }


def _shape(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def decoded(response: "httpx.Response", rows: str = "") -> dict[str, Any]:
    """The body of a good answer; {} for an empty one. A list named by `rows` comes as `msgspec.Raw` elements.

    Raises:
        MalformedAnswer: it is no JSON object: cut off, or not from the API.
    """
    import msgspec

    if not response.content.strip():
        if response.status_code == 204 or response.request.method != "GET":
            return {}
        raise MalformedAnswer("an empty answer")
    try:
        body = _by_row(response.content, rows) if rows else msgspec.json.decode(response.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        body = _decoded_laxly(response.content)
    if not isinstance(body, dict):
        raise MalformedAnswer("an answer that is not an object")
    return body


def _by_row(content: bytes, rows: str) -> dict[str, Any]:
    """Large pages as JSON row by row: all at once they take several times the room, and hold up other threads."""
    import msgspec

    parts = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    body = {name: msgspec.json.decode(part) for name, part in parts.items() if name != rows}
    return {**body, rows: msgspec.json.decode(parts[rows], type=list[msgspec.Raw])} if rows in parts else body


def row_of(raw: "msgspec.Raw") -> Any:
    """An element that `decoded` left as it came.

    Raises:
        MalformedAnswer: it is not JSON.
    """
    import msgspec

    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _decoded_laxly(bytes(raw))


def _decoded_laxly(content: bytes) -> Any:
    """What half a character or a number beyond all bounds keeps from being read strictly: one row may hold it."""
    import json

    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise MalformedAnswer("an answer that is not JSON") from None


def personal_values(*sources: Mapping[str, Any] | None) -> frozenset[str]:
    """Every value below a personal name in parameters and bodies, comma lists taken apart."""
    found: set[str] = set()
    for source in sources:
        _collect(source, personal=False, found=found)
    return frozenset(found)


def _collect(value: Any, *, personal: bool, found: set[str]) -> None:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _collect(inner, personal=personal or str(name) in PERSONAL, found=found)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for inner in value:
            _collect(inner, personal=personal, found=found)
    elif personal and value not in (None, "", True, False):
        found.update({str(value), *(part.strip() for part in str(value).split(","))} - {""})


def clean(text: str, values: Iterable[str]) -> str:
    """The API's words without the personal values that we sent and without personal patterns, shortened."""
    for value in sorted(values, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)" if len(value) < 4 else re.escape(value), "…", text)
    return mask_text(text)[:_SAID]


def error_of(
    response: "httpx.Response", of: Operation, scopes: frozenset[str], values: frozenset[str]
) -> AdminApiError:
    """The error that an answer of 4xx stands for.

    Args:
        response: the answer.
        of: what was called.
        scopes: what is granted (empty when nobody knows).
        values: personal values that were sent.
    """
    status = response.status_code
    message, more = _said(response, values)
    if status == 403:
        return _forbidden(message, of, scopes)
    if status == 404:
        return NotFound(f"not found: {message}" if message else "not found", where=of.api)
    return Refused(status, message, more, where=of.api)


def says_scope(response: "httpx.Response") -> bool:
    """Whether a 401 or 403 is about a scope: the analytics API answers a missing one with either."""
    text = response.text[:2000].lower()
    return "scope" in text and "expired" not in text


_REMOVED: Final = re.compile(
    r"unin?stalled|(?:\bapp\b|앱).{0,30}(?:deleted|removed|삭제)|(?:deleted|removed|삭제).{0,30}(?:\bapp\b|앱)",
    re.IGNORECASE,
)


def says_removed(response: "httpx.Response") -> bool:
    """Whether a 403 is about an app that was deleted from the mall. A notice of 2025 spells it "Unistalled app"."""
    return response.status_code == 403 and _REMOVED.search(response.text[:2000]) is not None


def _forbidden(message: str, of: Operation, scopes: frozenset[str]) -> AdminApiError:
    if named := re.search(r"mall\.(?:read|write)_\w+", message):
        return ScopeMissing(named.group(), where=of.api)
    also = of.scope.replace("mall.read_", "mall.write_")
    lacking = bool(scopes) and of.scope not in scopes and also not in scopes
    if of.scope and (lacking or "scope" in message.lower()):
        return ScopeMissing(of.scope, where=of.api)
    why = "Cafe24 keeps this call for approved apps" if of.approved else "Cafe24 does not allow this call"
    return ApprovalNeeded(
        f"{why}: {message}" if message else why, where=of.api,
        remedy="ask Cafe24 for approval, or leave this resource out; renewing the token does not help",
    )  # fmt: skip


def _said(response: "httpx.Response", values: frozenset[str]) -> tuple[str, dict[str, Any]]:
    """The message and `more_info` of an error body, cleaned; the code may be a number or a string."""
    try:
        body = decoded(response)
    except MalformedAnswer:
        return f"status {response.status_code}", {}
    error = body.get("error")
    if isinstance(error, str):  # the token endpoint's shape
        return clean(error, values), {}
    if not isinstance(error, dict):
        return f"status {response.status_code}", {}
    more = error.get("more_info")
    cleaned = _clean_all(more, values) if isinstance(more, dict) else {}
    return clean(str(error.get("message") or f"status {response.status_code}"), values), cleaned


def _clean_all(value: Any, values: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {clean(str(k), values): "…" if str(k) in PERSONAL else _clean_all(v, values) for k, v in value.items()}
    if isinstance(value, list):
        return [_clean_all(v, values) for v in value]
    return clean(value, values) if isinstance(value, str) else value
