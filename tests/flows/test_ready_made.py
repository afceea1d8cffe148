"""The ready-made campaigns out of the gallery, in each language, from what starts them to the last number."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

import pytest

from campaigns import gallery, lifecycle, readiness, waterfall
from campaigns.models import Campaign, Conversion, Enrolment
from channels.models import SandboxMessage
from crm import clock
from tests.campaigns import office
from tests.flows.conftest import Shop

pytestmark = [pytest.mark.usefixtures("ledger_holds"), pytest.mark.parametrize("language", gallery.LANGUAGES)]

ADA: Final = "ada@cauce.example"
# What stands in messages of every language: people, products, money, a code.
ANYWHERE: Final = frozenset({"Elena", "Dario", "Sierra", "Lana", "EUR", "BACK", "Cauce"})
ENGLISH: Final = re.compile(
    r"\b(and|arrivals|at|back|been|card|cart|come|customer|dear|first|five|for|friend|have|hello|is|it|kept|left|"
    r"missed|off|on|order|packing|preferences|ready|see|show|still|stop|thank|the|these|this|till|to|unsubscribe|"
    r"visit|waiting|we|week|welcome|what|while|you|your|yours)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Letter:
    """What a message says: its subject and pieces of its text and of its page. `*` is the name of whom it is for."""

    subject: str
    text: tuple[str, ...]
    page: tuple[str, ...]
    nameless: str = ""

    def about(self, order: str) -> Letter:
        """`#` is the number of an order."""
        text, page = (tuple(each.replace("#", order) for each in part) for part in (self.text, self.page))
        return replace(self, text=text, page=page)


LEFT_A_CART: Final = {
    "en": Letter(
        "*, still yours",
        ("Still yours: Sierra 7 (2 left) Lana 40 (40 left)", "Unsubscribe: "),
        ("Your cart is waiting", "Sierra 7: 1 × 120.00 EUR, 2 left", "Lana 40: 2 × 12.00 EUR, 40 left",
         "Back to the cart", "Preferences", "Unsubscribe"),
        "Hello, still yours",
    ),
    "es": Letter(
        "*, sigue siendo tuyo",
        ("Sigue siendo tuyo: Sierra 7 (quedan 2) Lana 40 (quedan 40)", "Darse de baja: "),
        ("Tu carrito te espera", "Sierra 7: 1 × 120.00 EUR, quedan 2", "Lana 40: 2 × 12.00 EUR, quedan 40",
         "Volver al carrito", "Preferencias", "Darse de baja"),
        "Hola, sigue siendo tuyo",
    ),
    "ru": Letter(
        "*, это всё ещё ваше",
        ("Всё ещё ваше: Sierra 7 (осталось 2) Lana 40 (осталось 40)", "Отписаться: "),
        ("Корзина ждёт вас", "Sierra 7: 1 × 120.00 EUR, осталось 2", "Lana 40: 2 × 12.00 EUR, осталось 40",
         "Вернуться в корзину", "Настройки", "Отписаться"),
        "Здравствуйте, это всё ещё ваше",
    ),
}  # fmt: skip
DEAR: Final = {
    "en": ("Dear Elena, we kept these for you:", "Dear customer, we kept these for you:"),
    "es": ("Hola, Elena. Te hemos guardado esto:", "Hola, qué tal. Te hemos guardado esto:"),
    "ru": ("Elena! Мы отложили для вас:", "Здравствуйте! Мы отложили для вас:"),
}
# Of what was looked at, of the cart where nothing was; with a name and without one.
TEXT: Final = {
    "en": ("Elena, 10% on Lana 40, code BACK10. Stop: ", "Hello, 10% on your cart, code BACK10. Stop: "),
    "es": ("Elena, 10% en Lana 40 con BACK10. Baja: ", "Hola, 10% en tu carrito con BACK10. Baja: "),
    "ru": ("Elena, 10% на Lana 40, код BACK10. Отписаться: ",
           "Здравствуйте, 10% на вашу корзину, код BACK10. Отписаться: "),
}  # fmt: skip
LITTLE_KNOWN: Final = {
    "en": "Still yours: Sierra 7 Lana 40 ",
    "es": "Sigue siendo tuyo: Sierra 7 Lana 40 ",
    "ru": "Всё ещё ваше: Sierra 7 Lana 40 ",
}
GOT_A_CARD: Final = {
    "en": Letter("Welcome, *", ("Your card is ready. Show it at the till.", "Unsubscribe: "),
                 ("Welcome Your card is ready. Show it at the till.", "Unsubscribe"), "Welcome, friend"),
    "es": Letter("Te damos la bienvenida, *", ("Tu tarjeta está lista. Enséñala en caja.", "Darse de baja: "),
                 ("Bienvenida Tu tarjeta está lista. Enséñala en caja.", "Darse de baja"),
                 "Te damos la bienvenida, amigo de la casa"),
    "ru": Letter("Добро пожаловать, *", ("Ваша карта готова. Покажите её на кассе.", "Отписаться: "),
                 ("Добро пожаловать Ваша карта готова. Покажите её на кассе.", "Отписаться"),
                 "Добро пожаловать, дорогой друг"),
}  # fmt: skip
HINT: Final = {
    "en": Letter("Five euros for your first visit", ("Show your card this week: five euros off.", "Unsubscribe: "),
                 ("Show your card this week: five euros off.", "Unsubscribe")),
    "es": Letter("Cinco euros para tu primera visita", ("Enseña tu tarjeta esta semana: cinco euros menos.", "baja: "),
                 ("Enseña tu tarjeta esta semana: cinco euros menos.", "Darse de baja")),
    "ru": Letter("Пять евро на первый визит", ("Покажите карту на этой неделе: скидка пять евро.", "Отписаться: "),
                 ("Покажите карту на этой неделе: скидка пять евро.", "Отписаться")),
}  # fmt: skip
MISSED: Final = {
    "en": Letter("We have missed you", ("It has been a while. New arrivals: ", "Unsubscribe: "),
                 ("It has been a while *, come and see what is new.", "New arrivals", "Unsubscribe")),
    "es": Letter("Te hemos echado de menos", ("Cuánto tiempo. Novedades: ", "Darse de baja: "),
                 ("Cuánto tiempo *, ven a ver las novedades.", "Novedades", "Darse de baja")),
    "ru": Letter("Мы по вам соскучились", ("Давно не виделись. Новинки: ", "Отписаться: "),
                 ("Давно не виделись *! Посмотрите, что нового.", "Новинки", "Отписаться")),
}  # fmt: skip
THANKS: Final = {
    "en": Letter("Thank you, *", ("Thank you. We have your order # and are packing it.",),
                 ("Thank you We have your order # and are packing it.",), "Thank you, friend"),
    "es": Letter("Gracias, *", ("Gracias. Tenemos tu pedido # y lo estamos preparando.",),
                 ("Gracias Tenemos tu pedido # y lo estamos preparando.",), "Gracias, y hasta pronto"),
    "ru": Letter("Спасибо, *", ("Спасибо. Мы получили ваш заказ # и уже собираем его.",),
                 ("Спасибо Мы получили ваш заказ # и уже собираем его.",), "Спасибо, ждём вас снова"),
}  # fmt: skip


# --- people, and what they do ---------------------------------------------------------------------------

ELENA, DARIO, NOBODY = ({"email": f"{name}@example.com"} for name in ("elena", "dario", "nobody"))
PHONES: Final = {"elena": "+34600111001", "dario": "+34600111002", "nobody": "+34600111003"}


def come(shop: Shop, *purposes: str) -> None:
    """Elena and Dario, and somebody whose name is not known; they allow these purposes."""
    for who, name in ((ELENA, "Elena"), (DARIO, "Dario"), (NOBODY, "")):
        said = [
            {"purpose": purpose, "channel": channel, "action": "granted", "basis": "consent", "method": "web_form",
             "source": "checkout"}
            for purpose in purposes for channel in ("email", "sms")
        ]  # fmt: skip
        phone = PHONES[who["email"].partition("@")[0]]
        known_by = [{"kind": "email", "value": who["email"]}, {"kind": "phone", "value": phone}]
        named = {"given_name": name} if name else {}
        shop.post("contacts/", {"identifiers": known_by, "country": "ES", "consents": said, **named})


def buy(shop: Shop, who: dict[str, str], order: str, **more: Any) -> None:
    shop.post("orders/", {
        "contact": who, "order_id": order, "occurred_at": clock.now().isoformat(), "channel": "store",
        "total": {"amount": "120.00", "currency": "EUR"},
        "lines": [{"sku": "sierra", "quantity": 1, "price": {"amount": "120.00", "currency": "EUR"}}], **more,
    })  # fmt: skip


def add(shop: Shop, who: dict[str, str], sku: str, price: str, quantity: int = 1, **more: Any) -> None:
    shop.event(
        who, "Product Added", cart_id=who["email"], sku=sku, product_id=sku, currency="EUR", quantity=quantity,
        **({"price": price} if price else {}), **more,
    )  # fmt: skip


def live(slug: str, language: str) -> Campaign:
    """Begun in the gallery as its page does it in a house of this language, nobody held out, published."""
    office.house(language=language)
    made = gallery.start(slug, language, ADA, clock.now())
    settled = {**made.document, "holdout_pct": 0, "holdout_reason": "A story has one ending."}
    made = lifecycle.update(made, settled, ADA, clock.now(), made.revision)
    assert [each.title for each in readiness.of(made, clock.now()) if each.blocking] == []
    lifecycle.publish(made, ADA, clock.now())
    return made


# --- what came of it ------------------------------------------------------------------------------------


def got(who: dict[str, str], channel: str = "email") -> list[SandboxMessage]:
    address = who["email"] if channel == "email" else PHONES[who["email"].partition("@")[0]]
    return list(SandboxMessage.objects.filter(channel=channel, recipient=address).order_by("id"))


def page(message: SandboxMessage) -> str:
    """What is read of the page of a mail."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", message.html)).split()).replace(" :", ":")


