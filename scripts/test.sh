#!/usr/bin/env bash
# The test command: installs what the tests need, then runs all of them. Further
# arguments go to the test runner, e.g. `scripts/test.sh real_actions`.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."

scripts/setup.sh
# What amimux logs in all of them, and the secrets that they use.
rm -rf target/test-logs
# Documentation examples first: the summary of the test runner comes last.
[ $# -gt 0 ] || cargo test --locked --doc --quiet
if cargo nextest --version >/dev/null 2>&1; then
  cargo nextest run --locked --all-targets "$@"
else
  cargo test --locked --all-targets "$@"
fi
# The whole suite has run: nothing of what was logged in it may be a secret.
if [ $# -eq 0 ]; then
  report=$(cargo test --locked --quiet --test logged_secrets -- --ignored 2>&1) || {
    echo "$report"
    exit 1
  }
  echo "No secret is in $(find target/test-logs/logs -type f | wc -l) logs."
fi
