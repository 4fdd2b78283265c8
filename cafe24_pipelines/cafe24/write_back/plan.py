"""Write-back as a plan: exactly which requests would change the mall, shown before anything is sent.

Two things are written: members are moved into a tier, and a coupon is issued to members. Raw member ids live in a
plan's memory because the API wants them; whatever is shown, logged or compared uses counts and hashes.
Does not belong here: sending (`sending.py`), choosing members (`members.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from cafe24_pipelines.errors import BadInput
from cafe24_pipelines.stores.digest import json_digest

MEMBERS_A_GROUP_CALL: Final = 200
"""The API's own bound for one call that moves members into a tier."""
MEMBERS_AN_ISSUE_CALL: Final = 1
"""One member a coupon call: the reference shows one, and only so is every answer about exactly one member."""

Kind = Literal["group_move", "coupon_issue"]
Duplication = Literal["T", "F", "S"]
SCOPES: Final[dict[str, tuple[str, ...]]] = {
    "group_move": ("mall.write_customer",),
    "coupon_issue": ("mall.write_promotion",),
}


@dataclass(frozen=True, slots=True)
class Member:
    """A member: the hash that may be shown, and the raw id that may not."""

    key: str
    member_id: str = field(repr=False)


@dataclass(frozen=True)
class PlannedRequest:
    """One request of a plan. `at` fills the path, `options` are the body's fields besides the members."""

    method: str
    path: str
    at: Mapping[str, str]
    shop_no: int
    options: Mapping[str, str]
    members: tuple[Member, ...] = field(repr=False)
    batch: bool = False

    @property
    def digest(self) -> str:
        """Equal for the same request to the same members, in whatever order; says nothing about them."""
        return _digest(self.method, self.path, dict(self.at), self.shop_no, dict(self.options), self.members)

    def of(self, members: Sequence[Member]) -> "PlannedRequest":
        """The same request for other members."""
        return replace(self, members=tuple(members))

    def body(self) -> dict[str, Any]:
        """The body to send, with raw member ids: never to be shown or logged."""
        if self.batch:
            rows = [{"member_id": m.member_id, **self.options} for m in self.members]
            return {"shop_no": self.shop_no, "requests": rows}
        return {"shop_no": self.shop_no, "request": {**self.options, "member_id": self.members[0].member_id}}

    def shown(self) -> dict[str, Any]:
        """Method, path and body as they may be shown: members as a count and a digest."""
        path = self.path.format(**self.at)
        members = f"{len(self.members)} members, digest {self.digest[:12]}"
        inner = {"member_id": members, **self.options}
        body = {"shop_no": self.shop_no, **({"requests": [inner]} if self.batch else {"request": inner})}
        return {"method": self.method, "path": f"/api/v2/admin/{path}", "body": body}


@dataclass(frozen=True)
class WritePlan:
    """What would be written to one mall.

    Attributes:
        kind: "group_move" or "coupon_issue".
        target: the tier's or the coupon's number.
        label: the tier's or the coupon's name, for the reader.
        segment: what the members were chosen by, for the reader.
        requests: in the order of sending; together they name each member once.
        unresolved: keys of chosen members whose raw id was not found; nothing is sent for them.
        excluded: keys of chosen members left out for want of consent.
    """

    mall_id: str
    kind: Kind
    target: str
    shop_no: int
    requests: tuple[PlannedRequest, ...]
    segment: str = ""
    unresolved: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    label: str = ""

    @property
    def members(self) -> tuple[Member, ...]:
        """Every member of the plan."""
        return tuple(m for request in self.requests for m in request.members)

    @property
    def scopes(self) -> tuple[str, ...]:
        """Scopes without which it can't be sent."""
        return SCOPES[self.kind]

    @property
    def digest(self) -> str:
        """Identity: the same target, options and members give the same digest, in whatever order they were chosen."""
        options = dict(self.requests[0].options) if self.requests else {}
        return _digest(self.mall_id, self.kind, self.target, self.shop_no, options, self.members)

    def to_json(self) -> dict[str, Any]:
        """JSON-able, without personal data; the first three requests stand for all."""
        return {
            "mall": self.mall_id, "kind": self.kind, "target": self.target, "label": self.label,
            "shop_no": self.shop_no, "segment": self.segment, "members": len(self.members),
            "requests": len(self.requests), "unresolved": len(self.unresolved),
            "excluded": len(self.excluded), "scopes": list(self.scopes),
            "digest": self.digest, "first_requests": [r.shown() for r in self.requests[:3]],
        }  # fmt: skip

    def show(self, lang: str = "ko", *, sending: bool = False) -> str:
        """The plan for a reader who is about to decide, or (`sending`) has; personal data is not in it."""
        from cafe24_pipelines.cafe24.write_back.words import plan_text

        return plan_text(self, lang, sending=sending)


