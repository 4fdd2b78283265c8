"""Documents cut into chunks along their structure, with ids that don't move.

A chunk lies within one section (heading path) and holds whole paragraphs, list items, code lines and table rows, up
to about 700 characters; a table that is cut repeats its head. Its id is derived from mall, document, heading path and
its own text (plus a count for repeated text), never from its position: editing a section leaves the ids of all
other sections alone. Beside these a document has chunks of what people say for it (see `sayings.py`): they are found
by that, and show how the document begins. Does not belong here: tokens and vectors.
"""

import re
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.names import INSIGHTS

if TYPE_CHECKING:
    from cafe24_pipelines.knowledge.documents import Document

TARGET_CHARACTERS = 700
_NAMESPACE = uuid.UUID("a3c7b1de-70a5-5f55-8e0b-6f8d2f1c9b11")
_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*$")
_ITEM = re.compile(r"^\s*([-*+]|\d+[.)])\s+")
_TABLE_RULE = re.compile(r"^\s*\|?\s*:?-{2,}:?\s*(\|\s*:?-{2,}:?\s*)*\|?\s*$")
_SENTENCE = re.compile(r"(?<=[.!?。])\s+|(?<=[다요죠])\.\s*|,\s+")


@dataclass(frozen=True)
class Chunk:
    """A piece of a document: `text` is what a reader is shown, `search_text` what is encoded.

    `said` is what people say for the document, when the chunk is found by that instead of its text; `named` are
    other names of what its text (a finding) speaks of, and stand beside it.
    """

    chunk_id: str
    mall_id: str
    heading: str
    text: str
    document: "Document"
    said: str = ""
    named: str = ""

    @property
    def search_text(self) -> str:
        """What is encoded (see `search_text`)."""
        d = self.document
        return search_text(
            {
                "title": d.title, "heading": self.heading, "method": d.method, "path": d.path,
                "tags": d.tags, "text": self.text, "said": self.said, "named": self.named,
            }
        )  # fmt: skip

    @cached_property
    def content_hash(self) -> str:
        """Hash of what is encoded; equal in every mall."""
        from cafe24_pipelines.stores.digest import text_digest

        return text_digest(self.search_text)

    def payload(self) -> dict[str, Any]:
        """What the vector store keeps beside the vectors, without the encoder's version."""
        d = self.document
        return {
            "mall_id": self.mall_id, "document_id": d.document_id, "kind": d.kind, "title": d.title,
            "heading": self.heading, "text": self.text, "language": d.language, "source": d.source,
            "resource": d.resource, "method": d.method, "path": d.path, "scope": d.scope,
            "version": d.version, "tags": d.tags, "said": self.said, "named": self.named,
            "content_hash": self.content_hash,
        }  # fmt: skip


def search_text(payload: Mapping[str, Any]) -> str:
    """Title, heading path, endpoint and tags before the text: a chunk is found by what its page is about.

    What people say stands under the title alone, so that it weighs.
    """
    if said := payload.get("said"):
        return f"{payload['title']}\n{said}"
    endpoint = f"{payload['method']} {payload['path']}".strip()
    names = payload.get("named", "")
    parts = (payload["title"], payload["heading"], endpoint, payload["tags"], names, payload["text"])
    return "\n".join(part for part in parts if part)


def chunk_documents(mall_id: str, documents: Iterable["Document"]) -> list[Chunk]:
    """Chunks of all documents, in reading order; the ids are unique and independent of the order of documents."""
    from cafe24_pipelines.knowledge.sayings import names_in, sayings
    from cafe24_pipelines.stores.digest import text_digest

    seen: Counter[tuple[str, ...]] = Counter()
    chunks = []
    for document in documents:
        pieces = list(_pieces(_body(document))) or [("", document.title)]
        heading, beginning = pieces[0]
        names = names_in(f"{document.title} {document.body}") if document.collection == INSIGHTS else ""
        found = [*((*piece, "") for piece in pieces), *((heading, beginning, said) for said in sayings(document))]
        for heading, text, said in found:
            place = (document.document_id, heading, text, *([said] if said else []))
            seen[place] += 1
            key = text_digest(mall_id, *place, str(seen[place]))
            chunks.append(Chunk(str(uuid.uuid5(_NAMESPACE, key)), mall_id, heading, text, document, said, names))
    return chunks


