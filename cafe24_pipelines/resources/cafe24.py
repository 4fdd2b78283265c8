"""The Cafe24 Admin API as a resource: one mall's sync, opened for the step that needs it.

A sync holds its mall's own lock, not the home's writer lock: a back-fill of hours doesn't keep other malls waiting.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from cafe24_pipelines import parts
from cafe24_pipelines.cafe24.malls import mall
from cafe24_pipelines.settings import Settings

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.sync import MallSync
    from cafe24_pipelines.stores.records import ApiLake


class Cafe24Resource(dg.ConfigurableResource):
    """The Admin API of every registered mall; credentials come from the environment and the token store."""

    home: str = Field(default="", description="Folder of the installation; empty means CAFE24_HOME.")

    def _settings(self) -> Settings:
        return Settings.from_env(home=self.home or None)

    def is_source_of(self, mall_id: str) -> bool:
        """Whether the mall's data comes from the Admin API."""
        return mall(self._settings().home, mall_id).source == "api"

    def landed(self, mall_id: str) -> "ApiLake":
        """What has landed from the mall's API."""
        return parts.api_lake(self._settings(), mall_id)

    @contextmanager
    def sync(self, mall_id: str, progress: Callable[[str], None]) -> Iterator["MallSync"]:
        """The mall's sync; its client is closed after use."""
        settings = self._settings()
        with parts.mall_sync(settings, mall(settings.home, mall_id), progress=progress) as opened:
            yield opened
