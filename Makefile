# Shortcuts for ./dev, cargo and docker compose. ./dev help lists everything that ./dev can do.
.PHONY: help build run test up down logs clean docker-build docker-up docker-down

help: ; @printf '%s\n' 'make TARGET, where TARGET is one of:' '  build run test up down logs clean docker-build docker-up docker-down' '' && ./dev help
build: ; cargo build --release --locked --bins
run up: ; ./dev up
test: ; ./dev test
down: ; ./dev down
logs: ; ./dev logs
clean: ; ./dev down --purge && cargo clean
docker-build: ; docker compose build
docker-up: ; docker compose up --build --detach
docker-down: ; docker compose down
