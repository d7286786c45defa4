# One image for every role: docker run orderwire api | worker | scheduler | dashboard | sandbox
FROM python:3.12-slim AS build
ENV UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy
WORKDIR /srv/orderwire
COPY pyproject.toml uv.lock README.md ./
# The lock names the installer too.
RUN pip install --no-cache-dir "uv==$(awk '/^name = "uv"$/ {found=1} found && /^version/ {gsub(/"/, "", $3); print $3; exit}' uv.lock)" \
    && uv sync --locked --no-dev --no-install-project
COPY app app
COPY workers workers
COPY sandbox sandbox
RUN uv sync --locked --no-dev --no-editable

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin orderwire
WORKDIR /srv/orderwire
COPY --from=build /srv/orderwire/.venv .venv
ENV PATH=/srv/orderwire/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# A new volume mounted here belongs to whom the folder belongs to.
RUN install -d -o orderwire -m 0700 data
USER orderwire
EXPOSE 8080 9181
ENTRYPOINT ["orderwire"]
CMD ["api"]
