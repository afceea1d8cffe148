"""What the office does with forms: the one writer of Form and FormFile."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from crm import audit, ownfields
from crm.capturing import blocks, seats
from crm.errors import Problem, Problems
from crm.models import Form, FormFile, Product, Wording

LARGEST: Final = 10 * 1024 * 1024
# What is given to download; anything else would be something to run.
FILES: Final = {
    "pdf": "application/pdf", "epub": "application/epub+zip", "zip": "application/zip", "png": "image/png",
    "jpg": "image/jpeg", "jpeg": "image/jpeg", "mp3": "audio/mpeg", "csv": "text/csv", "txt": "text/plain",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}  # fmt: skip


def begin(name: str, kind: str, language: str, *, by: int | None, actor: str, now: datetime) -> Form:
    """A new form, not published. Raises Problem."""
    name = " ".join(name.split())[:120]
    if not name:
        raise Problem("/name", "required", _("Give it a name."))
    stem = slugify(name)[:50].strip("-") or "form"
    for number in range(1, 100):
        slug = stem if number == 1 else f"{stem}-{number}"
        try:
            with transaction.atomic():
                form = Form.objects.create(
                    name=name, slug=slug, kind=kind, language=language, document=blocks.empty(kind), made_by_id=by,
                    created_at=now, updated_at=now,
                )  # fmt: skip
                audit.record(actor, "form.add", f"form:{slug}", None, {"name": name, "kind": kind})
            return form
        except IntegrityError:
            continue
    raise Problem("/name", "taken", _("Many forms have this name already. Choose another one."))


def save(number: int, document: Mapping[str, Any], name: str, language: str, *, actor: str, now: datetime) -> Form:
    """Keep what was worked on; what is published stays as it is."""
    with transaction.atomic():
        form = Form.objects.select_for_update(no_key=True).get(pk=number)
        before = {"name": form.name, "language": form.language, "document": form.document}
        form.document, form.updated_at = dict(document), now
        form.name = " ".join(name.split())[:120] or form.name
        form.language = language if language in dict(settings.LANGUAGES) else form.language
        form.save(update_fields=["document", "updated_at", "name", "language"])
        after = {"name": form.name, "language": form.language, "document": form.document}
        if before != after:
            audit.record(actor, "form.change", f"form:{form.slug}", before, after)
    return form


def known() -> blocks.Known:
    """What documents are checked against."""
    wordings = dict(Wording.objects.values_list("code", "purpose"))
    skus = Product.objects.filter(active=True).values_list("sku", flat=True)
    return blocks.Known(ownfields.known(), wordings, settings.FORM_REDIRECT_HOSTS, _Skus(skus))


class _Skus:
    """The catalogue, asked by article number."""

    def __init__(self, rows: Any) -> None:
        self.rows = rows

    def __contains__(self, sku: object) -> bool:
        return bool(self.rows.filter(sku=sku).exists())

    def __iter__(self) -> Any:
        return iter(self.rows)

    def __len__(self) -> int:
        return int(self.rows.count())


def problems(form: Form) -> list[Problem]:
    """What stands against publishing it."""
    found = blocks.problems(form.document, form.kind, known())
    if form.kind == "leadmagnet" and not FormFile.objects.filter(form=form).exists():
        found.append(Problem("/file", "required", "Add the file."))
    return found


def publish(number: int, *, actor: str, now: datetime) -> Form:
    """What is worked on is what the world sees from now on. Raises Problems."""
    with transaction.atomic():
        form = Form.objects.select_for_update(no_key=True).get(pk=number)
        wrong = problems(form)
        if wrong:
            raise Problems(wrong)
        form.live, form.published_at = form.document, now
        form.save(update_fields=["live", "published_at"])
        if form.kind == "event":
            seats.resize(form, now)
        audit.record(actor, "form.publish", f"form:{form.slug}", None, form.live)
    return form


def withdraw(number: int, *, actor: str) -> Form:
    """The world does not see it any more; its answers stay."""
    return _set(number, {"live": None, "published_at": None}, "form.withdraw", actor)


def archive(number: int, at: datetime | None, *, actor: str) -> Form:
    """Out of the list, and closed (`at`); or in the list again (None), not published."""
    values = {"archived_at": at, "live": None, "published_at": None}
    return _set(number, values, "form.archive" if at else "form.restore", actor)


def put_file(form: Form, name: str, content: bytes, *, actor: str) -> FormFile:
    """What it gives. Raises Problem."""
    name = name.replace("\\", "/").rpartition("/")[2]
    name = "".join(each for each in name if each.isprintable() and each not in '"<>').strip()[:160]
    ending = name.rpartition(".")[2].lower()
    if not content:
        raise Problem("/file", "required", _("Choose a file."))
    if len(content) > LARGEST:
        raise Problem("/file", "too_large", _("A file may have 10 MB."))
    if ending not in FILES:
        raise Problem("/file", "not_a_kind", _("Files of this kind are not given. A PDF is what everybody can open."))
    values = {"name": name, "media_type": FILES[ending], "size": len(content), "content": content}
    with transaction.atomic():
        row, _new = FormFile.objects.update_or_create(form=form, defaults=values)
        audit.record(actor, "form.file", f"form:{form.slug}", None, {"name": name, "size": len(content)})
    return row


def _set(number: int, values: Mapping[str, Any], action: str, actor: str) -> Form:
    with transaction.atomic():
        form = Form.objects.select_for_update(no_key=True).get(pk=number)
        for name, value in values.items():
            setattr(form, name, value)
        form.save(update_fields=list(values))
        audit.record(actor, action, f"form:{form.slug}", None, None)
    return form


def published(slug: str) -> Form | None:
    """The form of this address, if the world may see it."""
    return Form.objects.filter(slug=slug, archived_at=None, live__isnull=False).first()
