"""How fast e-mail leaves: claim, gate, render, MIME, SMTP, outcome, events; against postfix's smtp-sink.

    python -m benchmarks.send [--messages 6000] [--workers 2] [--profile]

It uses a PostgreSQL of its own (embedded) and prints, for the same rows and template:
  floor       a bare pipelined SMTP client sending one prebuilt message to the same sink
  no marks    the whole pipeline, one durable commit per batch of 50
  marks       the whole pipeline with a start mark per message (the default)
  rival       django-post_office with the same letter and as many workers (benchmarks/rival.py)
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
STYLE = "margin:0 0 16px;font:16px/1.5 sans-serif;color:#1d2733"
PARAGRAPH = f"<p style='{STYLE}'>We have kept these for you, and there are not many left of them. </p>\n"
HTML = (
    "<html><body><h1>Dear {{ contact.given_name | default: 'customer' }}</h1>\n" + PARAGRAPH * 30
    + "{% if contact.city != '' %}<p>Our shop in {{ contact.city }} is open.</p>{% endif %}"
    + "<ul>{% for n in entry.items %}<li>{{ n }}</li>{% endfor %}</ul>"
    + "<p><a href='https://shop.example/a'>one</a> <a href='https://shop.example/b'>two</a></p>\n"
    + PARAGRAPH * 30 + "</body></html>"
)  # fmt: skip
LETTER = {
    "subject": "Still yours, {{ contact.given_name | default: 'customer' }}",
    "html": HTML,
    "text": "Dear {{ contact.given_name | default: 'customer' }},\nwe have kept these for you.\nhttps://shop.example/a\n",
    "from_address": "shop@shop.example",
}


def sink(port: int) -> subprocess.Popen[bytes]:
    program = shutil.which("smtp-sink", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None:
        raise SystemExit("smtp-sink is missing: apt-get install postfix")
    child = subprocess.Popen([program, "-u", "nobody", f"127.0.0.1:{port}", "1000"])
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return child
        except OSError:
            time.sleep(0.05)
    raise SystemExit("smtp-sink does not answer")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def prepare(count: int) -> None:
    """`count` people who allow offers, each with a message that is due; no quiet hours, no cap in the way."""
    from channels import content
    from crm.models import Workspace
    from tests.channels import people

    Workspace.objects.update_or_create(
        only=True, defaults={"quiet_from": "00:00", "quiet_until": "00:00", "cap_messages": 1000}
    )
    found = people.people(count)
    content_id = content.publish("email", LETTER)
    context = {"entry": {"items": ["one", "two", "three", "four", "five"]}}
    people.ask(found, content_id=content_id, context=context)


def again() -> None:
    """All messages are due once more, as if nothing had happened."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "UPDATE channels_message SET state = 'due', started_at = NULL, handed_at = NULL, counted_at = NULL,"
            " settled_at = NULL, attempts = 0, claims = 0, provider_message_id = '', slots = NULL, judged = NULL"
        )
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("TRUNCATE channels_attempt, crm_reaction")
        cursor.execute("VACUUM FULL ANALYZE channels_message")
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


def work(profile: bool) -> None:
    """A worker: rounds until nothing is due. Prints its CPU seconds."""
    from channels import accounts
    from channels.outbox import delivery

    accounts.active()
    sys.stdin.readline()
    before = resource.getrusage(resource.RUSAGE_SELF)
    if profile:
        import cProfile
        import pstats

        profiler = cProfile.Profile()
        profiler.enable()
    while delivery.deliver():
        pass
    if profile:
        profiler.disable()
        pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(35)
    after = resource.getrusage(resource.RUSAGE_SELF)
    print(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def floor(port: int, count: int) -> float:
    """A bare client on one connection: what the sink and the socket can do."""
    from channels.providers.smtp import Smtp
    from channels.types import Outgoing

    carrier = Smtp.build({"host": "127.0.0.1", "port": port}, {}, timeout=10)
    mime = b"Message-ID: <x@y.example>\r\nSubject: x\r\n\r\n" + (b"x" * 76 + b"\r\n") * 150
    message = Outgoing(1, "k", "email", "a@b.example", {"sender": "c@d.example", "mime": mime})
    carrier.send(message)
    begun = time.perf_counter()
    for _ in range(count):
        carrier.send(message)
    return count / (time.perf_counter() - begun)


def pipeline(name: str, count: int, workers: int, environment: dict[str, str], profile: bool) -> float:
    again()
    command = [sys.executable, "-m", "benchmarks.send", "--work", *(["--profile"] if profile else [])]
    children = [
        subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **environment}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(workers)
    ]
    time.sleep(3 + workers)
    server = _server_cpu()
    begun = time.perf_counter()
    for child in children:
        assert child.stdin is not None
        child.stdin.write(b"\n")
        child.stdin.flush()
    cpu = sum(float(child.communicate()[0].split()[-1]) for child in children)
    seconds = time.perf_counter() - begun
    server = _server_cpu() - server
    from channels.models import Message

    sent = Message.objects.filter(state="accepted").count()
    assert sent == count, f"{sent} of {count} were sent"
    each = f"python {cpu / count * 1e6:5.0f} µs   postgresql {server / count * 1e6:5.0f} µs"
    print(f"{name:10} {count / seconds:8.0f} msg/s   {each}   {count / (cpu + server):6.0f} a CPU second", flush=True)
    if os.environ.get("BENCH_TABLES"):
        print(_tables())
    return count / seconds


