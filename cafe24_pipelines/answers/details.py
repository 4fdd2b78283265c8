"""What a question wants of a document (its limit, its scope, a code, a parameter), and the lines that hold it.

Retrieval finds the document by what it is about; the line that answers often lies in another part of it than the one
that was found. Does not belong here: retrieval, or how a line is quoted (see `extractive.py`).
"""

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cafe24_pipelines.answers.ask import Services

MAX_LINES: Final = 4
"""Lines that are added to a passage."""

_CODE: Final = re.compile(r"(?<![A-Za-z0-9])(?:[A-Z]{1,2}\d{1,3}|\d{5}|[45]\d\d)(?![A-Za-z0-9-]|\s*(?:원|건|개|명))")

_ASKED: Final = tuple(
    (re.compile(question), re.compile(lines))
    for question, lines in (
        (
            r"한\s*번에|최대\s*몇|몇\s*(?:건|개|명|줄)\s*(?:씩|까지)|최대\s*(?:값|치|건수)|최대(?:는|가)",
            r"한 번에|limit.{0,6}최대|최대.{0,8}\d|\d+(?:건|개|명)까지",
        ),
        (r"호출\s*한도|초당|버킷|rate\s*limit|호출\s*제한|offset", r"호출 한도|초당|버킷|offset.{0,4}최대"),
        (r"권한|스코프|scope", r"권한\(scope\)|mall\.(?:read|write)_"),
        (r"필수", r"\(필수\)"),
        (
            r"유효\s*기간|수명|만료|몇\s*(?:개월|달|일|시간|분)|얼마\s*동안|언제까지",
            r"\d+\s*(?:개월|일|시간|분|주|년)",
        ),
    )
)  # fmt: skip


def asked_lines(question: str) -> tuple[re.Pattern[str], ...]:
    """Patterns of the lines that the question asks for, codes first; none when it asks for no single detail."""
    codes = tuple(
        re.compile(rf"(?<![A-Za-z0-9]){re.escape(code)}(?![A-Za-z0-9])")
        for code in dict.fromkeys(_CODE.findall(question))
    )
    return (*codes, *(lines for asked, lines in _ASKED if asked.search(question)))


def lines_of(question: str, document_ids: "Sequence[str]", services: "Services") -> dict[str, str]:
    """By document, the lines that hold what is asked for; documents without such a line are left out."""
    patterns = asked_lines(question)
    if not (patterns and document_ids):
        return {}
    named = {f"id_{i}": one for i, one in enumerate(document_ids)}
    listed = ", ".join(f"${name}" for name in named)
    table = services.lake.query(f"SELECT document_id, body FROM documents WHERE document_id IN ({listed})", named)
    found = {}
    for row in table.to_pylist():
        lines = [line for line in str(row["body"]).splitlines() if line.strip() and not line.startswith("#")]
        held = [line for pattern in patterns for line in lines if pattern.search(line)]
        if held:
            found[str(row["document_id"])] = "\n".join(list(dict.fromkeys(held))[:MAX_LINES])
    return found
