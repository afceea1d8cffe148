"""Settings: everything that differs between installations comes from the environment.

`.env.example` documents each variable. Without any of them a development
installation runs, with embedded servers and all state under `CAUCE_HOME`.
"""

from __future__ import annotations

from datetime import timedelta

from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from config import broker, embedded, places
from config.environment import env, provider_urls

BASE_DIR = places.CHECKOUT
CAUCE_HOME = places.home_from()

# What kind of installation this is
DEBUG = env.bool("DEBUG", default=True)
CAUCE_MODE = env.str("CAUCE_MODE", default="live")
TESTING_CLOCK = env.bool("TESTING_CLOCK", default=False)
DEVELOPMENT_SECRET = "development-only-secret-that-production-refuses-to-start-with"  # noqa: S105
SECRET_KEY = env.str("SECRET_KEY", default=DEVELOPMENT_SECRET)
SUPPRESSION_PEPPER = env.str("SUPPRESSION_PEPPER", default=DEVELOPMENT_SECRET)
if CAUCE_MODE not in {"live", "test"}:
    raise ImproperlyConfigured(f"CAUCE_MODE is {CAUCE_MODE!r}; it may be live or test.")
if not DEBUG:
    for name, value in (("SECRET_KEY", SECRET_KEY), ("SUPPRESSION_PEPPER", SUPPRESSION_PEPPER)):
        if value == DEVELOPMENT_SECRET or len(value) < 32:
            raise ImproperlyConfigured(
                f"{name} is missing or too short. With DEBUG=0 set it to 50 random characters, for example from "
                '`python -c "import secrets; print(secrets.token_urlsafe(50))"`, and keep it for ever.'
            )
    if TESTING_CLOCK and CAUCE_MODE != "test":
        raise ImproperlyConfigured("TESTING_CLOCK=1 is refused with DEBUG=0 unless CAUCE_MODE=test.")

# Where it is reached
BASE_URL = env.str("BASE_URL", default="http://localhost:8000").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["*"] if DEBUG else [])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[BASE_URL])
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "crispy_forms",
    "crispy_bootstrap5",
    "django_htmx",
    "csp",
    "crm",
    "channels",
    "campaigns",
    "analytics",
    "config",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.probes",
    "config.middleware.request_log",
    "config.middleware.business_clock",
    "config.middleware.local_time",
    "crm.rest.requestlog.middleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "config.middleware.toasts",
    "config.middleware.NoText",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "config.context.shell",
            ],
        },
    },
]
CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"

# The database: PostgreSQL 15 or newer; the embedded one where no URL is given
EMBEDDED_DATABASE = not env.str("DATABASE_URL", default="")
DATABASE_URL = env.str("DATABASE_URL", default="") or embedded.url(CAUCE_HOME)
DATABASES = {
    "default": env.db_url_config(DATABASE_URL)
    | {
        "CONN_MAX_AGE": env.int("DATABASE_CONN_MAX_AGE", default=600),
        "CONN_HEALTH_CHECKS": True,
        # Explicit transactions only: the request log must survive a rollback.
        "ATOMIC_REQUESTS": False,
    }
}
# The name under which this process shows in pg_stat_activity; the status page reads it.
PROCESS_NAME = env.str("CAUCE_PROCESS", default="command")
DATABASES["default"].setdefault("OPTIONS", {})["application_name"] = f"cauce {PROCESS_NAME}"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "crm.User"

# Celery is the bell, PostgreSQL the queue: a lost message costs nothing but time
EMBEDDED_BROKER = not env.str("CELERY_BROKER_URL", default="")
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="") or broker.url(CAUCE_HOME)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 0.5, "visibility_timeout": 600}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_DEFAULT_QUEUE = "cauce"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONCURRENCY = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True
CELERY_BEAT_SCHEDULER = "config.beat:Scheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 1
# Seconds for which a task goes on with its round, and the lease of what it claims.
ROUND_BUDGET_SECONDS = env.int("ROUND_BUDGET_SECONDS", default=20)
LEASE_SECONDS = env.int("LEASE_SECONDS", default=60)

