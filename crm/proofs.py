"""What one person allowed, as a table of channels and purposes, and every receipt behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from crm import consent, directory, permission, receipts, wordings, words
from crm.consent import Key, Standing
from crm.models import Address, ConsentReceipt, ConsentState, Identifier, Wording

# Always shown, whether somebody was asked or not.
CHANNELS: Final = ("email", "sms", "whatsapp", "call", "post")
PURPOSES: Final = ("offers", "service")
# States as they are shown.
YES, NO, NOT_ASKED, WAITING, PAUSED, EXPIRED, ALLOWED = (
    "yes", "no", "not_asked", "waiting", "paused", "expired", "allowed",
)  # fmt: skip
_WORDS: Final = {
    "granted": YES, "soft": YES, "requested": WAITING, "granted_unconfirmed": WAITING, "refused": NO,
    "withdrawn": NO, "expired": EXPIRED, "unknown": NOT_ASKED,
}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One purpose on one channel: `state` is one of the words above, `soft` a yes without having been asked."""

    purpose: str
    state: str
    since: datetime | None = None
    until: datetime | None = None
    soft: bool = False
    method: str = ""
    source: str = ""


@dataclass
class Row:
    """A channel at one address. `blocked`: (reason, since) of what stops every message to it."""

    channel: str
    address: str = ""
    missing: bool = False
    cells: list[Cell] = field(default_factory=list)
    blocked: list[tuple[str, datetime | None]] = field(default_factory=list)

    @property
    def since(self) -> datetime | None:
        """When the newest of it was said."""
        return max((cell.since for cell in self.cells if cell.since), default=None)


@dataclass(frozen=True)
class Matrix:
    purposes: Sequence[str]
    rows: list[Row]
    # When they objected to everything: what that alone stopped is said once, not box by box.
    objected: datetime | None = None


@dataclass(frozen=True)
class Proof:
    """A receipt with the text that was shown. `whole`: nothing in its chain was changed up to here."""

    receipt: ConsentReceipt
    address: str
    text: str
    whole: bool

    @property
    def evidence(self) -> list[tuple[str, Any]]:
        """Beside what has a line of its own: the file, the hash of the text."""
        told = self.receipt.evidence if isinstance(self.receipt.evidence, dict) else {}
        return sorted((key, value) for key, value in told.items() if key not in ("file", "wording_sha256"))

    @property
    def file(self) -> Mapping[str, Any]:
        """The scan or the recording: its name, type, size and SHA-256."""
        told = self.receipt.evidence.get("file") if isinstance(self.receipt.evidence, dict) else None
        return told if isinstance(told, dict) and isinstance(told.get("sha256"), str) else {}

    @property
    def text_hash(self) -> str:
        """SHA-256 of the text, as it was kept with the receipt, or of the text that stands under its code."""
        told = self.receipt.evidence.get("wording_sha256") if isinstance(self.receipt.evidence, dict) else None
        return str(told or (wordings.hash_of(self.text) if self.text else ""))


def matrix(contact_id: int, now: datetime, *, full: bool) -> Matrix:
    """Channel by purpose, as it stands now. Four queries."""
    every = list(ConsentState.objects.filter(contact=contact_id).select_related("receipt"))
    objections = [state for state in every if state.receipt.action == "objected"]
    states = [state for state in every if state.receipt.action != "objected"]
    own = list(
        Identifier.objects.filter(contact=contact_id, address__isnull=False).select_related("address").order_by("id")
    )
    spoken = {state.purpose for state in states}
    purposes = [purpose for purpose in words.PURPOSES if purpose in PURPOSES or purpose in spoken]
    places = _places([each.address for each in own if each.address], states)
    keys: list[Key] = [
        (contact_id, address.pk if address else None, purpose, channel)
        for channel, address in places
        for purpose in purposes
    ]
    standings = consent.standings(keys)
    behind = _behind(standings.values())
    rows = []
    for channel, address in places:
        row = Row(channel, missing=address is None and channel in words.MEDIUM)
        if address is not None:
            row.address = address.value if full else directory.masked(_kind(address.medium), address.value)
        mine = [standings[contact_id, address.pk if address else None, purpose, channel] for purpose in purposes]
        row.cells = [_cell(purpose, each, behind, now) for purpose, each in zip(purposes, mine, strict=True)]
        row.blocked = _blocked(mine[0], now)
        rows.append(row)
    return Matrix(purposes, rows, max((state.since for state in objections), default=None))


