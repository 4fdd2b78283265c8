"""The lake as a resource, and the writer's lock that a run holds while it has the lake.

In the embedded profile the run queue admits one run at a time, but `cafe24 run` starts beside that queue. So every
run takes the home's lock before its first step and gives it back after its last; a second one waits.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from cafe24_pipelines import parts
from cafe24_pipelines.cafe24.malls import Mall, mall
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.files import writer_lock

if TYPE_CHECKING:
    from cafe24_pipelines.stores.lake import MallLake


class LakeResource(dg.ConfigurableResource):
    """Landed truth of every mall, open for the one run that writes."""

    home: str = Field(default="", description="Folder of the installation; empty means CAFE24_HOME.")

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["LakeResource"]:
        """Hold the writer's lock for as long as the run has this resource."""

        def waiting() -> None:
            if context.log:
                context.log.info("another run is writing; this one goes on when that has ended")

        with writer_lock(self.settings().home.writer_lock, waiting=waiting):
            yield self

    def settings(self) -> Settings:
        """Settings of this installation, read now."""
        return Settings.from_env(home=self.home or None)

    def mall(self, mall_id: str) -> Mall:
        """The registered mall (ConfigError if it is unknown)."""
        return mall(self.settings().home, mall_id)

    def of(self, mall_id: str) -> "MallLake":
        """The landed tables of one mall."""
        return parts.mall_lake(self.settings(), mall_id)
