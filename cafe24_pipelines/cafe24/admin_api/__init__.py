"""Speaking with the Cafe24 Admin API: consent and tokens, call budgets, the HTTP client, and what its answers hold.

Modules: `clock`, `errors`, `oauth` (consent, state, the token endpoint), `launch` (the app launch's HMAC), `tokens`
(the sealed pair in `token_store` and its single-flight `renewal`), `limits` (the call budget that all processes of a
mall share, reckoned by `pace`), `client` (calls and repeats, over `transport`, with `answers`, `server_time` and
`version`), `models` and `resources` (what can be read), `line` (the privacy line of API rows).
Does not belong here: which windows to read and when (see `sync/`), or how rows are stored (see `stores/records.py`).
"""
