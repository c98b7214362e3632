#!/usr/bin/env bash
# Builds the Debian package: the program, then with it the manual pages and
# completions, then the package, whose path is the last line of output.
# PROFILE=dev builds one to be tried, in less time.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."

version=3.8.0
profile=${PROFILE:-release}
case $profile in
  dev) program=target/debug/amimux ;;
  *) program=target/$profile/amimux ;;
esac

tools=$PWD/target/tools
export PATH="$tools/bin:$PATH"
if [ "$(cargo-deb --version 2>/dev/null | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1)" != "$version" ]; then
  # Without optimisation: building takes longer than running ever does.
  CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=false CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    cargo install --quiet --locked --force --root "$tools" "cargo-deb@$version" >&2
fi

cargo build --quiet --locked --profile "$profile" --bin amimux >&2
rm -rf target/package
mkdir -p target/package/man target/package/completions
"$program" generate man target/package/man
"$program" generate conf-man target/package/man
"$program" generate completions target/package/completions
cargo deb --quiet --locked --no-build --profile "$profile" --output target/package/
ls "$PWD"/target/package/*.deb
