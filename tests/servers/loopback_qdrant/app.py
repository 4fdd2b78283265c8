"""Qdrant's REST over its engine: routes, keys, errors as the server words them, faults on demand.

Every request and every answer is checked (`description.py`). A request that the description doesn't allow is refused
and remembered: tests read `GET /_violations` and fail. `POST /_faults` makes the next answers go wrong. Both are no
part of Qdrant.
"""

import json
import re
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import edge
import qdrant_edge as qe
from description import ClientModels, Description
from edge import BadInput, NotOffered
from registry import Collection, Exists, NotFound, Registry
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

Handler = Callable[["Server", dict[str, Any], Mapping[str, str], Any], Any]
OPEN = ("/", "/healthz", "/readyz", "/livez")


class Server:
    """What the handlers work on."""

    def __init__(
        self,
        registry: Registry,
        checks: Description | ClientModels | None,
        *,
        api_key: str,
        version: str,
        cluster: bool,
    ) -> None:
        self.registry, self.checks = registry, checks
        self.api_key, self.version, self.cluster = api_key, version, cluster
        self.violations: list[str] = []
        self.faults: list[dict[str, Any]] = []
        self.seen: list[str] = []
        self._lock = threading.Lock()

    def fault(self, line: str) -> dict[str, Any] | None:
        """The fault that this request meets, if any."""
        with self._lock:
            for one in self.faults:
                if one["times"] and re.search(one["match"], line):
                    if one["skip"]:
                        one["skip"] -= 1
                        continue
                    one["times"] -= 1
                    one["met"] += 1
                    return one
        return None


def application(server: Server) -> Starlette:
    """The ASGI application."""

    async def endpoint(request: Request) -> Response:
        return await _answer(server, request)

    async def violations(request: Request) -> Response:
        return JSONResponse({"violations": server.violations, "checked_by": getattr(server.checks, "version", "")})

    async def faults(request: Request) -> Response:
        if request.method == "POST":
            defaults = {
                "times": 1,
                "skip": 0,
                "status": 503,
                "body": None,
                "headers": {},
                "cut": False,
                "after": False,
            }
            server.faults = [{**defaults, "met": 0, **one} for one in await request.json()]
        return JSONResponse(server.faults)

    async def seen(request: Request) -> Response:
        lines, server.seen = server.seen, []
        return JSONResponse(lines)

    return Starlette(
        routes=[
            Route("/_violations", violations),
            Route("/_faults", faults, methods=["GET", "POST"]),
            Route("/_seen", seen),
            Route("/{path:path}", endpoint, methods=["GET", "PUT", "POST", "PATCH", "DELETE"]),
        ]
    )


async def _answer(server: Server, request: Request) -> Response:
    path, method = request.url.path, request.method
    raw = await request.body()
    server.seen.append(f"{method} {path}")
    if server.api_key and path not in OPEN and (refusal := _refused(server, request)):
        return refusal
    fault = server.fault(f"{method} {path}")
    if fault and not fault["after"]:
        return await _broken(fault)
    begin = time.perf_counter()
    try:
        given = json.loads(raw) if raw else None
    except ValueError as e:
        return JSONResponse(_error(f"Format error in JSON body: {e}"), 400)
    status, body = await run_in_threadpool(handle, server, method, path, dict(request.query_params), given)
    if fault:
        return await _broken(fault)
    if path not in ("/healthz", "/readyz", "/livez", "/"):
        body = {**({"usage": None} if status == 200 else {}), **body, "time": time.perf_counter() - begin}
    if server.checks and (problem := server.checks.answer(method, path, status, body)):
        server.violations.append(f"answer to {method} {path}: {problem.text}")
    return JSONResponse(body, status)


def _refused(server: Server, request: Request) -> Response | None:
    given = request.headers.get("api-key") or request.headers.get("authorization", "").removeprefix("Bearer ")
    if not given:
        return PlainTextResponse("Must provide an API key or an Authorization bearer token", 401)
    return None if given == server.api_key else PlainTextResponse("Invalid API key or JWT", 401)


