"""Event-driven workflows: what they watch is outside the asset graph or a change of state."""

from cafe24_pipelines.sensors.builds import all_sensors

__all__ = ["all_sensors"]
