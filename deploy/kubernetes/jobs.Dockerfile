# What jobs run in: bash and coreutils, which every job needs, and what yours need. Needs no file of the repository:
# docker build --tag guruguru-jobs - < deploy/kubernetes/jobs.Dockerfile
FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends bash ca-certificates curl git jq kubernetes-client \
 && rm -rf /var/lib/apt/lists/*
USER 10001:10001
