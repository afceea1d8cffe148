"""What Home says: figures, campaigns that run, the funnel, and what wants somebody's attention.

A fixed number of queries, whatever there is: what takes counting was counted by a round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import connection
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from analytics import kpis, metrics, rollup, running, tiles
from analytics.models import Kpi
from analytics.running import Line
from analytics.tiles import Figures, Tile
from crm import access, directory, display, errands, moments, statements, workspace
from crm.models import Contact, Store, User
from crm.rights import requests

DAYS: Final = (7, 30, 90)
CAMPAIGNS: Final = 6


@dataclass(frozen=True)
class Rung:
    """A stage: who is in it now, who has come at least so far, and the share of the rung before."""

    name: str
    words: Promise | str
    now: int | None
    reached: int | None
    rate: float | None
    widest: int


@dataclass(frozen=True)
class Need:
    """Something to act on, with the one thing to do."""

    icon: str
    tone: str
    title: str
    detail: str
    url: str
    action: Promise | str


@dataclass(frozen=True)
class Step:
    """A step of getting started; `url` empty: this person cannot take it."""

    words: Promise | str
    done: bool
    url: str
    minutes: int


@dataclass(frozen=True)
class Figured:
    """The part of Home that renews itself."""

    tiles: list[Tile]
    campaigns: list[Line]
    campaign_count: int
    rungs: list[Rung]
    needs: list[Need]
    as_of: datetime | None
    is_waiting: bool


def stores() -> list[Store]:
    return list(Store.objects.filter(active=True).order_by("name"))


def figured(user: User, now: datetime, *, days: int, store: int | None) -> Figured:
    today = moments.local_day(now, workspace.current().zone)
    shown = kpis.active()
    figures = tiles.read(tiles.oldest_day(shown, today, days), today, store)
    built = [tiles.build(kpi, figures, today, days, narrowed=store is not None) for kpi in shown]
    lines = running.shown(CAMPAIGNS, now)
    as_of = rollup.as_of()
    return Figured(
        built, lines, running.count(), rungs(figures, today), needs(user, now, built, lines), as_of, as_of is None
    )


def tile(kpi: Kpi, now: datetime, *, days: int, store: int | None) -> Tile:
    """One tile, after its target was changed."""
    today = moments.local_day(now, workspace.current().zone)
    figures = tiles.read(tiles.oldest_day([kpi], today, days), today, store)
    return tiles.build(kpi, figures, today, days, narrowed=store is not None)


def rungs(figures: Figures, today: date) -> list[Rung]:
    """Stages that are climbed, lowest first, then those of silence. Empty until somebody has counted."""
    climbed = metrics.climbed()
    names = [*climbed, *(name for name in metrics.ladder_names() if name not in climbed)]
    reached = {name: _level(figures, f"reached.{name}", today) for name in climbed}
    widest = max((value for value in reached.values() if value), default=0)
    found = []
    for place, name in enumerate(names):
        before = reached.get(names[place - 1]) if 0 < place < len(climbed) else None
        mine = reached.get(name)
        rate = mine / before if before and mine is not None else None
        found.append(
            Rung(name, metrics.stage_words(name), _level(figures, f"stage.{name}", today), mine, rate, widest or 1)
        )
    return found if widest else []


def _level(figures: Figures, name: str, today: date) -> int | None:
    """The newest reading of the last days."""
    known: dict[date, tuple[Decimal, Decimal]] = figures.days.get(name, {})
    recent = [day for day in known if today - timedelta(days=7) <= day <= today]
    return int(known[max(recent)][0]) if recent else None


# --- what needs somebody -------------------------------------------------------------------------


def needs(user: User, now: datetime, built: Sequence[Tile], lines: Sequence[Line]) -> list[Need]:
    """Only what can be acted on, the worst first."""
    return [*_limits(built), *_paused(), *_campaigns(lines), *_resting(), *_rights(user, now), *_overdue(user, now)]


def _limits(built: Sequence[Tile]) -> list[Need]:
    return [
        Need(
            "alert-triangle", "bad", _("%(name)s over the limit") % {"name": tile.name}, tile.line,
            reverse("analytics:metric", args=[tile.metric.name]), gettext_lazy("Open"),
        )
        for tile in built if tiles.over_limit(tile)
    ]  # fmt: skip


def _campaigns(lines: Sequence[Line]) -> list[Need]:
    found = []
    for line in lines:
        problems = line.standing.problems if line.standing else []
        unknown = line.standing.unknown if line.standing else 0
        if problems:
            found.append(
                Need("alert-triangle", "bad", _("%(name)s cannot go on as it is") % {"name": line.campaign.name},
                     problems[0], _url("campaigns:review", line.campaign.pk), gettext_lazy("Review"))
            )  # fmt: skip
        if unknown:
            text = ngettext(
                "The carrier never said whether %(count)s message was sent; it is not sent again.",
                "The carrier never said whether %(count)s messages were sent; they are not sent again.",
                unknown,
            ) % {"count": display.count(unknown)}
            found.append(
                Need("mail-question", "warn", line.campaign.name, text,
                     f"{_url('campaigns:people', line.campaign.pk)}?number=sent", gettext_lazy("See people"))
            )  # fmt: skip
    return found


def _resting() -> list[Need]:
    """Carriers that failed so often that nothing is handed to them for a while."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT name, resting_until FROM channels_account WHERE active AND resting_until > clock_timestamp()
               ORDER BY resting_until LIMIT 5"""
        )
        return [
            Need("plug-x", "warn", _("%(account)s does not answer") % {"account": name},
                 _("Its messages wait; it is tried again by itself."), _url("channels:accounts") or _url("status"),
                 gettext_lazy("Look"))
            for name, _until in cursor.fetchall()
        ]  # fmt: skip


def _paused() -> list[Need]:
    """Accounts whose mails were called spam too often; a person lets them go on."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT name, paused_for->>'complained', paused_for->>'sent' FROM channels_account
               WHERE active AND paused_at IS NOT NULL ORDER BY paused_at LIMIT 5"""
        )
        return [
            Need("mail-off", "bad", _("%(account)s is paused") % {"account": name},
                 _("%(complained)s of %(sent)s mails were called spam. Find out why, then let it go on.")
                 % {"complained": complained, "sent": sent},
                 _url("channels:accounts"), gettext_lazy("Look"))
            for name, complained, sent in cursor.fetchall()
        ]  # fmt: skip


def _rights(user: User, now: datetime) -> list[Need]:
    """People who wait for an answer about their data, and get one within a week."""
    rows = requests.due_soon(now)
    if not rows or not _may(user, "rights.write"):
        return []
    people = {each.pk: each for each in Contact.objects.filter(pk__in=[row.contact_id for row in rows])}
    known = directory.identifiers(list(people), full=False)
    return [
        Need(
            "shield-check", "bad" if row.due_at < now else "warn",
            _("%(name)s asks: %(what)s") % {
                "name": directory.name_of(people[row.contact_id], known.get(row.contact_id, {})),
                "what": statements.REQUESTS.get(row.kind, row.kind),
            },
            (_("Overdue since %(day)s") if row.due_at < now else _("Answer by %(day)s"))
            % {"day": date_format(timezone.localtime(row.due_at), "j N Y")},
            _url("crm:rights"), gettext_lazy("Answer"),
        )
        for row in rows if row.contact_id in people
    ]  # fmt: skip


def _may(user: User, permission: str) -> bool:
    return user.is_superuser or permission in access.of_roles(user.memberships.values_list("role", flat=True))


def _overdue(user: User, now: datetime) -> list[Need]:
    count = errands.overdue(user, now)
    if not count:
        return []
    title = ngettext("%(count)s task is overdue", "%(count)s tasks are overdue", count) % {
        "count": display.count(count)
    }
    return [Need("checklist", "warn", title, "", "#tasks", gettext_lazy("See tasks"))]


def _url(route: str, *args: Any) -> str:
    try:
        return reverse(route, args=args)
    except NoReverseMatch:
        return reverse("home")


# --- getting started -----------------------------------------------------------------------------

BEGUN: Final = """SELECT
  EXISTS (SELECT FROM crm_workspace WHERE postal_address <> ''),
  EXISTS (SELECT FROM crm_contact WHERE merged_into_id IS NULL),
  EXISTS (SELECT FROM crm_wording),
  EXISTS (SELECT FROM channels_account WHERE active AND carrier <> 'sandbox'),
  EXISTS (SELECT FROM campaigns_campaign WHERE published_at IS NOT NULL),
  (SELECT count(*) > 1 FROM (SELECT FROM crm_user WHERE is_active LIMIT 2) AS u)
    OR EXISTS (SELECT FROM crm_invitation),
  EXISTS (SELECT FROM crm_demoitem WHERE kind <> 'loading')"""
STEPS: Final = (
    (gettext_lazy("Write down your postal address"), "crm:workspace", "workspace.write", 2),
    (gettext_lazy("Bring in contacts"), "crm:contacts", "contacts.write", 10),
    (gettext_lazy("Set the words you ask for consent with"), "crm:wordings", "workspace.write", 5),
    (gettext_lazy("Connect a carrier that sends"), "channels:accounts", "accounts.write", 10),
    (gettext_lazy("Publish a first campaign"), "campaigns:new", "campaigns.write", 8),
    (gettext_lazy("Invite a colleague"), "crm:team", "users.write", 1),
)


def getting_started(permissions: frozenset[str]) -> tuple[list[Step], bool]:
    """The six steps, and whether there is demo data to remove. One query."""
    with connection.cursor() as cursor:
        cursor.execute(BEGUN)
        *done, has_demo = cursor.fetchone()
    return [
        Step(words, is_done, _url(route) if permission in permissions else "", minutes)
        for (words, route, permission, minutes), is_done in zip(STEPS, done, strict=True)
    ], has_demo
