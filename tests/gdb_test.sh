#!/bin/bash
# gdb_test.sh PROGRAM PRINTERS: what gdb shows of quarry's types, in the running PROGRAM and in a core file of it.
set -u
program=$1 printers=$2
command -v gdb >/dev/null || { echo 'no gdb here'; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

shown=(-ex 'up' -ex 'print own' -ex 'print shared' -ex 'print young' -ex 'print handing_on' -ex 'print *own.magazines_' -ex 'print segments' -ex 'print hello'
  -ex 'print none' -ex 'print twice' -ex 'print chain' -ex 'print nothing'
  -ex 'print *(quarry::synchronized_pool_resource*)overwritten')
quiet=(-nx -batch -iex 'set debuginfod enabled off' -ex "source $printers" -ex 'set print elements 0' -ex 'set width 0')

gdb "${quiet[@]}" -ex 'break look' -ex run "${shown[@]}" -ex "generate-core-file $work/core" "$program" >"$work/live" 2>&1
grep -q 'Breakpoint 1, ' "$work/live" || { cat "$work/live"; echo 'gdb cannot run programs here'; exit 77; }
gdb "${quiet[@]}" "${shown[@]}" "$program" "$work/core" >"$work/dead" 2>&1
told=$("$program")

shows() { # WHERE PART: it is in what gdb showed there
  grep -qF -- "$2" "$work/$1" && return
  printf 'FAILED: %s: expected to be shown: %s\n' "$1" "$2"
  failures=$((failures + 1))
}
rows() { # POOL
  sed -n "s/^$1: //p" <<<"$told" | paste -s -d , | sed 's/,\[/, [/g'
}
for where in live dead; do
  # The same rows as statistics() has, and no others.
  shows $where " = {$(rows own), [oversized] = 1 block, 1 MiB}"
  shows $where " = {$(rows shared)}"
  shows $where " = {$(rows young)}"
  shows $where " = {$(rows handing_on)}"
  shows $where ' = unsynchronized_pool_resource: '
  shows $where ' = synchronized_pool_resource: '
  shows $where '; magazines of 1 thread'
  shows $where ' = magazines: '
  shows $where ' = segment_pool: '
  shows $where ' = segment of 1500 bytes, capacity 1536, at 0x'
  shows $where ': 48 65 6c 6c 6f 2c 20 67 64 62 00 00 00 00 00 00 ... |Hello, gdb......|...'
  shows $where ' = segment: none'
  shows $where ' = shared_segment of 5 bytes, 3 owners, at 0x'
  shows $where ': 73 68 61 72 65 |share|'
  shows $where ' = segment_chain of 69005 bytes in '
  shows $where '6d 6d ... |mmmmmmmmmmmmmmmm|...'
  shows $where '5 bytes at 0x'
  shows $where ' = segment_chain of 0 bytes in 0 pieces'
  shows $where ' = synchronized_pool_resource: not readable'
done

[ $failures -eq 0 ] || { echo '--- live:'; cat "$work/live"; echo '--- core file:'; cat "$work/dead"; }
[ $failures -eq 0 ] && echo ok
exit $((failures != 0))
