"""People who work here: the first admin, invitations, roles, passwords, one's own profile."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django import forms
from django.conf import settings
from django.contrib.auth import forms as auth
from django.contrib.auth import password_validation
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from crm import team
from crm.forms.place import WorkspaceFields
from crm.models import Store, User
from crm.models.team import Role

ROLE_HELP: Final = {
    Role.ADMIN: _("Everything, with people, accounts and settings."),
    Role.MARKETER: _("Contacts, segments and campaigns, and publishing them."),
    Role.APPROVER: _("Reads everything and publishes campaigns."),
    Role.ANALYST: _("Reads everything and changes nothing."),
    Role.DEVELOPER: _("Keys, the API and the state of things; builds campaigns and publishes none."),
    Role.CALL_AGENT: _("Customers to call, and what they said."),
    Role.STORE_MANAGER: _("Customers and purchases of one store, its products and prices."),
    Role.STORE_STAFF: _("Customers and purchases of one store."),
}
STORE_ROLES: Final = (Role.STORE_MANAGER, Role.STORE_STAFF)
OFFICE_ROLES: Final = tuple(role for role in ROLE_HELP if role not in STORE_ROLES)


class StoreChoice(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Store) -> str:
        return str(obj)


class Password(forms.CharField):
    """A new password, by the rules of this installation, with their words beside it."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.PasswordInput({"autocomplete": "new-password"})
        super().__init__(
            strip=False, widget=widget, help_text=password_validation.password_validators_help_text_html(), **kwargs
        )


class SetupForm(WorkspaceFields):
    """The whole of the first page: the company, its sender, and the first admin."""

    admin_name = forms.CharField(label=_("Your name"), max_length=200, widget=forms.TextInput({"autocomplete": "name"}))
    email = forms.EmailField(
        label=_("Your e-mail"), max_length=254, widget=forms.EmailInput({"autocomplete": "username"}),
        help_text=_("You log in with it."),
    )  # fmt: skip
    password = Password(label=_("Password"))

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        check_password(self, "password", data.get("email", ""), data.get("admin_name", ""))
        return data

    def workspace(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in WorkspaceFields.base_fields}

    def newcomer(self) -> team.Newcomer:
        data = self.cleaned_data
        return team.Newcomer(data["email"], data["admin_name"], data["password"], data["language"])


class JoinForm(forms.Form):
    name = forms.CharField(label=_("Your name"), max_length=200, widget=forms.TextInput({"autocomplete": "name"}))
    password = Password(label=_("Password"))

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        self.email = email
        super().__init__(*args, **kwargs)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        check_password(self, "password", self.email, data.get("name", ""))
        return data


def check_password(form: forms.Form, field: str, email: str, name: str) -> None:
    """The validators of this installation, with what the person said of themselves."""
    if field not in form.cleaned_data:
        return
    try:
        password_validation.validate_password(form.cleaned_data[field], User(email=email, name=name))
    except forms.ValidationError as error:
        form.add_error(field, error)


class InviteForm(forms.Form):
    email = forms.EmailField(label=_("E-mail"), max_length=254, widget=forms.EmailInput({"autocomplete": "off"}))
    role = forms.ChoiceField(
        label=_("Role"), choices=[(role.value, role.label) for role in ROLE_HELP], initial=Role.MARKETER.value
    )
    store = forms.ModelChoiceField(
        label=_("Store"), queryset=Store.objects.filter(active=True).order_by("name"), required=False,
        help_text=_("For store roles: they see this store only."),
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("role") in STORE_ROLES and not data.get("store") and "store" not in self.errors:
            self.add_error("store", _("A store role is for one store. Choose it."))
        return data

    def post(self) -> team.Post:
        role, store = self.cleaned_data["role"], self.cleaned_data["store"]
        return (role, store.pk if role in STORE_ROLES else None)


class RolesForm(forms.Form):
    """Everything somebody may be here."""

    roles = forms.MultipleChoiceField(
        label=_("In the office"),
        choices=[(role.value, role.label) for role in OFFICE_ROLES],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    store_manager = StoreChoice(
        label=_("Manager of stores"), queryset=Store.objects.order_by("name"), widget=forms.CheckboxSelectMultiple,
        required=False,
    )  # fmt: skip
    store_staff = StoreChoice(
        label=_("Staff of stores"), queryset=Store.objects.order_by("name"), widget=forms.CheckboxSelectMultiple,
        required=False,
    )  # fmt: skip

    def __init__(self, *args: Any, posts: Iterable[team.Post], **kwargs: Any) -> None:
        held = list(posts)
        initial = {str(role): [store for each, store in held if each == role] for role in STORE_ROLES}
        kwargs["initial"] = {"roles": [role for role, _ in held], **initial}
        super().__init__(*args, **kwargs)
        if not Store.objects.exists():
            for role in STORE_ROLES:
                del self.fields[str(role)]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors and not self.posts():
            self.add_error("roles", _("Choose at least one role. To end somebody's access, deactivate them."))
        return data

    def posts(self) -> list[team.Post]:
        data = self.cleaned_data
        plain: list[team.Post] = [(role, None) for role in data["roles"]]
        return plain + [(str(role), store.pk) for role in STORE_ROLES for store in data.get(str(role), ())]


class ProfileForm(forms.Form):
    name = forms.CharField(label=_("Your name"), max_length=200, widget=forms.TextInput({"autocomplete": "name"}))
    language = forms.ChoiceField(
        label=_("Language"), choices=[("", _("As the browser says")), *settings.LANGUAGES], required=False
    )


class OwnPasswordForm(auth.PasswordChangeForm):
    def save(self, commit: bool = True) -> User:  # noqa: FBT001, FBT002 - as Django calls it
        team.set_password(self.user, self.cleaned_data["new_password1"], f"user:{self.user.pk}", how="changed")
        return self.user


class NewPasswordForm(auth.SetPasswordForm):  # type: ignore[type-arg]
    """After a reset by mail."""

    def save(self, commit: bool = True) -> User:  # noqa: FBT001, FBT002 - as Django calls it
        team.set_password(self.user, self.cleaned_data["new_password1"], f"user:{self.user.pk}", how="reset")
        user: User = self.user
        return user


class ResetForm(auth.PasswordResetForm):
    """Asks for a link by mail; it comes in the language of the person it is for."""

    def send_mail(self, subject_template_name: str, email_template_name: str, context: dict[str, Any],
                  *args: Any, **kwargs: Any) -> None:  # fmt: skip
        with translation.override(context["user"].language or translation.get_language() or "en"):
            super().send_mail(subject_template_name, email_template_name, context, *args, **kwargs)
