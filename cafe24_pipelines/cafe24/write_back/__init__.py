"""Write-back to the mall: members moved into a tier, coupons issued to them; a dry run unless told otherwise.

`targets` looks up what is written to, `members` whom it concerns, `plan` says exactly what would be sent, `sending`
sends it once and audits it, `check` reads back what happened, `report` and `words` tell it, `commands` is what the
command line calls.
Does not belong here: who should get what (see `crm/`), or HTTP (see `admin_api/`).
"""
