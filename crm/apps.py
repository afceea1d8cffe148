"""The ground floor: who people are, what they allowed, what they did."""

from django.apps import AppConfig

# Files by which upper floors introduce themselves.
DISCOVERED = ("rounds", "reactions", "segment_rules", "segment_words", "invariants", "finders", "timeline_words",
              "retained")  # fmt: skip


class CrmConfig(AppConfig):
    name = "crm"

    def ready(self) -> None:
        # Upper floors introduce themselves: every app may hang its reactions,
        # its rules and its rounds of work on the registries of this floor.
        from django.db.backends.signals import connection_created
        from django.db.models.signals import post_migrate, pre_migrate
        from django.utils.module_loading import autodiscover_modules

        from crm import database
        from crm.till import kinds

        connection_created.connect(database.prepare)
        pre_migrate.connect(database.uninstall, sender=self)
        post_migrate.connect(database.install, sender=self)
        autodiscover_modules(*DISCOVERED)
        kinds.register()
