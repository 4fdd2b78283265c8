"""Writing, and the app's own settings: the endpoints with code of their own.

Writes take effect at the mall's time of the call, and twice when they are sent twice: the API knows no idempotency
key. Runs in worker threads. Does not belong here: delivering webhooks (`webhooks.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from cafe24_pipelines.sandbox.server.config import ServerConfig
from cafe24_pipelines.sandbox.server.errors import Refusal, bad_value, missing, not_found
from cafe24_pipelines.sandbox.server.query import Values
from cafe24_pipelines.sandbox.server.state import MallState
from cafe24_pipelines.sandbox.server.versions import expiry

_MOST_MEMBERS: Final = 200
_LONGEST_ID: Final = 20


@dataclass(frozen=True, slots=True)
class Special:
    """One call of an endpoint in `SPECIAL`; `body` is empty for GET."""

    state: MallState
    config: ServerConfig
    scopes: frozenset[str]
    args: dict[str, str]
    values: Values
    body: bytes
    content_type: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Envelope:
    """A checked body of a write."""

    shop_no: int
    requests: list[dict[str, Any]]


def envelope(call: Special) -> Envelope:
    """The write envelope: `{"shop_no": 1, "request": {…}}` or `"requests": […]`.

    Raises:
        Refusal: 400 without JSON or without a request; 422 for a shop_no that is not a number.
    """
    if call.content_type.split(";")[0].strip().lower() != "application/json":
        raise Refusal(400, "Content-Type must be application/json.")
    try:
        whole = msgspec.json.decode(call.body)
    except msgspec.DecodeError:
        raise Refusal(400, "The request body is not JSON.") from None
    whole = whole if isinstance(whole, dict) else {}
    requests: list[Any] = whole["requests"] if isinstance(whole.get("requests"), list) else [whole.get("request")]
    if not requests or not all(isinstance(r, dict) for r in requests):
        raise Refusal(400, "Request parameter is required.")
    shop_no = whole.get("shop_no", 1)
    if not isinstance(shop_no, int) or isinstance(shop_no, bool):
        raise bad_value("shop_no", "is not a number")
    if shop_no not in call.state.shops:
        raise bad_value("shop_no", "there is no such shop")
    return Envelope(shop_no, requests)


def _get_app(call: Special) -> dict[str, Any]:
    state, config = call.state, call.config
    return {
        "app": {
            "version": state.version,
            "version_expiration_date": expiry(config, state.version),
            "initial_version": config.initial_version,
            "previous_version": state.previous_version,
            "extension_type": "section",
        }
    }


def _put_app(call: Special) -> dict[str, Any]:
    """Change the app's version: to one that lives and is not older than the first; 409 when nothing changes."""
    request = envelope(call).requests[0]
    version = request.get("version")
    if version is None:
        raise missing("version")
    if version not in call.config.versions or version < call.config.initial_version:
        raise bad_value("version", f"must be one of {', '.join(call.config.versions)}")
    if version == call.state.version:
        raise Refusal(409, "The version is the same as before.")
    call.state.previous_version, call.state.version = call.state.version, version
    return {"app": {"version": version, "extension_type": "section"}}


def _get_setting(call: Special) -> dict[str, Any]:
    return {"webhook": {"scopes": sorted(call.scopes), "reception_status": call.state.reception}}


def _put_setting(call: Special) -> dict[str, Any]:
    status = envelope(call).requests[0].get("reception_status")
    if status is None:
        raise missing("reception_status")
    if status not in ("T", "F"):
        raise bad_value("reception_status", "must be one of T, F")
    call.state.reception = status
    return {"webhook": {"reception_status": status}}


def _get_logs(call: Special) -> dict[str, Any]:
    values, found = call.values, []
    start, end = values.get("requested_start_date"), values.get("requested_end_date")
    since = values.get("since_log_id", "")
    for log in list(call.state.logs):
        at = datetime.fromisoformat(log["requested_time"])
        if start is not None and end is not None and not start <= at <= end:
            continue
        if since and log["log_id"] <= since:
            continue
        if all(log[k] == values[k] for k in ("event_no", "success", "log_type") if k in values):
            found.append(log)
    return {"logs": found[: values.get("limit", 10000)]}


