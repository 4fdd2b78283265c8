"""Physical collections on a Qdrant server: their names, how they are made, who may use them, their aliases.

`cafe24_api_docs__v2__lsa__d128` holds all malls' points of one collection, one layout version, one embedding model
and one size; the alias `cafe24_api_docs` names the one that all malls have moved to. Malls are told apart by the
payload `mall_id`, a tenant index: the graph of nearest neighbours is built within each mall only (`m=0`,
`payload_m`). Does not belong here: points and markers.
"""

import logging
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.stores.vectors_embedded import DENSE, SPARSE
from cafe24_pipelines.stores.vectors_qdrant_connection import WRITING_SECONDS, QdrantConnection, QdrantRefused

if TYPE_CHECKING:
    from qdrant_client import models

VERSION: Final = 2
"""Layout of collections and points. 1: a tag a point, no model recorded (`cafe24_api_docs__d128`)."""
MARKERS: Final = "cafe24_builds"
STEP: Final = 128
"""Dense vectors are padded with zeros to a multiple of this, which leaves cosines alone: malls too small for a full
LSA then share one collection with the others."""
PAYLOAD_M: Final = 16
EF_CONSTRUCT: Final = 128
QUANTILE: Final = 0.99
"""Of int8 quantisation: the outermost hundredth of the values is cut off."""
FROM, UNTIL, POINT, HASH = "_from", "_until", "_point", "_hash"
KEYWORDS: Final = ("document_id", "kind", "resource", "method")
_NOTE: Final = "cafe24"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cluster:
    """How collections lie on a cluster. One server: the defaults.

    `shards` above 1 places each mall whole in one of that many shard keys, because a server counts IDF within a
    shard. `replicas` are all written before a write counts, because readers rely on the order of writes.
    """

    shards: int = 1
    replicas: int = 1


