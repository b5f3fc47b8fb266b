/* dmarc: records, and evaluations with a zone for each row. */
#include "proto/dmarc.h"

#include "../tap.h"

/* --- records */

#define GOOD	DMARC_RECORD_GOOD
#define RUA	DMARC_RECORD_REPORT_ONLY
#define BAD	DMARC_RECORD_BAD
#define OTHER	DMARC_RECORD_OTHER

/* want: what dump() says of it. */
static const struct {
	const char		*name, *text;
	enum dmarc_parsed	 parsed;
	const char		*want;
} records[] = {
	{ "the least", "v=DMARC1; p=none", GOOD, "p=none" },
	{ "no space, final separator", "v=DMARC1;p=reject;", GOOD, "p=reject" },
	{ "white space everywhere", "v = DMARC1 \t; p =\treject ; ", GOOD, "p=reject" },
	{ "case of names and values", "V=DMARC1; P=Reject; ADKIM=S", GOOD, "p=reject adkim" },
	{ "sp", "v=DMARC1; p=reject; sp=none", GOOD, "p=reject sp=none np=none" },
	{ "np", "v=DMARC1; p=none; np=reject", GOOD, "p=none sp=none np=reject" },
	{ "np and sp", "v=DMARC1; p=none; sp=quarantine; np=reject", GOOD, "p=none sp=quarantine np=reject" },
	{ "all others", "v=DMARC1; p=quarantine; adkim=s; aspf=s; pct=20; fo=1:d:s; rf=afrf; ri=3600; t=y; psd=n", GOOD,
	    "p=quarantine adkim aspf pct=20 fo=14 ri=3600 t psd=n" },
	{ "psd=y, t=n, adkim=r", "v=DMARC1; p=none; psd=y; t=n; adkim=r; aspf=r", GOOD, "p=none psd=y" },
	{ "psd=u", "v=DMARC1; p=none; psd=u", GOOD, "p=none" },
	{ "unknown tags", "v=DMARC1; p=reject; x=y; bimi=foo", GOOD, "p=reject" },
	{ "p behind others", "v=DMARC1; sp=reject; p=none", GOOD, "p=none sp=reject np=reject" },
	{ "one rua", "v=DMARC1; p=none; rua=mailto:a@b.example", GOOD, "p=none rua=mailto:a@b.example" },
	{ "rua with a size", "v=DMARC1; p=none; rua=mailto:a@b!10m", GOOD, "p=none rua=mailto:a@b!10485760" },
	{ "sizes", "v=DMARC1; p=none; rua=mailto:a@b!7,mailto:a@b!1K,mailto:a@b!2g,mailto:a@b!1t", GOOD,
	    "p=none rua=mailto:a@b!7 rua=mailto:a@b!1024 rua=mailto:a@b!2147483648 rua=mailto:a@b!1099511627776" },
	{ "rua and ruf", "v=DMARC1; p=none; rua = mailto:a@b , https://c/d; ruf=mailto:e@f", GOOD,
	    "p=none rua=mailto:a@b rua=(https://c/d) ruf=mailto:e@f" },
	{ "an escaped comma", "v=DMARC1; p=none; rua=mailto:a%2cb%21@c", GOOD, "p=none rua=mailto:a%2cb%21@c" },
	{ "a bad size", "v=DMARC1; p=none; rua=mailto:a@b!10x,mailto:c@d", GOOD, "p=none rua=mailto:c@d error=rua=mailto:a@b!10x,mailto:c@d" },
	{ "a size over all", "v=DMARC1; p=none; rua=mailto:a@b!99999999999t", GOOD, "p=none error=rua=mailto:a@b!99999999999t" },
	{ "an address without mailto", "v=DMARC1; p=none; rua=a@b", GOOD, "p=none error=rua=a@b" },
	{ "mailto without an address", "v=DMARC1; p=none; rua=mailto:b", GOOD, "p=none error=rua=mailto:b" },
	{ "bad values are defaults", "v=DMARC1; p=reject; adkim=x; aspf=; pct=101; fo=2; ri=-1; t=maybe; psd=z", GOOD,
	    "p=reject error=adkim=x" },
	{ "pct with a sign", "v=DMARC1; p=reject; pct=+5", GOOD, "p=reject error=pct=+5" },
	{ "pct=0", "v=DMARC1; p=reject; pct=0", GOOD, "p=reject pct=0" },
	{ "a word without =", "v=DMARC1; p=reject; hello", GOOD, "p=reject error=hello" },
	{ "an empty tag", "v=DMARC1;; p=reject", GOOD, "p=reject error=" },
	{ "a repeated tag keeps the first", "v=DMARC1; p=reject; pct=10; pct=90", GOOD, "p=reject pct=10 error=pct=90" },
	{ "no p (6.6.3)", "v=DMARC1; sp=reject", BAD, "p=none" },
	{ "no p, with rua", "v=DMARC1; rua=mailto:a@b", RUA, "p=none rua=mailto:a@b" },
	{ "a bad p", "v=DMARC1; p=maybe", BAD, "p=none error=p=maybe" },
	{ "a bad p, with rua", "v=DMARC1; p=maybe; rua=mailto:a@b", RUA, "p=none rua=mailto:a@b error=p=maybe" },
	{ "a bad p, with a bad rua", "v=DMARC1; p=maybe; rua=a@b", BAD, "p=none error=p=maybe" },
	{ "a bad sp", "v=DMARC1; p=reject; sp=", BAD, "p=none error=sp=" },
	{ "a bad sp, with rua", "v=DMARC1; p=reject; sp=x; rua=mailto:a@b", RUA, "p=none rua=mailto:a@b error=sp=x" },
	{ "a bad np, with rua", "v=DMARC1; p=reject; np=x; rua=mailto:a@b", RUA, "p=none rua=mailto:a@b error=np=x" },
	{ "two p", "v=DMARC1; p=none; p=reject; rua=mailto:a@b", RUA, "p=none rua=mailto:a@b error=p=reject" },
	{ "the version alone", "v=DMARC1", BAD, "p=none" },
	{ "the version twice", "v=DMARC1; v=DMARC1; p=reject", GOOD, "p=reject error=v=DMARC1" },
	{ "the version second", "p=reject; v=DMARC1", OTHER, NULL },
	{ "the version in small letters", "v=dmarc1; p=reject", OTHER, NULL },
	{ "another version", "v=DMARC2; p=reject", OTHER, NULL },
	{ "a longer version", "v=DMARC1x; p=reject", OTHER, NULL },
	{ "no separator behind it", "v=DMARC1 p=reject", OTHER, NULL },
	{ "white space in front", " v=DMARC1; p=reject", OTHER, NULL },
	{ "SPF", "v=spf1 -all", OTHER, NULL },
	{ "nothing", "", OTHER, NULL },
};

