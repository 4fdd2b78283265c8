"""What others reach over HTTP and MCP: the API, webhooks, the consent flow, health and metrics. A small FastAPI app.

Does not belong here: answering (`answers/`), what an event means (`cafe24/webhooks.py`) or tokens.
"""
