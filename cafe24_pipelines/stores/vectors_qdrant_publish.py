"""One publication: what changed is uploaded, counted and switched to by the marker; then the old goes.

A point that is the same as before stays where it is and keeps the turn that uploaded it. So an unchanged collection
writes nothing, a small change uploads the change, and readers see a whole build at any moment, whatever is killed
when (`vectors_qdrant_markers.py` says why). Does not belong here: encoding, reading.
"""

import hashlib
import json
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.stores.vectors import Point, of_one_encoder
from cafe24_pipelines.stores.vectors_embedded import DENSE, SPARSE
from cafe24_pipelines.stores.vectors_qdrant_connection import WRITING_SECONDS, QdrantConnection, QdrantRefused
from cafe24_pipelines.stores.vectors_qdrant_layout import FROM, HASH, POINT, UNTIL, Home, Layout, at_shard
from cafe24_pipelines.stores.vectors_qdrant_markers import NAMESPACE, Marker, Markers, scrolled

if TYPE_CHECKING:
    import numpy as np
    from qdrant_client import QdrantClient
    from qdrant_client.models import PointsSelector, PointStruct

T = TypeVar("T")
BATCH: Final = 128
"""Points a request (see "Batches" in docs/vectors.md for what was measured)."""
THREADS: Final = 2
"""Requests under way at once: the next one is made while the server works on the last."""
PAGE: Final = 1_000
"""Points a request where no vectors travel."""
MOST_TURNS: Final = 32
"""Visible turns of a marker at most; points of the smallest ones beyond are uploaded again."""


@dataclass(frozen=True)
class _Known:
    """A published point: its id on the server, the hash of its content, the turn that uploaded it."""

    key: str
    digest: str
    turn: int


@dataclass(frozen=True)
class _New:
    """A point to upload, its dense vector as the server keeps it, the hash of its content."""

    point: Point
    dense: "np.ndarray"
    digest: str


@dataclass(frozen=True)
class Build:
    """What is published: where, by which encoder, under which names."""

    home: Home
    mall_id: str
    encoder: str
    build_id: str
    digest: str


