"""Publishing collections: chunks of documents become points, and only changed chunks are encoded.

A build id is `<encoder version>.<hash of the points' payloads>`: equal content under a standing encoder is not
published again, and a reader learns from it which encoder to ask with. The reported digest is of the content alone,
so that a refit, which changes vectors but not what is said, leaves it. Does not belong here: how text is cut
(`chunks.py`), how it is encoded and when a refit is due (`encoder.py`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.knowledge.chunks import Chunk, chunk_documents, search_text
from cafe24_pipelines.knowledge.encoder import Encoded, Encoder, EncoderStore, refit_reason
from cafe24_pipelines.knowledge.tokens import TOKENISER_VERSION
from cafe24_pipelines.names import API_DOCS, COLLECTIONS, CRM_KNOWLEDGE
from cafe24_pipelines.stores.vectors import Point

if TYPE_CHECKING:
    from cafe24_pipelines.knowledge.documents import Document
    from cafe24_pipelines.stores.lake import MallLake
    from cafe24_pipelines.stores.vectors import VectorStore


@dataclass(frozen=True)
class IndexReport:
    """What publishing one collection did. `changed` is False when readers keep the build they had.

    `encoded + reused = points`; `removed` counts published chunks that are gone.
    """

    collection: str
    points: int
    encoded: int
    reused: int
    removed: int
    encoder_version: str
    digest: str
    changed: bool


@dataclass(frozen=True)
class _Content:
    """A collection as it should be: texts to encode and payloads, by point id."""

    collection: str
    texts: dict[str, str]
    payloads: dict[str, dict[str, Any]]

    @cached_property
    def digest(self) -> str:
        from cafe24_pipelines.stores.digest import json_digest

        return json_digest(self.payloads)


def publish_documents(
    lake: "MallLake",
    vectors: "VectorStore",
    encoders: EncoderStore,
    *,
    refit: bool = False,
    embedding_model: str = "",
) -> list[IndexReport]:
    """Publish both document collections of a mall's lake.

    The mall's encoder is fitted on both when there is none, when `refit` asks for it, or when `encoder.refit_reason`
    finds that it no longer fits; then every published collection of the mall is encoded anew, insights too, and only
    then is the new encoder the current one.

    Raises:
        ConfigError: an embedding model is configured and does not answer.
    """
    from cafe24_pipelines.knowledge.documents import read_documents

    mall_id = lake.mall_id
    documents = read_documents(lake)
    chunks = {
        name: chunk_documents(mall_id, (d for d in documents if d.collection == name))
        for name in (API_DOCS, CRM_KNOWLEDGE)
    }
    contents = [_content(name, chunks[name]) for name in chunks]
    corpus = [chunk for part in chunks.values() for chunk in part]
    encoder = encoders.current(mall_id)
    if encoder is None and not corpus:
        return [IndexReport(content.collection, 0, 0, 0, 0, "", content.digest, False) for content in contents]
    same_rules = encoder is not None and encoder.tokeniser == TOKENISER_VERSION
    if encoder is not None and same_rules and not refit and encoder.embedding_model == embedding_model:
        unchanged = all(_is_published(content, mall_id, vectors, encoder) for content in contents)
    else:
        unchanged = False
    if encoder is None or (corpus and not unchanged and (refit or refit_reason(encoder, corpus, embedding_model))):
        encoder = encoders.fit(corpus, embedding_model=embedding_model)
    encoders.hold(mall_id, encoder.version)
    reports = [_publish(content, mall_id, vectors, encoder) for content in contents]
    _follow(mall_id, vectors, encoder)
    encoders.point(mall_id, encoder.version)
    return reports


def publish_texts(
    mall_id: str,
    collection: str,
    documents: Iterable["Document"],
    vectors: "VectorStore",
    encoders: EncoderStore,
) -> IndexReport:
    """Publish other texts of a mall (insights) with its current encoder; fitted on these if the mall has none yet.

    Raises:
        ConfigError: the encoder uses an embedding model that does not answer.
    """
    chunks = chunk_documents(mall_id, documents)
    content = _content(collection, chunks)
    encoder = encoders.current(mall_id)
    if encoder is None:
        if not chunks:
            return IndexReport(collection, 0, 0, 0, 0, "", content.digest, False)
        encoder = encoders.fit(chunks)
        encoders.hold(mall_id, encoder.version)
    report = _publish(content, mall_id, vectors, encoder)
    encoders.point(mall_id, encoder.version)
    return report


def encoder_of(build_id: str) -> str:
    """The encoder version in a build id."""
    return build_id.partition(".")[0]


# -- inside --------------------------------------------------------------------------------------------------


def _content(collection: str, chunks: Sequence[Chunk]) -> _Content:
    ordered = sorted(chunks, key=lambda chunk: chunk.chunk_id)
    texts = {chunk.chunk_id: chunk.search_text for chunk in ordered}
    return _Content(collection, texts, {chunk.chunk_id: chunk.payload() for chunk in ordered})


def _build_id(content: _Content, encoder: Encoder) -> str:
    return f"{encoder.version}.{content.digest[:16]}"


def _is_published(content: _Content, mall_id: str, vectors: "VectorStore", encoder: Encoder) -> bool:
    published = vectors.published(mall_id, content.collection)
    return published is not None and published[0] == _build_id(content, encoder)


def _publish(content: _Content, mall_id: str, vectors: "VectorStore", encoder: Encoder) -> IndexReport:
    """Encode what is not published with these words and this encoder; publish the whole, unless nothing changed."""
    count = len(content.texts)
    if _is_published(content, mall_id, vectors, encoder):
        return IndexReport(content.collection, count, 0, count, 0, encoder.version, content.digest, False)
    published = vectors.points(mall_id, content.collection)
    reused = {
        key: point
        for key, point in published.items()
        if key in content.payloads
        and point.payload.get("content_hash") == content.payloads[key]["content_hash"]
        and point.payload.get("encoder") == encoder.version
    }
    new = [key for key in content.texts if key not in reused]
    encoded = dict(zip(new, encoder.encode([content.texts[key] for key in new]), strict=True))
    points = (
        _point(key, payload, encoder, reused.get(key) or encoded[key]) for key, payload in content.payloads.items()
    )
    vectors.publish(
        mall_id, content.collection, points,
        dense_size=encoder.size, build_id=_build_id(content, encoder), digest=content.digest,
        model=encoder.embedding_model or "lsa", encoder=encoder.version,
    )  # fmt: skip
    removed = len(published.keys() - content.payloads.keys())
    return IndexReport(
        content.collection, count, len(new), len(reused), removed, encoder.version, content.digest, True
    )


def _point(key: str, payload: dict[str, Any], encoder: Encoder, vectors: Point | Encoded) -> Point:
    dense = vectors.dense or (0.0,) * encoder.size
    return Point(key, dense, vectors.sparse, {**payload, "encoder": encoder.version})


def _follow(mall_id: str, vectors: "VectorStore", encoder: Encoder) -> None:
    """Encode the mall's other collections anew when they are of another encoder, from the text that they hold."""
    for collection in sorted(set(COLLECTIONS) - {API_DOCS, CRM_KNOWLEDGE}):
        published = vectors.published(mall_id, collection)
        if published is None or encoder_of(published[0]) == encoder.version:
            continue
        points = vectors.points(mall_id, collection)
        payloads = {
            key: {name: value for name, value in points[key].payload.items() if name != "encoder"}
            for key in sorted(points)
        }
        texts = {key: search_text(payload) for key, payload in payloads.items()}
        _publish(_Content(collection, texts, payloads), mall_id, vectors, encoder)