static void
dump_uris(struct buf *b, const char *tag, const struct dmarc_uri *u, size_t n)
{
	for (; n > 0; n--, u++) {
		buf_addf(b, u->mailto ? " %s=" STR_FMT : " %s=(" STR_FMT ")", tag, STR_ARG(u->uri));
		if (u->max > 0)
			buf_addf(b, "!%llu", (unsigned long long)u->max);
	}
}

static void
dump(struct buf *b, const struct dmarc_record *r)
{
	buf_addf(b, "p=%s", dmarc_policy_name(r->p));
	if (r->has_sp || r->has_np)
		buf_addf(b, " sp=%s np=%s", dmarc_policy_name(r->sp), dmarc_policy_name(r->np));
	buf_adds(b, r->adkim_strict ? " adkim" : "");
	buf_adds(b, r->aspf_strict ? " aspf" : "");
	if (r->pct != 100)
		buf_addf(b, " pct=%u", r->pct);
	if (r->fo != DMARC_FO_ALL)
		buf_addf(b, " fo=%u", r->fo);
	if (r->ri != 86400)
		buf_addf(b, " ri=%u", r->ri);
	buf_adds(b, r->testing ? " t" : "");
	buf_adds(b, r->psd == DMARC_PSD_YES ? " psd=y" : r->psd == DMARC_PSD_NO ? " psd=n" : "");
	dump_uris(b, "rua", r->rua, r->nrua);
	dump_uris(b, "ruf", r->ruf, r->nruf);
	if (r->errors > 0)
		buf_addf(b, " error=" STR_FMT, STR_ARG(r->error));
}

