"""What is wrong with a draft as people read it: a sentence for each code, and what would help.

The pure modules name mistakes by codes and in English, for programs; a code without a sentence
here shows the English one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.palette import tiles
from crm.errors import Problem

# (code, end of the pointer) where the place decides, else (code, "").
TITLES: Final[Mapping[tuple[str, str], Promise]] = {
    ("required", "/subject"): gettext_lazy("The e-mail has no subject"),
    ("required", "/html"): gettext_lazy("The e-mail has no words"),
    ("required", "/text"): gettext_lazy("The SMS has no words"),
    ("required", "/purpose"): gettext_lazy("The purpose is missing"),
    ("required", "/event"): gettext_lazy("It does not say which event"),
    ("required", "/segment"): gettext_lazy("No segment is chosen"),
    ("required", "/at"): gettext_lazy("The date and time are missing"),
    ("required", "/when"): gettext_lazy("A lane has no rule"),
    ("required", "/step"): gettext_lazy("It does not say where to jump"),
    ("required", "/name"): gettext_lazy("The campaign has no name"),
    ("required", "/timeout"): gettext_lazy("It does not say how long to wait"),
    ("required", "/after"): gettext_lazy("It does not say how long"),
    ("required", ""): gettext_lazy("Something is missing"),
    ("bad_count", "/entry"): gettext_lazy("Nobody comes in"),
    ("bad_count", "/steps"): gettext_lazy("The journey has no steps"),
    ("bad_count", ""): gettext_lazy("Too few or too many of something"),
    ("not_found", ""): gettext_lazy("A segment is no longer there"),
    ("unknown_segment", ""): gettext_lazy("A segment is no longer there"),
    ("not_an_id", ""): gettext_lazy("No segment is chosen"),
    ("no_exit_on_goal", ""): gettext_lazy("People who reached the goal would go on being written to"),
    ("unreachable_step", ""): gettext_lazy("Nobody can reach this step"),
    ("endless", ""): gettext_lazy("This loop never waits"),
    ("unknown_step", ""): gettext_lazy("It leads to a step that is no longer there"),
    ("no_fallback", ""): gettext_lazy("A value may be empty and has no fallback"),
    ("may_be_empty", ""): gettext_lazy("A value may be empty"),
    ("unknown_name", ""): gettext_lazy("A value is asked for that does not exist"),
    ("unknown_filter", ""): gettext_lazy("The words cannot be read"),
    ("liquid_syntax", ""): gettext_lazy("The words cannot be read"),
    ("unquoted_attribute", ""): gettext_lazy("A value in the HTML has no quotes around it"),
    ("active_content", ""): gettext_lazy("The e-mail holds something that mailboxes refuse"),
    ("header_injection", ""): gettext_lazy("A line of the e-mail holds a line break"),
    ("address", ""): gettext_lazy("The sender's address is not one"),
    ("sender", ""): gettext_lazy("The sender of the SMS is not one"),
    ("too_long", ""): gettext_lazy("It is too long"),
    ("not_a_wall_time", ""): gettext_lazy("The date and time are missing"),
    ("not_allowed", ""): gettext_lazy("Marketing may not do that"),
    ("no_key", ""): gettext_lazy("It does not say what tells one cart or order from another"),
    ("two_keys", ""): gettext_lazy("The ways in use different keys"),
    ("no_weight", ""): gettext_lazy("All shares of the split are 0"),
    ("duplicate_label", ""): gettext_lazy("Two lanes have the same name"),
    ("duplicate_id", ""): gettext_lazy("Two steps have the same id"),
    ("reserved_label", ""): gettext_lazy("A lane has a name that is reserved"),
    ("unknown_lane", ""): gettext_lazy("A lane belongs to nothing"),
    ("unknown_field", ""): gettext_lazy("A rule asks for a field that does not exist"),
    ("unknown_condition", ""): gettext_lazy("A rule cannot be read"),
    ("bad_rule", ""): gettext_lazy("A rule cannot be read"),
    ("wrong_type", ""): gettext_lazy("A rule cannot be read"),
    ("not_a_path", ""): gettext_lazy("This is not the name of a detail of an event"),
    ("not_in_range", ""): gettext_lazy("A number is too small or too large"),
    ("not_a_choice", ""): gettext_lazy("Nothing is chosen"),
    ("not_a_field", ""): gettext_lazy("A step cannot change this field"),
    ("changed_twice", ""): gettext_lazy("A field is changed twice"),
    ("bad_value", ""): gettext_lazy("A value that is not possible here"),
    ("not_a_time", ""): gettext_lazy("This is not a time of day"),
    ("empty_window", ""): gettext_lazy("The two times are the same"),
    ("not_a_text", ""): gettext_lazy("A text is needed here"),
    ("bad_text", ""): gettext_lazy("This has to be one line"),
    ("too_fine", ""): gettext_lazy("At most two decimals"),
    ("no_goal", ""): gettext_lazy("There is no goal"),
    ("no_holdout", ""): gettext_lazy("There is no control group"),
    ("key_never_carried", ""): gettext_lazy("An event does not say which cart or order it is about"),
}
HELP: Final[Mapping[str, Promise]] = {
    "no_goal": gettext_lazy("The report cannot say what the campaign has brought."),
    "no_holdout": gettext_lazy("Nobody is held out, so its effect cannot be measured."),
    "no_exit_on_goal": gettext_lazy("End the journey when the goal is reached."),
    "unreachable_step": gettext_lazy("All ways above it end or jump: remove it or move it up."),
    "endless": gettext_lazy("Put a wait into it."),
    "no_fallback": gettext_lazy("Say what stands there when it is empty."),
    "may_be_empty": gettext_lazy("The catalogue may not know it for every product."),
    "not_a_path": gettext_lazy("Write it as the event does, without spaces: cart_id or total.amount, for example."),
    "not_found": gettext_lazy("It was archived. Choose another one."),
    "key_never_carried": gettext_lazy("The run is found by the products, else any run ends."),
    "not_allowed": gettext_lazy("Limits and quiet hours hold for marketing."),
}


def title(problem: Problem) -> str:
    """The mistake in a few words."""
    ends = [end for code, end in TITLES if code == problem.code and problem.pointer.endswith(end)]
    return str(TITLES[problem.code, max(ends, key=len)]) if ends else problem.detail


def detail(problem: Problem) -> str:
    """What would help; for codes that say it all, nothing."""
    if problem.code in HELP:
        return str(HELP[problem.code])
    known = any(code == problem.code for code, _end in TITLES)
    return problem.detail if known and problem.code not in ("required", "bad_count") else ""


def step_name(step: Mapping[str, Any] | None) -> str:
    """What people call a step: its label, else its kind."""
    if step is None:
        return ""
    tile = tiles.get(str(step.get("type")))
    kind = str(tile.label) if tile else _("Step")
    label = str(step.get("label") or "")
    return f"{kind}: {label}" if label else kind
