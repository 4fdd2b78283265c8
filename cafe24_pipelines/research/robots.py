"""What robots.txt lets us visit, after RFC 9309.

The standard library's `urllib.robotparser` is not used: it knows no `*` and `$` inside a path, takes the first rule
that fits where the standard takes the longest, and reads a site that answers 5xx as open. Does not belong here:
fetching the file.
"""

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote, urlsplit

MOST_BYTES: Final = 500 * 1024
"""Of a robots.txt that are read; the standard asks for at least so many."""
MOST_RULES: Final = 2000
MOST_DELAY: Final = 60.0
"""Seconds between requests that a site may ask for; a site that asks for more is visited at this pace."""


@dataclass
class Robots:
    """The rules for one host: longest match wins, of two equal ones the allowing."""

    rules: list[tuple[bool, str]] = field(default_factory=list)
    delay: float = 0.0
    closed: bool = False

    def allows(self, url: str) -> bool:
        """Whether an address may be visited."""
        if self.closed:
            return False
        parts = urlsplit(url)
        path = _spelled((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        if path == "/robots.txt":
            return True
        fitting = [(len(rule), allowed) for allowed, rule in self.rules if _fits(rule, path)]
        return max(fitting, default=(0, True))[1]


def read_robots(text: str, agent: str) -> Robots:
    """The rules of the groups that name `agent`; of the groups for `*` when none does."""
    groups = _groups(text)
    mine = [g for g in groups if any(_product(name) == agent.lower() for name in g[0])]
    chosen = mine or [g for g in groups if "*" in g[0]]
    rules = [rule for group in chosen for rule in group[1]][:MOST_RULES]
    return Robots(rules, min(max((g[2] for g in chosen), default=0.0), MOST_DELAY))


def _groups(text: str) -> list[tuple[list[str], list[tuple[bool, str]], float]]:
    """(agents, rules, delay) of every group; lines that say nothing known are skipped."""
    groups: list[tuple[list[str], list[tuple[bool, str]], float]] = []
    names_open = False
    for line in text.lstrip("\ufeff").splitlines():
        key, colon, value = line.partition("#")[0].partition(":")
        key, value = key.strip().lower(), value.strip()
        if not colon:
            continue
        if key == "user-agent":
            if not names_open:
                groups.append(([], [], 0.0))
            groups[-1][0].append(value.lower())
            names_open = True
        elif groups and key in ("allow", "disallow"):
            names_open = False
            if value:
                groups[-1][1].append((key == "allow", _spelled(value)))
        elif groups and key == "crawl-delay":
            names_open = False
            seconds = float(value) if re.fullmatch(r"\d{1,6}(\.\d{1,3})?", value) else 0.0
            groups[-1] = (groups[-1][0], groups[-1][1], max(groups[-1][2], seconds))
    return groups


def _product(name: str) -> str:
    """The name of a crawler without its version; the whole of it counts, "search" is not "research"."""
    return name.partition("/")[0].split()[0] if name.partition("/")[0].split() else ""


def _spelled(path: str) -> str:
    """One spelling of a path, whatever was percent-encoded in it."""
    return quote(unquote(path, errors="replace"), safe="/?&=*$%:@!'(),;+~-._")


def _fits(rule: str, path: str) -> bool:
    """Whether a rule's path fits the beginning of a path; `*` is anything, `$` at the end is the end.

    Pieces between stars are looked for from left to right: no pattern can make this slow.
    """
    ends = rule.endswith("$")
    first, *rest = (rule[:-1] if ends else rule).split("*")
    if not path.startswith(first):
        return False
    at = len(first)
    for n, piece in enumerate(rest):
        if ends and n == len(rest) - 1:
            return len(path) - len(piece) >= at and path.endswith(piece)
        found = path.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return not ends or at == len(path)