class Publication:
    """Publishes one build; used once."""

    def __init__(self, connection: QdrantConnection, layout: Layout, markers: Markers, build: Build) -> None:
        self._connection, self._layout, self._markers, self._build = connection, layout, markers, build
        self._known: dict[str, _Known] = {}
        self._claim: Marker | None = None
        self._given = 0
        self._seen: set[str] = set()
        self._same: set[str] = set()

    def run(self, points: Iterable[Point]) -> int:
        """Publish; returns how many points there are.

        Raises:
            ConfigError: the server does not answer or refuses the key.
            Cafe24Error: the server holds another number of points than was given, points of two encoders were
                given, the server refuses (a full disk, say), or another publication of the mall began meanwhile.
        """
        home = self._build.home
        self._layout.ensure_markers()
        self._layout.ensure(home)
        before = self._markers.read(self._build.mall_id, home.collection, seconds=WRITING_SECONDS)
        if before is not None and before.turns and before.physical == home.name:
            self._known = self._published(before)
        self._upload(points)
        if self._is_there(before):
            return self._given
        gone = [known for point, known in self._known.items() if point not in self._same]
        after = self._switch(gone)
        self._clean(after, gone)
        self._layout.point_alias(home, self._markers.are_in)
        return self._given

    # -- what there is -----------------------------------------------------------------------------------------

    def _published(self, marker: Marker) -> dict[str, _Known]:
        """The published points by id, without their vectors."""
        hidden = {"with_payload": [POINT, HASH, FROM], "with_vectors": False}
        records = scrolled(self._connection, marker, PAGE, WRITING_SECONDS, **hidden)
        payloads = ((str(record.id), record.payload or {}) for record in records)
        return {p[POINT]: _Known(key, p[HASH], p[FROM]) for key, p in payloads}

    def _is_there(self, before: Marker | None) -> bool:
        """Whether this very build is published already and nothing lies around."""
        if before is None or self._claim is not None or before.leaving or not before.turns:
            return False
        b = self._build
        wanted = (b.home.name, b.home.size, b.encoder, b.build_id, b.digest, self._given)
        there = (before.physical, before.size, before.encoder, before.build_id, before.digest, before.points)
        whole = len(self._same) == len(self._known) == self._given
        return whole and wanted == there and before.claimed == max(before.turns)

    # -- upload ------------------------------------------------------------------------------------------------

    def _upload(self, points: Iterable[Point]) -> None:
        """Send points that are new or changed, a few requests at a time."""
        under_way: deque[Future[Any]] = deque()
        changed = self._changed(points)
        threads = THREADS if self._connection.takes_parallel_calls else 1
        with ThreadPoolExecutor(threads) as pool:
            while batch := list(islice(changed, BATCH)):
                turn = self._claimed().claimed
                under_way.append(pool.submit(self._send, [self._row(one, turn) for one in batch]))
                if len(under_way) > threads:
                    under_way.popleft().result()
            for future in under_way:
                future.result()

    def _changed(self, points: Iterable[Point]) -> "Iterator[_New]":
        """Points to send."""
        by_turn = Counter(known.turn for known in self._known.values())
        turns = {turn for turn, _ in by_turn.most_common(MOST_TURNS - 1)}
        for point in of_one_encoder(points, self._build.encoder, self._build.mall_id):
            self._given += 1
            self._seen.add(point.point_id)
            dense = unit(point.dense)
            digest = content_hash(point, dense, self._build.mall_id)
            known = self._known.get(point.point_id)
            if known is not None and known.digest == digest and known.turn in turns:
                self._same.add(point.point_id)
            else:
                yield _New(point, dense, digest)

    def _claimed(self) -> Marker:
        """The claim on a turn, made before the first write; what others left half done is cleared with it."""
        if self._claim is None:
            claim = self._markers.claim(self._build.mall_id, self._build.home.collection)
            there = claim if claim.physical == self._build.home.name else replace(claim, turns=())
            self._delete(self._build.home.name, there.others())
            self._claim = claim
        return self._claim

    def _send(self, rows: "list[PointStruct]") -> None:
        name = self._build.home.name
        self._ask(lambda c: c.upsert(name, points=rows, wait=True, **self._at(name)))

    def _row(self, new: "_New", turn: int) -> "PointStruct":
        from qdrant_client import models as m

        home, mall_id, point = self._build.home, self._build.mall_id, new.point
        key = json.dumps([mall_id, home.collection, turn, point.point_id])
        dense = [*new.dense.tolist(), *([0.0] * (home.padded - home.size))]
        sparse = m.SparseVector(indices=list(point.sparse.indices), values=list(point.sparse.values))
        hidden = {"mall_id": mall_id, FROM: turn, POINT: point.point_id, HASH: new.digest}
        return m.PointStruct(
            id=str(uuid.uuid5(NAMESPACE, key)), vector={DENSE: dense, SPARSE: sparse},
            payload={**point.payload, **hidden},
        )  # fmt: skip

    # -- the switch --------------------------------------------------------------------------------------------

    def _switch(self, gone: Sequence[_Known]) -> Marker:
        """Close what is gone, verify the count, move the marker."""
        claim, b = self._claimed(), self._build
        kept = {self._known[point].turn for point in self._same}
        leaving = {*claim.leaving, claim.physical} - {"", b.home.name}
        after = replace(
            claim, layout=Marker.layout, turns=tuple(sorted({*kept, claim.claimed})), physical=b.home.name,
            build_id=b.build_id, digest=b.digest, model=b.home.model, encoder=b.encoder, size=b.home.size,
            points=self._given, leaving=tuple(sorted(leaving)),
        )  # fmt: skip
        self._close([known.key for known in gone if known.turn in kept], claim)
        stored = self._count(after)
        if stored != self._given or len(self._seen) != self._given:
            self._markers.check(claim)  # the later of two publications clears what the other one sent
            raise Cafe24Error(
                f"the server holds {min(stored, len(self._seen))} points of {b.home.name} instead of {self._given}",
                where=self._connection.url,
                remedy="check that point ids are unique and the server's disk, then run again",
            )
        self._markers.move(after)
        return after

    def _close(self, keys: Sequence[str], claim: Marker) -> None:
        """Mark points as gone from this turn on; readers of the turns before don't look at the mark."""
        if keys:
            self._markers.check(claim)
        for some in _pages(keys):
            self._mark_gone(some, claim.claimed)

    def _mark_gone(self, keys: list[str], turn: int) -> None:
        from qdrant_client import models as m

        name, points = self._build.home.name, m.PointIdsList(points=list[m.ExtendedPointId](keys))
        self._ask(lambda c: c.set_payload(name, payload={UNTIL: turn}, points=points, wait=True, **self._at(name)))

    def _count(self, marker: Marker) -> int:
        visible = marker.visible()
        return self._ask(
            lambda c: c.count(marker.physical, count_filter=visible, exact=True, **self._at(marker.physical))
        ).count

    def _clean(self, after: Marker, gone: Sequence[_Known]) -> None:
        """Remove what nobody sees any more, here and in the collections that the mall has left."""
        from qdrant_client import models as m

        name = after.physical
        for some in _pages([known.key for known in gone]):
            self._delete(name, m.PointIdsList(points=list[m.ExtendedPointId](some)))
        self._delete(name, after.others())
        nothing = replace(after, turns=())
        for left in after.leaving:
            self._delete(left, nothing.others())
        if after.leaving:
            self._markers.left(after)
            for left in after.leaving:
                self._layout.retire(left, self._markers.are_in)

    def _delete(self, name: str, points: "PointsSelector") -> None:
        try:
            self._ask(lambda c: c.delete(name, points_selector=points, wait=True, **self._at(name)))
        except QdrantRefused as e:
            if e.status != 404:  # somebody removed the whole collection
                raise

    def _at(self, name: str) -> dict[str, Any]:
        return at_shard(name, self._build.mall_id)

    def _ask(self, call: "Callable[[QdrantClient], T]") -> T:
        return self._connection.ask(call, seconds=WRITING_SECONDS)


def unit(dense: Sequence[float]) -> "np.ndarray":
    """A vector as the server keeps it under cosine: float32, of length one. One of that length stays bit by bit."""
    import numpy as np

    vector = np.asarray(dense, dtype=np.float32)
    square = float(vector @ vector)
    if square == 0.0 or abs(square - 1.0) <= 1e-6:
        return vector
    return (vector / np.float32(square**0.5)).astype(np.float32)


def content_hash(point: Point, dense: "np.ndarray", mall_id: str) -> str:
    """What a point says and where it lies, as 32 hexadecimal digits; the same for a point that was read back.

    `dense` is the point's dense vector as `unit` makes it.
    """
    import numpy as np

    payload = json.dumps({**point.payload, "mall_id": mall_id}, sort_keys=True, ensure_ascii=False)
    made = hashlib.blake2b(payload.encode(), digest_size=16)
    made.update(dense.tobytes())
    made.update(np.asarray(point.sparse.indices, dtype=np.uint32).tobytes())
    made.update(np.asarray(point.sparse.values, dtype=np.float32).tobytes())
    return made.hexdigest()


def _pages(keys: Sequence[str]) -> Iterator[list[str]]:
    for begin in range(0, len(keys), PAGE):
        yield list(keys[begin : begin + PAGE])
