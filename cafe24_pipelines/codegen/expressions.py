"""What the expressions of a snippet may be: folding of texts, dictionaries and calls, HTTP calls noted on the way.

Does not belong here: statements and scopes (`walk.py`), which calls are right (`check.py`).
"""

import ast
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.codegen import http_calls
from cafe24_pipelines.codegen.values import (
    ANYTHING,
    TOKEN,
    WHOLE,
    Client,
    Const,
    Data,
    Dict,
    Function,
    Hole,
    Member,
    Method,
    Module,
    Seq,
    Text,
    Unknown,
    Value,
    either,
    joined,
    options,
    taints,
)

if TYPE_CHECKING:
    from cafe24_pipelines.codegen.walk import Scope, Walker

_SHOWS: Final = frozenset(
    ("str", "repr", "list", "tuple", "set", "sorted", "dict", "reversed", "next", "iter", "enumerate", "zip", "min",
     "max", "format", "map", "filter", "json.dumps", "json.loads", "collections.Counter", "collections.OrderedDict",
     "collections.deque", "itertools.chain", "itertools.islice", "functools.reduce", "SystemExit", "Exception",
     "ValueError", "RuntimeError", "KeyError", "TypeError", "AssertionError")
)  # fmt: skip
"""Functions whose result shows what they are given."""


_TELLS_LITTLE: Final = frozenset(("count", "index", "find", "startswith", "endswith", "isdigit", "total"))
"""Methods whose result shows nothing of their owner."""


