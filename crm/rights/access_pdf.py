"""The copy of somebody's data on paper, for people to read, in the language that is spoken now."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import reasons, statements, telling
from crm.evidence_pdf import Sheet, channel, day
from crm.models import Event

# More than these are for a machine to read: they all stand in data.json.
MOST: Final = 500
NAMES: Final = {
    "given_name": gettext_lazy("First name"), "family_name": gettext_lazy("Last name"),
    "language": gettext_lazy("Language"), "zone": gettext_lazy("Time zone"), "country": gettext_lazy("Country"),
    "region": gettext_lazy("Region"), "city": gettext_lazy("City"), "postal_code": gettext_lazy("Postal code"),
    "birth_date": gettext_lazy("Birthday"), "source": gettext_lazy("Source"),
}  # fmt: skip


class Seen:
    """What went by while the events were written: how many of each, and the newest of them."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.newest: deque[Mapping[str, Any]] = deque(maxlen=MOST)

    def watch(self, events: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        for event in events:
            self.counts[event["name"]] += 1
            self.newest.append(event)
            yield event


def render(told: Mapping[str, Any], seen: Seen) -> bytes:
    sheet = Sheet()
    _who(sheet, told)
    _why(sheet, told["why"])
    _consents(sheet, told["consents"])
    _belongs(sheet, told)
    _orders(sheet, told["orders"])
    _messages(sheet, told.get("messages", ()))
    _journeys(sheet, told.get("journeys", {}).get("runs", ()))
    _said(sheet, told)
    _happened(sheet, seen)
    return sheet.finish(_("A copy of your data"))


def _who(sheet: Sheet, told: Mapping[str, Any]) -> None:
    person = told["person"]
    sheet.add(_("A copy of your data"), "title")
    sheet.add(_("What we know of you, on the day this was made. The file data.json beside it holds all of it."))
    sheet.facts([
        (_("Company"), ", ".join(each for each in told["controller"].values() if each)),
        (_("Made on"), day(told["made_at"])),
    ])  # fmt: skip
    sheet.add(_("You"), "head")
    sheet.facts([
        *((str(words), person.get(name)) for name, words in NAMES.items()),
        (_("Store"), (person["home_store"] or {}).get("name", "")),
        *((each["label"], each["value"]) for each in person["fields"]),
        (_("Known since"), day(person["created_at"])),
    ])  # fmt: skip
    sheet.add(_("What you are known by"), "head")
    sheet.table(
        [
            [each["kind"], each["value"], day(each["since"]), each["source"],
             _("others use it too") if each["shared"] else ""]
            for each in told["identifiers"]
        ],
        [75, 160, 90, 90, 84],
    )  # fmt: skip


def _why(sheet: Sheet, why: Mapping[str, Any]) -> None:
    sheet.add(_("What it is for, and who gets it"), "head")
    purposes = [str(statements.PURPOSES.get(each, each)) for each in why["purposes"]]
    carriers = [f"{each['account']} ({channel(each['channel'])})" for each in why["recipients"]]
    sheet.facts([
        (_("What for"), ", ".join(purposes)),
        (_("Where it comes from"), ", ".join(why["sources"])),
        (_("Who else gets it"), ", ".join(carriers) or _("Nobody so far.")),
        (_("How long"), _("As long as you are a customer or a reader, and no longer than the law asks for.")),
        (_("Your rights"), _("You may have it corrected, limited, moved or erased, object to its use, and complain to "
                             "the authority for data protection of your country.")),
    ])  # fmt: skip


def _consents(sheet: Sheet, consents: Mapping[str, Any]) -> None:
    sheet.add(_("What you allowed"), "head")
    if not consents["receipts"]:
        sheet.add(_("You were not asked anything yet."))
    sheet.table(
        [
            [day(each["occurred_at"]), str(statements.ACTIONS.get(each["action"], each["action"])),
             str(statements.PURPOSES.get(each["purpose"], each["purpose"])), channel(each["channel"]), each["address"],
             str(statements.METHODS.get(each["method"], each["method"]))]
            for each in consents["receipts"]
        ],
        [80, 85, 85, 60, 109, 80],
    )  # fmt: skip


def _belongs(sheet: Sheet, told: Mapping[str, Any]) -> None:
    """Where they were put: tags, lists, segments, groups, and the stage."""
    sheet.add(_("Where you were put"), "head")
    stage = (told.get("stage") or {}).get("now") or {}
    sheet.facts([
        (_("Tags"), ", ".join(each["tag"] for each in told["tags"])),
        (_("Lists"), ", ".join(each["list"] for each in told["lists"])),
        (_("Segments"), ", ".join(each["segment"] for each in told["segments"]["now"])),
        (_("Groups"), ", ".join(each["group"] for each in told["groups"])),
        (_("Funnel stage"), _stage(stage.get("stage", ""))),
    ])  # fmt: skip


def _orders(sheet: Sheet, orders: Sequence[Mapping[str, Any]]) -> None:
    sheet.add(_("What you bought"), "head")
    if not orders:
        sheet.add(_("Nothing yet."))
    for order in orders[-MOST:]:
        sheet.add(f"{day(order['occurred_at'])} · {order['order_id']} · {order['total']} {order['currency']}", "sub")
        sheet.table(
            [[line["name"] or line["sku"], line["quantity"], line["price"]] for line in order["lines"]], [319, 80, 100]
        )


def _messages(sheet: Sheet, messages: Sequence[Mapping[str, Any]]) -> None:
    sheet.add(_("What we wrote to you"), "head")
    gone = [each for each in messages if each["sent_at"]]
    if not gone:
        sheet.add(_("Nothing yet."))
    for each in gone[-MOST:]:
        words = each["words"]
        sheet.add(f"{day(each['sent_at'])} · {channel(each['channel'])} · {each['address']}", "sub")
        sheet.facts([(_("Subject"), words.get("subject", "")), (_("Text"), words.get("text", "")[:2_000])])


def _journeys(sheet: Sheet, runs: Sequence[Mapping[str, Any]]) -> None:
    sheet.add(_("Campaigns you were in"), "head")
    if not runs:
        sheet.add(_("None."))
    sheet.table(
        [
            [each["campaign"], day(each["entered_at"]), day(each["ended_at"]),
             str(reasons.words(each["outcome"])) if each["outcome"] else ""]
            for each in runs
        ],
        [199, 90, 90, 120],
    )  # fmt: skip


def _said(sheet: Sheet, told: Mapping[str, Any]) -> None:
    """Answers in forms, and what was written down about them."""
    sheet.add(_("Forms you filled in"), "head")
    for each in told["forms"]["answers"]:
        sheet.add(f"{day(each['at'])} · {each['form']}", "sub")
        sheet.facts([(answer["question"], answer["answer"]) for answer in each["answers"]])
    if not told["forms"]["answers"]:
        sheet.add(_("None."))
    sheet.add(_("Notes about you"), "head")
    noted = [[day(each["at"]), each["text"]] for each in told["notes"]]
    noted += [[day(each["due_at"]), each["title"]] for each in told["tasks"]]
    sheet.table(noted, [90, 409])
    if not noted:
        sheet.add(_("None."))


def _happened(sheet: Sheet, seen: Seen) -> None:
    sheet.add(_("What happened"), "head")
    total = sum(seen.counts.values())
    sheet.table([[name, str(number)] for name, number in seen.counts.most_common()], [399, 100])
    if total > len(seen.newest):
        sheet.add(_("These are the last %(shown)s of %(all)s; all of them are in data.json.")
                  % {"shown": len(seen.newest), "all": total})  # fmt: skip
    sheet.table([_line(event) for event in reversed(seen.newest)], [90, 409])


def _line(event: Mapping[str, Any]) -> list[str]:
    """As the timeline tells it."""
    row = Event(
        contact_id=0,
        name=event["name"],
        channel=event["channel"],
        source=event["source"],
        properties=event["properties"],
    )
    told = telling.tell(row, {})
    return [day(event["occurred_at"]), " · ".join([told.title, *told.detail][:3])]


def _stage(name: str) -> str:
    return telling.stage(name) if name else ""
