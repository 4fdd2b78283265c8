"""Slack as a resource: the webhook of the environment, or a file and the run's log while none is set."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from cafe24_pipelines.settings import Settings

if TYPE_CHECKING:
    from cafe24_pipelines.reports.publish import Sink


class SlackResource(dg.ConfigurableResource):
    """Where digests go. The address is read when a run starts and never shown in a run's configuration."""

    home: str = Field(default="", description="Folder of the installation; empty means CAFE24_HOME.")

    def sink(self, mall_id: str, say: Callable[[str], None]) -> "Sink":
        """The sink of a mall's messages; `say` is told them too where no webhook is set."""
        from cafe24_pipelines.reports.publish import sink_for

        return sink_for(Settings.from_env(home=self.home or None), mall_id, say)
