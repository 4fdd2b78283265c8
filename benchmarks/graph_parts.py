"""What each contestant of the graph's benchmark does, over the same rows; and one large mall in a process of its own.

For `graph.py`. Run as a module it is that process: `python -m benchmarks.graph_parts '{…}'` prints JSON.
Does not belong here: servers and the peer's environment (`rival_neo4j/`), or what is compared (`graph.py`).
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.large_mall import large_mall, returned
from benchmarks.peak import peak_megabytes
from benchmarks.rival_neo4j.servers import AUTH, check_counts, wipe
from cafe24_pipelines.stores.graph import Changes, GraphSchema, GraphStore, Nodes, Part

if TYPE_CHECKING:
    import pyarrow as pa
    from neo4j import Driver

    from cafe24_pipelines.stores.lake import MallLake

BATCH: Final = 10_000
"""Rows a statement of the bare driver."""
WARM_ORDERS, WARM_LOADS = 1_000, 2
"""What every server is warmed with, by its contestant's own writing: a small other mall, loaded and wiped."""
CHANGED: Final = 0.01
"""Share of the orders that a change is of."""
ASKED: Final = (
    "order_path", "bought_also", "top_products", "category_reach", "group_value", "coupon_reach", "review_ratings",
)  # fmt: skip
TIMES_ASKED: Final = 3


@dataclass(frozen=True)
class Content:
    """All parts of a mall's facts, nodes before relationships."""

    mall_id: str
    orders: int
    parts: list[Part]

    @classmethod
    def warm(cls) -> "Content":
        """What every server is warmed with."""
        with tempfile.TemporaryDirectory(prefix="bench-lake-") as folder:
            return _content(_lake(Path(folder), "warm", WARM_ORDERS, seed=2))

    @cached_property
    def nodes(self) -> int:
        """How many nodes they are."""
        return sum(part.rows.num_rows for part in self.parts if isinstance(part, Nodes))

    @cached_property
    def rows(self) -> int:
        """How many nodes and relationships they are."""
        return sum(part.rows.num_rows for part in self.parts)

    @cached_property
    def digest(self) -> str:
        """Of all rows."""
        from cafe24_pipelines.ontology.build import part_digest
        from cafe24_pipelines.stores.digest import combine

        return combine(part_digest(part) for part in self.parts)


@dataclass(frozen=True)
class Data:
    """What is loaded: `warm` and wiped, `small` (the peer's size), `full`, and what `full` becomes after changes."""

    warm: Content
    small: Content
    full: Content
    changed: list[Content]

    @classmethod
    def made(cls, orders: int, small: int) -> "Data":
        """Malls of so many orders; from build to build one in a hundred orders is returned."""
        with tempfile.TemporaryDirectory(prefix="bench-lake-") as folder:
            lake = _lake(Path(folder), "full", orders)
            full, changed = _content(lake), []
            for turn in range(1, 3):
                returned(lake, CHANGED, turn)
                changed.append(_content(lake))
            return cls(Content.warm(), _content(_lake(Path(folder), "small", small)), full, changed)


# -- contestants ---------------------------------------------------------------------------------------------


def ours(uri: str, data: Data, *, changes: bool) -> dict[str, float]:
    """Seconds of each of our loads on a fresh server; `rows …` tells how many rows a change wrote.

    Args:
        uri: of the server.
        data: what to load.
        changes: whether to go on with changed content after the repeated loads.
    """
    with _driver(uri) as driver:
        warm_ours(uri, data.warm)
        found = {"small": _bring(uri, data.small, "b1")[0]}
        wipe(driver)
        found["full"], _ = _bring(uri, data.full, "b1")
        found["another build"], written = _bring(uri, data.full, "b2")
        found["same build"], again = _bring(uri, data.full, "b1")
        if written.total or again.total:
            raise SystemExit(f"loading the same again wrote {written + again}")
        if changes:
            for name, build, content in zip(("first change", "change"), ("b3", "b4"), data.changed, strict=True):
                found[name], written = _bring(uri, content, build)
                found[f"rows {name}"] = written.total
    return found


def warm_ours(uri: str, content: Content, *, schema: bool = True) -> None:
    """Load a small mall and wipe it, as often as every contestant does; `schema`: its constraints go too."""
    with _driver(uri) as driver:
        for _ in range(WARM_LOADS):
            _bring(uri, content, "warm")
            wipe(driver, schema=schema)


def bare(uri: str, data: Data) -> dict[str, float]:
    """Seconds of the bare driver: batches of maps, one after the other, and no logic."""
    with _driver(uri) as driver:
        for _ in range(WARM_LOADS):
            _create(driver, data.warm)
            wipe(driver)
        small = _create(driver, data.small)
        wipe(driver)
        return {"small": small, "full": _create(driver, data.full)}


