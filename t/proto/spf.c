/* spf: check_host() over a table of the DNS, a row a rule of RFC 7208. */
#include "proto/spf.h"

#include "../tap.h"
#include "spf_zone.h"

#define TEN(x)		x " " x " " x " " x " " x " " x " " x " " x " " x " " x
#define LABEL63		"a23456789012345678901234567890123456789012345678901234567890123"

static const struct zone_row	zone[] = {
	/* appendix A */
	{ "example.com", DNS_MX, "mail-a.example.com" },
	{ "example.com", DNS_MX, "mail-b.example.com" },
	{ "example.com", DNS_A, "192.0.2.10" },
	{ "example.com", DNS_A, "192.0.2.11" },
	{ "amy.example.com", DNS_A, "192.0.2.65" },
	{ "bob.example.com", DNS_A, "192.0.2.66" },
	{ "mail-a.example.com", DNS_A, "192.0.2.129" },
	{ "mail-b.example.com", DNS_A, "192.0.2.130" },
	{ "example.org", DNS_MX, "mail-c.example.org" },
	{ "mail-c.example.org", DNS_A, "192.0.2.140" },
	{ "10.2.0.192.in-addr.arpa", DNS_PTR, "example.com" },
	{ "65.2.0.192.in-addr.arpa", DNS_PTR, "amy.example.com" },
	{ "140.2.0.192.in-addr.arpa", DNS_PTR, "mail-c.example.org" },
	{ "4.0.0.10.in-addr.arpa", DNS_PTR, "bob.example.com" },
	{ "a1.example.com", DNS_TXT, "v=spf1 +all" },
	{ "a2.example.com", DNS_TXT, "v=spf1 a:example.com -all" },
	{ "a3.example.com", DNS_TXT, "v=spf1 a:example.org -all" },
	{ "a4.example.com", DNS_TXT, "v=spf1 mx:example.com -all" },
	{ "a5.example.com", DNS_TXT, "v=spf1 mx:example.org -all" },
	{ "a6.example.com", DNS_TXT, "v=spf1 mx:example.com mx:example.org -all" },
	{ "a7.example.com", DNS_TXT, "v=spf1 mx:example.com/30 mx:example.org/30 -all" },
	{ "a8.example.com", DNS_TXT, "v=spf1 ptr:example.com -all" },
	{ "a9.example.com", DNS_TXT, "v=spf1 ip4:192.0.2.128/28 -all" },
	{ "la.example.org", DNS_TXT, "v=spf1 redirect=u.example.org" },
	{ "u.example.org", DNS_TXT, "v=spf1 include:a4.example.com include:a9.example.com -all" },
	{ "a3a.example.com", DNS_TXT, "v=spf1 mx:example.com include:mobile-users._spf.%{d} include:remote-users._spf.%{d} -all" },
	{ "mobile-users._spf.a3a.example.com", DNS_TXT, "v=spf1 exists:%{l1r+}.%{d}" },
	{ "remote-users._spf.a3a.example.com", DNS_TXT, "v=spf1 exists:%{ir}.%{l1r+}.%{d}" },
	{ "mary.mobile-users._spf.a3a.example.com", DNS_A, "127.0.0.2" },
	{ "15.15.168.192.joel.remote-users._spf.a3a.example.com", DNS_A, "127.0.0.2" },
	{ "a4a.example.com", DNS_TXT, "v=spf1 -include:ip4._spf.%{d} -include:ptr._spf.%{d} +all" },
	{ "ip4._spf.a4a.example.com", DNS_TXT, "v=spf1 -ip4:192.0.2.0/24 +all" },
	{ "ptr._spf.a4a.example.com", DNS_TXT, "v=spf1 -ptr:example.com +all" },

	/* 4.3 to 4.7 */
	{ LABEL63 ".test", DNS_TXT, "v=spf1 -all" },
	{ "fail.test", DNS_TXT, "v=spf1 -all" },
	{ "slow.test", DNS_TXT, ZONE_TIMEOUT },
	{ "no.test", DNS_A, "192.0.2.1" },
	{ "txt.test", DNS_TXT, "v=spf10 +all" },
	{ "txt.test", DNS_TXT, "some text" },
	{ "two.test", DNS_TXT, "v=spf1 +all" },
	{ "two.test", DNS_TXT, "v=spf1 -all" },
	{ "one.test", DNS_TXT, "v=spf1 -all" },
	{ "one.test", DNS_TXT, "\x96 not SPF" },
	{ "bad.test", DNS_TXT, "v=spf1 +all moo" },
	{ "default.test", DNS_TXT, "v=spf1 ip4:192.0.2.99" },
	{ "empty.test", DNS_TXT, "v=spf1" },
	{ "quals.test", DNS_TXT, "v=spf1 ?ip4:192.0.2.1 ~ip4:192.0.2.2 -ip4:192.0.2.3 +ip4:192.0.2.4" },

	/* 4.6.4 */
	{ "ten.test", DNS_TXT, "v=spf1 " TEN("a:no.test") " ip4:192.0.2.50 -all" },
	{ "eleven.test", DNS_TXT, "v=spf1 " TEN("a:no.test") " a:no.test ip4:192.0.2.50 -all" },
	{ "before.test", DNS_TXT, "v=spf1 ip4:192.0.2.50 " TEN("a:no.test") " a:no.test -all" },
	{ "fives.test", DNS_TXT, "v=spf1 include:five.test a:no.test include:three.test a:no.test ip4:192.0.2.50 -all" },
	{ "sixes.test", DNS_TXT, "v=spf1 include:five.test a:no.test include:three.test a:no.test mx:mx.test ip4:192.0.2.50 -all" },
	{ "five.test", DNS_TXT, "v=spf1 a:no.test a:no.test a:no.test a:no.test" },
	{ "three.test", DNS_TXT, "v=spf1 mx:mx.test a:no.test ?all" },
	{ "mx.test", DNS_MX, "no.test" },
	{ "loop.test", DNS_TXT, "v=spf1 include:loop.test -all" },
	{ "rloop.test", DNS_TXT, "v=spf1 redirect=rloop.test" },
	{ "tree.test", DNS_TXT, "v=spf1 " TEN("include:tree.test") },
	{ "void2.test", DNS_TXT, "v=spf1 a:n1.test exists:n2.test ?all" },
	{ "void3.test", DNS_TXT, "v=spf1 a:n1.test exists:n2.test mx:no.test ?all" },
	{ "void3b.test", DNS_TXT, "v=spf1 a:n1.test exists:n2.test ptr ?all" },
	{ "void3c.test", DNS_TXT, "v=spf1 ptr exists:n2.test ptr ?all" },
	{ "mx10.test", DNS_TXT, "v=spf1 mx:h10.test -all" },
	{ "mx11.test", DNS_TXT, "v=spf1 mx:h11.test -all" },
	{ "h10.test", DNS_MX, "h1.test" }, { "h10.test", DNS_MX, "h2.test" }, { "h10.test", DNS_MX, "h3.test" },
	{ "h10.test", DNS_MX, "h4.test" }, { "h10.test", DNS_MX, "h5.test" }, { "h10.test", DNS_MX, "h6.test" },
	{ "h10.test", DNS_MX, "h7.test" }, { "h10.test", DNS_MX, "h8.test" }, { "h10.test", DNS_MX, "h9.test" },
	{ "h10.test", DNS_MX, "no.test" },
	{ "h11.test", DNS_MX, "h1.test" }, { "h11.test", DNS_MX, "h2.test" }, { "h11.test", DNS_MX, "h3.test" },
	{ "h11.test", DNS_MX, "h4.test" }, { "h11.test", DNS_MX, "h5.test" }, { "h11.test", DNS_MX, "h6.test" },
	{ "h11.test", DNS_MX, "h7.test" }, { "h11.test", DNS_MX, "h8.test" }, { "h11.test", DNS_MX, "h9.test" },
	{ "h11.test", DNS_MX, "no.test" }, { "h11.test", DNS_MX, "h12.test" },
	{ "ptr.test", DNS_TXT, "v=spf1 ptr -all" },
	{ "70.2.0.192.in-addr.arpa", DNS_PTR, "p1.elsewhere.test" }, { "70.2.0.192.in-addr.arpa", DNS_PTR, "p2.elsewhere.test" },
	{ "70.2.0.192.in-addr.arpa", DNS_PTR, "p3.elsewhere.test" }, { "70.2.0.192.in-addr.arpa", DNS_PTR, "p4.elsewhere.test" },
	{ "70.2.0.192.in-addr.arpa", DNS_PTR, "p5.elsewhere.test" }, { "70.2.0.192.in-addr.arpa", DNS_PTR, "p6.elsewhere.test" },
	{ "70.2.0.192.in-addr.arpa", DNS_PTR, "p7.elsewhere.test" }, { "70.2.0.192.in-addr.arpa", DNS_PTR, "p8.elsewhere.test" },
	{ "70.2.0.192.in-addr.arpa", DNS_PTR, "p9.elsewhere.test" }, { "70.2.0.192.in-addr.arpa", DNS_PTR, "tenth.ptr.test" },
	{ "70.2.0.192.in-addr.arpa", DNS_PTR, "last.late.test" },
	{ "tenth.ptr.test", DNS_A, "192.0.2.70" },
	{ "last.late.test", DNS_A, "192.0.2.70" },
	{ "late.test", DNS_TXT, "v=spf1 ptr -all" },

	/* 5 */
	{ "all.test", DNS_TXT, "v=spf1 ?all +all redirect=fail.test" },
	{ "allredirect.test", DNS_TXT, "v=spf1 redirect=fail.test ~all" },
	{ "inc-pass.test", DNS_TXT, "v=spf1 ~include:a1.example.com -all" },
	{ "inc-fail.test", DNS_TXT, "v=spf1 include:fail.test ~all" },
	{ "inc-soft.test", DNS_TXT, "v=spf1 include:allredirect.test -all" },
	{ "inc-neutral.test", DNS_TXT, "v=spf1 include:all.test -all" },
	{ "inc-temp.test", DNS_TXT, "v=spf1 include:slow.test +all" },
	{ "inc-perm.test", DNS_TXT, "v=spf1 include:bad.test +all" },
	{ "inc-none.test", DNS_TXT, "v=spf1 include:no.test +all" },
	{ "inc-nowhere.test", DNS_TXT, "v=spf1 include:nowhere.test +all" },
	{ "inc-label.test", DNS_TXT, "v=spf1 include:%{h} +all" },
	{ "aaaa.test", DNS_AAAA, "2001:db8::1" },
	{ "aaaa.test", DNS_A, "192.0.2.1" },
	{ "dual.test", DNS_TXT, "v=spf1 a:aaaa.test/24//64 -all" },
	{ "exact.test", DNS_TXT, "v=spf1 a:aaaa.test -all" },
	{ "any4.test", DNS_TXT, "v=spf1 a:aaaa.test/0 -all" },
	{ "any6.test", DNS_TXT, "v=spf1 a:aaaa.test//0 -all" },
	{ "any4none.test", DNS_TXT, "v=spf1 a:fail.test/0//0 -all" },
	{ "anymx.test", DNS_TXT, "v=spf1 mx:mx.test/0 -all" },
	{ "own.test", DNS_TXT, "v=spf1 a -all" },
	{ "own.test", DNS_A, "192.0.2.1" },
	{ "a-slow.test", DNS_TXT, "v=spf1 a:slowhost.test +all" },
	{ "slowhost.test", DNS_A, ZONE_TIMEOUT },
	{ "mx-slow.test", DNS_TXT, "v=spf1 mx:slowmx.test +all" },
	{ "slowmx.test", DNS_MX, ZONE_TIMEOUT },
	{ "mx-slowhost.test", DNS_TXT, "v=spf1 mx:somemx.test ?all" },
	{ "somemx.test", DNS_MX, "slowhost.test" },
	{ "somemx.test", DNS_MX, "no.test" },
	{ "mx-none.test", DNS_TXT, "v=spf1 mx -all" },
	{ "mx-none.test", DNS_A, "192.0.2.1" },
	{ "mx-null.test", DNS_TXT, "v=spf1 mx -all" },
	{ "mx-null.test", DNS_MX, "" },
	{ "exists-slow.test", DNS_TXT, "v=spf1 exists:slowhost.test +all" },
	{ "exists6.test", DNS_TXT, "v=spf1 exists:no.test -all" },
	{ "exists-aaaa.test", DNS_TXT, "v=spf1 exists:six.test -all" },
	{ "six.test", DNS_AAAA, "2001:db8::1" },
	{ "ip6.test", DNS_TXT, "v=spf1 ip6:2001:db8::/32 -all" },
	{ "ip6all.test", DNS_TXT, "v=spf1 ip6:::/0 -all" },
	{ "ip4all.test", DNS_TXT, "v=spf1 ip4:0.0.0.0/0 -all" },
	{ "ptr-slow.test", DNS_TXT, "v=spf1 ptr ~all" },
	{ "71.2.0.192.in-addr.arpa", DNS_PTR, ZONE_TIMEOUT },
	{ "72.2.0.192.in-addr.arpa", DNS_PTR, "slowhost.test" },
	{ "72.2.0.192.in-addr.arpa", DNS_PTR, "x.ptr-slow.test" },
	{ "x.ptr-slow.test", DNS_A, "192.0.2.72" },
	{ "73.2.0.192.in-addr.arpa", DNS_PTR, "badptr.test" },
	{ "badptr.test", DNS_A, "192.0.2.73" },
	{ "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", DNS_PTR, "six.ptr.test" },
	{ "six.ptr.test", DNS_AAAA, "2001:db8::1" },

	/* 4.8, 6.1, 6.2, 7 */
	{ "empty-label.test", DNS_TXT, "v=spf1 a:a..b.test -all" },
	{ "long-label.test", DNS_TXT, "v=spf1 a:" LABEL63 "4.test -all" },
	{ "inc-empty-label.test", DNS_TXT, "v=spf1 include:a..b.test +all" },
	{ "long-local.test", DNS_TXT, "v=spf1 exists:%{l}.a.test mx:mx.test -all" },
	{ "helo.test", DNS_TXT, "v=spf1 a:%{H} -all" },
	{ "dot.test", DNS_TXT, "v=spf1 a:aaaa.test. -all" },
	{ "re.test", DNS_TXT, "v=spf1 redirect=%{d1r}.example.com" },
	{ "re.example.com", DNS_TXT, "v=spf1 ~all" },
	{ "re-none.test", DNS_TXT, "v=spf1 redirect=no.test" },
	{ "re-nowhere.test", DNS_TXT, "v=spf1 redirect=nowhere.test" },
	{ "re-bad.test", DNS_TXT, "v=spf1 redirect=a..%{d}" },
	{ "re-slow.test", DNS_TXT, "v=spf1 redirect=slow.test" },
	{ "re-first.test", DNS_TXT, "v=spf1 redirect=fail.test ip4:192.0.2.1" },
	{ "re-inc.test", DNS_TXT, "v=spf1 include:re-first.test ?all" },
	{ "exp.test", DNS_TXT, "v=spf1 -all exp=why.%{d}" },
	{ "why.exp.test", DNS_TXT, "%{i} is not one of %{d}'s designated mail servers: %{c} %{r} %{S} %%%_%-" },
	{ "exp-inc.test", DNS_TXT, "v=spf1 include:exp.test -all" },
	{ "exp-re.test", DNS_TXT, "v=spf1 redirect=exp.test exp=other.test" },
	{ "exp-re2.test", DNS_TXT, "v=spf1 redirect=fail.test exp=why.exp.test" },
	{ "exp-two.test", DNS_TXT, "v=spf1 -all exp=txt.test" },
	{ "exp-none.test", DNS_TXT, "v=spf1 -all exp=no.test" },
	{ "exp-slow.test", DNS_TXT, "v=spf1 -all exp=slow.test" },
	{ "exp-bad.test", DNS_TXT, "v=spf1 -all exp=badtext.test" },
	{ "badtext.test", DNS_TXT, "a %(i) b" },
	{ "exp-8bit.test", DNS_TXT, "v=spf1 -all exp=eight.test" },
	{ "eight.test", DNS_TXT, "caf\xc3\xa9" },
	{ "exp-soft.test", DNS_TXT, "v=spf1 ~all exp=why.exp.test" },
	{ "exp-p.test", DNS_TXT, "v=spf1 -all exp=ptext.test" },
	{ "ptext.test", DNS_TXT, "connect from %{p}" },
	{ "p.test", DNS_TXT, "v=spf1 exists:%{p}.yes.test -all" },
	{ "amy.example.com.yes.test", DNS_A, "127.0.0.2" },
	{ "unknown.yes.test", DNS_A, "127.0.0.2" },
	{ "s.test", DNS_TXT, "v=spf1 exists:%{s}.yes.test exists:%{l}.yes.test a:aaaa.test -all" },
	{ "joe\\064s.test.yes.test", DNS_A, "127.0.0.2" },
	{ "s-re.test", DNS_TXT, "v=spf1 redirect=%{l}.test" },
	{ "o.test", DNS_TXT, "v=spf1 include:o2.test -all" },
	{ "o2.test", DNS_TXT, "v=spf1 exists:%{o}.%{d}.%{h}.yes.test" },
	{ "o.test.o2.test.helo.example.yes.test", DNS_A, "127.0.0.2" },
	{ "post.test", DNS_TXT, "v=spf1 exists:%{l}.yes.test -all" },
	{ "postmaster.yes.test", DNS_A, "127.0.0.2" },
};
static const size_t	zone_n = sizeof(zone) / sizeof(zone[0]);

