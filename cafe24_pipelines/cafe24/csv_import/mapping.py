"""A merchant's mapping file: foreign column names, status words, zone, currency, or one flat file to split.

Every scalar is read as text, so that a status code `N` or a column `on` stays what was written. A mapping is
checked whole when it is read; a key that is not known is an error that names the nearest known one.
Does not belong here: opening the merchant's data (see `files.py`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cafe24_pipelines.cafe24.csv_import.contract import FLAT, RESOURCES
from cafe24_pipelines.errors import BadInput
from cafe24_pipelines.names import SEOUL

ENCODINGS: Final = {"utf-8": "utf-8", "utf8": "utf-8", "cp949": "cp949", "euc-kr": "cp949", "utf-16": "utf-16",
                    "cp1252": "cp1252"}  # fmt: skip
"""Spellings a mapping may use, and the codec each one means (EUC-KR is a part of CP949)."""

CURRENCIES: Final = frozenset(
    """AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF
    CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL
    HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL
    MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON
    RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH
    UGX USD UYU UZS VED VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW""".split()  # noqa: SIM905  one word a code would fill a screen
)

_TOP: Final = ("time_zone", "currency", "encoding", "delimiter", "time_format", "status", "event", "files", FLAT)
_FILE: Final = ("file", "columns", "constants")
_FLAT_FILE: Final = (*_FILE, "order_id_prefix_status")
_EVENTS: Final = ("view", "cart", "purchase")


@dataclass(frozen=True)
class FileMapping:
    """How one file is read: its name, contract column -> its header, contract column -> one value for all rows."""

    file: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    order_id_prefix_status: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ShopMapping:
    """A checked mapping. Without a file every value is the default: Seoul time, KRW, the contract's own names."""

    source: str = ""
    time_zone: str = SEOUL
    currency: str = "KRW"
    encoding: str = ""
    delimiter: str = ","
    time_format: str = ""
    status: Mapping[str, str] = field(default_factory=dict)
    event: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, FileMapping] = field(default_factory=dict)
    flat: FileMapping | None = None

    def of(self, resource: str) -> FileMapping:
        """The mapping of one resource (an empty one when the merchant wrote none)."""
        if resource == FLAT and self.flat is not None:
            return self.flat
        return self.files.get(resource, FileMapping())


def load_mapping(path: str | Path | None) -> ShopMapping:
    """Read and check a mapping file; without one, the contract's own names, Seoul time and KRW.

    Raises:
        BadInput: the file is missing, is not YAML, or says something that can't be followed.
    """
    import yaml

    if path is None or not str(path):
        return ShopMapping()
    file = Path(path)
    if not file.is_file():
        raise BadInput("the mapping file does not exist", where=str(file), remedy="check --mapping")
    try:
        # BaseLoader makes text of every scalar and builds nothing else: safer than SafeLoader, and N stays "N".
        raw = yaml.load(file.read_text("utf-8-sig"), Loader=yaml.BaseLoader)  # noqa: S506
    except (yaml.YAMLError, UnicodeDecodeError) as e:
        raise BadInput(
            f"the mapping is not YAML in UTF-8 ({' '.join(str(e).split())[:160]})", where=str(file),
            remedy="see docs/csv-import.md for an example",
        ) from e  # fmt: skip
    return _Checker(str(file)).mapping(raw if raw not in (None, "") else {})


