"""The privacy line of API rows: a row is checked against its model and becomes what may be written.

Fields no model knows are sealed and reported by path; what a known field becomes says `cafe24/field_policy.py`.
Does not belong here: fetching rows, or storing what comes out.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import UNSET

from cafe24_pipelines.cafe24.admin_api.line_nodes import Node, node_of
from cafe24_pipelines.cafe24.admin_api.line_row import Crossing, Malformed, Respell, mask_rest, read_row, respelt
from cafe24_pipelines.cafe24.admin_api.line_text import looks_personal
from cafe24_pipelines.cafe24.admin_api.resources import CONTENT, MEMBER, ApiResource
from cafe24_pipelines.cafe24.field_policy import CONTACT_FIELDS, CONTACTS_FROM
from cafe24_pipelines.stores.records import Record

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.privacy import Pseudonyms
    from cafe24_pipelines.cafe24.sealing import Seal

__all__ = ["Crossed", "Malformed", "PrivacyLine", "quarantine_row", "with_ordinal"]

KST: Final = timezone(timedelta(hours=9))
OTHER_BUCKET: Final = "other"
_MAY_LACK: Final = frozenset(
    {"hour", "variant_code", "variants_code", "ad", "keyword", "engine", "domain", "url", "payment_method"}
)
_CONTENT_FIELDS: Final = (
    "case", "order_id", "available_points_increase", "available_points_decrease", "unavailable_points",
    "increase_amount", "decrease_amount",
)  # fmt: skip
"""What tells movements of points and credits apart; balances and tier names change afterwards."""

_encode = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, slots=True, repr=False)
class Crossed:
    """What came of one row.

    Attributes:
        record: what may be written.
        members: raw member ids the row names; for memory alone.
        contacts: member key -> contact fields as they came (member_id, name, phone, cellphone, email); None if none.
        unknown: dotted paths of fields that no model knows, sorted.
    """

    record: Record
    members: frozenset[str]
    contacts: dict[str, dict[str, Any]] | None
    unknown: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Crossed(record={self.record.key!r}, unknown={self.unknown!r})"


class PrivacyLine:
    """Takes rows of one mall across; safe to share between threads."""

    def __init__(self, mall_id: str, pseudonyms: "Pseudonyms", seal: "Seal") -> None:
        self.mall_id = mall_id
        self._hash = pseudonyms.of
        self._seal = seal

    def across(
        self, resource: ApiResource, row: dict[str, Any], *, shop_no: int = 1, parent: Mapping[str, Any] = {}
    ) -> Crossed:
        """One row of an answer as it may be written; the row itself is left as it is.

        Args:
            resource: whose row it is.
            row: as decoded from JSON.
            shop_no: for rows that don't say their own.
            parent: key fields the row does not carry itself (category_no, display_group, coupon_no, product_no,
                member_id, date), and "ordinal" for resources without an id: which of equal rows it is, from 0.

        Raises:
            Malformed: a key field is missing or a field has the wrong type.
        """
        node = node_of(resource.model)
        lacks = {n: v for n, v in (("shop_no", shop_no), *parent.items()) if n in node.known and row.get(n) is None}
        row = {**row, **lacks} if lacks else row
        try:
            found = read_row(node, row, resource.name)
            crossing = Crossing(self._hash, resource.name)
            crossing.walk(node, found, row, None)
        except (Malformed, Respell):
            if (mended := respelt(row)) == row:
                raise
            return self.across(resource, mended, shop_no=shop_no, parent=parent)
        crossing.mask_written()
        try:
            body = _encode(found)
            if looks_personal(body):
                mask_rest(node, found)
                body = _encode(found)
        except UnicodeEncodeError:
            raise Malformed("", "text that is not Unicode", resource=resource.name) from None
        record = self._record(resource, found, body, crossing, parent)
        paths = {re.sub(r"\[\d+\]", "[]", path) for path in crossing.unknown} if crossing.unknown else ()
        return Crossed(record, frozenset(crossing.members), _contacts(node, found, row), tuple(sorted(paths)))

    def _record(
        self, resource: ApiResource, found: Any, body: bytes, crossing: Crossing, parent: Mapping[str, Any]
    ) -> Record:
        sealed, digest = None, hashlib.sha256(body)
        if crossing.unknown:
            plain = _encode(crossing.unknown)
            sealed = self._seal.seal(plain)
            digest.update(b"\0" + self._seal.fingerprint(plain).encode())
        at = _moment(getattr(found, resource.dated), resource) if resource.dated else None
        key = _key(resource, found, at, parent)
        bucket = _order_month(getattr(found, "order_id", None)) if resource.bucket == "order_month" else "all"
        return Record(key, bucket, at, body, sealed, digest.hexdigest()[:32])

    def quarantine_row(self, resource: ApiResource, row: Any, reason: str, field: str) -> dict[str, Any]:
        """The row for `ApiLake.quarantine`: ids, codes, times and amounts only, member ids hashed."""
        from cafe24_pipelines.cafe24.admin_api.line_quarantine import quarantined

        return quarantined(resource, row, reason, field, self._hash)


def _contacts(node: Node, found: Any, row: Mapping[str, Any]) -> dict[str, dict[str, Any]] | None:
    if node.name not in CONTACTS_FROM or not isinstance(found.member_key, str):
        return None
    given = {n: row.get(n) for n in ("member_id", *CONTACT_FIELDS)}
    return {found.member_key: {n: v for n, v in given.items() if isinstance(v, str) and v}}


def quarantine_row(resource: ApiResource, row: Any, reason: str, field: str) -> dict[str, Any]:
    """Like `PrivacyLine.quarantine_row`, without any member."""
    from cafe24_pipelines.cafe24.admin_api.line_quarantine import quarantined

    return quarantined(resource, row, reason, field, lambda _: None)


def with_ordinal(record: Record, ordinal: int) -> Record:
    """The record of the n-th of equal rows (from 0), for resources without an id: its key ends with "#n"."""
    key = f"{record.key.rpartition('#')[0]}#{ordinal}"
    return Record(key, record.bucket, record.at, record.body, record.sealed, record.digest)


# -- keys and times ----------------------------------------------------------------------------------------------


def _moment(value: Any, resource: ApiResource) -> datetime | None:
    """A time of the API in UTC; one without an offset is Korean time; a date is its midnight."""
    if value is None or value is UNSET or value in ("", "null") or value.startswith("0000-"):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=KST)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Malformed(resource.dated, "not a time", resource=resource.name) from None


def _key(resource: ApiResource, found: Any, at: datetime | None, parent: Mapping[str, Any]) -> str:
    if resource.key == (CONTENT,):
        held = [found.member_key, *(getattr(found, n, None) for n in _CONTENT_FIELDS)]
        content = "\0".join("" if v is None or v is UNSET else str(v) for v in held)
        moment = f"{at:%Y%m%dT%H%M%S}" if at else ""  # keys of one time lie together on disk
        return f"{moment}/{hashlib.sha256(content.encode()).hexdigest()[:32]}#{parent.get('ordinal', 0)}"
    parts = []
    for name in resource.key:
        value = getattr(found, "member_key" if name == MEMBER else name)
        if value is None or value is UNSET or value == "":
            if name not in _MAY_LACK:
                raise Malformed("member_id" if name == MEMBER else name, "missing", resource=resource.name)
            value = ""
        text = str(value)
        parts.append(text[:10] if name in ("date", "collection_date") else text.replace("/", "%2F"))
    return "/".join(parts)


def _order_month(order_id: Any) -> str:
    """The month in an order id such as 20260401-0000013; it never changes, as a date might."""
    if isinstance(order_id, str) and order_id[8:9] == "-" and order_id[:8].isdecimal():
        return f"{order_id[:4]}-{order_id[4:6]}"
    return OTHER_BUCKET
