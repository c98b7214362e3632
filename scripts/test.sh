#!/usr/bin/env bash
# The test command: installs what the tests need, then runs all of them. Further
# arguments go to the test runner, e.g. `scripts/test.sh real_actions`.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."

scripts/setup.sh
# Documentation examples first: the summary of the test runner comes last.
[ $# -gt 0 ] || cargo test --locked --doc --quiet
if cargo nextest --version >/dev/null 2>&1; then
  cargo nextest run --locked --all-targets "$@"
else
  cargo test --locked --all-targets "$@"
fi
