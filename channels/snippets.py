"""Ready pieces of HTML for e-mails, so that nobody begins with an empty page.

Tables and inline styles, because mail programs know little else. `…` marks the words to write over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Snippet:
    name: str
    words: Promise
    icon: str
    html: str


SKELETON: Final = """<!DOCTYPE html>
<html lang="{{ contact.language | default: 'en' }}">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
</head>
<body style="margin:0;padding:24px 12px;background:#f5f6f7">
<div style="max-width:600px;margin:0 auto;padding:24px;background:#ffffff;border-radius:12px;font:16px/1.5 Arial,sans-serif;color:#17202b">
<!-- content -->
</div>
</body>
</html>
"""  # noqa: E501 - it is shown as it stands here
SNIPPETS: Final = (
    Snippet("heading", _("Heading"), "heading", '<h1 style="margin:0 0 12px;font-size:24px;line-height:1.25">…</h1>\n'),
    Snippet("text", _("Text"), "align-left", '<p style="margin:0 0 16px">…</p>\n'),
    Snippet(
        "button", _("Button"), "square-rounded-arrow-right",
        '<p style="margin:0 0 16px"><a href="https://…" style="display:inline-block;padding:12px 20px;'
        'border-radius:8px;background:#0b6470;color:#ffffff;text-decoration:none;font-weight:bold">…</a></p>\n',
    ),
    Snippet(
        "products", _("Product rows"), "shopping-cart",
        '{% for product in products %}\n<table role="presentation" width="100%" cellpadding="0" cellspacing="0" '
        'style="margin:0 0 12px"><tr>\n'
        '  <td width="88">{% if product.image %}<img src="{{ product.image }}" alt="{{ product.name }}" width="80" '
        'style="display:block;border-radius:8px">{% endif %}</td>\n'
        '  <td><a href="{{ product.url }}" style="color:#17202b;font-weight:bold">{{ product.name }}</a><br>\n'
        "    {% if product.price %}{{ product.price | money: product.currency }}{% endif %}"
        "{% if product.units_left and product.units_left < 5 %} · {{ product.units_left }}{% endif %}</td>\n"
        "</tr></table>\n{% endfor %}\n",
    ),
    Snippet(
        "divider", _("Divider"), "separator-horizontal",
        '<hr style="margin:24px 0;border:0;border-top:1px solid #dde2e7">\n',
    ),
    Snippet(
        "way-out", _("Ways out"), "door-exit",
        '<p style="margin:24px 0 0;font-size:12px;color:#5f6b7a"><a href="{{ links.preferences }}" '
        'style="color:#5f6b7a">…</a> · <a href="{{ links.unsubscribe }}" style="color:#5f6b7a">…</a></p>\n',
    ),
)  # fmt: skip
