/* orgdomain: names, the public suffix list's ICANN section, and the tree walk. */
#include "proto/orgdomain.h"

#include "../tap.h"

static const struct {
	const char	*name, *org;
} suffixes[] = {
	{ "example.com", "example.com" },
	{ "a.b.example.com", "example.com" },
	{ "example.co.uk", "example.co.uk" },
	{ "a.example.co.uk", "example.co.uk" },
	{ "com", "com" },		/* a suffix is its own (RFC 9091 3.5) */
	{ "co.uk", "co.uk" },
	{ "joe.blogspot.com", "blogspot.com" },	/* private section: no suffix */
	{ "joe.github.io", "github.io" },
	{ "a.b.unknowntld", "b.unknowntld" },	/* the list's rule "*" */
	{ "localhost", "localhost" },
	{ "x.y.z.ck", "y.z.ck" },	/* *.ck */
	{ "a.www.ck", "www.ck" },	/* !www.ck */
	{ "a.city.kobe.jp", "city.kobe.jp" },
	{ "a.b.x.kobe.jp", "b.x.kobe.jp" },
	{ "a.example.xn--55qx5d.cn", "example.xn--55qx5d.cn" },
	{ "A.Example.CO.UK", "Example.CO.UK" },
	{ "", "" },
};

static void
test_suffixes(const struct suffix_list *l)
{
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		is_str(orgdomain_by_suffix(l, str_c(suffixes[i].name)), str_c(suffixes[i].org), suffixes[i].name);
}

static void
test_lists(void)
{
	struct suffix_list	l;
	struct str		text = STR("// ===BEGIN ICANN DOMAINS===\nuk\nco.uk\nnew\nof.new\n// ===END ICANN DOMAINS===\n"
	    "// ===BEGIN PRIVATE DOMAINS===\nhost.new\n// ===END PRIVATE DOMAINS===\n");

	if (!ok(suffix_list_builtin(&l), "libpsl has a list"))
		return;
	test_suffixes(&l);
	ok(suffix_list_has(&l, STR("co.uk")), "co.uk is a suffix");
	ok(suffix_list_has(&l, STR("CO.UK.")), "in any case, with a final dot");
	ok(!suffix_list_has(&l, STR("example.co.uk")), "example.co.uk is none");
	ok(!suffix_list_has(&l, STR("")), "nothing is none");
	ok(!suffix_list_has(&l, STR("co\0.uk")), "what is no name is none");
	suffix_list_free(&l);
	ok(suffix_list_load(&l, text), "a list from text");
	is_str(orgdomain_by_suffix(&l, STR("a.b.of.new")), STR("b.of.new"), "it counts");
	is_str(orgdomain_by_suffix(&l, STR("a.b.host.new")), STR("host.new"), "its ICANN section alone");
	suffix_list_free(&l);
	ok(!suffix_list_load(&l, STR("")), "an empty list is none");
	suffix_list_free(&l);
	ok(!suffix_list_load(&l, STR("<html>not found</html>\n")), "what is no list is none");
	suffix_list_free(&l);
}

static const struct {
	const char	*in, *want;	/* want NULL: no name */
} names[] = {
	{ "Example.COM", "example.com" },
	{ "example.com.", "example.com" },
	{ "_x.a-b.c", "_x.a-b.c" },
	{ "a", "a" },
	{ "", NULL }, { ".", NULL }, { ".a", NULL }, { "a..b", NULL }, { "a..", NULL },
	{ "a b", NULL }, { "a\"b", NULL }, { "[192.0.2.1]", NULL }, { "b\303\274cher.example", NULL },
	{ "123456789012345678901234567890123456789012345678901234567890123.a",
	    "123456789012345678901234567890123456789012345678901234567890123.a" },
	{ "1234567890123456789012345678901234567890123456789012345678901234.a", NULL },
};

static void
test_names(void)
{
	struct buf	b = BUF_INIT(300);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		bool	good;

		buf_reset(&b);
		buf_adds(&b, "x");
		good = orgdomain_clean(&b, str_c(names[i].in));
		ok(good == (names[i].want != NULL), "\"%s\" is %sa name", names[i].in, names[i].want == NULL ? "not " : "");
		is_str(str_skip(buf_str(&b), 1), str_c(names[i].want == NULL ? "" : names[i].want), "what is appended");
	}
	buf_free(&b);
	is_num(orgdomain_labels(STR("")), 0, "no labels");
	is_num(orgdomain_labels(STR("a.b.c")), 3, "three labels");
	is_str(orgdomain_last(STR("a.b.c"), 2), STR("b.c"), "the last two");
	is_str(orgdomain_last(STR("a.b.c"), 3), STR("a.b.c"), "the last three");
	is_str(orgdomain_last(STR("a.b.c"), 9), STR("a.b.c"), "the last nine");
	is_str(orgdomain_last(STR("a.b.c"), 0), STR(""), "the last none");
	ok(orgdomain_is_under(STR("a.b.c"), STR("B.c")), "a.b.c is under b.c");
	ok(orgdomain_is_under(STR("b.c"), STR("b.c")), "b.c is, too");
	ok(!orgdomain_is_under(STR("ab.c"), STR("b.c")), "ab.c is not");
	ok(!orgdomain_is_under(STR("a"), STR("")), "nothing is above all");
}

