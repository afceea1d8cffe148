"""Double opt-in: which yeses are asked to be confirmed, and the confirmation itself.

A yes from outside (a form, a till, another system) for a key that asks for it becomes two receipts: `requested`
and the yes, which is then unconfirmed. Where a no stands, or a permission of another kind, the yes alone must not
lift it: only `requested` is written, and the confirmation does the rest.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from django.db import connection, transaction
from django.db.models.signals import post_delete, post_save

from crm import audit, clock, confirmations, consent, permission, regions, sending, whereabouts, words, workspace
from crm.confirmations import Asked
from crm.errors import Problem
from crm.identity import verification
from crm.models import Address, ConfirmationRule
from crm.permission import Statement

FRESH_SECONDS = 5.0
# Who may be in a hurry, or no person at all: their yes is asked to be confirmed. What is signed is not.
ASKING: Final = frozenset({"", "web_form", "checkbox", "api", "pos_screen"})
OFF: Final = "off"
ALL_PACKS: Final = regions.Switches()
# How a channel's address is proved.
WAYS: Final = {"email": "email_link", "sms": "sms_code", "whatsapp": "sms_code", "call": "sms_code"}
# What is asked although somebody may have said yes already, or no.
WITHOUT_A_YES: Final = frozenset({"unknown", "expired", "requested", "granted_unconfirmed"})
HAVING_A_YES: Final = frozenset({"granted", "paused"})

# A yes that was proved stays proved while yeses follow it.
STANDING: Final = """
SELECT c.contact, a.id, a.medium, s.purpose, s.channel, s.state,
       (SELECT r.action = 'confirmed' OR r.method = ANY(%(double)s) FROM crm_consentreceipt r
        WHERE r.contact_id = c.contact AND r.purpose = s.purpose AND r.channel = s.channel AND r.address_id = a.id
          AND (r.action IN ('refused', 'withdrawn', 'objected', 'expired', 'confirmed') OR r.method = ANY(%(double)s))
        ORDER BY r.id DESC LIMIT 1), false
FROM unnest(%(contacts)s::bigint[]) AS c(contact)
JOIN crm_identifier i ON i.contact_id = c.contact JOIN crm_address a ON a.id = i.address_id
LEFT JOIN crm_consentstate s ON s.contact_id = c.contact AND s.address_id = a.id
UNION ALL
SELECT i.contact_id, t.address_id, '', t.purpose, t.channel, '', false, true
FROM crm_addressconsent t JOIN crm_identifier i ON i.address_id = t.address_id
WHERE i.contact_id = ANY(%(contacts)s) AND t.stopped"""


class Rule(NamedTuple):
    """Empty parts stand for all."""

    purpose: str
    channel: str
    country: str
    ask: str


@dataclass(frozen=True)
class Policy:
    """The workspace's own rules, and which packs it goes by where it has none."""

    rules: Sequence[Rule] = ()
    switches: regions.Switches = ALL_PACKS

    def way(self, purpose: str, channel: str, country: str, day: date) -> str:
        """How a yes of this kind is confirmed; "" if it is not. Pure.

        The rule that says most decides: its country, then its purpose, then its channel.
        """
        if channel not in WAYS or purpose not in words.MARKETING:
            return ""
        best = self.rule(purpose, channel, country)
        if best:
            return "" if best.ask == OFF else WAYS[channel]
        return WAYS[channel] if self.by_law(purpose, channel, country, day) else ""

    def rule(self, purpose: str, channel: str, country: str) -> Rule | None:
        """The workspace's own rule that decides; None where it has none."""
        mine = [
            rule for rule in self.rules
            if rule.purpose in ("", purpose) and rule.channel in ("", channel) and rule.country in ("", country)
        ]  # fmt: skip
        return max(mine, key=lambda rule: (bool(rule.country), bool(rule.purpose), bool(rule.channel)), default=None)

    def by_law(self, purpose: str, channel: str, country: str, day: date) -> bool:
        """Whether a pack that names this country asks for it, or advises it."""
        if not any(pack.names(country) for pack in regions.governing(country, self.switches)):
            return False
        law = regions.law(country, "", channel, "marketing", purpose, day, self.switches)
        return any(("confirmed", True) in rule.requires for rule in (*law.blocking, *law.advice, *law.defaults))


class _Place(NamedTuple):
    state: str = "unknown"
    confirmed: bool = False
    stopped: bool = False


