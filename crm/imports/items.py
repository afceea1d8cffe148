"""What an import brings beside contacts is noted as it comes in, so that it can be taken back for a while."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.db import connection

from crm import arrays, catalogue, orders


def note_orders(job: int, order_ids: Sequence[str]) -> None:
    """Purchases that were recorded just now."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO crm_importeditem (job_id, key, after) SELECT %s, o.order_id, {orders.IMAGE}
                FROM crm_order o WHERE o.order_id = ANY(%s) ORDER BY o.id""",  # noqa: S608 - our own names
            [job, list(order_ids)],
        )


def noted_goods(job: int, kind: str, keys: Sequence[str], store: Callable[[], object]) -> None:
    """Store products or stock levels, and note how each was before and is now."""
    before = catalogue.images(kind, keys)
    store()
    after = catalogue.images(kind, keys)
    _note([(job, key, before.get(key), image) for key, image in after.items() if before.get(key) != image])


def note_stops(job: int, addresses: Sequence[tuple[str, str]]) -> None:
    """Every address the file names, also those that were stopped before: what two files say, one cannot lift."""
    _note([(job, f"{medium}:{hashed}", None, None) for medium, hashed in dict.fromkeys(addresses)])


def _note(rows: Sequence[tuple[int, str, str | None, str | None]]) -> None:
    arrays.insert("crm_importeditem", {"job_id": "bigint", "key": "text", "before": "jsonb", "after": "jsonb"}, rows)
