"""The head of a snippet, shared by tests of the check and of generation."""

HEAD = """
import os
import time
import httpx

API_URL = os.environ["CAFE24_API_URL"].rstrip("/")
TOKEN = os.environ["CAFE24_ACCESS_TOKEN"]
HEADERS = {"Authorization": f"Bearer {TOKEN}", "X-Cafe24-Api-Version": "2026-03-01"}
"""
