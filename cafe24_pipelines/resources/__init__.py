"""Dagster resources, one file a client.

They wrap what `parts.py` chooses for the profile; environment variables are read when a run starts.
"""

from typing import Any

from cafe24_pipelines.resources.cafe24 import Cafe24Resource
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.resources.graph import GraphResource
from cafe24_pipelines.resources.lake import LakeResource
from cafe24_pipelines.resources.slack import SlackResource
from cafe24_pipelines.resources.vectors import VectorsResource


def resources_for(home: str = "") -> dict[str, Any]:
    """Every resource by key. `home` overrides `CAFE24_HOME`; the profile comes from the environment."""
    return {
        "lake": LakeResource(home=home),
        "cafe24": Cafe24Resource(home=home),
        "events": EventsResource(home=home),
        "graph": GraphResource(home=home),
        "vectors": VectorsResource(home=home),
        "slack": SlackResource(home=home),
    }
