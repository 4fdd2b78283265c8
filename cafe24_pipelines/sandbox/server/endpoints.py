"""The form of an endpoint, and how a path finds its own.

Does not belong here: the endpoints themselves (`catalogue.py`) and what they answer (`reads.py`, `writes.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from cafe24_pipelines.sandbox.server.query import Parser, Rule, comma, number, text

Kind = Literal["list", "count", "detail", "child", "special"]
SHOP: Final[Parser] = number(1)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method and path of the API.

    Attributes:
        template: the path below `/api/v2/admin/` (or below the analytics host).
        scope: what the token must have, whole (`mall.read_order`).
        kind: list, count, detail (one row by the path's id), child (a field of one row), special (own code).
        resource: the mall's name of its rows; of a special endpoint, its handler's.
        key: the answer's key.
        rename: query parameter -> the mall's name of that filter; those not named keep theirs.
        path_filters: path argument -> the mall's name of that filter.
        limit: the largest `limit`; 0: the list takes neither limit nor offset.
        hidden: keys of the mall's row that this endpoint does not show.
        parent: (resource, filter, path argument) of what must exist, else 404.
    """

    method: str
    template: str
    scope: str
    kind: Kind
    resource: str
    key: str
    params: Mapping[str, Parser] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    path_filters: Mapping[str, str] = field(default_factory=dict)
    limit: int = 0
    default: int = 10
    least: int = 1
    offset_cap: int | None = None
    links: bool = False
    embeds: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    parent: tuple[str, str, str] | None = None
    size: int = 40
    approved: bool = False
    analytics: bool = False

    @property
    def api(self) -> str:
        """The bucket's name."""
        return f"{self.method} {self.template}"

    def parsers(self) -> dict[str, Parser]:
        """Every query parameter that it takes."""
        if self.kind == "special":
            return dict(self.params)
        found = {"shop_no": SHOP, **self.params}
        if self.kind != "count":
            found["fields"] = comma(text)
        if self.embeds:
            found["embed"] = comma(text)
        if self.limit:
            found["limit"] = number(self.least, self.limit)
            found["offset"] = number(0, self.offset_cap)
        return found


class Routes:
    """Finds the endpoint of a method and path; literal segments win over `{arguments}`."""

    def __init__(self, endpoints: tuple[Endpoint, ...]) -> None:
        self._root: dict[str, Any] = {}
        for endpoint in endpoints:
            node = self._root
            for part in endpoint.template.split("/"):
                node = node.setdefault("{}" if part.startswith("{") else part, {})
            methods = node.setdefault("", {})
            if endpoint.method in methods:
                raise ValueError(f"two endpoints at {endpoint.api}")
            methods[endpoint.method] = endpoint

    def find(self, method: str, path: str) -> tuple[Endpoint, dict[str, str]] | None:
        """The endpoint and the path's arguments, or None."""
        parts = path.split("/")
        endpoint = _descend(self._root, parts, 0, method)
        if endpoint is None:
            return None
        names = endpoint.template.split("/")
        return endpoint, {n[1:-1]: p for n, p in zip(names, parts, strict=True) if n.startswith("{")}


def _descend(node: dict[str, Any], parts: list[str], depth: int, method: str) -> Endpoint | None:
    if depth == len(parts):
        return node.get("", {}).get(method)
    part = parts[depth]
    for step in (part, "{}") if part else ():
        if step in node:
            found = _descend(node[step], parts, depth + 1, method)
            if found is not None:
                return found
    return None
