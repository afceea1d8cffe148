"""What a message may say of a person, for the picker: the names the renderer knows, in words.

Generated from what `channels.facts` gives (`channels.kinds.base.NAMES`) and from an example: the fields of
the contacts and of the event that are really there. A test holds that nothing is offered that is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from channels import lint
from channels.kinds import base
from crm import ownfields

Words = str | Promise


@dataclass(frozen=True)
class Token:
    """`path` is the name; `needs_fallback`: somebody may have no value. `insert` is what is put into the text
    (with `…` where the fallback goes); `example` what the chosen person has."""

    path: str
    words: Words
    group: Words
    type: Words
    needs_fallback: bool
    insert: str
    example: str = ""


TEXT, NUMBER, DATE, MONEY, LINK, LIST = (
    _("text"),
    _("number"),
    _("date"),
    _("money"),
    _("link"),
    _("list"),
)
KINDS: Final[dict[str, Words]] = {"number": NUMBER, "date": DATE}
CONTACT: Final[dict[str, tuple[Words, Words]]] = {
    "given_name": (_("First name"), TEXT),
    "family_name": (_("Last name"), TEXT),
    "name": (_("Full name"), TEXT),
    "city": (_("City"), TEXT),
    "region": (_("Region"), TEXT),
    "country": (_("Country"), TEXT),
    "postal_code": (_("Postal code"), TEXT),
    "birth_date": (_("Birthday"), DATE),
    "language": (_("Language"), TEXT),
    "zone": (_("Time zone"), TEXT),
}
STORE: Final[dict[str, Words]] = {
    "name": _("Name of the home store"),
    "code": _("Code of the home store"),
    "country": _("Country of the home store"),
}
PRODUCT: Final[dict[str, tuple[Words, Words]]] = {
    "name": (_("Name of the product"), TEXT),
    "price": (_("Price today"), MONEY),
    "url": (_("Link to the product"), LINK),
    "image": (_("Address of its picture"), LINK),
    "units_left": (_("Units left, online and in the home store"), NUMBER),
    "in_store": (_("Units left in the home store"), NUMBER),
    "quantity": (_("Quantity in the cart"), NUMBER),
    "brand": (_("Brand"), TEXT),
    "sku": (_("Article number"), TEXT),
}
LISTS: Final[dict[str, Words]] = {
    "products": _("Products of the cart, one after the other"),
    "viewed": _("The last products looked at, one after the other"),
}
LINKS: Final[dict[str, Words]] = {
    "unsubscribe": _("Link to unsubscribe"),
    "preferences": _("Link to the preferences page"),
}
_CONTACT, _ENTRY, _EVENT, _CART, _VIEWED, _STORE, _LINKS = (
    _("Contact"),
    _("What started it"),
    _("What happened last"),
    _("Cart"),
    _("Looked at"),
    _("Store"),
    _("Links"),
)
_LONGEST_EXAMPLE: Final = 60
# Keys of an event that are no news to a customer.
_INNER: Final = frozenset({"event", "id", "occurred_at", "properties", "edition"})


def all_of(values: Mapping[str, Any], sure: frozenset[str] = frozenset()) -> list[Token]:
    """Every name that may be used, with what it is for this person. `sure`: as in `channels.lint`."""
    found = [
        *(_plain(f"contact.{name}", words, _CONTACT, kind, values, sure) for name, (words, kind) in CONTACT.items()),
        *_fields(values, sure),
        *_event("entry", _ENTRY, values, sure),
        *_event("event", _EVENT, values, sure),
        *_products("products", _CART, values),
        *_products("viewed", _VIEWED, values),
        *(_plain(f"store.{name}", words, _STORE, TEXT, values, sure) for name, words in STORE.items()),
        *(_plain(f"links.{name}", words, _LINKS, LINK, values, sure) for name, words in LINKS.items()),
    ]
    return [token for token in found if token.path.partition(".")[0].partition("[")[0] in base.NAMES]


def _fields(values: Mapping[str, Any], sure: frozenset[str]) -> Iterator[Token]:
    fields = values.get("contact", {}).get("fields", {})
    known = ownfields.known()
    for name, field in known.items():
        if _is_name(name) and field.kind != "list":
            yield _plain(f"contact.fields.{name}", field.label, _CONTACT, KINDS.get(field.kind, TEXT), values, sure)
    for name, value in sorted(fields.items()):
        if _is_name(name) and name not in known and not isinstance(value, dict | list):
            yield _plain(f"contact.fields.{name}", name, _CONTACT, _type_of(value), values, sure)


def _event(root: str, group: Words, values: Mapping[str, Any], sure: frozenset[str]) -> Iterator[Token]:
    """The properties of the event, as this example has them. Both events are often one."""
    event = values.get(root, {})
    if root == "event" and event == values.get("entry"):
        return
    for name, value in sorted(event.items()):
        if name in _INNER or not _is_name(name):
            continue
        if isinstance(value, Mapping) and set(value) >= {"amount", "currency"}:
            yield _made(f"{root}.{name}", name, group, MONEY, sure, _shown(value["amount"]), " | money")
        elif not isinstance(value, dict | list):
            yield _plain(f"{root}.{name}", name, group, _type_of(value), values, sure)
    if event.get("occurred_at"):
        date = f'{{{{ {root}.occurred_at | date: "%d.%m.%Y" }}}}'
        yield Token(f"{root}.occurred_at", _("When it happened"), group, DATE, False, date, event["occurred_at"][:10])  # noqa: FBT003


def _products(root: str, group: Words, values: Mapping[str, Any]) -> Iterator[Token]:
    shown = values.get(root) or [{}]
    first = shown[0]
    between = "{% unless forloop.last %}, {% endunless %}"
    loop = f"{{% for product in {root} %}}{{{{ product.name }}}}{between}{{% endfor %}}"
    names = ", ".join(str(each.get("name", "")) for each in shown)
    yield Token(root, LISTS[root], group, LIST, False, loop, names[:_LONGEST_EXAMPLE])  # noqa: FBT003
    for name, (words, kind) in PRODUCT.items():
        path = f"{root}[0].{name}"
        more = " | money" if kind is MONEY else ""
        yield _made(path, words, group, kind, frozenset(), _shown(first.get(name)), more)


def _plain(
    path: str, words: Words, group: Words, kind: Words, values: Mapping[str, Any], sure: frozenset[str]
) -> Token:
    value: Any = values
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return _made(path, words, group, kind, sure, _shown(value))


def _made(
    path: str, words: Words, group: Words, kind: Words, sure: frozenset[str], example: str, more: str = ""
) -> Token:
    """A token with its insertion, which the linter is content with."""
    needs = bool(lint.problems("sms", {"text": f"{{{{ {path} }}}}"}, sure))
    insert = f'{{{{ {path} | default: "…"{more} }}}}' if needs else f"{{{{ {path}{more} }}}}"
    return Token(path, words, group, kind, needs, insert, example)


def _type_of(value: Any) -> Words:
    return NUMBER if isinstance(value, int | float) and not isinstance(value, bool) else TEXT


def _shown(value: Any) -> str:
    text = "" if value is None or isinstance(value, Mapping | list) else str(value)
    return text if len(text) <= _LONGEST_EXAMPLE else f"{text[: _LONGEST_EXAMPLE - 1]}…"


def _is_name(name: str) -> bool:
    return name.isidentifier() and not name.startswith("_")
