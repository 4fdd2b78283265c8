"""A home with a mall whose source is broken, and the servers that operations talk to."""

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the folder's own helpers; tests are no package
sys.path.insert(0, str(Path(__file__).parents[1] / "servers"))

from cafe24_pipelines.assets import policies
from cafe24_pipelines.cafe24.malls import Mall, register
from cafe24_pipelines.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home in which the mall `shop` reads files from a folder that is empty."""
    settings = Settings.from_env({}, home=tmp_path / "home")
    (tmp_path / "files").mkdir()
    register(settings.home, Mall("shop", source="csv", path=str(tmp_path / "files")))
    return settings


@pytest.fixture
def copy(small_mall: Settings, tmp_path: Path) -> Settings:
    """A copy of the small sandbox mall on which the whole chain ran."""
    settings = Settings.from_env({}, home=tmp_path / "copy")
    shutil.copytree(small_mall.home.root, settings.home.root)
    return settings


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow each other at once."""
    monkeypatch.setattr(policies, "WAITS", (0, 0))
