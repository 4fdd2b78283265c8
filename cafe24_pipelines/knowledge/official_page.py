"""The official Admin API reference page, read into operations.

The page is one long Slate document: a resource opens with an `h2`, may list its properties, and then has a section
for every operation: heading, `METHOD path`, a table of scope and limits, a table of request parameters. Whatever
the page says is text to index, never an instruction. Does not belong here: fetching the page, CRM notes about it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from cafe24_pipelines.errors import BadInput
from cafe24_pipelines.knowledge.documents import Document
from cafe24_pipelines.knowledge.operations import ApiOperation, ApiParameter, Limits, Note, endpoint_document

if TYPE_CHECKING:
    from lxml.html import HtmlElement

PAGE_CITED = "Cafe24 Admin API reference (developers.cafe24.com/docs/api/admin)"
MAX_TEXT = 600
"""Longest description kept of one parameter or operation, in characters; code tables run far beyond it."""

_REMEDY = (
    "save https://developers.cafe24.com/docs/api/admin as HTML (or .html.gz) and name that file, "
    "or leave the setting empty to use the built-in catalogue"
)
_OPERATION = re.compile(r"^(GET|POST|PUT|DELETE|PATCH)\s+(/api/\S+)$")
_APPROVED = "특정 클라이언트만"


def parse_admin_page(
    html: bytes, *, source: str, notes: Mapping[str, Note] | None = None, titles: Mapping[str, str] | None = None
) -> list[Document]:
    """The page's operations as documents, in page order.

    Args:
        html: the page (UTF-8).
        source: file or address it came from, for messages.
        notes: CRM notes by document id, added to the operations they belong to.
        titles: Korean titles by document id; the page's own headings are English.

    Raises:
        BadInput: it is empty, not HTML, or another page.
    """
    operations = parse_operations(html, source=source)
    version = page_version(html)
    by_resource: dict[str, list[ApiOperation]] = {}
    for op in operations:
        by_resource.setdefault(op.resource, []).append(op)
    found = []
    for op in operations:
        note = (notes or {}).get(op.id, Note())
        title = (titles or {}).get(op.id, op.title)
        near = [(o.id, (titles or {}).get(o.id, o.title)) for o in by_resource[op.resource] if o.id != op.id]
        shown = ApiOperation(**{**vars(op), "title": title, "title_en": op.title if title != op.title else ""})
        found.append(endpoint_document(shown, note, near, source=PAGE_CITED, version=version))
    return found


def parse_operations(html: bytes, *, source: str) -> list[ApiOperation]:
    """Every operation of the page once, in page order.

    Raises:
        BadInput: it is empty, not HTML, or another page.
    """
    root = _root(html, source)
    found: dict[str, ApiOperation] = {}
    group = resource = ""
    fields: tuple[str, ...] = ()
    for element in root.iter("h1", "h2", "section"):
        if element.tag == "h1":
            group = _text(element) or group
        elif element.tag == "h2":
            resource, fields = (element.get("id") or "").replace("__", "-"), ()
        elif (place := _place(element)) is None:
            fields = tuple(name for name, _, _ in _rows(element, "Attribute")) or fields
        else:
            op = _operation(element, place, group, resource, fields)
            found.setdefault(op.id, op)
    if not found:
        raise BadInput("this is not the Admin API reference: no operation was found", where=source, remedy=_REMEDY)
    return list(found.values())


def page_version(html: bytes) -> str:
    """The API version the page says it describes (a date), "" when it says none."""
    match = re.search(rb'id="?(?:cur|latest)_version"?[^>]*?data-version="?(\d{4}-\d{2}-\d{2})', html)
    return match[1].decode() if match else ""


def _root(html: bytes, source: str) -> "HtmlElement":
    from lxml import etree
    from lxml import html as lxml_html

    if not html.strip():
        raise BadInput("the page is empty", where=source, remedy=_REMEDY)
    if b"\0" in html[:4096] or not re.search(rb"<(?:!doctype html|html|body|section)\b", html, re.IGNORECASE):
        raise BadInput("this is not an HTML page", where=source, remedy=_REMEDY)
    parser = lxml_html.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True)
    try:
        root = lxml_html.document_fromstring(html, parser=parser)
    except etree.LxmlError as e:
        raise BadInput("the HTML can't be read", where=source, remedy=_REMEDY) from e
    etree.strip_elements(root, "script", "style", "noscript", "template", with_tail=False)
    return root


def _place(section: "HtmlElement") -> tuple[str, str] | None:
    for link in section.xpath('.//p[@class="link"]'):
        if match := _OPERATION.match(_text(link)):
            return match[1], match[2]
    return None


def _operation(
    section: "HtmlElement", place: tuple[str, str], group: str, resource: str, fields: tuple[str, ...]
) -> ApiOperation:
    method, path = place
    spec = {_text(cell): _text(value) for _, value, cell in _rows(section, "Property")}
    scope = re.search(r"mall\.\w+", spec.get("SCOPE", ""))
    summary = " ".join(_text(p) for p in section.xpath(".//h6/following-sibling::p[not(@class)]"))
    parameters = tuple(_request_parameters(section))
    by_name = {p.name: p for p in parameters}
    limits = Limits(
        _number(spec.get("호출건수 제한", "")), _number(spec.get("1회당 요청건수 제한", "")),
        _maximum(by_name.get("limit")), _maximum(by_name.get("offset")),
    )  # fmt: skip
    heading = section.find(".//h3")
    title = (heading.get("data-text") or _text(heading)).strip() if heading is not None else f"{method} {path}"
    return ApiOperation(
        method, path, resource, title, scope[0] if scope else "", parameters, limits,
        group=group, summary=_plain(summary), approved=_APPROVED in summary,
        fields=fields if method == "GET" and not path.endswith("/count") else ("count",) if method == "GET" else (),
    )  # fmt: skip


def _rows(section: "HtmlElement", head: str) -> Iterator[tuple[str, "HtmlElement", "HtmlElement"]]:
    """(name, description cell, name cell) of the outermost tables whose first heading is `head`."""
    for table in section.xpath(".//table[not(ancestor::table)]"):
        first = table.find(".//th")
        if first is None or _text(first) != head:
            continue
        for row in table.xpath("./tr[count(td)=2] | ./tbody/tr[count(td)=2]"):
            cells = row.findall("td")
            if name := _name(cells[0]):
                yield name, cells[1], cells[0]


def _request_parameters(section: "HtmlElement") -> Iterator[ApiParameter]:
    for name, value, cell in _rows(section, "Parameter"):
        yield _request_parameter(name, value, cell)
        row = value.getparent().getnext()  # an object's children stand in the row below it, in a table of their own
        if row is not None and row.xpath("./td[@colspan]"):
            for child in row.xpath(".//table//tr[count(td)=2]"):
                cells = child.findall("td")
                if inner := _name(cells[0]):
                    yield _request_parameter(f"{name}.{inner}", cells[1], cells[0])


def _request_parameter(name: str, value: "HtmlElement", cell: "HtmlElement") -> ApiParameter:
    texts = [_text(p) for p in value.findall("p")] or [_text(value)]
    defaults = [t.removeprefix("DEFAULT").strip() for t in texts if t.startswith("DEFAULT")]
    description = " ".join(t for t in texts if t and not t.startswith("DEFAULT"))
    return ApiParameter(
        name,
        required=bool(cell.xpath('.//strong[@class="inner-mark"][normalize-space()="Required"]')),
        description=_plain(description),
        constraint=", ".join(_text(e) for e in cell.findall(".//em")),
        default=defaults[0] if defaults else "",
        embed=bool(cell.xpath('.//strong[@class="inner-mark-embed"]')),
    )


def _name(cell: "HtmlElement") -> str:
    """A field's name stands first in its cell, cut up by `wbr`; marks and constraints follow a `br` or paragraph."""
    match = re.match(r"[\w.\[\]-]+", _text(cell, stop=("br", "p", "em")))
    return match[0] if match else _text(cell, stop=("br", "p", "em"))


