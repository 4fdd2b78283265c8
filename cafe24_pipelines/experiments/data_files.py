"""The data and prompt files of this room, read once. Does not belong here: what they mean."""

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def yaml_file(name: str) -> Any:
    """A YAML file of `data/`."""
    import yaml

    return yaml.safe_load((files(__package__) / "data" / name).read_text("utf-8"))


@cache
def json_lines(name: str) -> tuple[dict[str, Any], ...]:
    """The objects of a JSON-lines file of `data/`."""
    text = (files(__package__) / "data" / name).read_text("utf-8")
    return tuple(json.loads(line) for line in text.splitlines() if line.strip())


@cache
def prompt(name: str) -> str:
    """A file of `prompts/`."""
    return (files(__package__) / "prompts" / name).read_text("utf-8")
