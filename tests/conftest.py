"""What every test may use. The cast of people lives with the factories."""

from __future__ import annotations
