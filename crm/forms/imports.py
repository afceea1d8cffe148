"""What somebody says of a file: what it is, what its columns are, and what the people in it agreed to."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any, Final

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from crm import clock, moments, statements, workspace
from crm.display import CHANNELS

KINDS: Final[dict[str, Promise]] = {
    "contacts": _("Contacts"),
    "orders": _("Purchases"),
    "products": _("Products"),
    "stock": _("Stock"),
    "suppressions": _("Addresses not to write to"),
}
TARGETS: Final[dict[str, Promise]] = {
    "email": _("E-mail"), "phone": _("Phone"), "card": _("Card"), "external_id": _("Number in your shop"),
    "given_name": _("First name"), "family_name": _("Last name"), "language": _("Language"),
    "timezone": _("Time zone"), "country": _("Country"), "region": _("Region"), "city": _("City"),
    "postal_code": _("Postal code"), "birth_date": _("Birth date"), "home_store": _("Home store"),
    "consent": _("Agreed (yes or no)"), "fields.customer_since": _("Customer since"), "order_id": _("Order number"),
    "occurred_at": _("Date"), "total": _("Total"), "currency": _("Currency"), "channel": _("Channel"),
    "store": _("Store"), "cart_id": _("Cart"), "coupon": _("Coupon"), "discount": _("Discount"), "sku": _("SKU"),
    "name": _("Product"), "quantity": _("Quantity"), "price": _("Price"), "url": _("Page"), "image": _("Picture"),
    "categories": _("Categories"), "brand": _("Brand"), "active": _("On sale"), "available": _("Units left"),
    "place": _("Place"), "at": _("Date"),
}  # fmt: skip
ENCODINGS: Final = (
    ("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8 (BOM)"), ("utf-16", "UTF-16"), ("utf-16-le", "UTF-16 LE"),
    ("utf-16-be", "UTF-16 BE"), ("cp1252", "Windows-1252"), ("cp1251", "Windows-1251"),
)  # fmt: skip
DELIMITERS: Final = ((",", _("Comma")), (";", _("Semicolon")), ("\t", _("Tab")), ("|", _("Bar")))
POLICIES: Final = (
    ("fill", _("Fill empty fields only")),
    ("overwrite", _("Overwrite with the file")),
    ("skip", _("Leave them as they are")),
)
# Whose words a file brings, where the shop ranks its sources.
SOURCES: Final = (
    ("import", _("A file")),
    ("till", _("Till")),
    ("shop", _("Web shop and other programs")),
    ("form", _("Forms")),
    ("staff", _("Your team, by hand")),
)
DATES: Final = (("dmy", _("Day first")), ("mdy", _("Month first")))
PURPOSES: Final = ("offers", "newsletter", "loyalty", "profiling")
ASKED: Final = ("email", "sms", "whatsapp", "call", "post")
METHODS: Final = ("paper_form", "web_form", "pos_screen", "verbal_call", "operator")


class ReadingForm(forms.Form):
    """How the file is read, and what becomes of those who are here already."""

    encoding = forms.ChoiceField(label=_("Letters"), choices=ENCODINGS, required=False)
    delimiter = forms.ChoiceField(label=_("Columns parted by"), choices=DELIMITERS, required=False)
    dates = forms.ChoiceField(choices=DATES, required=False)
    policy = forms.ChoiceField(choices=POLICIES, required=False)
    source = forms.ChoiceField(choices=SOURCES, required=False)

    def reading(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if value}


class ConsentForm(forms.Form):
    """Where, when and to what they agreed; the proof of every receipt the import writes."""

    agreed = forms.ChoiceField(
        label=_("Have these people agreed to be written to?"),
        choices=(("no", _("I do not know: they come in as not asked")), ("yes", _("Yes, and I can prove it"))),
        widget=forms.RadioSelect,
    )
    purposes = forms.MultipleChoiceField(
        label=_("To what"), choices=[(name, statements.PURPOSES[name]) for name in PURPOSES],
        widget=forms.CheckboxSelectMultiple, required=False,
    )  # fmt: skip
    channels = forms.MultipleChoiceField(
        label=_("On which channels"), choices=[(name, CHANNELS[name][2]) for name in ASKED],
        widget=forms.CheckboxSelectMultiple, required=False,
    )  # fmt: skip
    basis = forms.ChoiceField(
        label=_("On what ground"), required=False,
        choices=[(name, statements.BASES[name]) for name in ("consent", "soft_opt_in", "legitimate_interest")],
    )  # fmt: skip
    method = forms.ChoiceField(
        label=_("How they said it"), choices=[(name, statements.METHODS[name]) for name in METHODS], required=False
    )
    source = forms.CharField(
        label=_("Where they said it"), max_length=300, required=False,
        help_text=_("The form, the shop, the page: what you would show if somebody asked."),
    )  # fmt: skip
    occurred_on = forms.DateField(
        label=_("When"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if given.get("agreed") == "yes":
            for name in ("purposes", "channels", "basis", "source", "occurred_on"):
                if not given.get(name) and name not in self.errors:
                    self.add_error(name, _("Say this too: it is the proof of their yes."))
            day = given.get("occurred_on")
            if day and day > clock.now().date():
                self.add_error("occurred_on", _("Nobody can have said this yet."))
        return given

    def consent(self) -> dict[str, Any] | None:
        """As the job keeps it; None: nobody was asked."""
        given = self.cleaned_data
        if given["agreed"] != "yes":
            return None
        begin = moments.at_local(given["occurred_on"], time(0), workspace.current().zone).astimezone(UTC)
        return {
            "purposes": given["purposes"], "channels": given["channels"], "basis": given["basis"],
            "method": given["method"], "source": given["source"], "occurred_at": begin.isoformat(),
        }  # fmt: skip


def said(consent: dict[str, Any] | None) -> dict[str, Any]:
    """What was said before, as the form shows it."""
    if not consent:
        return {"agreed": "no", "channels": ["email"], "purposes": ["offers"]}
    return {**consent, "agreed": "yes", "occurred_on": datetime.fromisoformat(consent["occurred_at"]).date()}