/* RFC 9989 4.10: the names asked for, and what is chosen. records: "name=y", "name=n", "name" (no psd). */
static const struct {
	const char	*name, *start, *asked, *records, *org, *psd;
} walks[] = {
	{ "no record: the start", "a.example.com", "a.example.com example.com com ", "", "a.example.com", "" },
	{ "the one record", "a.example.com", "a.example.com example.com com ", "example.com", "example.com", "" },
	{ "the fewest labels", "a.b.example.com", "a.b.example.com b.example.com example.com com ", "a.b.example.com example.com",
	    "example.com", "" },
	{ "a record at the top level counts", "a.example.com", "a.example.com example.com com ", "example.com com", "com", "" },
	{ "psd=n at the start ends it", "a.example.com", "a.example.com ", "a.example.com=n example.com", "a.example.com", "" },
	{ "psd=n on the way ends it", "a.b.example.com", "a.b.example.com b.example.com ", "a.b.example.com b.example.com=n com",
	    "b.example.com", "" },
	{ "psd=y: the label below", "a.b.example.com", "a.b.example.com b.example.com example.com com ",
	    "com=y", "example.com", "com" },
	{ "psd=y with a record below", "a.example.co.uk", "a.example.co.uk example.co.uk co.uk ", "a.example.co.uk co.uk=y uk",
	    "example.co.uk", "co.uk" },
	{ "psd=y at the start does not count", "co.uk", "co.uk uk ", "co.uk=y", "co.uk", "" },
	{ "psd=y at the start, and above", "co.uk", "co.uk uk ", "co.uk=y uk=y", "co.uk", "uk" },
	{ "eight labels: seven are next", "a.b.c.d.e.f.g.h", "a.b.c.d.e.f.g.h b.c.d.e.f.g.h c.d.e.f.g.h d.e.f.g.h e.f.g.h f.g.h g.h h ",
	    "", "a.b.c.d.e.f.g.h", "" },
	{ "twelve labels: seven are next", "1.2.3.4.5.6.7.8.9.10.11.12",
	    "1.2.3.4.5.6.7.8.9.10.11.12 6.7.8.9.10.11.12 7.8.9.10.11.12 8.9.10.11.12 9.10.11.12 10.11.12 11.12 12 ",
	    "5.6.7.8.9.10.11.12 11.12", "11.12", "" },
	{ "psd=y at seven of twelve", "1.2.3.4.5.6.7.8.9.10.11.12", "1.2.3.4.5.6.7.8.9.10.11.12 6.7.8.9.10.11.12 ",
	    "6.7.8.9.10.11.12=y", "5.6.7.8.9.10.11.12", "6.7.8.9.10.11.12" },
	{ "one label", "com", "com ", "", "com", "" },
	{ "nothing", "", "", "", "", "" },
};

static enum orgwalk_psd
psd_in(struct str records, struct str name)
{
	struct str	w;
	bool		more = true;

	while (more) {
		struct str	psd = { NULL, 0 };

		more = str_cut(&records, ' ', &w);
		psd = w;
		(void)str_cut(&psd, '=', &w);
		if (w.n > 0 && str_eq(w, name))
			return psd.n == 0 ? ORGWALK_PSD_UNKNOWN : psd.p[0] == 'y' ? ORGWALK_PSD_YES : ORGWALK_PSD_NO;
	}
	return ORGWALK_NO_RECORD;
}

static void
test_walks(void)
{
	struct buf	asked = BUF_INIT(1000);

	for (size_t i = 0; i < sizeof(walks) / sizeof(walks[0]); i++) {
		struct orgwalk	w;

		buf_reset(&asked);
		orgwalk_start(&w, str_c(walks[i].start));
		while (!w.done) {
			buf_add(&asked, w.at);
			buf_addc(&asked, ' ');
			orgwalk_record(&w, psd_in(str_c(walks[i].records), w.at));
		}
		is_str(w.org, str_c(walks[i].org), walks[i].name);
		is_str(w.psd, str_c(walks[i].psd), "the public suffix domain that was met");
		is_str(buf_str(&asked), str_c(walks[i].asked), "what was asked");
	}
	buf_free(&asked);
}

int
main(void)
{
	test_names();
	test_lists();
	test_walks();
	return done_testing();
}
