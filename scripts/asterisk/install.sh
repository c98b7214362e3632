#!/usr/bin/env bash
# Puts a runnable Asterisk, made of Debian's own packages, into a folder.
#
#   scripts/asterisk/install.sh [DEST]        (default: target/asterisk)
#
# Root is not needed and nothing is installed into the system. apt resolves the
# packages in a state of its own and checks them against Debian's signatures;
# they are unpacked, never configured, into DEST/root and run by their own
# dynamic linker. Doing it again costs nothing while DEST is whole, and two
# callers at the same time wait for each other.
#
# What comes out:
#   DEST/bin/asterisk    runs the unpacked Asterisk
#   DEST/env.sh          where its parts lie, for run.sh
#   DEST/VERSION         suite, package version, `asterisk -V`
#   DEST/PACKAGES        every package unpacked, with its version
#
# Settings (environment):
#   ASTERISK_PACKAGE     the package version that is wanted
#   ASTERISK_SUITES      Debian suites to look in, in this order
#   ASTERISK_MIRROR      archive to use instead of the ones apt is set up with
#   ASTERISK_REINSTALL   set: unpack again although DEST is whole
set -euo pipefail

# The version that the recorded expectations of the tests were made with. The
# archive keeps one version per suite, so a newer one has to do when this is gone.
wanted=${ASTERISK_PACKAGE:-1:22.10.1+dfsg+~cs6.17.60671434-1}
wanted_branch=22
suites=${ASTERISK_SUITES:-sid trixie bullseye}
attempts=3

say() { printf 'install-asterisk: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

[ $# -le 1 ] || { echo "usage: $0 [DEST]" >&2; exit 2; }
dest=${1:-$(dirname -- "$0")/../../target/asterisk}
mkdir -p -- "$dest"
dest=$(cd -- "$dest" && pwd)

whole() { [ -s "$dest/VERSION" ] && [ -s "$dest/env.sh" ] && "$dest/bin/asterisk" -V >/dev/null 2>&1; }

for tool in apt-get apt-cache dpkg-deb flock tar xargs; do
  command -v "$tool" >/dev/null || die "needs the program $tool"
done
exec 9>"$dest/.lock"
flock 9
if [ -z "${ASTERISK_REINSTALL:-}" ] && whole; then
  say "already there: $(tr '\n' ' ' <"$dest/VERSION")"
  exit 0
fi

keyring=
for candidate in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp}; do
  if [ -e "$candidate" ]; then keyring=$candidate; break; fi
done
[ -n "$keyring" ] || die "needs the package debian-archive-keyring"

# The archives that apt uses on this machine; security archives lack other suites.
# shellcheck disable=SC2016 # apt expands these
mirrors=${ASTERISK_MIRROR:-$(
  apt-get indextargets --format '$(REPO_URI)|$(ORIGIN)|$(LABEL)' 'Created-By: Packages' 2>/dev/null |
    awk -F'|' '/[Ss]ecurity/ {next} $2 == "Debian" || $2 == "" || $2 ~ /^\$/ {if (!seen[$1]++) print $1}'
)}
[ -n "$mirrors" ] || die "apt knows of no Debian archive here; set ASTERISK_MIRROR"

work=$(mktemp -d "${TMPDIR:-/tmp}/asterisk-apt.XXXXXXXX")
trap 'rm -rf -- "$work"' EXIT
mkdir -p "$work"/{lists/partial,cache/archives/partial,sources,debs}
: >"$work/status"
apt_options=(
  -o "Dir::State=$work" -o "Dir::State::lists=$work/lists" -o "Dir::State::status=$work/status"
  -o "Dir::Cache=$work/cache" -o "Dir::Cache::archives=$work/cache/archives"
  -o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$work/sources"
  -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null
  -o APT::Sandbox::User= -o Acquire::Languages=none -o Acquire::Retries=3
  -o APT::Install-Recommends=false -o APT::Install-Suggests=false
  -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false
  -o Acquire::IndexTargets::deb::DEP-11-icons-small::DefaultEnabled=false
)

# use_suite SUITE MIRROR: makes it the one source; prints the version of Asterisk in it.
use_suite() {
  printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' "$2" "$1" "$keyring" >"$work/sources/one.sources"
  rm -rf "$work/lists"
  mkdir -p "$work/lists/partial"
  apt-get "${apt_options[@]}" -qq update >"$work/update.log" 2>&1 || return 0
  apt-cache "${apt_options[@]}" madison asterisk 2>/dev/null | awk -F'|' 'NR == 1 {gsub(/ /, "", $2); print $2}'
}

# choose: sets suite, mirror and version: the wanted version, else its branch, else anything.
choose() {
  local rank best_rank=9 s m v
  suite='' mirror='' version=''
  for s in $suites; do
    for m in $mirrors; do
      v=$(use_suite "$s" "$m")
      [ -n "$v" ] || continue
      rank=3
      [[ "${v#*:}" != "$wanted_branch".* ]] || rank=2
      [ "$v" != "$wanted" ] || rank=1
      if [ "$rank" -lt "$best_rank" ]; then best_rank=$rank suite=$s mirror=$m version=$v; fi
      [ "$rank" -ne 1 ] || return 0
    done
    # Suites are in order of preference: a further one can only help if this lacked the branch.
    [ "$best_rank" -gt 2 ] || break
  done
  [ -n "$version" ] || return 1
  [ "$(use_suite "$suite" "$mirror")" = "$version" ]
}

# What only maintainer scripts, logins and documentation need; the program loads none of it.
unneeded='^(adduser|passwd|login|login\.defs|base-passwd|debconf|cdebconf|libdebconfclient0|perl.*|libperl.*|gnupg.*|gpg.*|gpgsm|dirmngr|pinentry.*|libpam.*|libaudit.*|libsemanage.*|libsepol.*|asterisk-config|tzdata|pci\.ids|libsnmp-base|libc-gconv-modules-extra|readline-common|openssl-provider-legacy|lsb-base|libsensors-config|libasound2-data|util-linux.*|bsdextrautils|ucf|sensible-utils|dpkg|tar|mount)$'

# fetch: resolves and downloads; apt checks each file against the signed index.
fetch() {
  choose || { say "none of the suites ($suites) has asterisk"; cat "$work/update.log" >&2; return 1; }
  apt-get "${apt_options[@]}" -qq --print-uris install asterisk asterisk-modules asterisk-core-sounds-en-gsm |
    awk -F"'" '/^\x27/ {split($3, field, " "); print field[1]}' |
    awk -F_ -v unneeded="$unneeded" '$1 !~ unneeded' >"$work/files" || return 1
  [ -s "$work/files" ] || { say "apt resolved nothing"; return 1; }
  awk -F_ '{gsub(/%3a/, ":", $2); print $1 "=" $2}' "$work/files" >"$work/wanted"
  (cd "$work/debs" && xargs apt-get "${apt_options[@]}" -qq download <"$work/wanted" >/dev/null)
}

for attempt in $(seq "$attempts"); do
  if fetch; then break; fi
  [ "$attempt" -lt "$attempts" ] || die "gave up after $attempts attempts"
  say "attempt $attempt of $attempts failed, trying again"
  sleep 5
done

case $version in
  "$wanted") ;;
  *:"$wanted_branch".*) say "NOTICE: $wanted is no longer in the archive; using $version from $suite" ;;
  *) say "NOTICE: no Asterisk $wanted_branch in the archive; using $version from $suite. Tests may differ." ;;
