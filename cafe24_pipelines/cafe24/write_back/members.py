"""Who is written to: members of a segment, their raw ids found again, and whether they consent to notices.

The lake knows members by keyed hashes only. Raw ids come from the opt-in contact table, else from walking the
members in the API and hashing each until all are found; they stay in memory.
Does not belong here: what is written (`plan.py`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from cafe24_pipelines.cafe24.write_back.plan import Member
from cafe24_pipelines.errors import BadInput, Cafe24Error

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.admin_api.client import AdminClient
    from cafe24_pipelines.cafe24.privacy import Pseudonyms
    from cafe24_pipelines.settings import Settings

Consent = Literal["sms", "any", "off"]
"""Whom to keep: members who accept SMS, who accept SMS or e-mail, or everybody."""

_PAGE: Final = 1000
_LOOKUP: Final = 100
_FIRST_DAY: Final = "2000-01-01 00:00:00"


@dataclass(frozen=True)
class Resolution:
    """Members whose raw id was found, and the keys of those for whom none was."""

    found: tuple[Member, ...]
    unresolved: tuple[str, ...]


def segment_members(settings: "Settings", mall_id: str, segment_name: str) -> list[str]:
    """Member keys of an RFM segment as the last run computed it, sorted.

    Raises:
        NotBuilt: no run has computed RFM for this mall.
        BadInput: there is no such segment.
    """
    from cafe24_pipelines.crm.rfm import SEGMENTS
    from cafe24_pipelines.crm.tables import CrmTables

    if segment_name not in SEGMENTS:
        raise BadInput(f"segment {segment_name!r} is unknown", remedy=f"use one of: {', '.join(SEGMENTS)}")
    frame = CrmTables(settings.home.analytics).read(mall_id, "rfm")
    return sorted(frame.loc[frame["segment"] == segment_name, "member_key"].tolist())


def resolve_members(
    client: "AdminClient",
    hasher: "Pseudonyms",
    keys: Iterable[str],
    *,
    known: Mapping[str, str] | None = None,
    shop_no: int = 1,
) -> Resolution:
    """Find the raw ids behind member keys.

    Args:
        known: member key -> raw id from the contact table; an entry that doesn't hash to its key is not believed.

    Raises:
        ScopeMissing: some are not known and mall.read_privacy is not granted.
    """
    wanted = set(keys)
    ids = {key: raw for key, raw in (known or {}).items() if key in wanted and hasher.of(raw) == key}
    if wanted - ids.keys():
        client.require("mall.read_privacy")
        _walk(client, hasher, wanted, ids, shop_no)
    found = tuple(Member(key, ids[key]) for key in sorted(ids))
    return Resolution(found, tuple(sorted(wanted - ids.keys())))


def consenting(
    client: "AdminClient", members: Sequence[Member], consent: Consent, *, shop_no: int = 1
) -> tuple[list[Member], list[str]]:
    """Those members who accept notices as `consent` asks, and the keys of the others.

    Asked of the API now, because consent may have been withdrawn since the last sync. A member that the API doesn't
    return, or without a clear yes, has not consented.
    """
    if consent == "off":
        return list(members), []
    kept: list[Member] = []
    for i in range(0, len(members), _LOOKUP):
        part = members[i : i + _LOOKUP]
        accepts = {}
        for row in look_up(client, part, shop_no=shop_no):
            sms, mail = row.get("sms") == "T", row.get("news_mail") == "T"
            accepts[row.get("member_id")] = sms if consent == "sms" else sms or mail
        kept += [m for m in part if accepts.get(m.member_id)]
    keys = {m.key for m in kept}
    return kept, [m.key for m in members if m.key not in keys]


def look_up(client: "AdminClient", members: Sequence[Member], *, shop_no: int = 1) -> list[dict[str, object]]:
    """Rows of `customers` for at most 100 members; members who left have none."""
    ids = ",".join(m.member_id for m in members)
    answer = client.get("customers", params={"member_id": ids}, shop_no=shop_no)
    return list(answer.get("customers") or [])


def _walk(client: "AdminClient", hasher: "Pseudonyms", wanted: set[str], ids: dict[str, str], shop_no: int) -> None:
    """Add ids of wanted members to `ids`, reading members in the order they joined until nobody is missing."""
    start = _FIRST_DAY
    while wanted - ids.keys():
        rows = client.get(
            "customersprivacy",
            params={"search_type": "created_date", "created_start_date": start, "limit": _PAGE},
            shop_no=shop_no,
        ).get("customersprivacy") or []  # fmt: skip
        for row in rows:
            key = hasher.of(row.get("member_id"))
            if key in wanted:
                ids[str(key)] = row["member_id"].strip()
        last = str(rows[-1].get("created_date") or "")[:19].replace("T", " ") if rows else ""
        if len(rows) < _PAGE:
            return
        if last <= start:
            raise Cafe24Error(
                f"{_PAGE} members or more joined within one second, the walk can't pass them",
                remedy="opt in to the contact table, which knows ids without this walk",
            )
        start = last
