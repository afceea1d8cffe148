"""Ada's files come with heads in three languages; nearly every column finds its place by itself."""

from __future__ import annotations

from datetime import date

import pytest

from crm.errors import Problem
from crm.imports import cells, guess

SINCE = guess.SINCE
ROWS = {
    "email": ["ana@example.com", "jon@example.com"], "phone": ["600 11 22 33", "+34611223344"],
    "birth_date": ["03/04/1990", "12/05/1985"], SINCE: ["03/04/2025", "2024-01-02"], "consent": ["S", "N"],
    "country": ["ES", "IT"], "occurred_at": ["03/04/2025", "04/04/2025"],
}  # fmt: skip
TABLES = [
    ("contacts", {
        "Correo": "email", "Móvil": "phone", "Nombre": "given_name", "Apellidos": "family_name", "Nº tarjeta": "card",
        "Fecha de nacimiento": "birth_date", "Alta": SINCE, "Publi": "consent", "Población": "city",
        "C.P.": "postal_code",
        "Provincia": "region", "País": "country", "Tienda": "home_store", "Idioma": "language", "Obs": "",
        "Código cliente": "external_id",
    }),
    ("contacts", {
        "Correo electrónico": "email", "Teléfono móvil": "phone", "Nombre del cliente": "given_name",
        "Primer apellido": "family_name", "Núm. tarjeta": "card", "F. nacimiento": "birth_date", "Fecha alta": SINCE,
        "¿Acepta publicidad?": "consent", "Localidad": "city", "Código Postal": "postal_code", "Observaciones": "",
    }),
    ("contacts", {
        "E-mail Address": "email", "Mobile": "phone", "First Name": "given_name", "Last Name": "family_name",
        "Loyalty card": "card", "Date of Birth": "birth_date", "Customer since": SINCE, "Opt-in": "consent",
        "Town": "city", "ZIP": "postal_code", "State": "region", "Country": "country", "Home store": "home_store",
        "Language": "language", "Customer ID": "external_id", "Notes": "",
    }),
    ("contacts", {
        "Электронная почта": "email", "Мобильный телефон": "phone", "Имя": "given_name", "Фамилия": "family_name",
        "Номер карты": "card", "Дата рождения": "birth_date", "Дата регистрации": SINCE,
        "Согласие на рассылку": "consent", "Город": "city", "Индекс": "postal_code", "Область": "region",
        "Страна": "country", "Магазин": "home_store", "Язык": "language", "Комментарий": "",
        "Код клиента": "external_id",
    }),
    ("orders", {
        "Cliente": "external_id", "Nº pedido": "order_id", "Fecha": "occurred_at", "Importe": "total",
        "Moneda": "currency", "Referencia": "sku", "Producto": "name", "Cantidad": "quantity", "Precio": "price",
    }),
    ("orders", {
        "Email": "email", "Order number": "order_id", "Order date": "occurred_at", "Total": "total", "SKU": "sku",
        "Coupon": "coupon", "Discount": "discount", "Store": "store", "Currency": "currency",
    }),
    ("orders", {
        "Телефон": "phone", "Номер заказа": "order_id", "Дата заказа": "occurred_at", "Сумма": "total",
        "Артикул": "sku", "Название товара": "name", "Количество": "quantity", "Цена": "price", "Магазин": "store",
    }),
    ("products", {"Артикул": "sku", "Наименование": "name", "Цена": "price", "Бренд": "brand",
                  "Категория": "categories"}),
    ("stock", {"Referencia": "sku", "Tienda": "place", "Existencias": "available"}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "wanted"), TABLES)
def test_ada_finds_at_least_four_columns_of_five_in_their_place(kind: str, wanted: dict[str, str]) -> None:
    columns = [ROWS.get(target, ["VIP, llama tarde", "x"]) for target in wanted.values()]
    found = guess.guess(list(wanted), columns, kind, {})
    right = sum(mine == theirs for mine, theirs in zip(found, wanted.values(), strict=True))
    assert right / len(wanted) >= 0.8, dict(zip(wanted, found, strict=True))


def test_all_heads_together_are_nearly_all_right() -> None:
    right = every = 0
    for kind, wanted in TABLES:
        columns = [ROWS.get(target, ["VIP, llama tarde", "x"]) for target in wanted.values()]
        right += sum(m == t for m, t in zip(guess.guess(list(wanted), columns, kind, {}), wanted.values(), strict=True))
        every += len(wanted)
    assert right / every >= 0.95


def test_elenas_column_without_a_telling_head_is_known_by_what_stands_in_it() -> None:
    assert guess.guess(["Columna1", "Dato"], [ROWS["email"], ROWS["phone"]], "contacts", {}) == ["email", "phone"]


def test_a_head_that_lies_is_not_believed() -> None:
    assert guess.guess(["Email"], [["yes", "no", "yes"]], "contacts", {}) == [""]


def test_the_shops_own_field_is_found_by_its_label() -> None:
    assert guess.guess(["Talla"], [["38"]], "contacts", {"shoe_size": "Talla"}) == ["fields.shoe_size"]


def test_no_target_is_given_twice() -> None:
    found = guess.guess(["Email", "Correo"], [ROWS["email"], ROWS["email"]], "contacts", {})
    assert sorted(found) == ["", "email"]


@pytest.mark.parametrize(
    ("texts", "order"),
    [(["03/04/2025", "25/04/2025"], "dmy"), (["03/04/2025", "04/25/2025"], "mdy"), (["03/04/2025"], ""),
     (["2025-04-03"], None), (["25/04/2025", "04/25/2025"], None), (["hello"], None)],
)  # fmt: skip
def test_the_order_of_a_date_is_told_by_its_column_or_asked(texts: list[str], order: str | None) -> None:
    assert cells.order_of(texts) == order


def test_the_third_of_april_is_not_the_fourth_of_march() -> None:
    assert cells.day("03/04/2025", "dmy") == date(2025, 4, 3)
    assert cells.day("03/04/2025", "mdy") == date(2025, 3, 4)
    assert cells.day("25.04.2025") == date(2025, 4, 25)
    with pytest.raises(Problem, match="two days"):
        cells.day("03/04/2025")
    with pytest.raises(Problem, match="not a date"):
        cells.day("31/02/2025", "dmy")


@pytest.mark.parametrize(
    ("text", "amount"),
    [("1.234,50 €", "1234.50"), ("1,234.50", "1234.50"), ("49,90", "49.90"), ("1 234,5 ₽", "1234.5"), ("12", "12")],
)
def test_an_amount_is_read_as_it_is_written_in_its_country(text: str, amount: str) -> None:
    assert cells.amount(text) == amount


@pytest.mark.parametrize("text", ["NaN", "inf", "1e9", "", "twelve", "--3"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(Problem):
        cells.amount(text)
