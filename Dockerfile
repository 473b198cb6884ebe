# docker build -t search-by-image:0.1.0 .
# Python and Debian are those that the tests run on.
ARG PYTHON=python:3.11.13-slim-bookworm

FROM ${PYTHON} AS build
WORKDIR /src
RUN python -m venv /opt/venv
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src ./src
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/venv/bin/pip install --constraint constraints.txt '.[hub,milvus,mongo,mysql,otel,postgres,text]'

FROM ${PYTHON}
RUN useradd --uid 10001 --no-create-home --home-dir /srv --shell /usr/sbin/nologin search-by-image \
    && install --directory --owner=10001 --group=10001 /srv/data
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SEARCH_BY_IMAGE__FLASK__HOST=0.0.0.0 \
    SEARCH_BY_IMAGE__FLASK__PORT=8002 \
    SEARCH_BY_IMAGE__MODELS__PATH=/srv/data/models \
    SEARCH_BY_IMAGE__MODELS__CACHE_PATH=/srv/data/cache
USER 10001:10001
# The configuration is /srv/conf/server.xml where it is mounted; relative paths start at /srv.
WORKDIR /srv
VOLUME /srv/data
EXPOSE 8002
STOPSIGNAL SIGTERM
# http.client, because urllib would ask a proxy named by the environment.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; service = http.client.HTTPConnection('127.0.0.1', int(os.environ['SEARCH_BY_IMAGE__FLASK__PORT']), timeout=4); service.request('GET', '/healthz'); sys.exit(service.getresponse().status != 200)"]
ENTRYPOINT ["search-by-image"]
CMD ["serve"]
