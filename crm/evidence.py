"""All that proves one contact's consents, in one document: who, every receipt with its words, how it stands now.

Upper floors add their parts (`registry.evidence_parts`): channels says by which receipt each message went.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from crm import directory, evidence_files, proofs, publicids, registry, workspace
from crm.models import Contact, Identifier
from crm.proofs import Proof

FORM: Final = 1


def pack(contact: Contact, now: datetime, *, full: bool) -> dict[str, Any]:
    """Plain data, ready for JSON. `full` False: addresses are masked, as on the page."""
    found = proofs.proofs(contact.pk, full=full)
    known = directory.identifiers([contact.pk], full=full).get(contact.pk, {})
    files = evidence_files.kept(contact.pk)
    return {
        "form": FORM,
        "made_at": now.isoformat(),
        "controller": {"name": workspace.current().name, "address": workspace.current().postal_address},
        "contact": {
            "id": publicids.encode("ctc", contact.pk),
            "name": directory.name_of(contact, known),
            "language": contact.language,
            "country": contact.country,
            "created_at": contact.created_at.isoformat(),
            "identifiers": _identifiers(contact.pk, full=full),
        },
        "chain": {"receipts": len(found), "whole": all(proof.whole for proof in found)},
        "now": _now(contact.pk, now, full=full),
        "receipts": [_receipt(proof, files) for proof in reversed(found)],
        **{name: ask(contact.pk, now, full) for name, ask in registry.evidence_parts.items()},
    }


def _identifiers(contact_id: int, *, full: bool) -> list[dict[str, Any]]:
    return [
        {
            "kind": row.kind,
            "value": row.value if full else directory.masked(row.kind, row.value),
            "since": row.created_at.isoformat(),
            "verified_at": _at(row.verified_at),
            "source": row.source,
        }
        for row in Identifier.objects.filter(contact=contact_id).order_by("pk")
        if full or row.kind in directory.NAMED
    ]


def _now(contact_id: int, now: datetime, *, full: bool) -> list[dict[str, Any]]:
    return [
        {
            "channel": row.channel, "address": row.address, "purpose": cell.purpose, "state": cell.state,
            "since": _at(cell.since), "until": _at(cell.until), "method": cell.method, "source": cell.source,
            "blocked": [reason for reason, _ in row.blocked],
        }
        for row in proofs.matrix(contact_id, now, full=full).rows
        for cell in row.cells
    ]  # fmt: skip


def _receipt(proof: Proof, files: dict[str, Any]) -> dict[str, Any]:
    row = proof.receipt
    evidence = row.evidence if isinstance(row.evidence, dict) else {}
    named = proof.file
    return {
        "id": publicids.encode("rcp", row.pk),
        "occurred_at": row.occurred_at.isoformat(),
        "recorded_at": row.recorded_at.isoformat(),
        "purpose": row.purpose,
        "channel": row.channel,
        "address": proof.address,
        "action": row.action,
        "basis": row.basis,
        "method": row.method,
        "source": row.source,
        "wording": {
            "code": row.wording, "text": proof.text,
            "sha256": proof.text_hash,
        },
        "until": _at(row.until),
        "expires_at": _at(row.expires_at),
        "evidence": evidence,
        "file": {**named, "kept": named.get("sha256") in files} if named else None,
        "chain": row.chain,
        "chain_seq": row.chain_seq,
        "prev_hash": row.prev_hash,
        "hash": row.hash,
        "unchanged": proof.whole,
    }  # fmt: skip


def _at(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
