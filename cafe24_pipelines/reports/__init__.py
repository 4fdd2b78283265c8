"""Reports, which a merchant reads without asking: a snapshot of what is published, its page, a digest to Slack.

Computes no figure: each is read from a published projection and carries its name. Imports no Dagster.
"""
