#!/usr/bin/env bash
# Runs amimux before a simulated Asterisk with good and bad clients and with faults, for that many minutes (60), and
# prints a line every minute. It fails when a client misses something or when amimux takes ever more. Further
# arguments go to cargo: `scripts/soak.sh 60 --release`.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."

minutes=${1:-60}
shift || true
ulimit -n "$(ulimit -Hn)"
AMIMUX_SOAK_MINUTES=$minutes exec cargo test --locked --test soak "$@" -- --nocapture nothing_is_missed_and_nothing_grows
