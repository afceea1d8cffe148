"""What we say to whom, when, and what happens next."""

from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate, pre_migrate

        from campaigns import access, database, erasure, joining, pictures, stops, vetoes
        from channels import images
        from crm import registry

        pre_migrate.connect(database.uninstall, sender=self)
        post_migrate.connect(database.install, sender=self)
        vetoes.register()
        images.users.add("campaigns", pictures.uses)
        registry.access_parts.add("journeys", access.journeys)
        registry.erasures.add("campaigns", erasure.TREATED, order=30)
        registry.contact_joins.add("campaigns", joining.solve)
        registry.contact_splits.add("campaigns", joining.part)
        registry.contact_stops.add("campaigns", stops.stop, order=10)
        for table, rows in joining.IMAGES.items():
            registry.contact_images.add(table, rows)
        for table in (
            "campaigns_enrolment", "campaigns_subscription", "campaigns_arm",
            "campaigns_conversion", "campaigns_pendingentry", "campaigns_refusal", "campaigns_candidate",
        ):  # fmt: skip
            registry.contact_tables.add(table, "contact_id")
