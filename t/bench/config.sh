#!/bin/sh
# config: what a configuration of a million addresses in 10,000 files costs to
# build, to change and to look up in, beside one of ten addresses. Rows of a table.
set -eu
build=${top_builddir:-.}
config=$build/libexec/verbs/config
work=$(mktemp -d "${TMPDIR:-/tmp}/config-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

row() {
	printf '| %-62s | %16s | %s |\n' "$1" "$2" "$3"
}

# make DIR ACCOUNTS ADDRESSES-EACH
make_conf() {
	mkdir -p "$1/etc/domains" "$1/etc/accounts" "$1/var"
	printf 'hostname = mail.example.org\nseparators = "+"\npostmaster { account = u0 }\n' >"$1/etc/posthorn.conf"
	for i in 0 1 2 3 4 5 6 7 8 9; do
		: >"$1/etc/domains/d$i.example.conf"
	done
	awk -v dir="$1/etc/accounts" -v n="$2" -v m="$3" 'BEGIN {
		for (i = 0; i < n; i++) {
			f = dir "/u" i ".conf"
			printf "full-name = \"User %d\"\n", i > f
			for (j = 0; j < m; j++)
				printf "address u%d.%d@d%d.example { }\n", i, j, j % 10 > f
			close(f)
		}
	}'
}

in_dir() {
	dir=$1
	shift
	POSTHORN_ETC=$dir/etc POSTHORN_VAR=$dir/var "$@"
}

# Seconds that a command takes.
seconds() {
	start=$(date +%s.%N)
	"$@" >/dev/null
	end=$(date +%s.%N)
	echo "$start $end" | awk '{ printf "%.3f", $2 - $1 }'
}

make_conf "$work/small" 1 10
make_conf "$work/large" 10000 100
in_dir "$work/small" "$config" build
full=$(seconds in_dir "$work/large" "$config" build -f)
small=$(cd "$work/small/var" && "$build/t/bench/lookup" 1 10)
large=$(cd "$work/large/var" && "$build/t/bench/lookup" 10000 100)
none=$(seconds in_dir "$work/large" "$config" build)
echo 'address new@d0.example { }' >>"$work/large/etc/accounts/u77.conf"
one=$(seconds in_dir "$work/large" "$config" build)
in_dir "$work/large" "$config" show new@d0.example | grep -q 'account = u77'
size=$(du -k "$work/large/var/config.tdb" | awk '{ printf "%.0f MiB", $1 / 1024 }')
delta=$(cd "$work/large/var" && "$build/t/bench/lookup" 10000 100)

row 'config build, 1,000,000 addresses in 10,000 files' "$full s" "to reach: 20 s; config.tdb $size"
row 'config build after one of them changed' "$one s" 'to reach: 0.2 s'
row 'config build when nothing changed' "$none s" ''
row 'an address looked up among 1,000,000' "${large% *} us" "among 10: ${small% *} us"
row 'the same when a file changed since the full build' "${delta% *} us" "opening and closing: ${delta#* } us"
row 'an address looked up with opening and closing config.tdb' "${large#* } us" "among 10: ${small#* } us"
