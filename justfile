# Shorthands; `just` lists them. Everything works without just as well.

_list:
    @just --list

# Install what the tests need: packages, client libraries, Asterisk.
setup:
    scripts/setup.sh

# All tests, or those whose name contains a word.
test *names:
    scripts/test.sh {{names}}

# What has to hold before a commit, without the tests.
lint:
    cargo fmt --check
    cargo clippy --locked --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps
    cargo deny check licenses bans sources

# Everything that continuous integration does.
ci:
    .ci/run

# A real Asterisk on a port of 127.0.0.1, in the foreground.
asterisk port="5038":
    scripts/asterisk/install.sh target/asterisk
    scripts/asterisk/run.sh target/asterisk {{port}}

# The benchmarks of the parser and of filters.
bench:
    cargo bench --bench parser
    cargo bench --bench filters

# Counts the instructions of the hot path, and holds them against benches/instructions.txt.
instructions:
    scripts/instructions.sh

# The whole program beside simpler ones; options are those of the bench (--quick, --only SECTION, ...).
bench-end-to-end *options:
    cargo bench --bench end_to_end -- --json target/end_to_end.json {{options}}

# The figures last measured, into docs/benchmarks.md and its plots.
plots:
    scripts/plot-benchmarks.py

# Everything on docs/benchmarks.md anew; wants a quiet machine.
measure *options: (bench-end-to-end options)
    cargo bench --bench filters
    scripts/plot-benchmarks.py

# Good and bad clients and a failing Asterisk for some minutes: nothing is missed, nothing grows.
soak minutes="60":
    scripts/soak.sh {{minutes}}

# Whether the hub's tests notice when it is broken in known ways.
mutations *names:
    scripts/mutations.sh {{names}}

# Feed a fuzz target random bytes for some seconds, or all in turn, each as long.
fuzz target="all" seconds="60":
    scripts/fuzz.sh {{target}} {{seconds}}
