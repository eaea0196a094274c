#!/bin/bash
# tests/poison/run_test.sh WATCHED PROGRAM
# Runs each case of the program touch in a process of its own and compares what is reported with what is promised.
# WATCHED says who is looking:
#   code      AddressSanitizer, at the program's own code and at the C library's functions
#   calls     AddressSanitizer, at the C library's functions only: the program was compiled without
#   memcheck  Valgrind's memcheck, at everything
#   nobody    nobody
set -u
ulimit -c 0
watched=$1 program=$2
out=$(mktemp) || exit 99
trap 'rm -f "$out"' EXIT
failed=0

run() { # CASE: its words into $out, its exit code into $code
  if [ "$watched" = memcheck ]; then
    valgrind --read-inline-info=no --error-exitcode=77 "$program" "$1" >"$out" 2>&1
  else
    ASAN_OPTIONS=exitcode=77:abort_on_error=0 "$program" "$1" >"$out" 2>&1
  fi
  code=$?
}

complain() {
  echo "FAILED $*" >&2
  tail -n 30 "$out" >&2
  failed=1
}

fine() { # CASE: ends well, and nothing is reported
  run "$1"
  if [ $code -ne 0 ] || ! grep -qx 'to the end' "$out" || grep -qE 'Sanitizer|Invalid|uninitialised' "$out"; then
    complain "$1: expected no report, exit code $code"
  else
    echo "ok $1: no report"
  fi
}

found() { # CASE TEXT: reported in these words
  run "$1"
  if [ $code -ne 77 ] || ! grep -qE "$2" "$out"; then
    complain "$1: expected \"$2\", exit code $code"
  else
    echo "ok $1: $(grep -oE -m 1 "$2" "$out")"
  fi
}

mine() { # CASE MEMCHECK'S TEXT: done by the program's own code
  case $watched in
    code) found "$1" 'AddressSanitizer: use-after-poison' ;;
    memcheck) found "$1" "$2" ;;
    *) fine "$1" ;;
  esac
}

call() { # CASE MEMCHECK'S TEXT: done by a function of the C library
  case $watched in
    code | calls) found "$1" 'AddressSanitizer: use-after-poison' ;;
    memcheck) found "$1" "$2" ;;
    *) fine "$1" ;;
  esac
}

undefined() { # CASE: uses what was never written
  if [ "$watched" = memcheck ]; then found "$1" 'depends on uninitialised value'; else fine "$1"; fi
}

aborted() { # CASE TEXT: reported by the pool, whoever is looking
  run "$1"
  if [ $code -ne 134 ] || ! grep -qE "$2" "$out"; then
    complain "$1: expected \"$2\" and an abort, exit code $code"
  else
    echo "ok $1: $2"
  fi
}

run in_containers
if [ "$watched" = nobody ]; then mode='memory is as ever'; else mode='memory is poisoned'; fi
grep -qx "$mode" "$out" || complain "expected that $mode"

for right in give_back pool_on_pool in_containers live_to_the_end segments foreign_is_left_alone; do fine $right; done
mine write_after_free 'Invalid write of size 1'
call fill_after_free 'Invalid write of size'
mine write_after_free_and_allocation 'Invalid write of size 1'
mine write_after_free_by_a_thread 'Invalid write of size 1'
mine write_into_tail 'Invalid write of size 1'
mine write_into_tail_at_odd_end 'Invalid write of size 1'
mine write_into_tail_of_aligned 'Invalid write of size 1'
call fill_into_tail 'Invalid write of size'
mine write_into_tail_before 'Invalid write of size 1'
mine write_into_free_neighbour 'Invalid write of size 1'
mine write_beyond_good_size 'Invalid write of size 1'
mine read_untouched_memory_behind_vector 'Invalid read of size 4'
call fill_untouched_memory 'Invalid write of size'
mine read_erased_list_node "inside a block of size 24 free'd"
mine write_after_segment 'Invalid write of size 1'
call fill_free_neighbour_of_segment 'Invalid write of size'
mine write_into_tail_in_segment_pool 'Invalid write of size 1'
mine write_behind_block_that_is_a_region 'Invalid write of size 1'
undefined branch_on_undefined
aborted free_twice 'double free|double_free'
exit $failed
