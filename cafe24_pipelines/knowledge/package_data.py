"""The package's own knowledge files: guides and articles as Markdown under a short head, tables as CSV or TOML.

A Markdown file opens with `key: value` lines between two `---` lines. Read through `importlib.resources`, so that it
works from a wheel. Does not belong here: what the files say or become.
"""

import csv
import tomllib
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any


def markdown_files(folder: str) -> Iterator[tuple[str, dict[str, str], str]]:
    """(file name without its ending, head, body) of every Markdown file of a folder, sorted by name."""
    for file in sorted((_root() / folder).iterdir(), key=lambda f: f.name):
        if file.name.endswith(".md"):
            _, head, body = file.read_text(encoding="utf-8").split("---\n", 2)
            pairs = (line.split(":", 1) for line in head.splitlines() if line.strip())
            yield file.name.removesuffix(".md"), {k.strip(): v.strip() for k, v in pairs}, body.strip()


def csv_rows(name: str) -> list[dict[str, str]]:
    """The rows of a CSV file with a header."""
    text = (_root() / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def toml_table(name: str) -> dict[str, Any]:
    """The content of a TOML file."""
    return tomllib.loads((_root() / name).read_text(encoding="utf-8"))


def _root() -> Traversable:
    return resources.files("cafe24_pipelines.knowledge") / "data"
