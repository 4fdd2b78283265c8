"""Nothing crosses between malls: thousands of random reads over malls that look alike, on every store.

The malls share point ids, texts, words and vectors; they differ in which points they have and in one word. What a
mall should answer is computed here from its own points alone, so a point, a count or an IDF of another mall shows.
"""

import math
import runpy
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cafe24_pipelines.errors import NotBuilt
from cafe24_pipelines.stores.vectors import Point, Sparse, VectorStore
from cafe24_pipelines.stores.vectors_embedded import EmbeddedVectors
from cafe24_pipelines.stores.vectors_qdrant import QdrantVectors

pytestmark = [
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect"),
    pytest.mark.filterwarnings("ignore:Local mode performs exact"),
]
qdrant_server = runpy.run_path(str(Path(__file__).parents[1] / "servers" / "qdrant_server.py"))["qdrant_server"]
DOCS, OTHER = "cafe24_api_docs", "cafe24_insights"
MALLS = (
    ("mall", "mall-1", "mall-10"),
    ("몰", "몰 ", "몰\u200b"),
    ("café", "cafe\u0301", "cafe"),
    ("m", "M", "ｍ"),
    ("a", f"a\x1f{DOCS}", "x' OR 1=1 --"),
    ("*", 'x"]', "null"),
)
"""Groups of ids that a careless key, filter or file name would mix up."""
WORDS = 12
POINTS = 24
READS = 6
"""Reads an example: `max_examples` times this many are made a store."""


def point(mall: str, i: int, turn: int) -> Point:
    """Point `i` as mall number `turn` of its group has it."""
    words = {1 + (i * k + turn) % WORDS: 1.0 + i % 3 for k in (1, 3, 5)}
    angle = i * math.pi / POINTS
    payload = {"name": f"p{i}", "kind": ("guide", "article")[i % 2], "method": ("GET", "PUT")[i % 3 == 0],
               "text": "같은 글", "content_hash": f"h{i}"}  # fmt: skip
    ids = tuple(sorted(words))
    sparse = Sparse(ids, tuple(words[w] for w in ids))
    return Point(str(uuid.uuid5(uuid.NAMESPACE_URL, f"p{i}")), [math.cos(angle), math.sin(angle)], sparse, payload)


def shop(mall: str, group: tuple[str, ...]) -> dict[str, Point]:
    """A mall's points by id: all look-alikes, but each mall lacks some."""
    turn = group.index(mall)
    some = [point(mall, i, turn) for i in range(POINTS) if i % (turn + 3)]
    return {p.point_id: p for p in some}


def fill(store: VectorStore) -> None:
    """Publish every mall, twice with a change between, so that replaced points have been there."""
    for group in MALLS:
        for mall in group:
            now = list(shop(mall, group).values())
            before = [*now[:5], *(point(mall, i, 2) for i in range(POINTS, POINTS + 4))]
            for collection, build, some in ((DOCS, "b1", before), (DOCS, "b2", now), (OTHER, "b2", now)):
                store.publish(mall, collection, some, dense_size=2, build_id=build, digest=build, model="lsa")


@pytest.fixture(scope="module", params=["embedded", "qdrant-local", "qdrant-loopback"])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VectorStore]:
    made: VectorStore
    if request.param == "embedded":
        made = EmbeddedVectors(tmp_path_factory.mktemp("vectors"))
    elif request.param == "qdrant-local":
        from qdrant_client import QdrantClient

        made = QdrantVectors("", client=QdrantClient(":memory:"))
    else:
        made = QdrantVectors(request.getfixturevalue("qdrant_server").url)
    fill(made)
    yield made
    made.close()


# -- what a mall should answer -------------------------------------------------------------------------------------


def matching(points: dict[str, Point], mall: str, filters: dict[str, str]) -> dict[str, Point]:
    return {
        key: p for key, p in points.items()
        if all({**p.payload, "mall_id": mall}.get(name) == value for name, value in filters.items())
    }  # fmt: skip


def cosines(points: dict[str, Point], dense: list[float]) -> dict[str, float]:
    length = math.hypot(*dense)
    return {key: sum(a * b for a, b in zip(p.dense, dense, strict=True)) / length for key, p in points.items()}


def bm25(points: dict[str, Point], mall: dict[str, Point], words: Sparse) -> dict[str, float]:
    """Scores of `points` with the IDF of all points of the mall."""
    df = Counter(word for p in mall.values() for word in p.sparse.indices)
    idf = {w: math.log((len(mall) - df[w] + 0.5) / (df[w] + 0.5) + 1) for w in words.indices}
    weights = dict(zip(words.indices, words.values, strict=True))
    scores = {}
    for key, p in points.items():
        own = {w: v for w, v in zip(p.sparse.indices, p.sparse.values, strict=True) if w in weights}
        if own:
            scores[key] = sum(weights[w] * v * idf[w] for w, v in own.items())
    return scores


