"""From a question to checked Python: grounded in the catalogue, checked, run in isolation, with its verdict."""
