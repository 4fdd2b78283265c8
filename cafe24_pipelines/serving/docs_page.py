"""GET /docs: the OpenAPI description as one page, made on the server.

The usual viewers load scripts from a content network. This page needs neither a network nor a script, so the
strictest content policy holds for it too. Tools read `/openapi.json`. Does not belong here: what the API does.
"""

import base64
import hashlib
import html
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse

_STYLE: Final = (
    "body{font:16px/1.6 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1.2rem;color:#222;"
    "word-break:keep-all;overflow-wrap:anywhere}"
    "h1{font-size:1.5rem}h2{font-size:1.15rem;margin:2.2rem 0 .3rem;border-top:1px solid #ddd;padding-top:1rem}"
    "code,pre{background:#f4f4f4;border-radius:4px;font-size:.9em}code{padding:.1em .35em}"
    "pre{padding:.8em;overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.92em}"
    "td,th{border-bottom:1px solid #eee;text-align:left;padding:.25em .6em .25em 0;vertical-align:top}"
    ".m{font-weight:700;color:#067a3e}summary{cursor:pointer}"
)
_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_CSP: Final = f"default-src 'none'; style-src 'sha256-{_HASH}'; frame-ancestors 'none'; base-uri 'none'"
Schema = Mapping[str, Any]


class DocsPage:
    """The page of one app; made at the first request."""

    def __init__(self, openapi: Callable[[], dict[str, Any]]) -> None:
        self._openapi, self._page = openapi, ""

    async def get(self, request: Request) -> HTMLResponse:
        """The page."""
        self._page = self._page or page(self._openapi())
        return HTMLResponse(self._page, headers={"Content-Security-Policy": _CSP})


def page(described: Schema) -> str:
    """HTML of an OpenAPI description."""
    info = described["info"]
    parts = [
        '<!doctype html><html lang="ko"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>{_text(info['title'])}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{_text(info['title'])} <small>{_text(info['version'])}</small></h1>",
        *(f"<p>{_text(line)}</p>" for line in info.get("description", "").splitlines() if line.strip()),
        '<p>기계가 읽는 명세: <a href="/openapi.json">/openapi.json</a></p>',
    ]
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            parts += _operation(path, method.upper(), operation, described)
    return "".join([*parts, "</body></html>"])


def _operation(path: str, method: str, operation: Schema, described: Schema) -> Iterator[str]:
    name = _text(operation.get("summary", ""))
    head = f'<span class="m">{method}</span> <code>{_text(path)}</code> {name}'
    yield f'<h2 id="{_text(operation["operationId"])}">{head}</h2>'
    yield "".join(f"<p>{_text(line)}</p>" for line in operation.get("description", "").split("\n\n"))
    given = [
        (p["name"], p.get("required", False), p["schema"], p.get("description", ""))
        for p in operation.get("parameters", ())
    ]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body:
        whole = _resolved(body, described)
        for one in whole.get("oneOf", [whole]):
            schema = _resolved(one, described)
            needed = schema.get("required", ())
            given += [(n, n in needed, s, s.get("description", "")) for n, s in schema["properties"].items()]
            yield f"<pre>{_text(_curl(path, schema, described))}</pre>"
    if given:
        yield _table(given, described)
    for status, answer in operation["responses"].items():
        found = answer.get("content", {}).get("application/json", {}).get("schema")
        if status == "200" and found:
            schema = _resolved(found, described)
            rows = [(n, True, s, s.get("description", "")) for n, s in schema["properties"].items()]
            told = (
                "성공" if answer["description"] == "Successful Response" else answer["description"]
            )  # FastAPI's own
            yield f"<details><summary>200 {_text(told)}</summary>{_table(rows, described)}</details>"
    errors = ", ".join(f"{s} {a['description']}" for s, a in operation["responses"].items() if s != "200")
    yield f"<details><summary>오류</summary><p>{_text(errors)}</p></details>"


def _table(rows: list[tuple[str, bool, Schema, str]], described: Schema) -> str:
    body = "".join(
        f"<tr><td><code>{_text(name)}</code>{' *' if needed else ''}</td><td>{_text(_kind(schema, described))}</td>"
        f"<td>{_text(told)}</td></tr>"
        for name, needed, schema, told in rows
    )
    return f"<table>{body}</table>"


def _kind(schema: Schema, described: Schema) -> str:
    """A type in a few words."""
    schema = _resolved(schema, described)
    if either := schema.get("anyOf") or schema.get("oneOf"):
        return " | ".join(_kind(one, described) for one in either)
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    kind = str(schema.get("title") if "properties" in schema else schema.get("type", ""))
    if kind == "array":
        return f"[{_kind(schema['items'], described)}]"
    bounds = [f"≤ {schema[key]}" for key in ("maxLength", "maximum") if key in schema]
    return " ".join([kind, *bounds])


def _resolved(schema: Schema, described: Schema) -> Schema:
    while "$ref" in schema:
        schema = described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def _curl(path: str, schema: Schema, described: Schema) -> str:
    """A line to copy: the fields that are needed, with their first examples."""
    body = {name: _example(schema["properties"][name], described) for name in schema.get("required", ())}
    sent = json.dumps(body, ensure_ascii=False)
    return f"curl -H 'X-API-Key: …' -H 'Content-Type: application/json' \\\n  -d '{sent}' https://…{path}"


def _example(schema: Schema, described: Schema) -> Any:
    schema = _resolved(schema, described)
    if schema.get("examples"):
        return schema["examples"][0]
    return schema["enum"][0] if "enum" in schema else f"({schema.get('format', schema.get('type', ''))})"


def _text(value: str) -> str:
    return html.escape(value)
