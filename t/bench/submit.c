/*
 * submit: submissions as fast as a server takes them. So many processes each
 * keep one connection with TLS from its first byte, log in once by AUTH PLAIN
 * and send their share, MAIL, RCPT and DATA in one packet.
 * submit PORT USER PASSWORD FROM RCPT CONNECTIONS MESSAGES SIZE prints seconds.
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "base/buf.h"
#include "base/code.h"
#include "base/num.h"
#include "sys/deadline.h"
#include "sys/die.h"

struct job {
	uint16_t	 port;
	const char	*user, *password, *from, *rcpt;
	size_t		 messages;
	struct str	 body;
};

static size_t
number(const char *s, uint64_t max)
{
	uint64_t	v;

	if (!num_u64(str_c(s), max, &v))
		diex(EXIT_PERM, "not a number: %s", s);
	return (size_t)v;
}

static SSL *
dial(const struct job *j)
{
	struct sockaddr_in	 to = { .sin_family = AF_INET, .sin_port = htons(j->port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	SSL_CTX			*ctx = SSL_CTX_new(TLS_client_method());
	SSL			*ssl = ctx != NULL ? SSL_new(ctx) : NULL;
	int			 fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (ssl == NULL || fd == -1 || connect(fd, (struct sockaddr *)&to, sizeof(to)) == -1)
		die(EXIT_TEMP, "unable to connect to port %u", j->port);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (SSL_set_fd(ssl, fd) != 1 || SSL_connect(ssl) != 1)
		diex(EXIT_TEMP, "no TLS");
	return ssl;
}

/* Read until a reply that is not continued; its code's first digit must be this one. */
static void
expect(SSL *ssl, char digit)
{
	static char	text[8192];
	size_t		n = 0, line = 0;

	for (;;) {
		int	got = SSL_read(ssl, text + n, (int)(sizeof(text) - n));

		if (got <= 0)
			diex(EXIT_TEMP, "the server closed");
		n += (size_t)got;
		for (size_t i = line; i < n; i++)
			if (text[i] == '\n') {
				if (i - line >= 3 && text[line + 3] != '-') {
					if (text[line] != digit)
						diex(EXIT_TEMP, "refused: %.*s", (int)(n - line), text + line);
					if (i + 1 == n)
						return;
				}
				line = i + 1;
			}
	}
}

static void
say(SSL *ssl, struct str s)
{
	if (SSL_write(ssl, s.p, (int)s.n) != (int)s.n)
		diex(EXIT_TEMP, "unable to write");
}

static void
log_in(SSL *ssl, const struct job *j)
{
	struct buf	raw = BUF_INIT(1024), line = BUF_INIT(2048);

	buf_add(&raw, STR("\0"));
	buf_adds(&raw, j->user);
	buf_add(&raw, STR("\0"));
	buf_adds(&raw, j->password);
	buf_adds(&line, "AUTH PLAIN ");
	code_b64(&line, buf_str(&raw));
	buf_adds(&line, "\r\n");
	expect(ssl, '2');
	say(ssl, STR("EHLO bench.example\r\n"));
	expect(ssl, '2');
	say(ssl, buf_str(&line));
	expect(ssl, '2');
	buf_free(&raw);
	buf_free(&line);
}

static void
run(const struct job *j, size_t process)
{
	SSL		*ssl = dial(j);
	struct buf	 b = BUF_INIT(1 << 22);

	log_in(ssl, j);
	for (size_t i = 0; i < j->messages; i++) {
		char	id[64];

		buf_reset(&b);
		buf_adds(&b, "MAIL FROM:<");
		buf_adds(&b, j->from);
		buf_adds(&b, ">\r\nRCPT TO:<");
		buf_adds(&b, j->rcpt);
		buf_adds(&b, ">\r\nDATA\r\n");
		say(ssl, buf_str(&b));
		/* three replies, in whatever packets they come: 354 is the last */
		for (char d = '0'; d != '3'; ) {
			char	line[512];
			int	got = SSL_read(ssl, line, sizeof(line) - 1);

			if (got <= 0)
				diex(EXIT_TEMP, "the server closed");
			line[got] = '\0';
			for (char *p = line; p != NULL && *p != '\0'; p = strchr(p, '\n'), p = p == NULL ? p : p + 1) {
				d = *p;
				if (d != '2' && d != '3')
					diex(EXIT_TEMP, "refused: %s", p);
			}
		}
		(void)snprintf(id, sizeof(id), "%zu.%zu", process, i);
		buf_reset(&b);
		buf_adds(&b, "From: <");
		buf_adds(&b, j->from);
		buf_adds(&b, ">\r\nTo: <");
		buf_adds(&b, j->rcpt);
		buf_adds(&b, ">\r\nSubject: bench\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <");
		buf_adds(&b, id);
		buf_adds(&b, "@bench.example>\r\n\r\n");
		buf_add(&b, j->body);
		buf_adds(&b, "\r\n.\r\n");
		say(ssl, buf_str(&b));
		expect(ssl, '2');
	}
	say(ssl, STR("QUIT\r\n"));
}

static struct str
make_body(size_t size)
{
	char	*p = malloc(size);

	if (p == NULL)
		diex(EXIT_TEMP, "no memory");
	for (size_t i = 0; i < size; i++)
		p[i] = i % 72 == 70 ? '\r' : i % 72 == 71 ? '\n' : 'x';
	return (struct str){ p, size };
}

int
main(int argc, char *argv[])
{
	struct job	j;
	size_t		processes;
	int64_t		begin;
	int		status, bad = 0;

	prog_init(argv[0]);
	if (argc != 9)
		diex(EXIT_PERM, "usage: submit PORT USER PASSWORD FROM RCPT CONNECTIONS MESSAGES SIZE");
	j = (struct job){ .port = (uint16_t)number(argv[1], 65535), .user = argv[2], .password = argv[3],
	    .from = argv[4], .rcpt = argv[5] };
	processes = number(argv[6], 1000);
	if (processes == 0)
		diex(EXIT_PERM, "no connections");
	j.messages = number(argv[7], 1 << 30) / processes;
	j.body = make_body(number(argv[8], 1 << 20));
	begin = clock_ms();
	for (size_t p = 0; p < processes; p++)
		if (fork() == 0) {
			run(&j, p);
			_exit(0);
		}
	while (wait(&status) > 0)
		bad |= status;
	if (bad != 0)
		diex(EXIT_TEMP, "not all were taken");
	printf("%.3f\n", (double)(clock_ms() - begin) / 1000);
	return 0;
}