def well_said(message: SandboxMessage, language: str) -> None:
    """Nothing is left of the template, no value is missing, and no other language shows through."""
    for part in (message.subject, message.text, message.html):
        assert not re.search(r"\{\{|\}\}|\{%|%\}|\bNone\b|\bnull\b", part), part
        assert "SEGMENT" not in part
    for part in (message.subject, message.text, page(message)):
        words = re.sub(r"https?://\S+|Calle del Río 1, Madrid", "", part)
        assert not re.search(r"\(\s|\s\)|\s[,.!]|,\s*,", words), words  # a hole where a value should be
        if language != "en":
            assert not ENGLISH.search(words), words
        if language == "ru":
            assert set(re.findall(r"[A-Za-z]+", words)) <= ANYWHERE, words


def reads(message: SandboxMessage, letter: Letter, language: str, name: str, called: str = "") -> None:
    """`called`: what the page says where the subject says the name."""
    assert message.subject == (letter.subject.replace("*", name) if name or not letter.nameless else letter.nameless)
    shown = page(message)
    assert [piece for piece in letter.text if piece not in message.text] == [], message.text
    assert [each for each in letter.page if each.replace("*", called or name) not in shown] == [], shown
    well_said(message, language)


def sums(campaign: Campaign, **expected: Any) -> None:
    found = waterfall.of(campaign)
    assert found["difference"] == 0, found["differences"]
    assert {key: found[key] for key in expected} == expected


