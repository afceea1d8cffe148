"""What somebody did: events with filters, numbers and windows; one event and then another."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from crm.segments.conditions import LIST, TEXT
from crm.segments.describe import HINT, Description, Doc, Input, Offers, Starter, descriptions
from crm.segments.editors import compared, spans
from crm.segments.where import KINDS, PREFIX

DID: Final = _("What they did")
DIDS: Final = (("yes", _("did")), ("no", _("did not do")))
SIGNS: Final = (
    (">=", _("at least")),
    ("<=", _("at most")),
    ("is", _("exactly")),
    (">", _("more than")),
    ("<", _("fewer than")),
    ("is_not", _("not exactly")),
)
ANY_NUMBER: Final = ("", _("any number of times"))
ANY_TIME: Final = "always"
WHENS: Final = (
    (ANY_TIME, _("at any time")),
    ("in_last", _("in the last")),
    ("after", _("after (UTC)")),
    ("before", _("before (UTC)")),
    ("between", _("between (UTC)")),
)
CHANNELS: Final = {
    "web": _("web"),
    "app": _("app"),
    "store": _("store"),
    "call": _("call"),
    "mail": _("mail"),
    "sms": _("SMS"),
    "whatsapp": _("WhatsApp"),
    "social": _("social media"),
    "ads": _("ads"),
    "marketplace": _("marketplace"),
    "other": _("other"),
}
PART_WHERE, PART_SUM, PART_CHANNEL = "where", "sum", "channel"


# --- parts that leaves about events share -------------------------------------------------------


def named(name: str, value: Any, source: str = "events") -> Input:
    return Input("text", name, _("Event"), str(value or ""), source=source, placeholder=_("name of the event"))


def where_inputs(doc: Mapping[str, Any], prefix: str = "") -> list[Input]:
    """A line for each filter on what the event carries."""
    found: list[Input] = []
    entries = doc.get("where")
    for place, entry in enumerate(entries if isinstance(entries, list) else []):
        at, path = f"{prefix}where.{place}.", str(entry.get("f", "")).removeprefix(PREFIX)
        known = f"{doc.get('event', '')}"
        found += [
            Input("break"),
            Input("words", label=_("with")),
            Input(
                "text",
                f"{at}f",
                _("Detail of the event"),
                path,
                source=f"paths:{known}",
                placeholder=_("detail, such as category"),
            ),
            *compared.inputs(entry, KINDS, at, f"values:{known}:{path}"),
            Input("drop", f"{prefix}where.{place}", _("Remove this filter")),
        ]
    return found


def where_written(doc: Mapping[str, Any], values: Mapping[str, str], prefix: str = "") -> dict[str, Any]:
    entries = doc.get("where")
    if not isinstance(entries, list):
        return {}
    found = []
    for place, entry in enumerate(entries):
        at = f"{prefix}where.{place}."
        path = values.get(f"{at}f", str(entry.get("f", "")).removeprefix(PREFIX)).strip()
        found.append(compared.written({**entry, "f": f"{PREFIX}{path}"}, values, KINDS, at))
    return {"where": found}


def when_inputs(doc: Mapping[str, Any]) -> list[Input]:
    """When events count."""
    both = "after" in doc and "before" in doc
    mode = "between" if both else next((each for each in ("in_last", "after", "before") if each in doc), ANY_TIME)
    found = [Input("select", "when", _("When"), mode, WHENS, reshape=True)]
    if "in_last" in doc:
        found += spans.inputs(doc["in_last"], "last.")
    if "after" in doc:
        found.append(Input("instant", "after", _("After"), compared.shown(doc["after"], "instant")))
    if both:
        found.append(Input("words", label=_("and")))
    if "before" in doc:
        found.append(Input("instant", "before", _("Before"), compared.shown(doc["before"], "instant")))
    return found


def when_written(doc: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    mode = values.get("when", ANY_TIME)
    found: dict[str, Any] = {}
    if mode == "in_last":
        span = spans.written(values, "last.") if "last.v" in values else {"value": 30, "unit": "days"}
        found["in_last"] = span
    for name in ("after", "before"):
        if mode in (name, "between"):
            given = values.get(name, "").strip()
            found[name] = f"{given}Z" if given and not given.endswith("Z") else given
    return found


def count_inputs(doc: Mapping[str, Any]) -> list[Input]:
    """How many times; nothing said is any number."""
    if "count" not in doc:
        return [Input("select", "count.op", _("How often"), "", (ANY_NUMBER, *SIGNS), reshape=True)]
    count = doc["count"] if isinstance(doc["count"], Mapping) else {}
    return [
        Input("select", "count.op", _("How often"), _sign(count), (ANY_NUMBER, *SIGNS), reshape=True),
        Input("number", "count.v", _("Number of times"), compared.text(count.get("v", 1))),
        Input("words", label=_("times")),
    ]


def count_written(values: Mapping[str, str]) -> dict[str, Any]:
    op = values.get("count.op", "")
    return {"count": {"op": op, "v": compared.number(values.get("count.v", "1"))}} if op else {}


def _sign(amount: Mapping[str, Any]) -> str:
    op = str(amount.get("op", ">="))
    return {"=": "is", "==": "is", "!=": "is_not"}.get(op, op)


# --- events -------------------------------------------------------------------------------------


def _event_inputs(doc: Doc, offers: Offers) -> list[Input]:
    found = [
        Input("select", "did", _("Did or not"), "no" if doc.get("did") is False else "yes", DIDS),
        named("event", doc.get("event")),
        *count_inputs(doc),
        *when_inputs(doc),
        *where_inputs(doc),
        *_sum_inputs(doc),
        *_channel_inputs(doc),
    ]
    more = [(PART_WHERE, _("Only with …"))]
    more += [] if "sum" in doc else [(PART_SUM, _("Adding up to …"))]
    more += [] if "channel" in doc else [(PART_CHANNEL, _("Only by channel …"))]
    return [*found, Input("more", label=_("More"), choices=tuple(more))]


def _sum_inputs(doc: Mapping[str, Any]) -> list[Input]:
    if not isinstance(doc.get("sum"), Mapping):
        return []
    amount, event = doc["sum"], doc.get("event", "")
    path = str(amount.get("of", "")).removeprefix(PREFIX)
    return [
        Input("break"),
        Input("words", label=_("adding up")),
        Input("text", "sum.of", _("Amount to add up"), path, source=f"paths:{event}", placeholder="total.amount"),
        Input("words", label=_("to")),
        Input("select", "sum.op", _("Comparison"), _sign(amount), SIGNS),
        Input("number", "sum.v", _("Sum"), compared.text(amount.get("v"))),
        Input("drop", PART_SUM, _("Remove the sum")),
    ]


def _channel_inputs(doc: Mapping[str, Any]) -> list[Input]:
    if "channel" not in doc:
        return []
    chosen = doc["channel"] if isinstance(doc["channel"], list) else [doc["channel"]]
    boxes = [Input("check", f"channel.{name}", label, name in chosen) for name, label in CHANNELS.items()]
    return [
        Input("break"),
        Input("words", label=_("by")),
        *boxes,
        Input("drop", PART_CHANNEL, _("Any channel")),
    ]


def _event_written(doc: Doc, values: Mapping[str, str]) -> Doc:
    found: Doc = {"event": values.get("event", "").strip()}
    if values.get("did") == "no" or "did" in doc:
        found["did"] = values.get("did") != "no"
    found |= where_written(doc, values) | count_written(values)
    if isinstance(doc.get("sum"), Mapping):
        path = values.get("sum.of", "").strip()
        v = compared.number(values.get("sum.v", ""))
        found["sum"] = {"of": f"{PREFIX}{path}", "op": values.get("sum.op", ">="), "v": v}
    if "channel" in doc:
        ticked = [name for name in CHANNELS if values.get(f"channel.{name}")]
        found["channel"] = compared.chosen(ticked, doc["channel"])
    return found | when_written(doc, values)


def _event_add(doc: Doc, part: str) -> Doc:
    found = copy.deepcopy(doc)
    if part == PART_WHERE:
        found.setdefault("where", []).append(filter_on(""))
    elif part == PART_SUM:
        found["sum"] = {"of": f"{PREFIX}total.amount", "op": ">=", "v": 100}
    elif part == PART_CHANNEL:
        found["channel"] = ["store"]
    return found


def _event_drop(doc: Doc, part: str) -> Doc:
    """`part`: sum, channel or where.2"""
    found = copy.deepcopy(doc)
    head, _dot, place = part.partition(".")
    if head == PART_WHERE and place.isdecimal() and int(place) < len(found.get("where", [])):
        del found["where"][int(place)]
        if not found["where"]:
            del found["where"]
    elif head in (PART_SUM, PART_CHANNEL):
        found.pop(head, None)
    return found


def filter_on(path: str) -> Doc:
    return {"f": f"{PREFIX}{path}", "op": "is", "v": "", HINT: TEXT}


# --- sequences ----------------------------------------------------------------------------------


def _steps(doc: Mapping[str, Any]) -> tuple[Doc, Doc, bool]:
    steps = doc.get("sequence")
    first: Doc = {"event": ""}
    last: Doc = {"event": ""}
    if isinstance(steps, list) and len(steps) == 2:
        first, last = steps
    followed = not (isinstance(last, Mapping) and "not" in last)
    return first, last if followed else last["not"], followed


def _sequence_inputs(doc: Doc, offers: Offers) -> list[Input]:
    first, then, followed = _steps(doc)
    within = "within" in doc
    found = [
        Input("words", label=_("did")),
        named("first.event", first.get("event")),
        *where_inputs(first, "first."),
        Input("break"),
        Input("select", "followed", _("Then or then not"), "yes" if followed else "no", THENS, reshape=True),
        named("then.event", then.get("event")),
        Input("select", "timed", _("How soon"), "within" if within else "any", SOON, reshape=True),
        *(spans.inputs(doc["within"], "within.") if within else []),
        *where_inputs(then, "then."),
    ]
    if "in_last" in doc:
        found += [Input("break"), Input("words", label=_("the first one in the last"))]
        found += [*spans.inputs(doc["in_last"], "last."), Input("drop", "in_last", _("At any time"))]
    if "same" in doc:
        path = str(doc["same"]).removeprefix(PREFIX)
        found += [Input("break"), Input("words", label=_("with the same"))]
        same = Input("text", "same", _("Detail of the event"), path, source=f"paths:{first.get('event', '')}")
        found += [same, Input("drop", "same", _("Remove this filter"))]
    more = [("first.where", _("First only with …")), ("then.where", _("Second only with …"))]
    more += [] if "in_last" in doc else [("in_last", _("Only in the last …"))]
    more += [] if "same" in doc else [("same", _("With the same …"))]
    return [*found, Input("more", label=_("More"), choices=tuple(more))]


THENS: Final = (("yes", _("and then")), ("no", _("and then not")))
SOON: Final = (("any", _("at any time after")), ("within", _("within")))


def _sequence_written(doc: Doc, values: Mapping[str, str]) -> Doc:
    first, then, _followed = _steps(doc)
    one = {"event": values.get("first.event", "").strip()} | where_written(first, values, "first.")
    two = {"event": values.get("then.event", "").strip()} | where_written(then, values, "then.")
    followed = values.get("followed") != "no"
    found: Doc = {"sequence": [one, two if followed else {"not": two}]}
    if values.get("timed") == "within" or not followed:
        known = "within.v" in values
        found["within"] = spans.written(values, "within.") if known else {"value": 1, "unit": "hours"}
    if "in_last" in doc:
        found["in_last"] = spans.written(values, "last.")
    if "same" in doc:
        found["same"] = f"{PREFIX}{values.get('same', '').strip()}"
    return found


def _sequence_add(doc: Doc, part: str) -> Doc:
    found = copy.deepcopy(doc)
    first, then, _followed = _steps(found)
    if part in ("first.where", "then.where"):
        (first if part.startswith("first") else then).setdefault("where", []).append(filter_on(""))
    elif part == "in_last":
        found["in_last"] = {"value": 30, "unit": "days"}
    elif part == "same":
        found["same"] = f"{PREFIX}cart_id"
    return found


def _sequence_drop(doc: Doc, part: str) -> Doc:
    found = copy.deepcopy(doc)
    first, then, _followed = _steps(found)
    side, _dot, rest = part.partition(".")
    if side in ("first", "then"):
        step = first if side == "first" else then
        smaller = _event_drop(step, rest)
        step.clear()
        step.update(smaller)
    elif side in ("in_last", "same"):
        found.pop(side, None)
    return found


BOUGHT: Final = "Order Completed"
# An order carries the categories of all that was bought.
OF_A_KIND: Final = {"f": f"{PREFIX}category", "op": "has_any", "v": [], HINT: LIST}
IN_A_YEAR: Final = {"value": 365, "unit": "days"}
STARTERS: Final = (
    Starter(
        _("Bought"),
        {"event": BOUGHT, "where": [OF_A_KIND], "count": {"op": ">=", "v": 1}, "in_last": IN_A_YEAR},
        "shopping-bag",
    ),
    Starter(
        _("Has not bought for"), {"event": BOUGHT, "did": False, "in_last": {"value": 90, "unit": "days"}},
        "shopping-bag-x",
    ),
    Starter(_("Viewed a product"), {"event": "Product Viewed", "in_last": {"value": 30, "unit": "days"}}, "eye"),
    Starter(_("Did something else"), {"event": "", "in_last": {"value": 30, "unit": "days"}}, "activity"),
)  # fmt: skip
descriptions.add(
    "event",
    Description(_("Event"), "activity", DID, _event_inputs, _event_written, STARTERS, _event_add, _event_drop),
    order=10,
)
descriptions.add(
    "sequence",
    Description(
        _("One thing after another"),
        "route",
        DID,
        _sequence_inputs,
        _sequence_written,
        (
            Starter(
                _("Did this, and then not that"),
                {
                    "sequence": [{"event": "Product Added"}, {"not": {"event": BOUGHT}}],
                    "within": {"value": 1, "unit": "hours"},
                    "in_last": {"value": 30, "unit": "days"},
                },
                "route",
            ),
        ),
        _sequence_add,
        _sequence_drop,
    ),
    order=11,
)
