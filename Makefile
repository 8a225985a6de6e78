# shakedown: everything people repeat. `make help` lists the targets.
SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
GO          ?= go
GOTEST      ?= $(GO) test
MATRIX      ?= bin/shakedown defects
LINT        := github.com/golangci/golangci-lint/v2/cmd/golangci-lint
LINT_VERSION := v2.15.0
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS     := -s -w -X github.com/shakedown-dev/shakedown/harness.version=$(VERSION)
ORACLES     := harness/scaling/oracle harness/observe/api/oracle
# Prometheus evaluates our rules, hours of them, in the test's own goroutine: nothing of ours could race
# there, and under the detector it takes six times as long.
NO_RACE     := /compose/alerts$$
# Packages whose tests repeat themselves less under the detector (they import harness/race): once more without.
LESS        = $$($(GO) list -f '{{range .TestImports}}{{println $$.ImportPath .}}{{end}}{{range .XTestImports}}{{println $$.ImportPath .}}{{end}}' ./... \
		| sed -n 's| .*/harness/race$$||p')
BUILD       := CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)'

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: build
build: ## static bin/shakedown, bin/shakedown-agent, bin/atelier
	$(BUILD) -o bin/ ./cmd/shakedown ./cmd/shakedown-agent ./compose/atelier
	mkdir -p compose/images/atelier/rootfs
	cp -u bin/atelier compose/images/atelier/rootfs/atelier

.PHONY: images
images: build ## get or build the reference stack's images (skipped without an engine)
	@if docker version >/dev/null 2>&1; then compose/images/build; \
		else echo 'no container engine answers: no images; the process platform needs none'; fi

.PHONY: demo
demo: images ## run scale-under-load against the reference stack
	bin/shakedown run scale-under-load

.PHONY: test
test: images ## every test, those on real containers where an engine answers (make check vets them)
	$(GOTEST) -vet=off -race -timeout 15m $$($(GO) list ./... | grep -vE '$(NO_RACE)|/e2e$$')
	$(GOTEST) -vet=off -timeout 15m $$($(GO) list ./... | grep -E '$(NO_RACE)') $(LESS)
	$(GOTEST) -vet=off -timeout 45m -parallel 100 ./harness/e2e # alone: whole stacks under load, judged by their latency; turn lets in as many as fit

.PHONY: test-short
test-short: ## the quick part, no engine needed
	$(GO) test -short ./...

.PHONY: defects
defects: images ## is each defect of the reference stack caught? on every platform, beside 20 healthy runs (DEFECTS='--only NAME')
	bin/shakedown defects $(DEFECTS)

.PHONY: defects-fast
defects-fast: images ## the part of it for every change: all on processes, a few in containers where an engine answers
	$(MATRIX) --platform process --healthy 2 --jobs 5
	@if docker version >/dev/null 2>&1; then \
		$(MATRIX) --platform docker --healthy 1 --only drain-ignored --only ready-early --only order-lost-on-term; \
		else echo 'no container engine answers: nothing was tried in containers'; fi

.PHONY: oracle
oracle: ## hold the HPA to Kubernetes' own controller, in virtual time (N=2000 cases, SEED=1), and the HTTP API to Prometheus' own
	cd harness/scaling/oracle && $(GO) test -timeout 60m -args -cases $(or $(N),2000) -seed $(or $(SEED),1)
	cd harness/observe/api/oracle && $(GO) test .
	$(GO) test ./harness/observe/alerts -run 'Transitions|Scaled' -timeout 20m -args -cases $(if $(N),60,300)

.PHONY: prove
prove: images ## can the checks of SCENARIO fail? (SCENARIO=rolling-release, or a file)
	bin/shakedown prove $(or $(SCENARIO),rolling-release)

.PHONY: soak
soak: images ## N healthy runs on each platform, and N with a defect (N=5)
	$(GO) test ./harness/e2e -v -count=$(or $(N),5) -parallel 1 -timeout 3h -run 'TestTheHealthyStackMustPass|TestAFindingMustName'

.PHONY: bench-gateway
bench-gateway: ## what the gateway adds and carries, beside a direct connection, in one run
	$(GO) run ./harness/gateway/bench $(BENCH)

.PHONY: bench-faults
bench-faults: ## what faults cost and how exactly they come: the proxy beside a direct connection, kernel faults, the engine's lateness
	$(GO) run ./chaos/proxy/bench $(BENCH)
	$(GO) test -run '^$$' -bench . -benchtime 200x ./chaos/netfault ./chaos/engine

.PHONY: bench-scaling
bench-scaling: images ## from a decision of an autoscaler to a started container, on a real engine; what a recommendation costs
	$(GO) run ./harness/scaling/bench $(BENCH)
	$(GO) test -run '^$$' -bench . ./harness/scaling/...

.PHONY: bench-driver
bench-driver: ## the load generator beside its installed peers, one core each for generator and server
	$(GO) run ./harness/traffic/bench $(BENCH)

.PHONY: fmt
fmt: ## format
	gofmt -w $$(git ls-files '*.go')

.PHONY: check
check: ## formatting, vet, lint, module hygiene
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo 'not formatted (make fmt):'; gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	$(MAKE) --no-print-directory lint
	$(GO) mod tidy -diff
	$(GO) mod verify
	for oracle in $(ORACLES); do (cd $$oracle && $(GO) vet . && $(GO) mod tidy -diff) || exit 1; done # modules of their own, which ./... leaves out

.PHONY: lint
lint: ## golangci-lint, installed once
	@command -v golangci-lint >/dev/null && golangci-lint version 2>/dev/null | grep -q '$(LINT_VERSION:v%=%)' \
		|| test -x "$$($(GO) env GOPATH)/bin/golangci-lint" || $(GO) install $(LINT)@$(LINT_VERSION)
	PATH="$$($(GO) env GOPATH)/bin:$$PATH" golangci-lint run ./...
	for oracle in $(ORACLES); do (cd $$oracle && PATH="$$($(GO) env GOPATH)/bin:$$PATH" golangci-lint run ./...) || exit 1; done

.PHONY: generate
generate: ## files that are generated from the code (the JSON Schema)
	$(GO) generate ./...

.PHONY: clean
clean: ## remove what was built, and what crashed runs left
	-test -x bin/shakedown && bin/shakedown clean
	rm -rf bin compose/images/atelier/rootfs
