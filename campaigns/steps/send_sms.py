"""Send a text message."""

from __future__ import annotations

from campaigns.reading import Reader
from campaigns.steps.base import step
from campaigns.steps.send import SendStep


@step
class SendSms(SendStep):
    kind = "send.sms"
    channel = "sms"

    @classmethod
    def read(cls, config: Reader) -> None:
        config.text("text", required=True, longest=1_600, one_line=False)
        config.text("sender", longest=20)
        config.flag("require_stock", default=False)
