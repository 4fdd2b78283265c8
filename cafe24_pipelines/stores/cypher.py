"""The shared Cypher subset: what a query may say on either graph store, and how it is kept to one mall.

A query reads, and only in forms whose structure is known here: clause words are never names, node patterns stand in
MATCH alone (also inside EXISTS { MATCH … }), and every one of them is found. What isn't recognised is refused,
whoever wrote it (a person, our own code, a language model); so a store that holds several malls can restrict every
node that a query reaches, those inside a variable-length path too.

Does not belong here: a driver, or the meaning of a label.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final, NoReturn

from cafe24_pipelines.errors import Cafe24Error

CLAUSES: Final = frozenset(
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
KEYWORDS: Final = CLAUSES | WRITING | {"AS"}
"""Words that are never names, unless in backquotes: a name like a clause would hide where a clause begins."""
NOT_SHARED: Final = {
    "id": "use n.uid, the same in every store",
    "elementid": "use n.uid, the same in every store",
    "keys": "name the properties that you want",
    "properties": "return the node itself, or name the properties that you want",
    "shortestpath": "match a path of bounded length: MATCH p = (a)-[*1..4]->(b) … ORDER BY length(p) LIMIT 1",
    "allshortestpaths": "match a path of bounded length: MATCH p = (a)-[*1..4]->(b) … ORDER BY length(p) LIMIT 1",
}
"""Functions that are refused, and what to write instead."""
OF_PATHS: Final = frozenset(["NODES", "RELATIONSHIPS", "LENGTH"])
"""What may be asked of a path. A path itself comes back in each engine's own form, with what a store hides in it."""
SIGNS: Final = frozenset("()[]{}<>=~+-*/%^.,:|;") | {".."}
DEEPEST: Final = 100
"""Brackets inside brackets: more than any query needs, fewer than reading one by one call each can bear."""
PLAIN_PATTERNS: Final = "only plain patterns stand in MATCH: (name:Label {key: value})-[name:TYPE*1..3]->(…)"
OWN_PROPERTY: Final = ("properties that begin with _ are the store's own", "name another property")
_TOKEN = re.compile(
    r"""(?P<skip>[ \t\r\n\f\v]+|//[^\r\n]*|/\*.*?\*/)
      | (?P<text>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")
      | (?P<quoted>`(?:``|[^`])*`)
      | (?P<param>\$[^\W\d]\w*)
      | (?P<word>[^\W\d]\w*)
      | (?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
      | (?P<sign>\.\.|.)""",
    re.VERBOSE | re.DOTALL,
)


class BadQuery(Cafe24Error):
    """A graph query that can't be run: it writes, is misspelt, takes too long, or lacks a parameter."""


@dataclass(frozen=True)
class Token:
    """A piece of a query; `kind` is skip, text, quoted, param, word, number or sign."""

    kind: str
    text: str

    @property
    def key(self) -> str:
        """The text, a word in capitals: what the grammar goes by."""
        return self.text.upper() if self.kind == "word" else self.text


def tokens(cypher: str) -> list[Token]:
    """The query cut into tokens that join to the same text again."""
    return [Token(str(m.lastgroup), m.group()) for m in _TOKEN.finditer(cypher)]


def check_reading(cypher: str) -> None:
    """Refuse what is not a single read-only query of the shared subset.

    Raises:
        BadQuery: names what is refused and says what to write instead.
    """
    _Reader(cypher).query()


def parameters(cypher: str) -> set[str]:
    """Names of the `$parameters` a query uses."""
    return {t.text[1:] for t in tokens(cypher) if t.kind == "param"}


def bind(cypher: str, mall_id: str, params: Mapping[str, Any] | None) -> dict[str, Any]:
    """The parameters the query uses, `$mall_id` among them.

    Raises:
        BadQuery: a parameter has no value (an engine may take it for null and find nothing, silently), or its name
            is one that stores keep for themselves.
    """
    values = {**(params or {}), "mall_id": mall_id}
    used = parameters(cypher)
    if own := sorted(name for name in used if name.startswith("_")):
        raise BadQuery(f"${own[0]}: parameters that begin with _ are the store's own", remedy="name it differently")
    if missing := sorted(used - set(values)):
        raise BadQuery(f"no value for ${', $'.join(missing)}", remedy="pass it in `params`")
    return {name: values[name] for name in sorted(used)}


