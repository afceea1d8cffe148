"""The descriptions of this floor's leaves. Importing the package registers them."""

from crm.segments.editors import deeds, groups, person

__all__ = ["deeds", "groups", "person"]