def _text(element: "HtmlElement", stop: tuple[str, ...] = ()) -> str:
    parts: list[str] = []
    _collect(element, parts, stop)
    return re.sub(r"\s+", " ", "".join(parts)).strip()


def _collect(element: "HtmlElement", parts: list[str], stop: tuple[str, ...]) -> bool:
    """Append the text in reading order; False once an element of `stop` was met."""
    parts.append(element.text or "")
    for child in element:
        if child.tag in stop:
            return False
        parts.append(" " if child.tag in ("br", "p", "div", "td", "tr", "li") else "")
        if not _collect(child, parts, stop):
            return False
        parts.append(child.tail or "")
    return True


def _plain(text: str) -> str:
    """Text that can't be taken for our headings or fences, cut at a length an index can use."""
    text = re.sub(r"(?:^|(?<=\s))#+(?=\s)|`{3,}", "", re.sub(r"\s+", " ", text)).strip()
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT].rsplit(" ", 1)[0] + " …"


def _number(text: str) -> int | None:
    match = re.search(r"\d+", text.replace(",", ""))
    return int(match[0]) if match else None


def _maximum(parameter: ApiParameter | None) -> int | None:
    match = re.search(r"최대값?\s*:\s*\[(\d+)\]", parameter.constraint) if parameter else None
    return int(match[1]) if match else None