def rival(uri: str, data: Data) -> dict[str, float]:
    """Seconds of neo4j-graphrag's Neo4jWriter."""
    from benchmarks.rival_neo4j.rival import write

    loads = [*[data.warm] * WARM_LOADS, data.small]
    named = [[(_name(part), _plain(part.rows)) for part in content.parts] for content in loads]
    with tempfile.TemporaryDirectory(prefix="bench-rival-") as folder:
        return {"small": write(uri, Path(folder), named)[-1]}


def _bring(uri: str, content: Content, build: str) -> tuple[float, Changes]:
    """Seconds of one load as `publish_graph` does it, on a new connection, and what staging wrote."""
    from cafe24_pipelines.ontology.model import load_domain
    from cafe24_pipelines.stores.graph_neo4j import Neo4jGraph

    schema, mall_id, digest = load_domain().graph_schema(), content.mall_id, content.digest
    store = Neo4jGraph(uri, *AUTH)
    begin = time.perf_counter()
    before = store.published(mall_id)
    changes = store.stage(mall_id, schema, content.parts, build_id=build) if before != (build, digest) else Changes()
    if before and before[1] == digest:
        counts = store.counts(mall_id)
    else:
        counts = store.publish(mall_id, [], build_id=build, digest=digest)
    seconds = time.perf_counter() - begin
    store.close()
    if (counts.nodes, counts.nodes + counts.relationships) != (content.nodes, content.rows):
        raise SystemExit(f"{counts} is not what was loaded: {content.nodes} nodes of {content.rows} rows")
    return seconds, changes


def _create(driver: "Driver", content: Content) -> float:
    """Seconds of creating all rows by hand, constraints first, then nodes, then what links them."""
    labels = [part.label for part in content.parts if isinstance(part, Nodes)]
    begin = time.perf_counter()
    with driver.session() as session:
        for label in labels:
            session.run(f"CREATE CONSTRAINT {label}_uid FOR (n:{label}) REQUIRE n.uid IS UNIQUE").consume()
        session.run("CALL db.awaitIndexes(300)").consume()
        for part in content.parts:
            statement = _statement(part)
            for first in range(0, part.rows.num_rows, BATCH):
                rows = _plain(part.rows.slice(first, BATCH))
                session.run(statement, rows=rows if isinstance(part, Nodes) else _with_rest(rows)).consume()
    seconds = time.perf_counter() - begin
    check_counts(driver, content.nodes, content.rows - content.nodes)
    return seconds


def _statement(part: Part) -> str:
    """The plainest that is not quadratic: hints, since on an empty graph the planner holds a scan for as cheap."""
    if isinstance(part, Nodes):
        return f"UNWIND $rows AS row CREATE (n:{part.label}) SET n = row"
    return (
        "UNWIND $rows AS row "
        f"MATCH (a:{part.from_label} {{uid: row.from_uid}}) USING INDEX SEEK a:{part.from_label}(uid) "
        f"MATCH (b:{part.to_label} {{uid: row.to_uid}}) USING INDEX SEEK b:{part.to_label}(uid) "
        f"CREATE (a)-[r:{part.type}]->(b)" + (" SET r = row.rest" if part.rows.num_columns > 2 else "")
    )


def _plain(rows: "pa.Table") -> list[dict[str, Any]]:
    """Rows as the driver takes them: times with their zone."""
    import pyarrow as pa

    for i, field in enumerate(rows.schema):
        if pa.types.is_timestamp(field.type):
            rows = rows.set_column(i, field.name, rows.column(i).cast(pa.timestamp("us", tz="UTC")))
    return rows.to_pylist()


def _with_rest(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    ends = ("from_uid", "to_uid")
    return [{**{e: row[e] for e in ends}, "rest": {k: v for k, v in row.items() if k not in ends}} for row in rows]


def _name(part: Part) -> str:
    return part.label if isinstance(part, Nodes) else part.type


@contextmanager
def _driver(uri: str) -> "Iterator[Driver]":
    from neo4j import GraphDatabase

    with GraphDatabase.driver(uri, auth=AUTH, notifications_min_severity="OFF") as driver:
        yield driver


def _lake(root: Path, mall_id: str, orders: int, *, seed: int = 1) -> "MallLake":
    from cafe24_pipelines.stores.lake import Lake

    lake = Lake(root).mall(mall_id)
    large_mall(lake, orders, seed=seed)
    return lake


def _content(lake: "MallLake") -> Content:
    """All parts of what this lake holds."""
    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.ontology.model import load_domain
    from cafe24_pipelines.ontology.projection import facts

    return Content(lake.mall_id, lake.counts()["orders"], list(facts(lake, Mall(lake.mall_id), load_domain())))


# -- one large mall in a process of its own --------------------------------------------------------------------


@dataclass(frozen=True)
class Figures:
    """What projecting and loading one mall took, in a process that did nothing else.

    Attributes:
        orders, nodes, relationships: what there is.
        seconds: of the first load, lake to published graph; `projecting` of them made the rows.
        again: seconds of a second load, from a lake in which nothing changed that the graph shows; it wrote
            `rewritten` rows.
        peak: MB, of both loads.
        digest: of the content.
        by_label, by_type: counts.
        answers: rows of every named query, `milliseconds` how long those of `ASKED` took (median; -1: refused).
    """

    orders: int
    nodes: int
    relationships: int
    seconds: float
    projecting: float
    again: float
    rewritten: int
    peak: float
    digest: str
    by_label: dict[str, int]
    by_type: dict[str, int]
    answers: dict[str, list[dict[str, Any]]]
    milliseconds: dict[str, float]

    @property
    def rows(self) -> int:
        """Nodes and relationships."""
        return self.nodes + self.relationships


def loaded(
    lake: Path,
    mall_id: str,
    *,
    server: tuple[str, str, str] | None = None,
    embedded: Path | None = None,
    again: bool = True,
) -> Figures:
    """Load a landed mall in a process of its own and question it there.

    Args:
        lake: the folder of the lake; before the second load a row that the graph doesn't show is landed in it.
        mall_id: whose.
        server: address, user and password of a Neo4j, or
        embedded: the folder of an embedded store.
        again: whether there is a second load.
    """
    order = {
        "lake": str(lake), "mall_id": mall_id, "server": server, "embedded": str(embedded or ""), "again": again,
    }  # fmt: skip
    command = [sys.executable, "-m", "benchmarks.graph_parts", json.dumps(order)]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False, cwd=root)
    if done.returncode:
        raise SystemExit("the load failed")
    return Figures(**json.loads(done.stdout))


