"""What people fill in about figures: a KPI, and its target alone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _

from analytics import metrics
from analytics.models import Kpi, Period
from crm import workspace
from crm.models import User
from crm.models.team import Role

HUNDRED = Decimal(100)


class Target(forms.DecimalField):
    """A target as people write it: a share in per cent."""

    def __init__(self, **more: Any) -> None:
        super().__init__(
            label=_("Target"), required=False, min_value=Decimal(0), max_digits=14, decimal_places=4,
            widget=forms.NumberInput({"step": "any", "inputmode": "decimal"}), **more,
        )  # fmt: skip


def unit_words(metric: metrics.Metric) -> str:
    """What a target is written in."""
    if metric.unit == "money":
        return workspace.current().currency
    return "%" if metric.is_share else str(_("a number"))


def stored(metric: metrics.Metric, target: Decimal | None) -> Decimal | None:
    return target / HUNDRED if target is not None and metric.is_share else target


def written(kpi: Kpi) -> Decimal | None:
    if kpi.target is None:
        return None
    metric = metrics.SHIPPED.get(kpi.metric)
    value = kpi.target * HUNDRED if metric and metric.is_share else kpi.target
    return Decimal(format(value.normalize(), "f"))


class KpiForm(forms.Form):
    metric = forms.ChoiceField(label=_("Figure"))
    name = forms.CharField(
        label=_("Name"), max_length=80, required=False, help_text=_("Empty: the figure's own name.")
    )  # fmt: skip
    target = Target(help_text=_("Shares in per cent. Empty: shown without a target."))
    period = forms.ChoiceField(label=_("Period"), choices=Period.choices, initial=Period.MONTH)
    owner = forms.ModelChoiceField(
        label=_("Owner"), required=False, queryset=User.objects.none(), empty_label=_("Nobody")
    )  # fmt: skip

    def __init__(self, *args: Any, kpi: Kpi | None = None, **kwargs: Any) -> None:
        if kpi is not None:
            values = {name: getattr(kpi, name) for name in ("metric", "name", "period")}
            kwargs["initial"] = {**values, "owner": kpi.owner_id, "target": written(kpi)}
        super().__init__(*args, **kwargs)
        self.fields["metric"].choices = [(name, lazystr(metric.words)) for name, metric in metrics.SHIPPED.items()]  # type: ignore[attr-defined]
        self.fields["owner"].queryset = (  # type: ignore[attr-defined]
            User.objects.filter(is_active=True)
            .exclude(memberships__role__in=[Role.STORE_STAFF, Role.CALL_AGENT])
            .order_by("name", "email")
        )

    def values(self) -> dict[str, Any]:
        data = self.cleaned_data
        metric = metrics.SHIPPED[data["metric"]]
        return {
            "metric": metric.name,
            "name": data["name"].strip(),
            "target": stored(metric, data["target"]),
            "period": data["period"],
            "owner_id": data["owner"].pk if data["owner"] else None,
        }


class TargetForm(forms.Form):
    target = Target()

    def __init__(self, data: Any = None, *, kpi: Kpi) -> None:
        super().__init__(data, initial={"target": written(kpi)}, auto_id=f"target-{kpi.pk}-%s")
        self.metric = metrics.SHIPPED[kpi.metric]
        self.fields["target"].help_text = unit_words(self.metric)
        self.fields["target"].widget.attrs["aria-describedby"] = f"target-{kpi.pk}_error"

    def value(self) -> Decimal | None:
        return stored(self.metric, self.cleaned_data["target"])
