"""Qdrant's own OpenAPI description as a strict check of every request and every answer.

The description is read from the folder of public specifications, never from the repository. OpenAPI 3.0 writes
`nullable` where JSON Schema has a type of its own; objects are closed here, so that a misspelt field is an error
although a server would ignore it. Without the description, bodies are checked by the client's own models, which are
generated from it and closed as well.
"""

import gzip
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.exceptions import best_match
from jsonschema.validators import extend

FILE = "qdrant_openapi_v1.19.x.json.gz"
_WHOLE = {"uint": 1 << 64, "uint64": 1 << 64, "uint32": 1 << 32, "uint16": 1 << 16, "int64": 1 << 63}


@dataclass(frozen=True)
class Problem:
    """Why a body is refused; as on a server 422 for a value out of bounds and 400 for a wrong shape."""

    text: str
    status: int = 400


@dataclass(frozen=True)
class _Operation:
    method: str
    template: str
    path: re.Pattern[str]
    about: Mapping[str, Any]


class Description:
    """The operations of one version of the API."""

    def __init__(self, file: Path) -> None:
        with gzip.open(file) as stream:
            whole = json.load(stream)
        self.version: str = whole["info"]["version"]
        definitions = {name: _json_schema(schema) for name, schema in whole["components"]["schemas"].items()}
        self._validator = _validator_class(definitions)
        self._operations = [
            _Operation(method.upper(), path, _pattern(path), about)
            for path, methods in whole["paths"].items()
            for method, about in methods.items()
        ]

    def request(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Problem | None:
        """What is wrong with a request, or None."""
        operation = self._operation(method, path)
        if operation is None:
            return Problem(f"{method} {path} is not in the description", 404)
        if problem := self._query(operation, query):
            return problem
        wanted = operation.about.get("requestBody")
        if wanted is None:
            return None if body is None else Problem(f"{method} {operation.template} takes no body")
        if body is None:
            return Problem(f"{method} {operation.template} needs a body")
        return self._check(wanted["content"]["application/json"]["schema"], body, "JSON body")

    def answer(self, method: str, path: str, status: int, body: Any) -> Problem | None:
        """What is wrong with an answer, or None."""
        operation = self._operation(method, path)
        if operation is None:
            return None
        answers = operation.about["responses"]
        about = answers.get(str(status)) or answers.get("4XX" if status < 500 else "default") or {}
        content = about.get("content")
        return self._check(content["application/json"]["schema"], body, f"answer {status}") if content else None

    # -- inside ----------------------------------------------------------------------------------------------

    def _operation(self, method: str, path: str) -> _Operation | None:
        found = [o for o in self._operations if o.method == method and o.path.fullmatch(path)]
        return min(found, key=lambda o: o.template.count("{"), default=None)  # a fixed name before a placeholder

    def _query(self, operation: _Operation, query: Mapping[str, str]) -> Problem | None:
        known = {p["name"]: p["schema"] for p in operation.about.get("parameters", ()) if p["in"] == "query"}
        for name, text in query.items():
            if name not in known:
                return Problem(f"{operation.method} {operation.template} has no query parameter {name}")
            schema = known[name]
            value = json.loads(text) if schema.get("type") in ("integer", "boolean") and _is_json(text) else text
            if problem := self._check(schema, value, "query parameters"):
                return problem
        return None

    def _check(self, schema: Any, value: Any, where: str) -> Problem | None:
        checker = self._validator(_json_schema(schema), format_checker=_formats())
        error = best_match(checker.iter_errors(value))
        if error is None:
            return None
        at = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error.absolute_path).lstrip(".")
        if error.validator in ("minimum", "maximum"):
            return Problem(f"Validation error in {where}: [{at}: value {error.instance} invalid]", 422)
        return Problem(f"Format error in {where}: {error.message[:300]} at `{at}`")


