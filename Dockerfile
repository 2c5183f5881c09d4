# All three programs in one image: tidings-api (what it runs by itself), tidings-worker, tidings.

FROM rust:1-slim-bookworm AS build
WORKDIR /src

# Line tables would be most of the image. Backtraces still name the functions.
ENV CARGO_PROFILE_DIST_DEBUG=none

# The dependencies, in a layer of their own: it is made again only where a manifest has changed.
# The members have no code here yet, and what cargo made of that is removed again, since it would
# take these files for newer than the real ones.
COPY Cargo.toml Cargo.lock ./
COPY api/Cargo.toml api/
COPY bench/Cargo.toml bench/
COPY cli/Cargo.toml cli/
COPY common/Cargo.toml common/
COPY db/Cargo.toml db/
COPY tests/Cargo.toml tests/
COPY worker/Cargo.toml worker/
RUN mkdir api/src bench/src cli/src common/src db/src tests/src worker/src \
    && echo '#![allow(missing_docs)]' \
        | tee api/src/lib.rs bench/src/lib.rs common/src/lib.rs db/src/lib.rs tests/src/lib.rs worker/src/lib.rs \
    && echo '#![allow(missing_docs)] fn main() {}' \
        | tee api/src/main.rs cli/src/main.rs worker/src/main.rs \
    && cargo build --profile dist --locked --bins -p tidings-api -p tidings-worker -p tidings-cli \
    && cargo clean --profile dist --locked -p tidings-api -p tidings-worker -p tidings-cli \
        -p tidings-bench -p tidings-common -p tidings-db

COPY common common
COPY db db
COPY api api
COPY worker worker
COPY bench bench
COPY cli cli
RUN cargo build --profile dist --locked --bins -p tidings-api -p tidings-worker -p tidings-cli

FROM debian:bookworm-slim
# The certificate authorities, for TLS to PostgreSQL and RabbitMQ.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
RUN useradd --uid 10001 --user-group --no-create-home --home-dir / --shell /usr/sbin/nologin tidings
COPY --from=build /src/target/dist/tidings-api /src/target/dist/tidings-worker /src/target/dist/tidings \
    /usr/local/bin/
# By number, so that an orchestrator can tell that it is not root.
USER 10001:10001
ENV BIND_ADDRESS=0.0.0.0
EXPOSE 8080 8081
CMD ["tidings-api"]
