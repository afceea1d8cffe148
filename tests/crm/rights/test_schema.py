"""Every column in which words can stand is declared: what an erasure does to it, or why it speaks of no customer."""

from __future__ import annotations

import pytest
from django.db import connection

from crm.identity import removal
from crm.rights import erasure, walk
from crm.rights.treatment import Treated

pytestmark = pytest.mark.django_db

# Tables that speak of the shop, its staff or its machinery. Staff are no customers: their rows go with their account.
OTHERS = {
    "what the shop sells": {"crm_product", "crm_stock", "crm_orderline"},
    "the shop and its people": {
        "crm_workspace", "crm_store", "crm_user", "crm_user_groups", "crm_user_user_permissions", "crm_membership",
        "crm_invitation", "crm_apikey", "crm_device", "crm_staffpin", "channels_webhookendpoint", "crm_sendingrules",
    },
    "what marketers write": {
        "crm_segment", "crm_fixedlist", "crm_tag", "crm_topic", "crm_wording", "crm_fielddefinition", "crm_form",
        "crm_formfile", "crm_formday",
        "channels_confirmationwords", "crm_confirmationrule", "channels_content", "channels_link",
        "channels_image", "channels_account", "channels_senderdomain", "campaigns_campaign", "campaigns_version",
        "campaigns_edit", "campaigns_presence", "analytics_kpi",
    },
    "counts and days": {
        "crm_ratecount", "crm_retentionrun", "crm_demoitem", "crm_duplicatelook", "crm_clockshift",
        "campaigns_occurrence", "campaigns_refusalcount", "analytics_figure", "analytics_staleday",
        "analytics_reading", "analytics_standing",
    },
    "addresses, kept as their HMAC": {"crm_address", "crm_addressconsent", "crm_suppression"},
    "the machinery": {
        "channels_epoch", "django_migrations", "django_content_type", "django_session", "django_admin_log",
        "auth_group", "auth_group_permissions", "auth_permission",
    },
}  # fmt: skip
MACHINES = ("django_celery_beat_",)


def test_every_column_of_words_is_declared() -> None:
    others = set().union(*OTHERS.values())
    declared: dict[str, set[str]] = {}
    whole = set()
    for each in erasure.treated():
        if isinstance(each, Treated) and each.empty is None:
            whole.add(each.table)
        named = {*(each.empty or {}), *each.stays, *getattr(each, "looked", ())}
        declared.setdefault(each.table, set()).update(named)
    silent = sorted(
        f"{table}.{column}"
        for table, column, _ in walk.columns()
        if table not in others | whole and not table.startswith(MACHINES) and column not in declared.get(table, set())
    )
    assert silent == [], "say in crm.rights.treatment, or in erasure.py of its floor, what becomes of it"


def test_no_table_is_declared_twice_over_or_gone() -> None:
    there = set(connection.introspection.table_names())
    others = set().union(*OTHERS.values())
    treated = {each.table for each in erasure.treated()}
    assert others & treated == set()
    assert sorted((others | treated) - there) == []


def test_every_table_with_a_contact_is_treated() -> None:
    treated = {each.table for each in erasure.treated()}
    hanging = {table for table, _ in removal.hanging()} | set(removal.LAST)
    assert sorted(hanging - treated) == []
