"""What kind of download a file is, told by its headers: the first row that fits a kind is the header row.

A row fits when every needed column is there, enough headers of the kind are, and none that only other lists have.
A row that is nearly a kind is an error which names the missing columns; anything else is left unread, and said so.
Does not belong here: the headers themselves (see `headers.py`), or opening files (see `sheets.py`).
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cafe24_pipelines.cafe24.csv_import.contract import Field
from cafe24_pipelines.cafe24.csv_import.headers import DOWNLOADS, Download, Need
from cafe24_pipelines.errors import BadInput

HEAD: Final = 20
"""Rows from the top of a file or sheet among which its header is looked for."""

_CURRENCY = re.compile(r"\((krw|usd|jpy|cny|twd|eur|vnd|php|hkd|원|￦|₩)\)$")
_WON: Final = ("원", "￦", "₩")
_INVISIBLE = re.compile(r"[\s\ufeff\u200b\u200c\u200d\u00a0]+")


@dataclass(frozen=True)
class Recognised:
    """A row that is the header of a download: which kind, which row of the file's head, field -> column."""

    download: Download
    row: int
    places: dict[str, int]


@dataclass(frozen=True)
class Doubtful:
    """A row that is nearly the header of a download: what is missing, and how many of its needs are met."""

    download: Download
    missing: tuple[Need, ...]
    headers: tuple[str, ...]
    met: int


def recognise(head: Sequence[Sequence[str]], currency: str, where: str) -> Recognised | Doubtful | None:
    """What the first rows of a file say it is; None when no row is like a download at all.

    Args:
        head: the first rows, as text.
        currency: the mall's; an amount column that names another currency is not read.
        where: the file, for errors.

    Raises:
        BadInput: a row fits two kinds, or a column that is needed is there twice.
    """
    doubtful: list[Doubtful] = []
    for number, row in enumerate(head[:HEAD]):
        headers = [_plain(cell, currency) for cell in row]
        if sum(1 for h in headers if h) < 2:
            continue
        fits: list[Recognised] = []
        for download in DOWNLOADS:
            verdict = _judge(download, headers, row, number, where)
            if isinstance(verdict, Recognised):
                fits.append(verdict)
            elif verdict is not None:
                doubtful.append(verdict)
        if len(fits) > 1:
            kinds = " and ".join(f"{f.download.resource.name} ({f.download.korean})" for f in fits)
            raise BadInput(f"the headers fit {kinds}, so it can't be told which the file is", where=where,
                           remedy="name the file and its columns in a mapping, see docs/csv-import.md")  # fmt: skip
        if fits:
            return fits[0]
    return max(doubtful, key=lambda d: d.met, default=None)


def lacking(doubtful: Doubtful, where: str) -> BadInput:
    """The error for a file that is nearly a download, in English and Korean."""
    names = ", ".join(f"'{need.header}'" for need in doubtful.missing)
    download = doubtful.download
    found = ", ".join(h for h in doubtful.headers[:30] if h)
    return BadInput(
        f"this looks like the admin's {download.resource.name} download, but the column {names} is missing "
        f"(이 파일은 {download.korean} 파일로 보이나 {names} 열이 없습니다)",
        where=where,
        remedy="add the column to the form in the admin (다운로드 양식관리) and download again, or move the file out "
        f"of the folder; found: {found}",
    )


def needs_of_all() -> str:
    """What each kind of download must have, for a file that is none of them."""
    return "; ".join(f"{d.korean}: {', '.join(need.header for need in d.needs)}" for d in DOWNLOADS)


def _plain(cell: str, currency: str) -> str:
    """A header for comparison; one in another currency than the mall's keeps that, so that it matches nothing."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFC", cell)).casefold()
    found = _CURRENCY.search(text)
    if found is None:
        return text
    code = "krw" if found[1] in _WON else found[1]
    return text[: found.start()] + ("" if code == currency.casefold() else f"({code})")


def _judge(
    download: Download, headers: list[str], row: Sequence[str], number: int, where: str
) -> Recognised | Doubtful | None:
    places = {f.name: place for f in download.resource.fields if (place := _place(f, headers)) is not None}
    told = sum(1 for alias in download.telling if _find(alias, headers) is not None)
    foreign = any(_find(alias, headers) is not None for alias in download.foreign)
    missing = tuple(need for need in download.needs if not any(name in places for name in need.fields))
    matched, met = len(set(places.values())) + told, len(download.needs) - len(missing)
    if foreign or matched < download.least:
        return None
    if not missing:
        _refuse_twice(headers, row, places, where)
        return Recognised(download, number, places)
    return Doubtful(download, missing, tuple(c.strip() for c in row), met) if met >= download.seems else None


def _place(field: Field, headers: list[str]) -> int | None:
    """The column of a field: the first alias that is there."""
    return next((at for alias in field.aliases if (at := _find(alias, headers)) is not None), None)


def _find(alias: str, headers: list[str]) -> int | None:
    plain = _INVISIBLE.sub("", alias).casefold()
    if plain.endswith("*"):
        return next((i for i, h in enumerate(headers) if h.startswith(plain[:-1])), None)
    return headers.index(plain) if plain in headers else None


def _refuse_twice(headers: list[str], row: Sequence[str], places: dict[str, int], where: str) -> None:
    """A column that is read and there twice is an error, unless one of the two names the mall's currency."""
    counts = Counter(headers)
    for name, place in list(places.items()):
        if counts[headers[place]] < 2:
            continue
        same = [i for i, h in enumerate(headers) if h == headers[place]]
        named = [i for i in same if _CURRENCY.search(_INVISIBLE.sub("", row[i]).casefold())]
        if len(named) != 1:
            raise BadInput(f"the column {row[place].strip()!r} is there {len(same)} times", where=where,
                           remedy="remove one of them from the form, or from the file")  # fmt: skip
        places[name] = named[0]
