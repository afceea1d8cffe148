"""What the key that stands in a page cannot do to people the shop knows, whoever uses it (decision 0035)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm import clock
from crm.identity import merging
from crm.models import Address, Contact, ContactMerge, Event, Identifier, Membership, User
from crm.rights import erasure
from tests.crm.tracking.conftest import Sender
from tests.crm.tracking.test_tracking import known_by, told

pytestmark = pytest.mark.django_db

MARTA, EVIL = "marta@example.com", "+34666000666"
YES: Final = {"purpose": "offers", "action": "granted", "basis": "consent", "method": "web_form", "source": "sign-up"}
# All that is believed of somebody; facts and carts a page may tell.
BELIEVED: Final = {
    "crm_contact": "id", "crm_identifier": "contact_id", "crm_consentreceipt": "contact_id",
    "crm_consentstate": "contact_id", "crm_contactchange": "contact_id", "crm_groupmember": "contact_id",
    "crm_suppression": None, "crm_addressconsent": None, "crm_address": None, "crm_contacttag": "contact_id",
}  # fmt: skip
EVERYTHING: Final = {**BELIEVED, "crm_event": "contact_id", "crm_cart": "contact_id", "crm_order": "contact_id"}


def rest(server: Sender, path: str, body: Any) -> Any:
    answer = server.client.post(f"/api/v1/{path}", body, content_type="application/json",
                                headers={"Authorization": f"Bearer {server.secret}"})  # fmt: skip
    assert answer.status_code < 300, answer.content
    return answer.json()


def sign_up(server: Sender, **more: Any) -> Contact:
    """Marta joins: her e-mail, and yes to e-mail and to text messages."""
    rest(server, "contacts/", {"identifiers": [{"kind": "email", "value": MARTA}, *more.pop("identifiers", [])],
        "consents": [{**YES, "channel": "email"}, {**YES, "channel": "sms"}], **more})  # fmt: skip
    return known_by("email", MARTA)


@pytest.fixture
def marta(server: Sender) -> Contact:
    """A customer, with a browser that the shop's server says is hers."""
    found = sign_up(server, given_name="Marta", identifiers=[
        {"kind": "external_id", "value": "marta-1"}, {"kind": "anonymous_id", "value": "marta-browser"},
        {"kind": "phone", "value": "+34600111222"}])  # fmt: skip
    Identifier.objects.filter(contact=found, kind="email").update(verified_at=clock.now())
    return found


def everything(contact: Contact, tables: dict[str, str | None] = EVERYTHING) -> dict[str, list[str]]:
    """All rows of hers, as text; of tables without people, all rows."""
    shown = {}
    with connection.cursor() as cursor:
        for table, column in tables.items():
            where = f"WHERE {column} = {contact.pk}" if column else ""
            cursor.execute(f"SELECT to_jsonb(t)::text FROM {table} t {where} ORDER BY 1")
            shown[table] = [row for (row,) in cursor.fetchall()]
    return shown


def test_whoever_claims_martas_address_with_their_own_phone_changes_nothing_of_her(
    site: Sender, marta: Contact
) -> None:
    before = everything(marta)
    for who in ({"anonymousId": "evil"}, {"userId": "evil-1"}, {"userId": "evil-1", "anonymousId": "evil"}):
        answer = site.identify(**who, traits={"email": MARTA, "phone": EVIL, "firstName": "www.evil.example"})
        assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert everything(marta) == before
    assert not Address.objects.filter(value=EVIL).exists(), "nothing can be sent to a number that a page says"


@pytest.mark.parametrize("browser", ["evil", "marta-browser", None])
@pytest.mark.parametrize("kind", ["identify", "alias"])
def test_whoever_claims_to_be_her_changes_nothing_believed_of_her(
    site: Sender, marta: Contact, kind: str, browser: str | None
) -> None:
    before = everything(marta, BELIEVED)
    traits = {"email": "other@example.com", "phone": EVIL, "firstName": "Evil", "vip": True}
    site.send(kind, {"userId": "marta-1", "anonymousId": browser, "previousId": browser, "traits": traits})
    assert everything(marta, BELIEVED) == before
    assert not ContactMerge.objects.exists()


