# The service alone: docker build -t aside .
#   docker run --rm -p 127.0.0.1:8080:8080 -e DATABASE_URL=… -e REDIS_URL=… aside
FROM rust:1-slim-bookworm AS build
WORKDIR /src
COPY . .
# No symbols and no line numbers: the image is pulled by every host.
ENV CARGO_PROFILE_RELEASE_STRIP=symbols CARGO_PROFILE_RELEASE_DEBUG=none
# The caches outlive a layer, so a change of the sources does not build the dependencies again. They are gone after the
# step, therefore the copy.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin aside && cp target/release/aside /aside

# The C library and nothing else: no shell, no packages to keep patched. Runs as uid 65532.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /aside /usr/local/bin/aside
# A container's loopback is its own. 8081 is for the orchestrator's probes and Prometheus: never publish it.
ENV LISTEN_ADDR=0.0.0.0:8080 ADMIN_ADDR=0.0.0.0:8081 LOG_FORMAT=json
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/aside"]
CMD ["serve"]