class _Checker:
    """Checks one mapping; errors name the file and the place in it."""

    def __init__(self, source: str) -> None:
        self.source = source

    def mapping(self, raw: Any) -> ShopMapping:
        top = self._section(raw, "mapping", _TOP)
        files = self._section(top.get("files", {}), "files", [r for r in RESOURCES if r != FLAT])
        flat = top.get(FLAT)
        if flat is not None and {"orders", "order_items"} & set(files):
            self._fail("it names a flat file and also orders or order_items",
                       "keep one: a flat file already holds both")  # fmt: skip
        return ShopMapping(
            source=self.source,
            time_zone=self._zone(self._text(top, "time_zone", SEOUL)),
            currency=self._currency(self._text(top, "currency", "KRW")),
            encoding=self._encoding(self._text(top, "encoding", "")),
            delimiter=self._delimiter(self._text(top, "delimiter", ",")),
            time_format=self._text(top, "time_format", ""),
            status=self._words(top.get("status", {}), "status", _statuses()),
            event=self._words(top.get("event", {}), "event", _EVENTS),
            files={name: self._file(part, name) for name, part in files.items()},
            flat=None if flat is None else self._file(flat, FLAT),
        )

    def _file(self, raw: Any, resource: str) -> FileMapping:
        part = self._section(raw, resource, _FLAT_FILE if resource == FLAT else _FILE)
        names = RESOURCES[resource].names
        columns = self._section(part.get("columns", {}), f"{resource}.columns", names)
        constants = self._section(part.get("constants", {}), f"{resource}.constants", names)
        if both := sorted(set(columns) & set(constants)):
            self._fail(f"{resource}: {', '.join(both)} is a column and a constant", "keep one of them")
        return FileMapping(
            file=self._text(part, "file", ""),
            columns={k: self._text(columns, k, "") for k in columns},
            constants={k: self._text(constants, k, "") for k in constants},
            order_id_prefix_status=self._words(
                part.get("order_id_prefix_status", {}), f"{resource}.order_id_prefix_status", _statuses()
            ),
        )

    def _section(self, raw: Any, place: str, known: Iterable[str]) -> dict[str, Any]:
        import difflib

        if raw == "":
            return {}
        if not isinstance(raw, dict):
            self._fail(f"{place} is not a section of `key: value` lines", "see docs/csv-import.md for an example")
        names = list(known)
        for key in raw:
            if key not in names:
                near = difflib.get_close_matches(str(key), names, n=1)
                hint = f"did you mean {near[0]!r}? " if near else ""
                self._fail(f"{place}: the key {key!r} is unknown", f"{hint}known: {', '.join(names)}")
        return raw

    def _words(self, raw: Any, place: str, allowed: tuple[str, ...]) -> dict[str, str]:
        if raw == "":
            return {}
        if not isinstance(raw, dict):
            self._fail(f"{place} is not a section of `word: meaning` lines", "see docs/csv-import.md")
        for word, meaning in raw.items():
            if meaning not in allowed:
                self._fail(f"{place}: {word!r} is mapped to {meaning!r}", f"use one of: {', '.join(allowed)}")
        return {str(word).strip(): meaning for word, meaning in raw.items()}

    def _text(self, part: Mapping[str, Any], key: str, default: str) -> str:
        value = part.get(key, default)
        if not isinstance(value, str):
            self._fail(f"{key} is not a single value", f"write `{key}: value` on one line")
        return str(value)

    def _zone(self, name: str) -> str:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self._fail(f"time_zone {name!r} is unknown", "use a name such as Asia/Seoul or Europe/London")
        return name

    def _currency(self, code: str) -> str:
        if code not in CURRENCIES:
            self._fail(f"currency {code!r} is not a currency code", "use an ISO 4217 code such as KRW, USD or GBP")
        return code

    def _encoding(self, name: str) -> str:
        if name and name.lower() not in ENCODINGS:
            self._fail(f"encoding {name!r} is unknown", f"use one of: {', '.join(ENCODINGS)}, or leave it out")
        return ENCODINGS.get(name.lower(), "")

    def _delimiter(self, text: str) -> str:
        text = {"tab": "\t", "\\t": "\t"}.get(text, text)
        if text not in (",", ";", "\t", "|"):
            self._fail(f"delimiter {text!r} is not supported", "use ',' ';' '|' or 'tab'")
        return text

    def _fail(self, what: str, remedy: str) -> None:
        raise BadInput(what, where=self.source, remedy=remedy)


def _statuses() -> tuple[str, ...]:
    from cafe24_pipelines.stores.schemas import ORDER_STATUS

    return ORDER_STATUS
