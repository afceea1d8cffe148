"""Who somebody is: standard fields, fields of one's own, identifiers, consent and reach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from crm import ownfields
from crm.segments import conditions
from crm.segments.conditions import BOOLEAN, CALENDAR, DAY, LIST, NUMBER, SET, TEXT, WINDOW
from crm.segments.describe import Description, Doc, Input, Offers, Starter, descriptions
from crm.segments.editors import compared
from crm.segments.leaves import consent, contact, custom, identifier, reachable

WHO: Final = _("Who they are")
PERMISSION: Final = _("Permission and reach")
FIELDS: Final = {
    "given_name": _("Given name"),
    "family_name": _("Family name"),
    "language": _("Language"),
    "country": _("Country"),
    "region": _("Region"),
    "city": _("City"),
    "postal_code": _("Postal code"),
    "home_store": _("Home store"),
    "birth_date": _("Birth date"),
    "age": _("Age"),
    "created_at": _("Known since"),
    "source": _("Source"),
    "timezone": _("Time zone"),
    "zone": _("Time zone in use"),
}
IDENTIFIERS: Final = {
    "email": _("E-mail address"),
    "phone": _("Phone number"),
    "card": _("Card number"),
    "external_id": _("External id"),
}
PURPOSES: Final = {
    "offers": _("offers"),
    "newsletter": _("newsletter"),
    "loyalty": _("loyalty programme"),
    "service": _("service"),
    "profiling": _("profiling"),
    "tracking": _("tracking"),
    "ads": _("advertising"),
    "research": _("research"),
}
CHANNELS: Final = {
    "email": _("e-mail"),
    "sms": _("SMS"),
    "whatsapp": _("WhatsApp"),
    "push": _("push"),
    "onsite": _("on the site"),
    "ads": _("ads"),
    "call": _("call"),
    "till": _("till"),
    "post": _("post"),
    "webhook": _("webhook"),
}
STATES: Final = {
    "granted": _("agreed"),
    "soft": _("existing customer, did not object"),
    "granted_unconfirmed": _("agreed, not confirmed yet"),
    "requested": _("was asked"),
    "refused": _("refused"),
    "withdrawn": _("withdrawn"),
    "paused": _("paused"),
    "expired": _("expired"),
    "unknown": _("never said anything"),
}


def _tail(doc: Mapping[str, Any]) -> str:
    return str(doc["f"]).partition(".")[2]


def _field_inputs(doc: Doc, offers: Offers) -> list[Input]:
    name = _tail(doc)
    chosen = Input("select", "name", _("Field"), name, tuple(FIELDS.items()), reshape=True)
    kinds = contact.KINDS.get(name, contact.TEXT_KINDS)
    return [chosen, *compared.inputs(doc, kinds, source=f"contact.{name}" if TEXT in kinds else "")]


def _field_written(doc: Doc, values: Mapping[str, str]) -> Doc:
    name = values.get("name", _tail(doc))
    name = name if name in contact.KINDS else "country"
    return compared.written({**doc, "f": f"contact.{name}"}, values, contact.KINDS[name])


# What a defined field can be compared with; another one with anything.
OWN_KINDS: Final = {
    "text": (TEXT, SET),
    "number": (NUMBER, SET),
    "date": (DAY, WINDOW, CALENDAR, SET),
    "choice": (TEXT, SET),
    "list": (LIST, SET),
    "boolean": (BOOLEAN, SET),
}


def _own_kinds(name: str) -> tuple[str, ...]:
    field = ownfields.known().get(name)
    return OWN_KINDS[field.kind] if field else custom.KINDS


def _own_inputs(doc: Doc, offers: Offers) -> list[Input]:
    tail, known = _tail(doc), ownfields.known()
    kinds = _own_kinds(tail)
    # A rule from before the field had its kind is shown as it is.
    kinds = kinds if compared.kind_of(doc, custom.KINDS) in kinds or not doc.get("v") else custom.KINDS
    free = Input("text", "other" if known else "name", _("Field"), tail, source="fields", placeholder=_("its name"))
    rest = compared.inputs(doc, kinds, source=f"fields.{tail}" if tail else "")
    if not known:
        return [free, *rest]
    choices = (*((key, field.label) for key, field in known.items()), ("", _("another field")))
    named = Input("select", "name", _("Field"), tail if tail in known else "", choices, reshape=True)
    return [named, *([] if tail in known else [free]), *rest]


def _own_written(doc: Doc, values: Mapping[str, str]) -> Doc:
    name = (values.get("name") or values.get("other") or "").strip()
    kinds = _own_kinds(name) if name != _tail(doc) else custom.KINDS
    return compared.written({**doc, "f": f"fields.{name}"}, values, kinds)


def _identifier_inputs(doc: Doc, offers: Offers) -> list[Input]:
    chosen = Input("select", "name", _("Identifier"), _tail(doc), tuple(IDENTIFIERS.items()))
    return [chosen, *compared.inputs(doc, (SET, TEXT))]


def _identifier_written(doc: Doc, values: Mapping[str, str]) -> Doc:
    name = values.get("name", _tail(doc))
    name = name if name in identifier.KINDS else "email"
    return compared.written({**doc, "f": f"identifier.{name}"}, values, (SET, TEXT))


def _consent_inputs(doc: Doc, offers: Offers) -> list[Input]:
    purpose, _dot, channel = _tail(doc).partition(".")
    op = conditions.ALIASES.get(str(doc.get("op")), doc.get("op"))
    found = [
        Input("words", label=_("for")),
        Input("select", "purpose", _("Purpose"), purpose, tuple(PURPOSES.items())),
        Input("words", label=_("by")),
        Input("select", "channel", _("Channel"), channel, tuple(CHANNELS.items())),
        Input("select", "op", _("Comparison"), str(op), tuple(compared.WORDS[TEXT].items())[:4], reshape=True),
    ]
    v = doc.get("v")
    if op in ("in", "not_in"):
        several = v if isinstance(v, list) else [v]
        return [*found, *(Input("check", f"v.{name}", label, name in several) for name, label in STATES.items())]
    one = v[0] if isinstance(v, list) and v else v
    return [*found, Input("select", "v", _("Consent"), str(one or "granted"), tuple(STATES.items()))]


def _consent_written(doc: Doc, values: Mapping[str, str]) -> Doc:
    purpose, channel = values.get("purpose", "offers"), values.get("channel", "email")
    op = values.get("op", "is")
    op = op if op in consent.OPERATORS else "is"
    found = {"f": f"consent.{purpose}.{channel}", "op": op}
    if op in ("in", "not_in"):
        several = [name for name in STATES if values.get(f"v.{name}")]
        return {**found, "v": compared.chosen(several, doc.get("v")) or [values.get("v") or "granted"]}
    first = next((name for name in STATES if values.get(f"v.{name}")), "granted")
    return {**found, "v": values.get("v") or first}


def _reach_inputs(doc: Doc, offers: Offers) -> list[Input]:
    leaf_wants = (doc.get("v") is True) == (conditions.ALIASES.get(str(doc.get("op")), doc.get("op")) == "is")
    can = (("yes", _("can be reached")), ("no", _("cannot be reached")))
    return [
        Input("select", "wanted", _("Reach"), "yes" if leaf_wants else "no", can),
        Input("words", label=_("by")),
        Input("select", "channel", _("Channel"), _tail(doc), tuple(CHANNELS.items())),
        Input("words", label=_("for")),
        Input("select", "purpose", _("Purpose"), str(doc.get("purpose", "offers")), tuple(PURPOSES.items())),
    ]


def _reach_written(doc: Doc, values: Mapping[str, str]) -> Doc:
    found = {"f": f"reachable.{values.get('channel', 'email')}", "op": "is", "v": values.get("wanted") != "no"}
    purpose = values.get("purpose", reachable.DEFAULT_PURPOSE)
    kept = "purpose" in doc or purpose != reachable.DEFAULT_PURPOSE
    return found | ({"purpose": purpose} if kept else {})


def _field(name: str, op: str = "is", hint: str = TEXT, v: Any = "") -> Doc:
    return {"f": f"contact.{name}", "op": op, "v": v, "as": hint}


descriptions.add(
    "f.contact",
    Description(
        _("Contact field"),
        "user",
        WHO,
        _field_inputs,
        _field_written,
        (
            Starter(_("Lives in a country"), _field("country")),
            Starter(_("Lives in a city"), _field("city")),
            Starter(_("Belongs to a store"), _field("home_store")),
            Starter(_("Language"), _field("language")),
            Starter(_("Age"), _field("age", ">=", NUMBER)),
            Starter(
                _("Birthday"),
                {"f": "contact.birth_date", "op": "anniversary", "v": {"from": 0, "to": 7}, "as": conditions.CALENDAR},
            ),
            Starter(_("Known since"), {**_field("created_at", "in_last", conditions.WINDOW), "v": {"unit": "days"}}),
        ),
    ),
    order=30,
)
descriptions.add(
    "f.fields",
    Description(
        _("A field of your own"),
        "forms",
        WHO,
        _own_inputs,
        _own_written,
        (Starter(_("A field of your own"), {"f": "fields.", "op": "is", "v": "", "as": TEXT}),),
    ),
    order=31,
)
descriptions.add(
    "f.identifier",
    Description(
        _("Identifier"),
        "id",
        WHO,
        _identifier_inputs,
        _identifier_written,
        (Starter(_("Has an e-mail, phone or card"), {"f": "identifier.card", "op": "is_set"}),),
    ),
    order=32,
)
descriptions.add(
    "f.consent",
    Description(
        _("Consent"),
        "shield-check",
        PERMISSION,
        _consent_inputs,
        _consent_written,
        (Starter(_("Consent"), {"f": "consent.offers.email", "op": "is", "v": "granted"}),),
    ),
    order=40,
)
descriptions.add(
    "f.reachable",
    Description(
        _("Can be reached"),
        "send",
        PERMISSION,
        _reach_inputs,
        _reach_written,
        (Starter(_("Can be reached by"), {"f": "reachable.email", "op": "is", "v": True}),),
    ),
    order=41,
)
