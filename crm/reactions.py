"""What this floor does about events: segments that mention them, for the people they happened to."""

from __future__ import annotations

from crm import clock, demo, registry, renewal
from crm.capturing import letters
from crm.segments import upkeep
from crm.segments.upkeep import Touched
from crm.timeline import Fact


def keep_segments_up(facts: list[Fact]) -> None:
    """Ask only the rules that mention these events, only about these contacts."""
    touched = Touched()
    for fact in facts:
        touched.add(f"event:{fact.name}", fact.contact_id, historic=fact.historic)
    upkeep.follow(touched, clock.now())


registry.reactors.add("crm.segments", keep_segments_up, order=10)
registry.reactors.add("crm.renewal", renewal.note, order=15)
registry.contact_joins.add("crm.segments", upkeep.join_contacts, order=10)
registry.contact_joins.add("crm.demo", demo.join, order=5)
registry.contact_tables.add("crm_task", "contact_id")
registry.contact_tables.add("crm_note", "contact_id")
for _table in ("crm_formanswer", "crm_formseat", "crm_formletter"):
    registry.contact_tables.add(_table, "contact_id")
registry.contact_tables.add("crm_rightsrequest", "contact_id")
registry.contact_images.add("crm_rightsrequest", "t.state = 'open'")
registry.reactors.add("crm.form_letters", letters.let_go, order=40)
