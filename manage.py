#!/usr/bin/env python
"""Run a command of the project; without `DATABASE_URL` on the embedded PostgreSQL."""

import os
import sys

# They look after the server themselves, or need none.
WITHOUT_DATABASE = {
    "up", "doctor", "database_url", "help", "version", "--help", "--version", "makemessages", "compilemessages",
    "collectstatic", "diffsettings", "test", "spectacular",
}  # fmt: skip


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    if command not in WITHOUT_DATABASE:
        _ensure_database()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


def _ensure_database() -> None:
    from config import embedded, environment, places

    if environment.env.str("DATABASE_URL", default=""):
        return
    try:
        embedded.ensure(places.home_from())
    except places.CannotStart as error:
        sys.exit(f"{error}\n`manage.py doctor` looks at the whole set-up.")
    embedded.release_at_exit(places.home_from())


if __name__ == "__main__":
    main()
