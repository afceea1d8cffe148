"""Bruno enrols people on the tablet of the shop: counted by taps and keys, with a reader that types like a keyboard."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from crm import clock
from crm.models import ConsentReceipt, Contact, Identifier, TillEntry
from crm.till import desk
from tests.browser import keystrokes
from tests.browser.patience import becomes, fits
from tests.crm.people import come, phone
from tests.crm.till import people

pytestmark = pytest.mark.django_db(transaction=True)
Look = Callable[[Page, str], None]
CARD, MISREAD = "291000484910", "291000484915"
TABLET, PORTRAIT = {"width": 1180, "height": 820}, {"width": 768, "height": 1024}


@pytest.fixture
def till() -> people.Till:
    return people.till()


@pytest.fixture
def enrol(till: people.Till, live_server: LiveServer, quiet_page: Page) -> Page:
    """The screen, unlocked for Bruno."""
    quiet_page.set_viewport_size(TABLET)  # type: ignore[arg-type]
    quiet_page.context.add_cookies(
        [{"name": desk.COOKIE, "value": till.token, "url": f"{live_server.url}/store/", "sameSite": "Strict"}]
    )
    quiet_page.goto(f"{live_server.url}/store/enrol/")
    expect(quiet_page.get_by_label("Card", exact=True)).to_be_focused()
    return quiet_page


def scan(page: Page, code: str = CARD, *, gap: int = 5, suffix: str = "Enter") -> None:
    """What a reader does: it types, wherever the focus is. Chromium stamps each key with the time it came."""
    for letter in code:
        page.evaluate(KEY, [letter, gap])
    page.evaluate(KEY, [suffix, gap])


# Keys as a keyboard makes them: down, the letter in the field that has the focus unless somebody objects, up. The time
# between them is the page's own, so that a busy machine is no slow reader.
KEY = """([key, gap]) => {
    window.readerTime = (window.readerTime || performance.now() + 1000) + gap;
    const field = document.activeElement;
    const event = new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true});
    Object.defineProperty(event, "timeStamp", {value: window.readerTime});
    if (!field.dispatchEvent(event) || key.length > 1 || !["INPUT"].includes(field.tagName)) return;
    field.value += key;
    field.dispatchEvent(new InputEvent("input", {bubbles: true, data: key}));
}"""


def pause(page: Page) -> None:
    page.evaluate("() => { window.readerTime = (window.readerTime || performance.now() + 1000) + 2000; }")


# --- the ways through ---------------------------------------------------------------------------------


def test_bruno_enrols_pablo_in_four_taps_and_fourteen_keys(enrol: Page, look: Look) -> None:
    with keystrokes.watched() as hands:
        scan(enrol)
        expect(enrol.get_by_text("Scanned.")).to_be_visible()
        expect(enrol.get_by_label("Mobile phone")).to_be_focused()
        enrol.keyboard.type("612334018")
        enrol.get_by_label("First name").click()
        enrol.keyboard.type("Pablo")
        enrol.get_by_text("WhatsApp").click()
        enrol.get_by_role("button", name="Enrol Pablo").click()
    expect(enrol.get_by_role("heading", name="Pablo is in.")).to_be_visible()
    expect(enrol.get_by_text("Card 2910 0048 4910")).to_be_visible()
    assert (hands.clicks, hands.keys) == (3, 14)
    assert keystrokes.SCAN + hands.tablet_seconds(decisions=1) <= 12
    pablo = Contact.objects.get()
    assert set(Identifier.objects.values_list("kind", "value")) == {("card", CARD), ("phone", "+34612334018")}
    assert set(ConsentReceipt.objects.values_list("contact_id", "purpose", "channel", "method")) == {
        (pablo.pk, "offers", "whatsapp", "pos_screen")
    }
    look(enrol, "till-enrolled")
    enrol.get_by_role("button", name="Next customer").click()
    expect(enrol.get_by_label("Card", exact=True)).to_be_focused()
    expect(enrol.get_by_label("First name")).to_have_value("")
    assert not enrol.get_by_label("WhatsApp").is_checked()


def test_with_his_e_mail_it_is_six_taps_at_most(enrol: Page) -> None:
    with keystrokes.watched() as hands:
        scan(enrol)
        expect(enrol.get_by_label("Mobile phone")).to_be_focused()
        enrol.keyboard.type("612334018")
        enrol.get_by_label("Email", exact=False).first.click()
        enrol.keyboard.type("pablo.f")
        enrol.get_by_role("button", name="gmail.com").click()
        enrol.get_by_label("First name").click()
        enrol.keyboard.type("Pablo")
        enrol.get_by_text("WhatsApp").click()
        enrol.get_by_role("button", name="Enrol Pablo").click()
    expect(enrol.get_by_role("heading", name="Pablo is in.")).to_be_visible()
    assert hands.clicks == 5
    assert keystrokes.SCAN + hands.tablet_seconds(decisions=1) <= 17
    assert Identifier.objects.filter(kind="email", value="pablo.f@gmail.com").exists()


def test_nothing_is_ticked_and_who_says_nothing_has_said_nothing(enrol: Page) -> None:
    boxes = enrol.locator("input[type=checkbox]")
    assert boxes.count() == 5
    assert [boxes.nth(each).is_checked() for each in range(5)] == [False] * 5
    assert enrol.locator("input[type=checkbox][checked]").count() == 0
    scan(enrol)
    enrol.get_by_role("button", name="Enrol", exact=True).click()
    expect(enrol.get_by_role("heading", name="The customer is in.")).to_be_visible()
    assert Contact.objects.count() == 1
    assert not ConsentReceipt.objects.exists()


def test_what_is_read_aloud_is_what_is_kept(enrol: Page) -> None:
    enrol.get_by_label("Mobile phone").fill("612334018")
    enrol.get_by_role("radio", name="RU").check()
    expect(enrol.locator("#aloud")).to_have_attribute("lang", "ru")
    enrol.get_by_text("SMS").click()
    enrol.get_by_text("Choose offers from what I buy").click()
    enrol.get_by_role("button", name="Enrol", exact=True).click()
    expect(enrol.get_by_text("They get a message: offers begin with their yes.")).to_be_visible()
    kept = set(ConsentReceipt.objects.filter(action="granted").values_list("purpose", "wording"))
    assert kept == {("offers", "till.offers-ru-1"), ("profiling", "till.profiling-ru-1")}


# --- mistakes -----------------------------------------------------------------------------------------


def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(enrol: Page, look: Look) -> None:
    enrol.get_by_role("button", name="Enrol", exact=True).click()
    expect(enrol.locator("#err-card")).to_have_text("A card, a phone or an e-mail is needed: one is enough.")
    enrol.get_by_label("Mobile phone").fill("12")
    enrol.get_by_label("First name").fill("Pablo")
    enrol.get_by_label("Email", exact=False).first.fill("pablo@gmial.com")
    enrol.get_by_role("button", name="gmail.com?").click()
    expect(enrol.locator("#email")).to_have_value("pablo@gmail.com")
    enrol.get_by_role("button", name="Enrol Pablo").click()
    expect(enrol.locator("#err-phone")).to_have_text("This is no phone number: check its country and its digits.")
    expect(enrol.get_by_label("Mobile phone")).to_be_focused()
    look(enrol, "till-enrol-wrong")
    expect(enrol.get_by_label("Mobile phone")).to_have_value("12")
    enrol.get_by_label("Mobile phone").fill("612 33 40 18")
    enrol.get_by_role("button", name="Enrol Pablo").click()
    expect(enrol.get_by_role("heading", name="Pablo is in.")).to_be_visible()


def test_carmen_is_known_and_bruno_says_whether_it_is_her(enrol: Page, look: Look) -> None:
    carmen = come(clock.now(), phone("+34600112233"), given_name="Carmen", family_name="Vidal", home_store="VLC")
    scan(enrol)
    enrol.keyboard.type("600112233")
    enrol.get_by_label("First name").click()
    expect(enrol.locator("#hint")).to_contain_text("Already a customer: Carmen V. · ••• 22 33")
    enrol.keyboard.type("Carmen")  # typing goes on
    look(enrol, "till-hint")
    enrol.get_by_role("button", name="Enrol Carmen").click()
    expect(enrol.get_by_text("Choose first whether it is them.")).to_be_visible()
    enrol.get_by_role("button", name="It is them: link the card").click()
    enrol.get_by_role("button", name="Enrol Carmen").click()
    expect(enrol.get_by_role("heading", name="Carmen is in.")).to_be_visible()
    assert Identifier.objects.get(kind="card").contact_id == carmen
    assert "Vidal" not in enrol.content()


def test_her_brother_with_her_phone_waits_until_somebody_decides(enrol: Page, look: Look) -> None:
    come(clock.now(), phone("+34600112233"), given_name="Carmen", home_store="VLC")
    scan(enrol)
    enrol.keyboard.type("600112233")
    enrol.get_by_label("First name").fill("Luis")
    enrol.get_by_role("button", name="Different person").click()
    enrol.get_by_role("button", name="Enrol Luis").click()
    expect(enrol.get_by_role("heading", name="Luis is written down.")).to_be_visible()
    enrol.get_by_role("button", name="Next customer").click()
    enrol.locator("#till-net").click()
    enrol.get_by_role("link", name="To decide").click()
    look(enrol, "till-decide")
    fits(enrol)
    enrol.get_by_role("button", name="Somebody new: keep what is theirs alone").click()
    expect(enrol.get_by_text("Nothing is to be decided.")).to_be_visible()
    assert Contact.objects.get(given_name="Luis").identifiers.get().value == CARD
    becomes(lambda: TillEntry.objects.get().payload, None)


def test_the_customer_types_and_sees_nothing_that_is_not_theirs(enrol: Page, look: Look) -> None:
    enrol.get_by_role("button", name="Customer types").click()
    expect(enrol.locator("header.bar")).to_be_hidden()
    expect(enrol.get_by_text("tick only what you want")).to_be_visible()
    look(enrol, "till-theirs")
    fits(enrol)
    enrol.get_by_label("Mobile phone").fill("612334018")
    enrol.get_by_role("button", name="Hand it back").click()
    expect(enrol.locator("header.bar")).to_be_visible()
    expect(enrol.get_by_label("Mobile phone")).to_have_value("612334018")


# --- the reader ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("gap", "suffix"), [(2, "Enter"), (80, "Enter"), (80, "Tab"), (5, "Tab")])
def test_fast_and_slow_readers_with_enter_or_tab(enrol: Page, gap: int, suffix: str) -> None:
    scan(enrol, gap=gap, suffix=suffix)
    expect(enrol.get_by_label("Card", exact=True)).to_have_value("2910 0048 4910")


@pytest.mark.parametrize(("label", "half"), [("Mobile phone", "612 33"), ("First name", "Pab")])
def test_a_scan_into_a_half_typed_field_gives_it_back(enrol: Page, label: str, half: str) -> None:
    field = enrol.get_by_label(label)
    field.click()
    for letter in half:  # typed by a person, at 150 ms, and the reader fires right after
        enrol.evaluate(KEY, [letter, 150])
    enrol.evaluate("() => { window.readerTime += 160; }")
    scan(enrol, gap=20)
    expect(field).to_have_value(half)
    expect(field).to_be_focused()
    expect(enrol.get_by_label("Card", exact=True)).to_have_value("2910 0048 4910")


def test_a_scan_while_nothing_has_the_focus_and_after_somebody_is_in(enrol: Page) -> None:
    enrol.evaluate("() => document.activeElement.blur()")
    scan(enrol)
    expect(enrol.get_by_label("Card", exact=True)).to_have_value("2910 0048 4910")
    enrol.get_by_role("button", name="Enrol", exact=True).click()
    expect(enrol.get_by_role("heading", name="The customer is in.")).to_be_visible()
    pause(enrol)
    scan(enrol, "4006381333931")  # the next one in the queue, EAN-13
    expect(enrol.get_by_label("Card", exact=True)).to_have_value("4006 3813 3393 1")


@pytest.mark.parametrize("code", [MISREAD, CARD[:-1], f"{CARD}10"])
def test_a_card_that_was_misread_leaves_the_field_clean_and_is_said(enrol: Page, code: str) -> None:
    enrol.get_by_label("First name").fill("Pablo")
    enrol.get_by_label("First name").focus()
    scan(enrol, code)
    expect(enrol.get_by_label("First name")).to_have_value("Pablo")
    expect(enrol.locator("#err-card")).to_have_text("The card was not read well. Scan it again.")
    expect(enrol.get_by_label("Card", exact=True)).to_have_value("")
    scan(enrol)
    expect(enrol.locator("#err-card")).to_have_text("")


def test_what_a_person_types_stays_where_it_was_typed(enrol: Page) -> None:
    tel, card = enrol.get_by_label("Mobile phone"), enrol.get_by_label("Card", exact=True)
    tel.focus()
    scan(enrol, "612334018", gap=150)  # a phone, typed quickly, Enter
    expect(tel).to_have_value("612334018")
    expect(enrol.locator("#email")).to_be_focused()
    pause(enrol)
    card.focus()
    scan(enrol, CARD, gap=250)  # a card's number, typed by hand
    expect(card).to_have_value(CARD)
    expect(enrol.locator("#scanned")).to_have_text("")
    assert not Contact.objects.exists(), "Enter sends nothing"


def test_the_sound_can_be_off_and_stays_off(enrol: Page) -> None:
    enrol.evaluate(
        "() => { window.tones = 0; const real = AudioContext.prototype.createOscillator;"
        " AudioContext.prototype.createOscillator = function () { window.tones += 1; return real.call(this); }; }"
    )
    scan(enrol)
    assert enrol.evaluate("window.tones") == 1
    enrol.get_by_role("button", name="Sound").click()
    expect(enrol.get_by_role("button", name="Sound")).to_have_attribute("aria-pressed", "false")
    pause(enrol)
    scan(enrol)
    assert enrol.evaluate("window.tones") == 1
    enrol.reload()
    expect(enrol.get_by_role("button", name="Sound")).to_have_attribute("aria-pressed", "false")


# --- for everybody ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [TABLET, PORTRAIT])
def test_the_screen_is_readable_fits_and_can_be_touched(enrol: Page, look: Look, size: dict[str, int]) -> None:
    enrol.set_viewport_size(size)  # type: ignore[arg-type]
    look(enrol, f"till-enrol-{size['width']}")
    small = enrol.evaluate("""() => Array.from(document.querySelectorAll(
        "main button, main select, main label.box, main input"))
        .filter((each) => each.checkVisibility() && !each.closest("label.box, .langs label"))
        .map((each) => [each.outerHTML.slice(0, 80), each.getBoundingClientRect().height])
        .filter(([, height]) => height < 48)""")
    assert small == []
    main = enrol.locator("#enrol-main").bounding_box()
    assert main is not None
    assert main["height"] >= 64
    assert main["y"] + main["height"] <= size["height"]
    fits(enrol, 320, 768)