static void
test_records(void)
{
	struct buf		b = BUF_INIT(4096);
	struct dmarc_record	r;

	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		is_num(dmarc_record_parse(str_c(records[i].text), &r), records[i].parsed, records[i].name);
		if (records[i].want == NULL)
			continue;
		buf_reset(&b);
		dump(&b, &r);
		is_str(buf_str(&b), str_c(records[i].want), records[i].text);
	}
	buf_reset(&b);
	buf_adds(&b, "v=DMARC1; p=none; rua=mailto:a@b");
	for (int i = 0; i < 40; i++)
		buf_adds(&b, ",mailto:a@b");
	is_num(dmarc_record_parse(buf_str(&b), &r), DMARC_RECORD_GOOD, "forty places to report to");
	is_num(r.nrua, LIMIT_DMARC_URIS, "as many as there is room for are kept");
	buf_free(&b);
}

/* --- evaluations */

#define S	DMARC_BY_SUFFIX
#define W	DMARC_BY_WALK
#define REJ	"v=DMARC1; p=reject"

/*
 * zone, by lines: "NAME TEXT" is a record of _dmarc.NAME, "NAME !" an error there, "+NAME"
 * has an address, "@NAME" an MX, "-NAME" is there and empty, "?NAME" cannot be had; all else is NXDOMAIN.
 * spf and dkim: "domain" passes, "domain~" is a temporary error, "domain-" fails; dkim: several with spaces.
 */