_held: tuple[float, Policy] | None = None


def policy() -> Policy:
    """The rules that hold, read once every few seconds."""
    global _held
    moment = time.monotonic()
    if _held is None or moment - _held[0] > FRESH_SECONDS:
        rows = ConfirmationRule.objects.order_by("country", "purpose", "channel")
        rules = tuple(Rule(row.purpose, row.channel, row.country, row.ask) for row in rows)
        _held = (moment, Policy(rules, sending.current().switches()))
    return _held[1]


def forget(**_: Any) -> None:
    global _held
    _held = None


for _signal in (post_save, post_delete):
    _signal.connect(forget, sender=ConfirmationRule, dispatch_uid=f"crm.confirming.forget.{id(_signal)}")


def change(rule: Rule, *, remove: bool = False, actor: str) -> None:
    """Set a rule, or take it away so that the packs decide again."""
    place = {"purpose": rule.purpose, "channel": rule.channel, "country": rule.country}
    known = (
        rule.purpose in ("", *words.MARKETING), rule.channel in ("", *WAYS), rule.ask in (OFF, "on"),
        rule.country == "" or (len(rule.country) == 2 and rule.country.isalpha() and rule.country.isupper()),
    )  # fmt: skip
    if not all(known):
        raise Problem("", "not_a_choice", "A rule names a purpose, a channel and a country that there are, or none.")
    with transaction.atomic():
        before = ConfirmationRule.objects.filter(**place).first()
        said = {**place, "ask": before.ask} if before else None
        if remove:
            ConfirmationRule.objects.filter(**place).delete()
        else:
            ConfirmationRule.objects.update_or_create(
                purpose=rule.purpose, channel=rule.channel, country=rule.country, defaults={"ask": rule.ask}
            )
        audit.record(actor, "confirmation.change", "confirmation rules", said, None if remove else rule._asdict())
    forget()


# --- asking --------------------------------------------------------------------------------


def expand(said: Sequence[tuple[Statement, bool]], now: datetime) -> list[list[Statement]]:
    """What each statement is recorded as: itself, or the request to confirm it. True: they are to be asked anyway.

    The contacts are locked by the caller. Two queries, and only where somebody said yes from outside.
    """
    asking = [each for each, anyway in said if each.action == "granted" and (anyway or _is_fresh(each, now))]
    asking = [each for each in asking if each.channel in WAYS and each.purpose in words.MARKETING]
    if not asking:
        return [[each] for each, _ in said]
    rules, people = policy(), whereabouts.people([each.contact_id for each in asking])
    wanted = {
        id(each): anyway
        for each, anyway in said
        if each in asking and (anyway or rules.way(each.purpose, each.channel, _country(each, people), now.date()))
    }
    if not wanted:
        return [[each] for each, _ in said]
    standing, addresses = _standing(sorted({each.contact_id for each in asking}))
    return [
        [one for address in _covered(each, addresses) for one in
         planned(each, address, standing.get((each.contact_id, address, each.purpose, each.channel), _Place()),
                 anyway=anyway)]
        if id(each) in wanted else [each]
        for each, anyway in said
    ]  # fmt: skip


def planned(statement: Statement, address: int | None, place: _Place, *, anyway: bool) -> list[Statement]:
    """A yes that is to be confirmed, as receipts. Pure."""
    yes = replace(statement, address_id=address)
    asked = replace(yes, action="requested", expires_at=None)
    if place.stopped or place.state not in WITHOUT_A_YES | HAVING_A_YES:
        return [asked]  # a no, or a permission on a relation: it stays until they confirm
    if place.state in HAVING_A_YES:
        return [asked] if anyway and not place.confirmed else [yes]
    return [asked, yes]


def _is_fresh(statement: Statement, now: datetime) -> bool:
    """Said from outside, and just now: what somebody tells of long ago is recorded as it was."""
    at = statement.occurred_at or now
    return statement.method in ASKING and at > now - confirmations.VALID


def _country(statement: Statement, people: Mapping[int, whereabouts.Person]) -> str:
    return people.get(statement.contact_id, whereabouts.NOBODY).place().country or workspace.current().country


def _covered(statement: Statement, addresses: Mapping[tuple[int, str], Sequence[int]]) -> Sequence[int | None]:
    if statement.address_id is not None:
        return [statement.address_id]
    return list(addresses.get((statement.contact_id, words.MEDIUM[statement.channel]), ())) or [None]


