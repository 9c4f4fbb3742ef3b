#!/bin/bash
# SPDX-License-Identifier: MIT
# Comparisons of two builds of one program: what differs in the sources or in how they were compiled, but not in what the program does, must
# not differ in the comparison; what does differ shows with its place in both.  The programs are in tests/e2e/builds/; every build has a work
# tree of its own, so that the snapshots' source roots differ as well.
. "$(dirname "$0")/tap.sh"
here=$top/tests/e2e/builds

# tree NAME: a work tree with the sources; says where.
tree()
{
	mkdir -p "$1/src"
	git init -q "$1"
	cp "$here"/* "$1/src"
	printf '%s\n' "$scratch/$1"
}

# build TREE COMPILER FLAG…: compiles what is there; the program is TREE/stock or TREE/shapes.  In C++, a line of another file is none of ours.
build()
{
	local tree=$1 compiler=$2
	shift 2
	case $compiler in
	*++) "$compiler" -std=c++17 -g "$@" -o "$tree/shapes" "$tree"/src/shapes.cpp ;;
	*) "$compiler" -std=gnu11 -g "$@" -o "$tree/stock" "$tree"/src/*.c ;;
	esac
}

# record TREE PROGRAM: TREE/PROGRAM.hds
record() { (cd "$1" && "$heapdelta" run -q -o "$2.hds" "./$2" "${@:3}" >/dev/null); }

# changes OLD NEW OPTION…: rows with a difference or without a partner, "FILE:LINE SIZE_DIFF MARK", then how many rows there are in all.
changes()
{
	"$heapdelta" diff -q "$@" --format json | jq -r '[.stats[] | select(.size_diff != 0 or .count_diff != 0 or .mark == "new" or .mark == "gone")
		| "\(.frames[.attributed].file):\(.frames[.attributed].line) \(.size_diff) \(.mark)"][], "\(.match.how) \(.match.same + .match.moved > 0)"'
}

# unchanged NAME OLD NEW OPTION…
unchanged()
{
	local name=$1
	shift
	equal "$name" 'auto true' "$(changes "$@")"
}

declare -A kinds=([gcc]=stock [clang]=stock [g++]=shapes [clang++]=shapes)
# compare NAME COMPILER FLAGS [OPTION…]: the base build against the same with `edit` applied to the sources and compiled with FLAGS.
compare()
{
	local name=$1 compiler=$2 flags=$3 program=${kinds[$2]} new key
	shift 3
	new=$(tree "new-$((tests + 1))")
	edit "$new/src"
	# Several flags in one word.
	# shellcheck disable=SC2086
	if build "$new" "$compiler" $flags && record "$new" "$program"; then
		for key in "${keys[@]}"; do
			unchanged "$compiler: $name, by $key" "base-$compiler/$program.hds" "$new/$program.hds" -k "$key" "$@"
		done
	else
		not_ok "$compiler: $name" 'cannot be built or run'
	fi
}

comments()
{
	local file
	for file in "$1"/*.c*; do
		# Before each function, and within: behind what opens it, and behind each line that ends in ';'.
		sed -i -e 's|^{$|{\n\t// what this function does\n|' -e 's|^\(static \)*[a-z].*(.*)$|/* two lines\n * of comment */\n&|' \
			-e 's|;$|&\n\n\t/* said */|' "$file"
	done
}
nothing() { :; }
reformat() { clang-format -i --style="$style" "$1"/*; }
rename_file() { mv "$1/item.c" "$1/tools.c"; }
rename_functions() { sed -i -e 's/fill_pairs/fill_both/g; s/stock_up/stock_everything/g; s/fill_names/names_fill/g' "$1"/*.c*; }

for compiler in gcc clang g++ clang++; do
	program=${kinds[$compiler]}
	need "$compiler" || { skip "$compiler" "no $compiler"; continue; }
	base=$(tree "base-$compiler")
	build "$base" "$compiler" -O0
	record "$base" "$program"
	keys=(lineno function filename traceback module thread process)
	edit() { nothing "$1"; }
	compare 'another directory' "$compiler" -O0
	keys=(lineno function traceback)
	compare 'optimised' "$compiler" '-O2 -fno-optimize-sibling-calls'
	keys=(lineno function)
	edit() { comments "$1"; }
	compare 'comments, optimised' "$compiler" '-O2 -fno-optimize-sibling-calls'
	edit() { rename_functions "$1"; }
	compare 'other names of functions' "$compiler" -O0
	keys=(lineno function traceback)
	edit() { comments "$1"; }
	compare 'comments' "$compiler" -O0
	need clang-format || { skip "$compiler: another style" 'no clang-format'; continue; }
	edit() { reformat "$1"; }
	for style in GNU '{BasedOnStyle: LLVM, ColumnLimit: 40}' \
		'{BasedOnStyle: Google, ColumnLimit: 200, AllowShortIfStatementsOnASingleLine: AllIfsAndElse}'; do
		compare "style $style" "$compiler" -O0
		[ "$compiler" != clang++ ] || break
	done
done
edit() { rename_file "$1"; }
keys=(lineno function filename traceback)
compare 'a file by another name' gcc -O0 --map-path src/item.c=src/tools.c

# ---- What did change -------------------------------------------------------------------------------------------------------------
# One line leaks anew, one no more, two grow, and all of them are elsewhere.
old=$scratch/base-gcc new=$(tree changed)
commit_all() { git -C "$1" add -A && git -C "$1" -c user.name=t -c user.email=t@t -c commit.gpgsign=false commit -q -m "$2"; }
sed -i -e '1s|^|/* longer */\n\n|' -e 's|fill_pairs(12);|fill_pairs(15);|' -e 's|words\[1\] = .*|words[1] = strcpy(malloc(77), "a leak");|' "$new/src/stock.c"
build "$new" gcc -O0
commit_all "$new" changed
record "$new" stock
# line TREE TEXT [N]: of the N-th line with the text
line() { grep -nF -- "$2" "$1/src/stock.c" | cut -d: -f1 | sed -n "${3:-1}p"; }
pair='= malloc(24);' copy='malloc(strlen(text) + 1)'
was=src/stock.c:$(line "$old" "$pair") leak=src/stock.c:$(line "$new" 'malloc(77)')
{
	echo "$leak 77 new"
	echo "src/stock.c:$(line "$new" "$pair") 72 moved $was"
	echo "src/stock.c:$(line "$new" "$pair" 2) 72 moved src/stock.c:$(line "$old" "$pair" 2)"
	echo "src/stock.c:$(line "$new" "$copy") -12 moved src/stock.c:$(line "$old" "$copy")"
} | sort >expected
"$heapdelta" diff "$old/stock.hds" "$new/stock.hds" --format json >out.json
jq -r '.stats[] | select(.size_diff != 0) | "\(.frames[0].file):\(.frames[0].line) \(.size_diff) \(.mark) \(.was // "")"' out.json |
	sed 's/ $//' | sort >got
same_files 'what changed, and where it was' expected got
equal 'and back: what is new is gone' "$leak -77 gone" \
	"$("$heapdelta" diff -q "$new/stock.hds" "$old/stock.hds" --format json |
		jq -r '.stats[] | select(.mark == "gone") | "\(.frames[0].file):\(.frames[0].line) \(.size_diff) \(.mark)"')"

