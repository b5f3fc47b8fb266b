/* spf_header: the field Received-SPF. */
#include "proto/spf_header.h"

#include "../tap.h"

static struct spf_header	h;

static void
is_field(const char *want, const char *name)
{
	struct buf	b = BUF_INIT(16384);

	spf_header_write(&b, &h);
	is_str(buf_str(&b), str_c(want), name);
	buf_free(&b);
}

/* Whatever a stranger says: lines of at most 998 bytes that begin with a tab, no control in them. */
static bool
is_sound(struct str s)
{
	struct str	line;
	bool		first = true;

	while (s.n > 0) {
		if (!str_cut(&s, '\n', &line) || line.n > 999 || !str_ends(line, STR("\r")) || (!first && line.p[0] != '\t'))
			return false;
		line.n--;
		for (size_t i = first ? 0 : 1; i < line.n; i++)
			if (byte_is_control(line.p[i]))
				return false;
		first = false;
	}
	return true;
}

static void
test_hostile(void)
{
	char		all[1024];
	struct buf	b = BUF_INIT(1 << 16);

	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = i < 512 ? (char)i : "()\\\""[i % 4];
	for (size_t i = 0; i < 768; i += 64) {
		struct str	s = str_n(all + i, sizeof(all) - i);

		h.sender = h.helo = h.mechanism = h.problem = s;
		buf_reset(&b);
		spf_header_write(&b, &h);
		ok(!buf_failed(&b) && is_sound(buf_str(&b)) && b.n < 4096, "a stranger's bytes from %zu", i);
	}
	buf_free(&b);
}

int
main(void)
{
	h = (struct spf_header){
		.result = SPF_PASS, .receiver = STR("mybox.example.org"), .sender = STR("myname@example.com"), .helo = STR("foo.example.com"),
		.mechanism = STR("ip4:192.0.2.1"),
	};
	ok(ip_parse(STR("192.0.2.1"), &h.ip), "an address");
	is_field("Received-SPF: pass\r\n\t(mybox.example.org: domain of\r\n\tmyname@example.com\r\n\tdesignates 192.0.2.1 as permitted sender)\r\n"
	    "\tidentity=mailfrom;\r\n\tclient-ip=192.0.2.1;\r\n\tenvelope-from=\"myname@example.com\";\r\n\thelo=foo.example.com;\r\n"
	    "\tmechanism=\"ip4:192.0.2.1\";\r\n\treceiver=mybox.example.org\r\n", "9.1 pass");
	h.result = SPF_TEMPERROR;
	h.is_helo = true;
	h.mechanism = STR("");
	h.problem = STR("no \"answer\"");
	h.sender = STR("postmaster@foo.example.com");
	ok(ip_parse(STR("2001:db8::1"), &h.ip), "an address of IPv6");
	is_field("Received-SPF: temperror\r\n\t(mybox.example.org: the record for\r\n\tpostmaster@foo.example.com\r\n\tcannot be looked up now, from 2001:db8::1)\r\n"
	    "\tidentity=helo;\r\n\tclient-ip=\"2001:db8::1\";\r\n\thelo=foo.example.com;\r\n"
	    "\tproblem=\"no \\\"answer\\\"\";\r\n\treceiver=mybox.example.org\r\n", "9.1 an error of the EHLO identity");
	h.result = SPF_NONE;
	h.is_helo = false;
	h.problem = STR("");
	h.sender = STR("j\xc3\xb6)e@example.com");
	h.helo = STR("a..b");
	is_field("Received-SPF: none\r\n\t(mybox.example.org: domain of\r\n\tj?\?\\)e@example.com\r\n\thas no SPF record for 2001:db8::1)\r\n"
	    "\tidentity=mailfrom;\r\n\tclient-ip=\"2001:db8::1\";\r\n\tenvelope-from=\"j?\?)e@example.com\";\r\n\thelo=\"a..b\";\r\n"
	    "\treceiver=mybox.example.org\r\n", "9.1 what may not be there");
	h.utf8 = true;
	is_field("Received-SPF: none\r\n\t(mybox.example.org: domain of\r\n\tj\xc3\xb6\\)e@example.com\r\n\thas no SPF record for 2001:db8::1)\r\n"
	    "\tidentity=mailfrom;\r\n\tclient-ip=\"2001:db8::1\";\r\n\tenvelope-from=\"j\xc3\xb6)e@example.com\";\r\n\thelo=\"a..b\";\r\n"
	    "\treceiver=mybox.example.org\r\n", "UTF-8 where it may be");
	test_hostile();
	return done_testing();
}
