"""The event log as a resource."""

import dagster as dg
from pydantic import Field

from cafe24_pipelines import parts
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import EventLog


class EventsResource(dg.ConfigurableResource):
    """What can't be recomputed: dates of discovery, feedback, verdicts."""

    home: str = Field(default="", description="Folder of the installation; empty means CAFE24_HOME.")

    def settings(self) -> Settings:
        """Settings of this installation, read now."""
        return Settings.from_env(home=self.home or None)

    def log(self) -> EventLog:
        """The event log of this installation."""
        return parts.event_log(self.settings())
