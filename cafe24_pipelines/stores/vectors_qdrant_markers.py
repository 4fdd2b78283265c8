"""Markers: which build of a mall's collection readers see, and who may move it.

One marker a mall and collection lies in `cafe24_builds`. It names the turns whose points are visible: a point shows
`_from` the turn that uploaded it and, once replaced, `_until` the turn that closed it; it is visible when the first
is among the marker's turns and the second is not. A turn's number is used once: a publication claims it before it
writes, so what a killed one left behind stays invisible for good. Claiming and moving are conditional writes: of two
publications of one mall at once, the later claim wins and the other one fails. Does not belong here: points.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.stores.vectors_qdrant_connection import (
    READING_SECONDS,
    WRITING_SECONDS,
    QdrantConnection,
    QdrantRefused,
)
from cafe24_pipelines.stores.vectors_qdrant_layout import FROM, MARKERS, UNTIL, VERSION, at_shard

if TYPE_CHECKING:
    from qdrant_client.models import Filter, FilterSelector, PointStruct, Record

NAMESPACE: Final = uuid.UUID("0b9d6d64-8f0c-5a6e-8a55-3f1f2b7c6e10")
_CLAIMS: Final = 10


@dataclass(frozen=True)
class Marker:
    """One mall's collection as it stands.

    `claimed` is the last turn number given out and `claim` who got it; `turns` (empty before the first publication)
    are the visible ones, `leaving` physical collections that still hold points of the mall.
    """

    mall_id: str
    collection: str
    layout: int = VERSION
    claimed: int = 0
    claim: str = ""
    turns: tuple[int, ...] = ()
    physical: str = ""
    build_id: str = ""
    digest: str = ""
    model: str = ""
    encoder: str = ""
    size: int = 0
    points: int = 0
    leaving: tuple[str, ...] = ()

    @property
    def build(self) -> tuple[str, tuple[int, ...]]:
        """What a reader must find unchanged after a search."""
        return self.physical, self.turns

    @property
    def key(self) -> str:
        """The marker's id on the server."""
        return str(uuid.uuid5(NAMESPACE, f"{self.mall_id}\x1f{self.collection}"))

    def visible(self, filters: Mapping[str, str] | None = None) -> "Filter":
        """The mall's published points, further narrowed by payload values. Every read goes through this."""
        from qdrant_client import models as m

        turns = m.MatchAny(any=list(self.turns))
        must = [equal("mall_id", self.mall_id), m.FieldCondition(key=FROM, match=turns)]
        must += [equal(key, value) for key, value in (filters or {}).items()]
        return m.Filter(must=must, must_not=[m.FieldCondition(key=UNTIL, match=turns)])

    def others(self) -> "FilterSelector":
        """The mall's points that nobody sees: replaced ones, and what publications left that did not end."""
        from qdrant_client import models as m

        mine = equal("mall_id", self.mall_id)
        if not self.turns:
            return m.FilterSelector(filter=m.Filter(must=[mine]))
        turns = m.MatchAny(any=list(self.turns))
        unpublished = m.Filter(must_not=[m.FieldCondition(key=FROM, match=turns)])
        hidden: list[Any] = [unpublished, m.FieldCondition(key=UNTIL, match=turns)]
        return m.FilterSelector(filter=m.Filter(must=[mine], should=hidden))


