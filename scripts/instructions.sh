#!/usr/bin/env bash
# Counts the instructions that the hot path takes for each message, with
# valgrind, and fails where they are more than a tenth above the numbers in
# benches/instructions.txt. Unlike times, they are the same on a busy machine.
# `--write` writes the numbers anew.
#
# memchr and the automata choose their code by processor: the numbers are those
# of one with AVX2.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."

limits=benches/instructions.txt
die() { printf 'instructions: %s\n' "$*" >&2; exit 1; }

command -v valgrind >/dev/null || die "valgrind is missing: apt-get install valgrind"
program=$(cargo bench --locked --no-run --bench instructions --message-format=json |
  sed -n 's/.*"executable":"\([^"]*\/instructions-[^"]*\)".*/\1/p')
[ -x "$program" ] || die "there is no program to count in"

# count TASK: prints instructions per message.
count() {
  local said messages all
  said=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null --collect-atstart=no \
    --toggle-collect='*instructions*measured*' "$program" "$1" 2>&1) || die "$1 failed: $said"
  messages=$(grep -E '^[0-9]+$' <<<"$said") || die "$1 did nothing: $said"
  all=$(sed -n 's/^==[0-9]*== Collected : \([0-9]*\)$/\1/p' <<<"$said")
  if [ "${messages:-0}" -lt 100 ] || [ "${all:-0}" -lt "$messages" ]; then
    die "$1: $all instructions for $messages messages cannot be"
  fi
  echo $((all / messages))
}

tasks=(from_asterisk to_asterisk filters fanout)
if [ "${1-}" = --write ]; then
  text=$(for task in "${tasks[@]}"; do echo "$task $(count "$task")"; done)
  printf '%s\n' "# Instructions per message; scripts/instructions.sh --write writes this." "$text" >"$limits"
  cat "$limits"
  exit
fi

above=0
for task in "${tasks[@]}"; do
  number=$(count "$task")
  wanted=$(sed -n "s/^$task \([0-9]*\)$/\1/p" "$limits")
  [ "${wanted:-0}" -gt 0 ] || die "$limits has no number for $task"
  word=ok
  if [ $((number * 10)) -gt $((wanted * 11)) ]; then
    word="TOO MANY" above=1
  elif [ $((number * 10)) -lt $((wanted * 9)) ]; then
    word="ok; fewer by a tenth: lower the number with --write"
  fi
  printf '%-14s %6s instructions per message, was %6s: %s\n' "$task" "$number" "$wanted" "$word"
done
exit "$above"
