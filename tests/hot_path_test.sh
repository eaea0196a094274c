#!/bin/bash
# tests/hot_path_test.sh OBJECT LIBRARY
# Counts, in the built code, the instructions and conditional branches of each hot path of hot_path.cpp, and of the
# library's virtual functions: those from the function's start to its first return, which is the way that takes no
# branch. Held to what is promised, and to what the compilers give: clang up to two more than g++ 12.
set -eu
object=$1
library=$2

path_of() { # FUNCTION: its instructions up to the first return
  objdump -d --no-show-raw-insn "$object" "$library" |
    awk -v name="<$1>:" '$2 == name { inside = 1; next } inside && !found && /:\t/ { print $2; found = $2 == "ret" }'
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
check own_deallocate 11 1
check default_allocate 13 1
check default_deallocate 13 1
check shared_allocate 18 2
check shared_deallocate 18 2
# Through a memory_resource&: with the requests of all sizes, and no frame for what comes behind.
check _ZN6quarry28unsynchronized_pool_resource11do_allocateEmm 20 2
check _ZN6quarry28unsynchronized_pool_resource13do_deallocateEPvmm 22 2
check _ZN6quarry26synchronized_pool_resource11do_allocateEmm 27 3
check _ZN6quarry26synchronized_pool_resource13do_deallocateEPvmm 29 3

# No statement of these paths exists for statistics: they write what is named here and nothing else, so no counter,
# and know no symbol but those through which a thread finds its magazines.
instructions_of() { # FUNCTION: up to the first return, each followed by the symbols it refers to
  objdump -dr --no-show-raw-insn "$object" |
    awk -v name="<$1>:" '$2 == name { inside = 1; next } !inside { next } /R_X86_64/ { print; next } returned { exit }
      /:\t/ { print; returned = /\tret/ }'
}
writes_of() { # FUNCTION: how many instructions write to memory
  instructions_of "$1" | grep -v R_X86_64 | sed 's/ *#.*//; s/ *<.*>$//' |
    awk '{ $1 = "" } $2 !~ /^(cmp|test|lea|nop|data16|j|ret)/ && /\)$/' | wc -l
}
strangers_of() { # FUNCTION: symbols it has no business with
  instructions_of "$1" | grep R_X86_64 | grep -vE '_ZN6quarry6detail(17this_thread_table|23this_thread_default_set)E' || true
}
only_writes() { # FUNCTION WHAT...
  local function=$1 writes
  shift
  writes=$(writes_of "$function")
  echo "$function: writes $writes times to memory ($*)"
  [ "$writes" -eq $# ] && [ -z "$(strangers_of "$function")" ]
}

only_writes own_allocate top || status=1
only_writes own_deallocate slot top || status=1
only_writes default_allocate busy top busy || status=1
only_writes default_deallocate busy slot top busy || status=1
only_writes shared_allocate busy top busy || status=1
only_writes shared_deallocate busy slot top busy || status=1
# The same path with one counter more, so that it is known that one would be seen.
if only_writes counted_allocate top; then
  echo 'a counter was not noticed' >&2
  status=1
fi
[ -n "$(strangers_of counted_allocate)" ] || { echo 'a symbol was not noticed' >&2; status=1; }
exit $status
