"""`manage.py doctor`: what is wrong, and what helps."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from config import doctor


class Command(BaseCommand):
    help = "Look at the whole set-up and say what is wrong and what helps. Exits 1 if something is."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        wrong = 0
        for finding in doctor.look():
            mark = self.style.ERROR("wrong") if finding.remedy else self.style.SUCCESS("ok   ")
            self.stdout.write(f"{mark} {finding.what}: {finding.answer}")
            if finding.remedy:
                wrong += 1
                self.stdout.write(f"      → {finding.remedy}")
        sys.exit(1 if wrong else 0)
