"""Malls that several tests share: built once, each test with its own file for writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cafe24_pipelines.sandbox.mall.mall import SandboxMall


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Builds a mall of those arguments once in the session and gives its file."""
    folder = tmp_path_factory.mktemp("malls")

    def build(**arguments: int) -> Path:
        name = "-".join(f"{key}{value}" for key, value in sorted(arguments.items()))
        path = folder / f"{name}.mall"
        SandboxMall.build(path, **arguments).close()
        return path

    return build


@pytest.fixture
def opened(built: Callable[..., Path], tmp_path: Path) -> Callable[..., SandboxMall]:
    """A mall of those arguments with a file for writes of its own."""

    def open_(**arguments: int) -> SandboxMall:
        return SandboxMall.open(built(**arguments), overlay=tmp_path / "writes")

    return open_


@pytest.fixture
def mall(opened: Callable[..., SandboxMall]) -> Iterator[SandboxMall]:
    """300 customers, two shops."""
    with closing(opened(customers=300, seed=7, shops=2)) as found:
        yield found
