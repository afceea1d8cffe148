"""Settings of the test suite: `DATABASE_URL` if given, else an embedded server of its own.

Several people may run the suite at once on one server: `TEST_DB_NAME` names the
database. The server stays while anybody uses it and stops with the last one.
"""

from __future__ import annotations

import os

os.environ.setdefault("CAUCE_ENV_FILE", "none")
os.environ.setdefault("CAUCE_MODE", "test")
os.environ.setdefault("TESTING_CLOCK", "1")
os.environ.setdefault("CAUCE_PROCESS", "tests")

from config import embedded, places

# Its own home beside the one of `make run`, so that tests never touch its data.
os.environ.setdefault("CAUCE_HOME", str(places.CHECKOUT / ".cauce" / "test"))

from config.settings import *
from config.settings import CAUCE_HOME, DATABASES, EMBEDDED_DATABASE, LOGGING, STATIC_ROOT

if EMBEDDED_DATABASE:
    embedded.ensure(CAUCE_HOME, durable=False)
    embedded.release_at_exit(CAUCE_HOME)

DEBUG = False
TESTING_CLOCK = True
DATABASES["default"]["TEST"] = {"NAME": os.environ.get("TEST_DB_NAME", "test_cauce")}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
ALLOWED_HOSTS = ["*"]
# Bells of code under test go nowhere; reliability tests start real workers on a real broker.
CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL") or "memory://"
WHITENOISE_USE_FINDERS = True
# A file is looked for when it is asked for: each test client would look through all of them when it begins.
WHITENOISE_AUTOREFRESH = True
SECURE_SSL_REDIRECT = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # whitenoise warns where it is missing
LOGGING = LOGGING | {"root": {"handlers": ["stderr"], "level": os.environ.get("LOG_LEVEL", "WARNING")}}
