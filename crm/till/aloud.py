"""The words that are read to a customer before they say yes, with the version that is kept as proof.

Whoever runs the place writes their own (`/settings/wordings/`); until then these are read, and become a version like
any other as soon as somebody agrees to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from crm import wordings
from crm.errors import Problem
from crm.models import Wording

LANGUAGES: Final = ("es", "en", "ru")
PURPOSES: Final = ("offers", "profiling")
# At most 25 words each: somebody stands in a queue.
OURS: Final = {
    ("offers", "es"): "¿Quiere recibir nuestras ofertas? Puede elegir por dónde y darse de baja cuando quiera. La"
    " tarjeta funciona igual si dice que no.",
    ("offers", "en"): "Would you like to get our offers? You choose how, and can stop at any time. Your card works the"
    " same if you say no.",
    ("offers", "ru"): "Хотите получать наши предложения? Вы выбираете, как, и можете отказаться в любой момент. Карта"
    " работает и без этого.",
    ("profiling", "es"): "¿Podemos elegir sus ofertas según lo que compra? Si dice que no, recibe las generales.",
    ("profiling", "en"): "May we choose your offers from what you buy? If you say no, you get the general ones.",
    ("profiling", "ru"): "Можно подбирать предложения по вашим покупкам? Если нет, вы получите общие.",
}  # fmt: skip


@dataclass(frozen=True)
class Text:
    code: str
    text: str
    version: int


def texts(country: str) -> dict[str, dict[str, Text]]:
    """By language, then purpose: the newest version for the country, else for all, else ours. One query."""
    rows = Wording.objects.filter(purpose__in=PURPOSES, country__in=("", country)).order_by("country", "version")
    newest = {(row.purpose, row.language[:2]): Text(row.code, row.text, row.version) for row in rows}
    return {
        language: {
            purpose: newest.get((purpose, language)) or Text(_code(purpose, language), OURS[purpose, language], 1)
            for purpose in PURPOSES
        }
        for language in LANGUAGES
    }


def kept(code: str, purpose: str) -> str:
    """The code, once its text is kept. Raises Problem for one that nobody wrote."""
    if Wording.objects.filter(code=code, purpose=purpose).exists():
        return code
    language = code.split("-")[1] if code.count("-") == 2 else ""
    if code != _code(purpose, language) or (purpose, language) not in OURS:
        raise Problem(
            "/wording", "no_such_wording", "This text is not kept here: load the page anew and read it again."
        )
    try:
        values = {
            "purpose": purpose,
            "language": language,
            "country": "",
            "text": OURS[purpose, language],
            "code": code,
        }
        return wordings.add(values, None, "till").code
    except Problem:  # another till was first
        return code


def _code(purpose: str, language: str) -> str:
    return f"till.{purpose}-{language}-1"
