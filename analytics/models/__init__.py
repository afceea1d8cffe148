"""Tables of what campaigns led to, by idea."""

from analytics.models.figure import Figure, Reading, StaleDay, Standing
from analytics.models.kpi import Kpi, Period
from analytics.models.stage import ContactStage, StageChange

__all__ = ["ContactStage", "Figure", "Kpi", "Period", "Reading", "StageChange", "StaleDay", "Standing"]
