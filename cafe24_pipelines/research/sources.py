"""The list of allowed sources: read, checked, and asked whether an address may be visited.

Does not belong here: visiting (see `fetch.py`), or what a page says.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urldefrag, urlsplit, urlunsplit

from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.settings import LOOPBACK

KINDS: Final = ("page", "rss", "atom", "sitemap")
TRUST: Final = ("official", "study", "vendor")
REGIONS: Final = ("", "KR", "US", "UK", "EU", "JP", "CN", "global")
MOST_SOURCES: Final = 100
MOST_PAGES: Final = 50
MOST_LETTERS: Final = 2000
"""Of an address: longer ones are refused."""

_FIELDS: Final = (
    "id", "publisher", "url", "kind", "trust", "language", "region", "hosts", "match", "seconds", "pages", "terms",
)  # fmt: skip
_SPELLED: Final = "/%:@!$&'()*+,;=~-._?[]"
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST: Final = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*")


@dataclass(frozen=True)
class Source:
    """One allowed source; the fields are those of `sources.yaml`."""

    id: str
    publisher: str
    url: str
    kind: str
    trust: str
    terms: str
    language: str = ""
    region: str = ""
    hosts: frozenset[str] = frozenset()
    match: re.Pattern[str] | None = None
    seconds: float = 10.0
    pages: int = 10

    def allows(self, url: str) -> bool:
        """Whether an address belongs to this source: https, a listed host, no user or odd port in it.

        Plain http is for a loopback host that the list names itself (a test server).
        """
        parts = _parts(url)
        if parts is None or parts.username or parts.password or len(url) > MOST_LETTERS:
            return False
        host, port = host_of(url), _port(url)
        if host not in self.hosts:
            return False
        if host in LOOPBACK:
            return parts.scheme in ("http", "https") and port == _port(self.url)
        return parts.scheme == "https" and port == 443


def load_sources(path: str = "") -> list[Source]:
    """The sources of a file, of the package's own when none is named, in the file's order.

    Raises:
        ConfigError: it is missing, unreadable, or an entry makes no sense; says which and why.
    """
    import yaml

    where = path or "research/sources.yaml"
    try:
        text = Path(path).expanduser().read_text("utf-8") if path else _own()
        value = yaml.safe_load(text)
    except (OSError, UnicodeError, yaml.YAMLError) as e:
        reason = f"the list of research sources can't be read ({type(e).__name__})"
        raise ConfigError(reason, where=where, remedy="mend CAFE24_RESEARCH_SOURCES or unset it") from e
    rows = value.get("sources") if isinstance(value, dict) else None
    if not isinstance(rows, list) or len(rows) > MOST_SOURCES:
        raise _wrong(where, f"`sources` must be a list of at most {MOST_SOURCES} entries")
    found = [_source(row, f"{where}: entry {n}") for n, row in enumerate(rows, 1)]
    if len({s.id for s in found}) != len(found):
        raise _wrong(where, "two entries have the same id")
    return found


def normal(url: str) -> str:
    """One spelling for one page: no fragment, scheme and host in small letters, other scripts percent-encoded."""
    bare = urldefrag(url.strip())[0]
    parts = _parts(bare)
    if parts is None or not parts.netloc:
        return bare
    try:
        netloc = parts.netloc.lower() if parts.netloc.isascii() else parts.netloc.encode("idna").decode("ascii")
    except UnicodeError:
        return bare
    path, query = (quote(text, safe=_SPELLED) for text in (parts.path or "/", parts.query))
    return urlunsplit((parts.scheme.lower(), netloc, path, query, ""))


def host_of(url: str) -> str:
    """The host of an address in small letters; "" when it has none."""
    parts = _parts(url)
    return (parts.hostname or "").lower().rstrip(".") if parts else ""


# -- inside --------------------------------------------------------------------------------------------------


def _own() -> str:
    return (files(__package__) / "sources.yaml").read_text("utf-8")


def _parts(url: str) -> Any:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return None if re.search(r"[\x00-\x20\x7f\\]", url) else parts


def _port(url: str) -> int:
    parts = _parts(url)
    return (parts.port or (443 if parts.scheme == "https" else 80)) if parts else 0


def _source(row: Any, where: str) -> Source:
    if not isinstance(row, Mapping) or (unknown := set(row) - set(_FIELDS)):
        raise _wrong(where, f"unknown fields {sorted(map(str, unknown))}" if isinstance(row, Mapping) else "no entry")
    text = {name: str(row.get(name) or "").strip() for name in _FIELDS}
    for name, allowed in (("kind", KINDS), ("trust", TRUST), ("region", REGIONS), ("language", ("", "ko", "en"))):
        if text[name] not in allowed:
            raise _wrong(where, f"{name} {text[name]!r} is none of {', '.join(allowed)}")
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{1,59}", text["id"]):
        raise _wrong(where, f"id {text['id']!r} is not of small letters, digits and '-'")
    if not text["publisher"] or not text["terms"]:
        raise _wrong(where, "publisher and terms must say something")
    try:
        match = re.compile(text["match"], re.IGNORECASE) if text["match"] else None
        seconds, pages = float(row.get("seconds", 10)), int(row.get("pages", 10))
    except (re.error, TypeError, ValueError) as e:
        raise _wrong(where, str(e)) from e
    url = normal(text["url"])
    more = row.get("hosts") or []
    hosts = frozenset({host_of(url), *(str(h).strip().lower() for h in more if isinstance(more, list))})
    if not all(_HOST.fullmatch(h) or h in LOOPBACK for h in hosts):
        raise _wrong(where, "a host is not a host name")
    if not 0 <= seconds <= 3600 or not 1 <= pages <= MOST_PAGES:
        raise _wrong(where, f"seconds must lie in 0..3600 and pages in 1..{MOST_PAGES}")
    source = Source(
        text["id"], text["publisher"], url, text["kind"], text["trust"], text["terms"], text["language"],
        text["region"], hosts, match, seconds, pages,
    )  # fmt: skip
    if not source.allows(url):
        raise _wrong(where, f"{url!r} is no https address with a host (http is for loopback alone)")
    return source


def _wrong(where: str, what: str) -> ConfigError:
    return ConfigError(what, where=where, remedy="see the head of research/sources.yaml for the form of an entry")
