"""`manage.py create_api_key --role admin --name "Shop"`: prints the key alone on its last line."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from crm import access, apikeys, audit
from crm.models import Store, User


class Command(BaseCommand):
    help = "Make an API key. It is printed once, alone on the last line, and kept only as a hash."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--role", required=True, choices=sorted(access.KEY_ROLES))
        parser.add_argument("--name", required=True, help="what it is for, as it appears in lists and the audit log")
        parser.add_argument("--store", help="the code of the store a store key is for")
        parser.add_argument("--by", help="the e-mail of the person it is made for")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"].strip()
        if not 0 < len(name) <= 120:
            raise CommandError("The name has 1 to 120 characters.")
        store = None
        if options["store"]:
            store = Store.objects.filter(code=options["store"]).first()
            if store is None:
                raise CommandError(f"There is no store {options['store']!r}.")
        maker = User.objects.filter(email=options["by"].lower()).first() if options["by"] else None
        if options["by"] and maker is None:
            raise CommandError(f"Nobody works here as {options['by']!r}.")
        secret = apikeys.create(options["role"], name, store=store, made_by=maker)
        audit.record("command", "key.create", f"key:{name}", after={"role": options["role"], "name": name})
        self.stdout.write(f"A {options['role']} key for {name}; it is shown only now:", self.style.SUCCESS)
        self.stdout.write(secret)