mask()
{
	sed -E -e "s|$scratch|SCRATCH|g; s|$heapdelta|heapdelta|g" -e 's/[0-9]{2}:[0-9]{2}:[0-9]{2}/TIME/g; s/[0-9]{4}-[0-9]{2}-[0-9]{2} //g' \
		-e 's/build [0-9a-f]{6}/build ID/g; s/commit [0-9a-f]{7}$/commit ID/g; s/  [0-9.]+ [KMi]*B live in [0-9]+ blocks/  LIVE/'
}
"$heapdelta" diff "$old/stock.hds" "$new/stock.hds" 2>&1 | mask >got
cat >expected <<EOF
old: SCRATCH/base-gcc/stock.hds  ./stock  TIME  LIVE   build ID
new: SCRATCH/changed/stock.hds  ./stock  TIME  LIVE   build ID, commit ID
different builds, lines matched by function and text: $(jq -r '.match | "\(.same) same, \(.moved) moved, \(.new) new, \(.gone) gone"' out.json)
$(printf '%-83snew' "$leak: size=77 B (+77 B), count=1 (+1), average=77 B")
next: heapdelta diff SCRATCH/base-gcc/stock.hds SCRATCH/changed/stock.hds -k traceback -n 1
EOF
grep -E "^(old|new|different|$leak|next)" got >lines
same_files 'the heading, a new line, what to type next' expected lines
contains 'a line that moved says from where' "was $was" got
contains 'and what it is' 'pairs[0][i] = malloc(24);' got
contains 'unchanged ones are only counted' ' unchanged' got
next=$("$heapdelta" diff "$old/stock.hds" "$new/stock.hds" | sed -n 's/^next: //p')
check 'what to type next can be typed' bash -c "$next"
sed -i '1s|^|\n\n\n|' "$new/src/stock.c"
equal 'what stands in the place of a line today is not shown as its text' '' "$("$heapdelta" diff "$old/stock.hds" "$new/stock.hds" | grep '^    ')"
sed -i '1,3d' "$new/src/stock.c"

