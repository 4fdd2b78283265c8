"""The built-in catalogue of the Cafe24 Admin API: operations, the resources a CRM team uses, and guides.

Facts (paths, scopes, limits, parameter and field names) lie in `data/endpoints.csv`, what we say about them in
`data/*.toml` and `data/guides/`. Does not belong here: the official page (see `official_page.py`), CRM articles.
"""

from functools import cache
from typing import Any

from cafe24_pipelines.knowledge.documents import Document
from cafe24_pipelines.knowledge.operations import (
    SHOWN_FIELDS,
    ApiOperation,
    ApiParameter,
    Limits,
    Note,
    endpoint_document,
    scope_ko,
)
from cafe24_pipelines.knowledge.package_data import csv_rows, markdown_files, toml_table
from cafe24_pipelines.names import API_DOCS

API_VERSION = "2026-03-01"
"""The newest version that the reference names; the catalogue describes it."""

CITED = "Cafe24 Admin API reference (developers.cafe24.com/docs/api/admin)"
ANALYTICS_CITED = "Cafe24 Analytics API (ca-api.cafe24data.com)"
OFF_THE_PAGE = ("Authentication", "Analytics")
"""Groups that the reference page describes elsewhere or not at all."""


def built_in() -> list[Document]:
    """Every document of the catalogue: operations in catalogue order, then resources, then guides."""
    return [*_endpoints(), *_resources(), *_guides()]


def beyond_the_page(document: Document) -> bool:
    """Whether an endpoint document describes an operation that the official page never lists."""
    return _group_of().get(document.document_id) in OFF_THE_PAGE


@cache
def operations() -> tuple[ApiOperation, ...]:
    """The operations of `endpoints.csv`, in its order."""
    meanings = {(row["name"], row["resource"]): row["meaning_ko"] for row in csv_rows("parameters.csv")}
    return tuple(_operation(row, meanings) for row in csv_rows("endpoints.csv"))


@cache
def notes() -> dict[str, Note]:
    """CRM notes of every operation by id: its own first, else its resource's, else its group's."""
    table, resources = toml_table("notes.toml"), toml_table("resources.toml")
    found = {}
    for op in operations():
        own, about = table["operation"].get(op.id, {}), resources.get(op.resource, {})
        use = own.get("use") or about.get("use") or table["group"].get(op.group, "")
        cautions = [*own.get("cautions", []), *_general_cautions(op)]
        tags = [*own.get("tags", []), *about.get("tags", [])]
        found[op.id] = Note(use, tuple(cautions), tuple(own.get("related", [])), tuple(tags), op.fields)
    return found


@cache
def titles() -> dict[str, str]:
    """Korean titles of every operation by id."""
    return {op.id: op.title for op in operations()}


@cache
def _group_of() -> dict[str, str]:
    return {op.id: op.group for op in operations()}


def _operation(row: dict[str, str], meanings: dict[tuple[str, str], str]) -> ApiOperation:
    """`meanings` by (parameter, resource); resource "" is the meaning a name has everywhere else."""
    resource, required, embeds = row["resource"], row["required"].split(), set(row["embeds"].split())
    names = dict.fromkeys([*required, *row["parameters"].split(), *row["embeds"].split()])
    parameters = tuple(
        ApiParameter(n, n in required, meanings.get((n, resource)) or meanings.get((n, ""), ""), embed=n in embeds)
        for n in names
    )
    limits = Limits(*(int(row[c]) if row[c] else None for c in ("bucket", "batch", "limit_max", "offset_max")))
    approved = "승인 앱 전용" in row["purpose_ko"]
    return ApiOperation(
        row["method"], row["path"], row["resource"],
        row["purpose_ko"].replace("(승인 앱 전용)", "").strip(), row["scope"], parameters, limits, row["group"],
        row["purpose_en"].replace("(approved apps only)", "").strip(),
        fields=tuple(row["fields"].split()), approved=approved,
    )  # fmt: skip