esac

rm -rf "${dest:?}"/{root,bin,VERSION,PACKAGES,env.sh}
mkdir -p "$dest/root" "$dest/bin"
while IFS= read -r file; do
  dpkg-deb --fsys-tarfile "$work/debs/$file" |
    tar -x -C "$dest/root" --no-same-owner --keep-directory-symlink \
      --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' \
      --exclude='./usr/share/bug/*' --exclude='./usr/share/lintian/*' --exclude='./var/*' --exclude='./etc/*'
done <"$work/files"
tr '=' ' ' <"$work/wanted" >"$dest/PACKAGES"

root=$dest/root
linker=$(find "$root" -type f \( -name 'ld-linux*.so.*' -o -name 'ld-[0-9]*.so' \) | sort | head -n 1)
modules=$(find "$root" -type d -path '*asterisk/modules' | head -n 1)
binary=$(find "$root" -type f -path '*sbin/asterisk' | head -n 1)
if [ -z "$linker" ] || [ -z "$modules" ] || [ -z "$binary" ]; then
  die "unpacked, but linker, modules or program are missing"
fi
# A maintainer script would have pointed sounds/en at the unpacked language.
sounds=$root/usr/share/asterisk/sounds
if [ -d "$sounds" ] && [ ! -e "$sounds/en" ]; then
  first=$(find "$sounds" -mindepth 1 -maxdepth 1 -type d -name 'en*' -printf '%f\n' | sort | head -n 1)
  [ -z "$first" ] || ln -sfn "$first" "$sounds/en"
fi
libraries=$(find "$root" -name 'lib*.so*' \( -type f -o -type l \) ! -path '*/share/*' -printf '%h\n' | sort -u |
  grep -E '/(lib|lib64)(/[^/]*-linux-gnu[^/]*)?$' |
  awk -v root="$root" '{sub("^" root, "$AST_ROOT"); printf "%s%s", separator, $0; separator = ":"}')
# shellcheck disable=SC2016 # expanded by whoever sources the file
{
  echo '# Sourced with AST_HOME set to the folder that holds this file.'
  echo 'AST_ROOT=$AST_HOME/root'
  echo "AST_LINKER=\$AST_ROOT${linker#"$root"}"
  echo "AST_BINARY=\$AST_ROOT${binary#"$root"}"
  echo "AST_MODULES=\$AST_ROOT${modules#"$root"}"
  echo 'AST_DATA=$AST_ROOT/usr/share/asterisk'
  echo "AST_LIBRARIES=$libraries"
} >"$dest/env.sh"
name_option='--argv0 asterisk'
"$linker" --help 2>/dev/null | grep -q -- --argv0 || name_option=
cat >"$dest/bin/asterisk" <<WRAPPER
#!/bin/sh
AST_HOME=\$(cd -- "\$(dirname -- "\$0")/.." && pwd)
. "\$AST_HOME/env.sh"
exec "\$AST_LINKER" --library-path "\$AST_LIBRARIES" $name_option "\$AST_BINARY" "\$@"
WRAPPER
chmod +x "$dest/bin/asterisk"

says=$("$dest/bin/asterisk" -V) || die "unpacked, but it does not run"
printf 'suite %s\npackage %s\nsays %s\n' "$suite" "$version" "$says" >"$dest/VERSION"
say "$(tr '\n' ' ' <"$dest/VERSION")($(wc -l <"$dest/PACKAGES") packages, $(du -sm "$dest" | cut -f1) MiB)"