class Expressions:
    """Evaluates expressions for one walker."""

    def __init__(self, walker: "Walker") -> None:
        self.walker = walker

    def value(self, node: ast.expr, scope: "Scope") -> Value:  # noqa: PLR0911  one form of expression each
        """What an expression may be."""
        match node:
            case ast.Constant(value=v):
                return Const(v) if isinstance(v, (str, int, float, bool)) or v is None else ANYTHING
            case ast.Name(id=name):
                return scope.get(name, Member("builtins", name))
            case ast.Attribute(value=owner, attr=attr):
                return either(self._attribute(o, attr) for o in options(self.value(owner, scope)))
            case ast.Subscript(value=owner, slice=index):
                at = self.value(index, scope)
                return either(self._item(o, at) for o in options(self.value(owner, scope)))
            case ast.JoinedStr(values=parts):
                return joined([self._part(p, scope) for p in parts])
            case ast.Dict():
                return self._dict(node, scope)
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
                return self._sequence(parts, scope)
            case ast.Call():
                return self._call(node, scope)
            case _:
                return self._other(node, scope)

    def members(self, value: Value) -> Value:
        """What iterating over a value gives."""
        found: list[Value] = []
        for one in options(value):
            match one:
                case Seq(members):
                    found.extend(members or (ANYTHING,))
                case Data():
                    found.append(Data())
                case Dict(items):
                    found.extend(Const(k) for k in items)
                case _:
                    found.append(Unknown(taints(one)))
        return either(found)

    def _part(self, node: ast.expr, scope: "Scope") -> Value:
        """A part of an f-string; one that is formatted as a number shows no more than a number."""
        if not isinstance(node, ast.FormattedValue):
            return self.value(node, scope)
        value = self.value(node.value, scope)
        number = isinstance(node.format_spec, ast.JoinedStr) and ast.unparse(node.format_spec)[-2:-1] in ",_dfeg%"
        return ANYTHING if number else value

    # -- parts -----------------------------------------------------------------------------------------------

    def _other(self, node: ast.expr, scope: "Scope") -> Value:  # noqa: PLR0911
        match node:
            case ast.BinOp(left=left, op=op, right=right):
                return self._combined(self.value(left, scope), op, self.value(right, scope))
            case ast.BoolOp(values=sides):
                return either([self.value(side, scope) for side in sides])
            case ast.IfExp(test=test, body=yes, orelse=no):
                self.value(test, scope)
                return either([self.value(yes, scope), self.value(no, scope)])
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                value = self.value(inner, scope)
                return Const(not value.value) if isinstance(value, Const) else ANYTHING
            case ast.Lambda():
                return self.walker.define(node, scope)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                return self._comprehension(node, scope)
            case ast.NamedExpr(target=target, value=given):
                value = self.value(given, scope)
                self.walker.assign(target, value, scope)
                return value
            case ast.Yield(value=given):
                if given is not None:
                    self._yielded(self.value(given, scope), scope)
                return ANYTHING
            case ast.YieldFrom(value=given):
                self._yielded(self.members(self.value(given, scope)), scope)
                return ANYTHING
            case ast.Starred(value=given):
                return self.members(self.value(given, scope))
            case _:
                parts = [self.value(c, scope) for c in ast.iter_child_nodes(node) if isinstance(c, ast.expr)]
                shown: frozenset[str] = frozenset() if isinstance(node, ast.Compare) else _all_taints(parts)
                return Unknown(shown)

    def _yielded(self, value: Value, scope: "Scope") -> None:
        """What a generator yields is a member of what calling it returns."""
        given = scope.get("return")
        if isinstance(given, Seq):
            stream = next((m for m in given.members if isinstance(m, Seq) and not m.exact), None)
            if stream is None:
                given.members = (*given.members, Seq((value,), exact=False))
            else:
                stream.members = tuple(options(either([*stream.members, value])))

    def _combined(self, left: Value, op: ast.operator, right: Value) -> Value:
        if isinstance(op, ast.Add):
            if all(isinstance(v, Const) and isinstance(v.value, (int, float)) for v in (left, right)):
                return Const(left.value + right.value)  # type: ignore[attr-defined]
            if _is_text(left) or _is_text(right):
                return joined([left, right])
            if isinstance(left, Seq) and isinstance(right, Seq):
                return Seq(left.members + right.members, exact=left.exact and right.exact)
        if isinstance(op, ast.BitOr) and isinstance(left, Dict):
            return self._merged([left, right])
        return Unknown(taints(left) | taints(right))

    def _dict(self, node: ast.Dict, scope: "Scope") -> Value:
        made = Dict()
        for key, given in zip(node.keys, node.values, strict=True):
            value = self.value(given, scope)
            if key is None:
                self._pour(made, value)
                continue
            names = [k.value for k in options(self.value(key, scope)) if isinstance(k, Const)]
            for name in names:
                made.put(str(name), value)
            made.open = made.open or not names
        return made

    def _merged(self, values: list[Value]) -> Dict:
        made = Dict()
        for value in values:
            self._pour(made, value)
        return made

    def _pour(self, into: Dict, value: Value) -> None:
        """Add the keys of every dictionary that the value may be."""
        for one in options(value):
            if isinstance(one, Dict):
                for key, held in one.items.items():
                    into.put(key, held)
                into.open = into.open or one.open
            elif one != Const(None):
                into.open = True
                if shown := taints(one):
                    into.put("", Unknown(shown))

    def _sequence(self, parts: list[ast.expr], scope: "Scope") -> Value:
        starred = any(isinstance(p, ast.Starred) for p in parts)
        return Seq(tuple(self.value(p, scope) for p in parts), exact=not starred)

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, scope: "Scope"
    ) -> Value:
        inner = dict(scope)
        for part in node.generators:
            self.walker.assign(part.target, self.members(self.value(part.iter, inner)), inner)
            for test in part.ifs:
                self.value(test, inner)
        if isinstance(node, ast.DictComp):
            key, held = self.value(node.key, inner), self.value(node.value, inner)
            made = Dict(open=not isinstance(key, Const))
            made.put(str(key.value) if isinstance(key, Const) else "", held)
            return made
        return Seq((self.value(node.elt, inner),), exact=False)

    def _attribute(self, owner: Value, attr: str) -> Value:
        match owner:
            case Module(name):
                return Member(name, attr)
            case Member(module, name) if module != "builtins":
                return Member(f"{module}.{name}", attr)
            case _:
                return Method(owner, attr)

    def _item(self, owner: Value, at: Value) -> Value:
        match _as_answer(owner), at:
            case Member("os", "environ"), Const(str(name)):
                return from_environment(name)
            case Dict(items), Const(key) if str(key) in items:
                return items[str(key)]
            case Seq(members, True), Const(int(i)) if -len(members) <= i < len(members):
                return members[i]
            case Data(), _:
                return _field(at)
            case Seq(members), _:
                return either(members) if members else ANYTHING
            case _:
                return Unknown(taints(owner))

    # -- calls -----------------------------------------------------------------------------------------------

    def _call(self, node: ast.Call, scope: "Scope") -> Value:
        args = [self.value(a, scope) for a in node.args]
        named: dict[str, Value] = {}
        for keyword in node.keywords:
            value = self.value(keyword.value, scope)
            if keyword.arg is not None:
                named[keyword.arg] = value
            else:
                for one in options(value):
                    named |= one.items if isinstance(one, Dict) else {"**": ANYTHING}
        callee = self.value(node.func, scope)
        return either(self._called(one, args, dict(named), node) for one in options(callee))

    def _called(  # noqa: PLR0911
        self, callee: Value, args: list[Value], named: dict[str, Value], node: ast.Call
    ) -> Value:
        match callee:
            case Function():
                return self.walker.call_function(callee, args, named)
            case Member("httpx", name):
                return http_calls.of_module(self.walker, name, args, named, node)
            case Method(Client() as client, name):
                return http_calls.of_client(self.walker, client, name, args, named, node)
            case Member("os.environ", "get") | Member("os", "getenv"):
                return either([from_environment(str(a.value)) for a in args[:1] if isinstance(a, Const)] + args[1:])
            case Member("builtins", "print"):
                self.walker.seen.printed += [(a, node.lineno) for a in (*args, *named.values())]
                return Const(None)
            case Method(owner, name):
                return self._method(owner, name, args, named, node)
            case Member(module, name):
                return self._outside(name if module == "builtins" else f"{module}.{name}", args, named, node)
            case _:
                return self._outside("", args, named, node)

    def _outside(self, name: str, args: list[Value], named: dict[str, Value], node: ast.Call) -> Value:
        """A call of what isn't the snippet's own; what it is handed may be called there."""
        given = [*args, *named.values()]
        for value in given:
            for one in options(value):
                if isinstance(one, Function):
                    self.walker.call_function(one, [], {}, unknown=True)
                elif one == Member("builtins", "print"):
                    self.walker.found(
                        "printing", "print를 다른 함수에 넘기면 무엇이 출력되는지 알 수 없습니다.", node
                    )
                elif isinstance(one, Client) or (isinstance(one, Member) and one.module.startswith("httpx")):
                    self.walker.found("calls", "HTTP 호출을 다른 함수에 넘기면 무엇을 부르는지 알 수 없습니다.", node)
        if name == "dict":
            return self._merged([*args, Dict(dict(named))])
        if name in ("list", "tuple", "sorted", "set", "reversed", "iter") and args:
            return Seq((self.members(args[0]),), exact=False)
        if name == "str" and args:
            return joined(args[:1])
        return Unknown(_all_taints(given) if name in _SHOWS else frozenset())

    def _method(  # noqa: PLR0911
        self, owner: Value, name: str, args: list[Value], named: dict[str, Value], node: ast.Call
    ) -> Value:
        owner = _as_answer(owner)
        match owner, name:
            case Dict(), "update":
                for extra in [*args, Dict(dict(named))]:
                    self._pour(owner, extra)
                return Const(None)
            case Dict(), "copy":
                return self._merged([owner])
            case Dict(items), "get" | "pop" | "setdefault":
                return self._read_key(owner, items, args, name)
            case Dict(items), "items":
                return Seq(tuple(Seq((Const(k), v)) for k, v in items.items()), exact=not owner.open)
            case Dict(items), "values":
                return Seq(tuple(items.values()), exact=not owner.open)
            case Seq(), "append" | "add" | "extend":
                more = args if name != "extend" else [self.members(a) for a in args]
                owner.members, owner.exact = (*owner.members, *more)[:64], False
                return Const(None)
            case Data(), "get":
                return _field(args[0] if args else ANYTHING)
            case Data(), "items" | "values" | "copy" | "json":
                return Data()
        return self._of_text(owner, name, args, named, node)

    def _read_key(self, owner: Dict, items: dict[str, Value], args: list[Value], name: str) -> Value:
        key = args[0] if args else ANYTHING
        if not isinstance(key, Const):
            owner.open = owner.open or name == "setdefault"
            return either([*items.values(), ANYTHING])
        if name == "setdefault":
            owner.put(str(key.value), args[1] if len(args) > 1 else Const(None))
        return either([items.get(str(key.value), ANYTHING), *args[1:2]])

    def _of_text(self, owner: Value, name: str, args: list[Value], named: dict[str, Value], node: ast.Call) -> Value:
        """Methods of texts; anything else is unknown."""
        if name in ("rstrip", "strip", "lstrip", "removesuffix", "removeprefix") and _is_text(owner):
            if isinstance(owner, Const) and all(isinstance(a, Const) for a in args):
                return Const(getattr(str(owner.value), name)(*(str(a.value) for a in args)))  # type: ignore[attr-defined]
            return owner
        if name == "format" and isinstance(owner, Const) and isinstance(owner.value, str):
            return _formatted(owner.value, args, named)
        if name == "join" and isinstance(owner, Const) and args and isinstance(args[0], Seq):
            if not args[0].exact:
                return Unknown(taints(args[0]))
            pieces: list[Value] = []
            for i, member in enumerate(args[0].members):
                pieces += [owner, member] if i else [member]
            return joined(pieces)
        handed = self._outside("", args, named, node)
        return handed if name in _TELLS_LITTLE else Unknown(taints(owner) | taints(handed))


