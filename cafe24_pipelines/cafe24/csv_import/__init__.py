"""A merchant's files become lake tables: mapping, lines, values, tables, and an account of every line.

Files by name: `contract` names the files and columns, `mapping` reads a merchant's YAML, `files` finds and decodes,
`records` splits lines, `reader` yields raw columns, `values` and `words` read single cells, `rows` holds typed rows
and why some were refused, `tables` builds the lake's tables.
Downloads of the Cafe24 admin: `headers` is the table of their columns, `recognise` tells a file by its headers,
`discover` walks the folder, `workbooks` and `sheets` open Excel, HTML and CSV, `pool` settles overlapping files,
`downloads`, `product_numbers` and `amounts` build the tables.
Both: `accounts` and `reconcile` account for every line, `shop` runs it all.

Does not belong here: the privacy line and writing to the lake (see `cafe24/landing.py`).
"""
