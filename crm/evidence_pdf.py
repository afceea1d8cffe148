"""The evidence of one contact as a PDF, in letters of every language we speak. Reportlab is loaded when needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from html import escape
from importlib import import_module
from io import BytesIO
from typing import Any, Final

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from crm import statements
from crm.display import CHANNELS

FONTS: Final = settings.BASE_DIR / "node_modules" / "dejavu-fonts-ttf" / "ttf"
FACES: Final = {"Proof": "DejaVuSans.ttf", "Proof-Bold": "DejaVuSans-Bold.ttf"}
MARGIN: Final = 48


class Sheet:
    """A document being put together, line by line."""

    def __init__(self) -> None:
        self.platypus = import_module("reportlab.platypus")
        self.colors = import_module("reportlab.lib.colors")
        style = import_module("reportlab.lib.styles").ParagraphStyle
        _register()
        plain = {"fontName": "Proof", "fontSize": 8.5, "leading": 12, "splitLongWords": 1}
        self.styles = {
            "text": style("text", **plain),
            "hash": style("hash", **{**plain, "fontSize": 6.5, "leading": 9, "textColor": "#5b6472"}),
            "title": style("title", fontName="Proof-Bold", fontSize=17, leading=22, spaceAfter=6),
            "head": style("head", fontName="Proof-Bold", fontSize=11, leading=15, spaceBefore=14, spaceAfter=4),
            "sub": style("sub", fontName="Proof-Bold", fontSize=9, leading=13, spaceBefore=8, spaceAfter=2),
        }
        self.story: list[Any] = []

    def add(self, text: str, style: str = "text") -> None:
        self.story.append(self.platypus.Paragraph(escape(text).replace("\n", "<br/>"), self.styles[style]))

    def facts(self, pairs: Sequence[tuple[str, Any]]) -> None:
        self.table([[name, str(value)] for name, value in pairs if value not in (None, "")], [120, 379])

    def table(self, rows: Sequence[Sequence[str]], widths: Sequence[float], *, small: bool = False) -> None:
        if not rows:
            return
        style = self.styles["hash" if small else "text"]
        cells = [[self.platypus.Paragraph(escape(cell), style) for cell in row] for row in rows]
        table = self.platypus.Table(cells, colWidths=list(widths), hAlign="LEFT", splitInRow=1)
        table.setStyle(
            [("VALIGN", (0, 0), (-1, -1), "TOP"),
             ("LINEBELOW", (0, 0), (-1, -1), 0.25, self.colors.HexColor("#d9dde3")),
             ("TOPPADDING", (0, 0), (-1, -1), 1), ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5)]
        )  # fmt: skip
        self.story.append(table)

    def finish(self, title: str) -> bytes:
        out = BytesIO()
        template = self.platypus.SimpleDocTemplate(
            out, title=title, leftMargin=MARGIN, rightMargin=MARGIN, topMargin=MARGIN, bottomMargin=MARGIN
        )
        template.build(self.story, onFirstPage=_footer, onLaterPages=_footer)
        return out.getvalue()


def render(pack: Mapping[str, Any]) -> bytes:
    """The document of `crm.evidence.pack` on paper, in the language that is spoken now."""
    sheet = Sheet()
    _who(sheet, pack)
    _standing(sheet, pack["now"])
    sheet.add(_("Everything they said"), "head")
    if not pack["receipts"]:
        sheet.add(_("Nobody has asked them anything yet."))
    for receipt in pack["receipts"]:
        _receipt(sheet, receipt)
    _messages(sheet, pack.get("messages", ()))
    return sheet.finish(_("Proof of consent"))


def _who(sheet: Sheet, pack: Mapping[str, Any]) -> None:
    contact, chain = pack["contact"], pack["chain"]
    sheet.add(_("Proof of consent"), "title")
    sheet.facts([
        (_("Contact"), f"{contact['name']} ({contact['id']})"),
        (_("Company"), ", ".join(each for each in pack["controller"].values() if each)),
        (_("Made on"), day(pack["made_at"])),
        (
            _("Proof"),
            _("The chain is whole: nothing was changed afterwards.")
            if chain["whole"] else _("The chain is broken: something was changed afterwards."),
        ),
    ])  # fmt: skip
    sheet.add(_("What they are known by"), "head")
    sheet.table(
        [
            [each["kind"], each["value"], day(each["since"]),
             f"{_('Confirmed')}: {day(each['verified_at'])}" if each["verified_at"] else ""]
            for each in contact["identifiers"]
        ],
        [80, 200, 90, 129],
    )  # fmt: skip


def _standing(sheet: Sheet, cells: Sequence[Mapping[str, Any]]) -> None:
    sheet.add(_("How it stands now"), "head")
    sheet.table(
        [
            [channel(each["channel"]), each["address"], str(statements.PURPOSES.get(each["purpose"], each["purpose"])),
             _state(each["state"]), day(each["since"])]
            for each in cells
            if each["state"] != "not_asked"
        ],
        [75, 150, 100, 84, 90],
    )  # fmt: skip


def _receipt(sheet: Sheet, receipt: Mapping[str, Any]) -> None:
    words = (
        str(statements.ACTIONS.get(receipt["action"], receipt["action"])),
        str(statements.PURPOSES.get(receipt["purpose"], receipt["purpose"])),
        channel(receipt["channel"]),
    )
    sheet.add(f"{day(receipt['occurred_at'])} · {' · '.join(words)}", "sub")
    file, wording = receipt["file"], receipt["wording"]
    evidence = {key: value for key, value in receipt["evidence"].items() if key not in ("file", "wording_sha256")}
    sheet.facts([
        (_("Address"), receipt["address"]),
        (_("How"), statements.METHODS.get(receipt["method"], receipt["method"])),
        (_("Where"), receipt["source"]),
        (_("Ground"), statements.BASES.get(receipt["basis"], receipt["basis"])),
        (_("Text shown"), f"{wording['text']} ({wording['code']})" if wording["text"] else wording["code"]),
        (_("Until"), day(receipt["until"])),
        (_("Expires"), day(receipt["expires_at"])),
        *((key, value) for key, value in sorted(evidence.items())),
        (_("File"), f"{file['name']} ({file['type']}) {file['sha256']}" if file else ""),
        (_("Recorded"), day(receipt["recorded_at"])),
        (_("Proof"), _("Unchanged") if receipt["unchanged"] else _("Changed afterwards")),
    ])  # fmt: skip
    if wording["sha256"]:
        sheet.add(f"{_('Text shown')}, SHA-256: {wording['sha256']}", "hash")
    sheet.add(f"{receipt['id']} · {receipt['chain']}/{receipt['chain_seq']} · SHA-256: {receipt['hash']}", "hash")


def _messages(sheet: Sheet, messages: Sequence[Mapping[str, Any]]) -> None:
    sheet.add(_("Messages of the last 24 months, and what they went on"), "head")
    if not messages:
        sheet.add(_("No advertising was sent to them."))
    sheet.table(
        [
            [day(each["at"]), channel(each["channel"]), each["address"], each["campaign"],
             f"{statements.BASES.get(each['basis'], each['basis'])} {each['receipt']}".strip()]
            for each in messages
        ],
        [85, 55, 120, 110, 129],
    )  # fmt: skip


def _footer(canvas: Any, document: Any) -> None:
    canvas.setFont("Proof", 7)
    canvas.drawRightString(document.pagesize[0] - MARGIN, 26, str(document.page))


@lru_cache(maxsize=1)
def _register() -> None:
    """The letters, once per process."""
    metrics, fonts = import_module("reportlab.pdfbase.pdfmetrics"), import_module("reportlab.pdfbase.ttfonts")
    for name, file in FACES.items():
        metrics.registerFont(fonts.TTFont(name, str(FONTS / file)))


def day(text: str | None) -> str:
    if not text:
        return ""
    return timezone.localtime(datetime.fromisoformat(text)).strftime("%d.%m.%Y %H:%M")


def channel(name: str) -> str:
    return str(CHANNELS[name][2]) if name in CHANNELS else name


def _state(state: str) -> str:
    return {
        "yes": _("Yes"), "no": _("No"), "not_asked": _("Not asked"), "waiting": _("Waiting for their yes"),
        "paused": _("Paused"), "expired": _("Expired"), "allowed": _("Allowed"),
    }.get(state, state)  # fmt: skip
