"""Models of a customer's lifetime: how often they will still buy, for how much, and how sure that is.

Arrays in, arrays out; one module reads a shop (`buyers.py`). Does not belong here: analyses (see `crm/clv.py`, which
registers the one that uses these).
"""