def _general_cautions(op: ApiOperation) -> list[str]:
    """What goes for every operation of a kind, said where a reader would trip over it."""
    found = []
    if op.group in ("Privacy", "Mileage", "Notification"):
        found.append("이 권한은 앱 심사에서 별도 승인을 요구할 수 있습니다. 403은 토큰을 갱신해도 풀리지 않습니다.")
    if op.limits.bucket and op.limits.bucket < 10:
        found.append("버킷이 작아 호출 사이를 0.5초 이상 띄웁니다.")
    if op.method == "DELETE":
        found.append("되돌릴 수 없으니 지우기 전에 조회로 대상을 확인합니다.")
    if op.group == "Analytics":
        found.append(
            "다른 호스트(ca-api.cafe24data.com)를 쓰며 승인된 파트너용입니다. "
            "응답의 최상위 키는 문서마다 다릅니다 (미확인)."
        )
    if op.resource == "suppliers-users-regionalsurcharges":
        found.append("최신 공식 목록에는 없는 API입니다. 지금도 제공되는지 (미확인).")
    return found


def _endpoints() -> list[Document]:
    related: dict[str, list[ApiOperation]] = {}
    for op in operations():
        related.setdefault(op.resource, []).append(op)
    names, described, found = titles(), notes(), []
    for op in operations():
        near = [i for i in described[op.id].related if i in names]
        near += [o.id for o in related[op.resource] if o.id != op.id and o.id not in near]
        source = ANALYTICS_CITED if op.group == "Analytics" else CITED
        pairs = [(i, names[i]) for i in near]
        found.append(endpoint_document(op, described[op.id], pairs, source=source, version=API_VERSION))
    return found


def _resources() -> list[Document]:
    by_resource: dict[str, list[ApiOperation]] = {}
    for op in operations():
        by_resource.setdefault(op.resource, []).append(op)
    table = toml_table("resources.toml")
    return [_resource(name, about, by_resource[name], table) for name, about in table.items()]


def _resource(name: str, about: dict[str, Any], ops: list[ApiOperation], table: dict[str, Any]) -> Document:
    fields = tuple(dict.fromkeys(f for op in ops for f in op.fields if f != "count"))
    scopes = tuple(dict.fromkeys(op.scope for op in ops if op.scope))
    sections = [
        f"# {about['title']}",
        f"{about['about']}",
        f"## CRM에서 쓰는 때\n\n{about['use']}",
        "## 작업\n\n" + "\n".join(f"- `{op.id}` {op.title}{_sizes(op)}" for op in ops),
        "## 알아 둘 점\n\n" + "\n".join(f"- {p}" for p in about["points"]),
        "## 권한\n\n" + ", ".join(f"`{s}`({scope_ko(s)})" for s in scopes) if scopes else "",
        "## 주요 필드\n\n" + ", ".join(f"`{f}`" for f in fields[:SHOWN_FIELDS]) if fields else "",
        "## 함께 볼 리소스\n\n" + "\n".join(f"- {r}: {_title(r, table)}" for r in about["related"]),
    ]
    tags = dict.fromkeys([*about["tags"], name])
    return Document(
        f"resource-{name}", API_DOCS, "resource", about["title"], "\n\n".join(s for s in sections if s), "ko",
        ANALYTICS_CITED if name.startswith("ca-") else CITED,
        resource=name, scope=",".join(scopes), version=API_VERSION, fields=",".join(fields), tags=",".join(tags),
    )  # fmt: skip


def _sizes(op: ApiOperation) -> str:
    said = []
    if op.limits.page:
        said.append(f"limit {op.limits.page}")
    if op.limits.offset:
        said.append(f"offset {op.limits.offset}")
    if (op.limits.batch or 1) > 1:
        said.append(f"한 번에 {op.limits.batch}건")
    if op.approved:
        said.append("승인 앱 전용")
    return f" ({', '.join(said)})" if said else ""


def _title(resource: str, table: dict[str, Any]) -> str:
    if resource in table:
        return str(table[resource]["title"])
    return next(op.title for op in operations() if op.resource == resource)


def _guides() -> list[Document]:
    return [
        Document(
            slug, API_DOCS, "guide", head["title"], f"# {head['title']}\n\n{body}", "ko", head.get("source", CITED),
            resource=head.get("resource", ""), version=API_VERSION, fields=head.get("fields", ""), tags=head["tags"],
        )
        for slug, head, body in markdown_files("guides")
    ]  # fmt: skip
