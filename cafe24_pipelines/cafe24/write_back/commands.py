"""What `cafe24 writeback` does: choose members, plan, show; with the explicit word, send.

Does not belong here: options and printing (the command line), planning and sending themselves.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from getpass import getuser
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.cafe24.write_back.members import (
    Consent,
    Resolution,
    consenting,
    resolve_members,
    segment_members,
)
from cafe24_pipelines.cafe24.write_back.plan import (
    SCOPES,
    Duplication,
    Kind,
    WritePlan,
    plan_coupon_issue,
    plan_group_move,
)
from cafe24_pipelines.cafe24.write_back.report import SendReport
from cafe24_pipelines.cafe24.write_back.sending import send
from cafe24_pipelines.cafe24.write_back.targets import coupon_name, tier_name
from cafe24_pipelines.settings import Settings

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.admin_api.client import AdminClient
    from cafe24_pipelines.cafe24.admin_api.clock import Clock


@dataclass(frozen=True)
class WriteBackResult:
    """The plan, and what sending it did (None: a dry run)."""

    plan: WritePlan
    report: SendReport | None = None

    def to_json(self) -> dict[str, Any]:
        """JSON-able, without personal data."""
        return {"plan": self.plan.to_json(), "sent": self.report.to_json() if self.report else None}

    def show(self, lang: str = "ko") -> str:
        """For a reader, Korean or English."""
        return self.report.show(lang) if self.report else self.plan.show(lang)


def write_back_group(
    settings: Settings,
    mall_id: str,
    *,
    segment: str,
    to: int,
    shop_no: int = 1,
    fixed_group: bool = False,
    send_it: bool = False,
    force: bool = False,
    before: Callable[[WritePlan], None] | None = None,
    clock: "Clock | None" = None,
) -> WriteBackResult:
    """`cafe24 writeback group`: move a segment's members into a tier.

    Args:
        before: called with the plan right before it is sent, to show it; not called in a dry run.

    Raises:
        Cafe24Error: no such segment or tier, a scope is missing, the plan was sent before.
    """
    with _client(settings, mall_id, clock) as client:
        _granted(client, "group_move")
        name = tier_name(client, to, shop_no=shop_no)
        found = _resolved(settings, mall_id, client, segment, shop_no)
        plan = plan_group_move(
            mall_id, found.found, to, shop_no=shop_no, fixed_group=fixed_group, segment=segment,
            unresolved=found.unresolved, label=name,
        )  # fmt: skip
        return _finish(settings, plan, client, send_it=send_it, force=force, before=before)


def write_back_coupon(
    settings: Settings,
    mall_id: str,
    *,
    segment: str,
    coupon: str,
    shop_no: int = 1,
    allow_duplication: Duplication = "F",
    send_sms: bool = False,
    consent: Consent | None = None,
    send_it: bool = False,
    force: bool = False,
    before: Callable[[WritePlan], None] | None = None,
    clock: "Clock | None" = None,
) -> WriteBackResult:
    """`cafe24 writeback coupon`: issue a coupon to a segment's members.

    Args:
        consent: whom to keep; default "sms" when the mall tells members by SMS, else "off" (nobody is told).
        before: called with the plan right before it is sent, to show it; not called in a dry run.

    Raises:
        Cafe24Error: no such segment or coupon, a scope is missing, the plan was sent before.
    """
    wanted: Consent = consent or ("sms" if send_sms else "off")
    with _client(settings, mall_id, clock) as client:
        _granted(client, "coupon_issue")
        name = coupon_name(client, coupon, shop_no=shop_no)
        found = _resolved(settings, mall_id, client, segment, shop_no)
        members, excluded = consenting(client, found.found, wanted, shop_no=shop_no)
        plan = plan_coupon_issue(
            mall_id, members, coupon, shop_no=shop_no, allow_duplication=allow_duplication, send_sms=send_sms,
            segment=segment, unresolved=found.unresolved, excluded=excluded, label=name,
        )  # fmt: skip
        return _finish(settings, plan, client, send_it=send_it, force=force, before=before)


def _finish(
    settings: Settings,
    plan: WritePlan,
    client: "AdminClient",
    *,
    send_it: bool,
    force: bool,
    before: Callable[[WritePlan], None] | None,
) -> WriteBackResult:
    from cafe24_pipelines import parts

    if not send_it:
        return WriteBackResult(plan)
    if before:
        before(plan)
    log = parts.event_log(settings)
    return WriteBackResult(plan, send(plan, client, log, confirmed=True, force=force, requested_by=_who()))


def _granted(client: "AdminClient", kind: Kind) -> None:
    """A dry run, too, says that the plan couldn't be sent; raises ScopeMissing."""
    for scope in SCOPES[kind]:
        client.require(scope)


def _who() -> str:
    """The operating system's name of who asks, for the audit; "" where it has none (some containers)."""
    try:
        return getuser()
    except (OSError, KeyError, ImportError):
        return ""


def _resolved(settings: Settings, mall_id: str, client: "AdminClient", segment: str, shop_no: int) -> Resolution:
    from cafe24_pipelines.cafe24.privacy import pseudonyms

    keys = segment_members(settings, mall_id, segment)
    return resolve_members(
        client, pseudonyms(settings, mall_id), keys, known=_known_ids(settings, mall_id, keys), shop_no=shop_no
    )


def _known_ids(settings: Settings, mall_id: str, keys: Iterable[str]) -> Mapping[str, str]:
    """Raw ids of the mall's opt-in contact table, by member key; nothing where the mall didn't opt in."""
    from cafe24_pipelines.cafe24.contacts import ContactTable
    from cafe24_pipelines.cafe24.malls import mall

    if not mall(settings.home, mall_id).keep_contacts:
        return {}
    kept = ContactTable(settings, mall_id).get_many(keys)
    return {key: fields["member_id"] for key, fields in kept.items() if fields.get("member_id")}


@contextmanager
def _client(settings: Settings, mall_id: str, clock: "Clock | None") -> "Iterator[AdminClient]":
    from cafe24_pipelines.cafe24.admin_api.client import admin_client

    client = admin_client(settings, mall_id, clock=clock)
    try:
        yield client
    finally:
        client.close()
