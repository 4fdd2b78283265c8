"""Detectors, one file each; `registry.detectors()` imports every module here."""