def restrict(cypher: str, condition: str) -> str:
    """The query with `condition` on every node that it reaches, named or not, also inside variable-length paths.

    `condition` holds `{node}` where the node's variable goes; it becomes a predicate inside the node pattern. A path
    `-[:T*1..3]->` becomes `((x WHERE …)-[:T]->(y WHERE …)){1,3}`, because a predicate on its two ends says nothing
    of the nodes between (Neo4j 5.9 and later; no plug-in).

    Raises:
        BadQuery: it is not of the shared subset.
    """
    reader = _Reader(cypher)
    reader.query()
    fresh = _fresh_names(cypher)
    texts = [piece.text for piece in reader.pieces]

    def restricted(name: str) -> str:
        return f"{name} WHERE {condition.format(node=name)}"

    for node in reader.nodes:
        name = node.name or next(fresh)
        texts[node.start] = "(" if node.name else f"({name}"
        texts[node.end] = f" WHERE {condition.format(node=name)})"
    for hops in reader.hops:
        texts[hops.star : hops.star_end] = [""] * (hops.star_end - hops.star)
        texts[hops.start] = f" (({restricted(next(fresh))}){texts[hops.start]}"
        texts[hops.end] += f"({restricted(next(fresh))})){hops.quantifier} "
    return "".join(texts)


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


# -- inside --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Node:
    """A node pattern: the places of its parentheses among the pieces, and its variable ("" when it has none)."""

    start: int
    end: int
    name: str


@dataclass(frozen=True)
class _Hops:
    """A variable-length relationship: its first and last piece, those of its `*1..3`, and that as a quantifier."""

    start: int
    end: int
    star: int
    star_end: int
    quantifier: str