static const struct {
	const char		*name;
	enum dmarc_discovery	 how;
	const char		*from, *spf, *dkim, *zone;
	unsigned		 random;
	const char		*want;	/* verdict, validation, policy, whose record, then what else is told */
} rows[] = {
	/* discovery, RFC 7489 6.6.3 */
	{ "no record", S, "a.com", "", "", "", 0, "none none org=a.com no record" },
	{ "no author", S, "", "a.com", "a.com", "", 0, "none none org= no single author in From" },
	{ "no name for an author", S, "[192.0.2.1]", "", "", "", 0, "none none org= no single author in From" },
	{ "record at From", S, "a.com", "", "", "a.com " REJ, 0, "fail none org=a.com p=reject of a.com reject" },
	{ "at the organisational domain", S, "x.y.a.com", "", "", "a.com " REJ, 0, "fail none org=a.com p=reject of a.com reject" },
	{ "none in between", S, "x.y.a.com", "", "", "y.a.com " REJ, 0, "none none org=a.com no record" },
	{ "From's own first", S, "x.a.com", "", "", "a.com " REJ "\nx.a.com v=DMARC1; p=none", 0, "fail none org=a.com p=none of x.a.com" },
	{ "in any case", S, "A.COM.", "", "", "a.com " REJ, 0, "fail none org=a.com p=reject of a.com reject" },
	{ "other texts do not count", S, "a.com", "", "", "a.com v=spf1 -all\na.com " REJ, 0, "fail none org=a.com p=reject of a.com reject" },
	{ "several are none", S, "a.com", "", "", "a.com " REJ "\na.com v=DMARC1; p=none", 0,
	    "none none org=a.com several records, which count as none" },
	{ "several end the search", S, "x.a.com", "", "", "x.a.com " REJ "\nx.a.com " REJ "\na.com " REJ, 0,
	    "none none org=a.com several records, which count as none" },
	{ "a temporary error", S, "a.com", "", "", "a.com !", 0, "temperror none org=a.com the record cannot be looked up now" },
	{ "a temporary error above", S, "x.a.com", "", "", "a.com !", 0, "temperror none org=a.com the record cannot be looked up now" },
	{ "a broken record", S, "a.com", "a.com", "a.com", "a.com v=DMARC1; p=x", 0, "permerror strict org=a.com p=none of a.com "
	    "the record has no usable policy and no address for reports" },
	{ "a broken one with rua", S, "a.com", "", "", "a.com v=DMARC1; p=x; rua=mailto:a@a.com", 0, "fail none org=a.com p=none of a.com" },
	/* alignment, 3.1 */
	{ "SPF", S, "a.com", "a.com", "", "a.com " REJ, 0, "pass strict org=a.com p=reject of a.com spf" },
	{ "SPF failed", S, "a.com", "a.com-", "", "a.com " REJ, 0, "fail none org=a.com p=reject of a.com reject" },
	{ "SPF of another", S, "a.com", "b.com", "", "a.com " REJ, 0, "fail none org=a.com p=reject of a.com reject" },
	{ "SPF relaxed, below", S, "a.com", "x.a.com", "", "a.com " REJ, 0, "pass dmarc org=a.com p=reject of a.com spf" },
	{ "SPF relaxed, above", S, "x.a.com", "a.com", "", "a.com " REJ, 0, "pass dmarc org=a.com p=reject of a.com spf" },
	{ "SPF relaxed, beside", S, "x.a.com", "y.a.com", "", "a.com " REJ, 0, "pass dmarc org=a.com p=reject of a.com spf" },
	{ "SPF strict, below", S, "a.com", "x.a.com", "", "a.com " REJ "; aspf=s", 0, "fail relaxed org=a.com p=reject of a.com reject" },
	{ "SPF strict, the same", S, "a.com", "A.com", "", "a.com " REJ "; aspf=s", 0, "pass strict org=a.com p=reject of a.com spf" },
	{ "DKIM", S, "a.com", "", "a.com", "a.com " REJ, 0, "pass strict org=a.com p=reject of a.com dkim=a.com" },
	{ "DKIM, one of several", S, "a.com", "", "b.com a.com- x.a.com", "a.com " REJ, 0,
	    "pass dmarc org=a.com p=reject of a.com dkim=x.a.com" },
	{ "DKIM strict, below", S, "a.com", "", "x.a.com", "a.com " REJ "; adkim=s", 0, "fail relaxed org=a.com p=reject of a.com reject" },
	{ "strict of one is not of the other", S, "a.com", "x.a.com", "", "a.com " REJ "; adkim=s", 0,
	    "pass dmarc org=a.com p=reject of a.com spf" },
	{ "both", S, "a.com", "a.com", "a.com", "a.com " REJ, 0, "pass strict org=a.com p=reject of a.com spf dkim=a.com" },
	{ "a public suffix aligns with nobody", S, "a.co.uk", "co.uk", "b.co.uk", "a.co.uk " REJ, 0,
	    "fail none org=a.co.uk p=reject of a.co.uk reject" },
	{ "an end that is no label", S, "a.com", "xa.com", "", "a.com " REJ, 0, "fail none org=a.com p=reject of a.com reject" },
	{ "alignment without a record", S, "a.com", "x.a.com", "", "", 0, "none relaxed org=a.com no record" },
	{ "the same without a record", S, "a.com", "", "a.com", "", 0, "none strict org=a.com no record" },
	/* temporary errors of SPF and DKIM */
	{ "SPF not known", S, "a.com", "a.com~", "", "a.com " REJ, 0,
	    "temperror none org=a.com p=reject of a.com SPF or DKIM cannot be checked now" },
	{ "DKIM not known", S, "a.com", "", "x.a.com~", "a.com " REJ, 0,
	    "temperror none org=a.com p=reject of a.com SPF or DKIM cannot be checked now" },
	{ "not known, but another passes", S, "a.com", "a.com~", "a.com", "a.com " REJ, 0, "pass strict org=a.com p=reject of a.com dkim=a.com" },
	{ "a stranger's error is no help", S, "a.com", "b.com~", "c.com~", "a.com " REJ, 0, "fail none org=a.com p=reject of a.com reject" },
	{ "nor one that would not align", S, "a.com", "", "x.a.com~", "a.com " REJ "; adkim=s", 0, "fail none org=a.com p=reject of a.com reject" },
	/* policies, 6.3; RFC 9091 */
	{ "quarantine is refused", S, "a.com", "", "", "a.com v=DMARC1; p=quarantine", 0, "fail none org=a.com p=quarantine of a.com reject" },
	{ "none", S, "a.com", "", "", "a.com v=DMARC1; p=none", 0, "fail none org=a.com p=none of a.com" },
	{ "sp below", S, "x.a.com", "", "", "a.com v=DMARC1; p=none; sp=reject", 0, "fail none org=a.com sp=reject of a.com reject" },
	{ "sp not at the domain", S, "a.com", "", "", "a.com v=DMARC1; p=none; sp=reject", 0, "fail none org=a.com p=none of a.com" },
	{ "sp of a record below does not count", S, "x.a.com", "", "", "x.a.com v=DMARC1; p=none; sp=reject", 0,
	    "fail none org=a.com p=none of x.a.com" },
	{ "np: not there", S, "x.a.com", "", "", "a.com v=DMARC1; p=none; np=reject", 0, "fail none org=a.com np=reject of a.com reject" },
	{ "np: nothing of three types", S, "x.a.com", "", "", "a.com v=DMARC1; p=none; np=reject\n-x.a.com", 0,
	    "fail none org=a.com np=reject of a.com reject" },
	{ "np: an address", S, "x.a.com", "", "", "a.com v=DMARC1; p=none; np=reject\n+x.a.com", 0, "fail none org=a.com p=none of a.com" },
	{ "np: an MX", S, "x.a.com", "", "", "a.com v=DMARC1; p=none; np=reject\n@x.a.com", 0, "fail none org=a.com p=none of a.com" },
	{ "np: not known", S, "x.a.com", "", "", "a.com v=DMARC1; p=none; np=reject\n?x.a.com", 0, "fail none org=a.com p=none of a.com" },
	{ "np falls to sp", S, "x.a.com", "", "", "a.com v=DMARC1; p=none; sp=reject", 0, "fail none org=a.com sp=reject of a.com reject" },
	{ "np not at the domain", S, "a.com", "", "", "a.com v=DMARC1; p=none; np=reject", 0, "fail none org=a.com p=none of a.com" },
	{ "a public suffix with psd=y", S, "x.a.com", "", "", "com v=DMARC1; p=none; psd=y; np=reject", 0,
	    "fail none org=a.com np=reject of com reject" },
	{ "a public suffix without", S, "x.a.com", "", "", "com v=DMARC1; p=none; np=reject", 0, "none none org=a.com no record" },
	{ "a public suffix is not above its members", S, "a.com", "", "", "com v=DMARC1; p=reject; psd=y\na.com v=DMARC1; p=none", 0,
	    "fail none org=a.com p=none of a.com" },
	{ "mail from a public suffix", S, "co.uk", "", "", "co.uk " REJ, 0, "fail none org=co.uk p=reject of co.uk reject" },
	/* pct and t */
	{ "pct: in", S, "a.com", "", "", "a.com " REJ "; pct=20", 19, "fail none org=a.com p=reject of a.com reject" },
	{ "pct: out", S, "a.com", "", "", "a.com " REJ "; pct=20", 20, "fail none org=a.com p=reject of a.com sampled_out" },
	{ "pct=0", S, "a.com", "", "", "a.com " REJ "; pct=0", 0, "fail none org=a.com p=reject of a.com sampled_out" },
	{ "pct=100", S, "a.com", "", "", "a.com " REJ, 99, "fail none org=a.com p=reject of a.com reject" },
	{ "pct does not touch what passes", S, "a.com", "a.com", "", "a.com " REJ "; pct=0", 0, "pass strict org=a.com p=reject of a.com spf" },
	{ "pct and none", S, "a.com", "", "", "a.com v=DMARC1; p=none; pct=0", 0, "fail none org=a.com p=none of a.com" },
	{ "pct is gone from the successor", W, "a.com", "", "", "a.com " REJ "; pct=0", 0, "fail none org=a.com p=reject of a.com reject" },
	{ "t=y", W, "a.com", "", "", "a.com " REJ "; t=y", 0, "fail none org=a.com p=reject of a.com policy_test_mode" },
	{ "t=y by the list, too", S, "a.com", "", "", "a.com " REJ "; t=y", 0, "fail none org=a.com p=reject of a.com policy_test_mode" },
	/* the tree walk, RFC 9989 4.10 */
	{ "walk: no record", W, "x.a.com", "a.com", "", "", 0, "none none org=x.a.com no record" },
	{ "walk: in between", W, "x.y.a.com", "y.a.com", "", "y.a.com " REJ, 0, "pass dmarc org=y.a.com p=reject of y.a.com spf" },
	{ "walk: not above that", W, "x.y.a.com", "a.com", "", "y.a.com " REJ, 0, "fail none org=y.a.com p=reject of y.a.com reject" },
	{ "walk: From's own, organisation's alignment", W, "x.a.com", "y.a.com", "", "x.a.com v=DMARC1; p=none\na.com " REJ, 0,
	    "pass dmarc org=a.com p=none of x.a.com spf" },
	{ "walk: psd=n parts", W, "x.a.com", "y.a.com", "z.x.a.com", "x.a.com " REJ "; psd=n\na.com " REJ, 0,
	    "pass dmarc org=x.a.com p=reject of x.a.com dkim=z.x.a.com" },
	{ "walk: a part below is another organisation", W, "a.com", "x.a.com", "", "x.a.com " REJ "; psd=n\na.com " REJ, 0,
	    "fail none org=a.com p=reject of a.com reject" },
	{ "walk: psd=y parts", W, "x.a.host.com", "b.host.com", "a.host.com", "host.com v=DMARC1; p=reject; psd=y", 0,
	    "pass dmarc org=a.host.com p=reject of host.com dkim=a.host.com" },
	{ "walk: np at the public suffix", W, "a.host.com", "", "", "host.com v=DMARC1; p=none; psd=y; np=reject", 0,
	    "fail none org=a.host.com np=reject of host.com reject" },
	{ "walk: np is NXDOMAIN alone", W, "x.a.com", "", "", "a.com v=DMARC1; p=none; np=reject\n-x.a.com", 0, "fail none org=a.com p=none of a.com" },
	{ "walk: several are none, and it goes on", W, "x.a.com", "", "", "x.a.com " REJ "\nx.a.com " REJ "\na.com " REJ, 0,
	    "fail none org=a.com p=reject of a.com reject" },
	{ "walk: private suffixes count by their records", W, "joe.blogspot.com", "ann.blogspot.com", "", "blogspot.com " REJ "; psd=y", 0,
	    "fail none org=joe.blogspot.com p=reject of blogspot.com reject" },
	{ "walk: a temporary error", W, "x.a.com", "", "", "x.a.com !\na.com " REJ, 0,
	    "temperror none org=a.com the record cannot be looked up now" },
	{ "walk: an error above, the same domain", W, "x.a.com", "x.a.com", "", "x.a.com " REJ "\na.com !", 0,
	    "pass strict org=x.a.com p=reject of x.a.com spf" },
	{ "walk: an error above, perhaps a sibling", W, "x.a.com", "y.a.com", "", "x.a.com " REJ "\na.com !", 0,
	    "temperror none org=x.a.com p=reject of x.a.com SPF or DKIM cannot be checked now" },
	{ "walk: an error above, strict", W, "x.a.com", "y.a.com", "", "x.a.com " REJ "; aspf=s\na.com !", 0,
	    "fail none org=x.a.com p=reject of x.a.com reject" },
	{ "walk: an error above, a stranger", W, "x.a.com", "b.net", "", "x.a.com " REJ "\na.com !", 0,
	    "fail none org=x.a.com p=reject of x.a.com reject" },
	{ "walk: an error below", W, "a.com", "x.a.com", "", "a.com " REJ "\nx.a.com !", 0,
	    "temperror none org=a.com p=reject of a.com SPF or DKIM cannot be checked now" },
	{ "walk: twelve labels", W, "1.2.3.4.5.6.7.8.9.10.11.com", "11.com", "", "11.com " REJ, 0,
	    "pass dmarc org=11.com p=reject of 11.com spf" },
};

