"""The record of processing activities (GDPR art. 30), made from what this installation really does.

Nothing of it is typed in twice: purposes come from what people said, recipients from the accounts that send, fields
from those that are kept, times from the retention rules. Sections of plain rows, for the page and the files alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm import normalise, ownfields, patience, registry, retention, statements, workspace
from crm.models import ApiKey, Form, ImportJob, Store, Wording

# So long the page waits for a look at all receipts (milliseconds); slower, the bases are told without their purposes.
PATIENCE: Final = 3_000
FIELDS: Final[dict[str, Promise]] = {
    "name": gettext_lazy("First and last name"), "language": gettext_lazy("Language"),
    "place": gettext_lazy("Country, region, city and postal code"), "timezone": gettext_lazy("Time zone"),
    "birth_date": gettext_lazy("Birth date"), "home_store": gettext_lazy("Home store"),
}  # fmt: skip
IDENTIFIERS: Final[dict[str, Promise]] = {
    "email": gettext_lazy("E-mail address"), "phone": gettext_lazy("Phone number"),
    "card": gettext_lazy("Number of the loyalty card"), "external_id": gettext_lazy("Number in another system"),
    "anonymous_id": gettext_lazy("Mark of a browser or device"),
}  # fmt: skip
FACTS: Final = (
    gettext_lazy("Purchases with their lines, refunds and carts"),
    gettext_lazy("What was done on the site, in the store and with messages, with the time and the channel"),
    gettext_lazy("What was agreed to and refused, with its proof"),
    gettext_lazy("Messages that were sent or held back, and why"),
    gettext_lazy("Notes, tasks and tags of the team"),
)
# Only what the product does of itself, wherever it runs.
MEASURES: Final = (
    gettext_lazy("People log in with a password of their own and see what their role allows; access ends at once."),
    gettext_lazy("Every change by a person or a key is written into a log that cannot be altered unseen (hash chain)."),
    gettext_lazy("Consent receipts form a hash chain per person, and cannot be altered or taken away unseen."),
    gettext_lazy("Passwords, keys, tokens and PINs are kept as hashes; credentials of carriers are encrypted."),
    gettext_lazy("Addresses of people who were erased are kept as keyed fingerprints (HMAC) alone."),
    gettext_lazy("Links in messages are signed, and tell nobody else who they were for."),
    gettext_lazy("Analysts see addresses masked; files that leave are logged, expire, and are for whoever asked."),
)
PEOPLE: Final = """
SELECT EXISTS (SELECT FROM crm_contact WHERE erased_at IS NULL AND merged_into_id IS NULL),
       EXISTS (SELECT FROM crm_order), EXISTS (SELECT FROM crm_identifier WHERE kind = 'card'),
       EXISTS (SELECT FROM crm_consentstate WHERE state IN ('granted', 'soft')),
       EXISTS (SELECT FROM crm_identifier WHERE kind = 'anonymous_id')"""
WHO: Final = (
    gettext_lazy("Contacts"), gettext_lazy("Customers"), gettext_lazy("Holders of a loyalty card"),
    gettext_lazy("Subscribers"), gettext_lazy("Visitors of the site"),
)  # fmt: skip
GROUNDS: Final = """
SELECT purpose, basis FROM crm_consentreceipt WHERE basis <> '' AND action IN ('granted', 'confirmed')
GROUP BY purpose, basis ORDER BY purpose, basis"""
Row = Sequence[str]


@dataclass(frozen=True)
class Section:
    """One table of the record. `key` names it in files."""

    key: str
    title: str
    heads: tuple[str, ...]
    rows: list[Row]

    @property
    def cells(self) -> list[list[tuple[str, str]]]:
        """Each row as (head, cell): on a phone the head stands beside its cell."""
        return [list(zip(self.heads, row, strict=True)) for row in self.rows]


@dataclass(frozen=True)
class Recipient:
    """Whoever gets data from us: by which channel, who it is, and where."""

    channel: str
    name: str
    carrier: str
    place: str
    data: str
    # False: what it gets stays here.
    leaves: bool = True


def record() -> list[Section]:
    """All of it, in the language that is spoken now, in a fixed number of queries."""
    getting = [each for part in registry.processors for each in part()]
    return [
        _controller(), _purposes(), _people(), _data(), _sources(), _recipients(getting), _transfers(getting), _times(),
        _texts(), _measures(),
    ]  # fmt: skip


def as_data(sections: Iterable[Section], now: datetime) -> dict[str, Any]:
    """For the JSON file."""
    return {
        "made_at": now.isoformat(),
        "record": [
            {
                "section": each.key,
                "title": each.title,
                "rows": [dict(zip(each.heads, row, strict=True)) for row in each.rows],
            }
            for each in sections
        ],
    }  # fmt: skip


def _controller() -> Section:
    here = workspace.current()
    rows: list[Row] = [
        (_("Name"), here.name), (_("Postal address"), here.postal_address or _("not said yet")),
        (_("Country"), here.country), (_("Sender of mails"), here.sender_address or _("not said yet")),
        (_("Stores"), str(Store.objects.filter(active=True).count())),
    ]  # fmt: skip
    return Section("controller", _("Who is responsible"), (_("What"), _("Which")), rows)


def _purposes() -> Section:
    try:
        with patience.within(PATIENCE) as cursor:
            cursor.execute(GROUNDS)
            grounds = cursor.fetchall()
    except patience.TooSlow:
        grounds = [(purpose, basis) for purpose in statements.PURPOSES for basis in ("consent", "soft_opt_in")]
    rows: list[Row] = [
        (str(statements.PURPOSES.get(purpose, purpose)), str(statements.BASES.get(basis, basis)))
        for purpose, basis in grounds
    ]
    rows.append((_("Purchases, and messages about them"), str(statements.BASES["contract"])))
    rows.append((_("Proof of consent, and lists of whom not to write to"), str(statements.BASES["legal_duty"])))
    return Section("purposes", _("What for, and by what right"), (_("Purpose"), _("Legal basis")), rows)


def _people() -> Section:
    with connection.cursor() as cursor:
        cursor.execute(PEOPLE)
        there = cursor.fetchone()
    rows: list[Row] = [(str(words),) for words, some in zip(WHO, there, strict=True) if some]
    rows.append((_("People who work here"),))
    return Section("people", _("Whose data"), (_("People"),), rows)


def _data() -> Section:
    own = [each.label for each in ownfields.known().values()]
    kinds = [str(IDENTIFIERS[kind]) for kind in normalise.KINDS if kind in IDENTIFIERS]
    rows: list[Row] = [(_("About the person"), ", ".join(map(str, FIELDS.values())))]
    rows += [(_("What they are known by"), ", ".join(kinds))]
    rows += [(_("Your own fields"), ", ".join(own))] if own else []
    rows += [(_("What happened"), str(words)) for words in FACTS]
    return Section("data", _("Which data"), (_("Kind"), _("Data")), rows)


def _sources() -> Section:
    rows: list[Row] = [(_("Form"), name) for name in _names(Form.objects.exclude(published_at=None), "name")]
    rows += [(_("Key of another system"), name) for name in _names(ApiKey.objects.filter(revoked_at=None), "name")]
    rows += [(_("Import"), kind) for kind in _names(ImportJob.objects.filter(state="done"), "kind")]
    rows += [(_("Store"), name) for name in _names(Store.objects.filter(active=True), "name")]
    rows.append((_("The team"), _("Contacts that are entered by hand")))
    return Section("sources", _("Where they come from"), (_("By what"), _("Which")), rows)


def _recipients(getting: Sequence[Recipient]) -> Section:
    rows: list[Row] = [(each.channel, each.name, each.carrier, each.place, each.data) for each in getting]
    heads = (_("Channel"), _("Account"), _("Carrier"), _("Where"), _("Data"))
    return Section("recipients", _("Who gets them"), heads, rows)


def _transfers(getting: Sequence[Recipient]) -> Section:
    """A host does not say in which country it stands: what is not known here is said to be so."""
    away = sorted({each.place for each in getting if each.leaves})
    rows: list[Row] = [(each, _("It stands in your contract with them; it cannot be seen from here.")) for each in away]
    rows = rows or [(_("None"), _("No data leaves this installation."))]
    return Section("transfers", _("Transfers to other countries"), (_("To whom"), _("Country and safeguard")), rows)


def _times() -> Section:
    rows: list[Row] = []
    for key, rule in registry.retention.items():
        days = retention.days(key)
        kept = ngettext("%(n)s day", "%(n)s days", days) % {"n": days} if days else _("until they are erased")
        rows.append((str(rule.words), kept, str(rule.why)))
    return Section("retention", _("How long they are kept"), (_("Data"), _("Kept for"), _("Why")), rows)


def _texts() -> Section:
    newest = Wording.objects.order_by("purpose", "language", "country", "-version").distinct(
        "purpose", "language", "country"
    )
    rows: list[Row] = [
        (str(statements.PURPOSES.get(each.purpose, each.purpose)), each.language, each.code, each.text,
         date_format(each.created_at, "SHORT_DATE_FORMAT"))
        for each in newest
    ]  # fmt: skip
    heads = (_("Purpose"), _("Language"), _("Version"), _("Text"), _("Since"))
    return Section("wordings", _("What people are asked"), heads, rows)


def _measures() -> Section:
    return Section("measures", _("How they are protected"), (_("Measure"),), [(str(each),) for each in MEASURES])


def _names(rows: Any, column: str) -> list[str]:
    return sorted({str(name) for name in rows.order_by(column).values_list(column, flat=True).distinct()[:100]})
