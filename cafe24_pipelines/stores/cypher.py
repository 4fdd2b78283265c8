"""The shared Cypher subset: what a query may say on either graph store, and how it is kept to one mall.

A query reads: clauses that write, load, call or administer are refused by name, whoever wrote the query (a person,
our own code, a language model). Node patterns stand in MATCH clauses only (also inside EXISTS { MATCH … }), so that
a store which holds several malls can restrict every one of them.

Does not belong here: a driver, or the meaning of a label.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from cafe24_pipelines.errors import Cafe24Error

READING: Final = frozenset(
    ["MATCH", "OPTIONAL", "WHERE", "WITH", "RETURN", "UNWIND", "ORDER", "SKIP", "LIMIT", "UNION"]
)
WRITING: Final = frozenset(
    [
        "CREATE",
        "MERGE",
        "SET",
        "DELETE",
        "DETACH",
        "NODETACH",
        "REMOVE",
        "FOREACH",
        "INSERT",
        "LOAD",
        "CALL",
        "USE",
        "COPY",
        "DROP",
        "ALTER",
    ]
)
_TOKEN = re.compile(
    r"""(?P<skip>\s+|//[^\n]*|/\*.*?\*/)
      | (?P<text>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")
      | (?P<quoted>`(?:``|[^`])*`)
      | (?P<param>\$\w+)
      | (?P<word>[^\W\d]\w*)
      | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
      | (?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)


class BadQuery(Cafe24Error):
    """A graph query that can't be run: it writes, is misspelt, takes too long, or lacks a parameter."""


@dataclass(frozen=True)
class Token:
    """A piece of a query; `kind` is skip, text, quoted, param, word, number or sign."""

    kind: str
    text: str


def tokens(cypher: str) -> list[Token]:
    """The query cut into tokens that join to the same text again."""
    return [Token(str(m.lastgroup), m.group()) for m in _TOKEN.finditer(cypher)]


def check_reading(cypher: str) -> None:
    """Refuse what is not a single read-only query of the shared subset.

    Raises:
        BadQuery: names the clause and says what to write instead.
    """
    found = [t for t in tokens(cypher) if t.kind != "skip"]
    if found and found[-1].text == ";":
        found.pop()
    if not found or found[0].text.upper() not in ("MATCH", "OPTIONAL", "UNWIND", "WITH", "RETURN"):
        raise BadQuery(
            f"{found[0].text if found else 'nothing'!r} can't begin a graph query: queries only read",
            remedy="begin with MATCH, UNWIND, WITH or RETURN",
        )
    if "\\u" in cypher.lower():
        raise BadQuery("\\u escapes are not in the shared subset", remedy="write the character itself")
    for i, token in enumerate(found):
        if token.text == ";":
            raise BadQuery("a query holds one statement", remedy="send the statements one at a time")
        if token.text.upper() in WRITING and _is_clause(found, i):
            raise BadQuery(
                f"{token.text.upper()} is not allowed: graph queries only read",
                remedy="use MATCH, WHERE, WITH, UNWIND, RETURN, ORDER BY, SKIP and LIMIT",
            )
    _check_patterns(found)


def parameters(cypher: str) -> set[str]:
    """Names of the `$parameters` a query uses."""
    return {t.text[1:] for t in tokens(cypher) if t.kind == "param"}


def bind(cypher: str, mall_id: str, params: Mapping[str, Any] | None) -> dict[str, Any]:
    """The parameters the query uses, `$mall_id` among them.

    Raises:
        BadQuery: a parameter has no value (an engine may take it for null and find nothing, silently).
    """
    values = {**(params or {}), "mall_id": mall_id}
    used = parameters(cypher)
    if missing := sorted(used - set(values)):
        raise BadQuery(f"no value for ${', $'.join(missing)}", remedy="pass it in `params`")
    return {name: values[name] for name in sorted(used)}


def restrict(cypher: str, condition: str) -> str:
    """The query with `condition` on every node that its MATCH clauses name or leave unnamed.

    `condition` holds `{node}` where the node's variable goes; it becomes a predicate inside the node pattern.
    """
    pieces = tokens(cypher)
    out: list[str] = []
    unnamed, done = 0, 0
    for i, matching in enumerate(_in_match(pieces)):
        if i < done or pieces[i].text != "(" or not matching:
            out += [pieces[i].text] if i >= done else []
            continue
        done = _closing(pieces, i) + 1
        inside = "".join(p.text for p in pieces[i + 1 : done - 1])
        name = re.match(r"\s*([^\W\d]\w*|`[^`]*`)", inside)
        unnamed += not name
        variable = name.group(1) if name else f"unnamed_{unnamed}"
        body = inside if name else variable + inside
        out.append(f"({body.rstrip()} WHERE {condition.format(node=variable)})")
    return "".join(out)


def plain(value: Any) -> Any:
    """An engine's value as plain Python: whole decimals as int, times as aware UTC, containers inside likewise."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if value is None or isinstance(value, bool | int | float | str | date):
        return value
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items() if k not in ("_ID", "_SRC", "_DST", "_LABEL")}
    if isinstance(value, list | tuple | set):
        return [plain(v) for v in value]
    return str(value)


def _is_clause(found: list[Token], i: int) -> bool:
    """Whether a word stands as a clause, not as a property, label, map key or alias."""
    before = found[i - 1].text.upper() if i else ""
    after = found[i + 1].text if i + 1 < len(found) else ""
    return found[i].kind == "word" and before not in (".", ":", "|", "AS") and after != ":"


def _in_match(pieces: list[Token]) -> list[bool]:
    """For every token, whether it stands in a MATCH clause and outside a relationship's brackets."""
    solid = [i for i, t in enumerate(pieces) if t.kind != "skip"]
    found = [pieces[i] for i in solid]
    out = [False] * len(pieces)
    matching, brackets, outer = False, 0, []
    for k, token in enumerate(found):
        if token.text.upper() in READING and not brackets and _is_clause(found, k):
            matching = token.text.upper() in ("MATCH", "OPTIONAL")
        if brackets and token.text.upper() == "MATCH" and _is_clause(found, k):
            raise BadQuery("MATCH can't stand inside [ ]", remedy="match first, then collect with WITH or RETURN")
        if token.text == "{":
            outer.append(matching)
        elif token.text == "}" and outer:
            matching = outer.pop()  # EXISTS { MATCH … } ends here, and its MATCH with it
        brackets += (token.text == "[") - (token.text == "]")
        out[solid[k]] = matching and not brackets
    return out


def _closing(pieces: list[Token], start: int) -> int:
    """Where the parenthesis at `start` closes."""
    depth = 0
    for i in range(start, len(pieces)):
        depth += (pieces[i].text == "(") - (pieces[i].text == ")")
        if depth == 0:
            return i
    raise BadQuery("a parenthesis is not closed", remedy="count the parentheses of the MATCH clause")


def _check_patterns(found: list[Token]) -> None:
    """Path patterns only in MATCH, plain ones: anything else would escape a store's restriction to one mall."""
    inside, done = _in_match(found), 0
    for i, token in enumerate(found):
        after = "".join(t.text for t in found[i + 1 : i + 4])
        if token.text == ")" and after.startswith(("-[", "<-[", "-->", "<--", "--(")) and not inside[i]:
            raise BadQuery(
                "a path pattern stands outside MATCH",
                remedy="put it in a MATCH clause, or in EXISTS { MATCH … }",
            )
        if i < done or not inside[i] or token.text != "(":
            continue
        before = found[i - 1]
        done = _closing(found, i) + 1
        nested = (
            any(t.text.upper() == "WHERE" and t.kind == "word" for t in found[i:done]) or found[i + 1].text == "("
        )
        if nested or (before.kind == "word" and before.text.upper() != "MATCH"):
            raise BadQuery(
                "only plain node patterns stand in MATCH: no functions, groups or WHERE inside the parentheses",
                where=" ".join(t.text for t in found[i - 1 : done]),
                remedy="write the path out, and conditions in a WHERE clause",
            )