def proofs(contact_id: int, *, full: bool) -> list[Proof]:
    """Every receipt, newest first, each checked against its chain."""
    rows = list(
        ConsentReceipt.objects.filter(contact=contact_id).select_related("address").order_by("chain", "chain_seq")
    )
    texts = dict(Wording.objects.filter(code__in={row.wording for row in rows} - {""}).values_list("code", "text"))
    whole = _whole(rows)
    found = [
        Proof(row, _shown(row.address, full=full), texts.get(row.wording, ""), whole[row.pk])
        for row in rows
    ]  # fmt: skip
    return sorted(found, key=lambda proof: (proof.receipt.occurred_at, proof.receipt.pk), reverse=True)


def _places(addresses: Sequence[Address], states: Sequence[ConsentState]) -> list[tuple[str, Address | None]]:
    """Where something can be said about: each channel at each of its addresses, or without one."""
    spoken = {state.channel for state in states}
    places: list[tuple[str, Address | None]] = []
    for channel in words.CHANNELS:
        if channel not in CHANNELS and channel not in spoken:
            continue
        mine = [address for address in addresses if address.medium == words.MEDIUM.get(channel)]
        places += [(channel, address) for address in mine] or [(channel, None)]
    return places


def _behind(standings: Any) -> dict[int, ConsentReceipt]:
    return ConsentReceipt.objects.in_bulk([each.receipt_id for each in standings if each.receipt_id])


def _cell(purpose: str, standing: Standing, behind: Mapping[int, ConsentReceipt], now: datetime) -> Cell:
    state, since, until = _WORDS.get(standing.state, NOT_ASKED), standing.since, standing.expires_at
    if standing.state == "paused":
        over = standing.paused_until is not None and standing.paused_until <= now
        state, until = (YES, standing.expires_at) if over else (PAUSED, standing.paused_until)
    if state == YES and standing.expires_at is not None and standing.expires_at <= now:
        state, since = EXPIRED, standing.expires_at
    if standing.stopped_since is not None and state != NO:
        state, since, until = NO, standing.stopped_since, None
    if purpose == "service" and state == NOT_ASKED:
        state = ALLOWED
    receipt = behind.get(standing.receipt_id or 0)
    return Cell(
        purpose,
        state,
        since,
        until,
        soft=standing.state == "soft" or standing.basis in permission.SOFT_BASES,
        method=receipt.method if receipt else "",
        source=receipt.source if receipt else "",
    )


def _blocked(standing: Standing, now: datetime) -> list[tuple[str, datetime | None]]:
    found: list[tuple[str, datetime | None]] = [
        (permission.SUPPRESSED[reason], since)
        for reason, since, until in standing.suppressions
        if since <= now and (until is None or until > now) and reason in permission.SUPPRESSED
    ]
    if not found and standing.health in permission.HEALTH:
        found.append((permission.HEALTH[standing.health], None))
    return found


def _whole(rows: Sequence[ConsentReceipt]) -> dict[int, bool]:
    """Whether each receipt is what was written and continues the one before it. `rows` by chain and place in it."""
    whole: dict[int, bool] = {}
    before: ConsentReceipt | None = None
    good = True
    for row in rows:
        first = before is None or before.chain != row.chain
        good = True if first else good
        follows = (row.chain_seq, row.prev_hash) == (
            (1, "") if first or before is None else (before.chain_seq + 1, before.hash)
        )
        values = {part: getattr(row, part) for part in receipts.PARTS}
        evidence = not row.evidence or receipts.evidence_hash(row.evidence) == row.evidence_hash
        source = not row.source or receipts.source_hash(row.source) == row.source_hash
        good = good and follows and evidence and source and receipts.hash_of(values) == row.hash
        whole[row.pk] = good
        before = row
    return whole


def _shown(address: Address | None, *, full: bool) -> str:
    if address is None:
        return ""
    return address.value if full else directory.masked(_kind(address.medium), address.value)


def _kind(medium: str) -> str:
    return medium if medium in ("email", "phone") else ""
