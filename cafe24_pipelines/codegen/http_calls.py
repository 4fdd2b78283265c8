"""How `httpx` is used in a snippet: calls are noted with what is known of them, unusual ways are findings.

Only plain calls are accepted: a transport, a proxy, a mount or a followed redirect could carry the token elsewhere.
Does not belong here: whether a call fits the catalogue (`check.py`).
"""

import ast
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.codegen.values import ANYTHING, Client, Const, Data, Value, options
from cafe24_pipelines.korean import particle

if TYPE_CHECKING:
    from cafe24_pipelines.codegen.walk import Walker

VERBS: Final = ("get", "post", "put", "delete")
_OF_CALL: Final = frozenset(("method", "url", "params", "headers", "json", "timeout"))
_OF_CLIENT: Final = frozenset(("base_url", "headers", "params", "timeout"))
NAMES: Final = frozenset(
    ("get", "post", "put", "delete", "request", "Client", "Timeout", "Response", "HTTPError", "HTTPStatusError",
     "RequestError", "TimeoutException", "ConnectError", "TransportError")
)  # fmt: skip
"""What a snippet may take of httpx."""


def of_module(walker: "Walker", name: str, args: list[Value], named: dict[str, Value], node: ast.Call) -> Value:
    """A call of something of httpx itself."""
    if name == "Client":
        for unusual in sorted(set(named) - _OF_CLIENT):
            walker.found("calls", f"httpx.Client의 {unusual} 인자는 쓸 수 없습니다.", node)
        return Client(named.get("base_url"), named.get("headers"), named.get("params"))
    if name in (*VERBS, "request"):
        return _noted(walker, None, name, args, named, node)
    return ANYTHING


def of_client(  # noqa: PLR0917
    walker: "Walker", client: Client, name: str, args: list[Value], named: dict[str, Value], node: ast.Call
) -> Value:
    """A call of a client's method."""
    if name in (*VERBS, "request"):
        return _noted(walker, client, name, args, named, node)
    if name not in ("close", "__enter__", "__exit__"):
        walker.found("calls", f"Client.{name}{particle(name, '은(는)')} 쓸 수 없습니다.", node)
    return ANYTHING


def _noted(  # noqa: PLR0917
    walker: "Walker", client: Client | None, name: str, args: list[Value], named: dict[str, Value], node: ast.Call
) -> Value:
    from cafe24_pipelines.codegen.walk import HttpCall

    for unusual in sorted(set(named) - _OF_CALL):
        walker.found("calls", f"HTTP 호출의 {unusual} 인자는 쓸 수 없습니다.", node)
    given = list(args)
    method: Value = Const(name.upper())
    if name == "request":
        method = named.get("method") or (given.pop(0) if given else ANYTHING)
    url = named.get("url") or (given.pop(0) if given else ANYTHING)
    if given:
        walker.found("calls", "HTTP 호출의 인자는 주소 뒤로는 이름을 붙여 줍니다.", node)
    sources = [named.get("headers"), client.headers if client else None]
    queries = [named.get("params"), client.params if client else None]
    for one in options(method):
        walker.seen.calls.append(
            HttpCall(
                one, url, client.base_url if client else None, tuple(h for h in sources if h is not None),
                tuple(q for q in queries if q is not None and q != Const(None)), named.get("json"),
                node.lineno, walker.live,
            )
        )  # fmt: skip
    return Data()
