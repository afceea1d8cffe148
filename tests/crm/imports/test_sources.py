"""Several sources speak of Elena, and one of them is believed first: whoever comes last changes nothing about it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from crm import capture, clock, publicids, sources, workspace
from crm.imports import steering
from crm.models import Contact, User, Workspace
from crm.sources import Ranking
from tests.crm.imports.conftest import Bring, settle

pytestmark = pytest.mark.django_db

ORDER = ("staff", "person", "till", "shop", "form", "import")
COLUMNS = {"email": "email", "given_name": "name", "city": "city", "fields.size": "size"}


@pytest.fixture(autouse=True)
def _forget() -> Any:
    workspace.forget()
    yield
    workspace.forget()


def rank(*order: str, **fields: tuple[str, ...]) -> None:
    told = {
        "order": list(order or ORDER),
        "fields": {name.replace("__", "."): list(own) for name, own in fields.items()},
    }
    workspace.change({"sources": told}, "user:1")
    workspace.forget()


def come(actor: str, city: str, source: str = "", **more: Any) -> None:
    draft = {"city": city, **more}
    (answer,) = capture.receive(
        [capture.Arrival({"email": "elena@example.com"}, draft, actor=actor, source=source)], now=clock.now()
    )
    assert not answer.problems


def city() -> str:
    return Contact.objects.get().city


def test_without_a_ranking_the_last_one_is_believed_and_nothing_more_is_asked() -> None:
    come("user:1", "Madrid")
    with CaptureQueriesContext(connection) as asked:
        come("key:1", "Sevilla")
    assert city() == "Sevilla"
    assert not [each for each in asked if "field_sources" in each["sql"]]
    assert Contact.objects.get().field_sources == {}


def test_what_ada_wrote_by_hand_stands_against_the_shop_and_its_files() -> None:
    rank()
    come("key:1", "Lugo")
    come("user:1", "Madrid")
    come("key:1", "Sevilla", given_name="Elena")
    elena = Contact.objects.get()
    assert (elena.city, elena.given_name) == ("Madrid", "Elena")
    assert elena.field_sources == {"city": "staff", "given_name": "shop"}


def test_a_field_may_have_an_order_of_its_own() -> None:
    rank(city=("till", "staff"), fields__size=("shop", "staff"))
    come("user:1", "Madrid", fields={"size": 38})
    come("key:1", "Vigo", "till", fields={"size": 40})
    assert city() == "Vigo"
    assert Contact.objects.get().fields == {"size": 38}
    come("key:1", "Lugo", fields={"size": 41})
    assert city() == "Vigo"
    assert Contact.objects.get().fields == {"size": 41}


def test_whoever_confirms_a_value_has_said_it() -> None:
    rank()
    come("key:1", "Madrid")
    come("user:1", "Madrid")
    come("key:1", "Sevilla")
    assert city() == "Madrid"


def test_an_empty_field_is_filled_by_anybody() -> None:
    rank()
    come("user:1", "Madrid")
    come("user:1", "")
    come("key:1", "Sevilla")
    assert city() == "Sevilla"


def test_what_was_known_before_the_ranking_belongs_to_where_the_contact_came_from() -> None:
    come("user:1", "Madrid", "office")
    rank()
    come("key:1", "Sevilla")
    assert city() == "Madrid"


def test_a_file_leaves_what_a_stronger_source_said_and_says_so(bring: Bring) -> None:
    rank()
    come("user:1", "Madrid", given_name="Elena")
    text = "email,name,city,size\nelena@example.com,Helena,Lugo,\ndario@example.com,Dario,Lugo,40\n"
    checked = bring(text, columns=COLUMNS, policy="overwrite", until="checked")
    assert checked.check_found["verdicts"]["kept"] == 1
    (row,) = checked.check_found["examples"]["kept"]
    assert (row["line"], row["code"], row["fields"]) == (2, "outranked", ["city", "given_name"])
    job = bring(text, columns=COLUMNS, policy="overwrite")
    assert (job.created, job.updated, job.unchanged, job.outranked) == (1, 0, 1, 1)
    elena = Contact.objects.get(identifiers__value="elena@example.com")
    assert (elena.given_name, elena.sort_name, elena.city) == ("Elena", "elena", "Madrid")
    dario = Contact.objects.get(identifiers__value="dario@example.com")
    assert dario.field_sources == {"given_name": "import", "city": "import", "fields.size": "import"}


def test_a_file_of_the_till_counts_as_the_till(bring: Bring) -> None:
    rank("till", "staff")
    come("user:1", "Madrid", given_name="Elena", fields={"size": "36"})
    job = bring(
        "email,name,city,size\nelena@example.com,,Lugo,40\n", columns=COLUMNS, policy="overwrite", source="till"
    )
    elena = Contact.objects.get()
    assert (job.updated, job.outranked) == (1, 0)
    assert (elena.given_name, elena.city, elena.fields) == ("Elena", "Lugo", {"size": "40"})
    assert elena.field_sources == {"given_name": "staff", "city": "till", "fields.size": "till"}


ROWS = st.tuples(st.sampled_from(["", "Madrid", "Lugo"]), st.sampled_from(["", "Elena", "Helena"]),
                 st.sampled_from(["", "38", "40"]))  # fmt: skip


@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example((("", "", ""), ("Madrid", "", ""), ("", "", "")), list(ORDER), ["import", *ORDER[:-1]])
@example((("Lugo", "Elena", "38"), ("Madrid", "Helena", "40"), ("Lugo", "Elena", "")), list(ORDER), list(ORDER)[::-1])
@given(st.tuples(ROWS, ROWS, ROWS), st.permutations(ORDER), st.permutations(ORDER))
def test_in_which_order_the_files_come_in_makes_no_difference(
    bring: Bring,
    rows: Any,
    order: list[str],
    own: list[str],
) -> None:
    rank(*order, city=tuple(own))
    files = list(zip(("till", "shop", "import"), rows, strict=True))
    found = []
    for turn in itertools.permutations(files):
        Contact.objects.all().delete()
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM crm_identifier")
        for source, (town, name, size) in turn:
            text = f"email,name,city,size\nelena@example.com,{name},{town},{size}\n"
            bring(text, columns=COLUMNS, policy="overwrite", source=source)
        elena = Contact.objects.get()
        found.append((elena.given_name, elena.sort_name, elena.city, elena.fields, elena.field_sources))
    assert all(each == found[0] for each in found), found


@given(st.permutations(ORDER), st.sampled_from(ORDER), st.sampled_from(ORDER))
def test_one_of_two_sources_stands_and_never_both(order: list[str], one: str, other: str) -> None:
    ranked_ = Ranking(tuple(order))
    assert ranked_.stands("city", one, other) + ranked_.stands("city", other, one) == (one != other)


def test_every_field_that_is_ranked_is_one_of_the_importer() -> None:
    from crm.imports import staging

    assert set(sources.COLUMNS) == {name for name in staging.COLUMNS if not name.startswith(("zone", "sort"))}
    assert sources.kept(sources.ranking(Workspace().sources)) == {}


def test_ada_puts_the_sources_in_order_with_the_keyboard_alone(client: Client, ada: User) -> None:
    client.force_login(ada)
    assert "whoever comes last is believed" in client.get("/settings/sources/").content.decode()

    def press(**said: str) -> int:
        workspace.forget()
        return client.post("/settings/sources/", said).status_code

    assert press(do="begin") == 302
    assert press(do="up", kind="import") == 302
    assert press(do="add", field="city") == 302
    assert press(do="down", kind="staff", field="city") == 302
    found = Workspace.objects.get(only=True).sources
    assert found["order"] == ["staff", "person", "till", "shop", "import", "form"]
    assert found["fields"] == {"city": ["person", "staff", "till", "shop", "import", "form"]}
    page = client.get("/settings/sources/").content.decode()
    assert 'aria-label="Forms further up in All fields"' in page
    assert press(do="up", kind="cats") == press(do="down", kind="till", field="cats") == press(do="x") == 422
    assert press(do="drop", field="city") == 302
    assert Workspace.objects.get(only=True).sources["fields"] == {}
    assert press(do="end") == 302
    assert Workspace.objects.get(only=True).sources == {}


def test_the_wizard_asks_where_the_file_comes_from_once_there_is_an_order(
    client: Client,
    ada: User,
    bring: Bring,
) -> None:
    client.force_login(ada)
    job = bring("email,city\nelena@example.com,Lugo\n", until="draft")
    url = f"/contacts/import/{publicids.encode('imp', job.pk)}/columns/"
    assert "Where does the file come from?" not in client.get(url).content.decode()
    rank()
    assert "Where does the file come from?" in client.get(url).content.decode()
    client.post(url, {"head": ["email", "city"], "target": ["email", "city"], "source": "till", "policy": "overwrite"})
    job.refresh_from_db()
    assert job.reading["source"] == "till"


def test_the_check_shows_what_is_left_as_it_is_and_why(client: Client, ada: User, bring: Bring) -> None:
    rank()
    come("user:1", "Madrid")
    job = bring("email,city\nelena@example.com,Lugo\n", policy="overwrite", until="checked")
    client.force_login(ada)
    page = client.get(f"/contacts/import/{publicids.encode('imp', job.pk)}/").content.decode()
    assert "A source that counts more says something else. (City)" in page


def test_what_is_taken_back_is_nobodys_word_any_more(bring: Bring) -> None:
    rank()
    come("", "Madrid", "demo")
    job = bring("email,city\nelena@example.com,Lugo\n", policy="overwrite", source="till")
    assert (city(), Contact.objects.get().field_sources) == ("Lugo", {"city": "till"})
    steering.undo(job, actor="user:1")
    settle()
    assert (city(), Contact.objects.get().field_sources) == ("Madrid", {})