class ClientModels:
    """The stand-in for the description: bodies of the operations that we use, by the client's closed models."""

    version = "the client's models"

    def __init__(self) -> None:
        from qdrant_client import models as m

        self._bodies: list[tuple[str, re.Pattern[str], Any]] = [
            (method, _pattern(path), model)
            for method, path, model in (
                ("PUT", "/collections/{name}", m.CreateCollection),
                ("POST", "/collections/aliases", m.ChangeAliasesOperation),
                ("PUT", "/collections/{name}/index", m.CreateFieldIndex),
                ("PUT", "/collections/{name}/points", m.PointsList),
                ("POST", "/collections/{name}/points", m.PointRequest),
                ("POST", "/collections/{name}/points/scroll", m.ScrollRequest),
                ("POST", "/collections/{name}/points/count", m.CountRequest),
                ("POST", "/collections/{name}/points/payload", m.SetPayload),
                ("POST", "/collections/{name}/points/query", m.QueryRequest),
                ("POST", "/collections/{name}/points/query/batch", m.QueryRequestBatch),
                ("PUT", "/collections/{name}/shards", m.CreateShardingKey),
            )
        ]

    def request(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Problem | None:
        """What is wrong with a body, or None."""
        from pydantic import ValidationError as Wrong

        for wanted, pattern, model in self._bodies:
            if wanted == method and pattern.fullmatch(path):
                try:
                    model.model_validate(body)
                except Wrong as e:
                    return Problem(f"Format error in JSON body: {str(e)[:300]}")
        return None

    def answer(self, method: str, path: str, status: int, body: Any) -> Problem | None:
        """Answers are not checked without the description; the client parses them."""
        return None


def description(folder: str) -> Description | ClientModels:
    """The description in `folder`/specs, or the client's models where there is none."""
    file = Path(folder) / "specs" / FILE
    return Description(file) if folder and file.exists() else ClientModels()


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template)))


def _is_json(text: str) -> bool:
    return bool(re.fullmatch(r"-?\d+|true|false", text))


def _json_schema(schema: Any) -> Any:
    """A schema of OpenAPI 3.0 as JSON Schema: `nullable` becomes a type, objects are closed."""
    if isinstance(schema, list):
        return [_json_schema(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    words = ("nullable", "description", "example", "default", "deprecated", "properties")
    inner = {key: _json_schema(value) for key, value in schema.items() if key not in words}
    if "properties" in schema:
        inner["properties"] = {name: _json_schema(value) for name, value in schema["properties"].items()}
        inner.setdefault("additionalProperties", False)
    if schema.get("nullable") is not True:
        return inner
    return {"anyOf": [inner, {"type": "null"}]} if inner else {"type": "null"}


def _validator_class(definitions: Mapping[str, Any]) -> Any:
    """A validator that looks references up in a dictionary and passes long vectors by quickly."""

    def reference(validator: Any, ref: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
        yield from validator.descend(instance, definitions[ref.rpartition("/")[2]])

    slow = Draft202012Validator.VALIDATORS["items"]

    def items(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        if isinstance(wanted, dict) and isinstance(instance, list) and _are_plain(wanted, instance):
            return
        yield from slow(validator, wanted, instance, schema)

    return extend(Draft202012Validator, {"$ref": reference, "items": items})


def _are_plain(wanted: Mapping[str, Any], instance: list[Any]) -> bool:
    """Whether a list is one of numbers that its schema allows without a closer look."""
    if wanted.get("type") == "number" and set(wanted) <= {"type", "format"}:
        return all(type(x) in (float, int) for x in instance)
    if wanted.get("type") == "integer" and set(wanted) <= {"type", "format", "minimum"}:
        low, high = wanted.get("minimum", 0), _WHOLE.get(wanted.get("format", ""), 0)
        return all(type(x) is int and low <= x < high for x in instance)
    return False


def _formats() -> FormatChecker:
    checker = FormatChecker(formats=())
    for name, bound in _WHOLE.items():
        low = -bound if name.startswith("i") else 0
        checker.checks(name)(lambda v, low=low, bound=bound: not isinstance(v, int) or low <= v < bound)
    checker.checks("uuid")(lambda v: not isinstance(v, str) or _is_uuid(v))
    return checker


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
