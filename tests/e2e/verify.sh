#!/bin/bash
# SPDX-License-Identifier: MIT
# HEAPDELTA_VERIFY: no stack that is recorded of real programs, and of targets that are hard to walk, differs from libunwind's own walk.
# 200 000 stacks at least are compared; tests/verify/run does it with millions.
. "$(dirname "$0")/tap.sh"
. "$top/tests/verify/workloads.sh"
prepare_workloads
total=0

# verified NAME SIZE: runs a workload, every stack of it compared, and adds to the total.
verified()
{
	local name=$1 status stacks by_libunwind frames shorter differences
	workload "$name" 1 "$2"
	status=$?
	read -r stacks by_libunwind frames shorter differences < <(verified_counts)
	total=$((total + by_libunwind))
	# Who waits for another learner in vain compares less.
	case $rivals in *" $name "*) shorter=0 by_libunwind=$stacks ;; esac
	if [ "$status $shorter $differences" = '0 0 0' ] && [ "$stacks" -ge 400 ] && [ "$by_libunwind" -eq "$stacks" ] &&
		! grep -q 'is wrong from frame' said; then
		ok "$name: no stack differs"
	else
		not_ok "$name: no stack differs" "status $status, $stacks stacks, $by_libunwind by libunwind with $frames frames" \
			"$shorter cut short, $differences differences" "$(tail -n 20 said)"
	fi
	printf '# %s: %s stacks, %s frames\n' "$name" "$by_libunwind" "$frames"
}

verified python-json 2
verified python-callbacks 20
verified python-threads 10
verified gcc 1
verified git-log 2
verified git-blame 1
verified sqlite 1
verified perl 6
verified throw-catch 1
verified coroutine-unmapped 1
verified dlclose-reuse 1
verified signal-stacks 1
verified code-without-cfi 1
verified deep-recursion 4
verified frame-shapes 5
verified storm 1

# The same calls with other frames.
for flags in '-O2 -fomit-frame-pointer' '-O2 -mstackrealign' '-Os -fno-omit-frame-pointer' '-O3 -mavx2'; do
	case $flags in *avx2) grep -qw avx2 /proc/cpuinfo || continue ;; esac
	for name in frame-shapes coroutine-unmapped signal-stacks; do
		# shellcheck disable=SC2086
		cc -std=gnu11 -D_GNU_SOURCE -g $flags -o "$name" "$top/tests/targets/$name.c" 2>/dev/null || continue
		programs_before=$programs
		mkdir -p flagged/targets && mv "$name" flagged/targets/
		programs=$scratch/flagged
		verified "$name" 1
		programs=$programs_before
	done
done

# All but every thousandth are compared with a second walk alone, and the first two of each.
workload python-json 1000 3
read -r stacks by_libunwind frames shorter differences < <(verified_counts)
check 'every thousandth: the others are compared with a second walk' [ "$stacks" -gt "$((2 * by_libunwind))" ]
check 'every thousandth: and some with libunwind' [ "$((by_libunwind * 1000))" -gt "$stacks" ]
equal 'every thousandth: no stack differs' '0 0' "$shorter $differences"

# What people see of it.
HEAPDELTA_VERIFY=1 LD_PRELOAD=$shim HEAPDELTA_OUTPUT=$scratch/shown.hds "$programs/targets/deep-recursion" 10
"$heapdelta" info shown.hds >info.txt
check 'info says how many' grep -qxE 'verified    ([0-9]+) stacks without the cache, \1 of them by libunwind with [0-9]+ frames: no difference' info.txt
LD_PRELOAD=$shim HEAPDELTA_OUTPUT=$scratch/usual.hds "$programs/targets/deep-recursion" 10
"$heapdelta" info usual.hds >info.txt
check 'and nothing where it was not asked for' awk '/verified/ { bad = 1; print } END { exit bad }' info.txt

check "$total stacks were compared with libunwind" [ "$total" -ge 200000 ]
finish
