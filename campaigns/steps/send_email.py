"""Send an e-mail."""

from __future__ import annotations

from campaigns.reading import Reader
from campaigns.steps.base import step
from campaigns.steps.send import SendStep

LONGEST_HTML, LONGEST_TEXT = 500_000, 100_000


@step
class SendEmail(SendStep):
    kind = "send.email"
    channel = "email"

    @classmethod
    def read(cls, config: Reader) -> None:
        config.text("subject", required=True, longest=500)
        config.text("preheader", longest=500)
        for key in ("from_name", "from_address", "reply_to"):
            config.text(key, longest=254)
        config.flag("require_stock", default=False)
        html = config.text("html", longest=LONGEST_HTML, one_line=False)
        text = config.text("text", longest=LONGEST_TEXT, one_line=False)
        if not html.strip() and not text.strip():
            config.refuse("html", "required", "the e-mail has no words; give html, text or both.")