#define HELO	"helo.example"

static const struct {
	const char	*name, *ip, *from, *helo;
	enum spf_result	 want;
	const char	*mechanism, *explanation;	/* NULL: not looked at */
} rows[] = {
	{ "A.1 +all", "203.0.113.1", "a@a1.example.com", HELO, SPF_PASS, "+all", "" },
	{ "A.1 a", "192.0.2.11", "a@a2.example.com", HELO, SPF_PASS, "a:example.com", NULL },
	{ "A.1 a, another", "192.0.2.12", "a@a2.example.com", HELO, SPF_FAIL, "-all", NULL },
	{ "A.1 a of who has none", "192.0.2.140", "a@a3.example.com", HELO, SPF_FAIL, NULL, NULL },
	{ "A.1 mx", "192.0.2.129", "a@a4.example.com", HELO, SPF_PASS, NULL, NULL },
	{ "A.1 mx, the second", "192.0.2.130", "a@a4.example.com", HELO, SPF_PASS, NULL, NULL },
	{ "A.1 mx, another", "192.0.2.10", "a@a4.example.com", HELO, SPF_FAIL, NULL, NULL },
	{ "A.1 mx of another", "192.0.2.140", "a@a5.example.com", HELO, SPF_PASS, NULL, NULL },
	{ "A.1 both", "192.0.2.140", "a@a6.example.com", HELO, SPF_PASS, "mx:example.org", NULL },
	{ "A.1 mx/30", "192.0.2.131", "a@a7.example.com", HELO, SPF_PASS, NULL, NULL },
	{ "A.1 mx/30 of the other", "192.0.2.143", "a@a7.example.com", HELO, SPF_PASS, NULL, NULL },
	{ "A.1 mx/30, neither", "192.0.2.132", "a@a7.example.com", HELO, SPF_FAIL, NULL, NULL },
	{ "A.1 ptr", "192.0.2.65", "a@a8.example.com", HELO, SPF_PASS, NULL, NULL },
	{ "A.1 ptr elsewhere", "192.0.2.140", "a@a8.example.com", HELO, SPF_FAIL, NULL, NULL },
	{ "A.1 ptr that lies", "10.0.0.4", "a@a8.example.com", HELO, SPF_FAIL, NULL, NULL },
	{ "A.1 ip4", "192.0.2.65", "a@a9.example.com", HELO, SPF_FAIL, NULL, NULL },
	{ "A.1 ip4", "192.0.2.129", "a@a9.example.com", HELO, SPF_PASS, "ip4:192.0.2.128/28", NULL },
	{ "A.2 the union", "192.0.2.143", "a@la.example.org", HELO, SPF_PASS, "include:a9.example.com", NULL },
	{ "A.2 outside", "192.0.2.144", "a@la.example.org", HELO, SPF_FAIL, "-all", NULL },
	{ "A.3 mary from anywhere", "203.0.113.9", "mary@a3a.example.com", HELO, SPF_PASS, NULL, NULL },
	{ "A.3 joel from home", "192.168.15.15", "joel+x@a3a.example.com", HELO, SPF_PASS, NULL, NULL },
	{ "A.3 joel from elsewhere", "192.168.15.16", "joel@a3a.example.com", HELO, SPF_FAIL, NULL, NULL },
	{ "A.4 both are met", "192.0.2.65", "a@a4a.example.com", HELO, SPF_PASS, NULL, NULL },
	{ "A.4 the name is not", "192.0.2.140", "a@a4a.example.com", HELO, SPF_FAIL, NULL, NULL },
	{ "A.4 the network is not", "10.0.0.4", "a@a4a.example.com", HELO, SPF_FAIL, NULL, NULL },

	{ "2.4 the null path is postmaster at the EHLO name", "192.0.2.1", "", "post.test", SPF_PASS, NULL, NULL },
	{ "2.4 the same, in brackets", "192.0.2.1", "<>", "post.test", SPF_PASS, NULL, NULL },
	{ "2.3 an EHLO name of one label", "192.0.2.1", "", "helo", SPF_NONE, "", NULL },
	{ "2.3 an EHLO name that is a literal", "192.0.2.1", "", "[192.0.2.1]", SPF_NONE, NULL, NULL },
	{ "4.3 no localpart", "192.0.2.1", "@post.test", HELO, SPF_PASS, NULL, NULL },
	{ "4.3 a domain alone", "192.0.2.1", "post.test", HELO, SPF_PASS, NULL, NULL },
	{ "4.3 a literal", "192.0.2.1", "a@[192.0.2.1]", HELO, SPF_NONE, NULL, NULL },
	{ "4.3 an address", "192.0.2.1", "a@192.0.2.1", HELO, SPF_NONE, NULL, NULL },
	{ "4.3 one label", "192.0.2.1", "a@test", HELO, SPF_NONE, NULL, NULL },
	{ "4.3 a label of 64", "192.0.2.1", "a@" LABEL63 "4.test", HELO, SPF_NONE, NULL, NULL },
	{ "4.3 a label of 63", "192.0.2.1", "a@" LABEL63 ".test", HELO, SPF_FAIL, NULL, NULL },
	{ "4.3 an empty label", "192.0.2.1", "a@a..fail.test", HELO, SPF_NONE, NULL, NULL },
	{ "4.3 a dot at the end", "192.0.2.1", "a@fail.test.", HELO, SPF_FAIL, NULL, NULL },
	{ "4.3 U-labels that nobody converted", "192.0.2.1", "a@b\xc3\xbc""cher.test", HELO, SPF_NONE, NULL, NULL },
	{ "4.3 no such name", "192.0.2.1", "a@nowhere.test", HELO, SPF_NONE, NULL, NULL },
	{ "4.3 the last @ counts", "192.0.2.1", "a@b@fail.test", HELO, SPF_FAIL, NULL, NULL },
	{ "4.3 names are of either case", "192.0.2.1", "a@FAIL.Test", HELO, SPF_FAIL, NULL, NULL },
	{ "4.4 no answer", "192.0.2.1", "a@slow.test", HELO, SPF_TEMPERROR, "", NULL },
	{ "4.5 no TXT record", "192.0.2.1", "a@no.test", HELO, SPF_NONE, NULL, NULL },
	{ "4.5 none of SPF", "192.0.2.1", "a@txt.test", HELO, SPF_NONE, NULL, NULL },
	{ "4.5 two", "192.0.2.1", "a@two.test", HELO, SPF_PERMERROR, NULL, NULL },
	{ "4.5 one among others", "192.0.2.1", "a@one.test", HELO, SPF_FAIL, NULL, NULL },
	{ "4.6 an error behind what matches", "192.0.2.1", "a@bad.test", HELO, SPF_PERMERROR, "", NULL },
	{ "4.6.2 ?", "192.0.2.1", "a@quals.test", HELO, SPF_NEUTRAL, "?ip4:192.0.2.1", NULL },
	{ "4.6.2 ~", "192.0.2.2", "a@quals.test", HELO, SPF_SOFTFAIL, NULL, NULL },
	{ "4.6.2 -", "192.0.2.3", "a@quals.test", HELO, SPF_FAIL, NULL, NULL },
	{ "4.6.2 +", "192.0.2.4", "a@quals.test", HELO, SPF_PASS, NULL, NULL },
	{ "4.7 nothing matches", "192.0.2.1", "a@default.test", HELO, SPF_NEUTRAL, "default", NULL },
	{ "4.7 nothing is there", "192.0.2.1", "a@empty.test", HELO, SPF_NEUTRAL, "default", NULL },

	{ "4.6.4 ten terms", "192.0.2.50", "a@ten.test", HELO, SPF_PASS, NULL, NULL },
	{ "4.6.4 eleven", "192.0.2.50", "a@eleven.test", HELO, SPF_PERMERROR, NULL, NULL },
	{ "4.6.4 those behind a match do not count", "192.0.2.50", "a@before.test", HELO, SPF_PASS, NULL, NULL },
	{ "4.6.4 ten in includes", "192.0.2.50", "a@fives.test", HELO, SPF_PASS, NULL, NULL },
	{ "4.6.4 eleven in includes", "192.0.2.50", "a@sixes.test", HELO, SPF_PERMERROR, NULL, NULL },
	{ "4.6.4 a loop of includes", "192.0.2.50", "a@loop.test", HELO, SPF_PERMERROR, NULL, NULL },
	{ "4.6.4 a loop of redirects", "192.0.2.50", "a@rloop.test", HELO, SPF_PERMERROR, NULL, NULL },
	{ "4.6.4 a tree of includes", "192.0.2.50", "a@tree.test", HELO, SPF_PERMERROR, NULL, NULL },
	{ "4.6.4 two void look-ups", "192.0.2.50", "a@void2.test", HELO, SPF_NEUTRAL, NULL, NULL },
	{ "4.6.4 three", "192.0.2.50", "a@void3.test", HELO, SPF_PERMERROR, NULL, NULL },
	{ "4.6.4 three with ptr", "192.0.2.50", "a@void3b.test", HELO, SPF_PERMERROR, NULL, NULL },
	{ "4.6.4 three with ptr twice", "192.0.2.50", "a@void3c.test", HELO, SPF_PERMERROR, NULL, NULL },
	{ "4.6.4 ten hosts, most without an address", "192.0.2.1", "a@mx10.test", HELO, SPF_PASS, NULL, NULL },
	{ "4.6.4 eleven", "192.0.2.1", "a@mx11.test", HELO, SPF_PERMERROR, NULL, NULL },
	{ "4.6.4 the tenth name of an address", "192.0.2.70", "a@ptr.test", HELO, SPF_PASS, NULL, NULL },
	{ "4.6.4 the eleventh", "192.0.2.70", "a@late.test", HELO, SPF_FAIL, NULL, NULL },

	{ "5.1 what is behind all", "192.0.2.1", "a@all.test", HELO, SPF_NEUTRAL, "?all", NULL },
	{ "5.1 redirect before all", "192.0.2.1", "a@allredirect.test", HELO, SPF_SOFTFAIL, "~all", NULL },
	{ "5.2 pass", "192.0.2.1", "a@inc-pass.test", HELO, SPF_SOFTFAIL, "~include:a1.example.com", NULL },
	{ "5.2 fail", "192.0.2.1", "a@inc-fail.test", HELO, SPF_SOFTFAIL, "~all", NULL },
	{ "5.2 softfail", "192.0.2.1", "a@inc-soft.test", HELO, SPF_FAIL, NULL, NULL },
	{ "5.2 neutral", "192.0.2.1", "a@inc-neutral.test", HELO, SPF_FAIL, NULL, NULL },
	{ "5.2 temperror", "192.0.2.1", "a@inc-temp.test", HELO, SPF_TEMPERROR, NULL, NULL },
	{ "5.2 permerror", "192.0.2.1", "a@inc-perm.test", HELO, SPF_PERMERROR, NULL, NULL },
	{ "5.2 none", "192.0.2.1", "a@inc-none.test", HELO, SPF_PERMERROR, NULL, NULL },
	{ "5.2 none, no such name", "192.0.2.1", "a@inc-nowhere.test", HELO, SPF_PERMERROR, NULL, NULL },
	{ "5.2 none, one label", "192.0.2.1", "a@inc-label.test", "localhost", SPF_PERMERROR, NULL, NULL },
	{ "5.3 IPv4 has A", "192.0.2.99", "a@dual.test", HELO, SPF_PASS, NULL, NULL },
	{ "5.3 mapped too", "::ffff:192.0.2.99", "a@dual.test", HELO, SPF_PASS, NULL, NULL },
	{ "5.3 IPv6 has AAAA", "2001:db8::ffff", "a@dual.test", HELO, SPF_PASS, NULL, NULL },
	{ "5.3 with its own length", "2001:db8:0:1::1", "a@dual.test", HELO, SPF_FAIL, NULL, NULL },
	{ "5 without one, all bits", "192.0.2.2", "a@exact.test", HELO, SPF_FAIL, NULL, NULL },
	{ "5 in IPv6 too", "2001:db8::2", "a@exact.test", HELO, SPF_FAIL, NULL, NULL },
	{ "5.6 /0 is any", "203.0.113.1", "a@any4.test", HELO, SPF_PASS, NULL, NULL },
	{ "5.6 of its family", "2001:db9::1", "a@any4.test", HELO, SPF_FAIL, NULL, NULL },
	{ "5.6 //0 is any", "2001:db9::1", "a@any6.test", HELO, SPF_PASS, NULL, NULL },
	{ "5.6 of its family", "203.0.113.1", "a@any6.test", HELO, SPF_FAIL, NULL, NULL },
	{ "5.6 but one must be there", "203.0.113.1", "a@any4none.test", HELO, SPF_FAIL, NULL, NULL },
	{ "5.6 of mx", "203.0.113.1", "a@anymx.test", HELO, SPF_PASS, NULL, NULL },
	{ "5.3 of the domain itself", "192.0.2.1", "a@own.test", HELO, SPF_PASS, "a", NULL },
	{ "5.3 no answer", "192.0.2.1", "a@a-slow.test", HELO, SPF_TEMPERROR, NULL, NULL },
	{ "5.4 no answer", "192.0.2.1", "a@mx-slow.test", HELO, SPF_TEMPERROR, NULL, NULL },
	{ "5.4 no answer for a host", "192.0.2.99", "a@mx-slowhost.test", HELO, SPF_TEMPERROR, NULL, NULL },
	{ "5.4 but another matches", "192.0.2.1", "a@mx-slowhost.test", HELO, SPF_PASS, NULL, NULL },
	{ "5.4 no implicit MX", "192.0.2.1", "a@mx-none.test", HELO, SPF_FAIL, NULL, NULL },
	{ "5.4 the null MX", "192.0.2.1", "a@mx-null.test", HELO, SPF_FAIL, NULL, NULL },
	{ "5.5 no answer is no match", "192.0.2.71", "a@ptr-slow.test", HELO, SPF_SOFTFAIL, NULL, NULL },
	{ "5.5 a name without an answer is skipped", "192.0.2.72", "a@ptr-slow.test", HELO, SPF_PASS, NULL, NULL },
	{ "5.5 a name that only ends so", "192.0.2.73", "a@ptr.test", HELO, SPF_FAIL, NULL, NULL },
	{ "5.5 IPv6", "2001:db8::1", "a@ptr.test", HELO, SPF_PASS, NULL, NULL },
	{ "5.6 ip6", "2001:db8:ffff::", "a@ip6.test", HELO, SPF_PASS, NULL, NULL },
	{ "5.6 outside", "2001:db9::", "a@ip6.test", HELO, SPF_FAIL, NULL, NULL },
	{ "5.6 ip6 for IPv4", "192.0.2.1", "a@ip6all.test", HELO, SPF_FAIL, NULL, NULL },
	{ "5.6 ip6 for mapped IPv4", "::ffff:192.0.2.1", "a@ip6all.test", HELO, SPF_FAIL, NULL, NULL },
	{ "5.6 ip6 for IPv6", "::1", "a@ip6all.test", HELO, SPF_PASS, NULL, NULL },
	{ "5.6 ip4 for IPv6", "2001:db8::1", "a@ip4all.test", HELO, SPF_FAIL, NULL, NULL },
	{ "5.6 ip4 for mapped IPv4", "::ffff:192.0.2.1", "a@ip4all.test", HELO, SPF_PASS, NULL, NULL },
	{ "5.7 A, also for IPv6", "2001:db8::1", "a@exists6.test", HELO, SPF_PASS, NULL, NULL },
	{ "5.7 never AAAA", "2001:db8::1", "a@exists-aaaa.test", HELO, SPF_FAIL, NULL, NULL },
	{ "5.7 no answer", "192.0.2.1", "a@exists-slow.test", HELO, SPF_TEMPERROR, NULL, NULL },

	{ "4.8 an empty label is no match", "192.0.2.1", "a@empty-label.test", HELO, SPF_FAIL, NULL, NULL },
	{ "4.8 but nothing to include", "192.0.2.1", "a@inc-empty-label.test", HELO, SPF_PERMERROR, NULL, NULL },
	{ "4.8 a label of 64", "192.0.2.1", "a@long-label.test", HELO, SPF_FAIL, NULL, NULL },
	{ "4.8 a localpart that is too long for one", "192.0.2.1", LABEL63 "4@long-local.test", HELO, SPF_PASS, "mx:mx.test", NULL },
	{ "4.8 no name of a host, but one of the DNS", "192.0.2.1", "a@helo.test", "who is there?", SPF_FAIL, NULL, NULL },
	{ "4.8 a literal as well", "192.0.2.1", "a@helo.test", "[192.0.2.1]", SPF_FAIL, NULL, NULL },
	{ "7.3 a dot at the end", "192.0.2.1", "a@dot.test", HELO, SPF_PASS, NULL, NULL },
	{ "6.1 with macros", "192.0.2.1", "a@re.test", HELO, SPF_SOFTFAIL, "~all", NULL },
	{ "6.1 to where no record is", "192.0.2.1", "a@re-none.test", HELO, SPF_PERMERROR, NULL, NULL },
	{ "6.1 to no name", "192.0.2.1", "a@re-nowhere.test", HELO, SPF_PERMERROR, NULL, NULL },
	{ "6.1 to what is malformed", "192.0.2.1", "a@re-bad.test", HELO, SPF_PERMERROR, NULL, NULL },
	{ "6.1 to where no answer comes from", "192.0.2.1", "a@re-slow.test", HELO, SPF_TEMPERROR, NULL, NULL },
	{ "6.1 mechanisms come first", "192.0.2.1", "a@re-first.test", HELO, SPF_PASS, NULL, NULL },
	{ "6.1 then it", "192.0.2.2", "a@re-first.test", HELO, SPF_FAIL, NULL, NULL },
	{ "6.1 in an include", "192.0.2.2", "a@re-inc.test", HELO, SPF_NEUTRAL, "?all", NULL },
	{ "6.2 an explanation", "192.0.2.1", "joe@exp.test", HELO, SPF_FAIL, NULL,
	    "192.0.2.1 is not one of exp.test's designated mail servers: 192.0.2.1 rcv.example joe%40exp.test % %20" },
	{ "6.2 not of an include", "192.0.2.1", "a@exp-inc.test", HELO, SPF_FAIL, NULL, "" },
	{ "6.2 of the redirect's target", "192.0.2.1", "joe@exp-re.test", HELO, SPF_FAIL, NULL,
	    "192.0.2.1 is not one of exp.test's designated mail servers: 192.0.2.1 rcv.example joe%40exp-re.test % %20" },
	{ "6.2 not of who redirects", "192.0.2.1", "a@exp-re2.test", HELO, SPF_FAIL, NULL, "" },
	{ "6.2 several texts", "192.0.2.1", "a@exp-two.test", HELO, SPF_FAIL, NULL, "" },
	{ "6.2 no text", "192.0.2.1", "a@exp-none.test", HELO, SPF_FAIL, NULL, "" },
	{ "6.2 no answer", "192.0.2.1", "a@exp-slow.test", HELO, SPF_FAIL, NULL, "" },
	{ "6.2 a syntax error", "192.0.2.1", "a@exp-bad.test", HELO, SPF_FAIL, NULL, "" },
	{ "6.2 not ASCII", "192.0.2.1", "a@exp-8bit.test", HELO, SPF_FAIL, NULL, "" },
	{ "6.2 of a fail alone", "192.0.2.1", "a@exp-soft.test", HELO, SPF_SOFTFAIL, NULL, "" },
	{ "7.2 the name", "192.0.2.65", "a@exp-p.test", HELO, SPF_FAIL, NULL, "connect from amy.example.com" },
	{ "7.3 no name", "203.0.113.1", "a@exp-p.test", HELO, SPF_FAIL, NULL, "connect from unknown" },
	{ "7.3 no answer about it", "192.0.2.71", "a@exp-p.test", HELO, SPF_FAIL, NULL, "connect from unknown" },
	{ "7.3 the domain's own name before others", "192.0.2.70", "a@exp-p.test", HELO, SPF_FAIL, NULL, "connect from tenth.ptr.test" },
	{ "7.2 the name in a mechanism", "192.0.2.65", "a@p.test", HELO, SPF_PASS, NULL, NULL },
	{ "7.2 none there", "203.0.113.1", "a@p.test", HELO, SPF_PASS, NULL, NULL },
	{ "7.2 the sender", "192.0.2.99", "joe@s.test", HELO, SPF_PASS, "exists:%{s}.yes.test", NULL },
	{ "7.3 o stays in an include, d does not", "192.0.2.99", "joe@o.test", HELO, SPF_PASS, NULL, NULL },
	{ "RFC 8616 4 a localpart that is not ASCII matches nothing", "192.0.2.99", "j\xc3\xb6""e@s.test", HELO, SPF_FAIL, "-all", NULL },
	{ "RFC 8616 4 and makes nobody ask", "192.0.2.1", "j\xc3\xb6""e@s.test", HELO, SPF_PASS, "a:aaaa.test", NULL },
	{ "RFC 8616 4 nor leads anywhere", "192.0.2.1", "j\xc3\xb6""e@s-re.test", HELO, SPF_PERMERROR, NULL, NULL },
};

