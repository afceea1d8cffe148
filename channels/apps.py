"""How a message leaves and how its fate comes back."""

from django.apps import AppConfig


class ChannelsConfig(AppConfig):
    name = "channels"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate, pre_migrate

        from channels import access, accounts, database, erasure, evidence, form_pictures, images, processing
        from channels.outbox import revocation
        from channels.webhooks import telling
        from crm import registry

        pre_migrate.connect(database.uninstall, sender=self)
        post_migrate.connect(database.install, sender=self)
        registry.withdrawal_listeners.add("outbox", revocation.obey_withdrawals)
        registry.contact_stops.add("channels", revocation.stop, order=20)
        registry.contact_tables.add("channels_message", "contact_id")
        registry.contact_tables.add("channels_webhookdelivery", "contact_id")
        # A message of a run that ends with the join is recalled.
        registry.contact_images.add("channels_message", "t.settled_at IS NULL")
        registry.contact_joins.add("channels.webhooks", telling.joined, order=200)
        registry.change_listeners.add("channels.webhooks", telling.changed)
        registry.erasure_listeners.add("channels.webhooks", telling.erased)
        registry.founders.add("accounts", accounts.ensure)
        registry.evidence_parts.add("messages", evidence.messages)
        registry.access_parts.add("messages", access.messages)
        registry.access_parts.add("recipients", access.recipients)
        registry.processors.add("channels", processing.recipients)
        registry.erasures.add("channels", erasure.TREATED, order=20)
        images.users.add("forms", form_pictures.uses)