static struct arena		arena = ARENA_INIT(1 << 20);
static struct suffix_list	suffixes;

static struct dmarc_identity
identity(struct str s)
{
	struct dmarc_identity	i = { s, s.n == 0 ? DMARC_AUTH_FAIL : DMARC_AUTH_PASS };

	if (str_ends(s, STR("~")))
		i.auth = DMARC_AUTH_TEMPERROR;
	if (str_ends(s, STR("-")))
		i.auth = DMARC_AUTH_FAIL;
	if (i.auth != DMARC_AUTH_PASS && s.n > 0)
		i.domain.n--;
	return i;
}

static enum dmarc_dns
ask_txt(struct str zone, struct str name, struct str *txt, size_t *n)
{
	bool	more = true;

	*n = 0;
	if (!str_starts(name, STR("_dmarc.")))
		return DMARC_DNS_TEMPERROR;
	name = str_skip(name, 7);
	while (more) {
		struct str	line, owner;

		more = str_cut(&zone, '\n', &line);
		(void)str_cut(&line, ' ', &owner);
		if (!str_eq(owner, name))
			continue;
		if (str_eq(line, STR("!")))
			return DMARC_DNS_TEMPERROR;
		txt[(*n)++] = line;
	}
	return *n > 0 ? DMARC_DNS_FOUND : DMARC_DNS_NXDOMAIN;
}

