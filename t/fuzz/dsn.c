/*
 * dsn: fields of strangers, cut from the input at each 0x1f. Whatever they hold, the notification
 * has three parts, lines within the limits, and no field or part but those that it should have.
 */
#include "proto/dsn.h"

#include <stdlib.h>

#include "proto/header.h"
#include "proto/mime.h"
#include "proto/words.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct str
next(struct str *in)
{
	struct str	s;

	(void)str_cut(in, '\x1f', &s);
	return s;
}

static void
must(bool good)
{
	if (!good)
		abort();
}

static void
check_lines(struct str s)
{
	size_t	length = 0;

	for (size_t i = 0; i < s.n; i++) {
		must(s.p[i] != '\0');
		must(s.p[i] != '\n' || (i > 0 && s.p[i - 1] == '\r'));
		must(s.p[i] != '\r' || (i + 1 < s.n && s.p[i + 1] == '\n'));
		length = s.p[i] == '\n' ? 0 : length + 1;
		must(length <= 999);	/* the CR with it */
	}
	must(str_ends(s, STR("\r\n")));
}

/* Every field is one that we write, and the header is one. */
static void
check_names(struct str text, const char *const *names)
{
	struct header		h;
	struct header_field	f;

	header_open(&h, text);
	while (header_next(&h, &f)) {
		size_t	i = 0;

		while (names[i] != NULL && !str_eq(f.name, str_c(names[i])))
			i++;
		must(names[i] != NULL);
	}
	must(h.blank || h.end == text.n);
}

static const char *const	top_names[] = {
	"From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted", "MIME-Version",
	"Content-Type", "Content-Transfer-Encoding", NULL,
};
static const char *const	message_names[] = {
	"Original-Envelope-Id", "Reporting-MTA", "Arrival-Date", "Future-Release-Request", NULL,
};
static const char *const	rcpt_names[] = {
	"Original-Recipient", "Final-Recipient", "Action", "Status", "Remote-MTA", "Diagnostic-Code", "Last-Attempt-Date",
	"Will-Retry-Until", NULL,
};

static void
check_fields(struct str s, size_t nrcpt)
{
	size_t	blocks = 0;

	while (s.n > 0) {
		size_t	n = str_find(s, STR("\r\n\r\n"));

		check_names(str_head(s, n + 2), blocks == 0 ? message_names : rcpt_names);
		blocks++;
		s = str_skip(s, n + 4);
	}
	must(blocks == nrcpt + 1);
}

static void
check(struct str s, size_t nrcpt, bool global)
{
	struct arena		 a = ARENA_INIT(1 << 20);
	struct mime		 m;
	const struct mime_part	*p[4];

	check_lines(s);
	must(mime_parse(&m, s, &a));
	check_names(mime_header(&m, &m.parts[0]), top_names);
	must(mime_is(&m.parts[0], "multipart", "report"));
	for (uint32_t i = 0; i < 4; i++)
		p[i] = mime_child(&m, &m.parts[0], i + 1);
	must(p[0] != NULL && p[1] != NULL && p[2] != NULL && p[3] == NULL);
	must(mime_is(p[0], "text", "plain"));
	must(str_is_utf8(mime_body(&m, p[0])));
	must(mime_is(p[1], "message", "delivery-status") ? str_is_ascii(mime_body(&m, p[1])) :
	    global && mime_is(p[1], "message", "global-delivery-status"));
	check_fields(mime_body(&m, p[1]), nrcpt);
	arena_free(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str	in = str_n(data, size), flags = next(&in);
	char		c = flags.n > 0 ? flags.p[0] : '\0';
	struct dsn_rcpt	r[2];
	struct dsn	d = { .rcpt = r, .nrcpt = 2, .full = (c & 1) != 0, .utf8 = (c & 2) != 0, .date = { 1795000000, 0 } };
	struct buf	b = BUF_INIT(64 * size + (1 << 20)), words = BUF_INIT(8 * size + 1000), back = BUF_INIT(64 * size + 1000);

	d.arrival.time = (c & 4) != 0 ? 1794990000 : 0;
	d.hostname = next(&in);
	d.to = next(&in);
	d.message_id = next(&in);
	d.boundary = next(&in);
	d.envid = next(&in);
	d.future = next(&in);
	d.original_id = next(&in);
	for (size_t i = 0; i < 2; i++) {
		r[i] = (struct dsn_rcpt){ .action = (enum dsn_action)((c >> 4 & 3) + (int)i), .smtp = (c & 8) != 0,
		    .last_attempt = d.arrival, .retry_until = { d.arrival.time * 2, 0 } };
		r[i].address = next(&in);
		r[i].orcpt = next(&in);
		r[i].status = next(&in);
		r[i].remote = next(&in);
		r[i].remote_ip = next(&in);
		r[i].diagnostic = next(&in);
	}
	d.original = in;
	dsn_write(&b, &d);
	must(!buf_failed(&b));
	check(buf_str(&b), 2, d.utf8 || !str_is_ascii(r[0].address) || !str_is_ascii(r[0].orcpt) ||
	    !str_is_ascii(r[1].address) || !str_is_ascii(r[1].orcpt));
	/* what goes into encoded words comes out again */
	if (str_is_utf8(d.to) && !str_has_control(d.to)) {
		words_encode(&words, d.to);
		words_decode(&back, buf_str(&words), NULL);
		must(str_eq(buf_str(&back), d.to));
	}
	buf_free(&words);
	buf_free(&back);
	buf_free(&b);
	return 0;
}
