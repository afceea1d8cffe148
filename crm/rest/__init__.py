"""How the house speaks over HTTP: keys, permissions, limits, idempotency, pages, problems and shapes."""
