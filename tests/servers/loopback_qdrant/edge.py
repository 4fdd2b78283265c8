"""Qdrant's JSON to its engine and back: points, filters, queries, records.

What the engine has no words for (groups, recommendations, geography) is refused: a test that needs it should fail
loudly, not quietly get something else.
"""

import uuid
from typing import Any

import qdrant_edge as qe

DISTANCES = {d: getattr(qe.Distance, d) for d in ("Cosine", "Dot", "Euclid", "Manhattan")}
MEMORY = {"cold": qe.Memory.Cold, "cached": qe.Memory.Cached, "pinned": qe.Memory.Pinned}


_NONE = "-"
"""The engine wants at least one vector name; a server keeps collections of payloads alone."""


class NotOffered(Exception):
    """This test server does not offer what was asked for."""


class BadInput(Exception):
    """What the server answers 400 to; `status` is 422 where a value is out of bounds."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


# -- collections ---------------------------------------------------------------------------------------------


def config(body: dict[str, Any]) -> qe.EdgeConfig:
    """The engine's configuration of a collection's shard."""
    vectors = body.get("vectors") or {}
    named = {"": vectors} if "size" in vectors else vectors
    sparse = body.get("sparse_vectors") or ({} if named else {_NONE: {}})
    return qe.EdgeConfig(
        vectors={
            name: qe.EdgeVectorParams(
                size=v["size"], distance=DISTANCES[v["distance"]], hnsw_config=_hnsw(v.get("hnsw_config")),
                quantization_config=_quantization(v.get("quantization_config")),
            )
            for name, v in named.items()
        },
        sparse_vectors={
            name: qe.EdgeSparseVectorParams(modifier=qe.Modifier.Idf if v.get("modifier") == "idf" else None)
            for name, v in sparse.items()
        },
        hnsw_config=_hnsw(body.get("hnsw_config")),
        quantization_config=_quantization(body.get("quantization_config")),
    )  # fmt: skip


def _hnsw(diff: dict[str, Any] | None) -> qe.HnswIndexConfig | None:
    if not diff:
        return None
    return qe.HnswIndexConfig(
        m=diff.get("m", 16) if diff.get("m") is not None else 16, ef_construct=diff.get("ef_construct") or 100,
        full_scan_threshold=diff.get("full_scan_threshold") or 10_000, payload_m=diff.get("payload_m"),
    )  # fmt: skip


def _quantization(body: dict[str, Any] | None) -> qe.ScalarQuantizationConfig | None:
    if not body:
        return None
    if "scalar" not in body:
        raise NotOffered("quantization other than scalar")
    scalar = body["scalar"]
    memory = MEMORY.get(scalar.get("memory"))
    return qe.ScalarQuantizationConfig(qe.ScalarType.Int8, quantile=scalar.get("quantile"), memory=memory)


def index(schema: Any) -> Any:
    """A payload index of the engine."""
    body = {"type": schema} if isinstance(schema, str) else schema
    kinds = {
        "keyword": lambda: qe.KeywordIndexParams(
            is_tenant=body.get("is_tenant"), enable_hnsw=body.get("enable_hnsw")
        ),
        "integer": lambda: qe.IntegerIndexParams(
            lookup=body.get("lookup"), range=body.get("range"), enable_hnsw=body.get("enable_hnsw")
        ),
        "uuid": lambda: qe.UuidIndexParams(is_tenant=body.get("is_tenant")),
        "bool": qe.BoolIndexParams,
        "float": qe.FloatIndexParams,
    }
    if body["type"] not in kinds:
        raise NotOffered(f"an index of type {body['type']}")
    return kinds[body["type"]]()


# -- points --------------------------------------------------------------------------------------------------


def point(body: dict[str, Any], vectors: dict[str, int], sparse: set[str]) -> qe.Point:
    """A point, its vectors checked against the collection's as the server does before it writes anything."""
    given = body["vector"]
    named = {"": given} if isinstance(given, list) else given
    return qe.Point(
        point_id(body["id"]), {n: _vector(n, v, vectors, sparse) for n, v in named.items()}, body.get("payload")
    )


def _vector(name: str, value: Any, vectors: dict[str, int], sparse: set[str]) -> Any:
    if name not in vectors and name not in sparse:
        raise BadInput(f"Wrong input: Not existing vector name error: {name}")
    if isinstance(value, list):
        if name in sparse:
            raise BadInput("Wrong input: Wrong usage of sparse vectors")
        if len(value) != vectors[name]:
            raise BadInput(f"Wrong input: Vector dimension error: expected dim: {vectors[name]}, got {len(value)}")
        return value
    return sparse_vector(value)


def sparse_vector(value: dict[str, Any]) -> qe.SparseVector:
    """A sparse vector: as many values as indices, no index twice."""
    if len(set(value["indices"])) != len(value["indices"]):
        raise BadInput("Validation error in JSON body: [indices: must be unique]", 422)
    if len(value["indices"]) != len(value["values"]):
        raise BadInput("Validation error in JSON body: [values: must be the same length as indices]", 422)
    return qe.SparseVector(value["indices"], value["values"])


def point_id(value: Any) -> Any:
    """A point's id as the engine takes it."""
    try:
        return value if isinstance(value, int) else str(uuid.UUID(value))
    except ValueError as e:
        raise BadInput(f"Format error in JSON body: value {value} is not a valid point ID") from e


