"""Finding a merchant's file and decoding it, strictly: text comes out as UTF-8, or an error says why not.

UTF-8 is tried first whatever the mapping states, because a long text that is valid UTF-8 by accident does not
exist; then the stated encoding; then CP949. A note says when the file was not in the stated encoding. Lines that
no encoding reads are blanked here and described by number, length and hash, never by content.
Does not belong here: what a line holds (see `records.py`).
"""

import gzip
import hashlib
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cafe24_pipelines.cafe24.csv_import.contract import FLAT, MUST_HAVE
from cafe24_pipelines.cafe24.csv_import.mapping import ShopMapping
from cafe24_pipelines.errors import BadInput

_SUFFIXES: Final = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz")
_NOT_CSV: Final = {b"PK\x03\x04": "an Excel workbook (.xlsx)", b"\xd0\xcf\x11\xe0": "an old Excel workbook (.xls)"}


@dataclass(frozen=True)
class BadLine:
    """A physical line that can't be read, described without its content. Line 1 is the first of the file."""

    line: int
    length: int  # bytes, without the line end
    sha256: str  # the first 16 hex digits
    reason: str


@dataclass
class Text:
    """A decoded file: UTF-8 bytes with lone carriage returns blanked, and what was noticed on the way."""

    name: str
    data: bytes
    encoding: str
    notes: list[str] = field(default_factory=list)
    bad_lines: dict[int, BadLine] = field(default_factory=dict)


def describe(line: int, raw: bytes, reason: str) -> BadLine:
    """A line as its number, length and hash."""
    return BadLine(line, len(raw), hashlib.sha256(raw).hexdigest()[:16], reason)


def locate(path: str | Path, mapping: ShopMapping, resource: str) -> Path | None:
    """The file of a resource below `path`, plain or gzipped; None when an optional one is not there.

    Raises:
        BadInput: the folder is missing, or a file that must be there is.
    """
    root, named = Path(path), mapping.of(resource).file
    if not str(path) or not root.exists():
        raise BadInput("the folder does not exist", where=str(path), remedy="check --path")
    if root.is_file():
        if resource == FLAT:
            return root
        raise BadInput("this is a file, not a folder", where=str(root),
                       remedy="give the folder, or a mapping with a `flat` section for a single file")  # fmt: skip
    for name in (named,) if named else (f"{resource}.csv",):
        for candidate in (root / name, root / f"{name}.gz", root / name.removesuffix(".gz")):
            if candidate.is_file():
                return candidate
    present = sorted(p.name for p in root.iterdir() if p.name.lower().endswith(_SUFFIXES))
    if resource == FLAT and not named and len(present) == 1:
        return root / present[0]
    if resource in (*MUST_HAVE, FLAT) or named:
        raise BadInput(
            f"the file {named or resource + '.csv'} is not in the folder", where=str(root),
            remedy=f"found: {', '.join(present[:12]) or 'no CSV file'}; name the file with `file:` in the mapping",
        )  # fmt: skip
    return None


def read_text(path: Path, stated: str = "") -> Text:
    """Read and decode a file.

    Args:
        path: a CSV file, plain or gzipped (told by its content, not by its name).
        stated: the mapping's encoding, "" for none.

    Raises:
        BadInput: the file is empty, not CSV, damaged, or in none of the encodings.
    """
    raw = read_bytes(path)
    for magic, kind in _NOT_CSV.items():
        if raw.startswith(magic):
            raise BadInput(f"this is {kind}, not CSV", where=str(path), remedy="save it as CSV UTF-8 and try again")
    text = decode(path, raw, stated)
    if b"\r" in text.data:  # a lone carriage return would end a line for some parsers and not for others
        bare = text.data.replace(b"\r\n", b"\n")
        text.data = bare.replace(b"\r", b"\n" if b"\n" not in bare else b" ")
    return text


def read_bytes(path: Path) -> bytes:
    """The file's bytes, unpacked when they are gzipped.

    Raises:
        BadInput: it is empty, damaged, or may not be read.
    """
    try:
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except PermissionError as e:
        raise BadInput("no permission to read", where=str(path), remedy="give this user read access") from e
    except (EOFError, gzip.BadGzipFile, zlib.error) as e:
        raise BadInput(f"the gzip file is damaged ({e})", where=str(path), remedy="copy or download it again") from e
    if not raw:
        raise BadInput("the file is empty (0 bytes)", where=str(path), remedy="export it again, or remove it")
    return raw


def decode(path: Path, raw: bytes, stated: str) -> Text:
    """The text of a file's bytes, in the encoding that a mapping states or the one that reads it.

    Raises:
        BadInput: none does.
    """
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        stated, tries = stated or "utf-16", ["utf-16"]
    elif raw[:3] == b"\xef\xbb\xbf":
        raw, tries = raw[3:], ["utf-8"]
    else:
        tries = _order(raw, stated)
    for encoding in tries:
        data = raw if encoding == "utf-8" and _is(raw, "utf-8") else _transcoded(raw, encoding)
        if data is not None:
            text = Text(path.name, data, encoding)
            if stated and encoding != stated and not raw.isascii():
                text.notes.append(f"the mapping states {stated}, but the file is {encoding} and was read as that")
            return text
    return _decode_by_line(path, raw, tries)


def _order(raw: bytes, stated: str) -> list[str]:
    """Encodings to try. Short CP949 text may pass for UTF-8, but never with a character of three bytes or more."""
    if stated == "cp949" and _is(raw, "utf-8") and max(raw, default=0) < 0xE0:
        return ["utf-8"] if raw.isascii() else ["cp949", "utf-8"]
    return list(dict.fromkeys(["utf-8", *([stated] if stated else []), "cp949"]))


def _is(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _transcoded(raw: bytes, encoding: str) -> bytes | None:
    try:
        return raw.decode(encoding).encode()
    except UnicodeDecodeError:
        return None


def _decode_by_line(path: Path, raw: bytes, tries: list[str]) -> Text:
    """Decode in the encoding that reads most lines; the others are blanked and described."""
    lines = raw.split(b"\n")
    foreign = [i for i, line in enumerate(lines) if not line.isascii()]
    failed = {e: [i for i in foreign if not _is(lines[i], e)] for e in tries}
    best = min(tries, key=lambda e: len(failed[e]))
    first = failed[best][0] + 1
    if 0 in failed[best] or 2 * len(failed[best]) > len(foreign):
        raise BadInput(
            f"the text is in none of {', '.join(tries)} (first unreadable line: {first})", where=str(path),
            remedy="save the file as CSV UTF-8, or state its encoding in the mapping",
        )  # fmt: skip
    reason = f"the line is not readable as {best}"
    bad = {i + 1: describe(i + 1, lines[i].removesuffix(b"\r"), reason) for i in failed[best]}
    for i in failed[best]:
        lines[i] = b""
    data = b"\n".join(lines).decode(best).encode()
    return Text(path.name, data, best, [f"{len(bad)} lines are not readable as {best}"], bad)
