"""Event-driven workflows: what they watch is outside the asset graph or a change of state."""

from cafe24_pipelines.sensors import ab_test, builds, cross_pattern, dashboard, failures, lifecycle

all_sensors = [
    *ab_test.ab_test_sensors,
    *builds.all_sensors,
    *cross_pattern.all_sensors,
    *dashboard.all_sensors,
    *failures.all_sensors,
    *lifecycle.all_sensors,
]

__all__ = ["all_sensors"]
