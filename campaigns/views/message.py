"""The page of one message: its words, what is wrong with them, and how they will look to somebody."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns import desk, drafts, edits, frame, one_off, prospects, wording
from campaigns.desk import Desk
from campaigns.forms import message as form
from campaigns.models import Campaign
from campaigns.steps.send import OWN
from campaigns.wording import Sending
from channels import content, framing, remedies, stand_in, tokens, trials
from channels.kinds import base
from channels.proof import Proof
from channels.snippets import SKELETON, SNIPPETS
from crm import clock, digest, pages, publicids, toasts, workspace
from crm.errors import Problem, Problems
from crm.models import User


@pages.page("campaigns.read")
def page(request: HttpRequest, campaign_id: int, step: str) -> HttpResponse:
    campaign, sending = _found(campaign_id, step)
    here = desk.lay(campaign, sending, _contact(request), clock.now())
    context = _around(request, campaign, sending, here) | _proved(here, here.proof())
    return render(request, "campaigns/message/page.html", context)


@pages.page("campaigns.write", "POST")
def save(request: HttpRequest, campaign_id: int, step: str) -> HttpResponse:
    """Keep what was typed. A draft may be incomplete; what is wrong with it comes back beside it."""
    campaign, sending = _found(campaign_id, step)
    if not _is_mine(request, campaign, sending):
        return _stale(request, campaign, sending)
    try:
        held = _keep(request, campaign, sending)
    except Problem:
        return _stale(request, campaign, sending)
    except Problems as error:
        toasts.say(request, error.problems[0].detail, tone="bad")
        return HttpResponse(status=422)
    campaign, sending = _found(campaign_id, step)
    if not pages.is_fragment(request):
        return pages.go(request, _url(campaign, sending, request))
    here = desk.lay(campaign, sending, _contact(request), clock.now())
    response = render(request, "campaigns/message/_checks.html", _proved(here, here.proof()))
    response.headers["HX-Trigger"] = f'{{"draft-changed": {{"revision": {held.revision}}}}}'
    response.headers["X-Seen"] = digest.of(sending.config)
    return response


@pages.page("campaigns.write", "POST")
def turn(request: HttpRequest, campaign_id: int, step: str, way: str) -> HttpResponse:
    """Back or forth by one edit of the draft, as in the builder."""
    if way not in ("undo", "redo"):
        raise Http404
    campaign, sending = _found(campaign_id, step)
    verb = drafts.undo if way == "undo" else drafts.redo
    try:
        verb(campaign, revision=None, actor=pages.actor(request), now=clock.now())
    except Problem as error:
        toasts.say(request, error.detail, tone="warn")
    campaign = frame.campaign_of(campaign_id)
    if wording.find(campaign.document, step) is None:
        return pages.go(request, "campaigns:journey", campaign.pk)
    return pages.go(request, _url(campaign, sending, request))


@pages.page("campaigns.read")
def total(request: HttpRequest, campaign_id: int, step: str) -> HttpResponse:
    """What the message will cost for those who are expected."""
    campaign, sending = _found(campaign_id, step)
    here = desk.lay(campaign, sending, _contact(request), clock.now())
    found = prospects.of(campaign.pk, prospects.read(campaign.document), [sending.channel], clock.now())
    size = here.proof().size
    people = found.reach.get(sending.channel, 0)
    each = desk.price(sending.channel) * (size.parts if size else 1)
    return render(
        request, "campaigns/message/_total.html",
        {"people": people, "each": each, "total": each * people, "about": found.about, "at_once": found.at_once},
    )  # fmt: skip


@pages.page("contacts.read")
def people(request: HttpRequest) -> HttpResponse:
    """People to look at a message with."""
    text = request.GET.get("q", "")
    found = stand_in.search(text) if len(text.strip()) >= 3 else []
    return render(request, "campaigns/message/_people.html", {"found": found, "text": text.strip()})


@pages.page("campaigns.read")
def together(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """All messages of a journey side by side, as one person will read them."""
    campaign = frame.campaign_of(campaign_id)
    shown: list[dict[str, Any]] = []
    here: Desk | None = None
    prices: dict[str, Decimal] = {}
    for sending in wording.sendings(campaign.document):
        here = here or desk.lay(campaign, sending, _contact(request), clock.now())
        proof = desk.of(sending.channel, sending.body, here)
        if sending.channel not in prices:
            prices[sending.channel] = desk.price(sending.channel)
        cost = prices[sending.channel] * (proof.size.parts if proof.size else 1)
        shown.append({"sending": sending, "proof": proof, "title": _title(sending), "cost": cost})
    texts = {each["sending"].step: (each["sending"].channel, each["proof"].text) for each in shown}
    alike = {step for pair in wording.alike(texts) for step in pair}
    return render(request, "campaigns/message/together.html", {
        "campaign": campaign, "shown": shown, "alike": alike, "person": here.person if here else None,
        "is_one_off": one_off.is_one(campaign.document), "contact": _contact(request),
    })  # fmt: skip


@pages.page("campaigns.read", "GET", "POST")
def preview(request: HttpRequest, campaign_id: int, step: str) -> HttpResponse:
    """The message as its reader sees it, at an address of its own for a frame without scripts.

    Words that are not saved come with a POST and are kept nowhere.
    """
    campaign, sending = _found(campaign_id, step)
    here = desk.lay(campaign, sending, _contact(request), clock.now())
    if request.method != "POST":
        return _framed(request, here.proof())
    body = {name: value for name, value in form.config(sending, request.POST).items() if name not in OWN}
    return _framed(request, here.proof(body))


@pages.page("campaigns.write", "POST")
def test(request: HttpRequest, campaign_id: int, step: str) -> HttpResponse:
    """Send it to myself."""
    campaign, sending = _found(campaign_id, step)
    here = desk.lay(campaign, sending, _contact(request), clock.now())
    user = request.user
    if not isinstance(user, User):
        raise Http404
    try:
        sent = trials.send(
            sending.channel, sending.body, here.values, user=user, phone=request.POST.get("phone", ""),
            country=workspace.current().country, actor=pages.actor(request), now=clock.now(),
        )  # fmt: skip
    except (Problem, Problems, content.RenderError) as error:
        toasts.say(request, _trouble(error), tone="bad")
        return _answered(request, campaign, sending, 422)
    if not sent.went:
        toasts.say(request, _("The carrier refused the test: %(why)s") % {"why": sent.trial.detail}, tone="bad")
    elif sent.sandbox:
        toasts.say(request, _("The test is in the sandbox inbox."))
    else:
        toasts.say(request, _("The test is on its way to %(to)s.") % {"to": sent.trial.recipient})
    return _answered(request, campaign, sending, 200)


# --- inner ---------------------------------------------------------------------------------------


def _found(campaign_id: int, step: str) -> tuple[Campaign, Sending]:
    campaign = frame.campaign_of(campaign_id)
    sending = wording.find(campaign.document, step)
    if sending is None:
        raise Http404
    return campaign, sending


def _contact(request: HttpRequest) -> int:
    """The contact somebody looks with; 0 is the made-up person."""
    text = request.POST.get("contact") or request.GET.get("contact", "")
    try:
        return publicids.decode("ctc", text) if text and pages.may(request, "contacts.read") else 0
    except Problem:
        return 0


def _url(campaign: Campaign, sending: Sending, request: HttpRequest) -> str:
    url = reverse("campaigns:message", args=[campaign.pk, sending.step])
    contact = _contact(request)
    return f"{url}?contact={publicids.encode('ctc', contact)}" if contact else url


def _is_mine(request: HttpRequest, campaign: Campaign, sending: Sending) -> bool:
    """Whether this step is as the editor has seen it, or as the same editor left it in an edit whose
    answer was lost on the way. What others did elsewhere in the journey meanwhile is no conflict."""
    if request.POST.get("seen", "") == digest.of(sending.config):
        return True
    last = edits.last_done(campaign)
    keys = [key for key in request.POST.getlist("unanswered") if key]
    return last is not None and last.actor == pages.actor(request) and last.command.get("key") in keys


def _keep(request: HttpRequest, campaign: Campaign, sending: Sending) -> Campaign:
    command: dict[str, Any] = {"do": "configure", "step": sending.step, "config": form.config(sending, request.POST)}
    key = request.POST.get("key", "")
    if key:
        command["key"] = key[:64]
    actor, now = pages.actor(request), clock.now()
    held = drafts.apply(campaign, command, revision=campaign.revision, actor=actor, now=now)
    label = request.POST.get("label")
    if label is not None and label.strip() != sending.label:
        label = form.clean(label, one_line=True)[:80]
        held = drafts.apply(
            held, {"do": "label", "step": sending.step, "label": label}, revision=held.revision, actor=actor, now=now
        )
    return held


def _stale(request: HttpRequest, campaign: Campaign, sending: Sending) -> HttpResponse:
    if not pages.is_fragment(request):
        toasts.say(request, _("Somebody has changed this message meanwhile; this is how it is now."), tone="warn")
        return pages.go(request, _url(campaign, sending, request))
    context = {**frame.last_change(campaign), "url": _url(campaign, sending, request)}
    return render(request, "ui/stale.html", context, status=409)


def _around(request: HttpRequest, campaign: Campaign, sending: Sending, here: Desk) -> dict[str, Any]:
    """Everything on the page but the proof."""
    others = [
        {"sending": each, "title": _title(each), "wrong": desk.wrong(each, here.sure)}
        for each in wording.sendings(campaign.document)
    ]
    undo, redo = drafts.reach(campaign)
    user = request.user
    return {
        "campaign": campaign, "sending": sending, "body": sending.config, "title": _title(sending), "others": others,
        "person": here.person, "contact": _public(here),
        "tokens": tokens.all_of(here.values, here.sure), "snippets": SNIPPETS,
        "ready": {"skeleton": SKELETON, **{each.name: each.html for each in SNIPPETS}},
        "seen": digest.of(sending.config),
        "undo": undo, "redo": redo, "may_write": pages.may(request, "campaigns.write"),
        "own_address": trials.own_address(user, sending.channel) if isinstance(user, User) else "",
        "is_one_off": one_off.is_one(campaign.document),
        "version": campaign.version.number if campaign.version else 0,
    }  # fmt: skip


def _proved(here: Desk, proof: Proof) -> dict[str, Any]:
    return {
        "campaign": here.campaign, "sending": here.sending, "proof": proof, "person": here.person,
        "contact": _public(here),
        "problems": _said(proof.problems), "warnings": _said(proof.warnings),
        "space": workspace.current(),
        "way_out": _way_out(here), "each": _each(here, proof),
        "stop_words": f" {base.footer_words(here.values)[2]} {{{{ links.unsubscribe }}}}",
        "from": here.sending.config.get("from_name") or workspace.current().name,
    }  # fmt: skip


def _public(here: Desk) -> str:
    return publicids.encode("ctc", here.person.contact_id) if here.person.contact_id else ""


def _each(here: Desk, proof: Proof) -> Decimal:
    return desk.price(here.sending.channel) * (proof.size.parts if proof.size else 1)


def _way_out(here: Desk) -> str:
    """Where the way out comes from: "own" words, "added" below by us, or "none" (transactional)."""
    if here.message_class == "transactional":
        return "none"
    texts = " ".join(str(here.sending.config.get(name, "")) for name in ("html", "text"))
    return "own" if "links.unsubscribe" in texts or "links.preferences" in texts else "added"


def _said(found: list[Problem]) -> list[dict[str, str]]:
    return [
        {"field": name, "where": remedies.field_words(name), "words": remedies.words(problem), "code": problem.code}
        for problem in found
        for name in [remedies.field(problem)]
    ]


def _title(sending: Sending) -> str:
    """What people call a message: its label, else how it begins."""
    first = str(sending.config.get("subject") or sending.config.get("text") or "").strip()
    return sending.label or first[:60] or _("Message without words")


def _framed(request: HttpRequest, proof: Proof) -> HttpResponse:
    plain = request.GET.get("view") == "text" or not proof.html
    response = render(request, "campaigns/message/frame.html", {"proof": proof}) if plain or proof.wrong else None
    if response is None:
        response = HttpResponse(_darkened(proof.html) if request.GET.get("dark") else proof.html)
    return framing.guard(response)


def _darkened(html: str) -> str:
    """As a mail program in the dark shows a mail that says nothing about it."""
    return f"<style>:root{{color-scheme:dark}}body{{background:#1b1b1d;color:#e8e8ea}}a{{color:#8bb6fa}}</style>{html}"


def _answered(request: HttpRequest, campaign: Campaign, sending: Sending, status: int) -> HttpResponse:
    if pages.is_fragment(request):
        return HttpResponse("", status=status, content_type="text/html; charset=utf-8")
    back = request.POST.get("next", "")
    return pages.go(
        request, back if back.startswith("/") and not back.startswith("//") else _url(campaign, sending, request)
    )


def _trouble(error: Exception) -> str:
    if isinstance(error, Problems):
        return remedies.words(error.problems[0])
    if isinstance(error, Problem):
        return _PROBLEMS.get(error.code, lambda: error.detail)()
    return str(error)


_PROBLEMS: Final = {
    "required": lambda: _("Give your own mobile number; tests go there."),
    "a_customer": lambda: _("This number belongs to a contact. A test goes to your own number alone."),
    "too_many": lambda: _("That were many tests for one hour. Try again later."),
    "no_account": lambda: _("No account sends on this channel yet. Set one up in the settings."),
    "account_unusable": lambda: _("The account of this channel does not work. Look at it in the settings."),
}