class _Reader:
    """Reads a query's structure from left to right: clauses, patterns, and expressions as far as brackets go.

    `nodes` and `hops` are what it found; an expression holds no node but in EXISTS or COUNT { MATCH … }.
    """

    def __init__(self, cypher: str) -> None:
        self.pieces = tokens(cypher)
        self.nodes: list[_Node] = []
        self.hops: list[_Hops] = []
        self._paths: set[str] = set()
        _check_characters(cypher, self.pieces)
        self._solid = [i for i, t in enumerate(self.pieces) if t.kind != "skip"]
        self._at = 0

    def query(self) -> None:
        """One statement: reading clauses, joined by UNION."""
        if self._key() not in ("MATCH", "OPTIONAL", "UNWIND", "WITH", "RETURN"):
            raise BadQuery(
                f"{self._key() or 'nothing'!r} can't begin a graph query: queries only read",
                remedy="begin with MATCH, UNWIND, WITH or RETURN",
            )
        self._clauses()
        while self._skip("UNION"):
            self._skip("ALL")
            self._paths.clear()
            self._clauses()
        if self._skip(";") and self._key():
            self._refuse("a query holds one statement", "send the statements one at a time")
        if self._key():
            self._refuse(
                f"{self._key()} is not expected here", "count the brackets; after UNION [ALL] comes a clause"
            )

    # -- clauses and patterns --------------------------------------------------------------------------------

    def _clauses(self) -> None:
        while (key := self._key()) in CLAUSES - {"UNION"}:
            self._at += 1
            if key in ("OPTIONAL", "MATCH"):
                if key == "OPTIONAL":
                    self._expect("MATCH", "OPTIONAL stands before MATCH", "write OPTIONAL MATCH")
                self._match()
            else:
                self._expression("")

    def _match(self) -> None:
        self._path()
        while self._skip(","):
            self._path()
        if self._key() not in CLAUSES | {"", ";", "}"}:
            self._refuse(PLAIN_PATTERNS, "write the path out, and conditions in a WHERE clause")

    def _path(self) -> None:
        if self._key(1) == "=":
            self._paths.add(self._name().strip("`"))
            self._at += 1
        self._node()
        while self._key() in ("-", "<"):
            self._relationship()
            self._node()

    def _node(self) -> None:
        start = self._place()
        self._expect("(", PLAIN_PATTERNS, "write the path out; shortest, quantified and other paths are not shared")
        name = self._name() if self._kind() in ("word", "quoted") else ""
        self._labels()
        self._map()
        end = self._place()
        if self._key() in CLAUSES - {"WHERE"} | {""}:
            self._refuse("a parenthesis is not closed", "count the parentheses of the MATCH clause")
        self._expect(")", PLAIN_PATTERNS, "write conditions in a WHERE clause, and :A|B for several labels")
        self.nodes.append(_Node(start, end, name))

    def _relationship(self) -> None:
        start, star, quantifier = self._place(), (0, 0), ""
        self._skip("<")
        self._expect("-", PLAIN_PATTERNS, "write -[:TYPE]->, <-[:TYPE]- or -[:TYPE]-")
        if self._skip("["):
            if self._kind() in ("word", "quoted"):
                self._name()
            self._labels()
            if self._key() == "*":
                star, quantifier = self._range()
            self._map()
            self._expect("]", PLAIN_PATTERNS, "write -[name:TYPE*1..3 {key: value}]-, conditions in a WHERE clause")
        self._expect("-", PLAIN_PATTERNS, "write -[:TYPE]->, <-[:TYPE]- or -[:TYPE]-")
        self._skip(">")
        if quantifier:
            self.hops.append(_Hops(start, self._place(-1), *star, quantifier))

    def _range(self) -> tuple[tuple[int, int], str]:
        """The places of `*1..3` (half open), and the same as a quantifier."""
        start = self._place()
        self._at += 1
        low = self._number()
        exact = not self._skip("..")
        high = "" if exact else self._number()
        places = (start, self._place(-1) + 1)
        if exact:
            return places, f"{{{low}}}" if low else "{1,}"
        return places, f"{{{low or 1},{high}}}"

    def _number(self) -> str:
        if self._kind() != "number":
            return ""
        self._at += 1
        return self.pieces[self._place(-1)].text

    def _labels(self) -> None:
        if not self._skip(":"):
            return
        self._name()
        while self._skip("|"):
            self._skip(":")
            self._name()
        if self._key() in (":", "&"):
            self._refuse("labels are alternatives", "write :A|B")

    # -- expressions -----------------------------------------------------------------------------------------

    def _map(self) -> None:
        """`{key: value, …}`, if one begins here."""
        if not self._skip("{") or self._skip("}"):
            return
        while True:
            if self._kind() not in ("word", "quoted") or self._key(1) != ":":
                self._refuse(
                    "braces hold `key: value`, or MATCH after EXISTS or COUNT",
                    "write EXISTS { MATCH … }, COUNT { MATCH … } or {name: n.name}",
                )
            if self._key().strip("`").startswith("_"):
                self._refuse(*OWN_PROPERTY)
            self._at += 2
            self._expression(",}")
            if self._skip("}"):
                return
            self._expect(",", "a brace is not closed", "count the braces")

    def _expression(self, ends: str) -> None:
        """Up to a sign of `ends`; without `ends`, up to the next clause or the end of the query or subquery."""
        while key := self._key():
            if key in ends or (not ends and key in (";", "}")):
                return
            if key in CLAUSES and not (key == "WHERE" and set(ends) & set(")]")):
                if not ends:
                    return
                self._refuse(
                    f"{key} can't stand inside brackets",
                    "put a clause outside of them, and a name that is a keyword into backquotes",
                )
            self._operand(key)
        if ends:
            self._refuse("a bracket is not closed", "count the brackets")

    def _operand(self, key: str) -> None:
        """The next piece of an expression, a bracket with all that it holds."""
        if key == "{":
            self._map()
        elif key in ("(", "["):
            self._at += 1
            self._expression(")" if key == "(" else "]")
            self._at += 1
            self._refuse_pattern(key)
        elif key in (")", "]"):
            self._refuse("a bracket is closed that was not opened", "count the brackets")
        elif key in ("EXISTS", "COUNT") and self._kind() == "word" and self._key(1) == "{":
            self._at += 2
            self._subquery()
        elif key == ".":
            self._property()
        else:
            self._word(key)

    def _word(self, key: str) -> None:
        """A word, number, text, parameter or operator."""
        kind = self._kind()
        if kind == "number" and (self._key(1) == "." or self._touches_word()):
            self._refuse("a number has a tail", "write 1.0 or 16 (not 1. or 0x10), and a space after it")
        if kind == "word" and key in WRITING:
            self._refuse(
                f"{key} is not allowed: graph queries only read",
                "use MATCH, WHERE, WITH, UNWIND, RETURN, ORDER BY, SKIP and LIMIT; a name goes into backquotes",
            )
        if key == "*" and self._key(-1) in ("RETURN", "WITH", "DISTINCT"):
            self._refuse("* as a list of columns is not in the shared subset", "name the columns")
        if kind in ("word", "quoted") and self.pieces[self._place()].text.strip("`") in self._paths:
            self._path_variable()
        if self._key(1) == "(":
            if kind == "quoted":
                self._refuse("functions are written without backquotes", "write size(n.name)")
            if instead := NOT_SHARED.get(key.lower()):
                self._refuse(f"{key.lower()}() is not in the shared subset", instead)
        operator = kind == "word" and key in ("STARTS", "ENDS") and self._key(1) == "WITH"
        self._at += 2 if operator else 1
        if kind == "word" and key == "AS":
            self._name()

    def _path_variable(self) -> None:
        if self._key(-1) != "(" or self._key(-2) not in OF_PATHS or self._key(1) != ")":
            self._refuse("a path is used as a value", "take nodes(p), relationships(p) or length(p) of it")

    def _property(self) -> None:
        """`.name` after a value; never a function of a plug-in, which could read anything."""
        self._at += 1
        if self._kind() not in ("word", "quoted"):
            self._refuse("a point stands without a property", "write n.name; numbers begin with a digit")
        if self._key().strip("`").startswith("_"):
            self._refuse(*OWN_PROPERTY)
        if self._key(1) == "(":
            self._refuse("functions with a point in their name are not in the shared subset", "compute it afterwards")
        self._at += 1

    def _subquery(self) -> None:
        """After `EXISTS {` or `COUNT {`: one MATCH with its WHERE."""
        what = "EXISTS { } and COUNT { } hold one MATCH, and its WHERE"
        self._expect("MATCH", what, "write EXISTS { MATCH (a)-[:T]->(b) WHERE … }")
        self._match()
        if self._skip("WHERE"):
            self._expression("}")
        self._expect("}", what, "write several of them, joined by AND")

    def _refuse_pattern(self, opened: str) -> None:
        """After `)`: a path pattern would match nodes outside MATCH."""
        after = "".join(self._key(i) for i in range(3))
        if opened == "(" and after.startswith(("-[", "<-[", "-->", "<--", "--(")):
            self._refuse("a path pattern stands outside MATCH", "put it in MATCH, or in EXISTS { MATCH … }")

    # -- tokens ----------------------------------------------------------------------------------------------

    def _place(self, ahead: int = 0) -> int:
        """Where the token stands among the pieces."""
        at = self._at + ahead
        return self._solid[at] if 0 <= at < len(self._solid) else len(self.pieces)

    def _kind(self) -> str:
        place = self._place()
        return self.pieces[place].kind if place < len(self.pieces) else ""

    def _key(self, ahead: int = 0) -> str:
        place = self._place(ahead)
        return self.pieces[place].key if place < len(self.pieces) else ""

    def _touches_word(self) -> bool:
        """Whether a word follows without a space: engines differ in where such a number ends."""
        after = self._place() + 1
        return after < len(self.pieces) and self.pieces[after].kind in ("word", "quoted", "number")

    def _skip(self, key: str) -> bool:
        if self._key() != key:
            return False
        self._at += 1
        return True

    def _expect(self, key: str, what: str, remedy: str) -> None:
        if not self._skip(key):
            self._refuse(what, remedy)

    def _name(self) -> str:
        """A variable, label, type or alias."""
        if self._kind() not in ("word", "quoted"):
            self._refuse("a name is missing", "write a name; labels and types can't be computed")
        if self._kind() == "word" and self._key() in KEYWORDS:
            self._refuse(f"{self._key()} is a keyword", f"as a name, write it in backquotes: `{self._key().lower()}`")
        self._at += 1
        return self.pieces[self._place(-1)].text

    def _refuse(self, what: str, remedy: str) -> NoReturn:
        near = "".join(t.text for t in self.pieces[max(0, self._place(-4)) : self._place(3)])
        raise BadQuery(what, where=" ".join(near.split()), remedy=remedy)


