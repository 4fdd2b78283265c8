"""Ratios of this software against peers, each measured with its peer in the same process and run."""
