"""Which column is what: by the words at its head, in three languages, and by what stands in it. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from crm.imports import cells

NOT: Final = ""
CONSENT: Final = "consent"
SINCE: Final = "fields.customer_since"

# Heads as people write them; one that is longer is taken before a part of it.
HEADS: Final[dict[str, tuple[str, ...]]] = {
    "email": (
        "email", "e mail", "mail", "email address", "correo", "correo electronico", "direccion de correo", "e mail 1",
        "почта", "электронная почта", "эл почта", "имейл", "емейл", "адрес электронной почты",
    ),
    "phone": (
        "phone", "mobile", "mobile phone", "phone number", "cell", "cell phone", "telephone", "tel", "whatsapp",
        "movil", "telefono", "telefono movil", "tlf", "tfno", "celular", "numero de telefono", "n telefono",
        "телефон", "мобильный", "мобильный телефон", "номер телефона", "сотовый", "тел", "моб телефон",
    ),
    "card": (
        "card", "card number", "loyalty card", "member card", "club card", "tarjeta", "n tarjeta", "numero de tarjeta",
        "tarjeta cliente", "num tarjeta", "no tarjeta", "tarjeta de fidelidad", "tarjeta club",
        "карта", "номер карты", "карта лояльности", "дисконтная карта", "карта клиента",
    ),
    "external_id": (
        "id", "customer id", "client id", "external id", "number in your shop", "customer number", "customer",
        "user id", "id cliente", "codigo cliente", "codigo de cliente", "n cliente", "num cliente",
        "numero de cliente", "id externo", "cliente", "cod cliente",
        "ид", "код клиента", "номер клиента", "ид клиента", "идентификатор", "внешний ид", "клиент",
    ),
    "given_name": (
        "first name", "given name", "name", "forename", "nombre", "nombre de pila", "имя",
    ),
    "family_name": (
        "last name", "surname", "family name", "apellido", "apellidos", "primer apellido", "фамилия",
    ),
    "language": ("language", "lang", "locale", "idioma", "lengua", "язык"),
    "timezone": ("timezone", "time zone", "zona horaria", "huso horario", "часовой пояс"),
    "country": ("country", "country code", "pais", "codigo pais", "страна", "код страны"),
    "region": ("region", "state", "province", "county", "provincia", "comunidad", "comunidad autonoma", "estado",
               "регион", "область", "край"),
    "city": ("city", "town", "ciudad", "localidad", "poblacion", "municipio", "город", "населенный пункт"),
    "postal_code": ("postal code", "zip", "zip code", "postcode", "cp", "c p", "codigo postal", "cod postal",
                    "индекс", "почтовый индекс"),
    "birth_date": (
        "birth date", "date of birth", "birthday", "dob", "birthdate", "fecha de nacimiento", "fecha nacimiento",
        "f nacimiento", "nacimiento", "cumpleanos", "fec nac", "fnac",
        "дата рождения", "день рождения", "рождение", "др",
    ),
    "home_store": ("home store", "store", "shop", "tienda", "tienda habitual", "tienda de alta", "sucursal",
                   "магазин", "домашний магазин", "точка"),
    CONSENT: (
        "consent", "opt in", "optin", "marketing consent", "accepts marketing", "subscribed", "newsletter", "publi",
        "publicidad", "acepta publicidad", "consentimiento", "acepta", "acepta comunicaciones", "suscrito", "lopd",
        "rgpd", "согласие", "согласие на рассылку", "подписка", "рассылка", "подписан",
    ),
    SINCE: (
        "customer since", "since", "created", "created at", "signup date", "registered", "joined", "known since",
        "registration date", "alta", "fecha alta", "fecha de alta", "cliente desde", "fecha de registro",
        "дата регистрации", "клиент с", "регистрация", "зарегистрирован", "дата добавления",
    ),
    "order_id": ("order id", "order", "order number", "invoice", "receipt", "pedido", "n pedido", "numero de pedido",
                 "id pedido", "ticket", "factura", "заказ", "номер заказа", "чек", "ид заказа"),
    "occurred_at": ("date", "order date", "purchase date", "purchased at", "occurred at", "fecha", "fecha pedido",
                    "fecha de compra", "fecha compra", "fecha del pedido", "дата", "дата заказа", "дата покупки"),
    "total": ("total", "amount", "order total", "value", "importe", "importe total", "monto", "total pedido",
              "сумма", "итого", "сумма заказа", "всего"),
    "currency": ("currency", "moneda", "divisa", "валюта"),
    "channel": ("channel", "canal", "канал"),
    "store": ("store", "shop", "tienda", "sucursal", "магазин"),
    "cart_id": ("cart id", "cart", "carrito", "id carrito", "корзина"),
    "coupon": ("coupon", "coupon code", "promo code", "cupon", "codigo promocional", "купон", "промокод"),
    "discount": ("discount", "descuento", "скидка"),
    "sku": ("sku", "article", "product id", "product code", "item", "referencia", "ref", "codigo", "articulo",
            "codigo de producto", "codigo articulo", "артикул", "код товара", "код"),
    "name": ("product", "product name", "name", "title", "item name", "producto", "nombre", "nombre del producto",
             "descripcion", "товар", "название", "наименование", "название товара"),
    "quantity": ("quantity", "qty", "units", "cantidad", "unidades", "uds", "количество", "кол во", "шт"),
    "price": ("price", "unit price", "precio", "precio unitario", "pvp", "цена", "цена за единицу"),
    "url": ("url", "link", "product url", "enlace", "ссылка", "адрес страницы"),
    "image": ("image", "image url", "picture", "photo", "imagen", "foto", "изображение", "фото", "картинка"),
    "categories": ("category", "categories", "categoria", "categorias", "familia", "категория", "категории"),
    "brand": ("brand", "marca", "бренд", "марка"),
    "active": ("active", "on sale", "activo", "activa", "en venta", "активен", "в продаже"),
    "available": ("available", "stock", "units left", "in stock", "existencias", "disponible", "inventario",
                  "cantidad", "quantity", "остаток", "наличие", "в наличии", "количество", "запас"),
    "place": ("place", "store", "shop", "warehouse", "tienda", "almacen", "магазин", "склад"),
    "at": ("at", "date", "updated", "fecha", "actualizado", "дата", "обновлено"),
}  # fmt: skip
TRACES: Final = ("email", "phone", "card", "external_id")
# Our own exports name columns as the importer does.
TARGETS: Final[dict[str, tuple[str, ...]]] = {
    "contacts": (*TRACES, "given_name", "family_name", "language", "timezone", "country", "region", "city",
                 "postal_code", "birth_date", "home_store", CONSENT, SINCE),
    "orders": (*TRACES, "order_id", "occurred_at", "total", "currency", "channel", "store", "cart_id", "coupon",
               "discount", "sku", "name", "quantity", "price"),
    "products": ("sku", "name", "url", "image", "categories", "brand", "price", "currency", "active"),
    "stock": ("sku", "place", "available", "at"),
    "suppressions": ("email", "phone"),
}  # fmt: skip
# What a failed-rows file adds to the columns of the first one.
OURS: Final = frozenset({"line", "reason", "remedy"})
ENOUGH: Final = 0.6
# The number we gave somebody ourselves is no number of the shop.
_OUR_ID: Final = re.compile(r"ctc_[0-9a-z]{1,13}$")
_EMAIL: Final = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;.]{2,}")
_PHONE: Final = re.compile(r"\+?[\d\s().-]{7,20}")


def guess(heads: Sequence[str], columns: Sequence[Sequence[str]], kind: str, own: Mapping[str, str]) -> list[str]:
    """The target of each column, "" where nothing fits. `own`: the shop's own fields, key -> label."""
    found = {}
    taken: set[str] = set()
    ranked = sorted(
        (
            (-points, index, order, target)
            for index, head in enumerate(heads)
            for order, target in enumerate(_targets(kind, own))
            if (points := _points(fold(head), target, columns[index], kind, own)) > 0
        )
    )
    for _, index, _, target in ranked:
        if index not in found and target not in taken:
            found[index] = target
            taken.add(target)
    return [found.get(index, NOT) for index in range(len(heads))]


