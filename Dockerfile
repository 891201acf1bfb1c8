# The public demo. Build: docker build -t sat . Run: see "Deploy a public demo" in README.md.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
    OMP_WAIT_POLICY=PASSIVE \
    SAT_PUBLIC=1 SAT_RUNS=/tmp/runs SAT_DATA=/tmp/data HOME=/tmp

WORKDIR /app
COPY packages.txt requirements.txt requirements.lock ./
RUN apt-get update && grep -v "^#" packages.txt | xargs apt-get install -y --no-install-recommends && rm -rf /var/lib/apt/lists/*
# The processor's builds of torch and torchvision, of the same versions, where this is the index of PyTorch for them
# (--build-arg TORCH_INDEX=...; pytorch.org says which): without CUDA's libraries the image is gigabytes smaller.
# Both must come from there: PyPI's torchvision does not load beside it.
ARG TORCH_INDEX=
RUN if [ -n "$TORCH_INDEX" ]; then \
      sed -nE 's/^(torch|torchvision)==([0-9.]+).*/\1==\2/p' requirements.lock \
        | xargs pip install --index-url "$TORCH_INDEX"; \
    fi \
 && pip install -c requirements.lock -r requirements.txt
COPY .streamlit .streamlit
COPY sat sat
COPY pages pages
COPY tests tests
COPY benchmarks benchmarks
COPY checkpoints checkpoints
COPY streamlit_app.py LICENSE ./

# The program's own files belong to root, and it runs as somebody who cannot change them.
RUN useradd --no-create-home --uid 1000 demo
USER demo
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD \
    ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["python", "-m", "sat", "serve", "--public", "--address", "0.0.0.0"]