# Sending
EMAIL_URL = env.str("EMAIL_URL", default="")
PROVIDER_BASE_URLS = provider_urls()
PROVIDER_TIMEOUT = env.float("PROVIDER_TIMEOUT", default=10.0)
# Whom to ask whether a sender's domain is set up, "192.0.2.1" or "127.0.0.1:5353"; empty: as this machine does.
DNS_RESOLVER = env.str("DNS_RESOLVER", default="")
HANDOFF_MICRO_BATCH = env.int("HANDOFF_MICRO_BATCH", default=50)
# A start mark per message; without them a killed worker leaves a whole batch `unknown`.
HANDOFF_MARKS = env.bool("HANDOFF_MARKS", default=True)
EGRESS_ALLOWED_HOSTS = env.list("EGRESS_ALLOWED_HOSTS", default=[])
# Sites to which a form may lead after it was sent.
FORM_REDIRECT_HOSTS = env.list("FORM_REDIRECT_HOSTS", default=[])
# Login mails only; campaigns leave through the outbox.
_mail = (
    env.email_url_config(EMAIL_URL)
    if EMAIL_URL
    else {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
)
EMAIL_BACKEND = _mail.get("EMAIL_BACKEND")
EMAIL_HOST = _mail.get("EMAIL_HOST", "localhost")
EMAIL_PORT = _mail.get("EMAIL_PORT") or 25
EMAIL_HOST_USER = _mail.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = _mail.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = bool(_mail.get("EMAIL_USE_TLS", False))
EMAIL_USE_SSL = bool(_mail.get("EMAIL_USE_SSL", False))
EMAIL_TIMEOUT = PROVIDER_TIMEOUT
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Cauce <hello@example.com>")

# Words and time
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("es", _("Spanish")), ("ru", _("Russian"))]
LOCALE_PATHS = [BASE_DIR / "locale"]

# People and sessions
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
# The demo shop: how many customers it has, and how many weeks of it are lived through.
DEMO_CONTACTS = env.int("DEMO_CONTACTS", default=600)
DEMO_WEEKS = env.int("DEMO_WEEKS", default=8)
# The password of the demo people; `up` prints it, production has no demo people.
DEMO_PASSWORD = env.str("DEMO_PASSWORD", default="cauce-demo-2026")
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
SESSION_COOKIE_AGE = int(timedelta(days=14).total_seconds())
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"

# Transport security, where the public address is https
_https = BASE_URL.startswith("https://")
SESSION_COOKIE_SECURE = _https
CSRF_COOKIE_SECURE = _https
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=_https and not DEBUG)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31536000 if _https and not DEBUG else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("SECURE_HSTS_INCLUDE_SUBDOMAINS", default=_https)
SECURE_HSTS_PRELOAD = env.bool("SECURE_HSTS_PRELOAD", default=_https)
if env.bool("BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "worker-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024

# Static files: served from where npm put them; production collects and compresses
STATIC_URL = "/static/"
STATIC_ROOT = CAUCE_HOME / "static"
MEDIA_URL = "/media/"
MEDIA_ROOT = CAUCE_HOME / "media"
_libraries = {
    "bootstrap": "bootstrap/dist",
    "inter": "@fontsource-variable/inter",
    "tabler": "@tabler/icons/icons",
}
STATICFILES_DIRS = [BASE_DIR / "static"] + [
    (prefix, str(BASE_DIR / "node_modules" / folder))
    for prefix, folder in _libraries.items()
    if prefix != "tabler" and (BASE_DIR / "node_modules" / folder).is_dir()
]
# Icons are inlined by a template tag, so their 6,000 files are not served.
ICONS_DIR = BASE_DIR / "node_modules" / _libraries["tabler"]
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_AUTOREFRESH = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# Requests a minute, over all web processes: of a key or user, and of an address that shows neither.
API_RATE_PER_MINUTE = env.int("API_RATE_PER_MINUTE", default=12_000)
API_RATE_PER_MINUTE_UNKNOWN = env.int("API_RATE_PER_MINUTE_UNKNOWN", default=600)
# The views of the API name their parts themselves (`crm.rest.endpoint`): a default that imports
# views while DRF is being imported is a circle.
REST_FRAMEWORK = {
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "crm.rest.problems.handle",
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Cauce",
    "DESCRIPTION": "People, what they allowed, what they did, and the campaigns that answer.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "OAS_VERSION": "3.1.0",
    "COMPONENT_SPLIT_REQUEST": True,
    "AUTHENTICATION_WHITELIST": ["crm.rest.keys.KeyAuthentication", "crm.rest.keys.SessionAuthentication"],
    # Closed lists stand where they are used; as components their names would collide.
    "POSTPROCESSING_HOOKS": [],
}

# One JSON line per event on stderr, with ids and never with addresses
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "config.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},
        "celery": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        "django_celery_beat": {"level": "WARNING"},
        "kombu": {"level": "WARNING"},
    },
}
# Readiness: beat is late when it has been silent for this long.
BEAT_SILENT_SECONDS = env.int("BEAT_SILENT_SECONDS", default=30)
