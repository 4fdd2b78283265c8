"""Webhook events: what one says once everything personal is left out, and what a run of them touched.

The API documents no event id, no signature and no promise to deliver. An event is therefore a hint: it names what
changed, so that the next sync may begin there. It never stands in for polling.
Does not belong here: HTTP (see `serving/`), or how an event is told from its repetition (see `webhook_inbox.py`).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.privacy import Pseudonyms
from cafe24_pipelines.errors import Cafe24Error

if TYPE_CHECKING:
    from cafe24_pipelines.stores.events import Event, EventLog

RECEIVED: Final = "webhook.received"

APP_EVENTS: Final[dict[int, str]] = {
    90077: "app.uninstalled",
    90078: "app.expired",
    90079: "app.renewed",
    90157: "app.paid",
    90158: "app.refund_requested",
    90159: "app.refunded",
    90166: "mall.deleted",
    90167: "mall.deactivated",
    90168: "mall.reactivated",
    90169: "mall.blocked",
}
"""Events about the app or the mall itself: logged under a type of their own, they touch no resource."""

TYPES: Final = (RECEIVED, *APP_EVENTS.values())

_ORDERS = ("orders",)
_CLAIMS = ("orders", "refunds")
_PRODUCTS = ("products",)
_MEMBERS = ("customers_privacy", "customers")
_CATEGORIES = ("categories", "category_products")
TOUCHED: Final[dict[int, tuple[str, ...]]] = {
    **dict.fromkeys((90001, 90002, 90003, 90022, 90041, 90150), _PRODUCTS),
    90075: ("products", "inventories"),
    **dict.fromkeys((90023, 90024, 90025, 90031, 90064, 90066, 90068, 90069, 90070, 90071, 90162), _ORDERS),
    **dict.fromkeys((90026, 90027, 90028, 90029, 90072, 90073, 90074, 90160), _CLAIMS),
    90084: ("carts",),
    **dict.fromkeys((90032, 90063, 90080, 90143, 90144, 90145, 90146, 90147), _MEMBERS),
    90148: ("points",),
    **dict.fromkeys((90033, 90034, 90036, 90037, 90039), ("articles",)),
    **dict.fromkeys(range(90042, 90047), _CATEGORIES),
    **dict.fromkeys(range(90151, 90155), ("coupons",)),
    **dict.fromkeys(range(90110, 90113), ("shops",)),
}
"""Which resources an event says have changed; an event that is not listed touches none of those that are landed."""

_NAMED_BY: Final = {
    "orders": "order_ids", "refunds": "order_ids", "products": "product_nos", "inventories": "variant_codes",
    "carts": "product_nos", "customers": "member_keys", "customers_privacy": "member_keys", "points": "member_keys",
    "articles": "article_nos", "categories": "category_nos", "category_products": "category_nos",
    "coupons": "coupon_nos",
}  # fmt: skip
"""Which ids say what rows of a resource changed; without them the resource counts as changed as a whole."""

# Ids by the name they are kept under: the keys they come in, and the form without which a value is not kept. A
# number begins with no zero, so that a phone number in the wrong field is no product number.
_NUMBER = re.compile(r"[1-9]\d{0,9}")
_IDS: Final[dict[str, tuple[tuple[str, ...], re.Pattern[str]]]] = {
    "order_ids": (("order_id",), re.compile(r"\d{8}-\d{7,10}")),
    "product_nos": (("product_no",), _NUMBER),
    "variant_codes": (("variant_code",), re.compile(r"P[0-9A-Z]{7}[0-9A-Z]{4}")),
    "coupon_nos": (("coupon_no",), re.compile(r"[1-9]\d{15,19}")),
    "board_nos": (("board_no",), _NUMBER),
    "article_nos": (("article_no", "no"), _NUMBER),
    "category_nos": (("category_no",), _NUMBER),
}
_MEMBER_KEYS: Final = ("member_id", "comment_member_id")
_PLACED: Final = ("event_no", "mall_id", "event_shop_no", "shop_no", "resource")
_KEY_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_MOST_NAMES: Final = 200


class NotAnEvent(Cafe24Error):
    """A body that is no webhook event: not JSON, not an object, or without a mall."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """An event as it came, personal fields included: it lives in memory only, and its repr shows none of them."""

    mall_id: str
    event_no: int | None
    fields: Mapping[str, Any]
    canonical: bytes

    def __repr__(self) -> str:
        return f"Incoming(mall_id={self.mall_id!r}, event_no={self.event_no})"

    @property
    def type(self) -> str:
        """The type it is logged under."""
        return APP_EVENTS.get(self.event_no or 0, RECEIVED)


@dataclass(frozen=True, slots=True)
class Changes:
    """What a run of events touched: hints for the next sync, never a reason to leave something out.

    Attributes:
        last_seq: the place in the log to begin at next time.
        events: how many events were read.
        resources: names of resources that changed.
        whole: those of them with an event that names no row of theirs (a tier event no member, a comment no article).
        order_ids, product_nos, variant_codes, coupon_nos, category_nos: ids as the API writes them.
        articles: (board_no, article_no) pairs.
        member_keys: hashes, see `privacy.Pseudonyms`.
        about_app: types of app and mall events, in order ("app.uninstalled" …).
    """

    last_seq: int
    events: int = 0
    resources: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()
    order_ids: frozenset[str] = frozenset()
    product_nos: frozenset[int] = frozenset()
    variant_codes: frozenset[str] = frozenset()
    coupon_nos: frozenset[str] = frozenset()
    category_nos: frozenset[int] = frozenset()
    articles: frozenset[tuple[int, int]] = frozenset()
    member_keys: frozenset[str] = frozenset()
    about_app: tuple[str, ...] = ()


def read_event(body: bytes) -> Incoming:
    """The event in a request body, with or without its `resource` wrapper.

    Raises:
        NotAnEvent: the text of the error holds nothing of the body.
    """
    import msgspec

    try:
        value = msgspec.json.decode(body)
        canonical = msgspec.json.encode(value, order="sorted")
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError):
        raise NotAnEvent("the body is not JSON") from None
    if not isinstance(value, dict):
        raise NotAnEvent("the body is not a JSON object")
    inner = value.get("resource", value)
    if not isinstance(inner, dict):
        raise NotAnEvent("`resource` is not an object")
    fields = {**inner, **inner["sample"]} if isinstance(inner.get("sample"), dict) else inner
    mall_id = fields.get("mall_id", value.get("mall_id"))
    if not isinstance(mall_id, str) or not mall_id:
        raise NotAnEvent("the event names no mall")
    return Incoming(mall_id, _event_no(value, fields), fields, canonical)


def without_personal_data(
    incoming: Incoming, hasher: Pseudonyms, *, client_id: str = "",
    covered: Callable[[str | None], bool] = lambda key: False,
) -> dict[str, Any]:  # fmt: skip
    """What may be logged of an event: its number, shop, ids of things, hashes of members, names of other keys.

    A value in an id's field that doesn't look like such an id is not kept, only counted (`unreadable_ids`). Members
    who were erased (`covered`, by key) are left out.
    """
    fields = incoming.fields
    payload: dict[str, Any] = {"event_no": incoming.event_no, "shop_no": _shop_no(fields)}
    used, unreadable = set(_PLACED), 0
    for name, (keys, form) in _IDS.items():
        if name == "order_ids" and incoming.event_no in APP_EVENTS:
            continue  # the number of an app-store payment, not of an order of the shop
        found = [text for key in keys for text in _texts(fields.get(key))]
        used |= set(keys) & fields.keys()
        kept = sorted({text for text in found if form.fullmatch(text)})
        unreadable += sum(not form.fullmatch(text) for text in found)
        if kept:
            payload[name] = kept
    members = {hasher.of(text) for key in _MEMBER_KEYS for text in _texts(fields.get(key))}
    if known := sorted(key for key in members if key is not None and not covered(key)):
        payload["member_keys"] = known
    if unreadable:
        payload["unreadable_ids"] = unreadable
    if incoming.event_no in APP_EVENTS and client_id and isinstance(fields.get("client_id"), str):
        payload["this_app"] = fields["client_id"] == client_id
    others = sorted(str(k) for k in fields if k not in used | set(_MEMBER_KEYS) and _KEY_NAME.fullmatch(str(k)))
    return payload | {"other_keys": others[:_MOST_NAMES]}


def changed_since(log: "EventLog", mall_id: str, after_seq: int = 0) -> Changes:
    """What the events of a mall after `after_seq` say has changed, in whatever order they came.

    A sync that takes them as hints keeps `last_seq` as its cursor and still polls everything in its turn.
    """
    sets: dict[str, set[Any]] = {name: set() for name in ("resources", "whole", "articles", "member_keys", *_IDS)}
    about_app: list[str] = []
    last, count = after_seq, 0
    for event in _events(log, mall_id, after_seq):
        last, count = event.seq, count + 1
        if event.type != RECEIVED:
            about_app.append(event.type)
        payload = event.payload
        touched = TOUCHED.get(payload.get("event_no") or 0, ())
        sets["resources"].update(touched)
        unread = payload.get("unreadable_ids")
        sets["whole"].update(r for r in touched if unread or not payload.get(_NAMED_BY.get(r, "")))
        for name in (*_IDS, "member_keys"):
            sets[name].update(payload.get(name, ()))
        for board in payload.get("board_nos", ()):
            sets["articles"].update((int(board), int(article)) for article in payload.get("article_nos", ()))
    return Changes(
        last, count, frozenset(sets["resources"]), frozenset(sets["whole"]),
        order_ids=frozenset(sets["order_ids"]), product_nos=frozenset(map(int, sets["product_nos"])),
        variant_codes=frozenset(sets["variant_codes"]), coupon_nos=frozenset(sets["coupon_nos"]),
        category_nos=frozenset(map(int, sets["category_nos"])), articles=frozenset(sets["articles"]),
        member_keys=frozenset(sets["member_keys"]), about_app=tuple(about_app),
    )  # fmt: skip


def _events(log: "EventLog", mall_id: str, after: int) -> "Iterator[Event]":
    while page := log.read(mall_id, types=TYPES, after=after):
        yield from page
        after = page[-1].seq


def _event_no(value: Mapping[str, Any], fields: Mapping[str, Any]) -> int | None:
    """The event's number. Samples of 90145–90147 carry it in event_shop_no, those of 90080 not at all."""
    for candidate in (value.get("event_no"), fields.get("event_no"), fields.get("event_shop_no")):
        text = str(candidate) if isinstance(candidate, int | str) else ""
        if re.fullmatch(r"9\d{4}", text):
            return int(text)
    return 90080 if "diff_key" in fields else None


def _shop_no(fields: Mapping[str, Any]) -> int | None:
    for key in ("event_shop_no", "shop_no"):
        text = str(fields.get(key, ""))
        if re.fullmatch(r"[1-9]\d{0,3}", text):
            return int(text)
    return None


def _texts(value: Any) -> list[str]:
    """An id's field as a list: bulk events join ids by commas, some with a blank behind."""
    if isinstance(value, bool) or value is None:
        return []
    if isinstance(value, list):
        return [text for one in value if not isinstance(one, list) for text in _texts(one)]
    if not isinstance(value, str | int):
        return []
    return [text for part in str(value).split(",") if (text := part.strip())]