def test_her_own_browser_says_something_and_it_is_kept_as_said(site: Sender, marta: Contact) -> None:
    before = everything(marta, BELIEVED)
    site.identify(anonymousId="marta-browser", traits={"firstName": "Marta Maria", "phone": EVIL})
    assert everything(marta, BELIEVED) == before
    event = Event.objects.get(contact_id=marta.pk, name="Identified")
    assert event.properties == {"traits": {"firstName": "Marta Maria", "phone": EVIL}}


def test_a_browser_is_not_joined_to_her_because_a_page_says_so(site: Sender, marta: Contact) -> None:
    site.track("Product Viewed", anonymousId="evil", properties={"sku": "R1"})
    for kind in ("identify", "alias"):
        site.send(kind, {"userId": "marta-1", "anonymousId": "evil", "previousId": "evil"})
    assert known_by("anonymous_id", "evil") != marta
    assert "Product Viewed" not in told(marta)


def test_what_she_does_in_the_shop_is_told_of_her(site: Sender, marta: Contact) -> None:
    """A page that knows who is logged in: facts, and nothing but facts."""
    before = everything(marta, BELIEVED)
    site.track("Product Viewed", userId="marta-1", anonymousId="another-phone", properties={"sku": "R1"})
    assert "Product Viewed" in told(marta)
    assert everything(marta, BELIEVED) == before


def test_who_claimed_her_address_before_she_came_gets_nothing_of_hers(site: Sender, server: Sender) -> None:
    site.identify(userId="evil-1", anonymousId="evil", traits={"email": MARTA, "phone": EVIL,
                  "firstName": "www.evil.example", "city": "Evil", "note": "call 666"})  # fmt: skip
    marta = sign_up(server)
    assert (marta.given_name, marta.city, marta.fields) == ("", "", {})
    assert set(marta.identifiers.exclude(kind="anonymous_id").values_list("kind", "value")) == {("email", MARTA)}
    assert not Address.objects.filter(value=EVIL).exists()
    # Her permission by text message waits for a number that she or the shop says, not for one a page says.
    site.identify(userId="evil-1", anonymousId="evil", traits={"phone": EVIL})
    assert not Address.objects.filter(value=EVIL).exists()
    assert set(marta.identifiers.exclude(kind="anonymous_id").values_list("kind", "value")) == {("email", MARTA)}


def test_a_number_claimed_before_does_not_glue_two_customers(site: Sender, server: Sender) -> None:
    site.identify(userId="customer-500", traits={"email": MARTA})
    marta = sign_up(server)
    server.identify(userId="customer-500", traits={"email": "dario@example.com", "firstName": "Dario"})
    dario = known_by("external_id", "customer-500")
    assert dario != marta
    assert known_by("email", "dario@example.com") == dario
    site.track("Product Viewed", userId="customer-500")
    assert "Product Viewed" in told(dario)
    assert "Product Viewed" not in told(marta)


def test_two_who_claim_the_same_are_believed_neither(site: Sender, server: Sender) -> None:
    for number in (1, 2):
        site.identify(userId=f"u{number}", traits={"email": MARTA})
    marta = sign_up(server)
    assert told(marta).count("Identified") == 0


def test_a_visitor_whom_the_shop_confirms_is_the_same_person(site: Sender, server: Sender) -> None:
    site.identify(userId="u-1", anonymousId="b", traits={"email": MARTA, "firstName": "Marta"})
    site.track("Product Viewed", userId="u-1", anonymousId="b")
    marta = sign_up(server, given_name="Marta", identifiers=[{"kind": "external_id", "value": "u-1"}])
    site.track("Product Added", userId="u-1", anonymousId="b", properties={"cart_id": "c", "sku": "R1"})
    assert {"Product Viewed", "Product Added", "Cart Updated"} <= set(told(marta))
    assert Identifier.objects.filter(contact=marta, identifying=False).count() == 0