def fold(head: str) -> str:
    """Lower case without accents and signs: `Nº Tarjeta` is `n tarjeta`."""
    plain = unicodedata.normalize("NFD", head.casefold().replace("º", "").replace("№", "номер ").replace("ё", "е"))
    # й is no и with an accent.
    kept = "".join(sign for sign in plain if not unicodedata.combining(sign) or sign == "\u0306")
    return " ".join(re.sub(r"[\W_]+", " ", unicodedata.normalize("NFC", kept)).split())


def share(values: Sequence[str], target: str) -> float | None:
    """How much of a column looks like the target; None where anything may stand in it."""
    test = _LOOKS.get(target)
    filled = [value for value in values if value.strip()]
    if test is None or not filled:
        return None
    return len([value for value in filled if test(value.strip())]) / len(filled)


_LOOKS: Final[dict[str, Callable[[str], bool]]] = {
    "email": lambda value: bool(_EMAIL.fullmatch(value)),
    "phone": lambda value: bool(_PHONE.fullmatch(cells.plain(value))) and not cells.is_day(value),
    "birth_date": cells.is_day,
    SINCE: cells.is_day,
    "occurred_at": cells.is_day,
    CONSENT: cells.is_answer,
    "country": lambda value: bool(re.fullmatch(r"[A-Za-z]{2}", value)),
}


def _targets(kind: str, own: Mapping[str, str]) -> list[str]:
    more = [f"fields.{key}" for key in own] if kind == "contacts" else []
    return [*TARGETS[kind], *more]


def _points(head: str, target: str, values: Sequence[str], kind: str, own: Mapping[str, str]) -> float:
    if head in OURS or (target == "external_id" and values and all(_OUR_ID.match(value) for value in values)):
        return 0
    named = _named(head, target, own)
    looks = share(values, target)
    if looks is None:
        return named
    if target in ("email", "phone") and looks >= ENOUGH:
        # Nothing else looks like an address; a number may be anything, so its head must not say otherwise.
        return named + 3 if target == "email" or named or not _other(head, kind, own) else 0
    return named + looks if named and looks > 0.2 else 0


def _named(head: str, target: str, own: Mapping[str, str]) -> float:
    """5: exactly one of its names. 3: begins with one. 2: a name is one of its words."""
    names = _names(target, own)
    if head in names:
        return 5
    words = head.split()
    for name in sorted(names, key=len, reverse=True):
        parts = name.split()
        if words[: len(parts)] == parts:
            return 3 + len(parts) / 10
        if len(name) > 3 and any(words[at : at + len(parts)] == parts for at in range(len(words))):
            return 2 + len(parts) / 10
    return 0


def _names(target: str, own: Mapping[str, str]) -> set[str]:
    names = {*HEADS.get(target, ()), fold(target)}
    if target.startswith("fields."):
        key = target.removeprefix("fields.")
        names |= {fold(key), fold(own.get(key, key))}
    return names


def _other(head: str, kind: str, own: Mapping[str, str]) -> bool:
    return any(_named(head, target, own) >= 2 for target in _targets(kind, own) if target != "phone")