# ---- Exactly ---------------------------------------------------------------------------------------------------------------------
for options in '--match exact' '--format lines' '--format csv' '--match auto --format lines'; do
	# Several options in one word.
	# shellcheck disable=SC2086
	"$heapdelta" diff -q "$old/stock.hds" "$new/stock.hds" $options >out
	equal "$options compares numbers" 1 "$(grep -cE "^src/stock.c[:,]${was#*:}\b.*-288" out)"
done
equal '--match auto for a spreadsheet' 1 "$("$heapdelta" diff -q "$old/stock.hds" "$new/stock.hds" --match auto --format csv | grep -c ',-[0-9]*,')"
"$heapdelta" export "$old/stock.hds" --format json -o old.json
equal 'interchange is exact' exact "$("$heapdelta" diff -q old.json "$new/stock.hds" --format json | jq -r .match.how)"
"$heapdelta" diff "$old/stock.hds" "$new/stock.hds" --match exact >out
contains 'the heading says so' 'different builds: a line whose number changed is shown as gone and new' out

# ---- More than two ---------------------------------------------------------------------------------------------------------------
third=$(tree third)
comments "$third/src"
build "$third" gcc -O0
record "$third" stock
# The text is jq's, not the shell's.
# shellcheck disable=SC2016
equal 'a series through three builds' '[288,360,288] moved' \
	"$("$heapdelta" diff -q "$old/stock.hds" "$new/stock.hds" "$third/stock.hds" --format json |
		jq -r --arg was "$was" '.stats[] | select(.was == $was) | "\(.sizes) \(.mark)"')"

# ---- Notes -----------------------------------------------------------------------------------------------------------------------
"$heapdelta" diff "$third/stock.hds" "$old/stock.hds" 2>err >out
equal 'swapped arguments' \
	'heapdelta: note: NEW (SCRATCH/base-gcc/stock.hds, TIME) was taken before OLD (SCRATCH/third/stock.hds, TIME); arguments swapped?' \
	"$(mask <err)"
record "$third" stock with arguments
"$heapdelta" diff "$old/stock.hds" "$third/stock.hds" 2>err >out
equal 'another command' "heapdelta: note: another command: OLD is of './stock', NEW of './stock with arguments'" "$(cat err)"
"$heapdelta" diff -q "$third/stock.hds" "$old/stock.hds" 2>err >out
equal 'not with -q' '' "$(cat err)"
"$heapdelta" diff "$old/stock.hds" "$new/stock.hds" --map-path src/item.c 2>err
equal 'a map that is none' "2 heapdelta: bad path map 'src/item.c': it needs to be FROM=TO" "$? $(head -1 err)"
finish
