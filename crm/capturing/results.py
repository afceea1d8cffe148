"""What came back: counts for the list of forms, answers a page at a time, and what each question was answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from crm.capturing import blocks, showing
from crm.models import Form, FormAnswer


@dataclass(frozen=True)
class Standing:
    """How a form does. `rate`: answers of views in percent, None without views."""

    views: int = 0
    answers: int = 0
    last: datetime | None = None

    @property
    def rate(self) -> float | None:
        return min(100.0, 100 * self.answers / self.views) if self.views else None


@dataclass(frozen=True)
class Score:
    """Net promoter score: promoters (9, 10) less detractors (0 to 6), in points of a hundred."""

    promoters: int
    passives: int
    detractors: int

    @property
    def total(self) -> int:
        return self.promoters + self.passives + self.detractors

    @property
    def value(self) -> float | None:
        return round(100 * (self.promoters - self.detractors) / self.total, 1) if self.total else None


@dataclass
class Question:
    """A question and how often each answer was given: (words, count)."""

    label: str
    answers: list[tuple[str, int]] = field(default_factory=list)


def standings(forms: Sequence[int]) -> dict[int, Standing]:
    """Two queries for any number of forms; sums of days, so that nothing is counted row by row."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT f.id, d.views, d.answers,
                      (SELECT a.at FROM crm_formanswer a WHERE a.form_id = f.id ORDER BY a.id DESC LIMIT 1)
               FROM unnest(%s::bigint[]) AS f(id)
               LEFT JOIN (SELECT form_id, sum(views) AS views, sum(answers) AS answers FROM crm_formday
                          WHERE form_id = ANY(%s) GROUP BY form_id) d ON d.form_id = f.id""",
            [list(forms), list(forms)],
        )
        return {row[0]: Standing(int(row[1] or 0), int(row[2] or 0), row[3]) for row in cursor.fetchall()}


def placements(form: Form) -> list[tuple[str, Standing]]:
    """By where it was opened, the most answered first."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT placement, sum(views), sum(answers) FROM crm_formday WHERE form_id = %s
               GROUP BY placement ORDER BY sum(answers) DESC, placement LIMIT 50""",
            [form.pk],
        )
        return [(row[0], Standing(int(row[1]), int(row[2]))) for row in cursor.fetchall()]


def score(form: Form) -> Score:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FILTER (WHERE score >= 9), count(*) FILTER (WHERE score IN (7, 8)),
                      count(*) FILTER (WHERE score <= 6)
               FROM crm_formanswer WHERE form_id = %s AND score IS NOT NULL""",
            [form.pk],
        )
        return Score(*cursor.fetchone())


def questions(form: Form) -> list[Question]:
    """What was chosen, for each question of the form as it stands."""
    counted: dict[tuple[str, str], int] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT e.key, e.value, count(*) FROM crm_formanswer a, jsonb_each_text(a.answers) AS e
               WHERE a.form_id = %s AND e.key = ANY(%s) GROUP BY e.key, e.value""",
            [form.pk, [block["id"] for block in blocks.of_type(form.document, "question", "nps")]],
        )
        for block_id, value, count in cursor.fetchall():
            counted[block_id, value] = count
    return [
        Question(block["label"], [(words, counted.get((block["id"], value), 0)) for value, words in _options(block)])
        for block in blocks.of_type(form.document, "question", "nps")
    ]


def outcomes(form: Form) -> list[tuple[str, int]]:
    """How often each result of a quiz came out."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT result, count(*) FROM crm_formanswer WHERE form_id = %s AND result <> '' GROUP BY result", [form.pk]
        )
        counted = dict(cursor.fetchall())
    return [(each["title"], counted.get(each["key"], 0)) for each in form.document.get("results", [])]


def answers(form: Form) -> QuerySet[FormAnswer]:
    return FormAnswer.objects.filter(form=form).select_related("contact")


def columns(form: Form) -> list[tuple[str, str]]:
    """(block, its name) of whatever is asked."""
    asked = blocks.of_type(form.document, "field", "consent", "question", "nps")
    return [(block["id"], block.get("label") or showing.label(block.get("field", "")) or block.get("wording", ""))
            for block in asked]  # fmt: skip


def cells(form: Form, answer: FormAnswer, shown: Sequence[tuple[str, str]]) -> Iterator[str]:
    """The values in words, in the order of `columns`."""
    options: Mapping[str, dict[str, str]] = {
        block["id"]: dict(_options(block)) for block in blocks.of_type(form.document, "question")
    }
    for block_id, _name in shown:
        value = answer.answers.get(block_id)
        if isinstance(value, list):
            yield ", ".join(str(each) for each in value)
        elif block_id in options:
            yield options[block_id].get(str(value), "")
        else:
            yield "" if value is None else "✓" if value is True else str(value)


def _options(block: Mapping[str, Any]) -> list[tuple[str, str]]:
    if block["type"] == "nps":
        return [(str(each), str(each)) for each in range(11)]
    return [(answer["id"], answer["text"]) for answer in block["answers"]]
