"""What a snippet may be made of: allow-lists of imports and names, and forms that can't be followed.

An allow-list of each module's names, because modules of the standard library carry others (`json.codecs`,
`statistics.sys`). Does not belong here: what HTTP calls say (`check.py`).
"""

import ast
import re
from collections.abc import Iterator
from typing import Final

from cafe24_pipelines.codegen.http_calls import NAMES as HTTPX
from cafe24_pipelines.codegen.values import TOKEN
from cafe24_pipelines.codegen.walk import Finding
from cafe24_pipelines.korean import particle

API_URL: Final = "CAFE24_API_URL"
ANALYTICS_URL: Final = "CAFE24_ANALYTICS_URL"
VARIABLES: Final = frozenset((API_URL, TOKEN, ANALYTICS_URL))
"""What a snippet may read of its environment."""

MODULES: Final[dict[str, frozenset[str]]] = {
    "httpx": HTTPX,
    "os": frozenset(("environ", "getenv")),
    "time": frozenset(("sleep", "time", "monotonic", "perf_counter")),
    "json": frozenset(("dumps", "loads", "JSONDecodeError")),
    "datetime": frozenset(("date", "datetime", "time", "timedelta", "timezone", "UTC")),
    "zoneinfo": frozenset(("ZoneInfo",)),
    "decimal": frozenset(("Decimal", "ROUND_HALF_UP")),
    "collections": frozenset(("Counter", "defaultdict", "OrderedDict", "deque")),
    "collections.abc": frozenset(("Iterator", "Iterable", "Mapping", "Sequence", "Callable", "Generator")),
    "itertools": frozenset(("chain", "islice", "groupby", "batched", "count", "product", "accumulate")),
    "functools": frozenset(("reduce",)),
    "math": frozenset(("ceil", "floor", "isnan", "isfinite", "sqrt", "inf")),
    "statistics": frozenset(("mean", "median", "fmean", "stdev", "quantiles")),
    "re": frozenset(("search", "match", "fullmatch", "sub", "findall", "compile")),
    "typing": frozenset(("Any", "Iterator", "Iterable", "Final", "Optional", "Dict", "List")),
    "__future__": frozenset(("annotations",)),
}
FORBIDDEN: Final = frozenset(
    ("exec", "eval", "compile", "open", "input", "breakpoint", "globals", "locals", "vars", "dir", "getattr",
     "setattr", "delattr", "hasattr", "memoryview", "help", "exit", "quit", "super", "classmethod", "staticmethod",
     "property", "object", "type", "id")
)  # fmt: skip
_DUNDER: Final = re.compile(r"__\w+__")
_FORMS: Final = (
    ast.ClassDef, ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await, ast.Global, ast.Nonlocal, ast.Match,
)  # fmt: skip


def broken_rules(tree: ast.Module) -> list[Finding]:
    """Everything in a snippet that is not allowed, in the order of the lines."""
    modules = _imported(tree)
    parents = {id(child): parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}
    found = [f for node in ast.walk(tree) for f in _of_node(node, modules, parents)]
    found += _token_uses(tree, parents)
    return sorted(found, key=lambda f: (f.line, f.text))