static unsigned	steps;

static void
count_step(void *arg, const struct spf_step *step)
{
	(void)arg;
	steps += step->text.n > 0;
}

static void
run(size_t i)
{
	struct arena	arena = ARENA_INIT(LIMIT_SPF_ARENA);
	struct spf_args	args = { .receiver = STR("rcv.example"), .now = 1, .tell = count_step };
	struct spf	s;
	unsigned	asked;

	if (!ip_parse(str_c(rows[i].ip), &args.ip))
		abort();
	spf_identity(&args, str_c(rows[i].from), str_c(rows[i].helo));
	steps = 0;
	zone_check(&s, &args, &arena, &asked);
	ok(s.result == rows[i].want, "%s: %s %s is %s, " STR_FMT, rows[i].name, rows[i].ip, rows[i].from, spf_result_name(rows[i].want), STR_ARG(s.problem));
	if (s.result != rows[i].want)
		printf("# got %s\n", spf_result_name(s.result));
	if (rows[i].mechanism != NULL)
		is_str(s.mechanism, str_c(rows[i].mechanism), "by what");
	if (rows[i].explanation != NULL)
		is_str(s.explanation, str_c(rows[i].explanation), "and the explanation");
	if (s.result == SPF_NONE || s.result == SPF_TEMPERROR || s.result == SPF_PERMERROR)
		ok(s.problem.n > 0, "a reason is told");
	/* the record, and for each term one question, or one and ten more */
	if (asked > 1 + LIMIT_SPF_LOOKUPS * (1 + LIMIT_SPF_NAMES) || s.lookups > LIMIT_SPF_LOOKUPS + 1 || (asked > 0 && steps == 0))
		ok(false, "%s: %u questions, %u look-ups, %u steps", rows[i].name, asked, s.lookups, steps);
	arena_free(&arena);
}

static void
test_secure(void)
{
	struct arena		arena = ARENA_INIT(LIMIT_SPF_ARENA);
	struct spf_args		args = { .now = 1 };
	struct dns_rr		txt = { .text = STR("v=spf1 a -all") }, a = { .pref = 0 };
	struct spf_answer	first = { .got = SPF_DNS_FOUND, .secure = true, .rr = &txt, .n = 1 };
	struct spf_answer	second = { .got = SPF_DNS_FOUND, .secure = true, .rr = &a, .n = 1 };
	struct spf		s;

	ok(ip_parse(STR("192.0.2.1"), &args.ip), "an address");
	a.ip = args.ip;
	spf_identity(&args, STR("joe@a.example"), STR("h.example"));
	for (int i = 0; i < 2; i++) {
		spf_begin(&s, &args, &arena);
		spf_feed(&s, &first);
		second.secure = i == 0;
		spf_feed(&s, &second);
		ok(s.result == SPF_PASS && s.secure == (i == 0), "%s", i == 0 ? "all answers validated" : "one not validated");
	}
	arena_free(&arena);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		run(i);
	test_secure();
	return done_testing();
}
