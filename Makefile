# The commands of this project. `make test` is all that CI runs.

GO        ?= go
FUZZTIME  ?= 5s

.PHONY: run build test check unit fuzz e2e xcaddy bench soak

# Serves Caddyfile.example on :8080.
run:
	$(GO) run ./cmd/aiproxy run --config Caddyfile.example

build:
	$(GO) build -trimpath -o bin/aiproxy ./cmd/aiproxy

test: check unit fuzz e2e xcaddy

check:
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "not gofmt'd"; exit 1; }
	$(GO) vet ./...
	cd e2e && $(GO) vet ./...

# The race detector is always on; it needs a C compiler, as the Go tests do
# nothing about.
unit:
	$(GO) test -race ./...

# Every fuzz target for $(FUZZTIME), beyond the corpora that `unit` has run.
fuzz:
	FUZZTIME=$(FUZZTIME) ./scripts/fuzz.sh

# The built binary, the official clients, Node's clients from npm.
e2e:
	cd e2e && $(GO) test -race -timeout 15m ./...

# The steps of xcaddy.Dockerfile, line by line in a shell.
xcaddy:
	./scripts/xcaddy.sh

# Compares with Caddy's reverse_proxy; results go to docs/measured/.
bench:
	$(GO) run ./internal/bench -out docs/measured

# The long forms of what `test` runs short.
soak:
	$(MAKE) fuzz FUZZTIME=10m