def endings(campaign: Campaign) -> dict[str, str]:
    rows = Enrolment.objects.filter(campaign=campaign).select_related("contact")
    return {row.contact.given_name or "nobody": row.outcome or row.state for row in rows}


def goals(campaign: Campaign) -> list[tuple[str, Decimal | None, str]]:
    rows = Conversion.objects.filter(campaign=campaign).select_related("contact").order_by("id")
    return [(row.contact.given_name, row.value, row.currency) for row in rows]


# --- the stories ----------------------------------------------------------------------------------------


def test_a_cart_is_left(shop: Shop, wait: Any, language: str) -> None:
    come(shop, "offers")
    shop.post("products/", [
        {"sku": "sierra", "name": "Sierra 7", "url": "https://shop.example/sierra",
         "price": {"amount": "120.00", "currency": "EUR"}},
        {"sku": "lana", "name": "Lana 40", "url": "https://shop.example/lana",
         "price": {"amount": "12.00", "currency": "EUR"}},
    ])  # fmt: skip
    for sku, available in (("sierra", 2), ("lana", 40)):
        at = clock.now().isoformat()
        shop.post("stock/", {"sku": sku, "store": "online", "available": available, "at": at})
    campaign = live("abandoned_cart", language)
    shop.event(ELENA, "Product Viewed", sku="lana", product_id="lana")
    for who in (ELENA, DARIO, NOBODY):
        add(shop, who, "sierra", "120.00")
        add(shop, who, "lana", "12.00", quantity=2)
    wait(minutes=59)
    assert not SandboxMessage.objects.exists()
    wait(minutes=2)
    for who, name in ((ELENA, "Elena"), (DARIO, "Dario"), (NOBODY, "")):
        [mail] = got(who)
        reads(mail, LEFT_A_CART[language], language, name)
    for who, dear in zip((ELENA, NOBODY), DEAR[language], strict=True):
        assert dear in page(got(who)[0])

    buy(shop, DARIO, "o1")  # at the till, which knows nothing of the cart
    wait(days=2, minutes=1)
    for who, text in zip((ELENA, NOBODY), TEXT[language], strict=True):
        [message] = got(who, "sms")
        assert message.text.startswith(text + "http")
        well_said(message, language)
    assert got(DARIO, "sms") == []
    wait(days=10)
    assert SandboxMessage.objects.count() == 5
    assert endings(campaign) == {"Elena": "completed", "Dario": "converted", "nobody": "completed"}
    assert goals(campaign) == [("Dario", Decimal(120), "EUR")]
    sums(campaign, entered=3, planned=5, sent={"email": 3, "sms": 2}, skipped={}, converted=1)