static enum dmarc_dns
ask_other(struct str zone, enum dmarc_want want, struct str name)
{
	bool	more = true;

	while (more) {
		struct str	line;

		more = str_cut(&zone, '\n', &line);
		if (line.n == 0 || !str_eq(str_skip(line, 1), name))
			continue;
		if (line.p[0] == '?')
			return DMARC_DNS_TEMPERROR;
		if (line.p[0] == '+')
			return want == DMARC_WANT_A ? DMARC_DNS_FOUND : DMARC_DNS_NODATA;
		if (line.p[0] == '@')
			return want == DMARC_WANT_MX ? DMARC_DNS_FOUND : DMARC_DNS_NODATA;
		return DMARC_DNS_NODATA;
	}
	return DMARC_DNS_NXDOMAIN;
}

static void
run(struct dmarc *d, struct str zone, unsigned *asked_r)
{
	struct str	name, txt[8];
	enum dmarc_want	want;
	size_t		n = 0;

	*asked_r = 0;
	while ((want = dmarc_next(d, &name)) != DMARC_WANT_NOTHING && ++*asked_r < 1000) {
		enum dmarc_dns	dns = want == DMARC_WANT_TXT ? ask_txt(zone, name, txt, &n) : ask_other(zone, want, name);

		dmarc_told(d, dns, txt, n);
	}
}