def _body(document: "Document") -> str:
    """The document's text; fields that it never names are added, so that a question by field name finds it."""
    body = document.body.strip()
    absent = [f for f in (name.strip() for name in document.fields.split(",")) if f and f not in body]
    return f"{body}\n\n## 필드\n\n{', '.join(absent)}" if absent else body


def _pieces(body: str) -> Iterator[tuple[str, str]]:
    """(heading path, text) of every chunk."""
    for heading, lines in _sections(body.splitlines()):
        packed: list[str] = []
        size = 0
        for block, joint in _blocks(lines):
            if packed and size + len(block) > TARGET_CHARACTERS:
                yield heading, "".join(packed).strip()
                packed, size = [], 0
            packed.append(block + joint)
            size += len(block) + len(joint)
        if text := "".join(packed).strip():
            yield heading, text


def _sections(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Lines under each heading, with the path of headings above ("주문 > 조회"); a `#` in code is no heading."""
    path: dict[int, str] = {}
    content: list[str] = []
    fenced = False
    for line in lines:
        fenced ^= line.lstrip().startswith("```")
        match = None if fenced else _HEADING.match(line)
        if match is None:
            content.append(line)
            continue
        yield " > ".join(path[k] for k in sorted(path)), content
        level = len(match[1])
        path = {k: v for k, v in path.items() if k < level} | {level: match[2]}
        content = []
    yield " > ".join(path[k] for k in sorted(path)), content


def _blocks(lines: list[str]) -> Iterator[tuple[str, str]]:
    """(block, what joins it to the next) of a section; no block but a table row is longer than the target."""
    for kind, group in _groups(lines):
        if kind == "table":
            yield from _table(group)
        elif kind in ("list", "code"):
            for n, line in enumerate(group):
                yield from _cut(line, "\n\n" if n == len(group) - 1 else "\n")
        else:
            yield from _cut("\n".join(group), "\n\n")


def _groups(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Consecutive lines of one kind: table rows, list items (with their continuation), code, paragraph."""
    group: list[str] = []
    kind = ""
    for line in [*lines, ""]:
        if kind == "code":
            group.append(line)
            if line.lstrip().startswith("```"):
                yield kind, group
                group, kind = [], ""
            continue
        new = _kind(line, kind)
        if new != kind and group:
            yield kind, group
            group = []
        kind = new
        if kind == "list" and group and not _ITEM.match(line):
            group[-1] += "\n" + line  # an item goes on
        elif kind:
            group.append(line)
    if group:  # a code fence that nobody closed
        yield kind, group


def _kind(line: str, before: str) -> str:
    if not line.strip():
        return ""
    if line.lstrip().startswith("```"):
        return "code"
    if line.lstrip().startswith("|"):
        return "table"
    if _ITEM.match(line) or (before == "list" and line.startswith((" ", "\t"))):
        return "list"
    return "text"


def _table(rows: list[str]) -> Iterator[tuple[str, str]]:
    """Rows in groups below the target, the head on top of each."""
    ruled = len(rows) > 1 and _TABLE_RULE.match(rows[1])
    head, body = (rows[:2], rows[2:]) if ruled else ([], rows)
    part = list(head)
    for row in body:
        if len(part) > len(head) and sum(map(len, part)) + len(row) > TARGET_CHARACTERS:
            yield "\n".join(part), "\n\n"
            part = list(head)
        part.append(row)
    if part:
        yield "\n".join(part), "\n\n"


def _cut(text: str, joint: str) -> Iterator[tuple[str, str]]:
    """The text whole, or cut after sentences, else clauses, else words, else characters."""
    while len(text) > TARGET_CHARACTERS:
        ends = [m.end() for m in _SENTENCE.finditer(text, 0, TARGET_CHARACTERS)]
        space = text.rfind(" ", 0, TARGET_CHARACTERS) + 1
        end = (ends[-1] if ends else 0) or space or TARGET_CHARACTERS
        yield text[:end].rstrip(), "\n"
        text = text[end:].lstrip()
    if text:
        yield text, joint
