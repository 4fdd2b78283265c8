"""A merchant's CSV files become lake tables: mapping, lines, values, tables, and an account of every line.

`contract` names the files and columns, `mapping` reads a merchant's YAML, `files` finds and decodes, `records`
splits lines, `reader` yields raw columns, `values` reads single values, `rows` holds typed rows and why some were
refused, `tables` builds the lake's tables, `reconcile` accounts for every line, `shop` runs it all.

Does not belong here: the privacy line and writing to the lake (see `cafe24/landing.py`).
"""
