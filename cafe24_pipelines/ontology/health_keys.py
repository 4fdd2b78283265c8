"""Source keys of the graph's nodes, read once a label: each uid is the one that its key makes, each key the lake's.

Read in pages of the uid's range, so that millions of nodes need little memory. Does not belong here: which keys the
lake calls for (`health_coverage.py`).
"""

import hashlib
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import Any, Final

from cafe24_pipelines.ontology.health_graph import GraphSeen, attempt
from cafe24_pipelines.ontology.health_report import EVIDENCE_ROWS, Violation, violation

PAGE: Final = 200_000
"""About how many nodes are read at a time."""
HELD: Final = "graph_keys"
"""The table of `read_keys`: `label` and `key` of every node."""
REMEDY: Final = (
    "uid가 원천 키로 만든 값이 아니어서 벡터·이전 빌드와 이어지지 않습니다. `cafe24 rebuild graph`로 다시 만드세요."
)


def read_keys(seen: GraphSeen, read: set[str]) -> Iterator[Violation]:
    """Put every node's key into the table `HELD`, and report nodes whose uid isn't uuid5 of mall, label and key.

    `read` gets the labels whose keys are all there. Nodes without a key are left out (see `health_properties.py`).
    """
    seen.db.execute(f"CREATE TEMP TABLE {HELD} (label VARCHAR, key VARCHAR)")
    for label in sorted(seen.counts.by_label):
        if label in seen.domain.labels:
            yield from attempt(partial(_of_label, seen, label, read), label)


def _of_label(seen: GraphSeen, label: str, read: set[str]) -> Iterator[Violation]:
    import pyarrow as pa

    wrong: list[dict[str, Any]] = []
    made = Uids(seen.mall_id, label)
    for page in _pages(seen, label):
        uids = page.pop("uid")
        keys = ["-".join(map(str, values)) for values in zip(*page.values(), strict=True)]
        wrong += [{"uid": u, "key": k} for u, k in zip(uids, keys, strict=True) if not made.fits(u, k)]
        keys_page = pa.table({"label": [label] * len(keys), "key": keys})
        seen.db.register("keys_page", keys_page)
        seen.db.execute(f"INSERT INTO {HELD} SELECT * FROM keys_page")
        seen.db.unregister("keys_page")
    read.add(label)
    if wrong:
        name = seen.domain.labels[label].key[-1] if len(seen.domain.labels[label].key) == 1 else "key"
        rows = [{"uid": w["uid"], name: w["key"]} for w in sorted(wrong, key=lambda w: str(w["uid"]))[:EVIDENCE_ROWS]]
        yield violation(
            "properties", "key", "Violation", label, "uid", count=len(wrong), total=seen.held(label),
            message=f"{seen.domain.labels[label].ko}의 uid가 원천 키와 다름", remedy=REMEDY, rows=rows,
        )  # fmt: skip


def _pages(seen: GraphSeen, label: str) -> Iterator[dict[str, list[Any]]]:
    """Lists of equal length, `uid` and the key's properties, for a range of uids at a time."""
    names = seen.domain.labels[label].key
    there = " AND ".join(f"n.{name} IS NOT NULL" for name in names)
    shown = ", ".join(f"collect(n.{name}) AS {name}" for name in names)
    for low, high in _ranges(-(-seen.held(label) // PAGE)):
        within = (" AND n.uid >= $low" if low else "") + (" AND n.uid < $high" if high else "")
        rows = seen.ask(
            f"MATCH (n:{label}) WHERE {there}{within} RETURN collect(n.uid) AS uid, {shown}", low=low, high=high
        )
        if rows and rows[0]["uid"]:
            yield rows[0]


def _ranges(pages: int) -> Iterator[tuple[str, str]]:
    """Bounds that cut all uids into `pages` (at most 256) ranges, open at both ends."""
    pages = max(1, min(256, pages))
    bounds = ["", *(f"{i * 256 // pages:02x}" for i in range(1, pages)), ""]
    yield from pairwise(bounds)


class Uids:
    """The ids that `stores.graph.uid` makes for keys of one label, hashed from their common beginning."""

    def __init__(self, mall_id: str, label: str) -> None:
        from cafe24_pipelines.stores.graph import NAMESPACE

        start = NAMESPACE.bytes + f"{mall_id}\x1f{label}\x1f".encode()
        self._start = hashlib.sha1(start, usedforsecurity=False)

    def fits(self, uid: Any, key: str) -> bool:
        """Whether `uid` is uuid5 of mall, label and key, in the usual spelling."""
        h = self._start.copy()
        h.update(key.encode())
        x = h.hexdigest()
        variant = "89ab"[int(x[16], 16) & 3]
        return bool(uid == f"{x[:8]}-{x[8:12]}-5{x[13:16]}-{variant}{x[17:20]}-{x[20:32]}")
