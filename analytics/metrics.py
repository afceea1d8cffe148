"""The figures of the house: one definition each, for the tile, the list behind it and the CSV alike.

A metric is rows. Each row has its part of the figure (`num`, and `den` where the figure is a share), the
contact behind it, and where it belongs (`at`, `store_id`, `ref`). A figure is the sum of the rows of its
days; for a level it is the sum of the rows as they stand at the end of a day. Nothing else is counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from analytics import stages
from channels import kinds
from crm import clock, moments, standings, words
from crm.segments.sql import Sql, join, some

YEAR: Final = 365
COLUMNS: Final = "id, at, store_id, contact_id, ref, num, den"


@dataclass(frozen=True)
class Span:
    """Whole local days, `first` to `last`, in the workspace's zone and currency."""

    first: date
    last: date
    zone: str
    currency: str

    @property
    def since(self) -> datetime:
        return start(self.first, self.zone)

    @property
    def until(self) -> datetime:
        return start(self.last + timedelta(days=1), self.zone)


Rows = Callable[[Span], Sql]


@dataclass(frozen=True)
class Metric:
    """`kind`: a flow is added up over days, a share too (above and below the line), a level is as of a day.

    `good`: whether a target is to be reached ("up") or a limit to be kept ("down").
    """

    name: str
    words: Promise | str
    means: Promise | str
    unit: Literal["money", "count", "share"]
    kind: Literal["flow", "level"]
    rows: Rows
    good: Literal["up", "down"] = "up"
    icon: str = "chart-bar"
    by_store: bool = False
    # What the rows above and below the line are called in a list.
    above: Promise | str = ""
    below: Promise | str = ""
    # The same rows for a page of them, where that is quicker than all of them with an end.
    paged: Rows | None = None

    @property
    def is_share(self) -> bool:
        return self.unit == "share"


def start(day: date, zone: str) -> datetime:
    """The instant at which a local day begins."""
    return moments.at_local(day, moments.MIDNIGHT, zone)


def get(name: str) -> Metric | None:
    """A metric by its name: one of those shipped, or a stage of the funnel."""
    return SHIPPED.get(name) or _stage(name)


# --- money ---------------------------------------------------------------------------------------

KEPT: Final = "o.state NOT IN ('cancelled', 'refunded')"


def _sales(span: Span) -> Sql:
    return join(
        f"""SELECT o.id, o.occurred_at AS at, o.store_id, o.contact_id, o.order_id::text AS ref,
              o.total - o.refunded AS num, 1::numeric AS den
            FROM crm_order o WHERE o.occurred_at >= {{}} AND o.occurred_at < {{}} AND o.currency = {{}} AND {KEPT}""",  # noqa: S608 - our own words
        span.since,
        span.until,
        span.currency,
    )


def _campaign_revenue(span: Span) -> Sql:
    """An order that was the goal of two campaigns is one order."""
    return join(
        f"""SELECT DISTINCT ON (o.id) o.id, c.at, o.store_id, o.contact_id, o.order_id::text AS ref,
              o.total - o.refunded AS num, 1::numeric AS den
            FROM campaigns_campaign k
            JOIN campaigns_conversion c ON c.campaign_id = k.id AND c.at >= {{}} AND c.at < {{}} AND NOT c.held_out
            JOIN crm_event e ON e.id = c.event AND e.occurred_at = c.at AND e.occurred_at >= {{}}
                 AND e.occurred_at < {{}} AND e.name = 'Order Completed'
            JOIN crm_order o ON o.order_id = e.properties->>'order_id'
            WHERE o.currency = {{}} AND {KEPT} ORDER BY o.id, c.at, c.id""",  # noqa: S608 - our own words
        span.since,
        span.until,
        span.since,
        span.until,
        span.currency,
    )


# --- people --------------------------------------------------------------------------------------


def _cards(span: Span) -> Sql:
    """Imports tell no `Card Linked`, and history that was brought in later enrols nobody now."""
    return join(
        """SELECT e.id, e.occurred_at AS at, NULL::bigint AS store_id, e.contact_id, e.properties->>'card' AS ref,
              1::numeric AS num, 0::numeric AS den
           FROM crm_event e WHERE e.name = 'Card Linked' AND e.occurred_at >= {} AND e.occurred_at < {}
             AND NOT e.historic""",
        span.since,
        span.until,
    )


