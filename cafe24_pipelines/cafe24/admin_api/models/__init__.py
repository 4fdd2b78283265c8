"""What the API's rows look like: a Struct a resource, under the API's own field names, odd spellings included.

The fields are all that is known: what an answer holds beyond them is unknown, and sealed. Keys are required, the rest
may be null or left out. Does not belong here: what becomes of a field (`cafe24/field_policy.py`).
"""
