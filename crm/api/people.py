"""Contacts as they go out: one representation, built for a page at a time in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db.models import Q, QuerySet
from rest_framework import serializers

from crm import errors, normalise, publicids, registry, words
from crm.models import Contact, Identifier, Store
from crm.rest import fields, pages, shapes
from crm.rest.principal import Principal
from crm.till import people as till_people


class IdentifierShape(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=normalise.KINDS)
    value = serializers.CharField()
    identifying = serializers.BooleanField(help_text="False where several people share it.")
    verified_at = fields.InstantField(allow_null=True)


class ContactShape(serializers.Serializer[Any]):
    id = serializers.CharField()
    identifiers = IdentifierShape(many=True)
    given_name = serializers.CharField()
    family_name = serializers.CharField()
    language = serializers.CharField()
    timezone = serializers.CharField(help_text="As it was given; empty when it was not.")
    zone = serializers.CharField(help_text="The zone that is used.")
    zone_source = serializers.CharField()
    country = serializers.CharField()
    region = serializers.CharField()
    city = serializers.CharField()
    postal_code = serializers.CharField()
    birth_date = serializers.DateField(allow_null=True)
    home_store = serializers.CharField(allow_null=True)
    stage = serializers.ChoiceField(choices=words.STAGES, allow_null=True)
    source = serializers.CharField()  # type: ignore[assignment]
    restricted = serializers.BooleanField()
    created_at = fields.InstantField()
    updated_at = fields.InstantField()
    merged_from = serializers.CharField(required=False, help_text="The id that was asked for, where it was merged.")
    # Last, because from here on the name is taken.
    fields = fields.ObjectField()  # type: ignore[assignment]


ContactPage = shapes.page_of("ContactPage", ContactShape)


def living() -> QuerySet[Contact]:
    return Contact.objects.filter(archived_at=None, merged_into=None)


def visible(rows: QuerySet[Contact], asker: Principal) -> QuerySet[Contact]:
    """A store sees its own people: whose home it is, who has bought there, whom it has served."""
    return rows if asker.stores is None else till_people.visible(rows, asker.stores)


def known_by(rows: QuerySet[Contact], kind: str, value: str) -> QuerySet[Contact]:
    """Who has this identifier. Whom a page says to have it (decision 0035) is answered only where nobody has."""
    has = Q(kind=kind, value=value)
    surely = Identifier.objects.filter(has & (Q(identifying=True) | Q(address__isnull=False)))
    found = surely if surely.exists() else Identifier.objects.filter(has)
    return rows.filter(pk__in=found.values("contact_id"))


def unseen(references: Sequence[Any], asker: Principal) -> frozenset[int]:
    """The places of those references that name by id somebody this store may not see: ids can be guessed."""
    if asker.stores is None:
        return frozenset()
    named = {place: number for place, each in enumerate(references) if (number := _id_of(each)) is not None}
    seen = set(visible(Contact.objects.filter(pk__in=set(named.values())), asker).values_list("pk", flat=True))
    return frozenset(place for place, number in named.items() if number not in seen)


def must_see(reference: Any, asker: Principal) -> None:
    """Refuse what names by id somebody of another store."""
    if unseen([reference], asker):
        raise NOBODY


NOBODY: Final = errors.Problem("/contact", "not_found", "There is no contact with this id.")


def _id_of(reference: Any) -> int | None:
    """The number in `{"id": …}`, as it was sent or in its normal form; None for what names otherwise."""
    value = reference.get("id") if isinstance(reference, Mapping) else None
    if not isinstance(value, str):
        return value if isinstance(value, int) else None
    try:
        return publicids.decode("ctc", value)
    except errors.Problem:
        return None


def contact_of(text: str, asker: Principal) -> tuple[Contact, str]:
    """The contact of an id in the address, and the id it was merged from ('' usually)."""
    number = pages.id_in_path("ctc", text)
    found = Contact.objects.filter(pk=number, archived_at=None).first()
    merged_from = ""
    for _ in range(10):  # a survivor may have been merged in its turn
        if found is None or found.merged_into_id is None:
            break
        merged_from = text
        found = Contact.objects.filter(pk=found.merged_into_id, archived_at=None).first()
    if found is None or not visible(Contact.objects.filter(pk=found.pk), asker).exists():
        raise errors.Problem("", "not_found", "There is no contact with this id.")
    return found, merged_from


def represent_one(contact: Contact, merged_from: str = "") -> dict[str, Any]:
    shown = represent([contact])[0]
    return shown | {"merged_from": merged_from} if merged_from else shown


def represent(contacts: Sequence[Contact]) -> list[dict[str, Any]]:
    ids = [contact.pk for contact in contacts]
    identifiers: dict[int, list[dict[str, Any]]] = {}
    for row in Identifier.objects.filter(contact__in=ids).order_by("id"):
        identifiers.setdefault(row.contact_id, []).append(
            {
                "kind": row.kind,
                "value": row.value,
                "identifying": row.identifying,
                "verified_at": fields.instant_or_none(row.verified_at),
            }
        )
    stores = dict(
        Store.objects.filter(pk__in={row.home_store_id for row in contacts if row.home_store_id}).values_list(
            "pk", "code"
        )
    )
    upper = {name: ask(ids) for name, ask in registry.contact_fields.items()}
    return [
        _columns(contact)
        | {"identifiers": identifiers.get(contact.pk, []), "home_store": stores.get(contact.home_store_id or 0)}
        | {"stage": None}
        | {name: answers.get(contact.pk) for name, answers in upper.items()}
        for contact in contacts
    ]


def _columns(contact: Contact) -> dict[str, Any]:
    return {
        "id": publicids.encode("ctc", contact.pk),
        "given_name": contact.given_name,
        "family_name": contact.family_name,
        "language": contact.language,
        "timezone": contact.timezone,
        "zone": contact.zone,
        "zone_source": contact.zone_source,
        "country": contact.country,
        "region": contact.region,
        "city": contact.city,
        "postal_code": contact.postal_code,
        "birth_date": contact.birth_date.isoformat() if contact.birth_date else None,
        "fields": contact.fields,
        "source": contact.source,
        "restricted": contact.restricted,
        "created_at": fields.instant_text(contact.created_at),
        "updated_at": fields.instant_text(contact.updated_at),
    }
