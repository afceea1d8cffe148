"""The copy of somebody's data as a file to hand out: `data.json` (all), `data.pdf` (to read), and `portable/`, which
another shop's system, or our own importer, takes in (GDPR art. 15 and 20)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Final
from zipfile import ZIP_DEFLATED, ZipFile

from django.conf import settings
from django.utils import translation

from crm import clock, exports, exports_files, workspace
from crm.errors import Problem
from crm.exports import Wish
from crm.identity import rows
from crm.models import Contact, EvidenceFile
from crm.rights import access, access_pdf

WHAT: Final = "access"
# As the importer names columns; one row a line of an order.
ORDER: Final = ("order_id", "occurred_at", "total", "currency", "channel", "store", "cart_id", "coupon", "discount")
LINE: Final = ("sku", "name", "quantity", "price")


def wish(contact_id: int) -> Wish:
    return Wish(WHAT, "zip", {"contact": str(contact_id)}, full=True)


def make(path: Path, wanted: Wish) -> int:
    """Write the file a worker was asked for; answers how many events are in it."""
    living = Contact.objects.filter(pk=int(wanted.which["contact"]), erased_at=None)
    contact = living.first()
    count = write(path, contact) if contact else 0
    # Who was erased while it was written is in no file either.
    if contact is None or not living.exists():
        raise Problem("", "no_such_contact", "This contact is not there any more.")
    return count


def write(path: Path, contact: Contact) -> int:
    """The same number of queries, however much there is, and no more memory than one part needs."""
    roles = access.Roles()
    told = access.pack(contact, clock.now(), roles)
    people = rows.cluster(contact.pk)
    with ZipFile(path, "w", ZIP_DEFLATED) as box, translation.override(_language(contact)):
        with box.open("data.json", "w", force_zip64=True) as raw:
            seen = access_pdf.Seen()
            count = _whole(raw, told, seen.watch(access.events(people, roles)))
        box.writestr("data.pdf", access_pdf.render(told, seen))
        for file in EvidenceFile.objects.filter(contact__in=people).order_by("pk").iterator(chunk_size=1):
            box.writestr(f"files/{file.sha256[:12]}-{Path(file.name).name}", bytes(file.content))
        _text(box, "portable/contacts.csv", contacts_csv(contact))
        person = {**told["person"], "identifiers": told["identifiers"]}
        box.writestr("portable/contacts.json", json.dumps([person], ensure_ascii=False, indent=1))
        _text(box, "portable/orders.csv", orders_csv(contact, told["orders"]))
        given = ({name: event[name] for name in ("name", "occurred_at", "channel", "source", "properties")}
                 for event in access.events(people, roles))  # fmt: skip
        _text(box, "portable/events.json", exports_files.parts("json", [], given))
    return count


def contacts_csv(contact: Contact) -> Iterator[str]:
    """One row. Without our own number: it is no number of theirs elsewhere."""
    heads = [head for head in exports.heads(Wish("contacts", "csv", {}, full=True)) if head != "id"]
    return exports_files.parts("csv", heads, [exports.row_of(contact)])


def orders_csv(contact: Contact, orders: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    known = exports.row_of(contact)
    mine = {kind: known[kind] for kind in exports.TRACES if known[kind]}
    return exports_files.parts("csv", [*mine, *ORDER, *LINE], _lines(mine, orders))


def _lines(mine: Mapping[str, Any], orders: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for order in orders:
        head = {**mine, **{name: order[name] for name in ORDER}}
        for line in order["lines"] or [{}]:
            yield {**head, **line}


def _whole(raw: Any, told: Mapping[str, Any], events: Iterable[Mapping[str, Any]]) -> int:
    """One JSON object whose last part is the events, written one after the other."""
    count = 0
    with TextIOWrapper(raw, encoding="utf-8") as out:
        out.write(json.dumps(told, ensure_ascii=False, indent=1, default=str).removesuffix("\n}"))
        out.write(',\n "events": [')
        for count, event in enumerate(events, start=1):
            out.write((",\n  " if count > 1 else "\n  ") + json.dumps(event, ensure_ascii=False))
        out.write("\n ]\n}\n")
    return count


def _text(box: ZipFile, name: str, parts: Iterable[str]) -> None:
    with box.open(name, "w", force_zip64=True) as raw, TextIOWrapper(raw, encoding="utf-8", newline="") as out:
        out.writelines(parts)


def _language(contact: Contact) -> str:
    known = dict(settings.LANGUAGES)
    asked = (contact.language[:2].lower(), workspace.current().language[:2].lower())
    return next((each for each in asked if each in known), "en")