async def _broken(fault: dict[str, Any]) -> Response:
    if fault["cut"]:
        return _Cut()
    body = fault["body"] if fault["body"] is not None else {"status": {"error": "made to fail"}, "time": 0.0}
    return JSONResponse(body, fault["status"], headers=fault["headers"])


class _Cut(Response):
    """An answer whose connection ends in the middle."""

    async def __call__(self, scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        headers = [(b"content-length", b"1000"), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})
        raise ConnectionAbortedError("cut on demand")


def handle(server: Server, method: str, path: str, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
    """Check, find the handler, run it; status and body, errors as the server words them."""
    if server.checks and (problem := server.checks.request(method, path, query, body)):
        server.violations.append(f"{method} {path}: {problem.text}")
        return problem.status, _error(problem.text)
    for wanted, pattern, handler in HANDLERS:
        if wanted == method and (match := pattern.fullmatch(path)):
            try:
                result = handler(server, match.groupdict(), query, body)
            except NotFound as e:
                return 404, _error(str(e))
            except Exists as e:
                return 409, _error(str(e))
            except BadInput as e:
                return e.status, _error(str(e))
            except NotOffered as e:
                server.violations.append(f"{method} {path}: the test server does not offer {e}")
                return 501, _error(f"the test server does not offer {e}")
            except Exception as e:  # the engine raises nothing narrower
                return _engine_error(e)
            return 200, result if path in OPEN else {"result": result, "status": "ok"}
    server.violations.append(f"{method} {path}: the test server does not offer this")
    return 501, _error("the test server does not offer this")


def _engine_error(error: Exception) -> tuple[int, Any]:
    text = str(error)
    wrong = ("Vector dimension", "Not existing vector", "Wrong usage", "Validation failed", "failed to parse")
    if text.startswith(wrong):
        return 400, _error(f"Wrong input: {text}")
    if "No space left" in text:
        return 500, _error(f"Service internal error: {text}")
    return 500, _error(f"Service internal error: {type(error).__name__}: {text}")


def _error(text: str) -> dict[str, Any]:
    return {"status": {"error": text}, "result": None}


# -- handlers ------------------------------------------------------------------------------------------------


def _root(server: Server, *_: Any) -> Any:
    return {"title": "qdrant - vector search engine", "version": server.version, "commit": None}


def _collections(server: Server, *_: Any) -> Any:
    return {"collections": [{"name": name} for name in sorted(server.registry.collections)]}


def _exists(server: Server, at: dict[str, Any], *_: Any) -> Any:
    name = server.registry.aliases.get(at["name"], at["name"])
    return {"exists": name in server.registry.collections}


def _create(server: Server, at: dict[str, Any], _: Any, body: Any) -> Any:
    if not server.cluster:
        body = {**body, "replication_factor": 1}
    server.registry.create(at["name"], body)
    return True


def _delete(server: Server, at: dict[str, Any], *_: Any) -> Any:
    return server.registry.delete(at["name"])


def _info(server: Server, at: dict[str, Any], *_: Any) -> Any:
    found = server.registry.get(at["name"])
    infos = [shard.info() for shard in found.shards.values()]
    body = found.body
    defaults = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10_000}
    given = {key: value for key, value in (body.get("hnsw_config") or {}).items() if value is not None}
    names = ("vectors", "sparse_vectors", "shard_number", "replication_factor", "write_consistency_factor",
             "sharding_method")  # fmt: skip
    return {
        "status": "green", "optimizer_status": "ok",
        "points_count": sum(i.points_count for i in infos),
        "indexed_vectors_count": sum(i.indexed_vectors_count for i in infos),
        "segments_count": sum(i.segments_count for i in infos),
        "payload_schema": {
            name: {"data_type": s if isinstance(s, str) else s["type"], "points": 0,
                   **({} if isinstance(s, str) else {"params": s})}
            for name, s in found.schema.items()
        },
        "config": {
            "params": {name: body[name] for name in names if body.get(name) is not None},
            "hnsw_config": {**defaults, **given},
            "optimizer_config": {"default_segment_number": 0, "flush_interval_sec": 5},
            "wal_config": {"wal_capacity_mb": 32, "wal_segments_ahead": 0},
            "quantization_config": body.get("quantization_config"), "metadata": body.get("metadata"),
        },
    }  # fmt: skip


