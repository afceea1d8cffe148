# ruff: noqa: E501 - sentences stand as they are
"""The titles and sentences of the packs once more, so that the catalogues of languages know them.

A pack is data and may say something new at any time; what does not stand here is shown as its file has it.
"""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_noop

WORDS: Final = (
    gettext_noop("Canada"),
    gettext_noop("Commercial messages need a yes, express or implied by a purchase or an inquiry."),
    gettext_noop("An implied yes ends 24 months after the last purchase, 6 months after the last inquiry."),
    gettext_noop("The way out works for 60 days and is done within 10 business days."),
    gettext_noop("Calls on weekdays 9 to 21:30, on weekends 10 to 18."),
    gettext_noop("Germany"),
    gettext_noop("Electronic marketing needs a prior express yes, or an address got in a sale and similar products."),
    gettext_noop("A yes that was confirmed at the address is the proof that courts accept."),
    gettext_noop("A call to a consumer needs a prior express yes; a relation is not enough."),
    gettext_noop("Calls Monday to Saturday by day."),
    gettext_noop("Spain"),
    gettext_noop(
        "Electronic marketing needs an express yes, of persons and of companies, or an earlier contract and similar products."
    ),
    gettext_noop("A message is recognisable as advertising and says who sends it."),
    gettext_noop(
        "A commercial call needs a yes, or a legitimate interest: one's own customer, similar products, a recent relation."
    ),
    gettext_noop("Calls Monday to Friday, 9 to 21, not on public holidays."),
    gettext_noop("European Union and EEA"),
    gettext_noop("Marketing needs a prior yes, or an address got in a sale of one's own."),
    gettext_noop("What rests on a sale covers one's own similar products only, not profiling, ads or research."),
    gettext_noop("A call needs a yes or a relation that can be shown, and an end when they say so."),
    gettext_noop("A relation counts for three years after the last purchase."),
    gettext_noop("No marketing at night."),
    gettext_noop("France"),
    gettext_noop("Electronic marketing needs a prior yes, or an address got in a sale and similar products."),
    gettext_noop("Whether one person opened a mail may be measured after a yes to it only."),
    gettext_noop("No commercial SMS on Sundays and public holidays, nor from 22 to 8."),
    gettext_noop("Calls to people who are on no opposition list."),
    gettext_noop("Calls only after a yes, or within a contract that runs."),
    gettext_noop("Calls Monday to Friday, 10 to 13 and 14 to 20, not on public holidays."),
    gettext_noop("Mailbox providers"),
    gettext_noop("Marketing mail can be left with one click, done within two days."),
    gettext_noop("Nothing goes while 3 of 1,000 or more call it spam."),
    gettext_noop("Fewer than 1 of 1,000 should call it spam."),
    gettext_noop("The sender's domain has SPF, DKIM and DMARC."),
    gettext_noop("United Kingdom"),
    gettext_noop("Electronic marketing to individuals needs a yes, or an address got in a sale and similar products."),
    gettext_noop("What rests on a sale covers one's own similar products only."),
    gettext_noop("Calls to people who are on no preference list."),
    gettext_noop("Calls from 8 to 21."),
    gettext_noop("A relation counts for two years after the last purchase."),
    gettext_noop("United States: e-mail"),
    gettext_noop("E-mail may go until they say no, on any ground that is recorded."),
    gettext_noop("The mail shows a valid postal address and that it is an advertisement."),
    gettext_noop(
        "The way out works for 30 days after sending, costs nothing and asks for nothing more; done within 10 business days."
    ),
    gettext_noop("United States: texts and calls, by state"),
    gettext_noop("Marketing texts need a yes in writing; one given by voice or typed in by staff is none."),
    gettext_noop("Marketing calls need a yes in writing, or a number on no do-not-call list."),
    gettext_noop("Nothing before 8 nor after 21 where they are."),
    gettext_noop("Florida, Maryland, Mississippi, New Jersey, Oklahoma: 8 to 20."),
    gettext_noop("Connecticut: 9 to 20."),
    gettext_noop("Texas: Monday to Saturday 9 to 21, Sunday 12 to 21."),
    gettext_noop("Rhode Island: weekdays 9 to 18, weekends 10 to 17."),
    gettext_noop("WhatsApp"),
    gettext_noop("Marketing needs a yes that names WhatsApp."),
    gettext_noop("Words of one's own only within 24 hours of their last message; after that an approved template."),
)