def record(found: Any, *, score: bool = False) -> dict[str, Any]:
    """A record or a scored point as JSON."""
    result: dict[str, Any] = {"id": found.id if isinstance(found.id, int) else str(found.id)}
    if score:
        result |= {"version": found.version, "score": found.score}
    if found.payload is not None:
        result["payload"] = found.payload
    if found.vector is not None:
        result["vector"] = _vectors_out(found.vector)
    return result


def _vectors_out(vectors: Any) -> Any:
    if not isinstance(vectors, dict):
        return list(vectors)
    return {
        name: {"indices": list(v.indices), "values": list(v.values)} if isinstance(v, qe.SparseVector) else list(v)
        for name, v in vectors.items()
    }


def with_payload(value: Any) -> Any:
    """Which payload to return."""
    if isinstance(value, dict):
        kind, keys = next(iter(value.items()))
        return qe.PayloadSelector.Include(keys) if kind == "include" else qe.PayloadSelector.Exclude(keys)
    return value


# -- filters -------------------------------------------------------------------------------------------------


def where(body: dict[str, Any] | None) -> qe.Filter | None:
    """A filter."""
    if body is None:
        return None
    if body.get("min_should"):
        raise NotOffered("min_should")
    parts = {name: _conditions(body.get(name)) for name in ("must", "should", "must_not")}
    return qe.Filter(**{name: part for name, part in parts.items() if part is not None})


def _conditions(value: Any) -> list[Any] | None:
    if value is None:
        return None
    return [_condition(one) for one in (value if isinstance(value, list) else [value])]


def _condition(body: dict[str, Any]) -> Any:
    if "key" in body:
        return _field(body)
    if "has_id" in body:
        return qe.HasIdCondition({point_id(one) for one in body["has_id"]})
    if "is_empty" in body:
        return qe.IsEmptyCondition(body["is_empty"]["key"])
    if "is_null" in body:
        return qe.IsNullCondition(body["is_null"]["key"])
    if set(body) <= {"must", "should", "must_not", "min_should"}:
        return where(body)
    raise NotOffered(f"a condition with {sorted(body)}")


def _field(body: dict[str, Any]) -> qe.FieldCondition:
    match, between = body.get("match"), body.get("range")
    try:
        if match is not None:
            return qe.FieldCondition(body["key"], match=_match(match))
        if between is not None:
            return qe.FieldCondition(body["key"], range=qe.RangeFloat(**between))
    except ValueError as e:  # the key is no path
        raise BadInput(f"Format error in JSON body: {e}") from e
    raise NotOffered(f"a condition with {sorted(body)}")


def _match(body: dict[str, Any]) -> Any:
    if "value" in body:
        return qe.MatchValue(body["value"])
    if "any" in body:
        return qe.MatchAny(body["any"])
    if "except" in body:
        return qe.MatchExcept(body["except"])
    raise NotOffered(f"a match with {sorted(body)}")


# -- queries -------------------------------------------------------------------------------------------------


def query(body: dict[str, Any], vectors: dict[str, int], sparse: set[str]) -> qe.QueryRequest:
    """A query, with its prefetches."""
    return qe.QueryRequest(
        limit=body.get("limit") or 10,
        offset=body.get("offset"),
        query=_scoring(body.get("query"), body.get("using"), vectors, sparse),
        prefetches=[_prefetch(one, vectors, sparse) for one in _several(body.get("prefetch"))] or None,
        filter=where(body.get("filter")),
        params=_params(body.get("params")),
        with_payload=with_payload(body.get("with_payload")) or False,
        with_vector=body.get("with_vector") or False,
        score_threshold=body.get("score_threshold"),
    )


def _prefetch(body: dict[str, Any], vectors: dict[str, int], sparse: set[str]) -> qe.Prefetch:
    return qe.Prefetch(
        limit=body.get("limit") or 10,
        query=_scoring(body.get("query"), body.get("using"), vectors, sparse),
        prefetches=[_prefetch(one, vectors, sparse) for one in _several(body.get("prefetch"))] or None,
        filter=where(body.get("filter")),
        params=_params(body.get("params")),
        score_threshold=body.get("score_threshold"),
    )


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []


def _scoring(body: Any, using: str | None, vectors: dict[str, int], sparse: set[str]) -> Any:
    if body is None:
        return None
    if isinstance(body, dict) and "fusion" in body:
        if body["fusion"] != "rrf":
            raise NotOffered(f"fusion {body['fusion']}")
        return qe.Fusion.Rrf(k=2)
    if isinstance(body, dict) and "rrf" in body:
        return qe.Fusion.Rrf(k=body["rrf"].get("k") or 2, weights=body["rrf"].get("weights"))
    vector = body["nearest"] if isinstance(body, dict) and "nearest" in body else body
    if not isinstance(vector, list) and not (isinstance(vector, dict) and "indices" in vector):
        raise NotOffered("a query of this kind")
    return qe.Query.Nearest(_vector(using or "", vector, vectors, sparse), using=using)


def _params(body: dict[str, Any] | None) -> qe.SearchParams | None:
    if not body:
        return None
    quantization, idf = body.get("quantization"), body.get("idf")
    return qe.SearchParams(
        hnsw_ef=body.get("hnsw_ef"),
        exact=body.get("exact") or False,
        indexed_only=body.get("indexed_only") or False,
        quantization=qe.QuantizationSearchParams(
            ignore=quantization.get("ignore") or False, rescore=quantization.get("rescore"),
            oversampling=quantization.get("oversampling"),
        ) if quantization else None,
        idf=qe.IdfParams(corpus=where(idf["corpus"])) if isinstance(idf, dict) else None,
    )  # fmt: skip
