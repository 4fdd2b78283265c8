"""Which files of a folder are downloads of the admin, wherever they lie in it and whatever they are called.

Every file is opened and told by its headers. What is none is listed with the reason, never left out in silence.
Does not belong here: what becomes of the rows (see `downloads.py`).
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cafe24_pipelines.cafe24.csv_import.contract import MUST_HAVE
from cafe24_pipelines.cafe24.csv_import.mapping import ShopMapping
from cafe24_pipelines.cafe24.csv_import.pool import newness
from cafe24_pipelines.cafe24.csv_import.reader import RawFile
from cafe24_pipelines.cafe24.csv_import.recognise import Doubtful, Recognised, lacking, needs_of_all, recognise
from cafe24_pipelines.cafe24.csv_import.reconcile import UnreadFile
from cafe24_pipelines.cafe24.csv_import.sheets import Sheet

_TABLES: Final = (".csv", ".tsv", ".txt", ".xls", ".xlsx", ".xlsm", ".xlsb", ".html", ".htm")
_ARCHIVES: Final = (".zip", ".7z", ".rar", ".tar", ".alz", ".egg")
BY_NAME: Final = ("events", "coupons", "coupon_issues", "reviews")
"""Files of the contract that the admin has no download for; they are read by name beside the downloads."""


@dataclass
class Downloads:
    """The downloads of a folder by kind, oldest first, and the files that are none."""

    orders: list[RawFile] = field(default_factory=list)
    customers: list[RawFile] = field(default_factory=list)
    products: list[RawFile] = field(default_factory=list)
    unread: list[UnreadFile] = field(default_factory=list)

    @property
    def any(self) -> bool:
        """Whether there is a download at all."""
        return bool(self.orders or self.customers or self.products)


def holds_contract_files(path: Path, mapping: ShopMapping) -> bool:
    """Whether the folder is to be read by the contract's names: a mapping says so, or its files are there."""
    if mapping.flat is not None or any(name in mapping.files for name in MUST_HAVE):
        return True
    return path.is_dir() and all(
        (path / f"{name}.csv").is_file() or (path / f"{name}.csv.gz").is_file() for name in MUST_HAVE
    )


def names_contract_file(path: Path) -> bool:
    """Whether at least one of the contract's main files is there."""
    return path.is_dir() and any((path / f"{n}.csv{end}").is_file() for n in MUST_HAVE for end in ("", ".gz"))


def find_downloads(path: Path, mapping: ShopMapping) -> Downloads:
    """Open every file of the folder (or the one file) and read those that are downloads.

    Raises:
        BadInput: a file can't be opened, is nearly a download but lacks a column, or fits two kinds.
    """
    found = Downloads()
    for file in sorted(files_of(path), key=lambda f: newness(_name(f, path))):
        if _taken(file, path, mapping):
            continue
        name, suffix = _name(file, path), _suffix(file)
        if not suffix.endswith(_TABLES):
            archive = suffix.endswith(_ARCHIVES)
            reason = "an archive; unpack it in the folder" if archive else "neither CSV nor Excel"
            found.unread.append(UnreadFile(name, reason))
            continue
        _read(file, name, mapping, found)
    return found


def left_over(path: Path, taken: list[Path], mapping: ShopMapping) -> list[UnreadFile]:
    """The tables of a folder that is read by the contract's names, which no name takes."""
    if path.is_file():
        return []
    known = {file.resolve() for file in taken} | ({Path(mapping.source).resolve()} if mapping.source else set())
    others = [f for f in files_of(path) if f.resolve() not in known and _suffix(f).endswith(_TABLES)]
    reason = "the folder is read by the names of docs/csv-import.md, and this is none of them"
    return [UnreadFile(_name(f, path), reason) for f in sorted(others)]


def files_of(path: Path) -> list[Path]:
    """The files of a folder and its folders, without hidden ones and Excel's lock files; a file is its own."""
    if path.is_file():
        return [path]
    inside = [p for p in path.rglob("*") if p.is_file()]
    return [
        p for p in inside if not any(part.startswith((".", "~$", "__MACOSX")) for part in p.relative_to(path).parts)
    ]


def _name(file: Path, root: Path) -> str:
    return file.name if file == root else file.relative_to(root).as_posix()


def _suffix(file: Path) -> str:
    return "".join(file.suffixes[-2:]).lower().removesuffix(".gz")


def _taken(file: Path, root: Path, mapping: ShopMapping) -> bool:
    """Whether a file is the mapping itself, or is read by its name."""
    if mapping.source and file.resolve() == Path(mapping.source).resolve():
        return True
    named = {part.file or f"{name}.csv" for name, part in mapping.files.items()} | {f"{n}.csv" for n in BY_NAME}
    return file.parent == root and file.name.removesuffix(".gz") in {n.removesuffix(".gz") for n in named}


def _read(file: Path, name: str, mapping: ShopMapping, found: Downloads) -> None:
    """Read the first sheet of a file that is a download, or say why none is."""
    from cafe24_pipelines.cafe24.csv_import.workbooks import sheets_of

    sheets = sheets_of(file, mapping.encoding, mapping.delimiter)
    verdicts = [(sheet, recognise(sheet.head, mapping.currency, _label(name, sheet))) for sheet in sheets]
    chosen = next(((sheet, verdict) for sheet, verdict in verdicts if isinstance(verdict, Recognised)), None)
    if chosen is None:
        doubtful = [(verdict, sheet) for sheet, verdict in verdicts if isinstance(verdict, Doubtful)]
        if doubtful:
            nearest, sheet = max(doubtful, key=lambda pair: pair[0].met)
            raise lacking(nearest, _label(name, sheet))
        found.unread.append(UnreadFile(name, f"its headers are those of no download; wanted — {needs_of_all()}"))
        return
    sheet, verdict = chosen
    resource = verdict.download.resource
    raw = sheet.read(_label(name, sheet), resource, verdict.row, verdict.places)
    if verdict.row:
        raw.notes.append(f"the {verdict.row} lines above the header are titles and were skipped")
    if absent := [f.aliases[0] for f in resource.fields if f.name not in verdict.places]:
        raw.notes.append(f"not in the file: {', '.join(absent)}")
    for other, its in verdicts:
        if other is not sheet and any(any(row) for row in other.head):
            why = "an earlier sheet was" if isinstance(its, Recognised) else "it is no download"
            raw.notes.append(f"the sheet {other.title!r} was not read: {why}")
    of_kind = {"orders": found.orders, "customers": found.customers, "products": found.products}
    of_kind[resource.name].append(raw)


def _label(name: str, sheet: Sheet) -> str:
    return f"{name} [{sheet.title}]" if sheet.title else name
