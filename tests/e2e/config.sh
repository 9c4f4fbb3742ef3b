#!/bin/bash
# SPDX-License-Identifier: MIT
# Options from files: which files count, in what order, what the command line still decides, and what a source tree of strangers may not say.
. "$(dirname "$0")/tap.sh"

printf '{"format":"heapdelta-snapshot","version":1,"traceback_limit":9,"traces":[%s]}' \
	'{"size":20,"frames":[["a.c",1,"one"],["m.c",1,"main"]]},{"size":10,"frames":[["b.c",2,"two"],["m.c",1,"main"]]}' >a.json
mkdir -p tree/.git tree/below "$XDG_CONFIG_HOME"
printf 'ref: refs/heads/main\n' >tree/.git/HEAD
rc=tree/.heapdeltarc own=$XDG_CONFIG_HOME/heapdelta

# stats ARGUMENT…: what stats says in tree/below; first stdout, then stderr behind "2>", then a status other than 0.
stats()
{
	local status
	(cd tree/below && "$heapdelta" stats "$scratch/a.json" "$@" >"$scratch/out" 2>"$scratch/err" </dev/null)
	status=$?
	cat out
	sed "s:$heapdelta:heapdelta:g; s:$scratch:SCRATCH:g; s/^/2> /" err
	[ "$status" -eq 0 ] || echo "status $status"
}
a='a.c:1: size=20 B, count=1, average=20 B' b='b.c:2: size=10 B, count=1, average=10 B'

printf -- '# ours\n\n  --format   lines  \n--limit=1\r\n' >$rc
equal 'a file of the source tree' "$a" "$(stats)"
equal 'the command line wins' "$a
$b" "$(stats -n 0)"
equal 'not without it' "$a
$b" "$(stats --no-config --format lines)"
equal 'nor outside of the tree' "$a
$b" "$("$heapdelta" stats a.json --format lines)"
equal 'with its root named' "$a" "$("$heapdelta" stats a.json --source-root tree)"
printf -- '--limit 5\n--filter b.c\n' >"$own"
equal 'the tree decides over the own file, and filters add up' "$b" "$(stats)"
equal 'shown by -v' "$b
2> heapdelta: SCRATCH/config/heapdelta:1: --limit=5
2> heapdelta: SCRATCH/config/heapdelta:2: --filter=b.c
2> heapdelta: SCRATCH/tree/.heapdeltarc:3: --format=lines
2> heapdelta: SCRATCH/tree/.heapdeltarc:4: --limit=1" "$(stats -v | grep -v "read '")"
equal 'the default place of the own file' "$b" \
	"$(mkdir -p home/.config && cp "$own" home/.config/heapdelta && unset XDG_CONFIG_HOME && HOME=$scratch/home stats)"
rm -rf "$own" home

# ---- Options of other commands, and of none ------------------------------------------------------------------------------------------
printf -- '--format lines\n--sample 512K\n--only app\n' >$rc
equal "other commands' options are passed over" "$a
$b" "$(stats)"
check 'a value that only other commands know, too' bash -c "cd tree && '$heapdelta' export ../a.json --format json -o ../copy.json"
printf -- '--format csv\n' >$rc
equal 'such a value is not this one either' "2> heapdelta: which format? --format json
2> Try 'heapdelta export --help'" "$(cd tree && "$heapdelta" export ../a.json 2>&1 | sed "s:$heapdelta:heapdelta:; s/^/2> /")"
printf -- '--format lines\n--limitt 3\n' >$rc
equal 'an option that nobody knows' "2> heapdelta: SCRATCH/tree/.heapdeltarc:2: unknown option '--limitt'; did you mean '--limit'?
status 2" "$(stats)"
equal 'help is there all the same' 0 "$(cd tree && "$heapdelta" stats --help >/dev/null; echo $?)"
printf -- '--limit many\n' >$rc
equal 'a bad value' "2> heapdelta: SCRATCH/tree/.heapdeltarc:1: option '--limit' needs a number, not 'many'
status 2" "$(stats)"
for line in '--' 'limit 3' '-n 3' '--cumulative yes'; do
	printf -- '%s\n' "$line" >$rc
	equal "no option: $line" 'status 2' "$(stats | grep -v '^2> .*/\.heapdeltarc:1: ')"
done
printf '%s' '--limit 1' >$rc
equal 'a last line without its end' "$a" "$(stats --format lines)"

# ---- What a source tree may not say --------------------------------------------------------------------------------------------------
# Every option of every command that is not refused there is in this list: a new one is decided here.
allowed="all attribute blocks color cumulative exclude filter format full-names key limit map-path match metric most-recent-first nframe no-follow
	no-symbols not only quiet sample skip sort trace-limit traceback-limit verbose"
known=$("$heapdelta" help --options)
while read -r option; do
	case " $(xargs <<<"$allowed") " in *" $option "*) continue ;; esac
	taker=$(awk -F '\t' -v option="$option" '$2 == option { print $1; exit }' <<<"$known")
	printf -- '--%s %s\n' "$option" "$scratch/stolen" >$rc
	(cd tree && "$heapdelta" "$taker" -v nothing.hds >../out 2>../err </dev/null)
	check "a tree may not say --$option" grep -qE "tree/\.heapdeltarc:1: --$option=.* is ignored: (a source tree|it is for)" err
done < <(cut -f 2 <<<"$known" | sort -u)
check 'and nothing was written' test ! -e stolen
printf -- '--output %s\n' "$scratch/mine" >"$own"
: >$rc
stats >/dev/null
check 'a file of ones own may say --output' test -s mine
rm "$own"

# ---- Whose file --------------------------------------------------------------------------------------------------------------------
printf -- '--limit 1\n--format lines\n' >$rc
chmod 666 $rc
equal 'a file that others can write' "$a
$b
2> heapdelta: note: 'SCRATCH/tree/.heapdeltarc' is ignored: others can write to it" "$(stats --format lines)"
rm $rc && mkfifo $rc
equal 'a pipe' "$a
$b
2> heapdelta: note: 'SCRATCH/tree/.heapdeltarc' is ignored: it is no regular file" "$(stats --format lines)"
rm $rc && mkdir $rc
equal 'a directory' "$a
$b" "$(stats --format lines -q)"
rmdir $rc
head -c 70000 /dev/zero | tr '\0' '#' >$rc
equal 'a large file' "2> heapdelta: note: 'SCRATCH/tree/.heapdeltarc' is ignored: it is larger than 64 KiB" "$(stats --format lines | grep '^2>')"
printf -- '--limit 1\n\0--frob\n' >$rc
equal 'a file that is no text' "2> heapdelta: note: 'SCRATCH/tree/.heapdeltarc' is ignored: it is no text" "$(stats --format lines | grep '^2>')"
printf -- '--limit 1\n' >$rc
if [ "$(id -u)" -eq 0 ]; then
	chown 4711 $rc
	equal "a file of somebody else's" "2> heapdelta: note: 'SCRATCH/tree/.heapdeltarc' is ignored: it belongs to another user" \
		"$(stats --format lines | grep '^2>')"
	chown 0 $rc
else
	skip "a file of somebody else's" 'not root'
fi
printf -- '--filter \033[31m\n--no\033[31mse\n' >$rc
equal 'no control character reaches the terminal' 0 "$(stats -v | LC_ALL=C grep -c $'\x1b')"
finish
