"""The catalogue as code meets it: operations by method and path, and what they take.

Does not belong here: which operation a question means (`grounding.py`).
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Final

from cafe24_pipelines.knowledge.catalogue import operations
from cafe24_pipelines.knowledge.operations import ApiOperation

ADMIN: Final = "/api/v2/admin/"
ANALYTICS_HOST: Final = "https://ca-api.cafe24data.com"
ANY_GET: Final = ("fields",)
"""Query parameters that every reading operation takes, as the guide (not the operation's own table) says."""

Segment = str | None
"""A path segment as code holds it: fixed text, or None for a value that is only known when it runs."""


def by_id(identity: str) -> ApiOperation | None:
    """The operation `METHOD PATH`."""
    return _by_id().get(identity)


def find(method: str, host: str, segments: Sequence[Segment]) -> ApiOperation | None:
    """The operation that a call reaches; fixed segments win over `{arguments}`.

    Args:
        method: in capitals.
        host: "" for the mall's own, else `ANALYTICS_HOST`.
        segments: the path's, without the leading slash. A segment known only at run time fits `{arguments}` alone.
    """
    best: tuple[int, ApiOperation] | None = None
    for op in _by_method().get((method, len(segments)), ()):
        if not op.path.startswith(host or "/"):
            continue
        wanted = _segments(op)
        literal = _fit(wanted, segments)
        if literal is not None and (best is None or literal > best[0]):
            best = (literal, op)
    return best[1] if best else None


def path_names(op: ApiOperation) -> tuple[str, ...]:
    """Names of the `{arguments}` of an operation's path, in order."""
    return tuple(re.findall(r"\{(\w+)\}", op.path))


def sent_names(op: ApiOperation) -> dict[str, bool]:
    """Names that the query or the request object may hold -> whether required; children of objects by their head."""
    inside = path_names(op)
    found: dict[str, bool] = {}
    for p in op.parameters:
        name = p.name.split(".")[0]
        if not p.embed and name not in inside:
            found[name] = found.get(name, False) or (p.required and "." not in p.name)
    return found


def embeds(op: ApiOperation) -> tuple[str, ...]:
    """Child resources that `embed` may name."""
    return tuple(p.name for p in op.parameters if p.embed)


def in_analytics(op: ApiOperation) -> bool:
    """Whether it lives on the analytics host."""
    return op.path.startswith(ANALYTICS_HOST)


def callable_by_code(op: ApiOperation) -> bool:
    """Whether a snippet with an access token may call it: consent and token calls are none of its business."""
    return op.path.startswith(ADMIN) or in_analytics(op)


@cache
def served_by_sandbox(op: ApiOperation) -> bool:
    """Whether the sandbox mall answers this very operation."""
    from cafe24_pipelines.sandbox.server.catalogue import ADMIN as ADMIN_ROUTES
    from cafe24_pipelines.sandbox.server.catalogue import ANALYTICS as ANALYTICS_ROUTES

    analytics = in_analytics(op)
    path = op.path.removeprefix(f"{ANALYTICS_HOST}/" if analytics else ADMIN)
    found = (ANALYTICS_ROUTES if analytics else ADMIN_ROUTES).find(op.method, path)
    return found is not None and _bare(found[0].template) == _bare(path)


@cache
def _by_id() -> dict[str, ApiOperation]:
    return {op.id: op for op in operations()}


@cache
def _by_method() -> dict[tuple[str, int], tuple[ApiOperation, ...]]:
    found: dict[tuple[str, int], list[ApiOperation]] = {}
    for op in operations():
        found.setdefault((op.method, len(_segments(op))), []).append(op)
    return {key: tuple(ops) for key, ops in found.items()}


@cache
def _segments(op: ApiOperation) -> tuple[str, ...]:
    return tuple(op.path.removeprefix(ANALYTICS_HOST).strip("/").split("/"))


def _fit(wanted: Sequence[str], given: Sequence[Segment]) -> int | None:
    """How many fixed segments agree; None when the path doesn't fit."""
    literal = 0
    for want, have in zip(wanted, given, strict=True):
        if want.startswith("{"):
            if have == "":
                return None
        elif want == have:
            literal += 1
        else:
            return None
    return literal


def _bare(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)
