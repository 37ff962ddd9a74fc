# The image holds no PostgreSQL: give it a DATABASE_URL.
# --build-arg PACKAGES=requirements-otel.lock adds what OpenTelemetry's traces need.
FROM python:3.13-slim-bookworm AS packages
ARG PACKAGES=requirements-runtime.lock
WORKDIR /hearth
COPY requirements-runtime.lock requirements-otel.lock ./
RUN python -m venv /venv \
    && /venv/bin/python -m pip install --no-cache-dir --require-hashes -r "$PACKAGES" \
    && /venv/bin/python -m pip uninstall --yes pip
COPY alembic.ini ./
COPY migrations migrations
COPY app app
# The container's file system may be read-only: whatever is to be compiled is compiled here.
RUN python -m compileall -q app migrations

FROM python:3.13-slim-bookworm
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /hearth
COPY --from=packages /venv /venv
COPY --from=packages /hearth /hearth
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
# http.client, because urllib would go through a proxy that is set in the environment.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 8000, timeout=3); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["python", "-m", "app"]
CMD ["serve", "--host", "0.0.0.0"]
