"""How fast django-post_office sends what our pipeline sends: the same letter, values, sink and number of workers.

    python -m benchmarks.send       # runs it; alone it needs a server, a sink and the database `rival`

post_office lives in a process and a database of its own, on the same PostgreSQL server. Only sending is timed:
from the first look at the queue to the last status written. It is tried as it comes, which is what the target is
about (docs/decisions/0030), and with several settings, the best of which is told beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

DATABASE = "rival"
VALUES = {
    "contact": {"given_name": "Ada", "city": ""},
    "entry": {"items": ["one", "two", "three", "four", "five"]},
}


class Setting(NamedTuple):
    """Documented settings that bear on speed. `log` 2 keeps a row per message sent (the default), 0 keeps nothing."""

    batch: int
    threads: int
    log: int

    def __str__(self) -> str:
        return f"BATCH_SIZE {self.batch}, THREADS_PER_PROCESS {self.threads}, LOG_LEVEL {self.log}"


class Best(NamedTuple):
    """Messages a second: as it comes, at its best (rendered while sending, as ours are), rendered off the clock."""

    plain: float
    rate: float
    setting: str
    prepared: float


def measure(messages: int, workers: int, port: int) -> Best:
    """The best of the rival in a process of its own. The database server is the one of the running installation."""
    import psycopg2
    from psycopg2.extensions import make_dsn

    from benchmarks import ground

    where = ground.address()
    admin = psycopg2.connect(make_dsn(**where | {"dbname": "postgres"}))
    admin.autocommit = True
    try:
        with admin.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
            cursor.execute(f"CREATE DATABASE {DATABASE}")
            asked = {**where, "messages": messages, "workers": workers, "sink": port}
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.rival", json.dumps(asked)],
                cwd=Path(__file__).resolve().parent.parent,
                env={key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"},
                stdout=subprocess.PIPE, text=True, check=True,
            )  # fmt: skip
            cursor.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")
    finally:
        admin.close()
    *told, last = done.stdout.splitlines()
    print("\n".join(told), flush=True)
    return Best(**json.loads(last))


def configure(asked: dict[str, str]) -> None:
    import django
    from django.conf import settings

    settings.configure(
        SECRET_KEY="benchmark" * 8,
        INSTALLED_APPS=["post_office"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql", "NAME": DATABASE, "HOST": asked.get("host", ""),
                "PORT": asked.get("port", ""), "USER": asked.get("user", ""), "PASSWORD": asked.get("password", ""),
            }
        },
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=int(asked["sink"]),
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        POST_OFFICE={},
        LOGGING={
            "version": 1,
            "handlers": {"errors": {"class": "logging.StreamHandler", "level": "ERROR"}},
            "loggers": {"post_office": {"handlers": ["errors"], "level": "ERROR"}},
        },
    )  # fmt: skip
    django.setup()


def queue(count: int, render_on_delivery: bool) -> None:
    """`count` mails that are due, and none else."""
    from django.db import connection
    from post_office import mail
    from post_office.models import EmailTemplate

    from benchmarks.send import LETTER

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE post_office_email, post_office_log CASCADE")
    # Django's template language wants no space before an argument.
    words = {name: LETTER[name].replace("default: ", "default:") for name in ("subject", "text", "html")}
    template, _ = EmailTemplate.objects.update_or_create(
        name="still-yours",
        defaults={"subject": words["subject"], "content": words["text"], "html_content": words["html"]},
    )
    for start in range(0, count, 1000):
        mail.send_many(
            [
                {
                    "recipients": f"p{n}@example.com", "sender": LETTER["from_address"], "template": template,
                    "context": VALUES, "render_on_delivery": render_on_delivery,
                }
                for n in range(start, min(start + 1000, count))
            ]
        )  # fmt: skip


def again() -> None:
    """All mails are due once more; the tables as tidy as ours are before they are measured."""
    from django.db import connection
    from post_office.models import STATUS

    with connection.cursor() as cursor:
        cursor.execute("UPDATE post_office_email SET status = %s", [STATUS.queued])
        cursor.execute("TRUNCATE post_office_log")
        cursor.execute("VACUUM FULL ANALYZE post_office_email")
        cursor.execute("CHECKPOINT")
    connection.close()  # its workers are forks


def send(setting: Setting, count: int, workers: int, lock: str) -> float:
    """Send what is queued: messages a second."""
    from django.conf import settings
    from post_office import mail
    from post_office.models import STATUS, Email

    settings.POST_OFFICE = {
        "BATCH_SIZE": setting.batch, "THREADS_PER_PROCESS": setting.threads, "LOG_LEVEL": setting.log,
        "BATCH_DELIVERY_TIMEOUT": 900,
    }  # fmt: skip
    again()
    begun = time.perf_counter()
    mail.send_queued_mail_until_done(lock, processes=workers)
    seconds = time.perf_counter() - begun
    sent = Email.objects.filter(status=STATUS.sent).count()
    assert sent == count, f"{sent} of {count} were sent"
    return count / seconds


def main(asked: dict[str, str]) -> None:
    configure(asked)
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    count, workers = int(asked["messages"]), int(asked["workers"])
    tried = [
        Setting(100, 5, 2),  # its defaults
        Setting(1000, 5, 2),
        Setting(1000, 1, 2),
        Setting(count, 5, 2),
        Setting(count, 1, 2),
        Setting(count, 1, 0),
        Setting(1000, 1, 0),
    ]
    with tempfile.TemporaryDirectory() as folder:
        lock = str(Path(folder) / "lock")
        queue(100, render_on_delivery=True)
        send(tried[0], 100, workers, lock)  # warm: what is imported late, the name of this host
        queue(count, render_on_delivery=True)
        rates = {}
        for setting in tried:
            rates[setting] = send(setting, count, workers, lock)
            print(f"rival      {rates[setting]:8.0f} msg/s   {setting}")
        best = max(rates, key=lambda each: rates[each])
        queue(count, render_on_delivery=False)
        prepared = send(best, count, workers, lock)
        print(f"rival      {prepared:8.0f} msg/s   {best}, rendered before the clock starts")
    print(json.dumps(Best(rates[tried[0]], rates[best], str(best), prepared)._asdict()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("asked", type=json.loads, help="JSON: host, user, messages, workers, sink (a port)")
    main(parser.parse_args().asked)