def test_a_cart_of_which_little_is_known(shop: Shop, wait: Any, language: str) -> None:
    """No stock is reported, and of one product the catalogue knows nothing: neither leaves a hole in the words."""
    come(shop, "offers")
    shop.post("products/", [
        {"sku": "sierra", "name": "Sierra 7", "price": {"amount": "120.00", "currency": "EUR"}},
    ])  # fmt: skip
    live("abandoned_cart", language)
    add(shop, ELENA, "sierra", "120.00")
    add(shop, ELENA, "lana", "", name="Lana 40")
    wait(minutes=61)
    [mail] = got(ELENA)
    assert mail.text.startswith(LITTLE_KNOWN[language])
    assert "Sierra 7: 1 × 120.00 EUR Lana 40 " in page(mail)
    assert 'href=""' not in mail.html
    well_said(mail, language)


def test_a_card_is_given_out(shop: Shop, wait: Any, language: str) -> None:
    come(shop, "loyalty")
    campaign = live("welcome", language)
    wait(hours=3)
    assert not SandboxMessage.objects.exists()
    for card, who in (("C1", ELENA), ("C2", DARIO), ("C3", NOBODY)):
        known_by = [{"kind": "email", "value": who["email"]}, {"kind": "card", "value": card}]
        shop.post("contacts/", {"identifiers": known_by})
    wait(seconds=1)
    for who, name in ((ELENA, "Elena"), (DARIO, "Dario"), (NOBODY, "")):
        [mail] = got(who)
        reads(mail, GOT_A_CARD[language], language, name)

    wait(days=1)
    buy(shop, DARIO, "o1")
    wait(days=2, minutes=1)
    assert SandboxMessage.objects.count() == 3  # three days are over, but it is past noon in Madrid
    wait(hours=19)
    assert SandboxMessage.objects.count() == 3
    wait(hours=2)
    for who, name in ((ELENA, "Elena"), (NOBODY, "")):
        reads(got(who)[1], HINT[language], language, name)
    buy(shop, ELENA, "o2")
    wait(minutes=1)
    wait(days=14)
    assert [len(got(who)) for who in (ELENA, DARIO, NOBODY)] == [2, 1, 2]
    assert endings(campaign) == {"Elena": "completed", "Dario": "converted", "nobody": "completed"}
    assert goals(campaign) == [("Dario", Decimal(120), "EUR"), ("Elena", Decimal(120), "EUR")]
    sums(campaign, entered=3, planned=5, sent={"email": 5}, skipped={}, converted=2)