def _opt_outs(span: Span) -> Sql:
    """Above the line people, once a day; below it messages."""
    return join(
        """SELECT * FROM (
             SELECT DISTINCT ON (e.contact_id, (e.occurred_at AT TIME ZONE {})::date)
               e.id, e.occurred_at AS at, NULL::bigint AS store_id, e.contact_id,
               (e.properties->>'purpose') || ' · ' || (e.properties->>'channel') AS ref,
               1::numeric AS num, 0::numeric AS den
             FROM crm_event e WHERE e.name = 'Consent Changed' AND e.occurred_at >= {} AND e.occurred_at < {}
               AND e.properties->>'action' IN ('withdrawn', 'objected') AND e.properties->>'purpose' = ANY({})
               AND NOT e.historic
             ORDER BY e.contact_id, (e.occurred_at AT TIME ZONE {})::date, e.id) AS gone
           UNION ALL
           SELECT e.id, e.occurred_at, NULL::bigint, e.contact_id, m.channel::text, 0::numeric, 1::numeric
           FROM crm_event e JOIN channels_message m ON m.id = cauce_number(e.properties->'message_id')::bigint
           WHERE e.name = 'Message Sent' AND e.occurred_at >= {} AND e.occurred_at < {}
             AND m.message_class = 'marketing' AND m.state IN ('accepted', 'delivered', 'complained')""",
        span.zone,
        span.since,
        span.until,
        list(words.MARKETING),
        span.zone,
        span.since,
        span.until,
    )


def _repeat_rate(span: Span) -> Sql:
    """As of the end of the last day."""
    return join(
        f"""SELECT o.contact_id AS id, NULL::timestamptz AS at, NULL::bigint AS store_id, o.contact_id,
              count(*)::text AS ref, CASE WHEN count(*) > 1 THEN 1::numeric ELSE 0 END AS num, 1::numeric AS den
            FROM crm_order o WHERE o.occurred_at >= {{}} AND o.occurred_at < {{}} AND {KEPT} GROUP BY o.contact_id""",  # noqa: S608 - our own words
        start(span.last - timedelta(days=YEAR - 1), span.zone),
        span.until,
    )


def _reachable(span: Span) -> Sql:
    """As it stands when it is asked: nobody can say any more whom one might have written to last year."""
    at = min(span.until, clock.now())
    parts = [_reached_by(channel, medium, at) for channel, medium in sorted(words.MEDIUM.items()) if _is_kind(channel)]
    both = Sql(" UNION ALL ".join(part.text for part in parts), tuple(each for part in parts for each in part.params))
    return join(
        """SELECT w.contact_id AS id, NULL::timestamptz AS at, NULL::bigint AS store_id, w.contact_id,
             string_agg(DISTINCT w.channel, ', ') AS ref, 1::numeric AS num, 0::numeric AS den
           FROM ({}) AS w GROUP BY w.contact_id""",
        both,
    )


def _reachable_paged(span: Span) -> Sql:
    """The same, asked of one contact after the other: a page of people need not wait for all of them."""
    at = min(span.until, clock.now())
    asked = [
        (channel, Sql(*_params(standings.allowed_sql("offers", channel, "marketing", at, "c.id"))))
        for channel in sorted(words.MEDIUM)
        if _is_kind(channel)
    ]
    by = [join("CASE WHEN {} THEN {} END", allowed, channel) for channel, allowed in asked]
    refs = Sql(", ".join(each.text for each in by), tuple(value for each in by for value in each.params))
    return join(
        """SELECT c.id, NULL::timestamptz AS at, NULL::bigint AS store_id, c.id AS contact_id,
             concat_ws(', ', {}) AS ref, 1::numeric AS num, 0::numeric AS den
           FROM crm_contact c WHERE {}""",
        refs,
        some(allowed for _, allowed in asked),
    )


def _params(made: tuple[str, list[Any]]) -> tuple[str, tuple[Any, ...]]:
    return made[0], tuple(made[1])


def _reached_by(channel: str, medium: str, at: datetime) -> Sql:
    """The rule of `crm.consent`, read from the states: whoever may get offers has one."""
    text, params = standings.condition("offers", channel, "marketing", at, addressed=True)
    return Sql(
        f"""SELECT c_.id AS contact_id, %s AS channel FROM crm_consentstate s_
            JOIN crm_contact c_ ON c_.id = s_.contact_id
            JOIN crm_address a_ ON a_.id = s_.address_id AND a_.medium = %s
            JOIN crm_identifier i_ ON i_.address_id = a_.id AND i_.contact_id = c_.id
            WHERE s_.purpose = 'offers' AND s_.channel = %s AND {text}""",  # noqa: S608 - our own words
        (channel, medium, channel, *params),
    )


def _is_kind(channel: str) -> bool:
    """Whether this installation can write on a channel at all."""
    return kinds.get(channel) is not None


# --- stages of the funnel ------------------------------------------------------------------------

LIVING: Final = "c.merged_into_id IS NULL AND c.archived_at IS NULL"
IDENTIFIED: Final = stages.IDENTIFIED.format("c.id")


