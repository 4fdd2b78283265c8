"""Together AI's rules for a fine-tune file, checked here so that an upload is not refused later.

A file is UTF-8 JSONL of at most 50.1 GB with one example a line, all of one format, with no other columns:

- conversation: `messages`: optional system first, then user and assistant by turns, an assistant last
- instruction: `prompt`, `completion`          - text: `text`
- preference: `input.messages` (ending with a user), `preferred_output` and `non_preferred_output`, one assistant
  message each

A message has `role`, `content` (text, not blank) and may have `weight` 0 or 1. Tools, tool roles and images, which
the provider takes too, are not used by this project's data sets and are refused.
Does not belong here: what is good to learn from.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cafe24_pipelines.errors import BadInput

MAX_BYTES: Final = int(50.1 * 2**30)
MIN_EXAMPLES: Final = 1
ROLES: Final = ("system", "user", "assistant")
FORMATS: Final = {
    "conversation": ("messages",),
    "instruction": ("prompt", "completion"),
    "text": ("text",),
    "preference": ("input", "preferred_output", "non_preferred_output"),
}
MAX_PROBLEMS: Final = 100
"""A check stops here: a file with so many mistakes has one cause."""


@dataclass(frozen=True)
class Problem:
    """What is wrong on a line (0 when the whole file is meant) and how to mend it."""

    line: int
    what: str
    remedy: str

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.what} — {self.remedy}"


class _Wrong(Exception):
    """A rule that one line breaks: what, remedy. Becomes a `Problem`, never leaves this module."""


def validate_file(path: Path) -> list[Problem]:
    """Every problem of a file (at most 100); an empty list means that the provider takes it."""
    if not path.is_file():
        return [Problem(0, f"{path.name} is not a file", "export the data set first")]
    size = path.stat().st_size
    if size > MAX_BYTES:
        return [Problem(0, f"the file has {size:,} bytes", f"keep it under {MAX_BYTES:,} bytes: use fewer examples")]
    with path.open("rb") as lines:
        return validate_lines(lines)


def require_valid(path: Path) -> None:
    """Raise for the first problem of a file.

    Raises:
        BadInput: the file breaks one of the provider's rules.
    """
    problems = validate_file(path)
    if problems:
        first = problems[0]
        where = f"{path}:{first.line}" if first.line else str(path)
        raise BadInput(first.what, where=where, remedy=first.remedy)


def validate_lines(lines: Iterable[bytes]) -> list[Problem]:
    """Every problem of the lines of a file (at most 100); blank lines are left out, as the provider does."""
    problems: list[Problem] = []
    file_format, examples = "", 0
    for number, raw in enumerate(lines, start=1):
        if len(problems) >= MAX_PROBLEMS:
            break
        if not raw.strip():
            continue
        examples += 1
        try:
            row = _parse(raw, first=number == 1)
            found = _format(row)
            file_format = file_format or found
            if found != file_format:
                raise _Wrong(f"{found} format in a file of {file_format} format", "use one format for the whole file")
            _check_row(row, found)
        except _Wrong as e:
            problems.append(Problem(number, *e.args))
    if examples < MIN_EXAMPLES:
        problems.append(Problem(0, "the file has no example", "add at least one line"))
    return problems


def _parse(raw: bytes, *, first: bool) -> dict[str, Any]:
    if first and raw.startswith(b"\xef\xbb\xbf"):
        raise _Wrong("the file begins with a byte order mark", "save it as UTF-8 without BOM")
    try:
        row = json.loads(raw.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_no_repeats)
    except UnicodeDecodeError as e:
        raise _Wrong(f"byte {e.start} is not UTF-8", "save the file as UTF-8") from e
    except RecursionError as e:
        raise _Wrong("not JSON: nested too deeply", "write one JSON object a line") from e
    except json.JSONDecodeError as e:
        raise _Wrong(f"not JSON: {e.msg} at column {e.colno}", "write one JSON object a line") from e
    except ValueError as e:  # a number of thousands of digits
        raise _Wrong(f"not readable: {e}", "write one JSON object a line") from e
    if not isinstance(row, dict):
        raise _Wrong("not a JSON object", 'write one object a line, such as {"messages": [...]}')
    return row


def _no_constant(name: str) -> None:
    raise _Wrong(f"{name} is not JSON", "leave it out or use a number")


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        raise _Wrong("a key repeats within one object", "keep one of the two")
    return row


def _format(row: dict[str, Any]) -> str:
    matches = [name for name, columns in FORMATS.items() if set(columns) <= row.keys()]
    wanted = "; ".join("+".join(columns) for columns in FORMATS.values())
    if not matches:
        raise _Wrong(f"columns {sorted(row)} fit no format", f"use one of: {wanted}")
    if len(matches) > 1:
        raise _Wrong(f"columns of two formats: {' and '.join(matches)}", "keep the columns of one format")
    extra = sorted(row.keys() - set(FORMATS[matches[0]]))
    if extra:
        raise _Wrong(f"extra columns {extra} in {matches[0]} format", "remove them: other columns are refused")
    return matches[0]


def _check_row(row: dict[str, Any], file_format: str) -> None:
    if file_format == "conversation":
        _check_messages(row["messages"], "messages", last="assistant")
    elif file_format == "preference":
        given = row["input"]
        if not isinstance(given, dict) or given.keys() != {"messages"}:
            raise _Wrong("input is not an object with messages only", 'write {"input": {"messages": [...]}, ...}')
        _check_messages(given["messages"], "input.messages", last="user")
        for side in ("preferred_output", "non_preferred_output"):
            answers = row[side]
            if not isinstance(answers, list) or len(answers) != 1:
                raise _Wrong(f"{side} is not a list of one message", "give exactly one assistant message")
            if _role(answers[0], side) != "assistant":
                raise _Wrong(f"{side} is not an assistant message", "give exactly one assistant message")
    else:
        for column in FORMATS[file_format]:
            _check_text(row[column], column)


def _check_messages(messages: Any, where: str, *, last: str) -> None:
    if not isinstance(messages, list) or not messages:
        raise _Wrong(f"{where} is not a list with messages", "give a list of role and content")
    roles = list(_roles(messages, where))
    if roles[0] == "system":
        roles = roles[1:]
    for turn, role in enumerate(roles):
        wanted = ("user", "assistant")[turn % 2]
        if role != wanted:
            hint = (
                "a system message comes first or not at all" if role == "system" else "user and assistant take turns"
            )
            raise _Wrong(f"{where}: {role} where {wanted} is due", f"{hint}, beginning with user")
    if not roles or roles[-1] != last:
        raise _Wrong(f"{where} doesn't end with {last}", f"end with a message of role {last}")


def _roles(messages: list[Any], where: str) -> Iterator[str]:
    for position, message in enumerate(messages):
        yield _role(message, f"{where}[{position}]")


def _role(message: Any, where: str) -> str:
    """The role of a message that keeps every rule of its own."""
    if not isinstance(message, dict) or not {"role", "content"} <= message.keys():
        raise _Wrong(f"{where} lacks role or content", 'write {"role": ..., "content": ...}')
    extra = sorted(message.keys() - {"role", "content", "weight"})
    if extra:
        raise _Wrong(f"{where}: extra keys {extra}", "keep role, content and weight only")
    if message["role"] not in ROLES:
        raise _Wrong(f"{where}: role {message['role']!r}", f"use one of: {', '.join(ROLES)}")
    _check_text(message["content"], f"{where}.content")
    weight = message.get("weight", 1)
    if type(weight) is not int or weight not in (0, 1):
        raise _Wrong(f"{where}: weight {weight!r}", "use the whole number 0 or 1")
    return str(message["role"])


def _check_text(value: Any, where: str) -> None:
    if not isinstance(value, str):
        raise _Wrong(f"{where} is {type(value).__name__}, not text", "give a string")
    if not value.strip():
        raise _Wrong(f"{where} is blank", "give text or leave the example out")
    if any("\ud800" <= c <= "\udfff" for c in value):
        raise _Wrong(f"{where} has half of a surrogate pair", "write the character itself in UTF-8")
