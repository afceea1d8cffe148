"""What a form may hold, and what stands against publishing it. Pure.

    {"blocks": [{"id": "b1", "type": "field", "field": "email", "label": "", "required": true}, …],
     "thanks": {"heading", "text", "redirect"}, "results": [{"key", "title", "text", "products"}],
     "event": {"date", "place", "seats"}}

A document that is worked on may be incomplete; `problems` says all that is missing, each with its place.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from crm import typed, words
from crm.errors import Problem

KINDS: Final = ("plain", "quiz", "leadmagnet", "event", "poll")
# What the office may set of each kind of block, and how long a text may be.
TEXTS: Final[Mapping[str, Mapping[str, int]]] = {
    "heading": {"text": 200},
    "text": {"text": 4_000},
    "picture": {"url": 400, "alt": 300},
    "field": {"field": 90, "label": 200},
    "consent": {"wording": 120},
    "question": {"label": 400},
    "nps": {"label": 400},
    "submit": {"label": 80},
}
TYPES: Final = tuple(TEXTS)
THANKS: Final = {"heading": 200, "text": 4_000, "redirect": 400}
RESULT: Final = {"title": 200, "text": 2_000}
EVENT: Final = {"date": 40, "place": 300}
MOST_BLOCKS: Final = 60
MOST_ANSWERS: Final = 12
MOST_RESULTS: Final = 8
MOST_PRODUCTS: Final = 3
MOST_SEATS: Final = 100_000
IDENTIFIERS: Final = ("email", "phone")
STANDARD: Final = (
    "given_name", "family_name", "birth_date", "country", "region", "city", "postal_code",
)  # fmt: skip
OWN: Final = "own:"
# Where somebody may stay unknown.
ANONYMOUS: Final = ("poll", "quiz")


@dataclass(frozen=True)
class Known:
    """What a document is checked against: own fields, codes of texts with their purposes, pictures, products, hosts."""

    fields: typed.Known
    wordings: Mapping[str, str]
    hosts: Collection[str] = ()
    skus: Collection[str] = ()


def empty(kind: str) -> dict[str, Any]:
    """A new form of this kind: what nearly everybody begins with."""
    blocks: list[dict[str, Any]] = [{"id": "b1", "type": "heading", "text": ""}]
    if kind == "poll":
        blocks.append({"id": "b2", "type": "nps", "label": ""})
    elif kind == "quiz":
        blocks.append({"id": "b2", "type": "question", "label": "", "answers": []})
    else:
        blocks.append({"id": "b2", "type": "field", "field": "email", "label": "", "required": True})
    blocks.append({"id": "b3", "type": "submit", "label": ""})
    document: dict[str, Any] = {"blocks": blocks, "thanks": {"heading": "", "text": "", "redirect": ""}}
    if kind == "quiz":
        document["results"] = []
    if kind == "event":
        document["event"] = {"date": "", "place": "", "seats": 0}
    return document


def new_id(taken: Collection[str], letter: str) -> str:
    number = 1
    while f"{letter}{number}" in taken:
        number += 1
    return f"{letter}{number}"


# --- what the buttons of the builder do ------------------------------------------------------


def act(document: Mapping[str, Any], command: str) -> tuple[dict[str, Any], str]:
    """`add:<type>`, `up:<id>`, `down:<id>`, `remove:<id>`, `result` or `drop:<key>`; answers the block to look at."""
    changed = deepcopy(dict(document))
    verb, _, name = command.partition(":")
    blocks = changed["blocks"]
    places = {block["id"]: place for place, block in enumerate(blocks)}
    if verb == "add" and name in TYPES and len(blocks) < MOST_BLOCKS:
        return changed, _add(blocks, name)
    if verb == "result":
        results = changed.setdefault("results", [])
        if len(results) < MOST_RESULTS:
            key = new_id([each["key"] for each in results], "r")
            results.append({"key": key, "title": "", "text": "", "products": []})
            return changed, key
    if verb == "drop":
        changed["results"] = [each for each in changed.get("results", []) if each["key"] != name]
    if verb in ("up", "down", "remove") and name in places:
        return changed, _shift(blocks, places[name], verb)
    return changed, ""


def _add(blocks: list[dict[str, Any]], kind: str) -> str:
    """Before the button, where people see it."""
    block: dict[str, Any] = {"id": new_id([each["id"] for each in blocks], "b"), "type": kind}
    block |= dict.fromkeys(TEXTS[kind], "")
    if kind == "field":
        block["required"] = False
    if kind == "consent":
        block["channels"] = ["email"]
    if kind == "question":
        block["answers"] = []
    at = next((place for place, each in enumerate(blocks) if each["type"] == "submit"), len(blocks))
    blocks.insert(at, block)
    return str(block["id"])


def _shift(blocks: list[dict[str, Any]], place: int, verb: str) -> str:
    if verb == "remove":
        blocks.pop(place)
        return str(blocks[min(place, len(blocks) - 1)]["id"]) if blocks else ""
    other = place + (1 if verb == "down" else -1)
    if 0 <= other < len(blocks):
        blocks[place], blocks[other] = blocks[other], blocks[place]
        return str(blocks[other]["id"])
    return str(blocks[place]["id"])


# --- what stands against publishing ------------------------------------------------------------


def of_type(document: Mapping[str, Any], *types: str) -> list[dict[str, Any]]:
    return [block for block in document.get("blocks", []) if block["type"] in types]


def identifiers(document: Mapping[str, Any]) -> list[str]:
    return [block["field"] for block in of_type(document, "field") if block["field"] in IDENTIFIERS]


def problems(document: Mapping[str, Any], kind: str, known: Known) -> list[Problem]:
    """Everything; a pointer reads `/<block>/<part>`."""
    found: list[Problem] = []
    for block in document["blocks"]:
        found += [each.under(f"/{block['id']}") for each in _of_block(block, document, kind, known)]
    found += _of_whole(document, kind)
    found += _of_thanks(document.get("thanks", {}), known)
    if kind == "quiz":
        found += _of_results(document, known)
    if kind == "event":
        found += _of_event(document.get("event", {}))
    return found


def _of_block(block: Mapping[str, Any], document: Mapping[str, Any], kind: str, known: Known) -> Iterator[Problem]:
    kind_of = block["type"]
    needed = {"heading": "text", "text": "text", "nps": "label"}.get(kind_of)
    if needed and not block[needed].strip():
        yield Problem(f"/{needed}", "required", "Write something, or remove it.")
    elif kind_of == "picture":
        yield from _of_picture(block)
    elif kind_of == "field":
        yield from _of_field(block, known)
    elif kind_of == "consent":
        yield from _of_consent(block, document, known)
    elif kind_of == "question":
        yield from _of_question(block, kind)


def is_ours(url: str) -> bool:
    """Whether it is the address of a picture that was taken in here."""
    return url.startswith("/i/")


def _of_picture(block: Mapping[str, Any]) -> Iterator[Problem]:
    if not is_ours(block["url"]):
        yield Problem("/url", "not_ours", "Choose one of the pictures of this place.")
    elif not block["alt"].strip():
        yield Problem("/alt", "required", "Say in a few words what the picture shows.")


def _of_field(block: Mapping[str, Any], known: Known) -> Iterator[Problem]:
    name = block["field"]
    own = name.removeprefix(OWN) if name.startswith(OWN) else None
    if name not in (*IDENTIFIERS, *STANDARD) and (own is None or own not in known.fields):
        yield Problem("/field", "no_such_field", "Choose what is asked.")


def _of_consent(block: Mapping[str, Any], document: Mapping[str, Any], known: Known) -> Iterator[Problem]:
    if block["wording"] not in known.wordings:
        yield Problem("/wording", "no_such_text", "Choose the text people agree to.")
    if not block["channels"]:
        yield Problem("/channels", "required", "Choose a channel.")
    asked = identifiers(document)
    for channel in block["channels"]:
        medium = words.MEDIUM.get(channel)
        if medium in IDENTIFIERS and medium not in asked:
            yield Problem("/channels", "no_address", "The form does not ask for an address of this channel.")
            return


def _of_question(block: Mapping[str, Any], kind: str) -> Iterator[Problem]:
    if not block["label"].strip():
        yield Problem("/label", "required", "Write the question.")
    if len(block["answers"]) < 2:
        yield Problem("/answers", "too_few", "A question has two answers at least.")
    if kind == "quiz" and not any(weight for answer in block["answers"] for weight in answer["weights"].values()):
        yield Problem("/answers", "no_weight", "Say for which result the answers count.")


def _of_whole(document: Mapping[str, Any], kind: str) -> Iterator[Problem]:
    if len(of_type(document, "submit")) != 1:
        yield Problem("", "one_button", "A form has one button that sends it.")
    asked = [block["field"] for block in of_type(document, "field")]
    if len(set(asked)) < len(asked):
        yield Problem("", "twice", "Something is asked twice.")
    if len(of_type(document, "nps")) > 1:
        yield Problem("", "one_score", "A form asks for one score.")
    sure = [block["field"] for block in of_type(document, "field") if block["required"]]
    if kind in ("leadmagnet", "event") and "email" not in sure:
        yield Problem("", "needs_email", "It is sent by e-mail: ask for the address, and require it.")
    elif kind not in ANONYMOUS and not set(sure) & set(IDENTIFIERS):
        yield Problem("", "needs_address", "Ask for an e-mail address or a phone number, and require it.")
    if kind == "quiz" and not of_type(document, "question"):
        yield Problem("", "needs_question", "A quiz has a question.")
    if kind == "poll" and not of_type(document, "question", "nps"):
        yield Problem("", "needs_question", "A poll has a question.")


def _of_thanks(thanks: Mapping[str, Any], known: Known) -> Iterator[Problem]:
    url = thanks.get("redirect", "")
    if url and not may_lead(url, known.hosts):
        yield Problem("/thanks/redirect", "not_allowed", "Forms may lead to these sites only; ask for it.")


def may_lead(url: str, hosts: Collection[str]) -> bool:
    """Whether a form may send people there."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    clean = "\\" not in url and not any(letter <= " " for letter in url)
    return clean and parts.scheme == "https" and parts.netloc.lower() in {each.lower() for each in hosts}


