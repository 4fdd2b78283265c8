"""A home with a mall that leaves and one that stays, made once and copied for each test."""

import shutil
from pathlib import Path

import pytest

from cafe24_pipelines.settings import Settings

from .lifecycle_home import LEAVER, STAYER, fill, home_settings


@pytest.fixture(scope="session")
def two_lives(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Read only."""
    settings = home_settings(tmp_path_factory.mktemp("lives") / "home")
    for mall_id in (LEAVER, STAYER):
        fill(settings, mall_id)
    return settings


@pytest.fixture
def home(two_lives: Settings, tmp_path: Path) -> Settings:
    """A home of the test's own."""
    shutil.copytree(two_lives.home.root, tmp_path / "copy")
    return home_settings(tmp_path / "copy")
