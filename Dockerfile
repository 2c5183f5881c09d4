# One image with three programs: tidings-api (the default command), tidings-worker and tidings.

# The front end, which the API embeds. npm brings the Node that builds it: Debian's is too old.
FROM debian:12.15-slim AS web
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates nodejs npm
WORKDIR /src/web
COPY web/package.json web/package-lock.json web/.npmrc ./
COPY web/node node
RUN npm ci && cd node && npm ci
ENV PATH=/src/web/node/node_modules/.bin:/src/web/node_modules/.bin:$PATH
COPY web .
# The script `build` of package.json. The npm of Debian does not know this Node.
RUN node --run build

# On Debian 12 (bookworm), like the last image: the programs use its glibc.
FROM rust:1.95.0-slim-bookworm AS build
WORKDIR /src

# Without line tables, which would be most of the image. Backtraces still show function names.
ENV CARGO_PROFILE_DIST_DEBUG=none

# Builds the dependencies in a layer of their own, which is rebuilt only if a manifest changes. The members are empty
# crates here. Their build output is deleted again: cargo would consider it newer than the real sources.
COPY Cargo.toml Cargo.lock ./
COPY api/Cargo.toml api/
COPY api/proto/Cargo.toml api/proto/
COPY bench/Cargo.toml bench/
COPY cli/Cargo.toml cli/
COPY common/broker/Cargo.toml common/broker/
COPY common/domain/Cargo.toml common/domain/
COPY common/egress/Cargo.toml common/egress/
COPY common/http/Cargo.toml common/http/
COPY common/passwords/Cargo.toml common/passwords/
COPY common/requests/Cargo.toml common/requests/
COPY common/runtime/Cargo.toml common/runtime/
COPY common/settings/Cargo.toml common/settings/
COPY common/templates/Cargo.toml common/templates/
COPY common/unsubscribe/Cargo.toml common/unsubscribe/
COPY db/Cargo.toml db/
COPY doctor/Cargo.toml doctor/
COPY tests/Cargo.toml tests/
COPY worker/Cargo.toml worker/
RUN for member in api api/proto bench cli db doctor tests worker common/*; do \
        mkdir $member/src && echo '#![allow(missing_docs)]' > $member/src/lib.rs; \
    done \
    && echo '#![allow(missing_docs)] fn main() {}' | tee api/src/main.rs cli/src/main.rs worker/src/main.rs bench/src/main.rs \
    && cargo build --profile dist --locked --bins -p tidings-api -p tidings-worker -p tidings-cli \
    && cargo clean --profile dist --locked -p tidings-api -p tidings-worker -p tidings-cli -p tidings-db -p tidings-doctor \
        -p tidings-broker -p tidings-domain -p tidings-egress -p tidings-http -p tidings-passwords -p tidings-requests \
        -p tidings-runtime -p tidings-proto -p tidings-settings -p tidings-templates -p tidings-unsubscribe

COPY common common
COPY db db
COPY doctor doctor
COPY api api
COPY worker worker
COPY cli cli
COPY --from=web /src/web/dist web/dist
RUN cargo build --profile dist --locked --bins -p tidings-api -p tidings-worker -p tidings-cli

FROM debian:12.15-slim
# Certificate authorities, for TLS to PostgreSQL, RabbitMQ and the providers.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
RUN useradd --uid 10001 --user-group --no-create-home --home-dir / --shell /usr/sbin/nologin tidings
COPY --from=build /src/target/dist/tidings-api /src/target/dist/tidings-worker /src/target/dist/tidings \
    /usr/local/bin/
# A number, so that an orchestrator can verify that the user is not root.
USER 10001:10001
# The allocator returns memory to the system at once (docs/SECURITY.md).
ENV MIMALLOC_PURGE_DELAY=0
ENV BIND_ADDRESS=0.0.0.0
EXPOSE 8080 8081 50051
CMD ["tidings-api"]
