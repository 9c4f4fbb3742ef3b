#!/bin/bash
# SPDX-License-Identifier: MIT
# env: its forms do what they say in a shell, and read back as they were meant; what cannot be said in a form is refused.
. "$(dirname "$0")/tap.sh"
targets=$programs/targets
library=$(readlink -f "$shim")
# snapshots: how many lie here
snapshots() { find . -name '*.hds' | wc -l; }

equal '--path: the library alone' "$library" "$("$heapdelta" env --path)"
equal 'nothing else without options' "LD_PRELOAD=$library" "$("$heapdelta" env)"

# Word splitting is what this form is for.
# shellcheck disable=SC2046
check 'env with what env prints' env $("$heapdelta" env -o "$scratch/%e.%p.hds") "$targets/known-heap"
equal 'traces it, under the name that was asked for' 1 "$(find . -name 'known-heap.*.hds' | wc -l)"
rm -f ./*.hds
# shellcheck disable=SC2046
(export $("$heapdelta" env -o "$scratch/%p.hds") && sh -c "$targets/known-heap; :")
equal 'export: children, too' 2 "$(snapshots)"
rm -f ./*.hds
# shellcheck disable=SC2046
env $("$heapdelta" env --no-follow -o "$scratch/%p.hds") sh -c "$targets/known-heap; :"
equal '--no-follow: the process alone' 1 "$(snapshots)"
rm -f ./*.hds
# shellcheck disable=SC2046
env $("$heapdelta" env --no-start -o "$scratch/%p.hds") "$targets/known-heap"
equal '--no-start: nothing is recorded' '0 0 0 0 0' "$(totals ./*.hds)"
rm -f ./*.hds
equal 'what is recorded' 'HEAPDELTA_NFRAME=5
HEAPDELTA_SAMPLE=524288
HEAPDELTA_TRACE_LIMIT=67108864' "$("$heapdelta" env --nframe 5 --sample 512K --trace-limit 64M | grep -v LD_PRELOAD)"
equal "the user's own preload stays, behind ours" "LD_PRELOAD=$library:/lib/a.so:/lib/b.so" \
	"$(LD_PRELOAD='/lib/a.so /elsewhere/libheapdelta.so /lib/b.so' "$heapdelta" env 2>/dev/null)"

# A unit file: what systemd makes of it (systemd.exec(5): C escapes in double quotes, %% is a percent sign).
# unit: the variables that the drop-in sets
unit() { "$heapdelta" env --systemd "$@" | sed -n 's/^Environment="\(.*\)"$/\1/p' | sed 's/%%/%/g; s/\\\(["\\]\)/\1/g'; }
equal '--systemd' "LD_PRELOAD=$library
HEAPDELTA_OUTPUT=/var/tmp/heapdelta.%e.%p.hds
HEAPDELTA_SAMPLE=4096" "$(unit --sample 4K)"
equal '--systemd: text that needs quoting' 'HEAPDELTA_OUTPUT=/a "b" \c/%p.hds' "$(unit -o '/a "b" \c/%p.hds' | grep OUTPUT)"
equal '--systemd: everything else is a comment or the section' '[Service]' "$("$heapdelta" env --systemd | grep -v '^#\|^Environment=')"
if need systemd-analyze; then
	"$heapdelta" env --systemd >in.conf && printf '[Service]\nExecStart=/bin/true\n' | cat - in.conf >hd.service
	equal '--systemd: systemd understands it' '' "$(systemd-analyze verify ./hd.service 2>&1 | grep hd.service)"
else
	ok '--systemd: systemd is not here to ask'
fi

"$heapdelta" env --docker >out 2>err
equal '--docker: mounts, memory and variables' "-v $library:/heapdelta/libheapdelta.so:ro
-v $scratch:/out
--shm-size=1g
-e LD_PRELOAD=/heapdelta/libheapdelta.so
-e HEAPDELTA_OUTPUT=/out/heapdelta.%e.%p.hds" "$(cat out)"
contains '--docker: what the image needs' 'libunwind8' err
equal '--docker -o: a name inside the container, no mount' 0 "$("$heapdelta" env -q --docker -o /data/%p.hds | grep -c ':/out$')"

# refused NAME TEXT ARGUMENT…: status 2, the text on stderr, nothing on stdout
refused()
{
	local name=$1 text=$2 got
	shift 2
	"$heapdelta" env "$@" >out 2>err
	got=$?
	if [ "$got" -eq 2 ] && [ ! -s out ] && grep -qF -e "$text" err; then ok "$name"; else not_ok "$name" "status $got" "$(cat out err)"; fi
}
refused 'two forms' 'exclude each other' --path --systemd
refused 'an operand' 'takes no operands' ./server
refused 'a name that a shell would split' 'would take' -o 'a b.hds'
refused 'a name that docker could not be told' 'would take' --docker -o '/data/*.hds'
refused 'a service without an absolute name' 'absolute name' --systemd -o x.hds
refused 'an unknown conversion' "unknown conversion '%z'" -o '/x/%z.hds'
refused 'no name' "needs a file name" -o ''
refused 'a sample that is none' "'--sample' needs" --sample 100
refused 'a limit that is too small' "'--trace-limit' needs" --trace-limit 4K
mkdir 'with space' && cd 'with space' || exit 1
refused 'a directory that docker could not be told' 'would take' --docker
cd .. || exit 1
HEAPDELTA_LIBRARY=/no/such.so refused 'no library' 'cannot read the library'
check '--help explains' sh -c "'$heapdelta' env --help | grep -qF 'env \$(heapdelta env) ./server'"
finish
