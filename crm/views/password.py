"""`/password/…`: somebody forgot theirs. Django's own views, with our words and our addresses."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import views
from django.http import HttpResponse
from django.urls import reverse_lazy

from crm import letters, workspace
from crm.forms.people import NewPasswordForm, ResetForm


class Ask(views.PasswordResetView):
    template_name = "crm/setup/password_ask.html"
    email_template_name = "crm/setup/password_mail.txt"
    subject_template_name = "crm/setup/password_subject.txt"
    success_url = reverse_lazy("crm:password-sent")
    form_class = ResetForm

    def form_valid(self, form: Any) -> HttpResponse:
        # Our own address, not what the request calls us: a link to a stranger's host would give the password away.
        self.extra_email_context = {"base_url": settings.BASE_URL, "workspace": workspace.current().name}
        return super().form_valid(form)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {"mails": letters.can_leave()}


class Sent(views.PasswordResetDoneView):
    template_name = "crm/setup/password_sent.html"


class New(views.PasswordResetConfirmView):
    template_name = "crm/setup/password_new.html"
    success_url = reverse_lazy("crm:password-done")
    form_class = NewPasswordForm


class Done(views.PasswordResetCompleteView):
    template_name = "crm/setup/password_done.html"
