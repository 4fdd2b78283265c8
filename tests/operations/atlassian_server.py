"""A local server that speaks the parts of Jira Cloud REST v3 and Confluence Cloud REST v2 that we use, strictly.

It checks the account, the media type, every field's name and shape (Atlassian Document Format, well-formed storage
format), versions and transitions, and fails on demand. Does not belong here: what a client makes of it.
"""

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

from benchmarks.loopback import handled

EMAIL, TOKEN, PROJECT, PAGE = "bot@example.com", "secret-token", "CRM", "4711"
TYPES = [
    {"id": "9", "name": "에픽", "subtask": False, "hierarchyLevel": 1},
    {"id": "11", "name": "하위 작업", "subtask": True, "hierarchyLevel": -1},
    {"id": "12", "name": "버그", "subtask": False, "hierarchyLevel": 0},
    {"id": "13", "name": "작업", "subtask": False, "hierarchyLevel": 0},
]
"""A site that was made in Korean has no type called Task."""
OPEN, DONE = ("10", "To Do", "new"), ("30", "Done", "done")


LONGEST = 32_767
"""Letters of a description (JRACLOUD-78553)."""


@dataclass
class Atlassian:
    """The state of the site, what was asked for, and faults to come: (status, headers) of the next answers."""

    url: str = ""
    issues: list[dict[str, Any]] = field(default_factory=list)
    page: dict[str, Any] = field(
        default_factory=lambda: {"title": "준비 상태", "number": 7, "value": "<p>처음</p>", "trashed": False}
    )
    calls: list[str] = field(default_factory=list)
    faults: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    saved_by_others: int = 0
    """So many times somebody else saves the page between our reading and our writing."""