def _standing(
    contacts: Sequence[int],
) -> tuple[dict[tuple[int, int | None, str, str], _Place], dict[tuple[int, str], list[int]]]:
    with connection.cursor() as cursor:
        cursor.execute(STANDING, {"contacts": list(contacts), "double": list(permission.DOUBLE)})
        rows = cursor.fetchall()
    found: dict[tuple[int, int | None, str, str], _Place] = {}
    addresses: dict[tuple[int, str], list[int]] = {}
    for contact, address, medium, purpose, channel, state, confirmed, stopped in rows:
        if medium and address not in addresses.setdefault((contact, medium), []):
            addresses[contact, medium].append(address)
        key = (contact, address, purpose, channel)
        before = found.get(key, _Place())
        found[key] = before._replace(stopped=True) if stopped else _Place(
            state or "unknown", bool(confirmed), before.stopped
        )  # fmt: skip
    return found, {place: sorted(each) for place, each in addresses.items()}


def remind() -> int:
    return confirmations.remind(clock.now())


def reminders() -> int:
    return confirmations.silent(clock.now())


# --- answering -------------------------------------------------------------------------------


def look(number: int) -> Asked | None:
    """How a request stands; changes nothing."""
    return confirmations.find(number)


def confirm(number: int, evidence: Mapping[str, Any], now: datetime) -> Asked | None:
    """They confirm what they were asked. Twice is once; late, or taken back since, is nothing.

    Answers how it stands afterwards, None if there is no such request.
    """
    with transaction.atomic():
        if confirmations.lock(number) is None:
            return None
        asked = confirmations.find(number)
        if asked is None or not asked.is_open(now):
            return asked
        method = confirmations.METHODS[asked.channel]
        consent.record([_statement(asked, item, method, evidence, now) for item in asked.items], now=now)
        confirmations.confirmed(asked.id, now)
        verification.verify(asked.contact_id, asked.address_id, now)
    return confirmations.find(number)


def confirm_code(address: tuple[str, str], code: str, evidence: Mapping[str, Any], now: datetime) -> Asked | None:
    """The code that was sent to this (medium, address) was typed in. None: it is not the right one, too late, tried
    too often, or nobody was asked there; whoever types learns no more than that.
    """
    with transaction.atomic():
        waiting = [each for each in _at(address, now) if _answerable(each, now)]
        for each in sorted(waiting, key=lambda each: each.contact_id):  # in id order, as everywhere
            confirmations.lock(each.id)
        waiting = [again for each in waiting if (again := confirmations.find(each.id)) and _answerable(again, now)]
        right = [each for each in waiting if confirmations.code_hash(each.id, code) == each.code_hash]
        if not right:
            if waiting:
                confirmations.tried([each.id for each in waiting])
            return None
        return confirm(right[0].id, evidence, now)


def send_again(address: tuple[str, str], now: datetime) -> None:
    """Another message to whoever waits for one there; says nothing about whether there is anybody."""
    for each in _at(address, now)[:1]:
        confirmations.want_again(each, now)


def _at(address: tuple[str, str], now: datetime) -> list[Asked]:
    medium, value = address
    found = Address.objects.filter(medium=medium, value=value).first()
    return confirmations.of_address(found.pk, confirmations.PROVES[medium], now) if found else []


def _answerable(asked: Asked, now: datetime) -> bool:
    in_time = asked.code_until is not None and asked.code_until > now
    return asked.is_open(now) and in_time and bool(asked.code_hash) and asked.tries < confirmations.MOST_TRIES


def _statement(
    asked: Asked, item: Mapping[str, Any], method: str, evidence: Mapping[str, Any], now: datetime
) -> Statement:
    return Statement(
        contact_id=asked.contact_id, purpose=item["purpose"], channel=item["channel"], action="confirmed",
        basis="consent", method=method, source=item["source"] or "confirmation", wording=item["wording"],
        occurred_at=now, address_id=asked.address_id,
        evidence={**evidence, "asked_at": asked.asked_at.isoformat(), "request": item["receipt"]},
    )  # fmt: skip


def wordings_of(items: Iterable[Mapping[str, Any]]) -> list[str]:
    """The codes of the texts these were asked under."""
    return list(dict.fromkeys(str(item["wording"]) for item in items if item.get("wording")))
