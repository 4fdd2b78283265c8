"""Event-driven workflows: what they watch is outside the asset graph or a change of state."""
