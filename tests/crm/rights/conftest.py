"""Stories over REST, and files that Ada brings."""

from tests.crm.imports.conftest import _own_files, ada, bring
from tests.flows.conftest import example, shop, wait

__all__ = ["_own_files", "ada", "bring", "example", "shop", "wait"]
