#!/usr/bin/env bash
# Tries the Debian package on this machine, as root: lintian, installing,
# running as the service's user, removing, purging. Ends with an error if
# anything fails, or if the package leaves anything but the user behind, whom
# this script removes.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."

say() { printf 'package: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

[ "$(id -u)" -eq 0 ] || die "installing a package wants root"
! dpkg -s amimux >/dev/null 2>&1 || die "amimux is installed here; this test would remove it"
[ ! -e /etc/amimux ] || die "/etc/amimux is there; this test would remove it"

! id amimux >/dev/null 2>&1 || die "there is a user amimux; this test would remove it"

package=$(PROFILE=dev scripts/package.sh | tail -n 1)
lintian --allow-root --fail-on error "$package"
for page in target/package/man/*; do
  mandoc -T lint -W error "$page"
done

work=$(mktemp -d)
running=
finish() {
  [ -z "$running" ] || kill "$running" 2>/dev/null || true
  dpkg --purge amimux >/dev/null 2>&1 || true
  userdel amimux 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

dpkg --install "$package" >/dev/null
dpkg --listfiles amimux >"$work/files"
[ "$(stat -c '%a %U:%G' /etc/amimux/amimux.conf)" = "640 root:amimux" ] || die "amimux.conf has other rights"
dpkg-query --show --showformat '${Conffiles}' amimux | grep -q /etc/amimux/amimux.conf || die "amimux.conf is no conffile"
man -w amimux >/dev/null && man -w 5 amimux.conf >/dev/null
systemd-analyze verify amimux.service amimux.socket amimux-tls.socket 2>&1 | grep amimux && die "systemd complains"

# The user can read the configuration, and nobody else can.
runuser -u amimux -- amimux check
set +e
runuser -u nobody -- amimux check 2>/dev/null
code=$?
set -e
[ "$code" -eq 77 ] || die "check by nobody ended with $code, not 77"

setpriv --reuid amimux --regid amimux --init-groups --inh-caps=-all amimux run >"$work/log" 2>&1 &
running=$!
for _ in $(seq 100); do
  ! grep -q "amimux is up" "$work/log" || break
  sleep 0.1
done
grep -q "amimux is up" "$work/log" || { cat "$work/log" >&2; die "it does not start"; }
kill -TERM "$running"
wait "$running" || die "it ended with $?"
running=

dpkg --remove amimux >/dev/null
[ -e /etc/amimux/amimux.conf ] || die "removing took the configuration along"
dpkg --purge amimux >/dev/null
while read -r file; do
  case $file in
    *amimux*) [ ! -e "$file" ] || die "$file is left" ;;
  esac
done <"$work/files"
say "installed, run, removed and purged"
