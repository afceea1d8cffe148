"""The words of the messages of double opt-in."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from channels import confirming_words
from channels.confirming_words import CODE, CODE_PAGE, LINK, LONGEST, Words
from crm.errors import Problem

SAID: Final = {
    "required": gettext_lazy("Write something."),
    "bad_text": gettext_lazy("This has to be one line"),
    "too_long": gettext_lazy("It is too long"),
    "not_here": gettext_lazy("%(what)s cannot stand here: nobody knows yet who reads it."),
    "placeholder": gettext_lazy("It needs %(what)s, once."),
}


class WordsForm(forms.Form):
    """Checked as a whole by `confirming_words.problems`."""

    subject = forms.CharField(label=gettext_lazy("Subject"), required=False, strip=True)
    body = forms.CharField(
        label=gettext_lazy("E-mail"), required=False, widget=forms.Textarea({"rows": 10}),
    )  # fmt: skip
    button = forms.CharField(label=gettext_lazy("Words on the button"), required=False, strip=True)
    sms = forms.CharField(
        label=gettext_lazy("SMS"), required=False, widget=forms.Textarea({"rows": 3}),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        body, text = self.fields["body"], self.fields["sms"]
        body.help_text = _("An empty line begins a new paragraph. The button stands where %(link)s is.") % {
            "link": LINK
        }
        text.help_text = _("%(code)s is the code, %(page)s the page to type it in.") % {"code": CODE, "page": CODE_PAGE}
        for name, most in LONGEST.items():
            self.fields[name].widget.attrs["maxlength"] = most

    def words(self) -> Words:
        given = self.cleaned_data
        return Words(given["subject"], given["body"].replace("\r\n", "\n").strip(), given["button"],
                     given["sms"].replace("\r\n", " ").strip())  # fmt: skip

    def clean(self) -> dict[str, Any]:
        for problem in confirming_words.problems(self.words()):
            self.add_error(problem.pointer.removeprefix("/") or None, _words(problem))
        return self.cleaned_data


def _words(problem: Problem) -> str:
    said = SAID.get(problem.code)
    return str(said) % {"what": problem.detail} if said else _("The words cannot be read")
