"""Rules in words: what a leaf says to the person who reads it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from crm.segments.conditions import Condition

FIELDS: Final = {
    "given_name": gettext_noop("given name"),
    "family_name": gettext_noop("family name"),
    "language": gettext_noop("language"),
    "timezone": gettext_noop("time zone"),
    "zone": gettext_noop("zone in use"),
    "country": gettext_noop("country"),
    "region": gettext_noop("region"),
    "city": gettext_noop("city"),
    "postal_code": gettext_noop("postal code"),
    "source": gettext_noop("source"),
    "home_store": gettext_noop("home store"),
    "birth_date": gettext_noop("birth date"),
    "age": gettext_noop("age"),
    "created_at": gettext_noop("known since"),
    "email": gettext_noop("e-mail"),
    "phone": gettext_noop("phone"),
    "card": gettext_noop("card"),
    "external_id": gettext_noop("external id"),
}
COMPARED: Final = {
    "is": gettext_noop("%(what)s is %(v)s"),
    "is_not": gettext_noop("%(what)s is not %(v)s"),
    "in": gettext_noop("%(what)s is one of %(v)s"),
    "not_in": gettext_noop("%(what)s is none of %(v)s"),
    "contains": gettext_noop("%(what)s contains %(v)s"),
    "not_contains": gettext_noop("%(what)s does not contain %(v)s"),
    "starts": gettext_noop("%(what)s starts with %(v)s"),
    "ends": gettext_noop("%(what)s ends with %(v)s"),
    "<": gettext_noop("%(what)s is below %(v)s"),
    "<=": gettext_noop("%(what)s is at most %(v)s"),
    ">": gettext_noop("%(what)s is above %(v)s"),
    ">=": gettext_noop("%(what)s is at least %(v)s"),
    "between": gettext_noop("%(what)s is between %(v)s"),
    "has_any": gettext_noop("%(what)s has any of %(v)s"),
    "has_all": gettext_noop("%(what)s has all of %(v)s"),
    "has_none": gettext_noop("%(what)s has none of %(v)s"),
    "is_set": gettext_noop("%(what)s is known"),
    "is_empty": gettext_noop("%(what)s is not known"),
    "before": gettext_noop("%(what)s is before %(v)s"),
    "after": gettext_noop("%(what)s is after %(v)s"),
    "on": gettext_noop("%(what)s is on %(v)s"),
    "in_last": gettext_noop("%(what)s is in the last %(v)s"),
    "not_in_last": gettext_noop("%(what)s is not in the last %(v)s"),
    "in_next": gettext_noop("%(what)s is in the next %(v)s"),
    "is_today": gettext_noop("%(what)s is today"),
    "days": gettext_noop("%(what)s is %(v)s days from today"),
    "anniversary": gettext_noop("anniversary of %(what)s is %(v)s days from today"),
}
# What people do, in words; other events are named as they are.
DEEDS: Final = {
    "Order Completed": (gettext_noop("bought"), gettext_noop("did not buy")),
    "Product Viewed": (gettext_noop("viewed a product"), gettext_noop("viewed no product")),
    "Product Added": (gettext_noop("put a product into the cart"), gettext_noop("put no product into the cart")),
}
SIGNS: Final = {
    "is": gettext_noop("exactly %(n)s"),
    "is_not": gettext_noop("not exactly %(n)s"),
    "<": gettext_noop("fewer than %(n)s"),
    "<=": gettext_noop("at most %(n)s"),
    ">": gettext_noop("more than %(n)s"),
    ">=": gettext_noop("at least %(n)s"),
}
DAYS_OF_YEAR: Final = 365


def deed(event: str, *, did: bool) -> str:
    """What somebody did or did not do."""
    known = DEEDS.get(event)
    if known:
        return _(known[0] if did else known[1])
    return (_("did %(event)s") if did else _("did not do %(event)s")) % {"event": event}


def amount(op: str, v: Decimal, path: str) -> str:
    """How often, or, with a `path`, how much of it in sum."""
    number = plain(v)
    said = _(SIGNS[op]) % {"n": number}
    if path:
        return _("adding up %(path)s to %(amount)s") % {"path": path, "amount": said}
    # Only a whole number has a plural; "1.5 times" is nobody's wish.
    times = ngettext("%(amount)s time", "%(amount)s times", abs(number) if isinstance(number, int) else 2)
    return times % {"amount": said}


def field(name: str) -> str:
    """A standard field in words."""
    return _(FIELDS[name])


def compared(what: str, condition: Condition) -> str:
    said = _(COMPARED[condition.written]) % {"what": what, "v": value(condition.v)}
    if not condition.missing:
        return said
    return _("%(said)s (or is not known)") % {"said": said}


def value(v: Any) -> str:
    if isinstance(v, tuple | list):
        return ", ".join(value(each) for each in v)
    if isinstance(v, bool):
        return _("yes") if v else _("no")
    if isinstance(v, timedelta):
        return span(v)
    if isinstance(v, datetime):
        return v.strftime("%Y-%m-%d %H:%M UTC")
    return str(v)


def span(length: timedelta) -> str:
    """In the greatest unit that fits."""
    minutes = int(length.total_seconds() // 60)
    if minutes % (1440 * DAYS_OF_YEAR) == 0:
        years = minutes // (1440 * DAYS_OF_YEAR)
        return ngettext("%(n)d year", "%(n)d years", years) % {"n": years}
    if minutes % 1440 == 0:
        return ngettext("%(n)d day", "%(n)d days", minutes // 1440) % {"n": minutes // 1440}
    if minutes % 60 == 0:
        return ngettext("%(n)d hour", "%(n)d hours", minutes // 60) % {"n": minutes // 60}
    return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}


def window(since: timedelta | None, after: datetime | None, before: datetime | None) -> str:
    """The end of a sentence about events: when they count."""
    said = ""
    if since:
        said += " " + _("in the last %(span)s") % {"span": span(since)}
    if after:
        said += " " + _("after %(instant)s") % {"instant": value(after)}
    if before:
        said += " " + _("before %(instant)s") % {"instant": value(before)}
    return said


def needed(condition: Condition) -> dict[str, Any]:
    """The condition as JSON, for programs that show it beside what was seen."""
    found: dict[str, Any] = {"op": condition.written}
    if condition.v is not None and condition.written != "is_today":
        found["v"] = plain(condition.v)
    return found


def plain(v: Any) -> Any:
    if isinstance(v, tuple | list):
        return [plain(each) for each in v]
    if isinstance(v, Decimal):
        return int(v) if v == v.to_integral_value() else str(v)
    if isinstance(v, timedelta):
        return {"value": int(v.total_seconds() // 60), "unit": "minutes"}
    if isinstance(v, datetime | date):
        return v.isoformat()
    return v
