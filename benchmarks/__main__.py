"""`make bench`: run all benchmarks, or those named on the command line."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys

ALL = (
    "imports",
    "segments",
    "upkeep",
    "runs",
    "send",
    "intake",
    "latency",
    "ticks",
    "pages",
    "tills",
    "webhooks",
    "builder",
)
# Sets up an installation of its own, with its own settings.
APART = {"send"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
    import django

    django.setup()
    from benchmarks import ground

    for name in sys.argv[1:] or ALL:
        if name in APART:
            subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)
            continue
        module = importlib.import_module(f"benchmarks.{name}")
        ground.fresh_database()
        module.main()
        ground.save()


if __name__ == "__main__":
    main()
