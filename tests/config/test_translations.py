"""Whoever reads Spanish or Russian reads all of it: catalogues are complete and in step with the sources."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(settings.BASE_DIR)
LANGUAGES = [code for code, _ in settings.LANGUAGES if code != "en"]
KEYWORDS = DEFAULT_KEYWORDS | {
    "gettext_lazy": None, "gettext_noop": None, "ngettext_lazy": (1, 2), "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2), "npgettext": ((1, "c"), 2, 3),
}  # fmt: skip
SLOT = re.compile(r"%\(\w+\)[sd]|%[sd]")
# What stays as it is in every language.
SAME_EVERYWHERE = {"SHA-256", "UTC", "GSM-7", "UCS-2", "CSV", "v", "ms", "evt_…", "curl", "Python", "Node"}
LITERAL = re.compile(r"""\b(?:alt|title|aria-label|placeholder)=(?:"([^"{%]+)"|'([^'{%]+)')""")


def templates() -> list[Path]:
    return sorted((ROOT / "templates").rglob("*.html"))


def asked_for() -> Iterator[str | tuple[str, ...]]:
    """Every text that the sources want translated, with its plural where it has one."""
    for app in ("config", "crm", "channels", "campaigns", "analytics"):
        for path in sorted((ROOT / app).rglob("*.py")):
            with path.open("rb") as file:
                yield from (message for _, message, _, _ in extract("python", file, KEYWORDS))
    for path in [*templates(), *sorted((ROOT / "templates").rglob("*.txt"))]:
        # What is left of a template looks like Python, but for its indentation.
        calls = "\n".join(line.strip() for line in templatize(path.read_text(encoding="utf-8")).splitlines())
        yield from (message for _, message, _, _ in extract("python", BytesIO(calls.encode()), KEYWORDS))


@cache
def catalogue(language: str) -> Catalog:
    with (ROOT / "locale" / language / "LC_MESSAGES" / "django.po").open("rb") as file:
        return read_po(file, locale=language)


def texts(catalog: Catalog) -> dict[str | tuple[str, ...], tuple[str, ...]]:
    """Each message and all its translations."""
    return {
        tuple(each.id) if isinstance(each.id, list | tuple) else each.id: (
            (each.string,) if isinstance(each.string, str) else tuple(each.string)
        )
        for each in catalog
        if each.id
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_holds_what_the_sources_ask_for_and_nothing_else(language: str) -> None:
    wanted, held = set(asked_for()), set(texts(catalogue(language)))
    assert len(wanted) > 150
    assert {"missing": wanted - held, "no longer used": held - wanted} == {"missing": set(), "no longer used": set()}
    assert not catalogue(language).obsolete


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_untranslated_or_guessed(language: str) -> None:
    catalog = catalogue(language)
    assert [each.id for each in catalog if each.id and each.fuzzy] == []
    for original, translated in texts(catalog).items():
        forms = catalog.num_plurals if isinstance(original, tuple) else 1
        assert len(translated) == forms, original
        assert all(text.strip() for text in translated), original


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_names_the_same_values(language: str) -> None:
    for original, translated in texts(catalogue(language)).items():
        slots = set(SLOT.findall(original if isinstance(original, str) else original[1]))
        # "The day before" may do without its number.
        least = slots if isinstance(original, str) else slots & set(SLOT.findall(original[0]))
        for text in translated:
            assert least <= set(SLOT.findall(text)) <= slots, original


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("es", {0: "días", 1: "día", 2: "días", 21: "días"}),
        ("ru", {0: "дней", 1: "день", 2: "дня", 5: "дней", 11: "дней", 21: "день", 22: "дня", 111: "дней"}),
    ],
)
def test_elena_and_dario_read_numbers_as_they_are_said(language: str, said: dict[int, str]) -> None:
    made = BytesIO()
    write_mo(made, catalogue(language))
    made.seek(0)
    words = GNUTranslations(made)
    for count, day in said.items():
        assert words.ngettext("%(n)d day", "%(n)d days", count) % {"n": count} == f"{count} {day}"


@pytest.mark.parametrize("path", templates(), ids=lambda path: str(path.relative_to(ROOT)))
def test_templates_say_nothing_past_the_catalogues(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    literals = [first or second for first, second in LITERAL.findall(source)]
    for dropped in (
        r"\{#.*?#\}", r"\{% comment.*?endcomment %\}", r"\{% blocktranslate.*?endblocktranslate %\}",
        r"<(script|style|kbd|code|pre)\b.*?</\1>", r"\{%.*?%\}", r"\{\{.*?\}\}",
        r"<!?[a-zA-Z/](?:[^>\"']|\"[^\"]*\"|'[^']*')*>",
        r"&\w+;",
    ):  # fmt: skip
        source = re.sub(dropped, " ", source, flags=re.DOTALL)
    words = re.findall(r"[^\W_][\w-]*", source) + literals
    assert {word for word in words if not word.isdigit()} <= SAME_EVERYWHERE
