"""Mails to people who work here. What goes to customers leaves through the outbox."""

from __future__ import annotations

import logging
import smtplib

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils import translation

from crm import workspace
from crm.models import Invitation, User

log = logging.getLogger(__name__)
CONSOLE = "django.core.mail.backends.console.EmailBackend"


def can_leave() -> bool:
    """Whether this installation has a mail server; without one, links are given by hand."""
    return bool(settings.EMAIL_BACKEND != CONSOLE)


def invite(invitation: Invitation, url: str, by: User) -> bool:
    """Send the link, in the language of who invites. False: it did not leave, somebody must pass it on."""
    if not can_leave():
        return False
    with translation.override(by.language or translation.get_language() or "en"):
        about = {"invitation": invitation, "url": url, "by": by, "workspace": workspace.current().name}
        subject = render_to_string("crm/settings/team/mail_subject.txt", about)
        text = render_to_string("crm/settings/team/mail.txt", about)
    try:
        send_mail(" ".join(subject.split()), text, None, [invitation.email])
    except (OSError, smtplib.SMTPException) as error:
        log.warning("invitation not sent", extra={"event": "invitation_not_sent", "error": type(error).__name__})
        return False
    return True
