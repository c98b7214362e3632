#!/usr/bin/env bash
# Feeds fuzz targets random bytes: scripts/fuzz.sh [TARGET [SECONDS [SEED]]]
# Without a target, or with "all", every one in turn, each for so many seconds (60).
# With a seed (a number), the same program is fed the same bytes each time.
# Finds go to fuzz/corpus/TARGET; the seeds are only read. An input that breaks
# its law is left in fuzz/artifacts/TARGET.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."

target=${1:-all}
seconds=${2:-60}
seed=${3:-0} # libFuzzer takes 0 for a random one
if [ "$target" = all ]; then
  targets=()
  for file in fuzz/fuzz_targets/*.rs; do
    targets+=("$(basename "$file" .rs)")
  done
else
  targets=("$target")
fi
for target in "${targets[@]}"; do
  echo "fuzzing $target for $seconds s"
  mkdir -p "fuzz/corpus/$target"
  # cargo-fuzz asks for a nightly compiler; the stable one can do it too.
  RUSTC_BOOTSTRAP=1 cargo fuzz run "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" \
    -- -max_total_time="$seconds" -seed="$seed"
done