def _change_aliases(server: Server, _at: Any, _query: Any, body: Any) -> Any:
    server.registry.change_aliases(body["actions"])
    return True


def _aliases(server: Server, at: dict[str, Any], *_: Any) -> Any:
    wanted = at.get("name")
    if wanted:
        server.registry.get(wanted)
    return {
        "aliases": [
            {"alias_name": alias, "collection_name": to}
            for alias, to in sorted(server.registry.aliases.items())
            if wanted in (None, to)
        ]
    }


def _create_index(server: Server, at: dict[str, Any], query: Mapping[str, str], body: Any) -> Any:
    server.registry.create_index(at["name"], body["field_name"], body.get("field_schema") or "keyword")
    return _done(server.registry.get(at["name"]), query)


def _create_shard_key(server: Server, at: dict[str, Any], _: Any, body: Any) -> Any:
    if not server.cluster:
        raise BadInput("Bad request: Distributed mode disabled")
    server.registry.create_shard_key(at["name"], body["shard_key"])
    return True


def _shard_keys(server: Server, at: dict[str, Any], *_: Any) -> Any:
    return {"shard_keys": [{"key": key} for key in server.registry.get(at["name"]).keys]}


def _upsert(server: Server, at: dict[str, Any], query: Mapping[str, str], body: Any) -> Any:
    found = server.registry.get(at["name"])
    if "batch" in body:
        raise NotOffered("points as columns")
    modes = {"insert_only": qe.UpdateMode.InsertOnly, "update_only": qe.UpdateMode.UpdateOnly}
    points = [edge.point(one, found.sizes, found.sparse) for one in body["points"]]
    for shard, positions in found.placed(body.get("shard_key"), (one["id"] for one in body["points"])):
        some = [points[position] for position in positions]
        condition, mode = edge.where(body.get("update_filter")), modes.get(body.get("update_mode"))
        found.update([shard], qe.UpdateOperation.upsert_points(some, condition=condition, update_mode=mode))
    return _done(found, query)


def _retrieve(server: Server, at: dict[str, Any], _: Any, body: Any) -> Any:
    found = server.registry.get(at["name"])
    ids = [edge.point_id(one) for one in body["ids"]]
    payload = body.get("with_payload")
    return [
        edge.record(one)
        for shard in found.of(body.get("shard_key"))
        for one in shard.retrieve(
            ids, edge.with_payload(True if payload is None else payload), body.get("with_vector") or False
        )
    ]


def _scroll(server: Server, at: dict[str, Any], _: Any, body: Any) -> Any:
    found = server.registry.get(at["name"])
    limit, payload, offset = body.get("limit") or 10, body.get("with_payload"), body.get("offset")
    request = qe.ScrollRequest(
        offset=None if offset is None else edge.point_id(offset), limit=limit + 1,
        filter=edge.where(body.get("filter")), with_payload=edge.with_payload(True if payload is None else payload),
        with_vector=body.get("with_vector") or False,
    )  # fmt: skip
    records = [edge.record(one) for shard in found.of(body.get("shard_key")) for one in shard.scroll(request)[0]]
    records.sort(key=lambda one: (isinstance(one["id"], str), one["id"]))
    return {
        "points": records[:limit],
        "next_page_offset": records[limit]["id"] if len(records) > limit else None,
    }


def _count(server: Server, at: dict[str, Any], _: Any, body: Any) -> Any:
    found = server.registry.get(at["name"])
    request = qe.CountRequest(exact=body.get("exact", True), filter=edge.where(body.get("filter")))
    return {"count": sum(shard.count(request) for shard in found.of(body.get("shard_key")))}


