"""Tables of what campaigns led to, by idea."""

from analytics.models.stage import ContactStage, StageChange

__all__ = ["ContactStage", "StageChange"]
