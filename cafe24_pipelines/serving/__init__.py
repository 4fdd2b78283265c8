"""What listens for Cafe24 and its operators: webhooks, the consent flow, health. A small Starlette app.

Does not belong here: what an event means (`cafe24/webhooks.py`) or tokens (`cafe24/admin_api/`).
"""
