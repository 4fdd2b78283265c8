"""What the asset and the command call: one collection with the installation's settings.

Does not belong here: how any of it is done.
"""

from typing import TYPE_CHECKING, Final

from cafe24_pipelines.research.collect import Propose, Report, collect
from cafe24_pipelines.research.sources import load_sources
from cafe24_pipelines.settings import Settings

if TYPE_CHECKING:
    from cafe24_pipelines.stores.events import EventLog

VISITS: Final = "_visits"
"""Folder of the file of visits, beside the malls' comparisons; no mall can have this id."""
_MOST_TOKENS: Final = 2000


def collect_research(settings: Settings, log: "EventLog") -> Report:
    """Visit the allowed sources and log what is new.

    Raises:
        ConfigError: the list of sources makes no sense.
    """
    sources = load_sources(settings.research_sources)
    return collect(log, settings.home.research / VISITS, sources, propose=_propose(settings))


def _propose(settings: Settings) -> Propose:
    """A model beside the rules, where CAFE24_RESEARCH_MODEL is 1 and LLM_MODEL names a generative one."""
    from cafe24_pipelines import parts
    from cafe24_pipelines.research.model_claims import proposer

    if not settings.research_model:
        return lambda text: []
    model = parts.language_model(settings)
    if model.local:
        return lambda text: []
    return proposer(lambda messages: model.complete(messages, max_tokens=_MOST_TOKENS).text, model.model)