def standing() -> Sql:
    """Every living contact with the stage they are in: (id, stage). Who is not profiled is in none."""
    ladder = stages.ladder()
    return join(
        f"""SELECT c.id, CASE WHEN coalesce(s.stage, {{}}) = {{}} AND {IDENTIFIED} THEN {{}}
                 ELSE coalesce(s.stage, {{}}) END AS stage
            FROM crm_contact c LEFT JOIN analytics_contactstage s ON s.contact_id = c.id
            WHERE {LIVING} AND s.stage IS DISTINCT FROM '{stages.NONE}'""",  # noqa: S608 - our own words
        ladder.start,
        ladder.start,
        ladder.known,
        ladder.start,
    )


def climbed() -> list[str]:
    """The stages that are climbed, lowest first; those that silence leads to are none of them."""
    ladder = stages.ladder()
    return [name for name in ladder.names if name not in ladder.quiets]


def ladder_names() -> tuple[str, ...]:
    return stages.ladder().names


def _in_stage(name: str) -> Rows:
    def rows(span: Span) -> Sql:
        return join(f"SELECT {PERSON} FROM ({{}}) AS p WHERE p.stage = {{}}", standing(), name)  # noqa: S608

    return rows


def _at_least(name: str) -> Rows:
    def rows(span: Span) -> Sql:
        above = climbed()[climbed().index(name) :]
        return join(
            f"""SELECT {PERSON} FROM ({{}}) AS p WHERE p.stage = ANY({{}}) OR EXISTS (
                  SELECT FROM analytics_stagechange g WHERE g.contact_id = p.id AND g.after = ANY({{}}))
                  OR {{}}""",  # noqa: S608 - our own words
            standing(),
            above,
            above,
            name == climbed()[0],
        )

    return rows


PERSON: Final = """p.id, NULL::timestamptz AS at, NULL::bigint AS store_id, p.id AS contact_id, p.stage::text AS ref,
  1::numeric AS num, 0::numeric AS den"""
STAGE_WORDS: Final[dict[str, Promise]] = {
    "visitor": _("Visitor"),
    "lead": _("Lead"),
    "engaged": _("Engaged"),
    "considering": _("Considering"),
    "first_purchase": _("First purchase"),
    "repeat": _("Repeat"),
    "loyal": _("Loyal"),
    "lapsed": _("Lapsed"),
}


def stage_words(name: str) -> Promise | str:
    """A stage in words; one of the company's own keeps the name it has."""
    return STAGE_WORDS.get(name, name)


def _stage(name: str) -> Metric | None:
    what, _dot, stage = name.partition(".")
    if what == "stage" and stage in stages.ladder().names:
        return Metric(
            name, format_lazy("{}: {}", _("In the stage now"), stage_words(stage)),
            _("Contacts who are in this stage of the funnel now."), "count", "level", _in_stage(stage), icon="filter",
            above=_("People"),
        )  # fmt: skip
    if what == "reached" and stage in climbed():
        return Metric(
            name, format_lazy("{}: {}", _("Reached at least"), stage_words(stage)),
            _("Contacts who are in this stage or a higher one, or have been."), "count", "level", _at_least(stage),
            icon="filter", above=_("People"),
        )  # fmt: skip
    return None


# --- the list ------------------------------------------------------------------------------------

SHIPPED: Final[dict[str, Metric]] = {
    metric.name: metric
    for metric in (
        Metric(
            "campaign_revenue", _("Revenue from campaigns"),
            _("Orders that were the goal of a campaign the customer was in, within its window, less refunds. An order "
              "counts once; orders of people who were held out do not count."),
            "money", "flow", _campaign_revenue, icon="coins", by_store=True, above=_("Orders"),
        ),
        Metric(
            "reachable", _("Contacts we may contact"),
            _("Contacts who may get offers by at least one channel now: with a permission in force and an address that "
              "works."),
            "count", "level", _reachable, icon="users", above=_("People"), paged=_reachable_paged,
        ),
        Metric(
            "repeat_rate", _("Repeat purchase rate"),
            _("Of the people who bought in the last 365 days, the share with two orders or more in that time."),
            "share", "level", _repeat_rate, icon="repeat", above=_("Bought again"), below=_("All who bought"),
        ),
        Metric(
            "cards", _("Cards enrolled"),
            _("Loyalty cards that became known, each on its day. Cards from imported files do not count."),
            "count", "flow", _cards, icon="id-badge-2", above=_("Cards"),
        ),
        Metric(
            "opt_outs", _("Opt-outs"),
            _("People who withdrew a permission for marketing, once a day, for each marketing message that was sent "
              "and did not bounce."),
            "share", "flow", _opt_outs, good="down", icon="user-minus", above=_("People who withdrew"),
            below=_("Messages"),
        ),
        Metric(
            "sales", _("Sales"),
            _("All orders in the workspace's currency, online and in stores, less refunds; without cancelled ones."),
            "money", "flow", _sales, icon="receipt", by_store=True, above=_("Orders"),
        ),
    )
}  # fmt: skip
