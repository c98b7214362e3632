#!/usr/bin/env bash
# Whether the tests notice when the hub is broken: applies each patch of scripts/mutations to a copy of the tree, one at
# a time, and runs the quick tests of the hub there. Fails if they all pass with one of the patches. The first line of a
# patch says what it breaks. Takes a quarter of an hour; `scripts/mutations.sh NAME...` tries only the named ones.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."

command -v patch >/dev/null || { echo "needs patch: apt-get install patch" >&2; exit 1; }
copy=target/mutations
tests=(sim promise_1_order promise_2_isolation promise_3_same_decisions promise_4_same_events promise_5_no_harm promise_6_nothing_lost event_filters slow_clients carry web_listeners web_waits web_followers)
export CARGO_TARGET_DIR=$PWD/target/mutations-build CARGO_PROFILE_DEV_DEBUG=0 CARGO_TERM_COLOR=never RUST_BACKTRACE=0
export AMIMUX_SIM_SEEDS=${AMIMUX_SIM_SEEDS:-400}

names=("$@")
if [ ${#names[@]} -eq 0 ]; then
  for patch in scripts/mutations/*.patch; do
    names+=("$(basename "$patch" .patch)")
  done
fi

# A fresh copy of what git knows; files keep their times, so that little is built again.
rm -rf "$copy"
mkdir -p "$copy"
git ls-files -z | tar --null --files-from=- --create --file=- | tar --extract --file=- --directory="$copy"

# run LOG: builds and runs the tests in the copy. 0: they pass; 1: they do not; 2: it does not build.
run() {
  local arguments=()
  for test in "${tests[@]}"; do arguments+=(--test "$test"); done
  (cd "$copy" && cargo test --locked --quiet --no-run "${arguments[@]}") >"$1" 2>&1 || return 2
  (cd "$copy" && timeout 600 cargo test --locked --no-fail-fast "${arguments[@]}") >>"$1" 2>&1 || return 1
}

# The tests that failed: of each file the first, and how many more.
failed() {
  awk '/^ +Running /{file=$2; sub(/^tests\//, "", file); sub(/\.rs$/, "", file)}
    /^test .* \.\.\. FAILED/{if (!more[file]++) first[file] = $2}
    END{for (file in first) print file "::" first[file] (more[file] > 1 ? " and " more[file] - 1 " more" : "")}' "$1" | sort
}

log=$copy.log
run "$log" || { cat "$log"; echo "the tests fail without any patch" >&2; exit 1; }
survivors=()
for name in "${names[@]}"; do
  patch=scripts/mutations/$name.patch
  printf '%s: %s\n' "$name" "$(head -n 1 "$patch")"
  patch --quiet --strip=1 --directory="$copy" <"$patch"
  status=0
  run "$log" || status=$?
  case $status in
    0) survivors+=("$name"); echo "  SURVIVES" ;;
    1) caught=$(failed "$log"); printf '  caught by %s\n' "${caught:-a test that hangs}" | sed '2,$s/^/            /' ;;
    *) cat "$log"; echo "$name does not build" >&2; exit 1 ;;
  esac
  patch --quiet --reverse --strip=1 --directory="$copy" <"$patch"
done
rm -rf "$copy"
[ ${#survivors[@]} -eq 0 ] || { echo "no test notices: ${survivors[*]}" >&2; exit 1; }
echo "all ${#names[@]} are noticed"
