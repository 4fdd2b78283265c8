"""The code location: every asset, check, job, schedule, sensor and resource, and nothing else.

Loading it opens no file and no connection. Tests call `build_defs` with resources of their own.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from cafe24_pipelines.assets import all_assets
from cafe24_pipelines.checks import all_checks
from cafe24_pipelines.jobs import all_jobs
from cafe24_pipelines.resources import resources_for
from cafe24_pipelines.schedules import all_schedules
from cafe24_pipelines.sensors import all_sensors


def build_defs(
    *, resources: Mapping[str, Any] | None = None, loggers: Mapping[str, dg.LoggerDefinition] | None = None
) -> dg.Definitions:
    """Definitions with the profile's resources, of which `resources` replaces those it names.

    One process runs all steps of a run: embedded stores are opened once, and models load once.
    """
    return dg.Definitions(
        assets=all_assets,
        asset_checks=all_checks,
        jobs=all_jobs,
        schedules=all_schedules,
        sensors=all_sensors,
        resources={**resources_for(), **(resources or {})},
        executor=dg.in_process_executor,
        loggers=loggers,
    )


defs = build_defs()