def plan_group_move(
    mall_id: str,
    members: Sequence[Member],
    group_no: int,
    *,
    shop_no: int = 1,
    fixed_group: bool = False,
    segment: str = "",
    unresolved: Sequence[str] = (),
    label: str = "",
) -> WritePlan:
    """Move members into a tier, 200 a request.

    Args:
        fixed_group: keep the mall's automatic tier change from moving them again.

    Raises:
        BadInput: the tier's number makes no sense.
    """
    if group_no < 1:
        raise BadInput(f"tier number {group_no} is not valid", remedy="use a group_no of `customergroups`")
    chosen = _each_once(members)
    requests = tuple(
        PlannedRequest(
            "POST", "customergroups/{group_no}/customers", {"group_no": str(group_no)}, shop_no,
            {"fixed_group": "T" if fixed_group else "F"}, tuple(chosen[i : i + MEMBERS_A_GROUP_CALL]), batch=True,
        )
        for i in range(0, len(chosen), MEMBERS_A_GROUP_CALL)
    )  # fmt: skip
    return WritePlan(mall_id, "group_move", str(group_no), shop_no, requests, segment, tuple(unresolved), label=label)


def plan_coupon_issue(
    mall_id: str,
    members: Sequence[Member],
    coupon_no: str,
    *,
    shop_no: int = 1,
    allow_duplication: Duplication = "F",
    send_sms: bool = False,
    segment: str = "",
    unresolved: Sequence[str] = (),
    excluded: Sequence[str] = (),
    label: str = "",
) -> WritePlan:
    """Issue a coupon to members, one a request.

    Args:
        coupon_no: as the API writes it (digits; never a float).
        allow_duplication: "F" and "S" let the API itself refuse a second coupon, which is what makes a repetition
            after a lost answer safe; with "T" what can't be confirmed is reported and not sent again.
        send_sms: the mall tells each member by SMS (see `members.consenting`).

    Raises:
        BadInput: the coupon's number or an option makes no sense.
    """
    coupon_number(coupon_no)
    if allow_duplication not in ("T", "F", "S"):
        raise BadInput(f"allow_duplication {allow_duplication!r} is unknown", remedy="use T, F or S")
    options = {
        "issued_member_scope": "M", "allow_duplication": allow_duplication, "single_issue_per_once": "T",
        "send_sms_for_issue": "T" if send_sms else "F",
    }  # fmt: skip
    requests = tuple(
        PlannedRequest("POST", "coupons/{coupon_no}/issues", {"coupon_no": coupon_no}, shop_no, options, (member,))
        for member in _each_once(members)
    )
    return WritePlan(
        mall_id, "coupon_issue", coupon_no, shop_no, requests, segment, tuple(unresolved), tuple(excluded), label
    )


def coupon_number(coupon_no: str) -> str:
    """The number, if it can be one.

    Raises:
        BadInput: it is not made of digits.
    """
    if not (coupon_no.isascii() and coupon_no.isdigit()):
        raise BadInput(f"coupon number {coupon_no!r} is not valid", remedy="use a coupon_no of `coupons`, all digits")
    return coupon_no


def _each_once(members: Sequence[Member]) -> list[Member]:
    """Each member once, in an order that doesn't depend on how they were chosen."""
    return [member for _, member in sorted({m.key: m for m in members}.items())]


def _digest(*parts: Any) -> str:
    return json_digest([sorted(m.key for m in p) if _are_members(p) else p for p in parts])


def _are_members(part: Any) -> bool:
    return isinstance(part, tuple) and all(isinstance(m, Member) for m in part)