static void
tell(struct buf *b, const struct dmarc_result *r)
{
	buf_addf(b, "%s %s org=" STR_FMT, dmarc_verdict_name(r->verdict), dmarc_validation_name(r->validation), STR_ARG(r->org));
	if (r->policy_domain.n > 0)
		buf_addf(b, " %s=%s of " STR_FMT, r->policy_tag, dmarc_policy_name(r->policy), STR_ARG(r->policy_domain));
	buf_adds(b, r->spf_aligned ? " spf" : "");
	if (r->dkim_aligned)
		buf_addf(b, " dkim=" STR_FMT, STR_ARG(r->dkim_domain));
	buf_adds(b, r->reject ? " reject" : "");
	buf_adds(b, r->overrides != 0 ? " " : "");
	dmarc_overrides_text(b, r->overrides);
	buf_adds(b, r->why != DMARC_WHY_NOTHING ? " " : "");
	buf_adds(b, dmarc_why_text(r->why));
}

static void
test_rows(void)
{
	struct buf	b = BUF_INIT(4096);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dmarc_identity	dkim[8];
		struct dmarc_facts	f = { .from = str_c(rows[i].from), .dkim = dkim, .discovery = rows[i].how,
		    .suffixes = &suffixes, .random = rows[i].random };
		struct str		rest = str_c(rows[i].dkim), w;
		struct dmarc		d;
		unsigned		asked;

		f.spf = identity(str_c(rows[i].spf));
		while (rest.n > 0) {
			(void)str_cut(&rest, ' ', &w);
			dkim[f.ndkim++] = identity(w);
		}
		arena_reset(&arena);
		dmarc_start(&d, &f, &arena);
		run(&d, str_c(rows[i].zone), &asked);
		buf_reset(&b);
		tell(&b, &d.result);
		is_str(buf_str(&b), str_c(rows[i].want), rows[i].name);
		ok(asked <= 16, "%u names were asked for", asked);
	}
	buf_free(&b);
}