# -- random reads --------------------------------------------------------------------------------------------------

ANGLES = st.floats(0.0, math.tau).map(lambda a: [math.cos(a), math.sin(a)])
SPARSES = st.sets(st.integers(1, WORDS + 2), min_size=1, max_size=4).map(
    lambda s: Sparse(tuple(sorted(s)), tuple(1.0 for _ in s))
)
IDS = [mall for group in MALLS for mall in group]
KEYS = ["kind", "method", "name", "text", "nothing", "mall_id", "_build", "_from", "_until", "_point", "_hash"]
VALUES = ["guide", "article", "GET", "p3", "같은 글", "b1", "b2", "1", "2", "", *IDS[:6]]
FILTERS = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=3)
READ = st.tuples(
    st.sampled_from(MALLS).flatmap(lambda group: st.tuples(st.just(group), st.sampled_from(group))),
    st.one_of(st.none(), ANGLES),
    st.one_of(st.none(), SPARSES),
    st.integers(0, 2 * POINTS),
    st.one_of(st.just({}), FILTERS),
    st.sampled_from([DOCS, OTHER]),
)


def check(store: VectorStore, read: Any) -> None:
    """One read, against what the mall alone would answer."""
    (group, mall), dense, sparse, limit, filters, collection = read
    own = shop(mall, group)
    wanted = matching(own, mall, filters)
    hits = store.search(mall, collection, dense=dense, sparse=sparse, limit=limit, filters=filters)
    scores = {hit.point_id: hit.score for hit in hits}
    assert len(scores) == len(hits)
    assert {hit.payload["mall_id"] for hit in hits} <= {mall}
    assert scores.keys() <= wanted.keys()
    assert not any(name.startswith("_") for hit in hits for name in hit.payload)
    for hit in hits:
        assert hit.payload == {**wanted[hit.point_id].payload, "mall_id": mall}
    if dense is None and sparse is None:
        assert hits == []
    elif dense is None or sparse is None:
        expected = cosines(wanted, dense) if dense is not None else bm25(wanted, own, sparse)
        assert len(hits) == min(limit, len(expected))
        assert scores == pytest.approx({key: expected[key] for key in scores}, abs=1e-5)


def calm(examples: int) -> settings:
    """The same examples every time, however slow the machine is."""
    return settings(
        deadline=None, derandomize=True, database=None, phases=[Phase.generate, Phase.shrink], max_examples=examples,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )  # fmt: skip


@calm(120)
@given(reads=st.lists(READ, min_size=READS, max_size=READS))
def test_no_search_reaches_another_mall(filled: VectorStore, reads: list[Any]) -> None:
    for read in reads:
        check(filled, read)


@pytest.mark.slow
@calm(500)
@given(reads=st.lists(READ, min_size=READS, max_size=READS))
def test_no_search_reaches_another_mall_in_thousands_of_reads(filled: VectorStore, reads: list[Any]) -> None:
    for read in reads:
        check(filled, read)


def test_points_and_counts_are_the_malls_own(filled: VectorStore) -> None:
    for group in MALLS:
        for mall in group:
            own = shop(mall, group)
            for collection in (DOCS, OTHER):
                read = filled.points(mall, collection)
                assert {key: p.payload for key, p in read.items()} == {
                    key: {**p.payload, "mall_id": mall} for key, p in own.items()
                }
                assert all(read[key].sparse == p.sparse for key, p in own.items())
                assert filled.published(mall, collection) == ("b2", "b2")
            assert filled.counts(mall) == {DOCS: len(own), OTHER: len(own)}


@pytest.mark.parametrize("stranger", ["mal", "mall-", "mall-100", "MALL", "", "몰몰", "a\x1f\x1f"])
def test_a_mall_that_published_nothing_sees_nothing(filled: VectorStore, stranger: str) -> None:
    assert filled.points(stranger, DOCS) == {}
    assert filled.counts(stranger) == {}
    assert filled.published(stranger, DOCS) is None
    with pytest.raises(NotBuilt):
        filled.search(stranger, DOCS, dense=[1.0, 0.0], sparse=None, limit=5)


def test_emptying_one_mall_leaves_its_look_alikes(filled: VectorStore) -> None:
    group = ("empty", "empty-1", "empty-")
    for mall in group:
        some = [point(mall, i, 0) for i in range(POINTS)]
        filled.publish(mall, DOCS, some, dense_size=2, build_id="b1", digest="b1", model="lsa")
    filled.publish("empty", DOCS, [], dense_size=2, build_id="b2", digest="b2", model="lsa")
    assert [len(filled.points(mall, DOCS)) for mall in group] == [0, POINTS, POINTS]
