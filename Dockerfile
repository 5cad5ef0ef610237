# heartbeat in a container: built from locked packages, run by an unprivileged user on a read-only root.
# It writes only to /data (the SQLite database and the installation's own secrets) and /tmp.
ARG BASE=docker.io/library/python:3.12-slim

FROM ${BASE} AS build
WORKDIR /src
RUN python3 -m venv /opt/heartbeat
COPY requirements.lock ./
RUN /opt/heartbeat/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY alembic alembic
COPY alerting alerting
COPY heartbeat heartbeat
RUN /opt/heartbeat/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation . \
 && /opt/heartbeat/bin/pip uninstall --yes --disable-pip-version-check setuptools \
 && mkdir --mode=0770 /data

FROM ${BASE}
LABEL org.opencontainers.image.title="heartbeat" \
      org.opencontainers.image.description="A dead man's switch for scheduled jobs, which pages the person on call" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/heartbeat /opt/heartbeat
# Any user id with the group 0 may write here too, such as those that OpenShift gives out.
COPY --from=build --chown=10001:0 /data /data
ENV PATH=/opt/heartbeat/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HEARTBEAT_HOST=* \
    HEARTBEAT_DATA_DIR=/data \
    HEARTBEAT_CONFIG=/etc/heartbeat/heartbeat.yaml
USER 10001:10001
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8000
STOPSIGNAL SIGTERM
# At the address in force, HEARTBEAT_HOST and HEARTBEAT_PORT. Liveness, not readiness: while the database is away, a
# restart does not help.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python3", "-P", "-m", "heartbeat.operations.healthcheck"]
ENTRYPOINT ["heartbeat"]
CMD ["serve"]