def _imported(tree: ast.Module) -> dict[str, str]:
    """Local name -> module, of plain imports."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {a.asname or a.name.split(".")[0]: a.name for a in node.names}
    return found


def _of_node(  # noqa: PLR0912  one form each
    node: ast.AST, modules: dict[str, str], parents: dict[int, ast.AST]
) -> Iterator[Finding]:
    line = getattr(node, "lineno", 0)
    match node:
        case ast.Import(names=names):
            for alias in names:
                if alias.name == "os" and alias.asname:
                    yield Finding("imports", "os는 다른 이름으로 부르지 않습니다.", line)
                if alias.name not in MODULES or "." in alias.name:
                    said = f"import {alias.name}{particle(alias.name, '은(는)')}"
                    yield Finding("imports", f"{said} 허용되지 않습니다.", line)
        case ast.ImportFrom(module=module, names=names, level=level):
            allowed = MODULES.get(module or "", frozenset()) if not level else frozenset()
            for alias in names:
                if module == "os" and alias.asname:
                    yield Finding("imports", "os는 다른 이름으로 부르지 않습니다.", line)
                if alias.name not in allowed:
                    said = f"from {module} import {alias.name}{particle(alias.name, '은(는)')}"
                    yield Finding("imports", f"{said} 허용되지 않습니다.", line)
        case ast.Name(id=name):
            yield from _of_name(node, name, modules, parents)
        case ast.Attribute(value=ast.Name(id=name), attr=attr) if name in modules:
            if attr not in MODULES.get(modules[name], frozenset()):
                yield Finding("imports", f"{modules[name]}.{attr}{particle(attr, '은(는)')} 허용되지 않습니다.", line)
        case ast.Attribute(attr="request" as attr) if not _called(node, parents):
            yield Finding("names", f"속성 {attr}에는 보낸 머리글이 들어 있어 쓰지 않습니다.", line)
        case ast.Attribute(attr=attr) if attr.startswith("_"):
            yield Finding("names", f"밑줄로 시작하는 속성 {attr}{particle(attr, '은(는)')} 쓸 수 없습니다.", line)
        case ast.Constant(value=str(text)) if _DUNDER.search(text) and text != "__main__":
            yield Finding("names", "이중 밑줄 이름이 들어 있는 글자는 쓸 수 없습니다.", line)
        case ast.FunctionDef(decorator_list=[_, *_]):
            yield Finding("form", "데코레이터는 쓸 수 없습니다.", line)
        case _ if isinstance(node, _FORMS):
            yield Finding("form", f"{type(node).__name__} 구문은 검사할 수 없어 쓰지 않습니다.", line)


def _called(node: ast.AST, parents: dict[int, ast.AST]) -> bool:
    outer = parents.get(id(node))
    return isinstance(outer, ast.Call) and outer.func is node


def _of_name(node: ast.Name, name: str, modules: dict[str, str], parents: dict[int, ast.AST]) -> Iterator[Finding]:
    if name in FORBIDDEN or (name.startswith("__") and name != "__name__"):
        yield Finding("names", f"{name}{particle(name, '은(는)')} 쓸 수 없습니다.", node.lineno)
    elif name in modules and not isinstance(parents.get(id(node)), ast.Attribute):
        yield Finding("names", f"모듈 {name}{particle(name, '을(를)')} 값으로 쓸 수 없습니다.", node.lineno)
    elif name in modules and isinstance(node.ctx, ast.Store):
        yield Finding("names", f"모듈 {name}의 이름을 다시 쓸 수 없습니다.", node.lineno)


def _token_uses(tree: ast.Module, parents: dict[int, ast.AST]) -> Iterator[Finding]:
    """The environment is read by fixed names alone, and the token stands behind "Bearer " and nowhere else."""
    holders: set[str] = set()
    for node in ast.walk(tree):
        if not _is_environment(node):
            continue
        read, name = _read_of(node, parents)
        line = getattr(node, "lineno", 0)
        if name not in VARIABLES:
            allowed = ", ".join(sorted(VARIABLES))
            yield Finding("environment", f"환경 변수는 {allowed}만 이름을 그대로 적어 읽습니다.", line)
        elif name == TOKEN:
            holder = parents.get(id(read))
            if isinstance(holder, ast.Assign) and all(isinstance(t, ast.Name) for t in holder.targets):
                holders |= {t.id for t in holder.targets if isinstance(t, ast.Name)}
            elif not _behind_bearer(read, parents):
                yield Finding("environment", "토큰은 Authorization 머리글에만 넣습니다.", line)
    for node in ast.walk(tree):
        used = isinstance(node, ast.Name) and node.id in holders and isinstance(node.ctx, ast.Load)
        if used and not _behind_bearer(node, parents):
            yield Finding("environment", "토큰은 Authorization 머리글에만 넣습니다.", getattr(node, "lineno", 0))


def _is_environment(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
        return True
    return isinstance(node, ast.Name) and node.id in ("environ", "getenv")


def _read_of(node: ast.AST, parents: dict[int, ast.AST]) -> tuple[ast.AST, str]:
    """The whole expression that reads a variable, and its name ("" when it isn't written out)."""
    outer = parents.get(id(node))
    if isinstance(outer, ast.Subscript) and outer.value is node and isinstance(outer.slice, ast.Constant):
        return outer, str(outer.slice.value)
    if isinstance(outer, ast.Attribute) and outer.attr == "get":
        node, outer = outer, parents.get(id(outer))
    elif isinstance(node, ast.Attribute) and node.attr != "getenv":
        return node, ""
    if isinstance(outer, ast.Call) and outer.func is node and outer.args and isinstance(outer.args[0], ast.Constant):
        return outer, str(outer.args[0].value)
    return node, ""


def _behind_bearer(node: ast.AST, parents: dict[int, ast.AST]) -> bool:
    """Whether the expression stands in `f"Bearer {…}"` or `"Bearer " + …`."""
    outer = parents.get(id(node))
    if isinstance(outer, ast.FormattedValue):
        text = parents.get(id(outer))
        first = text.values[0] if isinstance(text, ast.JoinedStr) else None
        return isinstance(first, ast.Constant) and first.value == "Bearer "
    if isinstance(outer, ast.BinOp) and isinstance(outer.op, ast.Add) and outer.right is node:
        return isinstance(outer.left, ast.Constant) and outer.left.value == "Bearer "
    return False
