"""Reading a snippet without running it: every HTTP call that it can make, with what is known of its parts.

An abstract interpreter over the AST: both sides of a branch are taken, loops twice, functions at every place where
they are called (and once on their own when nobody calls them). A call's address and parameters are folded from
constants, f-strings, `+`, `join` and `format`. What can't be followed becomes a finding, never a guess.
Does not belong here: what is allowed in a snippet (`rules.py`), the catalogue (`check.py`), expressions
(`expressions.py`).
"""

import ast
from dataclasses import dataclass, field
from typing import Final

from cafe24_pipelines.codegen.values import (
    ANYTHING,
    Const,
    Data,
    Dict,
    Function,
    Member,
    Module,
    Seq,
    Unknown,
    Value,
    either,
    options,
)

MOST_STEPS: Final = 8_000
DEEPEST: Final = 10


class TooComplex(Exception):
    """The snippet is larger than can be followed."""


@dataclass(frozen=True)
class HttpCall:
    """One HTTP call as far as it is known. `live` when it is reached with the constants as they stand."""

    method: Value
    url: Value
    base: Value | None
    headers: tuple[Value, ...]
    params: tuple[Value, ...]
    body: Value | None
    line: int
    live: bool


@dataclass(frozen=True)
class Finding:
    """Something wrong at a line; `rule` names the check that it belongs to, `text` is Korean."""

    rule: str
    text: str
    line: int

    def __str__(self) -> str:
        return f"{self.line}번째 줄: {self.text}"


@dataclass
class Walk:
    """What the reading found."""

    calls: list[HttpCall] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    printed: list[tuple[Value, int]] = field(default_factory=list)


Scope = dict[str, Value]


