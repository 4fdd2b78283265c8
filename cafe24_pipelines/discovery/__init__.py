"""Pattern detectors and the statistics they must survive."""
