"""The chain of consent receipts: one text per receipt, hashed alike in Python and in SQL.

Each receipt's hash covers the one before it in its chain (decision B24), so nothing
can be altered, put in or taken out of the middle unseen. What is personal enters as
HMAC: the address, the source and the evidence, which erasure may empty.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import connection

from crm import arrays, suppression

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# The order of the hashed parts, and how each column is written as text in SQL.
INSTANT = "coalesce((extract(epoch FROM {0}) * 1000000)::bigint::text, '')"
PARTS: Final = {
    "prev_hash": "{0}",
    "chain": "{0}::text",
    "chain_seq": "{0}::text",
    "purpose": "{0}",
    "channel": "{0}",
    "address_hash": "{0}",
    "action": "{0}",
    "basis": "{0}",
    "method": "{0}",
    "source_hash": "{0}",
    "wording": "{0}",
    "until": INSTANT,
    "expires_at": INSTANT,
    "occurred_at": INSTANT,
    "recorded_at": INSTANT,
    "evidence_hash": "{0}",
}

COLUMNS: Final = {
    "contact_id": "bigint",
    "chain": "bigint",
    "chain_seq": "int",
    "purpose": "text",
    "channel": "text",
    "address_id": "bigint",
    "address_hash": "text",
    "action": "text",
    "basis": "text",
    "method": "text",
    "source": "text",
    "source_hash": "text",
    "wording": "text",
    "evidence": "jsonb",
    "evidence_hash": "text",
    "until": "timestamptz",
    "expires_at": "timestamptz",
    "occurred_at": "timestamptz",
    "recorded_at": "timestamptz",
    "prev_hash": "text",
    "hash": "text",
}


@dataclass(frozen=True)
class Head:
    """The end of a chain: what the next receipt continues."""

    seq: int = 0
    hash: str = ""


def hash_sql(columns: Mapping[str, str] | str = "") -> str:
    """The hash as an SQL expression: over an alias, or over an expression per part.

    A set-based import uses it with its own expressions; `verify_ledger` with the table's columns.
    """
    if isinstance(columns, str):
        columns = {part: f"{columns}.{part}" if columns else part for part in PARTS}
    texts = [form.format(columns[part]) for part, form in PARTS.items()]
    framed = " || ".join(f"octet_length({text})::text || ':' || {text}" for text in texts)
    return f"encode(sha256(convert_to({framed}, 'UTF8')), 'hex')"


def hash_of(values: Mapping[str, Any]) -> str:
    """The same hash in Python."""
    framed = "".join(f"{len(text.encode())}:{text}" for text in (_text(values[part]) for part in PARTS))
    return hashlib.sha256(framed.encode()).hexdigest()


def evidence_hash(evidence: Mapping[str, Any]) -> str:
    """HMAC of the evidence in its canonical JSON; empty for none."""
    if not evidence:
        return ""
    return suppression.keyed_hash(json.dumps(_canonical(evidence), sort_keys=True, ensure_ascii=False))


def source_hash(source: str) -> str:
    """HMAC of where it was said; empty for nowhere."""
    return suppression.keyed_hash(source) if source else ""


def heads(chains: Sequence[int]) -> dict[int, Head]:
    """Where each chain ends; the caller holds the lock on its contact."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT c.chain, r.chain_seq, r.hash FROM unnest(%s::bigint[]) AS c(chain),
                 LATERAL (SELECT chain_seq, hash FROM crm_consentreceipt WHERE chain = c.chain
                          ORDER BY chain_seq DESC LIMIT 1) AS r""",
            [list(chains)],
        )
        return {chain: Head(seq, value) for chain, seq, value in cursor.fetchall()}


def append(rows: Sequence[dict[str, Any]]) -> list[int]:
    """Continue the chains with these receipts (all columns but chain, seq and hashes). Answers their ids."""
    ends = heads(sorted({row["contact_id"] for row in rows}))
    written = []
    for row in rows:
        end = ends.get(row["contact_id"], Head())
        values = {
            **row,
            "chain": row["contact_id"],
            "chain_seq": end.seq + 1,
            "prev_hash": end.hash,
            "source_hash": source_hash(row["source"]),
            "evidence": dict(row["evidence"]),
            "evidence_hash": evidence_hash(row["evidence"]),
        }
        values["hash"] = hash_of(values)
        ends[row["contact_id"]] = Head(values["chain_seq"], values["hash"])
        written.append(values)
    ids = arrays.insert(
        "crm_consentreceipt",
        COLUMNS,
        [[values[column] for column in COLUMNS] for values in written],
        returning="chain, chain_seq, id",
    )
    by_place = {(chain, seq): receipt for chain, seq, receipt in ids}
    return [by_place[values["chain"], values["chain_seq"]] for values in written]


def broken() -> list[tuple[Any, ...]]:
    """Receipts whose hash, link, source or evidence is not what was written (invariant I7)."""
    keyed, secret = suppression.keyed_hash_sql("r.source")
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT r.id, r.chain, r.chain_seq, 'receipt altered, or one before it missing'
            FROM crm_consentreceipt r
            LEFT JOIN crm_consentreceipt p ON p.chain = r.chain AND p.chain_seq = r.chain_seq - 1
            WHERE r.hash <> {hash_sql("r")} OR r.prev_hash <> coalesce(p.hash, '')
               OR (p.id IS NULL AND r.chain_seq <> 1) OR (r.source <> '' AND r.source_hash <> {keyed})
            ORDER BY r.id LIMIT 1000""",  # noqa: S608 - made of our own column names
            secret,
        )
        found: list[tuple[Any, ...]] = list(cursor.fetchall())
        cursor.execute(
            "SELECT id, chain, chain_seq, evidence, evidence_hash FROM crm_consentreceipt WHERE evidence <> '{}'"
        )
        for receipt, chain, seq, evidence, expected in cursor:
            value = json.loads(evidence) if isinstance(evidence, str) else evidence
            if evidence_hash(value) != expected:
                found.append((receipt, chain, seq, "evidence altered"))
    return found


def _canonical(value: Any) -> Any:
    """The value as it comes back from the database too, which writes numbers its own way."""
    if isinstance(value, Mapping):
        return {str(key): _canonical(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(inner) for inner in value]
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return format(Decimal(str(value)).normalize(), "f")
    return value if value is None or isinstance(value, bool) else str(value)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return str((value - EPOCH) // timedelta(microseconds=1))
    return str(value)
