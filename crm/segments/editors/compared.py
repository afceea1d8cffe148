"""The inputs of a comparison: an operator, and what it compares with."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from crm.segments import conditions
from crm.segments.conditions import BOOLEAN, CALENDAR, DAY, INSTANT, LIST, NUMBER, SET, TEXT, WINDOW
from crm.segments.describe import HINT, Doc, Input
from crm.segments.editors import spans

ANYTHING: Final = (TEXT, NUMBER, BOOLEAN, LIST, SET, DAY, INSTANT, WINDOW, CALENDAR)
# Operators as they stand in the menu, by what they compare.
WORDS: Final[dict[str, dict[str, Any]]] = {
    TEXT: {
        "is": _("is"),
        "is_not": _("is not"),
        "in": _("is one of"),
        "not_in": _("is none of"),
        "contains": _("contains"),
        "not_contains": _("does not contain"),
        "starts": _("starts with"),
        "ends": _("ends with"),
    },
    NUMBER: {
        "is": _("equals"),
        "is_not": _("does not equal"),
        "<": _("is below"),
        "<=": _("is at most"),
        ">": _("is above"),
        ">=": _("is at least"),
        "between": _("is between"),
        "in": _("is one of the numbers"),
        "not_in": _("is none of the numbers"),
    },
    BOOLEAN: {"is": _("is yes or no:"), "is_not": _("is not yes or no:")},
    LIST: {"has_any": _("has any of"), "has_all": _("has all of"), "has_none": _("has none of")},
    DAY: {
        "on": _("is on the day"),
        "before": _("is before the day"),
        "after": _("is after the day"),
        "between": _("is between the days"),
    },
    INSTANT: {
        "before": _("is before the moment (UTC)"),
        "after": _("is after the moment (UTC)"),
        "between": _("is between the moments (UTC)"),
    },
    WINDOW: {"in_last": _("is in the last"), "not_in_last": _("is not in the last"), "in_next": _("is in the next")},
    CALENDAR: {
        "is_today": _("is today"),
        "days": _("is so many days from today"),
        "anniversary": _("has its anniversary so many days from today"),
    },
    SET: {"is_set": _("is known"), "is_empty": _("is not known")},
}
HEADS: Final = {
    TEXT: _("Text"),
    NUMBER: _("Number"),
    BOOLEAN: _("Yes or no"),
    LIST: _("List"),
    DAY: _("Date"),
    INSTANT: _("Moment"),
    WINDOW: _("Time passed"),
    CALENDAR: _("Around today"),
    SET: _("Known or not"),
}
YES_NO: Final = (("yes", _("yes")), ("no", _("no")))


def kind_of(doc: Mapping[str, Any], kinds: Collection[str]) -> str:
    """What the condition compares: what the editor noted, else what the operator and the value say."""
    op = str(conditions.ALIASES.get(str(doc.get("op")), doc.get("op")))
    allowed = [kind for kind in kinds if op in WORDS[kind]]
    if doc.get(HINT) in allowed:
        return str(doc[HINT])
    condition, _problems = conditions.parse({name: doc[name] for name in doc if name in conditions.KEYS}, "", kinds)
    if condition is not None:
        return condition.kind
    return (allowed or list(kinds))[0]


def inputs(doc: Doc, kinds: Collection[str], prefix: str = "", source: str = "", *, blank: bool = True) -> list[Input]:
    """The operator and its values; `blank`: whether "or is not known" is offered."""
    kind = kind_of(doc, kinds)
    op = str(conditions.ALIASES.get(str(doc.get("op")), doc.get("op", "")))
    groups = tuple(
        (HEADS[each], tuple((f"{name}:{each}", words) for name, words in WORDS[each].items())) for each in kinds
    )
    if len(groups) == 1:
        chosen = Input("select", f"{prefix}op", _("Comparison"), f"{op}:{kind}", groups[0][1], reshape=True)
    else:
        chosen = Input("select", f"{prefix}op", _("Comparison"), f"{op}:{kind}", groups=groups, reshape=True)
    found = [chosen, *_values(op, kind, doc.get("v"), prefix, source)]
    # For a positive operator nobody wonders: who has no city is not in Lyon.
    if blank and kind != SET and (op in conditions.OPPOSITES or doc.get("missing") == "yes"):
        found.append(Input("check", f"{prefix}missing", _("or not known"), doc.get("missing") == "yes"))
    return found


def _values(op: str, kind: str, v: Any, prefix: str, source: str) -> list[Input]:
    name, label = f"{prefix}v", _("Value")
    if kind == SET or op == "is_today":
        return []
    if kind == WINDOW:
        return spans.inputs(v, prefix)
    if kind == BOOLEAN:
        return [Input("select", name, label, "no" if v is False else "yes", YES_NO)]
    if kind == CALENDAR:
        pair = v if isinstance(v, Mapping) else {}
        return [
            Input("number", name, _("from"), text(pair.get("from"))),
            Input("words", label=_("to")),
            Input("number", f"{prefix}v2", _("to"), text(pair.get("to"))),
        ]
    control = {NUMBER: "number", DAY: "date", INSTANT: "instant"}.get(kind, "text")
    if op == "between":
        low, high = v if isinstance(v, list) and len(v) == 2 else ("", "")
        return [
            Input(control, name, _("lowest"), shown(low, kind)),
            Input("words", label=_("and")),
            Input(control, f"{prefix}v2", _("highest"), shown(high, kind)),
        ]
    if op in ("in", "not_in") or kind == LIST:
        several = ", ".join(text(each) for each in v) if isinstance(v, list) else text(v)
        return [Input("text", name, label, several, source=source, placeholder=_("one, another"))]
    return [Input(control, name, label, shown(v, kind), source=source)]


def written(doc: Doc, values: Mapping[str, str], kinds: Collection[str], prefix: str = "") -> Doc:
    """The condition with what was posted. Another operator keeps the value where it can."""
    op, _colon, kind = values.get(f"{prefix}op", "").partition(":")
    if kind not in kinds or op not in WORDS.get(kind, {}):
        kind = next(iter(kinds))
        op = next(iter(WORDS[kind]))
    found = {name: value for name, value in doc.items() if name not in ("op", "v", "missing", HINT)}
    found |= {"op": op, HINT: kind}
    if kind != SET and op != "is_today":
        found["v"] = _read(op, kind, values, prefix)
    if values.get(f"{prefix}missing") and kind != SET:
        found["missing"] = "yes"
    return found


def _read(op: str, kind: str, values: Mapping[str, str], prefix: str) -> Any:
    one, two = values.get(f"{prefix}v", "").strip(), values.get(f"{prefix}v2", "").strip()
    if kind == WINDOW:
        return spans.written(values, prefix)
    if kind == BOOLEAN:
        return one != "no"
    if kind == CALENDAR:
        return {"from": number(one or "0"), "to": number(two or "0")}
    if op == "between":
        return [_scalar(one, kind), _scalar(two, kind)]
    if op in ("in", "not_in") or kind == LIST:
        return [_scalar(each.strip(), kind) for each in one.split(",") if each.strip()]
    return _scalar(values.get(f"{prefix}v", "") if kind == TEXT else one, kind)


def _scalar(given: str, kind: str) -> Any:
    if kind == NUMBER:
        return number(given)
    if kind == INSTANT and given and "Z" not in given:
        return f"{given}Z"
    return given


def number(given: str) -> Any:
    """The number somebody typed; what is none is kept as it was typed, to be told of."""
    plain = given.strip().replace(",", ".")
    try:
        return int(plain)
    except ValueError:
        pass
    try:
        return float(plain)
    except ValueError:
        return given


def chosen(ticked: list[str], before: Any) -> list[str]:
    """What is ticked; the same things as before stay in their order."""
    same = isinstance(before, list) and {str(each) for each in before} == set(ticked)
    return before if same else ticked


def shown(v: Any, kind: str) -> str:
    return text(v).removesuffix("Z") if kind == INSTANT else text(v)


def text(v: Any) -> str:
    if v is None:
        return ""
    if isinstance(v, float) and v.is_integer():
        return str(int(v))
    return str(v)
