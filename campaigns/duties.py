"""What the countries of the people it can reach ask a marketing message to carry, looked for before it is published.

Rules and their severity are data (`crm/regions/data`). What can be told from the words or the settings refuses the
publication where the rule is one that blocks; what a reader alone can tell is advice whatever the rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import commands, prospects, remedies, terms, wording
from campaigns.readiness import LIQUID, Finding
from campaigns.wording import Sending
from channels import gate
from crm import patience, regions, sending, whereabouts, workspace
from crm.models import Workspace
from crm.segments.grammar import PEOPLE
from crm.segments.sql import Sql, every, join

# Of people without a country so many are looked at one by one: their phone or store may tell it.
LOOKED_AT: Final = 1_000
STRICTEST: Final = ""
WITHOUT_COUNTRY: Final = Sql("crm_contact.country = ''")
STOP: Final = re.compile(r"\b(stop|unsubscribe|opt[ -]?out|baja|стоп|отпис\w+)\b", re.IGNORECASE)
RATES: Final = re.compile(r"\brates\b|\btarif\w*|тариф", re.IGNORECASE)
ADVERT: Final = re.compile(
    r"%|[€$£]|\b(offer|sale|discount|deal|promo|advert|oferta|descuento|rebaja|publicidad|angebot|rabatt|werbung|soldes|"
    r"remise)|скид|акци|реклам|предложени",
    re.IGNORECASE,
)
MARKUP: Final = re.compile(r"<(style|script)\b.*?</\1>|<[^>]*>", re.IGNORECASE | re.DOTALL)
OWN_WAY_OUT: Final = re.compile(r"links\.(unsubscribe|preferences)")


@dataclass(frozen=True)
class Duty:
    """`met`: whether a message of this house carries it. `sure`: nobody has to read it to tell. `place`: the field
    of the message where it is mended; '': in the settings of the workspace. `said_elsewhere`: channels on which
    `readiness` asks for it whomever the campaign reaches."""

    met: Callable[[Sending, Workspace], bool]
    title: Promise
    place: str = ""
    sure: bool = True
    said_elsewhere: frozenset[str] = frozenset()


def _words(message: Sending) -> str:
    return " ".join(str(message.body.get(name) or "") for name in ("subject", "preheader", "html", "text"))


def _read(message: Sending) -> str:
    """As people read it: without what is replaced for each of them, and without markup."""
    return MARKUP.sub(" ", LIQUID.sub(" ", _words(message)))


def _has_address(message: Sending, house: Workspace) -> bool:
    """The footer of every mail shows it."""
    del message
    return bool(house.postal_address.strip())


def _names_sender(message: Sending, house: Workspace) -> bool:
    """A mail does in its footer; an SMS by its sender or its words."""
    if message.channel == "email":
        return bool(house.name.strip())
    sender = str(message.body.get("sender") or house.sms_sender)
    names = [each.casefold() for each in (house.name, house.sender_name) if each.strip()]
    return any(each.isalpha() for each in sender) or any(each in _read(message).casefold() for each in names)


def _says_stop(message: Sending, house: Workspace) -> bool:
    """Words without a way out of their own get ours, which begins so."""
    del house
    return not OWN_WAY_OUT.search(_words(message)) or bool(STOP.search(_read(message)))


# What else a pack may name is always there (a way out, one click) or is no matter of the words (lists of objections).
DUTIES: Final[Mapping[str, Duty]] = {
    "postal_address": Duty(
        _has_address, gettext_lazy("Your postal address is missing"), said_elsewhere=frozenset({"email"})
    ),
    "imprint": Duty(_has_address, gettext_lazy("Your postal address is missing"), said_elsewhere=frozenset({"email"})),
    "stop_word": Duty(_says_stop, gettext_lazy("It does not say the word that ends it, like STOP"), "text"),
    "rates_may_apply": Duty(
        lambda message, house: bool(RATES.search(_read(message))),
        gettext_lazy("It does not say that rates may apply"),
        "text",
    ),
    "sender_identity": Duty(_names_sender, gettext_lazy("It does not say who writes"), "text", sure=False),
    "recognisable_ad": Duty(
        lambda message, house: bool(ADVERT.search(_read(message))),
        gettext_lazy("Can people see that it is advertising?"),
        "text",
        sure=False,
    ),
}


@dataclass(frozen=True)
class Unmet:
    """A message that lacks something, and the rules that ask for it."""

    message: Sending
    duty: str
    rules: tuple[regions.Rule, ...]

    @property
    def refuses(self) -> bool:
        return DUTIES[self.duty].sure and any(rule.severity == "block" for rule in self.rules)


def findings(document: Mapping[str, Any], now: datetime) -> list[Finding]:
    """What the messages of a draft lack for the people it can reach; transactional and service ones lack nothing."""
    settings = prospects.read(document)
    messages = wording.sendings(document)
    if settings.message_class != gate.MARKETING or not messages:
        return []
    found = unmet(
        messages, countries(settings, now), settings.purpose, workspace.current(), sending.current().switches(),
        now.date(),
    )  # fmt: skip
    return list(dict.fromkeys(_finding(document, each) for each in found))


def unmet(
    messages: Sequence[Sending], places: Iterable[str], purpose: str, house: Workspace, switches: regions.Switches,
    day: date,
) -> Iterator[Unmet]:  # fmt: skip
    """Pure: each message with what it lacks in any of these countries."""
    places = sorted(places)
    for message in messages:
        # A number tells its country: only mails go to somebody of whom nobody knows where they are.
        here = [place for place in places if place or message.channel == "email"]
        known = [regions.law(place, "", message.channel, gate.MARKETING, purpose, day, switches) for place in here]
        rules = list(dict.fromkeys(rule for law in known for rule in (*law.blocking, *law.advice)))
        for name, duty in DUTIES.items():
            asked = tuple(rule for rule in rules if name in rule.content)
            if asked and not (message.channel in duty.said_elsewhere or duty.met(message, house)):
                yield Unmet(message, name, asked)


def _finding(document: Mapping[str, Any], lacks: Unmet) -> Finding:
    duty, message = DUTIES[lacks.duty], lacks.message
    packs = ", ".join(dict.fromkeys(_(regions.packs()[rule.pack].title) for rule in lacks.rules))
    detail = _("Asked for by: %(packs)s") % {"packs": packs}
    if not duty.place:
        return Finding("duty_" + lacks.duty, str(duty.title), detail, blocking=lacks.refuses, where="workspace")
    return Finding(
        "duty_" + lacks.duty, str(duty.title), detail, lacks.refuses, message.step,
        remedies.step_name(commands.find(document, message.step)), f"{message.pointer}/config/{duty.place}",
    )  # fmt: skip


# --- whom it can reach -------------------------------------------------------------------------------


def countries(settings: terms.Terms, now: datetime) -> frozenset[str]:
    """The countries of the people it can reach ('': nobody knows, the strictest). A fixed number of queries.

    Where it goes to a segment as it is now, of those; where people come in by what they do, of everybody.
    """
    coming = prospects.ways(settings, now)
    standing = bool(coming.now) and not (coming.month or coming.joined or coming.unknown)
    rule = prospects.people(settings, now) if standing else None
    those = every([PEOPLE, rule.q(now)]) if rule is not None else PEOPLE
    try:
        with patience.within(prospects.PATIENCE_MS):
            found = _column(join("SELECT DISTINCT crm_contact.country FROM crm_contact WHERE {}", those))
            nowhere = _column(_newest(every([those, WITHOUT_COUNTRY]))) if STRICTEST in found else []
    except patience.TooSlow:  # what is true of some is true of them
        found, nowhere = [], _column(_newest(PEOPLE))
    known = whereabouts.people(nowhere)
    guessed = {known[each].place().country for each in nowhere[:LOOKED_AT] if each in known}
    if len(nowhere) > LOOKED_AT:
        guessed.add(STRICTEST)
    return frozenset({*(each for each in found if each), *guessed})


def _newest(those: Sql) -> Sql:
    return join(
        "SELECT crm_contact.id FROM crm_contact WHERE {} ORDER BY crm_contact.id DESC LIMIT {}", those, LOOKED_AT + 1
    )


def _column(asked: Sql) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(asked.text, asked.params)
        return [value for (value,) in cursor.fetchall()]
