"""What becomes of each table when somebody is erased: rows go, or stand emptied for what is counted.

Every table that says anything of a contact is named here, or by its own floor (`registry.erasures`). A test walks the
schema: a table or a column of text that nobody has declared fails it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Treated:
    """A table with rows about somebody.

    `who`: SQL that finds them by `%(people)s`. `empty`: column → the SQL value it gets (None: the rows go; {}: they
    stay as they are). `stays`: columns of text that are kept, since they do not tell who it was. `queue`: rows come
    and go by themselves, so finding some later breaks no promise. `words`: what the plan calls its rows; without any
    they are told as other traces.
    """

    table: str
    who: str = "contact_id = ANY(%(people)s)"
    empty: Mapping[str, str] | None = None
    stays: tuple[str, ...] = ()
    queue: bool = False
    words: str | Promise = ""

    @property
    def statement(self) -> str:
        if self.empty is None:
            return f"DELETE FROM {self.table} WHERE {self.who}"  # noqa: S608 - our own names
        sets = ", ".join(f"{column} = {value}" for column, value in self.empty.items())
        return f"UPDATE {self.table} SET {sets} WHERE {self.who}"  # noqa: S608 - our own names

    @property
    def done(self) -> str:
        """SQL that is true of a row that was treated."""
        told = [f"{column} IS NOT DISTINCT FROM {value}" for column, value in (self.empty or {}).items()]
        return " AND ".join(told) or ("false" if self.empty is None else "true")


@dataclass(frozen=True)
class Swept:
    """A table about other things, in which a value may stand that somebody was known by.

    `looked`: columns that are searched for one. `named`: a column that names the contact itself. `empty`: what
    becomes of a row that has it (None: it goes). `raw`: those of `looked` that are bytes.
    """

    table: str
    looked: tuple[str, ...]
    empty: Mapping[str, str] | None = None
    stays: tuple[str, ...] = ()
    named: str = ""
    raw: tuple[str, ...] = ()

    @property
    def who(self) -> str:
        told = [f"{self.text(column)} ~* %(clues)s" for column in self.looked]
        return " OR ".join([*told, *([f"{self.named} = ANY(%(names)s)"] if self.named else [])])

    @property
    def statement(self) -> str:
        """Rows that were emptied before are not counted again."""
        if self.empty is None:
            return f"DELETE FROM {self.table} WHERE {self.who}"  # noqa: S608 - our own names
        sets = ", ".join(f"{column} = {value}" for column, value in self.empty.items())
        same = " AND ".join(f"{column} IS NOT DISTINCT FROM {value}" for column, value in self.empty.items())
        return f"UPDATE {self.table} SET {sets} WHERE ({self.who}) AND NOT ({same})"  # noqa: S608 - our own names

    def text(self, column: str) -> str:
        return f"encode({column}, 'escape')" if column in self.raw else f"{column}::text"


MERGES: Final = "SELECT id FROM crm_contactmerge WHERE winner_id = ANY(%(people)s) OR loser_id = ANY(%(people)s)"
EVENTS: Final = "SELECT id FROM crm_event WHERE contact_id = ANY(%(people)s)"
TREATED: Final = (
    # Links first, while what they hang on is still there.
    Treated("crm_mergejournal", f"merge_id IN ({MERGES})"),
    Treated("crm_contactmerge", "winner_id = ANY(%(people)s) OR loser_id = ANY(%(people)s)",
            {"picked": "'{}'"}, ("rule", "actor", "undone_by")),
    Treated("crm_duplicate", "a_id = ANY(%(people)s) OR b_id = ANY(%(people)s)"),
    Treated("crm_dirty", "contact = ANY(%(people)s)", queue=True),
    Treated("crm_reaction", "contact = ANY(%(people)s)", queue=True),
    Treated("crm_contactchange", words=_("Earlier values of their fields")),
    Treated("crm_segmentmember", words=_("Places in segments")),
    Treated("crm_segmentchange", empty={"why": "''"}),
    Treated("crm_contacttag", words=_("Tags")),
    Treated("crm_listmember", words=_("Lists")),
    # A household of one is named after them.
    Treated("crm_group", """kind = 'household' AND id IN (SELECT group_id FROM crm_groupmember g
              WHERE contact_id = ANY(%(people)s) AND NOT EXISTS (SELECT FROM crm_groupmember o
                WHERE o.group_id = g.group_id AND NOT o.contact_id = ANY(%(people)s)))""",
            stays=("name", "key", "kind")),
    Treated("crm_groupmember", words=_("Households and companies")),
    Treated("crm_wish"),
    Treated("crm_renewal"),
    Treated("crm_importedcontact"),
    Treated("crm_note", words=_("Notes")),
    Treated("crm_task", words=_("Tasks")),
    Treated("crm_cart", words=_("Carts")),
    Treated("crm_evidencefile", words=_("Scans and recordings")),
    Treated("crm_formletter"),
    Treated("crm_formseat", empty={}, stays=("state",)),
    Treated("crm_formanswer", empty={"answers": "'{}'", "utm": "'{}'"},
            words=_("Answers to forms"), stays=("token", "result", "placement", "receipts")),
    Treated("crm_confirmation"),
    # What a till did: the row says that it was done once.
    Treated("crm_tillentry", empty={"payload": "NULL", "answer": "'{}'",
                                    "order_id": "CASE WHEN order_id LIKE '%%@%%' THEN 'erased' ELSE order_id END"},
            stays=("key", "kind", "state", "digest")),
    # What was counted: amounts and days, and the number by which the books of the shop know the order.
    Treated("crm_order", empty={"coupon": "''", "cart_key": "''",
                                "order_id": "CASE WHEN order_id LIKE '%%@%%' THEN 'erased-' || id ELSE order_id END"},
            words=_("Purchases"), stays=("state", "currency", "channel")),
    Treated("crm_eventkey", f"event IN ({EVENTS})"),
    # Of an event stay our own codes and the sums (`cauce_counted`).
    Treated("crm_event", empty={"properties": "cauce_counted(properties)", "context": "'{}'", "session": "''",
                                "source": "''"}, words=_("Events"), stays=("name", "channel")),
    # The proof of what was said stands without words: by its hashes.
    Treated("crm_consentreceipt", empty={"source": "''", "evidence": "'{}'"},
            words=_("Consent receipts"),
            stays=("purpose", "channel", "address_hash", "action", "basis", "method", "source_hash", "wording",
                   "evidence_hash", "prev_hash", "hash")),
    Treated("crm_consentstate", empty={}, stays=("purpose", "channel", "state", "basis")),
    Treated("crm_rightsrequest", empty={"words": "''", "answer": "''", "token_hash": "''"},
            stays=("kind", "via", "state", "settled_by")),
    Treated("crm_erasure", empty={}, stays=("state", "asked_by", "via", "removed", "emptied")),
    Treated("crm_identifier", words=_("Addresses and numbers they are known by")),
    Treated("crm_contact", "id = ANY(%(people)s)",
            {"given_name": "''", "family_name": "''", "sort_name": "''", "language": "''", "timezone": "''",
             "zone": "'UTC'", "zone_source": "'workspace'", "country": "''", "region": "''", "city": "''",
             "postal_code": "''", "birth_date": "NULL::date", "home_store_id": "NULL::bigint", "fields": "'{}'",
             "field_sources": "'{}'", "source": "''"}),
)  # fmt: skip

SWEPT: Final = (
    Swept("crm_auditentry", ("before", "after"), {"before": "NULL", "after": "NULL", "salt": "''"},
          ("actor", "action", "subject", "digest", "prev_hash", "hash"), named="subject"),
    Swept("crm_importreject", ("cells", "detail"), {"cells": "'[]'", "detail": "''"}, ("code",)),
    Swept("crm_importeditem", ("before", "after"), {"before": "NULL", "after": "NULL"}, ("key",)),
    Swept("crm_importjob", ("check_found", "reading", "mapping", "consent"), {"check_found": "'{}'"},
          ("kind", "filename", "digest", "rejected_file", "state", "path", "trouble", "lease", "stayed")),
    Swept("crm_exportjob", ("wish", "name"), {"wish": "'{}'", "name": "'erased'"},
          ("what", "form", "state", "path", "trouble")),
    Swept("crm_requestlog", ("path", "query", "headers", "dropped", "body", "answer"),
          {"path": "'erased'", "query": "''", "headers": "'{}'", "dropped": "'[]'", "body": "''", "answer": "''"},
          ("request_id", "actor", "method")),
    Swept("crm_idempotencyrecord", ("body",), {"body": "'{}'::bytea"}, ("actor", "route", "key", "request_hash"),
          raw=("body",)),
)  # fmt: skip