class Markers:
    """All markers of a server."""

    def __init__(self, connection: QdrantConnection) -> None:
        self._connection = connection

    def read(self, mall_id: str, collection: str, *, seconds: float = READING_SECONDS) -> Marker | None:
        """The marker, or None where nobody ever published. One of an older layout has no turns."""
        wanted = Marker(mall_id, collection)
        payload = self._payload(wanted.key, seconds)
        if payload is None:
            return None
        if (payload["mall_id"], payload["collection"]) != (mall_id, collection):
            raise Cafe24Error(f"the marker of {mall_id!r} is of another mall", remedy="run `cafe24 rebuild vectors`")
        if payload.get("layout", 1) > VERSION:
            raise Cafe24Error(
                f"collection {collection} was published by a newer version of cafe24-pipelines",
                where=self._connection.url, remedy="upgrade this installation",
            )  # fmt: skip
        return _marker(payload)

    def of_mall(self, mall_id: str) -> list[Marker]:
        """Every published marker of a mall, by collection."""
        from qdrant_client import models as m

        of_mall = m.Filter(must=[equal("mall_id", mall_id)])
        try:
            records, _ = self._connection.ask(lambda c: c.scroll(MARKERS, scroll_filter=of_mall, limit=1000))
        except QdrantRefused as e:
            if e.status != 404:
                raise
            return []
        found = [_marker(record.payload) for record in records if record.payload]
        return sorted((one for one in found if one.turns), key=lambda one: one.collection)

    def are_in(self, physical: str) -> bool:
        """Whether a marker names this physical collection, or is leaving it."""
        from qdrant_client import models as m

        named = m.Filter(should=[equal("physical", physical), equal("leaving", physical)])
        return self._write(lambda c: c.count(MARKERS, count_filter=named, exact=True)).count > 0

    def claim(self, mall_id: str, collection: str) -> Marker:
        """Take the next turn's number; what readers see stays.

        Raises:
            Cafe24Error: other publications keep claiming.
        """
        from qdrant_client import models as m

        strong = m.WriteOrdering.STRONG
        for _ in range(_CLAIMS):
            before = self.read(mall_id, collection, seconds=WRITING_SECONDS)
            nonce = uuid.uuid4().hex
            if before is None:
                first = Marker(mall_id, collection, claimed=1, claim=nonce)
                point = m.PointStruct(id=first.key, vector={}, payload=asdict(first))
                self._put(point, update_mode=m.UpdateMode.INSERT_ONLY)
            else:
                unclaimed: Any = equal("claim", before.claim) if before.claim else _missing("claim")
                mine = m.Filter(must=[m.HasIdCondition(has_id=[before.key]), unclaimed])
                taken = {"claim": nonce, "claimed": before.claimed + 1}
                self._write(lambda c, p=taken, f=mine: c.set_payload(MARKERS, payload=p, points=f, ordering=strong))
            now = self.read(mall_id, collection, seconds=WRITING_SECONDS)
            if now is not None and now.claim == nonce:
                return now
        raise _overtaken(mall_id, collection)

    def check(self, claim: Marker) -> None:
        """Refuse to go on once another publication has claimed."""
        now = self.read(claim.mall_id, claim.collection, seconds=WRITING_SECONDS)
        if now is None or now.claim != claim.claim:
            raise _overtaken(claim.mall_id, claim.collection)

    def move(self, to: Marker) -> None:
        """Switch readers, if the claim still stands; one write, so they see the build before or this one.

        Raises:
            Cafe24Error: another publication has claimed since.
        """
        from qdrant_client import models as m

        point = m.PointStruct(id=to.key, vector={}, payload=asdict(to))
        mine = m.Filter(must=[equal("claim", to.claim)])
        self._put(point, update_filter=mine)
        now = self.read(to.mall_id, to.collection, seconds=WRITING_SECONDS)
        if now is None or now.build != to.build:
            raise _overtaken(to.mall_id, to.collection)

    def left(self, marker: Marker) -> None:
        """Record that the collections which a marker was leaving hold nothing of the mall any more."""
        self.move(replace(marker, leaving=()))

    # -- inside ----------------------------------------------------------------------------------------------

    def _put(self, point: "PointStruct", **condition: Any) -> None:
        """A conditional write of a marker; replicas apply such writes in one order, or two could win."""
        from qdrant_client.models import WriteOrdering

        self._write(lambda c: c.upsert(MARKERS, points=[point], ordering=WriteOrdering.STRONG, **condition))

    def _write(self, call: Any) -> Any:
        return self._connection.ask(call, seconds=WRITING_SECONDS)

    def _payload(self, key: str, seconds: float) -> dict[str, Any] | None:
        try:
            records = self._connection.ask(lambda c: c.retrieve(MARKERS, ids=[key]), seconds=seconds)
        except QdrantRefused as e:
            if e.status != 404:
                raise
            return None
        return records[0].payload if records else None


def scrolled(
    connection: QdrantConnection, marker: Marker, limit: int, seconds: float, **what: Any
) -> "Iterator[Record]":
    """A marker's visible points, `limit` a request."""

    def page(offset: Any) -> Any:
        at = at_shard(marker.physical, marker.mall_id)
        return connection.ask(
            lambda c: c.scroll(
                marker.physical, scroll_filter=marker.visible(), limit=limit, offset=offset, **what, **at
            ),
            seconds=seconds,
        )

    records, offset = page(None)
    yield from records
    while offset is not None:
        records, offset = page(offset)
        yield from records


def equal(key: str, value: Any) -> Any:
    """A condition: a payload value equals."""
    from qdrant_client import models as m

    return m.FieldCondition(key=key, match=m.MatchValue(value=value))


def _missing(key: str) -> Any:
    from qdrant_client import models as m

    return m.IsEmptyCondition(is_empty=m.PayloadField(key=key))


def _marker(payload: Mapping[str, Any]) -> Marker:
    """A stored marker. What layout 1 wrote counts as never published, and its collection as one to leave."""
    if payload.get("layout", 1) == VERSION:
        lists = {name: tuple(payload[name]) for name in ("turns", "leaving")}
        return Marker(**{**{name: payload[name] for name in Marker.__dataclass_fields__}, **lists})
    return Marker(
        payload["mall_id"], payload["collection"], layout=payload.get("layout", 1), claim=payload.get("claim", ""),
        claimed=payload.get("claimed", 0), leaving=(payload["physical"],),
    )  # fmt: skip


def _overtaken(mall_id: str, collection: str) -> Cafe24Error:
    return Cafe24Error(
        f"another publication of {collection} for mall {mall_id!r} began meanwhile; it goes on, this one ends",
        remedy="let one run of a mall end before the next, then run again",
    )
