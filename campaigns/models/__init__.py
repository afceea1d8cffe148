"""Tables of journeys, by idea. Models import their siblings by file."""

from campaigns.models.campaign import Campaign, Version
from campaigns.models.enrolment import Arm, Conversion, Enrolment, Subscription, Visit
from campaigns.models.entry import Occurrence, PendingEntry, Refusal, RefusalCount

__all__ = [
    "Arm", "Campaign", "Conversion", "Enrolment", "Occurrence", "PendingEntry", "Refusal",
    "RefusalCount", "Subscription", "Version", "Visit",
]
