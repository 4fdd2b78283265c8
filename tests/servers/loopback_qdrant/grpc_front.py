"""The same server over gRPC: calls become the requests of `app.py` and their answers messages again.

Messages are translated with the client's own converters. So this shows that the store's calls fit the client's gRPC
side and how its errors come back; it can't show what a server's gRPC does with them.
"""

# ruff: noqa: N802 - methods have the names of the calls

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc as transport
from app import Server, handle
from qdrant_client import grpc
from qdrant_client import models as m
from qdrant_client.conversions.conversion import GrpcToRest, RestToGrpc

_CODES = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED", 409: "ALREADY_EXISTS", 422: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED",
    501: "UNIMPLEMENTED", 503: "UNAVAILABLE", 507: "RESOURCE_EXHAUSTED",
}  # fmt: skip


class _Front:
    """Asks the application on behalf of a call."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def ask(
        self, context: Any, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None
    ) -> Any:
        """The answer's result; a refusal ends the call."""
        key = dict(context.invocation_metadata()).get("api-key", "")
        if self.server.api_key and key != self.server.api_key:
            context.abort(transport.StatusCode.UNAUTHENTICATED, "Invalid API key or JWT")
        fault = self.server.fault(f"{method} {path}")
        if fault:
            text = ((fault["body"] or {}).get("status") or {}).get("error", "made to fail")
            context.abort(_code(fault["status"]), text)
        status, answer = handle(self.server, method, path, query or {}, _json(body))
        if status != 200:
            context.abort(_code(status), answer["status"]["error"])
        return answer["result"]

    def write(self, context: Any, method: str, path: str, request: Any, body: Mapping[str, Any]) -> Any:
        """A change of points."""
        query = {"wait": "true"} if request.wait else {}
        result = self.ask(context, method, path, {**body, **_shard(request)}, query)
        return grpc.PointsOperationResponse(result=RestToGrpc.convert_update_result(m.UpdateResult(**result)))


class _Collections(_Front, grpc.CollectionsServicer):
    def List(self, request: Any, context: Any) -> Any:
        found = self.ask(context, "GET", "/collections")["collections"]
        return grpc.ListCollectionsResponse(collections=[grpc.CollectionDescription(**one) for one in found])

    def CollectionExists(self, request: Any, context: Any) -> Any:
        result = self.ask(context, "GET", f"/collections/{request.collection_name}/exists")
        return grpc.CollectionExistsResponse(result=grpc.CollectionExists(**result))

    def Get(self, request: Any, context: Any) -> Any:
        result = self.ask(context, "GET", f"/collections/{request.collection_name}")
        return grpc.GetCollectionInfoResponse(result=RestToGrpc.convert_collection_info(m.CollectionInfo(**result)))

    def Create(self, request: Any, context: Any) -> Any:
        have = request.HasField
        body = {
            "vectors": GrpcToRest.convert_vectors_config(request.vectors_config) if have("vectors_config") else {},
            "sparse_vectors": GrpcToRest.convert_sparse_vector_config(request.sparse_vectors_config)
            if have("sparse_vectors_config") else None,
            "hnsw_config": GrpcToRest.convert_hnsw_config_diff(request.hnsw_config) if have("hnsw_config") else None,
            "quantization_config": GrpcToRest.convert_quantization_config(request.quantization_config)
            if have("quantization_config") else None,
            "sharding_method": GrpcToRest.convert_sharding_method(request.sharding_method)
            if have("sharding_method") else None,
            "metadata": GrpcToRest.convert_payload(request.metadata) or None,
            **{
                name: getattr(request, name)
                for name in ("shard_number", "replication_factor", "write_consistency_factor") if have(name)
            },
        }  # fmt: skip
        result = self.ask(context, "PUT", f"/collections/{request.collection_name}", body)
        return grpc.CollectionOperationResponse(result=result)

    def Delete(self, request: Any, context: Any) -> Any:
        result = self.ask(context, "DELETE", f"/collections/{request.collection_name}")
        return grpc.CollectionOperationResponse(result=result)

    def UpdateAliases(self, request: Any, context: Any) -> Any:
        actions = [GrpcToRest.convert_alias_operations(one) for one in request.actions]
        return grpc.CollectionOperationResponse(
            result=self.ask(context, "POST", "/collections/aliases", {"actions": actions})
        )

    def ListAliases(self, request: Any, context: Any) -> Any:
        found = self.ask(context, "GET", "/aliases")["aliases"]
        return grpc.ListAliasesResponse(aliases=[grpc.AliasDescription(**one) for one in found])


