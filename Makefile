# hpkv: build, test and measure. `make help` lists the targets.

GO       ?= go
FUZZTIME ?= 10s
PORT     ?= 6379
REST_PORT ?= 8080
REST_KEY  ?= $(shell od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
PKGS      = ./...

# Every target that runs tests against redis-server or client libraries first
# makes sure they are there.
DEPS      = .ci/install-test-deps

.DEFAULT_GOAL := help
.PHONY: help build run test race lint fuzz compat stress crash bench bench-all bench-compare bench-rest cover cross generate

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/hpkv-server, bin/hpkv-bench and bin/hpkv-admin
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/ ./cmd/...

run: REST_KEY := $(REST_KEY)
run: build ## build, then start the server on 127.0.0.1:6379, and REST on 127.0.0.1:8080
	@echo "When hpkv-server is ready on 127.0.0.1:$(PORT), try in another terminal:"
	@echo "    redis-cli -p $(PORT) set greeting hello"
	@echo "    redis-cli -p $(PORT) get greeting"
	@echo "REST is on 127.0.0.1:$(REST_PORT), for whoever has the API key of this run:"
	@echo "    curl -H 'x-api-key: $(REST_KEY)' -d '{\"key\":\"greeting\",\"value\":\"hello\"}' http://127.0.0.1:$(REST_PORT)/record"
	@echo "    curl -H 'x-api-key: $(REST_KEY)' http://127.0.0.1:$(REST_PORT)/record/greeting"
	@echo "Stop it with Ctrl-C. Choose with: make run PORT=7000 REST_PORT=7001 REST_KEY=secret"
	@exec bin/hpkv-server --bind 127.0.0.1 --port $(PORT) --rest-port $(REST_PORT) --rest-api-key $(REST_KEY)

test: ## install what the tests need, then run them all
	$(DEPS)
	$(GO) test -timeout 15m $(PKGS)

# compat_test drives a server in a process of its own, where the detector does
# not look.
race: ## run the tests under the race detector
	$(DEPS)
	$(GO) test -race -short -timeout 20m $$($(GO) list $(PKGS) | grep -v /compat_test)

lint: ## gofmt, go vet, staticcheck, ineffassign, misspell, tidy go.mod
	.ci/lint

fuzz: ## run every fuzz target for FUZZTIME (default 10s) each
	FUZZTIME=$(FUZZTIME) .ci/fuzz

compat: build ## compare with redis-server at length: cases, differential fuzzer, client libraries
	$(DEPS)
	HPKV_FUZZ_SECONDS=120 $(GO) test -count=1 -timeout 20m -v ./compat_test/...

stress: ## stress the lock-free reads for 30 s
	HPKV_STRESS=30s $(GO) test -count=1 -timeout 10m -run 'Stress' ./engine/...

crash: ## cut the log off after every operation of the file system, and kill the server 200 times
	$(GO) test -count=20 -timeout 20m -run 'Crash|Interrupted' ./persist/...
	HPKV_CRASH=200 $(GO) test -count=1 -timeout 15m -v -run '^TestCrash$$' ./compat_test

bench: ## Go benchmarks of every package, with allocations
	$(GO) test -run '^$$' -bench . -benchmem $(PKGS)

bench-all: ## measure everything docs/performance.md shows, in 40 minutes, into bin/bench-DATE/
	$(DEPS)
	.ci/bench-all

bench-compare: build ## measure hpkv-server beside redis-server on this machine
	$(DEPS)
	bin/hpkv-bench compare

bench-rest: ## measure REST beside nginx's static 200 (wants wrk and nginx)
	.ci/bench-rest

cover: ## test coverage by function, and cover.html
	$(DEPS)
	$(GO) test -timeout 20m -coverpkg=./... -coverprofile=cover.out $(PKGS)
	$(GO) tool cover -func=cover.out | tail -1
	$(GO) tool cover -html=cover.out -o cover.html

cross: ## build and vet for linux/arm64 and darwin/arm64
	GOOS=linux GOARCH=arm64 $(GO) build -o /dev/null ./cmd/hpkv-server && GOOS=linux GOARCH=arm64 $(GO) vet $(PKGS)
	GOOS=darwin GOARCH=arm64 $(GO) build -o /dev/null ./cmd/hpkv-server && GOOS=darwin GOARCH=arm64 $(GO) vet $(PKGS)

generate: ## rebuild generated files (docs/settings.md, COMMANDS.md)
	$(GO) generate $(PKGS)