def _check_characters(cypher: str, pieces: list[Token]) -> None:
    """Refuse characters that engines read as something else: look-alike signs, spaces, letters and escapes."""
    if "\\u" in cypher.lower():
        raise BadQuery("\\u escapes are not in the shared subset", remedy="write the character itself")
    depth = 0
    for piece in pieces:
        depth += (piece.text in ("(", "[", "{")) - (piece.text in (")", "]", "}"))
        if depth > DEEPEST:
            raise BadQuery(f"more than {DEEPEST} brackets inside one another", remedy="ask in several queries")
        if piece.kind == "sign" and piece.text not in SIGNS:
            if piece.text in "'\"`":
                raise BadQuery(f"a text or name in {piece.text} is not closed", remedy="close it with the same sign")
            name = unicodedata.name(piece.text, "no name")
            raise BadQuery(
                f"{piece.text!r} (U+{ord(piece.text):04X}, {name}) is not in the shared subset",
                remedy="write plain spaces and ASCII signs; $ stands before a parameter's name",
            )
        folded = unicodedata.normalize("NFKC", piece.text).casefold().upper()
        if piece.kind == "word" and not piece.text.isascii() and {folded, piece.text.upper()} & KEYWORDS:
            raise BadQuery(f"{piece.text!r} only looks like {folded}", remedy="write it in plain letters")


def _fresh_names(cypher: str) -> Iterator[str]:
    """Names for unnamed nodes that the query doesn't use."""
    stem = "unnamed"
    while stem in cypher.lower():
        stem += "_"
    number = 0
    while True:
        number += 1
        yield f"{stem}_{number}"
