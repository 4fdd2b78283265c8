"""The parts of the churn analysis: cut dates, features, labels, candidates, calibration, judging, reasons.

`study.py` puts them together and `crm/churn.py` tells the result. Does not belong here: what a merchant reads about
a whole shop, or what is done about a customer (see `crm/churn.py` and the write-back).
"""