@dataclass(frozen=True)
class Home:
    """The physical collection of a collection for one embedding model and vector size."""

    collection: str
    model: str
    size: int
    shards: int = 1

    @property
    def padded(self) -> int:
        """The size of stored vectors."""
        return -(-self.size // STEP) * STEP

    @property
    def name(self) -> str:
        """The collection's name on the server."""
        name = f"{self.collection}__v{VERSION}__{_slug(self.model)}__d{self.padded}"
        return name if self.shards == 1 else f"{name}__s{self.shards}"

    @property
    def note(self) -> dict[str, Any]:
        """What the collection's metadata say about it."""
        return {"layout": VERSION, "collection": self.collection, "model": self.model, "size": self.padded}


class Layout:
    """Makes, checks and retires physical collections; each is checked once a connection."""

    def __init__(self, connection: QdrantConnection, cluster: Cluster) -> None:
        self._connection, self.cluster = connection, cluster
        self._checked: set[str] = set()
        self._aliased: dict[str, str] = {}
        self._lock = threading.Lock()

    def ensure_markers(self) -> None:
        """The collection of markers, with its indexes."""
        with self._lock:
            if MARKERS not in self._checked:
                if self._info(MARKERS) is None:
                    self._create(MARKERS, vectors_config={}, shard_number=1, **self._replicated())
                for name in ("mall_id", "collection", "physical"):
                    self._index(MARKERS, name, _keyword(name))
                self._checked.add(MARKERS)

    def ensure(self, home: Home) -> None:
        """The physical collection with its indexes and shard keys.

        Raises:
            Cafe24Error: there is one of that name that holds something else.
        """
        with self._lock:
            if home.name in self._checked:
                return
            info = self._info(home.name)
            if info is None:
                self._create(home.name, **_configuration(home), **self._replicated(), **_sharded(home))
                info = self._ask(lambda c: c.get_collection(home.name))
            _check(home, info, self._connection.url)
            for name, schema in _indexes().items():
                if name not in info.payload_schema:  # a process may have been killed before it made them all
                    self._index(home.name, name, schema)
            self._ensure_shard_keys(home)
            self._checked.add(home.name)

    def forget(self, name: str) -> None:
        """Check a collection again before its next use."""
        with self._lock:
            self._checked.discard(name)

    def point_alias(self, home: Home, is_used: Callable[[str], bool]) -> None:
        """Let the plain name mean this collection, once no mall is left in the one that it means now.

        `is_used` says whether a marker names a physical collection.
        """
        from qdrant_client import models as m

        if self._aliased.get(home.collection) == home.name:
            return
        known = self._ask(lambda c: c.get_aliases()).aliases
        before = next((a.collection_name for a in known if a.alias_name == home.collection), None)
        if before != home.name:
            if before is not None and is_used(before):
                return
            change: list[Any] = [
                m.CreateAliasOperation(
                    create_alias=m.CreateAlias(collection_name=home.name, alias_name=home.collection)
                )
            ]
            if before is not None:  # both in one request: the server holds its lock over all of them
                change.insert(0, m.DeleteAliasOperation(delete_alias=m.DeleteAlias(alias_name=home.collection)))
            try:
                self._ask(lambda c: c.update_collection_aliases(change_aliases_operations=change))
            except QdrantRefused as e:
                if e.status != 409:
                    raise
                _log.warning("a collection named %s is in the way of the alias: rename or remove it", home.collection)
            if before is not None:
                self.retire(before, is_used)
        self._aliased[home.collection] = home.name

    def retire(self, name: str, is_used: Callable[[str], bool]) -> None:
        """Remove a collection of ours that is empty, has no alias and is named by no marker."""
        if self._info(name) is None or is_used(name):
            return
        aliased = {a.collection_name for a in self._ask(lambda c: c.get_aliases()).aliases}
        if name not in aliased and self._ask(lambda c: c.count(name, exact=True)).count == 0:
            self._ask(lambda c: c.delete_collection(name))
            self.forget(name)

    # -- inside ----------------------------------------------------------------------------------------------

    def _ask(self, call: Callable[[Any], Any]) -> Any:
        return self._connection.ask(call, seconds=WRITING_SECONDS)

    def _info(self, name: str) -> "models.CollectionInfo | None":
        try:
            return self._ask(lambda c: c.get_collection(name))
        except QdrantRefused as e:
            if e.status != 404:
                raise
            return None

    def _create(self, name: str, **configuration: Any) -> None:
        try:
            self._ask(lambda c: c.create_collection(name, **configuration))
        except QdrantRefused as e:
            if e.status != 409:  # another worker was faster, or the first try got through
                raise

    def _index(self, name: str, field: str, schema: Any) -> None:
        self._ask(lambda c: c.create_payload_index(name, field, schema, wait=True))

    def _replicated(self) -> dict[str, Any]:
        copies = _copies(self.cluster)
        return {**copies, "write_consistency_factor": self.cluster.replicas} if copies else {}

    def _ensure_shard_keys(self, home: Home) -> None:
        if home.shards == 1:
            return
        there = {str(one.key) for one in self._ask(lambda c: c.list_shard_keys(home.name)).shard_keys or []}
        for key in (f"s{number}" for number in range(home.shards)):
            if key not in there:
                self._create_shard_key(home.name, key)

    def _create_shard_key(self, name: str, key: str) -> None:
        try:
            self._ask(lambda c: c.create_shard_key(name, key, **_copies(self.cluster)))
        except QdrantRefused as e:
            if "already exists" not in e.what:
                raise Cafe24Error(
                    f"the shard key {key} can't be made: {e.what}", where=self._connection.url,
                    remedy="QDRANT_SHARDS above 1 needs a server in distributed mode; leave it unset otherwise",
                ) from e  # fmt: skip


def at_shard(name: str, mall_id: str) -> dict[str, Any]:
    """The argument that sends a call to the mall's shard key; nothing where a collection has one shard."""
    found = re.search(r"__s(\d+)$", name)
    return {"shard_key_selector": f"s{crc32(mall_id.encode()) % int(found[1])}"} if found else {}


def _copies(cluster: Cluster) -> dict[str, Any]:
    return {"replication_factor": cluster.replicas} if cluster.replicas > 1 else {}


def _sharded(home: Home) -> dict[str, Any]:
    from qdrant_client import models as m

    if home.shards == 1:
        return {"shard_number": 1}  # a cluster would make one a node, and count IDF in each
    return {"shard_number": 1, "sharding_method": m.ShardingMethod.CUSTOM}


def _configuration(home: Home) -> dict[str, Any]:
    """Named dense and sparse vectors; graphs within malls; int8 copies in memory, searched first and rescored."""
    from qdrant_client import models as m

    int8 = m.ScalarQuantizationConfig(type=m.ScalarType.INT8, quantile=QUANTILE, memory=m.Memory.PINNED)
    return {
        "vectors_config": {DENSE: m.VectorParams(size=home.padded, distance=m.Distance.COSINE)},
        "sparse_vectors_config": {SPARSE: m.SparseVectorParams(modifier=m.Modifier.IDF)},
        "hnsw_config": m.HnswConfigDiff(m=0, payload_m=PAYLOAD_M, ef_construct=EF_CONSTRUCT),
        "quantization_config": m.ScalarQuantization(scalar=int8),
        "metadata": {_NOTE: home.note},
    }


def _indexes() -> dict[str, Any]:
    """Payload indexes. Graphs are built for malls only: the other fields are filtered within a mall's graph."""
    from qdrant_client import models as m

    number = m.IntegerIndexParams(type=m.IntegerIndexType.INTEGER, lookup=True, range=False, enable_hnsw=False)
    names = {name: _keyword(name) for name in ("mall_id", *KEYWORDS)}
    return {**names, FROM: number, UNTIL: number}


def _keyword(name: str) -> Any:
    from qdrant_client import models as m

    tenant = name == "mall_id"
    return m.KeywordIndexParams(type=m.KeywordIndexType.KEYWORD, is_tenant=tenant, enable_hnsw=tenant)


def _check(home: Home, info: Any, url: str) -> None:
    """Refuse a collection that was not made for this model, size and layout."""
    params = info.config.params
    note = (info.config.metadata or {}).get(_NOTE) or {}
    dense = params.vectors.get(DENSE) if isinstance(params.vectors, dict) else None
    sparse = (params.sparse_vectors or {}).get(SPARSE)
    if note.get("model") != home.model:
        made = f"the embedding model {note['model']!r}" if "model" in note else "something else"
        raise Cafe24Error(
            f"collection {home.name} was made for {made}, and these vectors are of {home.model!r}", where=url,
            remedy="vectors of two models can't be compared: remove that collection (or rename it), then encode "
            "every mall anew with `cafe24 rebuild vectors`",
        )  # fmt: skip
    if (
        dense is None
        or dense.size != home.padded
        or sparse is None
        or str(sparse.modifier) not in ("idf", "Modifier.IDF")
    ):
        raise Cafe24Error(
            f"collection {home.name} has other vectors than ours", where=url,
            remedy="remove it (or rename it), then run `cafe24 rebuild vectors`",
        )  # fmt: skip


def _slug(model: str) -> str:
    """A model's name in letters that a collection may have; two models never get the same."""
    import hashlib

    plain = re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-")[:40]
    return (
        plain if plain and plain == model else f"{plain or 'model'}-{hashlib.sha256(model.encode()).hexdigest()[:8]}"
    )