class _Points(_Front, grpc.PointsServicer):
    def Upsert(self, request: Any, context: Any) -> Any:
        modes = {grpc.UpdateMode.InsertOnly: "insert_only", grpc.UpdateMode.UpdateOnly: "update_only"}
        body = {
            "points": [GrpcToRest.convert_point_struct(one) for one in request.points],
            "update_filter": _filter(request, "update_filter"),
            "update_mode": modes.get(request.update_mode) if request.HasField("update_mode") else None,
        }
        return self.write(context, "PUT", f"/collections/{request.collection_name}/points", request, body)

    def Delete(self, request: Any, context: Any) -> Any:
        body = GrpcToRest.convert_points_selector(request.points).model_dump(exclude_none=True)
        return self.write(context, "POST", f"/collections/{request.collection_name}/points/delete", request, body)

    def SetPayload(self, request: Any, context: Any) -> Any:
        body = GrpcToRest.convert_points_selector(request.points_selector).model_dump(exclude_none=True)
        body["payload"] = GrpcToRest.convert_payload(request.payload)
        return self.write(context, "POST", f"/collections/{request.collection_name}/points/payload", request, body)

    def CreateFieldIndex(self, request: Any, context: Any) -> Any:
        schema = GrpcToRest.convert_payload_schema_params(request.field_index_params)
        body = {"field_name": request.field_name, "field_schema": schema}
        path = f"/collections/{request.collection_name}/index"
        result = self.ask(context, "PUT", path, body, {"wait": "true"} if request.wait else {})
        return grpc.PointsOperationResponse(result=RestToGrpc.convert_update_result(m.UpdateResult(**result)))

    def Get(self, request: Any, context: Any) -> Any:
        body = {"ids": [GrpcToRest.convert_point_id(one) for one in request.ids], **_what(request), **_shard(request)}
        found = self.ask(context, "POST", f"/collections/{request.collection_name}/points", body)
        return grpc.GetResponse(result=[RestToGrpc.convert_record(m.Record(**one)) for one in found])

    def Scroll(self, request: Any, context: Any) -> Any:
        body = {
            "filter": _filter(request, "filter"), "limit": request.limit if request.HasField("limit") else None,
            "offset": GrpcToRest.convert_point_id(request.offset) if request.HasField("offset") else None,
            **_what(request), **_shard(request),
        }  # fmt: skip
        found = self.ask(context, "POST", f"/collections/{request.collection_name}/points/scroll", body)
        after = found["next_page_offset"]
        return grpc.ScrollResponse(
            result=[RestToGrpc.convert_record(m.Record(**one)) for one in found["points"]],
            next_page_offset=None if after is None else RestToGrpc.convert_extended_point_id(after),
        )

    def Count(self, request: Any, context: Any) -> Any:
        body = {"filter": _filter(request, "filter"), "exact": request.exact, **_shard(request)}
        found = self.ask(context, "POST", f"/collections/{request.collection_name}/points/count", body)
        return grpc.CountResponse(result=grpc.CountResult(count=found["count"]))

    def QueryBatch(self, request: Any, context: Any) -> Any:
        searches = [GrpcToRest.convert_query_points(one) for one in request.query_points]
        path = f"/collections/{request.collection_name}/points/query/batch"
        found = self.ask(context, "POST", path, {"searches": searches})
        return grpc.QueryBatchResponse(
            result=[
                grpc.BatchResult(result=[RestToGrpc.convert_scored_point(m.ScoredPoint(**p)) for p in one["points"]])
                for one in found
            ]
        )


class _Root(grpc.QdrantServicer):
    def __init__(self, version: str) -> None:
        self.version = version

    def HealthCheck(self, request: Any, context: Any) -> Any:
        return grpc.HealthCheckReply(title="qdrant - vector search engine", version=self.version)


def serve(server: Server) -> int:
    """Serve calls on a free loopback port, which is returned."""
    from qdrant_client.grpc import collections_service_pb2_grpc, points_service_pb2_grpc, qdrant_pb2_grpc

    running = transport.server(ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", -1)])
    collections_service_pb2_grpc.add_CollectionsServicer_to_server(_Collections(server), running)
    points_service_pb2_grpc.add_PointsServicer_to_server(_Points(server), running)
    qdrant_pb2_grpc.add_QdrantServicer_to_server(_Root(server.version), running)
    port = running.add_insecure_port("127.0.0.1:0")
    running.start()
    _running.append(running)  # a server that nothing holds ends
    return port


_running: list[Any] = []


def _code(status: int) -> Any:
    return getattr(transport.StatusCode, _CODES.get(status, "INTERNAL"))


def _json(body: Any) -> Any:
    """A body of models as JSON; nothing is sent for what is not set."""
    if isinstance(body, Mapping):
        return {key: _json(value) for key, value in body.items() if value is not None}
    if isinstance(body, list):
        return [_json(one) for one in body]
    dump: Callable[..., Any] | None = getattr(body, "model_dump", None)
    return dump(mode="json", exclude_none=True, by_alias=True) if dump else body


def _filter(request: Any, name: str) -> Any:
    return GrpcToRest.convert_filter(getattr(request, name)) if request.HasField(name) else None


def _shard(request: Any) -> dict[str, Any]:
    if not request.HasField("shard_key_selector"):
        return {}
    return {"shard_key": GrpcToRest.convert_shard_key_selector(request.shard_key_selector)}


def _what(request: Any) -> dict[str, Any]:
    have = request.HasField
    return {
        "with_payload": GrpcToRest.convert_with_payload_interface(request.with_payload)
        if have("with_payload")
        else None,
        "with_vector": GrpcToRest.convert_with_vectors_selector(request.with_vectors)
        if have("with_vectors")
        else None,
    }
