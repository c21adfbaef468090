# The commands of the house; the work is done by tools/. README.md shows the first two.
#   make run                  installs what is missing, builds, syncs the ehr source into files/warehouse.db
#   make test                 the quick and the full tier, with the servers they need
#   make quick | nightly      the tier under a minute | everything
#   make build_dependencies   the packages for building, by apt-get alone
#   make build_connector      build/Release/penstock
#   make format | docs | bench | clean

.PHONY: run test quick nightly build_dependencies build_connector format docs bench clean

run: build_dependencies
	@tools/install-packages run
	@tools/fetch-duckdb
	@tools/build release
	@build/Release/penstock sync

test: test_dependencies
	@tools/run-tests full

quick: test_dependencies
	@tools/run-tests quick

nightly: test_dependencies
	@tools/run-tests nightly

.PHONY: test_dependencies
test_dependencies:
	@tools/install-packages build run test
	@tools/fetch-duckdb
	@tools/python-env
	@tools/fetch-clients

build_dependencies:
	@tools/install-packages build

build_connector:
	@tools/build release

bench: test_dependencies
	@tools/build release all bench_count bench_libpq
	@bench/run

format:
	@git ls-files '*.c' '*.h' | xargs clang-format-14 -i

docs: build_connector
	@tools/generate-options

clean:
	@rm -rf build
