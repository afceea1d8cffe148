"""What becomes of messages when somebody is erased: the ledger stays, their words and addresses go."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from crm.rights.treatment import Swept, Treated

MESSAGES: Final = "SELECT id FROM channels_message WHERE contact_id = ANY(%(people)s)"

TREATED: Final = (
    Treated("channels_sandboxmessage", f"message_id IN ({MESSAGES})"),
    Treated("channels_attempt", f"message_id IN ({MESSAGES})", {"detail": "''"}, ("outcome", "code")),
    Treated(
        "channels_message",
        empty={
            "slots": "NULL", "context": "NULL", "reason_detail": "NULL", "receipt": "NULL",
            "provider_message_id": "''",
            # The key of its run may be anything the shop uses as one; the run's own number says the same.
            "entry": "CASE WHEN entry = '' OR entry LIKE '#%%' THEN entry ELSE 'run-' || coalesce(run_id, id) END",
        },
        words=_("Messages"),
        stays=("address_hash", "channel", "step", "slot", "message_class", "purpose", "exclusion_group", "state",
               "reason", "judged"),
    ),
    Treated("channels_webhookdelivery"),
    Swept("channels_inbound", ("payload", "error"), {"payload": "'{}'", "error": "''"}, ("event_id",)),
    Swept("channels_trial", ("recipient", "subject", "detail"), None, ("channel", "outcome")),
)  # fmt: skip
