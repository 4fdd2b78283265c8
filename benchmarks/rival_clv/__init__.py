"""Peers of the lifetime models, each in an environment of its own."""
