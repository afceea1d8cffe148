"""Home, KPIs, figures with their lists, tasks and notes, as pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from analytics import rollup, running
from analytics.models import Kpi
from channels.models import Account
from crm import clock, errands, orders, workspace
from crm.models import AuditEntry, Contact, Membership, Note, Store, Task, User
from crm.orders import NewOrder
from tests.campaigns import cast

pytestmark = pytest.mark.django_db
FRAGMENT = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    workspace.forget()
    cast.forget()
    cast.at_noon()
    yield
    workspace.forget()


@pytest.fixture
def ada(client: Client) -> User:
    return _enters(client, "marketer")


def _enters(client: Client, role: str) -> User:
    user = User.objects.create_user(f"{role}@example.com", "-", name=role.title())
    store = Store.objects.get_or_create(code="centro", defaults={"name": "Centro"})[0] if "store" in role else None
    Membership.objects.create(user=user, role=role, store=store)
    client.force_login(user)
    return user


def buy(contact: Contact, order_id: str, amount: str = "40.00", *, days: int = 0, store: Store | None = None) -> None:
    at = clock.now() - timedelta(days=days)
    order = NewOrder(contact.pk, order_id, at, Decimal(amount), "EUR", store_id=store.pk if store else None)
    orders.record([order], now=clock.now())
    cast.react()


def count() -> None:
    rollup.bring_up(clock.now())
    running.refresh(clock.now())


def text(html: bytes) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.decode()))


# --- home ----------------------------------------------------------------------------------------


def test_an_empty_home_says_what_to_do(client: Client, ada: User) -> None:
    said = text(client.get("/").content)
    assert "Wednesday 10 June" in said
    assert "compared with the 30 days before" in said
    assert "Nothing needs you." in said
    assert "No campaign runs." in said
    assert "0 of 6" in said
    assert "Nothing is counted yet" in said


def test_home_shows_figures_against_their_targets(client: Client, ada: User) -> None:
    Kpi.objects.filter(metric="sales").update(target=100)
    Kpi.objects.filter(metric="repeat_rate").update(target="0.5")
    elena = cast.people(1)[0]
    buy(elena, "one")
    buy(elena, "two", days=2)
    buy(elena, "before", "20.00", days=40)
    count()
    said = text(client.get("/").content)
    assert "€80.00" in said
    assert "80 % of €100.00 this month" in said
    assert "+300 %" in said
    assert "Target 50.0 %, reached this month" in said
    assert "Reached at least" in said


def test_a_limit_that_is_exceeded_needs_somebody(client: Client, ada: User) -> None:
    Kpi.objects.filter(metric="opt_outs").update(target="0.1")
    elena = cast.person()
    campaign = cast.publish(cast.mail())
    cast.enter(campaign, elena)
    cast.work()
    from channels.models import Message

    for state in ("claimed", "handing_off", "accepted"):
        Message.objects.update(state=state)
    cast.settle(Message.objects.get().pk)
    cast.allow([elena], "email", "withdrawn")
    cast.react()
    count()
    said = text(client.get("/").content)
    assert "Opt-outs over the limit" in said
    assert "100.0 % this month: over the limit of 10.0 %" in said


def test_a_store_filters_what_has_stores(client: Client, ada: User) -> None:
    store = Store.objects.create(code="centro", name="Centro")
    elena = cast.people(1)[0]
    buy(elena, "web")
    buy(elena, "till", "7.00", store=store)
    count()
    said = text(client.get("/?store=centro&days=7").content)
    assert "€7.00" in said
    assert "€47.00" not in said
    assert "compared with the 7 days before" in said
    assert "all stores" in said


def test_campaigns_carriers_and_tasks_can_need_somebody(client: Client, ada: User) -> None:
    segment = cast.segment()
    from crm import publicids

    entry = [{"type": "segment", "segment": publicids.encode("seg", segment.pk)}]
    cast.publish(cast.mail(), entry=entry, name="Spring")
    segment.archived_at = clock.now()
    segment.save()
    Account.objects.create(
        channel="sms", carrier="sandbox", name="Twilight", resting_until=clock.real() + timedelta(hours=1)
    )
    errands.add("Call back", clock.now() - timedelta(hours=1), assignee=ada, made_by=ada, actor="user:1")
    count()
    said = text(client.get("/").content)
    assert "Spring cannot go on as it is" in said
    assert "Twilight does not answer" in said
    assert "1 task is overdue" in said


def test_home_renews_its_figures_alone(client: Client, ada: User) -> None:
    html = client.get("/", headers=FRAGMENT).content.decode()
    assert "<html" not in html
    assert 'hx-swap-oob="outerHTML"' in html
    assert "Get started" not in html
    whole = client.get("/").content.decode()
    assert 'hx-trigger="every 60s"' in whole
    assert 'aria-live="off"' in whole


def test_home_costs_the_same_whatever_there_is(client: Client, ada: User) -> None:
    def queries() -> int:
        count()
        client.get("/")
        with CaptureQueriesContext(connection) as asked:
            assert client.get("/").status_code == 200
        return len(asked)

    def more(number: int) -> None:
        for each in range(number):
            person = cast.person()
            campaign = cast.publish(cast.wait(), name=f"C {each}", holdout_pct=50, **cast.BOUGHT_IS_THE_END)
            cast.enter(campaign, person)
            buy(person, f"{number}-{each}")
            errands.add("x", clock.now(), assignee=ada, made_by=ada, actor="user:1", contact_id=person.pk)

    more(1)
    few = queries()
    more(6)
    assert queries() == few


def test_who_does_not_work_in_the_office_is_told_where_to_go(client: Client) -> None:
    _enters(client, "store_staff")
    answer = client.get("/")
    assert answer.status_code == 403
    assert "Find a customer" in text(answer.content)
    assert client.get("/settings/kpis/").status_code == 403


def test_the_first_steps_are_hidden_and_shown_again(client: Client, ada: User) -> None:
    client.post("/home/started/")
    assert "Bring in contacts" not in text(client.get("/").content)
    client.post("/home/started/", {"show": "1"})
    assert "Bring in contacts" in text(client.get("/").content)


# --- targets and KPIs ----------------------------------------------------------------------------


def test_a_target_is_set_in_its_tile(client: Client, ada: User) -> None:
    kpi = Kpi.objects.get(metric="repeat_rate")
    url = reverse("analytics:target", args=[kpi.pk])
    assert "(%)" in text(client.get(url, headers=FRAGMENT).content)
    refused = client.post(url, {"target": "nonsense"}, headers=FRAGMENT)
    assert refused.status_code == 422
    assert refused.headers["HX-Retarget"] == f"#tile-{kpi.pk} .home-tile-foot"
    tile = client.post(url, {"target": "32"}, headers=FRAGMENT)
    assert f'id="tile-{kpi.pk}"' in tile.content.decode()
    kpi.refresh_from_db()
    assert kpi.target == Decimal("0.32")
    assert AuditEntry.objects.filter(action="kpi.update").count() == 1


def test_a_kpi_is_made_changed_put_away_and_brought_back(client: Client, ada: User) -> None:
    made = {"metric": "sales", "name": "Sales of the year", "target": "40000", "period": "year", "owner": ada.pk}
    assert client.post("/settings/kpis/new/", made).status_code == 302
    kpi = Kpi.objects.get(name="Sales of the year")
    assert "€40,000" in text(client.get("/settings/kpis/").content)
    assert client.post(f"/settings/kpis/{kpi.pk}/", {**made, "period": "fortnight"}).status_code == 422
    client.post(f"/settings/kpis/{kpi.pk}/", {**made, "period": "quarter"})
    client.post(f"/settings/kpis/{kpi.pk}/archive/")
    kpi.refresh_from_db()
    assert (kpi.period, kpi.archived_at is not None) == ("quarter", True)
    page = client.get("/settings/kpis/")
    assert f'action="/settings/kpis/{kpi.pk}/restore/"' in page.content.decode(), "the toast has an Undo"
    client.post(f"/settings/kpis/{kpi.pk}/restore/")
    kpi.refresh_from_db()
    assert kpi.archived_at is None


def test_kpis_change_places(client: Client, ada: User) -> None:
    first, second = Kpi.objects.order_by("place")[:2]
    client.post(f"/settings/kpis/{second.pk}/move/")
    assert list(Kpi.objects.order_by("place")[:2]) == [second, first]
    client.post(f"/settings/kpis/{second.pk}/move/", {"down": "1"})
    assert list(Kpi.objects.order_by("place")[:2]) == [first, second]


def test_an_analyst_sees_targets_and_changes_none(client: Client) -> None:
    _enters(client, "analyst")
    kpi = Kpi.objects.first()
    assert kpi
    assert "Add a KPI" not in text(client.get("/settings/kpis/").content)
    assert "Change the target" not in client.get("/").content.decode()
    assert client.post(reverse("analytics:target", args=[kpi.pk]), {"target": "3"}).status_code == 403


# --- the list behind a figure --------------------------------------------------------------------


def test_a_figure_leads_to_its_list_and_the_file_has_the_same_rows(client: Client, ada: User) -> None:
    for number, contact in enumerate(cast.people(3, name="Elena")):
        buy(contact, f"o-{number}")
    count()
    assert 'href="/analytics/metrics/sales/?period=30"' in client.get("/").content.decode()
    said = text(client.get("/analytics/metrics/sales/?period=30").content)
    assert "€120.00" in said
    assert said.count("Elena") == 3
    assert "less refunds" in said
    answer = client.get("/analytics/metrics/sales/?period=30&format=csv")
    lines = b"".join(answer.streaming_content).decode().strip().splitlines()  # type: ignore[attr-defined]
    assert len(lines) == 4
    assert sum(Decimal(line.rsplit(",", 1)[1]) for line in lines[1:]) == Decimal("120.00")


def test_a_list_costs_the_same_however_long_it_is(client: Client, ada: User) -> None:
    def queries(name: str) -> int:
        client.get(f"/analytics/metrics/{name}/")
        with CaptureQueriesContext(connection) as asked:
            assert client.get(f"/analytics/metrics/{name}/").status_code == 200
        return len(asked)

    names = [*rollup.metrics.SHIPPED, "stage.lead", "reached.lead"]
    cast.person()
    few = [queries(name) for name in names]
    for number, contact in enumerate(cast.people(8)):
        buy(contact, f"o-{number}")
    count()
    assert [queries(name) for name in names] == few


def test_nonsense_in_the_address_of_a_list_is_no_error(client: Client, ada: User) -> None:
    assert client.get("/analytics/metrics/nonsense/").status_code == 404
    for query in ("day=1-2", "day=9999-12-31", "period=x", "part=below", "store=nowhere", "cursor=n~~~"):
        assert client.get(f"/analytics/metrics/sales/?{query}").status_code == 200


# --- tasks and notes -----------------------------------------------------------------------------


def test_a_task_is_added_ticked_off_and_taken_up_again(client: Client, ada: User) -> None:
    assert client.post("/tasks/add/", {"title": ""}, headers=FRAGMENT).status_code == 422
    card = client.post(
        "/tasks/add/", {"title": "Call the printer", "day": "2026-06-12", "assignee": ada.pk}, headers=FRAGMENT
    )
    assert "Call the printer" in text(card.content)
    task = Task.objects.get()
    ticked = client.post(f"/tasks/{task.pk}/done/", headers=FRAGMENT)
    assert f"/tasks/{task.pk}/open/" in ticked.content.decode(), "with Undo"
    assert "No tasks are open." in text(ticked.content)
    client.post(f"/tasks/{task.pk}/open/")
    assert "Call the printer" in text(client.get("/tasks/").content)
    assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True)) == [
        "task.create", "task.done", "task.open",
    ]  # fmt: skip


def test_a_note_about_a_contact_is_kept_edited_removed_and_brought_back(client: Client, ada: User) -> None:
    elena = cast.person("Elena")
    url = reverse("crm:contact-notes", args=[elena.pk])
    assert client.post(f"{url}add/", {"text": " "}, headers=FRAGMENT).status_code == 422
    fragment = client.post(f"{url}add/", {"text": "Likes <b>red</b> shoes"}, headers=FRAGMENT).content.decode()
    assert "Likes &lt;b&gt;red" in fragment
    note = Note.objects.get()
    client.post(f"/notes/{note.pk}/edit/", {"text": "Likes blue shoes"}, headers=FRAGMENT)
    assert "edited" in text(client.get(url, headers=FRAGMENT).content)
    client.post(f"/notes/{note.pk}/remove/", headers=FRAGMENT)
    assert "No notes yet." in text(client.get(url, headers=FRAGMENT).content)
    client.post(f"/notes/{note.pk}/restore/", headers=FRAGMENT)
    assert "Likes blue shoes" in text(client.get(url, headers=FRAGMENT).content)
    assert "shoes" not in str(list(AuditEntry.objects.values_list("before", "after")))


def test_somebody_elses_note_is_not_edited(client: Client, ada: User) -> None:
    elena, bruno = cast.person("Elena"), User.objects.create_user("bruno@example.com", "-")
    note = Note.objects.create(contact=elena, text="Mine", author=bruno, at=clock.now())
    assert client.post(f"/notes/{note.pk}/edit/", {"text": "Yours"}).status_code == 404


def test_a_task_about_a_contact_stands_on_their_page_and_goes_with_them(client: Client, ada: User) -> None:
    from crm import identity

    elena, twin = cast.people(2, addresses=False)
    answer = client.post(
        "/tasks/add/",
        {"title": "Send a card", "day": "2026-06-12", "assignee": ada.pk, "contact": elena.pk},
        headers=FRAGMENT,
    )
    assert answer.headers["HX-Trigger"] == "notes-changed"
    identity.merge(twin.pk, elena.pk, now=clock.now())
    assert "Send a card" in text(client.get(reverse("crm:contact-notes", args=[twin.pk]), headers=FRAGMENT).content)


def test_notes_cost_the_same_however_many_there_are(client: Client, ada: User) -> None:
    elena = cast.person("Elena")
    url = reverse("crm:contact-notes", args=[elena.pk])

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            client.get(url, headers=FRAGMENT)
        return len(asked)

    def more() -> None:
        Note.objects.create(contact=elena, text="x", author=ada, at=clock.now())
        errands.add("x", clock.now(), assignee=ada, made_by=ada, actor="user:1", contact_id=elena.pk)

    more()
    queries()
    few = queries()
    for _ in range(9):
        more()
    assert queries() == few