def test_good_customers_stop_buying(shop: Shop, wait: Any, language: str) -> None:
    come(shop, "offers")
    for order in ("first", "second"):
        for who in (ELENA, DARIO, NOBODY):
            buy(shop, who, f"{order} {who['email']}")
    wait(days=121)
    buy(shop, DARIO, "back in time")
    wait(seconds=1)
    campaign = live("win_back", language)
    wait(minutes=1)
    called = {"en": "Dear customer", "es": "Hola", "ru": "Здравствуйте"}[language]
    for who, name in ((ELENA, "Elena"), (NOBODY, "")):
        [mail] = got(who)
        reads(mail, MISSED[language], language, name, called=name or called)
    assert got(DARIO) == []

    wait(days=29)
    bought = clock.now().isoformat()
    wait(days=3)
    buy(shop, ELENA, "won back", occurred_at=bought)  # a till that was offline tells of it after the goal's window
    buy(shop, NOBODY, "too late")
    wait(minutes=1)
    wait(days=130)  # the rule holds for both again: nobody is written to twice
    assert SandboxMessage.objects.count() == 2
    assert goals(campaign) == [("Elena", Decimal(120), "EUR")]
    sums(campaign, entered=2, planned=2, sent={"email": 2}, skipped={}, converted=1)


def test_a_purchase_before_the_morning_ends_the_win_back(shop: Shop, wait: Any, language: str) -> None:
    """Published at night: the mail waits for the end of the quiet hours, and is not needed any more."""
    come(shop, "offers")
    for order in ("first", "second"):
        for who in (ELENA, DARIO):
            buy(shop, who, f"{order} {who['email']}")
    wait(days=121, hours=14)
    campaign = live("win_back", language)
    wait(minutes=1)
    assert not SandboxMessage.objects.exists()
    buy(shop, DARIO, "at night", channel="web")
    wait(hours=10)
    assert len(got(ELENA)) == 1
    assert got(DARIO) == []
    assert endings(campaign) == {"Elena": "completed", "Dario": "converted"}
    assert goals(campaign) == [("Dario", Decimal(120), "EUR")]
    sums(campaign, entered=2, planned=2, sent={"email": 1}, converted=1)


def test_an_order_is_thanked_for(shop: Shop, wait: Any, language: str) -> None:
    """Nobody has allowed anything, and it is night."""
    come(shop)
    campaign = live("thank_you", language)
    wait(hours=16)
    for who, name in ((ELENA, "Elena"), (NOBODY, "")):
        order = "2026-7" if name else "2026-6"
        buy(shop, who, order)
        wait(seconds=1)
        [mail] = got(who)
        reads(mail, THANKS[language].about(order), language, name)
    buy(shop, ELENA, "2026-7")
    wait(minutes=1)
    assert len(got(ELENA)) == 1  # the shop has told of it twice
    wait(days=2)
    buy(shop, ELENA, "2026-8")
    wait(minutes=1)
    assert "2026-8" in got(ELENA)[1].text
    assert got(DARIO) == []
    assert goals(campaign) == []
    sums(campaign, entered=2, planned=3, sent={"email": 3}, skipped={}, converted=0)
