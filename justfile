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

# Feed a fuzz target random bytes for some seconds, or all in turn, each as long.
fuzz target="all" seconds="60":
    scripts/fuzz.sh {{target}} {{seconds}}