def test_people_on_one_browser_stay_two(site: Sender) -> None:
    site.identify(userId="ada", anonymousId="family", traits={"email": "ada@example.com"})
    site.identify(userId="bruno", anonymousId="family", traits={"email": "bruno@example.com"})
    assert known_by("external_id", "ada") != known_by("external_id", "bruno")
    site.batch(
        {"type": "identify", "userId": "chiara", "anonymousId": "tablet"},
        {"type": "identify", "userId": "dario", "anonymousId": "tablet"},
    )
    assert known_by("external_id", "chiara") != known_by("external_id", "dario")


def test_nobody_learns_from_an_answer_whether_somebody_is_known(site: Sender, marta: Contact) -> None:
    for known, unknown in ((MARTA, "nobody@example.com"), ("marta-1", "nobody-1")):
        key = "email" if "@" in known else "userId"
        for value, about in ((known, 1), (unknown, 2)):
            body = {
                "anonymousId": f"x{about}",
                **({"traits": {"email": value}} if key == "email" else {"userId": value}),
            }
            answer = site.identify(**body)
            assert (answer.status_code, answer.content) == (200, b'{"success":true}')
            names = {name for name in answer.headers if not name.startswith(("RateLimit", "X-Request-Id"))}
            assert names == {"Content-Type", "Access-Control-Allow-Origin", "Access-Control-Allow-Methods",
                "Access-Control-Allow-Headers", "Access-Control-Expose-Headers", "Access-Control-Max-Age", "Vary",
                "Cross-Origin-Resource-Policy", "Cache-Control", "X-Frame-Options", "X-Content-Type-Options",
                "Referrer-Policy", "Cross-Origin-Opener-Policy", "Content-Language", "Content-Length",
                "Content-Security-Policy"} & names  # fmt: skip


def test_nor_does_the_key_learn_it_from_the_api(site: Sender, marta: Contact) -> None:
    for value in (MARTA, "nobody@example.com"):
        answer = rest(site, "events/", {"contact": {"email": value}, "name": "Seen"})
        assert (answer["contact"], answer["duplicate"]) == (None, False)


def test_the_office_is_not_fooled_by_a_claim_when_it_looks_for_her(
    site: Sender, server: Sender, marta: Contact
) -> None:
    site.identify(anonymousId="evil", traits={"email": MARTA})
    found = server.client.get(
        "/api/v1/contacts/", {"email": MARTA}, headers={"Authorization": f"Bearer {server.secret}"}
    )
    assert len(found.json()["data"]) == 1


def test_a_visitor_who_is_erased_takes_nothing_of_hers_with_them(site: Sender, marta: Contact) -> None:
    site.identify(userId="evil-1", anonymousId="evil", traits={"email": MARTA, "phone": "+34600111222"})
    before = everything(marta)
    evil = known_by("anonymous_id", "evil")
    erasure.ask(evil.pk, actor="user:1", via="office", now=clock.now())
    assert erasure.work() == 1
    assert everything(marta) == before


def test_when_she_is_erased_nobody_claims_her_address_any_more(site: Sender, marta: Contact) -> None:
    site.identify(anonymousId="evil", traits={"email": MARTA, "phone": EVIL})
    erasure.ask(marta.pk, actor="user:1", via="office", now=clock.now())
    assert erasure.work() == 1
    assert not Identifier.objects.filter(value=MARTA).exists()
    assert Identifier.objects.filter(value=EVIL).exists()


