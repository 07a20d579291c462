# One image with all programs; docker-compose.yml says which of them each container runs.
#   docker build -t paramedic .
#   docker build --target hostagent -t paramedic-hostagent .

FROM rust:1.95-bookworm AS build
WORKDIR /source
# First what changes seldom: libtorch. `scripts/setup` also brings Java and Spark, which stay in this stage.
COPY rust-toolchain.toml ./
COPY scripts scripts
COPY .cargo .cargo
RUN scripts/setup
COPY . .
RUN cargo build --locked --release \
      -p paramedic -p paramedic-classifier -p paramedic-recommender -p paramedic-configsvc \
    && mkdir -p /opt/paramedic/bin /opt/paramedic/lib /opt/paramedic/share/paramedic \
    && for program in paramedic paramedic-classifier paramedic-recommender paramedic-configsvc; do \
         install "target/release/$program" /opt/paramedic/bin/ || exit 1; \
       done \
    && cp -L .libtorch/lib/*.so* /opt/paramedic/lib/ \
    && cp -r rules models /opt/paramedic/share/paramedic/

# The host agent alone: no services, no libtorch.
FROM build AS build-hostagent
RUN cargo build --locked --release -p paramedic --no-default-features --features bpf --target-dir target/hostagent

FROM debian:bookworm-slim AS hostagent
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates libelf1 zlib1g \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build-hostagent /source/target/hostagent/release/paramedic /usr/local/bin/paramedic
ENTRYPOINT ["paramedic"]
CMD ["hostagent"]

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates libelf1 libstdc++6 zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/paramedic --create-home --shell /usr/sbin/nologin paramedic \
    && install -d -o 10001 -g 10001 /var/lib/paramedic/data /run/paramedic
COPY --from=build /opt/paramedic /opt/paramedic
COPY scripts/container-health /opt/paramedic/bin/container-health
ENV PATH=/opt/paramedic/bin:$PATH
# Rules and models are found beside the programs; what they keep is under this folder.
WORKDIR /var/lib/paramedic
VOLUME /var/lib/paramedic/data
USER 10001:10001
ENV PARAMEDIC_HEALTH_PORT=8717
EXPOSE 8717
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["container-health"]
# All three in one process, on a port that only the container reaches: other addresses need tokens.
CMD ["paramedic", "serve", "--data-dir", "data"]
