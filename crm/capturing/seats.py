"""Places at an event: never more booked than there are, the others wait in their order. The one writer of FormSeat.

Who takes or frees a seat holds the row of the form, so that counting and taking are one (contact first, then form:
the order of the house).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.core import signing
from django.db import connection, transaction
from django.db.models import QuerySet

from crm import clock, moments, timeline, workspace
from crm.capturing import blocks, letters
from crm.models import Form, FormAnswer, FormSeat

SALT: Final = "cauce.form.seat"
REMIND_BEFORE: Final = timedelta(days=1)
BATCH: Final = 200
State = FormSeat.State


def take(form: Form, answer: FormAnswer, now: datetime) -> FormSeat:
    """A seat, or a place in the queue. Who has one keeps it; the answer says what everybody would be told."""
    live = _hold(form.pk)
    free = _free(form.pk, live)
    answer.result = str(State.BOOKED if free else State.WAITING)
    answer.save(update_fields=["result"])
    mine = FormSeat.objects.filter(form=form, contact=answer.contact_id).exclude(state=State.CANCELLED).first()
    if mine is not None:
        return mine
    seat = FormSeat.objects.create(
        form=form, contact_id=answer.contact_id or 0, answer=answer, state=State.BOOKED if free else State.WAITING,
        booked_at=now if free else None, created_at=now,
    )  # fmt: skip
    letters.want("seat" if free else "waiting", answer, now)
    _tell("Seat Booked" if free else "Seat Waitlisted", seat, form, now)
    return seat


def cancel(number: int, now: datetime) -> FormSeat | None:
    """Give it back; the first who waits has it then. Twice is once; None if there is no such seat."""
    with transaction.atomic():
        found = FormSeat.objects.select_related("form").filter(pk=number).first()
        if found is None:
            return None
        live = _hold(found.form_id)
        found.refresh_from_db()
        if found.state == State.CANCELLED or found.checked_in_at:
            return found
        found.state = State.CANCELLED
        found.save(update_fields=["state"])
        _tell("Seat Cancelled", found, found.form, now)
        promote(found.form, live, now)
    return found


def promote(form: Form, live: dict[str, Any], now: datetime) -> int:
    """Free seats go to those who wait longest. The caller holds the form."""
    free = _free(form.pk, live)
    waiting = FormSeat.objects.filter(form=form, state=State.WAITING).select_related("answer").order_by("pk")
    moved = list(waiting[: max(free, 0)])
    for seat in moved:
        seat.state, seat.booked_at = State.BOOKED, now
        seat.save(update_fields=["state", "booked_at"])
        letters.want("promoted", seat.answer, now)
        _tell("Seat Booked", seat, form, now)
    return len(moved)


def resize(form: Form, now: datetime) -> None:
    """More seats were published: who waits gets them. The caller is in a transaction."""
    promote(form, _hold(form.pk), now)


def check_in(number: int, now: datetime) -> FormSeat | None:
    """They are here; twice is once. A seat that is not booked is not taken."""
    with transaction.atomic():
        seat = FormSeat.objects.select_for_update(of=("self",), no_key=True).select_related("form", "contact").filter(
            pk=number).first()  # fmt: skip
        if seat is None or seat.state != State.BOOKED or seat.checked_in_at:
            return seat
        seat.checked_in_at = now
        seat.save(update_fields=["checked_in_at"])
        _tell("Event Attended", seat, seat.form, now)
    return seat


def remind() -> int:
    """Letters to those whose event is a day away."""
    now = clock.now()
    moved = 0
    for form in _near(now):
        with transaction.atomic():
            due = list(
                FormSeat.objects.select_for_update(of=("self",), skip_locked=True, no_key=True)
                .filter(form=form, state=State.BOOKED, reminded_at=None)
                .select_related("answer")
                .order_by("pk")[:BATCH]
            )
            for seat in due:
                letters.want("reminder", seat.answer, now)
            FormSeat.objects.filter(pk__in=[seat.pk for seat in due]).update(reminded_at=now)
        moved += len(due)
    return moved


def reminders() -> int:
    return FormSeat.objects.filter(form__in=_near(clock.now()), state=State.BOOKED, reminded_at=None).count()


def _near(now: datetime) -> list[Form]:
    """Events that begin within a day and have not begun."""
    rows = Form.objects.filter(kind="event", live__isnull=False, archived_at=None)
    return [form for form in rows if (at := begins(form)) and at - REMIND_BEFORE <= now < at]


def begins(form: Form) -> datetime | None:
    """The instant, by the workspace's zone."""
    local = blocks.starts((form.live or form.document).get("event", {}))
    if local is None:
        return None
    return moments.at_local(local.date(), local.time(), workspace.current().zone).astimezone(UTC)


def of(form: Form) -> QuerySet[FormSeat]:
    return FormSeat.objects.filter(form=form).select_related("contact", "answer")


def token(seat: int) -> str:
    return signing.dumps(seat, salt=SALT)


def read(text: str) -> int | None:
    try:
        found = signing.loads(text[:200], salt=SALT)
    except signing.BadSignature:
        return None
    return found if isinstance(found, int) else None


def _hold(form: int) -> dict[str, Any]:
    """Lock the form for seats and answer what is published. `NO KEY`: answers refer to the row all the time."""
    row = Form.objects.select_for_update(no_key=True).only("live", "document").get(pk=form)
    live: dict[str, Any] = row.live or row.document
    return live


def _free(form: int, live: dict[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM crm_formseat WHERE form_id = %s AND state = 'booked'", [form])
        taken = int(cursor.fetchone()[0])
    return max(0, int(live.get("event", {}).get("seats") or 0) - taken)


def _tell(name: str, seat: FormSeat, form: Form, now: datetime) -> None:
    event = (form.live or form.document).get("event", {})
    told = {"form": form.name, "form_id": form.slug, "placement": seat.answer.placement, "date": event.get("date", ""),
            "place": event.get("place", "")}  # fmt: skip
    timeline.record([timeline.NewFact(seat.contact_id, name, told, now, source=f"form:{form.slug}")], now=now)
