"""Tables of journeys, by idea. Models import their siblings by file."""

from campaigns.models.campaign import Campaign, Version
from campaigns.models.edit import Edit, Presence
from campaigns.models.enrolment import Arm, Conversion, Enrolment, Subscription, Visit
from campaigns.models.entry import Candidate, Occurrence, PendingEntry, Refusal, RefusalCount

__all__ = [
    "Arm",
    "Campaign",
    "Candidate",
    "Conversion",
    "Edit",
    "Enrolment",
    "Occurrence",
    "PendingEntry",
    "Presence",
    "Refusal",
    "RefusalCount",
    "Subscription",
    "Version",
    "Visit",
]