class Walker:
    """Walks one module. Expressions are `Expressions`' business; this class knows statements and scopes."""

    def __init__(self) -> None:
        from cafe24_pipelines.codegen.expressions import Expressions

        self.seen = Walk()
        self.functions: dict[int, Function] = {}
        self.called: set[int] = set()
        self.stack: list[int] = []
        self.steps = 0
        self.live = True
        self.expressions = Expressions(self)

    def module(self, tree: ast.Module) -> Walk:
        """Everything the module can do."""
        scope: Scope = {"__name__": Const("__main__")}
        self.block(tree.body, scope)
        self.live = False
        for key, function in list(self.functions.items()):
            if key not in self.called:
                self.call_function(function, [], {}, unknown=True)
        return self.seen

    def found(self, rule: str, text: str, node: ast.AST) -> None:
        """Note something wrong, once."""
        finding = Finding(rule, text, getattr(node, "lineno", 0))
        if finding not in self.seen.findings:
            self.seen.findings.append(finding)

    def value(self, node: ast.expr | None, scope: Scope) -> Value:
        """What an expression may be."""
        return ANYTHING if node is None else self.expressions.value(node, scope)

    # -- functions -------------------------------------------------------------------------------------------

    def define(self, node: ast.FunctionDef | ast.Lambda, scope: Scope) -> Function:
        """A function value; one per definition and scope."""
        function = Function(node, scope)
        self.functions.setdefault(id(node), function)
        return function

    def call_function(
        self, function: Function, args: list[Value], named: dict[str, Value], *, unknown: bool = False
    ) -> Value:
        """What a function of the snippet gives back when it is called so."""
        node, key = function.node, id(function.node)
        self.called.add(key)
        self.functions.setdefault(key, function)
        if key in self.stack or len(self.stack) >= DEEPEST:
            return ANYTHING
        self.stack.append(key)
        scope = {**function.scope, **self._bound(function, args, named, unknown=unknown)}
        live = self.live
        if isinstance(node, ast.Lambda):
            result = self.value(node.body, scope)
        else:
            scope["return"] = Seq((), exact=False)
            self.block(node.body, scope)
            given = scope["return"]
            result = either(given.members) if isinstance(given, Seq) and given.members else Const(None)
        self.live = live
        self.stack.pop()
        return result

    def _bound(self, function: Function, args: list[Value], named: dict[str, Value], *, unknown: bool) -> Scope:
        spec = function.node.args
        names = [a.arg for a in (*spec.posonlyargs, *spec.args)]
        bound: Scope = dict.fromkeys([*names, *(a.arg for a in spec.kwonlyargs)], ANYTHING)
        for name, default in zip(names[len(names) - len(spec.defaults) :], spec.defaults, strict=True):
            bound[name] = self.value(default, function.scope)
        for only, standard in zip(spec.kwonlyargs, spec.kw_defaults, strict=True):
            if standard is not None:
                bound[only.arg] = self.value(standard, function.scope)
        if not unknown:
            bound |= dict(zip(names, args, strict=False)) | {k: v for k, v in named.items() if k in bound}
        if spec.vararg:
            bound[spec.vararg.arg] = Seq(tuple(args[len(names) :]), exact=not unknown)
        if spec.kwarg:
            extra = {k: v for k, v in named.items() if k not in names}
            bound[spec.kwarg.arg] = Dict(extra, open=unknown)
        return bound

    # -- statements ------------------------------------------------------------------------------------------

    def block(self, body: list[ast.stmt], scope: Scope) -> bool:
        """Walk statements in order; True when the block surely ends here (return, raise, continue, break)."""
        live, ended = self.live, False
        for statement in body:
            self.steps += 1
            if self.steps > MOST_STEPS:
                raise TooComplex
            if self.statement(statement, scope):
                ended = True
                self.live = False
        self.live = live
        return ended

    def statement(self, node: ast.stmt, scope: Scope) -> bool:
        """Walk one statement; True when nothing after it in its block is reached."""
        match node:
            case ast.FunctionDef():
                scope[node.name] = self.define(node, scope)
            case ast.Return():
                self._give_back(self.value(node.value, scope) if node.value else Const(None), scope)
                return True
            case ast.Raise():
                self.seen.printed.append((self.value(node.exc, scope), node.lineno))  # its text ends on the screen
                return True
            case ast.Continue() | ast.Break():
                return True
            case ast.If():
                return self._branch(node, scope)
            case ast.For() | ast.While():
                self._loop(node, scope)
            case ast.With():
                for item in node.items:
                    opened = self.value(item.context_expr, scope)
                    if item.optional_vars is not None:
                        self.assign(item.optional_vars, opened, scope)
                return self.block(node.body, scope)
            case ast.Try():
                self._attempt(node, scope)
            case _:
                self._simple(node, scope)
        return False

    def _simple(self, node: ast.stmt, scope: Scope) -> None:  # noqa: PLR0912  one form of statement each
        match node:
            case ast.Import(names=names):
                for alias in names:
                    scope[alias.asname or alias.name.split(".")[0]] = Module(alias.name)
            case ast.ImportFrom(module=module, names=names):
                for alias in names:
                    scope[alias.asname or alias.name] = Member(module or "", alias.name)
            case ast.Assign(targets=targets, value=given):
                value = self.value(given, scope)
                for target in targets:
                    self.assign(target, value, scope)
            case ast.AnnAssign(target=target, value=given):
                if given is not None:
                    self.assign(target, self.value(given, scope), scope)
            case ast.AugAssign(target=target, op=op, value=given):
                combined = ast.BinOp(left=_loaded(target), op=op, right=given)
                self.assign(target, self.value(ast.copy_location(combined, node), scope), scope)
            case ast.Expr(value=given):
                self.value(given, scope)
            case ast.Assert(test=test, msg=text):
                self.value(test, scope)
                self.seen.printed.append((self.value(text, scope), node.lineno))
            case ast.Pass() | ast.Delete():
                pass
            case _:
                self.found("form", f"{type(node).__name__} 구문은 검사할 수 없어 쓰지 않습니다.", node)

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Bind a target to a value."""
        match target:
            case ast.Name(id=name):
                scope[name] = value
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                self._unpack(parts, value, scope)
            case ast.Starred(value=inner):
                self.assign(inner, Seq((value,), exact=False), scope)
            case ast.Subscript(value=owner, slice=index):
                self._put(self.value(owner, scope), self.value(index, scope), value)
            case _:
                self.found("form", "속성에 값을 넣는 구문은 검사할 수 없어 쓰지 않습니다.", target)

    def _unpack(self, parts: list[ast.expr], value: Value, scope: Scope) -> None:
        for i, part in enumerate(parts):
            found: list[Value] = []
            for one in options(value):
                if isinstance(one, Seq) and one.exact and len(one.members) == len(parts):
                    found.append(one.members[i])
                elif isinstance(one, Seq) and one.members:
                    found.extend(one.members)
                else:
                    found.append(one if isinstance(one, Data) else ANYTHING)
            self.assign(part, either(found), scope)

    def _put(self, owner: Value, index: Value, value: Value) -> None:
        for one in options(owner):
            if isinstance(one, Dict):
                names = [k.value for k in options(index) if isinstance(k, Const) and isinstance(k.value, str)]
                for name in names:
                    one.put(name, value)
                one.open = one.open or len(names) < len(options(index))

    def _give_back(self, value: Value, scope: Scope) -> None:
        given = scope.get("return")
        if isinstance(given, Seq):
            given.members = (*given.members, value)

    # -- branches and loops ----------------------------------------------------------------------------------

    def _branch(self, node: ast.If, scope: Scope) -> bool:
        ends = self._both_ways(node, scope)
        if any(isinstance(v, Function) and v.scope is scope for v in scope.values()):
            # functions that were called within see the names of this scope: once more with what the branches set
            return self._both_ways(node, scope) and ends
        return ends

    def _both_ways(self, node: ast.If, scope: Scope) -> bool:
        test = self.value(node.test, scope)
        certain = bool(test.value) if isinstance(test, Const) else None
        live = self.live
        yes, no = dict(scope), dict(scope)
        self.live = live and certain is not False
        yes_ends = self.block(node.body, yes)
        self.live = live and certain is not True
        no_ends = self.block(node.orelse, no)
        self.live = live
        merged = [s for s, ended in ((yes, yes_ends), (no, no_ends)) if not ended] or [yes, no]
        _merge(scope, merged)
        return {True: yes_ends, False: no_ends, None: yes_ends and no_ends}[certain]

    def _loop(self, node: ast.For | ast.While, scope: Scope) -> None:
        if isinstance(node, ast.For):
            members = self.expressions.members(self.value(node.iter, scope))
        for _ in range(2):
            inner = dict(scope)
            if isinstance(node, ast.For):
                self.assign(node.target, members, inner)
            else:
                self.value(node.test, inner)
            self.block(node.body, inner)
            _merge(scope, [dict(scope), inner])
        self.block(node.orelse, scope)

    def _attempt(self, node: ast.Try, scope: Scope) -> None:
        self._ways(node, scope)
        self._ways(node, scope)  # as with branches

    def _ways(self, node: ast.Try, scope: Scope) -> None:
        ways = [dict(scope)]
        self.block(node.body, ways[0])
        for handler in node.handlers:
            inner = {**scope, **ways[0]}
            if handler.name:
                inner[handler.name] = Unknown()
            self.block(handler.body, inner)
            ways.append(inner)
        self.block(node.orelse, ways[0])
        _merge(scope, ways)
        self.block(node.finalbody, scope)


def _merge(scope: Scope, ways: list[Scope]) -> None:
    for name in {name for way in ways for name in way}:
        values = [way[name] for way in ways if name in way]
        merged = values[0] if all(v is values[0] for v in values) else either(values)
        scope[name] = merged


def _loaded(target: ast.expr) -> ast.expr:
    copied = ast.parse(ast.unparse(target), mode="eval").body
    return ast.copy_location(copied, target)