def _move_members(call: Special) -> dict[str, Any]:
    sent = envelope(call)
    if len(sent.requests) > _MOST_MEMBERS:
        raise bad_value("requests", f"has more than {_MOST_MEMBERS} entries")
    group_no = call.args["group_no"]
    groups = call.state.mall.rows("customer_groups", call.at, shop_no=sent.shop_no)
    if group_no not in {str(g["group_no"]) for g in groups}:
        raise not_found()
    fixed: dict[str, str] = {}
    for request in sent.requests:
        member = _member(request.get("member_id"))
        fixed[member] = request.get("fixed_group", "F")
        if fixed[member] not in ("T", "F"):
            raise bad_value("fixed_group", "must be one of T, F")
    _exist(call, list(fixed), sent.shop_no)
    moved = call.state.mall.move_members(int(group_no), list(fixed), call.at)
    rows = [
        {"shop_no": sent.shop_no, "group_no": int(group_no), "member_id": m, "fixed_group": fixed[m]} for m in moved
    ]
    return {"customers": rows}


def _issue_coupon(call: Special) -> dict[str, Any]:
    sent = envelope(call)
    request, coupon_no = sent.requests[0], call.args["coupon_no"]
    mall = call.state.mall
    if not mall.count("coupons", call.at, shop_no=sent.shop_no, where={"coupon_no": coupon_no}):
        raise not_found()
    scope = request.get("issued_member_scope")
    if scope is None:
        raise missing("issued_member_scope")
    if scope not in ("A", "G", "M"):
        raise bad_value("issued_member_scope", "must be one of A, G, M")
    members = _addressed(call, request, scope, sent.shop_no)
    if request.get("allow_duplication", "F") != "T":
        where = {"coupon_no": coupon_no, "member_id": members}
        held = mall.rows("coupon_issues", call.at, shop_no=sent.shop_no, where=where)
        have = {row["member_id"] for row in held}
        members = [m for m in members if m not in have]
    times = 1 if request.get("single_issue_per_once", "T") == "T" else _times(request)
    issued = sum(mall.issue_coupon(coupon_no, members, call.at) for _ in range(times)) if members else 0
    return {"issues": {"shop_no": sent.shop_no, "count": {coupon_no: issued}}}


def _addressed(call: Special, request: dict[str, Any], scope: str, shop_no: int) -> list[str]:
    """The members that a coupon goes to: A everyone, G a tier, M those named."""
    if scope == "M":
        raw = request.get("member_id")
        if not raw:
            raise missing("member_id")
        members = [_member(m) for m in (raw if isinstance(raw, list) else str(raw).split(","))]
        _exist(call, members, shop_no)
        return list(dict.fromkeys(members))
    where: dict[str, Any] = {}
    if scope == "G":
        if "group_no" not in request:
            raise missing("group_no")
        where = {"group_no": int(request["group_no"])}
    rows = call.state.mall.rows("customers_privacy", call.at, shop_no=shop_no, where=where)
    return [row["member_id"] for row in rows]


def _times(request: dict[str, Any]) -> int:
    times = request.get("issue_count_per_once", 2)
    if not isinstance(times, int) or not 2 <= times <= 10:
        raise bad_value("issue_count_per_once", "must be 2 to 10")
    return times


def _member(value: Any) -> str:
    if not value:
        raise missing("member_id")
    if not isinstance(value, str) or len(value.strip()) > _LONGEST_ID:
        raise bad_value("member_id", f"must be text of at most {_LONGEST_ID} characters")
    return value.strip()


def _exist(call: Special, members: list[str], shop_no: int) -> None:
    found = call.state.mall.rows("customers", call.at, shop_no=shop_no, where={"member_id": members})
    if len({row["member_id"] for row in found}) < len(set(members)):
        raise bad_value("member_id", "there is no such member")


SPECIAL: Final[dict[str, Callable[[Special], dict[str, Any]]]] = {
    "get_app": _get_app,
    "put_app": _put_app,
    "get_setting": _get_setting,
    "put_setting": _put_setting,
    "get_logs": _get_logs,
    "move_members": _move_members,
    "issue_coupon": _issue_coupon,
}