def _of_results(document: Mapping[str, Any], known: Known) -> Iterator[Problem]:
    results: Sequence[Mapping[str, Any]] = document.get("results", [])
    if not results:
        yield Problem("", "needs_result", "A quiz has a result.")
    for each in results:
        if not each["title"].strip():
            yield Problem(f"/{each['key']}/title", "required", "Say what came out.")
        if len(each["products"]) > MOST_PRODUCTS:
            yield Problem(f"/{each['key']}/products", "too_many", "At most three products.")
        if any(sku not in known.skus for sku in each["products"]):
            yield Problem(f"/{each['key']}/products", "no_such_product", "The catalogue has no such article number.")


def _of_event(event: Mapping[str, Any]) -> Iterator[Problem]:
    if starts(event) is None:
        yield Problem("/event/date", "required", "Say when it begins.")
    if not str(event.get("place", "")).strip():
        yield Problem("/event/place", "required", "Say where it is.")
    if not 1 <= int(event.get("seats") or 0) <= MOST_SEATS:
        yield Problem("/event/seats", "required", "Say how many seats there are.")


def starts(event: Mapping[str, Any]) -> datetime | None:
    """When it begins, in the time of the place (without a zone)."""
    try:
        return datetime.fromisoformat(str(event.get("date", ""))).replace(tzinfo=None)
    except ValueError:
        return None
