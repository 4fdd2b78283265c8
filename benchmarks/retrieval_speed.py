"""Queries through the Retriever at 1,000 and 100,000 chunks, against the engine's own hybrid query.

Ours: the question's words (Kiwi), its vectors, both searches, fusion, documents. The peer: one call of the engine
with the vectors already made, prefetching both sides and fusing them by rank, on a copy of the same shard. The chunks
are synthetic: lines of the packaged documents drawn anew (seeded), as long as real chunks; the encoder is the one
fitted on the real ones. Does not belong here: how well anything is found (see `retrieval.py`).
"""

import shutil
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks import retrieval_parts as parts
from cafe24_pipelines.knowledge.encoder import K1, B, Encoded, Encoder
from cafe24_pipelines.knowledge.evaluation import load_questions
from cafe24_pipelines.knowledge.tokens import token_id, tokenize
from cafe24_pipelines.names import API_DOCS
from cafe24_pipelines.stores.files import Published
from cafe24_pipelines.stores.vectors import RRF_K, Point, Sparse
from cafe24_pipelines.stores.vectors_embedded import CANDIDATES, DENSE, SPARSE, EmbeddedVectors

if TYPE_CHECKING:
    import numpy as np

SIZES: Final = (1_000, 100_000)
QUERIES: Final = 150
LIMIT: Final = 5
BATCH: Final = 2_000
PERCENTILES: Final = (50, 95)


def measure(sizes: Sequence[int] = SIZES, queries: int = QUERIES) -> list[dict[str, Any]]:
    """Rows of ours and the peer's seconds a query, at each percentile and size."""
    with tempfile.TemporaryDirectory(prefix="bench-retrieval-speed-") as folder:
        home = parts.publish(Path(folder) / "real")
        encoder = home.encoders.current(parts.MALL)
        if encoder is None:
            raise SystemExit("the documents were not published")
        texts = [question.text for question in load_questions()]
        rows = []
        for i, size in enumerate(sizes):
            asked = texts[i :: len(sizes)][:queries]  # others at each size: words seen before are not cut again
            rows += _at(size, Path(folder) / str(size), home, encoder, asked)
        return rows


def _at(size: int, folder: Path, home: parts.Home, encoder: Encoder, asked: Sequence[str]) -> list[dict[str, Any]]:
    store = EmbeddedVectors(folder / "vectors")
    given: dict[str, Any] = {"dense_size": encoder.size, "build_id": f"{encoder.version}.made", "digest": str(size)}
    store.publish(parts.MALL, API_DOCS, _points(size, encoder), model="lsa", encoder=encoder.version, **given)
    ours = parts.Home(store, home.encoders).retriever
    bare = _bare(folder)
    ours.search("미리 한 번 묻는 말", limit=LIMIT)
    mine, theirs = [], []
    for question in asked:
        mine.append(_seconds(partial(ours.search, question, limit=LIMIT)))
        theirs.append(_seconds(partial(bare, encoder.encode_question(question)[1])))
    store.close()
    return [_row(size, percentile, mine, theirs) for percentile in PERCENTILES]


def _points(size: int, encoder: Encoder) -> Iterator[Point]:
    """Chunks of drawn lines. A line is tokenised once, and a chunk has the words of its lines."""
    import numpy as np

    chunks = parts.corpus().texts
    lines = sorted({line for text in chunks for line in text.splitlines()})
    words = dict(zip(lines, tokenize(lines), strict=True))
    counts = np.array([len(text.splitlines()) for text in chunks])
    chance = np.random.default_rng(0)
    for begin in range(0, size, BATCH):
        drawn = [_drawn(lines, counts, chance) for _ in range(begin, min(size, begin + BATCH))]
        tokens = [[word for line in chunk for word in words[line]] for chunk in drawn]
        texts = ["\n".join(chunk) for chunk in drawn]
        vectors = encoder.dense.embed(texts, tokens)
        for i, (text, found, vector) in enumerate(zip(texts, tokens, vectors.tolist(), strict=True), begin):
            yield Point(
                str(uuid.uuid5(uuid.NAMESPACE_OID, str(i))), tuple(vector), _weights(found, encoder),
                {
                    "document_id": f"d{i // 4}", "kind": "guide", "title": "제목", "text": text, "source": "",
                    "content_hash": str(i), "encoder": encoder.version,
                },
            )  # fmt: skip


def _drawn(lines: Sequence[str], counts: "np.ndarray", chance: "np.random.Generator") -> list[str]:
    return [lines[i] for i in chance.integers(0, len(lines), int(chance.choice(counts)))]


def _weights(words: Sequence[str], encoder: Encoder) -> Sparse:
    """As the encoder weighs a document's words."""
    norm = K1 * (1 - B + B * len(words) / encoder.mean_length)
    found = {token_id(word): count * (K1 + 1) / (count + norm) for word, count in Counter(words).items()}
    return Sparse(tuple(sorted(found)), tuple(found[key] for key in sorted(found)))


def _bare(folder: Path) -> Callable[[Encoded], Any]:
    """The engine's own hybrid query on a copy of the published shard."""
    import qdrant_edge as qe

    build = Published(folder / "vectors" / parts.MALL / API_DOCS).current()
    if build is None:
        raise SystemExit("the synthetic chunks were not published")
    shutil.copytree(build.path, folder / "bare")
    shard = qe.EdgeShard.load(str(folder / "bare"))

    def query(vectors: Encoded) -> Any:
        sides: list[tuple[Any, str]] = [
            (qe.SparseVector(list(vectors.sparse.indices), list(vectors.sparse.values)), SPARSE)
        ]
        if vectors.dense is not None:
            sides.append((list(vectors.dense), DENSE))
        prefetches = [
            qe.Prefetch(limit=CANDIDATES, query=qe.Query.Nearest(vector, using=name)) for vector, name in sides
        ]
        fused: Any = qe.Fusion.Rrf(k=RRF_K)
        return shard.query(qe.QueryRequest(limit=LIMIT, query=fused, prefetches=prefetches, with_payload=True))

    return query


def _seconds(call: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def _row(size: int, percentile: int, mine: list[float], theirs: list[float]) -> dict[str, Any]:
    import numpy as np

    ours, bare = float(np.percentile(mine, percentile)), float(np.percentile(theirs, percentile))
    return {
        "name": f"question over {size:,} chunks, p{percentile}", "seconds": ours,
        "peer": "the engine's hybrid query", "peer_seconds": bare, "ratio": ours / bare,
        "note": "ours also tokenises, embeds and gathers documents",
    }  # fmt: skip