class Watched:
    """A graph store that notes how long the facts it stages took to be made, and what staging wrote."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store
        self.projecting = 0.0
        self.changes = Changes()

    def stage(self, mall_id: str, schema: GraphSchema, facts: Iterable[Part], *, build_id: str) -> Changes:
        """As of `GraphStore`."""
        self.changes = self._store.stage(mall_id, schema, self._timed(iter(facts)), build_id=build_id)
        return self.changes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def _timed(self, facts: Iterator[Part]) -> Iterator[Part]:
        while True:
            begin = time.perf_counter()
            part = next(facts, None)
            self.projecting += time.perf_counter() - begin
            if part is None:
                return
            yield part


def _load(order: dict[str, Any]) -> Figures:
    """Do what `loaded` ordered."""
    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.ontology.build import publish_graph
    from cafe24_pipelines.stores.lake import Lake

    lake, mall = Lake(Path(order["lake"])).mall(order["mall_id"]), Mall(order["mall_id"])
    store = Watched(_store(order))
    begin = time.perf_counter()
    counts = publish_graph(store, lake, mall, [])
    seconds, projecting = time.perf_counter() - begin, store.projecting
    begin = time.perf_counter()
    if order["again"]:
        _land_unseen(lake)
        publish_graph(store, lake, mall, [])
    again, peak = time.perf_counter() - begin, peak_megabytes()
    published = store.published(mall.mall_id)
    answers, milliseconds = _asked(store, lake)
    store.close()
    return Figures(
        lake.counts()["orders"], counts.nodes, counts.relationships, seconds, projecting, again, store.changes.total,
        peak, published[1] if published else "", counts.by_label, counts.by_type, answers, milliseconds,
    )  # fmt: skip


def _store(order: dict[str, Any]) -> GraphStore:
    from cafe24_pipelines.stores.graph_embedded import EmbeddedGraph
    from cafe24_pipelines.stores.graph_neo4j import Neo4jGraph

    return Neo4jGraph(*order["server"]) if order["server"] else EmbeddedGraph(Path(order["embedded"]))


def _land_unseen(lake: "MallLake") -> None:
    """Land what the graph doesn't show, so that the next build is another one of the same content."""
    import pyarrow as pa

    at = pa.array([0]).cast(pa.timestamp("us", tz="UTC"))
    lake.land("events", pa.table({"event_id": ["1"], "event": ["view"], "at": at}))


def _asked(store: Any, lake: "MallLake") -> tuple[dict[str, list[dict[str, Any]]], dict[str, float]]:
    """Every named query's rows, and how long the typical ones took, in ms."""
    from cafe24_pipelines.ontology.queries import QUERIES, run_named
    from cafe24_pipelines.stores.cypher import BadQuery

    middle = "SELECT order_id FROM order_items GROUP BY order_id ORDER BY count(*) DESC, order_id LIMIT 1"
    given = {
        "order_path": {"order_id": lake.query(middle).to_pylist()[0]["order_id"]},
        "bought_also": {"product_no": "1"},  # the best-seller: the most that this query can be asked
    }
    answers, milliseconds = {}, {}
    for name in QUERIES:
        took = []
        try:
            for _ in range(TIMES_ASKED if name in ASKED else 1):
                begin = time.perf_counter()
                answers[name] = run_named(store, lake.mall_id, name, **given.get(name, {}))
                took.append(1000 * (time.perf_counter() - begin))
        except BadQuery:
            took = [-1.0]
        if name in ASKED:
            milliseconds[name] = statistics.median(took)
    return answers, milliseconds


if __name__ == "__main__":
    print(json.dumps(asdict(_load(json.loads(sys.argv[1]))), default=str))
