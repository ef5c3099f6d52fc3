# All that a fresh machine with Python 3.11 to 3.13 and make needs: each target sets up first.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check chaos benchmark lock .venv
.DEFAULT_GOAL := demo

demo: .venv
	@$(BIN)/mirrortape demo

# Several processes at a time, each with whole files; what measures time has the machine to itself.
SHORT := not chaos and not figures
test: .venv
	@$(BIN)/pytest -m "$(SHORT) and not timed" -n auto --maxprocesses 4 --dist loadfile
	@$(BIN)/pytest -m "$(SHORT) and timed"

check: test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Long fault tests: the real bot, killed and cut off, again and again.
chaos: .venv
	$(BIN)/pytest -m chaos -s

# The figures of docs/capacity.md, and with CATALOGUE=FILE.csv the times of docs/music.md.
benchmark: .venv
	$(BIN)/python -m tests.benchmarks.capacity
	$(if $(CATALOGUE),$(BIN)/python -m tests.benchmarks.timing $(CATALOGUE))

lock:
	uv pip compile --universal --generate-hashes --no-header --quiet --group dev \
		pyproject.toml --output-file requirements.lock

.venv: .venv/ready

# The stamp is written last, so that an interrupted set-up is done again. The project itself is
# installed as a link to this checkout, with the locked build tool.
.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { \
		echo "Mirrortape needs Python 3.11 to 3.13; name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@rm -rf .venv
	@echo "Setting up .venv from requirements.lock (a minute or two, about 2 GB)..."
	@if command -v uv >/dev/null 2>&1; then \
		uv venv --quiet --python "$$(command -v $(PYTHON))" .venv && \
		uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock && \
		uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e . ; \
	else \
		$(PYTHON) -m venv .venv && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check \
			--require-hashes -r requirements.lock && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check \
			--no-deps --no-build-isolation -e . ; \
	fi
	@touch $@
