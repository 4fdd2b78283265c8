"""Command-line commands by concern; `cli.py` puts them together."""
