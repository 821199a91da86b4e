# The list of habits: one line each, the work is in tools/. `make` builds build/release/isomer.
.PHONY: build demo test check check-clang fix bless bench docs tidy coverage test-modeci test-models test-opinfo fuzz mutants test-proof bench-prove bench-mdf bench-mgs

build: ; tools/setup && tools/build release
demo: ; tools/demo
test: ; tools/test
check: build ; tools/check
check-clang: ; tools/setup --clang && tools/build clang && ctest --preset clang --parallel $$(nproc)
fix: ; tools/setup && tools/fix
bless: build ; build/release/case_runner --bless tests/cases
bench: ; tools/setup && tools/build release bench bench_step && build/release/bench && .venv/bin/python benchmarks/steps.py build/release/bench_step
bench-prove: build ; .venv/bin/python -W ignore benchmarks/prove.py build/release/isomer
# Documents beside the real modeci_mdf and eager PyTorch, on one core; the whole takes half an hour.
bench-mdf: build ; tools/setup_modeci 0.4.15 && tools/build release bench_document && .venv/bin/python -W ignore benchmarks/mdf.py build/release/bench_document build/release/isomer .venv-modeci-0.4.15/bin/python
# Networks of MGS: time and memory for each edge, with one thread and two.
bench-mgs: build ; .venv/bin/python -W ignore benchmarks/mgs.py build/release/isomer
docs: build ; .venv/bin/python tools/coverage.py
tidy: ; tools/setup --clang && tools/tidy
coverage: ; tools/setup && tools/line_coverage
test-modeci: build ; for v in 0.4.13 0.4.15; do tools/setup_modeci $$v && .venv-modeci-$$v/bin/python tools/test_modeci.py || exit 1; done
# PyTorch's own samples of its operators; what is exported stays in build/opinfo.
test-opinfo: build ; .venv/bin/python -W ignore tests/opinfo/opinfo.py build/release/way_runner build/opinfo
# A hundred models of all families, each as it comes and decomposed: which are read, and mean the same.
test-models: build ; .venv/bin/python -m pip install --quiet -r tools/requirements-models.txt && .venv/bin/python -W ignore tools/test_models.py build/release/isomer build/release/model_check build/models
# The readers under libFuzzer, 200,000 runs of each; what is found stays in build/fuzz.
fuzz: ; tools/setup --fuzz && .venv/bin/python tests/fuzz/fuzz.py build/fuzz
# Five hundred changed models that a proof must tell apart, and two hundred unchanged ones; what is wrong stays in build/proof.
mutants: build ; .venv/bin/python -W ignore tests/mutants/campaign.py mutants build/release/isomer build/proof
test-proof: build ; .venv/bin/python -W ignore tests/mutants/campaign.py equal build/release/isomer build/proof
