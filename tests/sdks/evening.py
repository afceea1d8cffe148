"""What `speak.mjs` and the Python SDKs tell, as it must have arrived."""

from __future__ import annotations

from crm.models import Cart, Contact, Event, Identifier

TOLD = {"Identified", "Product Added", "Page Viewed", "Group Joined", "Product Viewed", "Cart Updated"}


def elena() -> Contact:
    """She is one contact, with all she did, once; her earlier visit too."""
    (found,) = Contact.objects.filter(identifiers__kind="external_id", identifiers__value="elena-1", merged_into=None)
    assert found.given_name == "Elena"
    assert found.fields == {"shoe_size": 39}
    held = set(Identifier.objects.filter(contact=found).values_list("kind", "value"))
    assert {("external_id", "elena-1"), ("email", "elena@example.com"), ("anonymous_id", "browser-1"),
            ("anonymous_id", "visitor-2")} <= held  # fmt: skip
    names = list(Event.objects.filter(contact_id=found.pk).values_list("name", flat=True))
    assert set(names) - {"Contact Created"} == TOLD
    for name in TOLD:
        assert names.count(name) == 1, name
    assert Cart.objects.get(contact_id=found.pk).skus == ["R1"]
    return found