/* Signatures by many names of one organisation: the walk has an end. */
static void
test_budget(void)
{
	struct dmarc_identity	dkim[100];
	char			names[100][64];
	struct dmarc_facts	f = { .from = STR("a.com"), .spf.domain = STR(""), .dkim = dkim, .ndkim = 100, .discovery = DMARC_BY_WALK };
	struct str		zone = STR("a.com " REJ);
	struct dmarc		d;
	struct arena		small = ARENA_INIT(100);
	unsigned		asked;

	for (unsigned i = 0; i < 100; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "%u.b.c.d.e.f.x.com", i);
		dkim[i] = (struct dmarc_identity){ str_c(names[i]), DMARC_AUTH_PASS };
	}
	arena_reset(&arena);
	dmarc_start(&d, &f, &arena);
	run(&d, zone, &asked);
	is_num(asked, 2, "nobody walks for strangers");
	ok(d.result.reject, "who do not align");
	for (unsigned i = 0; i < 100; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "%u.x%u.d.e.f.a.com", i, i);
		dkim[i] = (struct dmarc_identity){ str_c(names[i]), i == 99 ? DMARC_AUTH_PASS : DMARC_AUTH_TEMPERROR };
	}
	zone = STR("a.com " REJ "\nf.a.com " REJ "; psd=n");
	arena_reset(&arena);
	dmarc_start(&d, &f, &arena);
	run(&d, zone, &asked);
	is_num(asked, LIMIT_DMARC_LOOKUPS, "the number of look-ups has a limit");
	ok(d.result.reject, "and what is beyond does not align");
	dmarc_start(&d, &f, &small);
	run(&d, zone, &asked);
	is_num(d.result.verdict, DMARC_VERDICT_TEMPERROR, "a full arena is a temporary error");
	arena_free(&small);
}

static void
test_overrides(void)
{
	struct dmarc_result	r = { .verdict = DMARC_VERDICT_FAIL, .reject = true };
	struct buf		b = BUF_INIT(200);

	dmarc_override(&r, DMARC_OVERRIDE_MAILING_LIST);
	dmarc_override(&r, DMARC_OVERRIDE_FORWARDED);
	ok(!r.reject, "an override keeps from refusing");
	dmarc_overrides_text(&b, r.overrides);
	is_str(buf_str(&b), STR("forwarded,mailing_list"), "and is told");
	buf_free(&b);
}

int
main(void)
{
	if (!suffix_list_builtin(&suffixes))
		ok(false, "libpsl has a list");
	test_records();
	test_rows();
	test_budget();
	test_overrides();
	arena_free(&arena);
	return done_testing();
}