class Bad(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@contextmanager
def atlassian() -> Iterator[Atlassian]:
    """Run it on loopback."""
    site = Atlassian()
    with handled(_Handler) as httpd:
        httpd.site = site  # type: ignore[attr-defined]
        site.url = f"http://127.0.0.1:{httpd.server_port}"
        yield site


def _only(value: Any, allowed: set[str], required: set[str] = frozenset()) -> None:  # type: ignore[assignment]
    if not isinstance(value, dict) or not set(value) <= allowed or not required <= set(value):
        raise Bad(400, f"fields {sorted(value) if isinstance(value, dict) else value} are not {sorted(allowed)}")


def check_adf(node: Any) -> None:
    """A document of doc, paragraph, bulletList, listItem and text nodes."""
    _only(node, {"type", "version", "content"}, {"type", "version", "content"})
    if node["type"] != "doc" or node["version"] != 1:
        raise Bad(400, "not a document of version 1")
    if sum(map(len, re.findall(r'"text": "((?:[^"\\]|\\.)*)"', json.dumps(node, ensure_ascii=False)))) > LONGEST:
        raise Bad(400, "CONTENT_LIMIT_EXCEEDED")
    for child in node["content"]:
        _block(child)


def _block(node: Any) -> None:
    _only(node, {"type", "content"}, {"type", "content"})
    if node["type"] == "paragraph":
        for text in node["content"]:
            _only(text, {"type", "text", "marks"}, {"type", "text"})
            if text["type"] != "text" or not isinstance(text["text"], str) or not text["text"]:
                raise Bad(400, "an empty text node")
            if any(mark != {"type": "strong"} for mark in text.get("marks", [])):
                raise Bad(400, "an unknown mark")
    elif node["type"] == "bulletList":
        if not node["content"]:
            raise Bad(400, "an empty list")
        for item in node["content"]:
            _only(item, {"type", "content"}, {"type", "content"})
            if item["type"] != "listItem":
                raise Bad(400, "a list holds items")
            for block in item["content"]:
                _block(block)
    else:
        raise Bad(400, f"unknown node {node['type']}")


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass

    def _any(self) -> None:
        site: Atlassian = self.server.site  # type: ignore[attr-defined]
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        path = urlsplit(self.path)
        site.calls.append(f"{self.command} {path.path}")
        try:
            if site.faults:
                status, headers = site.faults.pop(0)
                self._send(status, {"errorMessages": ["fault"]}, headers)
                return
            self._account()
            body = self._body(raw) if self.command in ("POST", "PUT") else None
            self._send(*self._route(site, path.path, parse_qs(path.query), body))
        except Bad as e:
            self._send(e.status, {"errorMessages": [str(e)]})

    do_GET = do_POST = do_PUT = _any  # noqa: N815  the names are the library's

    def _account(self) -> None:
        wanted = base64.b64encode(f"{EMAIL}:{TOKEN}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {wanted}":
            raise Bad(401, "Client must be authenticated")

    def _body(self, raw: bytes) -> Any:
        if self.headers.get("Content-Type") != "application/json":
            raise Bad(415, "not JSON")
        return json.loads(raw)

    def _send(self, status: int, value: Any = None, headers: dict[str, str] | None = None) -> None:
        data = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _route(self, site: Atlassian, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        if path.startswith("/wiki/api/v2/pages/"):
            return self._page(site, path.rpartition("/")[2], query, body)
        if path == "/rest/api/3/search/jql" and self.command == "POST":
            _only(body, {"jql", "maxResults", "fields"}, {"jql"})
            if f'project = "{PROJECT}"' not in body["jql"]:
                raise Bad(400, "The value does not exist for the field 'project'.")
            label = body["jql"].split('labels = "')[1].split('"')[0]
            found = [self._shown(i) for i in site.issues if label in i["labels"]]
            return 200, {"issues": found[: body["maxResults"]], "isLast": True}
        if path == f"/rest/api/3/issue/createmeta/{PROJECT}/issuetypes" and self.command == "GET":
            return 200, {"issueTypes": TYPES, "maxResults": 50, "startAt": 0, "total": len(TYPES)}
        if path == "/rest/api/3/issue" and self.command == "POST":
            return self._create(site, body)
        if path.startswith("/rest/api/3/issue/"):
            return self._issue(site, path.removeprefix("/rest/api/3/issue/").split("/"), body)
        raise Bad(404, "no such path")

    def _shown(self, issue: dict[str, Any]) -> dict[str, Any]:
        status = {"name": issue["status"][1], "statusCategory": {"key": issue["status"][2]}}
        return {
            "id": issue["id"],
            "key": issue["key"],
            "fields": {"description": issue["description"], "status": status},
        }

    def _create(self, site: Atlassian, body: Any) -> tuple[int, Any]:
        _only(body, {"fields"}, {"fields"})
        fields = body["fields"]
        names = {"project", "issuetype", "summary", "description", "labels"}
        _only(fields, names, names)
        if fields["project"] != {"key": PROJECT} or fields["issuetype"] != {"id": "13"}:
            raise Bad(400, "valid project and issue type are required")
        if any(" " in label for label in fields["labels"]):
            raise Bad(400, "a label holds no space")
        self._summary(fields["summary"])
        check_adf(fields["description"])
        number = len(site.issues) + 1
        site.issues.append({
            "id": str(10000 + number), "key": f"{PROJECT}-{number}", "status": OPEN, "labels": fields["labels"],
            "summary": fields["summary"], "description": fields["description"],
        })  # fmt: skip
        return 201, {"id": str(10000 + number), "key": f"{PROJECT}-{number}", "self": "…"}

    def _summary(self, text: Any) -> None:
        if not isinstance(text, str) or not text or len(text) > 255 or "\n" in text:
            raise Bad(400, "summary must be one line of at most 255")

    def _issue(self, site: Atlassian, rest: list[str], body: Any) -> tuple[int, Any]:
        issue = next((i for i in site.issues if i["key"] == rest[0]), None)
        if issue is None:
            raise Bad(404, "Issue does not exist")
        if rest[1:] == ["transitions"]:
            offered = [DONE] if issue["status"] == OPEN else [OPEN]
            if self.command == "GET":
                shown = [{"id": i, "name": n, "to": {"name": n, "statusCategory": {"key": c}}} for i, n, c in offered]
                return 200, {"transitions": shown}
            _only(body, {"transition"}, {"transition"})
            chosen = next((o for o in offered if body["transition"] == {"id": o[0]}), None)
            if chosen is None:
                raise Bad(400, "the transition is not offered")
            issue["status"] = chosen
            return 204, None
        if self.command != "PUT":
            raise Bad(405, "not that")
        _only(body, {"fields"}, {"fields"})
        _only(body["fields"], {"summary", "description"})
        self._summary(body["fields"]["summary"])
        check_adf(body["fields"]["description"])
        issue.update(body["fields"])
        return 204, None

    def _page(self, site: Atlassian, page_id: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        if page_id != PAGE:
            raise Bad(404, "no such page")
        page = site.page
        if self.command == "GET":
            if query.get("body-format") != ["storage"]:
                raise Bad(400, "ask for the storage format")
            stored = {"storage": {"representation": "storage", "value": page["value"]}}
            shown = {"id": PAGE, "status": "current", "title": page["title"], "version": {"number": page["number"]}}
            return 200, {**shown, "body": stored}
        if site.saved_by_others:
            site.saved_by_others -= 1
            page["number"] += 1
        _only(body, {"id", "status", "title", "body", "version"}, {"id", "status", "title", "body", "version"})
        _only(body["body"], {"representation", "value"}, {"representation", "value"})
        _only(body["version"], {"number", "message"}, {"number"})
        if body["id"] != PAGE or body["status"] != "current" or body["body"]["representation"] != "storage":
            raise Bad(400, "not this page")
        if body["version"]["number"] != page["number"] + 1:
            raise Bad(409, "Version must be incremented when updating a page")
        try:
            ET.fromstring(f"<page>{body['body']['value']}</page>")
        except ET.ParseError as e:
            raise Bad(400, "Error parsing xhtml") from e
        page.update(title=body["title"], number=page["number"] + 1, value=body["body"]["value"])
        return 200, {"id": PAGE, "version": {"number": page["number"]}}
