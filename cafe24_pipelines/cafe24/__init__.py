"""Where a shop's data comes in: sources, mapping, the privacy line, landing.

Does not belong here: storage formats (see `stores/`) or what the numbers mean (see `crm/`).
"""