def _tables() -> str:
    """How the message table was written: updates, of them HOT, and its size a row."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT n_tup_upd, n_tup_hot_upd, n_dead_tup, pg_relation_size(relid) / greatest(n_live_tup, 1),"
            " (SELECT avg(pg_column_size(m.*))::int FROM channels_message m) FROM pg_stat_user_tables"
            " WHERE relname = 'channels_message'"
        )
        return "updates {}, hot {}, dead {}, bytes a row on disk {}, bytes a row {}".format(*cursor.fetchone())


def _server_cpu() -> float:
    """CPU seconds of all PostgreSQL processes of this benchmark, the ended ones too."""
    import psutil

    from config import embedded
    from config.places import home_from

    postmaster = psutil.Process(embedded.postmaster(home_from()))
    own = postmaster.cpu_times()
    total = own.children_user + own.children_system
    for child in postmaster.children(recursive=True):
        times = child.cpu_times()
        total += times.user + times.system
    return float(total)


def main(options: argparse.Namespace) -> None:
    home = Path(tempfile.mkdtemp(prefix="cauce-bench-", dir="/tmp"))
    home.chmod(0o711)
    port = free_port()
    os.environ |= {
        "CAUCE_HOME": str(home), "CAUCE_ENV_FILE": "none", "CAUCE_MODE": "live", "LOG_LEVEL": "ERROR",
        "EMAIL_URL": f"smtp://127.0.0.1:{port}", "DJANGO_SETTINGS_MODULE": "config.settings",
        "CELERY_BROKER_URL": "memory://", "DEBUG": "0", "CAUCE_PROCESS": "bench",
        "SECRET_KEY": "benchmark" * 8, "SUPPRESSION_PEPPER": "benchmark" * 8, "BASE_URL": "https://c.example",
    }  # fmt: skip
    os.environ.pop("DATABASE_URL", None)
    from config import embedded

    taker = sink(port)
    try:
        embedded.ensure(home)
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        prepare(options.messages)
        bare = floor(port, 3000)
        print(f"floor      {bare:8.0f} msg/s   one bare pipelined connection to the same sink")
        from benchmarks import ground, rival
        from benchmarks.ground import Figure

        plain: Any = pipeline("no marks", options.messages, options.workers, {"HANDOFF_MARKS": "0"}, options.profile)
        marked: Any = pipeline("marks", options.messages, options.workers, {}, options.profile)
        note = f"Liquid, {options.workers} workers, the sink on the same cores"
        ground.report(Figure("e-mail pipeline, batches of 50", plain, bare, "msg/s", "≥ 3,000/s", note))
        ground.report(
            Figure("e-mail pipeline with a mark per message", marked, plain, "msg/s", "≥ 0.75 of that without")
        )
        theirs = rival.measure(options.messages, options.workers, port)
        name = "e-mail pipeline beside django-post_office in the same run"
        note = f"a status per 100 messages; ours with marks {marked / theirs.plain:.1f} ×"
        ground.report(Figure(f"{name}, as it comes", plain, theirs.plain, "msg/s", "≥ 4 ×", note))
        note = (
            f"theirs with {theirs.setting}; ours with marks {marked / theirs.rate:.1f} ×;"
            f" theirs rendered beforehand {theirs.prepared:,.0f}"
        )
        ground.report(Figure(f"{name}, at its best", plain, theirs.rate, "msg/s", "none, told for the reader", note))
        ground.save()
    finally:
        taker.kill()
        taker.wait()
        from django.db import connection

        connection.close()
        embedded.release(home)
        data = (home / "postgres").resolve()
        shutil.rmtree(home, ignore_errors=True)
        shutil.rmtree(data, ignore_errors=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=6000)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--work", action="store_true")
    given = parser.parse_args()
    if given.work:
        import django

        django.setup()
        work(given.profile)
    else:
        main(given)
