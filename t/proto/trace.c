/* trace: Received as RFC 5321 4.4, 3848 and 6531 want it. */
#include "proto/trace.h"

#include "../tap.h"

static const struct trace	plain = {
	.helo = STR_INIT("me.example"), .rip = STR_INIT("192.0.2.9"), .hostname = STR_INIT("mx.example"),
	.lip = STR_INIT("192.0.2.1"), .tls = STR_INIT(""), .cipher = STR_INIT(""), .id = STR_INIT("abc.1"),
	.rcpt = STR_INIT("joe@x"), .date = { 880127706, -360 }, .esmtp = true,
};

static void
check(const char *name, struct trace t, const char *want)
{
	struct buf	b = BUF_INIT(4096);

	trace_received(&b, &t);
	if (want[0] == 'R')
		is_str(buf_str(&b), str_c(want), name);
	else
		ok(str_find(buf_str(&b), str_c(want)) < b.n, "%s", name);
	if (str_find(buf_str(&b), STR("\r\n\r\n")) < b.n || !str_ends(buf_str(&b), STR("\r\n")))
		ok(false, "%s: a whole field, and no more", name);
	buf_free(&b);
}

int
main(void)
{
	struct trace	t = plain;
	struct buf	b = BUF_INIT(1000);

	check("plain", t, "Received: from me.example ([192.0.2.9])\r\n\tby mx.example ([192.0.2.1])\r\n"
	    "\tvia tcp with ESMTP id abc.1\r\n\tfor <joe@x>;\r\n\tFri, 21 Nov 1997 09:55:06 -0600\r\n");
	t.esmtp = false;
	check("HELO", t, " with SMTP id ");
	t.tls = STR("TLSv1.3");
	t.cipher = STR("TLS_AES_128_GCM_SHA256");
	check("HELO in TLS has no word of its own", t, " with SMTP id abc.1\r\n\t(TLS1.3 TLS_AES_128_GCM_SHA256)\r\n");
	t.esmtp = true;
	check("ESMTPS", t, " with ESMTPS id ");
	t.auth = true;
	check("ESMTPSA", t, " with ESMTPSA id ");
	t.utf8 = t.requiretls = true;
	check("UTF8SMTPSA and REQUIRETLS", t, " with UTF8SMTPSA (requiretls) id ");
	t = plain;
	t.rip = STR("2001:db8::9");
	check("IPv6", t, "from me.example ([IPv6:2001:db8::9])\r\n");
	t.rcpt = STR("");
	check("no for", t, "id abc.1;\r\n\tFri,");
	t.helo = STR("a\r\nX: y(\xc3\xbc)");
	check("a name of evil bytes", t, "from a??X:?y????\x20(");
	trace_received_local(&b, &plain);
	is_str(buf_str(&b), STR("Received: from mx.example\r\n\tby mx.example with local id abc.1\r\n\tfor <joe@x>;\r\n"
	    "\tFri, 21 Nov 1997 09:55:06 -0600\r\n"), "out of a queue of our own");
	buf_reset(&b);
	t = plain;
	t.rip = t.lip = STR("");
	check("nobody's address", t, "Received: from me.example\r\n\tby mx.example\r\n\tvia tcp with ESMTP id abc.1\r\n"
	    "\tfor <joe@x>;\r\n\tFri, 21 Nov 1997 09:55:06 -0600\r\n");
	trace_delivered_to(&b, STR("joe@x"));
	trace_return_path(&b, STR(""));
	trace_return_path(&b, STR("a@b"));
	is_str(buf_str(&b), STR("Delivered-To: joe@x\r\nReturn-Path: <>\r\nReturn-Path: <a@b>\r\n"), "the others");
	buf_free(&b);
	return done_testing();
}
