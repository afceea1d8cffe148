"""How somebody likes their screens, kept with the person. The one writer of `User.preferences`."""

from __future__ import annotations

import json
from typing import Any

from django.db import connection

from crm.models import User


def keep(user: User, name: str, value: Any) -> None:
    """Remember one thing; others that are set at the same time stay."""
    user.preferences = {**user.preferences, name: value}
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE crm_user SET preferences = jsonb_set(preferences, ARRAY[%s], %s::jsonb) WHERE id = %s",
            [name, json.dumps(value), user.pk],
        )


def of(user: User, name: str, default: Any = None) -> Any:
    return user.preferences.get(name, default)