@pytest.mark.parametrize("stays", ["marta", "visitor"])
def test_the_office_merges_a_visitor_who_claims_her_address_and_takes_it_back(
    site: Sender, server: Sender, marta: Contact, stays: str
) -> None:
    site.identify(anonymousId="evil", traits={"email": MARTA, "phone": EVIL})
    evil = known_by("anonymous_id", "evil")
    before = set(Identifier.objects.values_list("contact_id", "kind", "value", "identifying"))
    pair = (marta.pk, evil.pk) if stays == "marta" else (evil.pk, marta.pk)
    number = merging.merge(*pair, {}, actor="user:1", now=clock.now())
    (held,) = Identifier.objects.filter(kind="email", value=MARTA)
    assert (held.contact_id, held.identifying, held.address_id is not None) == (pair[0], True, True)
    assert not Identifier.objects.filter(value=EVIL).exists()
    sign_up(server)
    merging.undo(number, actor="user:1", now=clock.now())
    assert set(Identifier.objects.values_list("contact_id", "kind", "value", "identifying")) == before


def test_ada_sees_that_nobody_has_confirmed_what_a_page_said(site: Sender) -> None:
    site.identify(anonymousId="b", traits={"email": "new@example.com"})
    ada = User.objects.create_user("ada@example.com", "-", name="Ada")
    Membership.objects.create(user=ada, role="marketer")
    office = Client()
    office.force_login(ada)
    shown = office.get(reverse("crm:contact", args=[known_by("anonymous_id", "b").pk])).content.decode()
    assert "Unconfirmed claim" in shown
    assert ">Shared<" not in shown


def test_a_page_cannot_take_the_number_of_a_fact_of_the_server(site: Sender, server: Sender) -> None:
    site.track("Nothing", anonymousId="evil", messageId="order-1001")
    server.track("Order Shipped", userId="u", messageId="order-1001")
    assert Event.objects.filter(name="Order Shipped").count() == 1


# --- whatever a page says ----------------------------------------------------------------------

IDS = st.sampled_from([None, "marta-1", "dario-1", "evil-1", "userId:marta-1", "marta-browser", "evil", "new"])
TRAITS = st.fixed_dictionaries({}, optional={
    "email": st.sampled_from([MARTA, "dario@example.com", "evil@example.com", "x"]),
    "phone": st.sampled_from(["+34600111222", EVIL, "1"]),
    "firstName": st.sampled_from(["Evil", "", None]),
    "city": st.text(max_size=5), "vip": st.booleans(), "consents": st.just([{**YES, "channel": "sms"}]),
})  # fmt: skip
MESSAGES = st.lists(
    st.builds(
        lambda kind, user, browser, previous, said: {"type": kind, "event": "Seen", "userId": user,
            "anonymousId": browser, "previousId": previous, "traits": said, "context": {"traits": said},
            "groupId": "g"},
        st.sampled_from(["identify", "identify", "track", "page", "group", "alias"]), IDS, IDS, IDS, TRAITS,
    ),
    min_size=1, max_size=6,
)  # fmt: skip


@pytest.fixture
def dario(server: Sender) -> Contact:
    """Known by his number and his e-mail; once a page had said of him what he now is."""
    server.client.get("/")
    Sender(server.secret).identify(userId="dario-1", traits={"email": "dario@example.com", "firstName": "Dario"})
    return known_by("external_id", "dario-1")


@pytest.fixture
def undone() -> Callable[[Callable[[], None]], None]:
    """A place to come back to, for each example."""

    def run(story: Any) -> None:
        with transaction.atomic():
            story()
            transaction.set_rollback(True)

    return run


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(MESSAGES, min_size=1, max_size=3))
def test_nothing_that_is_believed_of_anybody_changes_whatever_a_page_says(
    site: Sender, marta: Contact, dario: Contact, undone: Any, batches: list[list[dict[str, Any]]]
) -> None:
    def story() -> None:
        before = [everything(each, BELIEVED) for each in (marta, dario)]
        for messages in batches:
            assert site.batch(*messages).status_code == 200
        assert [everything(each, BELIEVED) for each in (marta, dario)] == before
        assert not ContactMerge.objects.filter(winner_id__in=[marta.pk, dario.pk]).exists()

    undone(story)
