#!/bin/bash
# tests/hot_path_test.sh OBJECT
# Counts, in the built code, the instructions and conditional branches of each hot path of hot_path.cpp: those from the
# function's start to its first return, which is the way that takes no branch. Held to what is promised.
set -eu
object=$1

path_of() { # FUNCTION: its instructions up to the first return
  objdump -d --no-show-raw-insn "$object" |
    awk -v name="<$1>:" '$2 == name { inside = 1; next } inside && /:\t/ { print $2; if ($2 == "ret") exit }'
}

status=0
check() { # FUNCTION INSTRUCTIONS BRANCHES: at most
  local path instructions branches
  path=$(path_of "$1")
  [ "$(tail -n 1 <<<"$path")" = ret ] || { echo "$1: no return found in $object" >&2; exit 1; }
  instructions=$(wc -l <<<"$path")
  branches=$(grep -cE '^j[a-z]+$' <<<"$path" || true)
  echo "$1: $instructions instructions (at most $2), $branches branches (at most $3)"
  [ "$instructions" -le "$2" ] && [ "$branches" -le "$3" ] || status=1
}

check own_allocate 11 1
check own_deallocate 12 1
check default_allocate 13 1
check default_deallocate 13 1
check shared_allocate 18 2
check shared_deallocate 18 2
exit $status
