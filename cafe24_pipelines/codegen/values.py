"""What an expression of a snippet may be, as far as reading it tells: the symbols that `walk.py` computes with.

Values only grow: a dictionary that two branches fill has the keys of both, and a name that two branches set may be
either. So what the check finds absent is absent. Does not belong here: reading code, or judging it.
"""

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

MOST: Final = 16
"""Alternatives that a value may have; beyond that it is unknown."""


class Value:
    """Something an expression may be."""


@dataclass(frozen=True)
class Const(Value):
    """A literal: text, number, truth value, None."""

    value: str | int | float | bool | None


@dataclass(frozen=True)
class Unknown(Value):
    """Anything. `tainted` are secrets or whole answers that it may show (see `taints`)."""

    tainted: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Hole:
    """A part of a text that is only known at run time; `env` names the variable that it comes from."""

    env: str = ""
    tainted: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Text(Value):
    """A text of fixed parts and holes, such as an f-string."""

    parts: tuple[str | Hole, ...]


@dataclass(frozen=True)
class Data(Value):
    """A part of an API answer: `key` is the last field that was read, "" for the answer or a row as a whole."""

    key: str = ""


@dataclass(eq=False)
class Dict(Value):
    """A dictionary with known keys; `open` when others may be there. Shared by reference, as in Python."""

    items: dict[str, Value] = field(default_factory=dict)
    open: bool = False

    def put(self, key: str, value: Value) -> None:
        """Set a key; what it may have held before stays possible."""
        before = self.items.get(key)
        self.items[key] = value if before is None else either([before, value])


@dataclass(eq=False)
class Seq(Value):
    """A list or tuple. `exact` when these are its members, else any number of values like them."""

    members: tuple[Value, ...] = ()
    exact: bool = True


@dataclass(frozen=True)
class Module(Value):
    """An imported module."""

    name: str


@dataclass(frozen=True)
class Member(Value):
    """Something of a module, such as `httpx.get`."""

    module: str
    name: str


@dataclass(eq=False)
class Client(Value):
    """An `httpx.Client` with what it was made with."""

    base_url: Value | None = None
    headers: Value | None = None
    params: Value | None = None


@dataclass(eq=False)
class Function(Value):
    """A function of the snippet."""

    node: ast.FunctionDef | ast.Lambda
    scope: "dict[str, Value]"


@dataclass(frozen=True)
class Method(Value):
    """An attribute of a value, called or not."""

    owner: Value
    name: str


@dataclass(frozen=True)
class OneOf(Value):
    """One of several."""

    options: tuple[Value, ...]


ANYTHING: Final = Unknown()
TOKEN: Final = "CAFE24_ACCESS_TOKEN"  # noqa: S105  the variable's name
WHOLE: Final = "*"
"""A taint: an answer or a row as a whole."""


def either(values: Iterable[Value]) -> Value:
    """One of the values, without repeats; unknown (with their taints) when there are too many."""
    flat: list[Value] = []
    for value in values:
        for one in value.options if isinstance(value, OneOf) else (value,):
            if not any(one is other or (_plain(one) and one == other) for other in flat):
                flat.append(one)
    if len(flat) == 1:
        return flat[0]
    if not flat or len(flat) > MOST:
        return Unknown(frozenset().union(*(taints(v) for v in flat)))
    return OneOf(tuple(flat))


def options(value: Value | None) -> tuple[Value, ...]:
    """The alternatives of a value."""
    if value is None:
        return ()
    return value.options if isinstance(value, OneOf) else (value,)


def taints(value: Value, depth: int = 0) -> frozenset[str]:
    """What printing the value would show of secrets and answers: `TOKEN`, `WHOLE`, names of answer fields."""
    if depth > 6:
        return frozenset()
    inner: Iterable[Value] = ()
    match value:
        case Unknown(tainted):
            return tainted
        case Data(key):
            return frozenset([key or WHOLE])
        case Text(parts):
            return frozenset().union(*(p.tainted for p in parts if isinstance(p, Hole)))
        case Dict(items):
            inner = items.values()
        case Seq(members):
            inner = members
        case OneOf(some):
            inner = some
        case Client(headers=headers) if headers is not None:
            inner = [headers]
        case Method(Data(), "text" | "content"):
            return frozenset([WHOLE])
        case Method(Client() as owner):
            inner = [owner]
    return frozenset().union(*(taints(v, depth + 1) for v in inner))


def text_of(value: Value) -> tuple[Text, ...]:
    """The value as texts that stand in an f-string; what isn't text is a hole."""
    found = []
    for one in options(value):
        match one:
            case Text():
                found.append(one)
            case Const(None | bool()):
                found.append(Text((Hole(),)))
            case Const(v):
                found.append(Text((str(v),)))
            case _:
                found.append(Text((Hole(tainted=taints(one)),)))
    return tuple(found) or (Text((Hole(),)),)


def joined(pieces: Iterable[Value]) -> Value:
    """Texts put together, every combination of their alternatives."""
    combined: list[tuple[str | Hole, ...]] = [()]
    for piece in pieces:
        texts = text_of(piece)
        combined = [[*have, *more.parts] for have in combined for more in texts]  # type: ignore[misc]
        if len(combined) > MOST:
            return Unknown(frozenset().union(*(taints(Text(tuple(c))) for c in combined)))
    return either(_tidied(parts) for parts in combined)


def _tidied(parts: Iterable[str | Hole]) -> Value:
    tidy: list[str | Hole] = []
    for part in parts:
        if isinstance(part, str) and tidy and isinstance(tidy[-1], str):
            tidy[-1] += part
        elif part != "":
            tidy.append(part)
    if not tidy:
        return Const("")
    first = tidy[0]
    return Const(first) if len(tidy) == 1 and isinstance(first, str) else Text(tuple(tidy))


def _plain(value: Value) -> bool:
    return isinstance(value, (Const, Unknown, Text, Data, Module, Member))
