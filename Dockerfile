FROM node:22-slim AS browser
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci

FROM python:3.11-slim
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 CAUCE_HOME=/srv/cauce DEBUG=0
RUN useradd --system --create-home --home-dir /srv/cauce cauce
WORKDIR /app
COPY requirements/base.txt requirements/base.txt
RUN pip install --no-cache-dir --require-hashes -r requirements/base.txt
COPY --from=browser /build/node_modules node_modules
COPY . .
# Secrets of the build only: collecting files needs settings, not an installation.
RUN SECRET_KEY=build-only-build-only-build-only-build-only-build \
    SUPPRESSION_PEPPER=build-only-build-only-build-only-build-only-build \
    python manage.py collectstatic --noinput \
    && for file in locale/*/LC_MESSAGES/django.po; do pybabel compile -i "$file" -o "${file%.po}.mo"; done \
    && chown -R cauce /srv/cauce
USER cauce
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "config.wsgi:application", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--blocking-threads", "8", "--no-access-log"]
