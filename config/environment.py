"""Reading the environment: `.env` of the checkout, then the process's own variables."""

from __future__ import annotations

import os

import environ

from config import places

env = environ.Env()
# What is already set wins over the file.
if os.environ.get("CAUCE_ENV_FILE", "") != "none":
    environ.Env.read_env(str(places.CHECKOUT / ".env"), overwrite=False)

KINDS = ("EMAIL", "SMS", "WHATSAPP", "PUSH", "ADS", "CALL", "POST", "WEBHOOK")


def provider_urls() -> dict[str, str]:
    """`PROVIDER_<KIND>_BASE_URL` by kind in lower case, only those that are set."""
    found = {kind.lower(): env.str(f"PROVIDER_{kind}_BASE_URL", default="") for kind in KINDS}
    return {kind: url for kind, url in found.items() if url}