def _delete_points(server: Server, at: dict[str, Any], query: Mapping[str, str], body: Any) -> Any:
    found = server.registry.get(at["name"])
    operation = (
        qe.UpdateOperation.delete_points([edge.point_id(one) for one in body["points"]])
        if "points" in body
        else qe.UpdateOperation.delete_points_by_filter(edge.where(body["filter"]))
    )
    found.update(found.of(body.get("shard_key"), writing=True), operation)
    return _done(found, query)


def _set_payload(server: Server, at: dict[str, Any], query: Mapping[str, str], body: Any) -> Any:
    found = server.registry.get(at["name"])
    if body.get("filter") is not None:
        operation = qe.UpdateOperation.set_payload_by_filter(edge.where(body["filter"]), body["payload"])
        found.update(found.of(body.get("shard_key"), writing=True), operation)
        return _done(found, query)
    ids = [edge.point_id(one) for one in body["points"]]
    for shard, positions in found.placed(body.get("shard_key"), ids):
        there = {str(r.id) for r in shard.retrieve([ids[p] for p in positions], False, False)}
        if missing := [str(ids[p]) for p in positions if str(ids[p]) not in there]:
            raise NotFound(f"Not found: No point with id {missing[0]} found")
        found.update([shard], qe.UpdateOperation.set_payload([ids[p] for p in positions], body["payload"]))
    return _done(found, query)


def _query(server: Server, at: dict[str, Any], _: Any, body: Any) -> Any:
    return _queried(server.registry.get(at["name"]), [body])[0]


def _query_batch(server: Server, at: dict[str, Any], _: Any, body: Any) -> Any:
    return _queried(server.registry.get(at["name"]), body["searches"])


def _queried(found: Collection, bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"points": _best(found, body)} for body in bodies]


def _best(found: Collection, body: dict[str, Any]) -> list[dict[str, Any]]:
    shards = found.of(body.get("shard_key"))
    if len(shards) > 1 and (body.get("prefetch") or body.get("offset")):
        raise NotOffered("a query with prefetch over several shards")
    request = edge.query(body, found.sizes, found.sparse)
    points = [edge.record(one, score=True) for shard in shards for one in shard.query(request)]
    if len(shards) > 1:
        points.sort(key=lambda one: (-one["score"], one["id"]))
    return points[: body.get("limit") or 10]


def _done(found: Collection, query: Mapping[str, str]) -> dict[str, Any]:
    status = "completed" if query.get("wait") == "true" else "acknowledged"
    return {"operation_id": found.operations, "status": status}


def _healthy(*_: Any) -> Any:
    return "healthz check passed"


_C = r"/collections/(?P<name>[^/]+)"
HANDLERS: list[tuple[str, re.Pattern[str], Handler]] = [
    (method, re.compile(path), handler)
    for method, path, handler in (
        ("GET", r"/", _root),
        ("GET", r"/healthz", _healthy),
        ("GET", r"/collections", _collections),
        ("POST", r"/collections/aliases", _change_aliases),
        ("GET", r"/aliases", _aliases),
        ("GET", _C, _info),
        ("PUT", _C, _create),
        ("DELETE", _C, _delete),
        ("GET", _C + "/exists", _exists),
        ("GET", _C + "/aliases", _aliases),
        ("PUT", _C + "/index", _create_index),
        ("PUT", _C + "/shards", _create_shard_key),
        ("GET", _C + "/shards", _shard_keys),
        ("PUT", _C + "/points", _upsert),
        ("POST", _C + "/points", _retrieve),
        ("POST", _C + "/points/scroll", _scroll),
        ("POST", _C + "/points/count", _count),
        ("POST", _C + "/points/delete", _delete_points),
        ("POST", _C + "/points/payload", _set_payload),
        ("POST", _C + "/points/query", _query),
        ("POST", _C + "/points/query/batch", _query_batch),
    )
]
