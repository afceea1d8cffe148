"""The ready-made campaigns as they come out of the gallery, in each language, from the first event to the last number."""

from __future__ import annotations

import html
import re
from typing import Any, Final

import pytest

from campaigns import gallery, lifecycle, readiness
from campaigns.models import Campaign, Conversion
from channels.models import SandboxMessage
from crm import clock, publicids
from tests.campaigns import office
from tests.flows.conftest import Shop

pytestmark = [
    pytest.mark.usefixtures("ledger_holds"),
    pytest.mark.parametrize("language", gallery.LANGUAGES),
]
ADA: Final = "ada@cauce.example"
NAMES: Final = {"Elena", "Dario", ""}
# What stands in messages of every language: people, products, money, a code.
ANYWHERE: Final = {"Elena", "Dario", "Sierra", "Lana", "EUR", "BACK", "SMS"}
ENGLISH: Final = re.compile(
    r"\b(a|and|arrivals|at|back|been|card|cart|come|customer|dear|first|five|for|friend|have|hello|is|it|kept|left|"
    r"missed|new|off|on|order|packing|preferences|ready|see|show|still|stop|thank|the|these|this|till|to|unsubscribe|"
    r"visit|waiting|we|week|welcome|what|while|you|your|yours)\b",
    re.IGNORECASE,
)

# What each message says, whole subjects and pieces of both parts. `{name}`: the given name, or what stands for it.
Letter = dict[str, str | tuple[str, ...]]
LETTERS: Final[dict[str, dict[str, Letter]]] = {
    "cart": {
        "en": {
            "subject": "{name}, still yours", "nameless": "Hello, still yours",
            "text": ("Still yours: Sierra 7 (2 left) Lana 40 (40 left)", "Unsubscribe: http"),
            "html": ("Your cart is waiting", "Dear {name}, we kept", "Dear customer, we kept", "Sierra 7: 1 × 120.00 EUR, 2 left",
                     "Lana 40: 2 × 12.00 EUR, 40 left", "Back to the cart", "Preferences", "Unsubscribe"),
        },
        "es": {
            "subject": "{name}, sigue siendo tuyo", "nameless": "Hola, sigue siendo tuyo",
            "text": ("Sigue siendo tuyo: Sierra 7 (quedan 2) Lana 40 (quedan 40)", "Darse de baja: http"),
            "html": ("Tu carrito te espera", "Hola, {name}. Te hemos guardado", "Hola, qué tal. Te hemos guardado",
                     "Sierra 7: 1 × 120.00 EUR, quedan 2", "Lana 40: 2 × 12.00 EUR, quedan 40", "Volver al carrito",
                     "Preferencias", "Darse de baja"),
        },
        "ru": {
            "subject": "{name}, это всё ещё ваше", "nameless": "Здравствуйте, это всё ещё ваше",
            "text": ("Всё ещё ваше: Sierra 7 (осталось 2) Lana 40 (осталось 40)", "Отписаться: http"),
            "html": ("Корзина ждёт вас", "{name}! Мы отложили", "Здравствуйте! Мы отложили",
                     "Sierra 7: 1 × 120.00 EUR, осталось 2", "Lana 40: 2 × 12.00 EUR, осталось 40",
                     "Вернуться в корзину", "Настройки", "Отписаться"),
        },
    },
}
