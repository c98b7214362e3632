#!/usr/bin/env bash
# Installs what the tests need on a Debian 12 that has Rust: the system's
# packages (as root, only those that are missing), the client libraries, promtool
# and an Asterisk (into target/, without root). Doing it again costs a second.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

command -v cargo >/dev/null || die "needs Rust (cargo); see rust-version in Cargo.toml"

# program:package pairs; what is missing is installed in one go.
missing=()
need() { command -v "$1" >/dev/null || missing+=("$2"); }
need cc gcc
need curl curl
need openssl openssl
need nc netcat-openbsd
need flock util-linux
need xargs findutils
need zstd zstd
need git git
need python3 python3
need fail2ban-regex fail2ban
need node nodejs
need npm npm
need chromedriver chromium-driver # brings chromium
python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
compgen -G '/usr/share/keyrings/debian-archive-keyring.*' >/dev/null || missing+=(debian-archive-keyring)
if [ ${#missing[@]} -gt 0 ]; then
  [ "$(id -u)" -eq 0 ] || die "not root, and these packages are missing: apt-get install ${missing[*]}"
  say "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update >/dev/null || die "apt-get update failed"
  apt-get -qq install --no-install-recommends -y "${missing[@]}" >/dev/null || die "apt-get could not install ${missing[*]}"
fi

clients=target/clients
mkdir -p "$clients"
exec 8>"$clients/.lock"
flock 8

# current STAMP FILE...: whether the files are those that STAMP was made from.
current() { [ -e "$1" ] && [ "$(cat "${@:2}" | sha256sum)" = "$(cat "$1")" ]; }
made_from() { cat "${@:2}" | sha256sum >"$1"; }

requirements=tests/clients/requirements.txt
if ! current "$clients/venv/.made-from" "$requirements" || ! "$clients/venv/bin/python" -c 'import panoramisk' 2>/dev/null; then
  say "installing $(tr '\n' ' ' <"$requirements")"
  rm -rf "$clients/venv"
  python3 -m venv "$clients/venv"
  "$clients/venv/bin/pip" install --quiet --disable-pip-version-check --retries 5 -r "$requirements"
  made_from "$clients/venv/.made-from" "$requirements"
fi

packages=(tests/clients/package.json tests/clients/package-lock.json)
if ! current "$clients/node/.made-from" "${packages[@]}" || [ ! -d "$clients/node/node_modules/asterisk-manager" ]; then
  say "installing the packages of tests/clients/package.json"
  rm -rf "$clients/node"
  mkdir -p "$clients/node"
  cp "${packages[@]}" "$clients/node/"
  npm --prefix "$clients/node" ci --omit=optional --no-audit --no-fund --loglevel=error >/dev/null
  made_from "$clients/node/.made-from" "${packages[@]}"
fi

# Prometheus' own checker: the one program out of Debian's package, which brings a server along.
promtool=$PWD/$clients/promtool
if ! "$promtool" --version >/dev/null 2>&1; then
  say "fetching promtool"
  work=$(mktemp -d "${TMPDIR:-/tmp}/promtool.XXXXXXXX")
  download() { (cd "$work" && apt-get -qq -o APT::Sandbox::User= download prometheus >/dev/null 2>&1); }
  download || { apt-get -qq update >/dev/null && download; } || die "apt-get could not download prometheus"
  dpkg-deb --fsys-tarfile "$work"/prometheus_*.deb | tar -x -C "$work" --no-same-owner ./usr/bin/promtool
  mv "$work/usr/bin/promtool" "$promtool"
  rm -rf "$work"
  "$promtool" --version >/dev/null 2>&1 || die "promtool was unpacked, but does not run"
fi
flock -u 8

scripts/asterisk/install.sh target/asterisk
