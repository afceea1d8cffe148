"""What this floor does about events: integrators are told."""

from __future__ import annotations

from channels.webhooks import telling
from crm import registry

registry.reactors.add("channels.webhooks", telling.react, order=90)
