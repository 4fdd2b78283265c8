"""Event-driven workflows: what they watch is outside the asset graph or a change of state."""

from cafe24_pipelines.sensors import (
    ab_test,
    builds,
    churn,
    cross_pattern,
    dashboard,
    dependencies,
    failures,
    learning,
    lifecycle,
    orphans,
)

all_sensors = [
    *ab_test.ab_test_sensors,
    *builds.all_sensors,
    *churn.all_sensors,
    *cross_pattern.all_sensors,
    *dashboard.all_sensors,
    *dependencies.all_sensors,
    *failures.all_sensors,
    *learning.all_sensors,
    *lifecycle.all_sensors,
    *orphans.all_sensors,
]

__all__ = ["all_sensors"]
