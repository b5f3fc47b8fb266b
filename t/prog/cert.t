#!/bin/sh
# posthorn cert: what it makes is what openssl reads, and nothing is overwritten by accident.
cert=$top_builddir/libexec/verbs/cert
n=0 failed=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
POSTHORN_VAR=$dir
export POSTHORN_VAR

ok()	# NAME COMMAND...
{
	name=$1; shift
	n=$((n + 1))
	if "$@" >"$dir/out" 2>&1; then echo "ok $n - $name"; else echo "not ok $n - $name"; sed 's/^/# /' "$dir/out"; failed=1; fi
}
exits()	# CODE COMMAND...
{
	want=$1; shift
	"$@" >"$dir/err" 2>&1
	[ $? = "$want" ]
}
has() { openssl x509 -in "$dir/tls/$1/cert.pem" -noout -text | grep -q -- "$2"; }

ok 'one is made' "$cert" selfsigned mail.example.org Other.example '*.example.org' 192.0.2.1 2001:db8::1
ok 'for all its names' has mail.example.org 'DNS:mail.example.org, DNS:other.example, DNS:\*.example.org, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1'
ok 'with a P-256 key' has mail.example.org 'NIST CURVE: P-256'
ok 'it verifies as a server' openssl verify -purpose sslserver -verify_hostname mail.example.org -CAfile "$dir/tls/mail.example.org/cert.pem" "$dir/tls/mail.example.org/cert.pem"
ok 'for almost four years' openssl x509 -in "$dir/tls/mail.example.org/cert.pem" -noout -checkend $((1460 * 86400))
ok 'and no more' exits 1 openssl x509 -in "$dir/tls/mail.example.org/cert.pem" -noout -checkend $((1462 * 86400))
ok 'only the owner reads the key' [ "$(stat -c %a "$dir/tls/mail.example.org/key.pem")" = 600 ]
ok 'the key is the certificate'\''s' [ "$(openssl pkey -in "$dir/tls/mail.example.org/key.pem" -pubout)" = "$(openssl x509 -in "$dir/tls/mail.example.org/cert.pem" -noout -pubkey)" ]
sum=$(cksum <"$dir/tls/mail.example.org/key.pem")
ok 'a second time is refused' exits 100 "$cert" selfsigned mail.example.org
ok 'and changes nothing' [ "$(cksum <"$dir/tls/mail.example.org/key.pem")" = "$sum" ]
ok '-f replaces it' "$cert" selfsigned -f mail.example.org
ok 'by a new one' [ "$(cksum <"$dir/tls/mail.example.org/key.pem")" != "$sum" ]
ok 'a wildcard first' "$cert" selfsigned '*.wild.example'
ok 'has a plain directory' [ -f "$dir/tls/_.wild.example/cert.pem" ]
fp=$(openssl x509 -in "$dir/tls/mail.example.org/cert.pem" -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' | tr A-F a-f)
"$cert" list >"$dir/list"
ok 'list shows the fingerprint' grep -q "fingerprint  sha256 $fp" "$dir/list"
ok 'and the names' grep -q 'names        mail.example.org$' "$dir/list"
ok 'and the end' grep -Eq 'expires      20[0-9-]+, in 14[56][0-9] days' "$dir/list"
mkdir "$dir/tls/broken" && echo nonsense >"$dir/tls/broken/cert.pem"
ok 'a broken one is told' exits 111 "$cert" list
ok 'by its name' grep -q 'tls/broken/cert.pem' "$dir/err"
for bad in 'a b' 'a,DNS:evil.example' '' '../x' 'a/b' '.x' '*' 'a.*.b' "$(printf %0300d 0)"; do
	ok "not a name: $(printf %.20s "$bad")" exits 100 "$cert" selfsigned "$bad"
done
ok 'no name' exits 100 "$cert" selfsigned
ok 'no verb' exits 100 "$cert"
ok 'a wrong verb' exits 100 "$cert" renew
ok 'a wrong option' exits 100 "$cert" selfsigned -x a
echo "1..$n"
exit $failed
