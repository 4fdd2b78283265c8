"""Published benchmarks from the web: allowed sources, careful visits, dated and cited claims.

Does not belong here: judging a mall against them (see `discovery/detectors/web_benchmarks.py`).
"""