def _as_answer(value: Value) -> Value:
    """What may be a whole answer or row, among too many others to tell, is read as one."""
    return Data() if isinstance(value, Unknown) and WHOLE in value.tainted else value


def _field(key: Value) -> Value:
    """A field of an answer, as far as its name is known."""
    names = [k.value if isinstance(k, Const) and isinstance(k.value, str) else "" for k in options(key)]
    return either(Data(name) for name in names)


def from_environment(name: str) -> Value:
    """A variable of the environment."""
    return Text((Hole(env=name, tainted=frozenset([TOKEN] if name == TOKEN else [])),))


def _formatted(template: str, args: list[Value], named: dict[str, Value]) -> Value:
    from string import Formatter

    pieces: list[Value] = []
    try:
        for at, (fixed, name, _, _) in enumerate(Formatter().parse(template)):
            pieces.append(Const(fixed))
            if name is not None:
                index = int(name) if name.isdigit() else at
                pieces.append(named[name] if name in named else args[index] if index < len(args) else ANYTHING)
    except ValueError:
        return ANYTHING
    return joined(pieces)


def _is_text(value: Value) -> bool:
    return any(isinstance(v, Text) or (isinstance(v, Const) and isinstance(v.value, str)) for v in options(value))


def _all_taints(values: list[Value]) -> frozenset[str]:
    return frozenset().union(*(taints(v) for v in values))
