/*
 * sendmail: the interface by which programs send mail. Reads a message, and
 * gives it to the queue through queue-drop, which knows who we are; no daemon
 * need run. See sendmail(8).
 */
#include "sendmail.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/num.h"
#include "client/put.h"
#include "proto/addr.h"
#include "proto/words.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/home.h"
#include "sys/priv.h"

#define QUEUE_DROP	"queue-drop"

enum {
	PATIENCE_MS	= 5 * 60 * 1000,
	QUEUE_FD	= 4,		/* smtpd -Q's way into the queue */
	NAME_MAX_BYTES	= 256,		/* of a person */
};

enum mode {
	MODE_DELIVER,
	MODE_SMTP,
	MODE_LIST,
	MODE_NOTHING,	/* what other sendmails have to do, and here does itself */
};

struct opts {
	enum mode	 mode;
	struct reading	 reading;
	bool		 verbose, body_given;
	const char	*from, *full_name;
	struct put_mail	 mail;
	unsigned	 notify;
};

static struct opts	opts_parse(int, char *[]);
static noreturn void	usage(void);
static void		sender(struct opts *, struct buf *address, struct buf *field);
static int		submit(const struct opts *, const struct message *, const struct recipients *);
static int		smtp(void);
static int		list(void);

int
main(int argc, char *argv[])
{
	static struct recipients	to = { .arena = ARENA_INIT(LIMIT_SMTP_TRANSACTION) };
	static struct buf		address = BUF_INIT(LIMIT_SMTP_LINE), field = BUF_INIT(LIMIT_SMTP_LINE);
	struct message			m;
	struct opts			o;

	prog_init(argv[0]);
	o = opts_parse(argc, argv);
	if (home_find() == -1)
		die(EX_OSERR, "unable to find our programs");
	if (o.mode == MODE_SMTP)
		return smtp();
	if (o.mode == MODE_LIST)
		return list();
	if (o.mode == MODE_NOTHING)
		return EX_OK;
	sender(&o, &address, &field);
	for (int i = optind; i < argc; i++)
		recipients_add(&to, str_c(argv[i]));
	if (to.n == 0 && !o.reading.extract)
		diex(EX_USAGE, "no recipients; they are arguments, or with -t in the header");
	message_read(STDIN_FILENO, &o.reading, &to, &m);
	if (to.n == 0)
		diex(EX_USAGE, "no recipients in the header");
	return submit(&o, &m, &to);
}

/* --- options */

static noreturn void
usage(void)
{
	(void)fprintf(stderr, "usage: sendmail [-itv] [-B body] [-C dir] [-F name] [-f address] [-N notify] [-R ret] [-V envid] [recipient ...]\n"
	    "       sendmail -bs | -bp\n");
	exit(EX_USAGE);
}

static void
mode(struct opts *o, const char *arg)
{
	static const struct { const char *arg; enum mode mode; } modes[] = {
		{ "m", MODE_DELIVER }, { "s", MODE_SMTP }, { "p", MODE_LIST }, { "i", MODE_NOTHING },
	};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (str_eq(str_c(arg), str_c(modes[i].arg))) {
			o->mode = modes[i].mode;
			return;
		}
	if (str_eq(str_c(arg), STR("d")) || str_eq(str_c(arg), STR("D")))
		diex(EX_USAGE, "-b%s: the daemons are started by posthorn serve", arg);
	diex(EX_USAGE, "-b%s is not known here", arg);
}

static void
body(struct opts *o, struct str arg)
{
	if (!str_ieq(arg, STR("7BIT")) && !str_ieq(arg, STR("8BITMIME")))
		diex(EX_USAGE, "-B takes 7BIT or 8BITMIME");
	o->body_given = true;
	o->mail.body = str_ieq(arg, STR("7BIT")) ? SMTP_BODY_7BIT : SMTP_BODY_8BITMIME;
}

static unsigned
notify(struct str arg)
{
	static const struct { struct str word; unsigned bit; } words[] = {
		{ STR_INIT("never"), SMTP_NOTIFY_NEVER }, { STR_INIT("success"), SMTP_NOTIFY_SUCCESS },
		{ STR_INIT("failure"), SMTP_NOTIFY_FAILURE }, { STR_INIT("delay"), SMTP_NOTIFY_DELAY },
	};
	unsigned	all = 0;
	struct str	word;

	for (bool more = true; more;) {
		unsigned	bit = 0;

		more = str_cut(&arg, ',', &word);
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (str_ieq(str_trim(word), words[i].word))
				bit = words[i].bit;
		if (bit == 0)
			diex(EX_USAGE, "-N takes never, or some of success, failure and delay with commas between");
		all |= bit;
	}
	if ((all & SMTP_NOTIFY_NEVER) != 0 && all != SMTP_NOTIFY_NEVER)
		diex(EX_USAGE, "-N never goes with nothing else");
	return all;
}

static void
ret(struct opts *o, struct str arg)
{
	if (!str_ieq(arg, STR("full")) && !str_ieq(arg, STR("hdrs")))
		diex(EX_USAGE, "-R takes full or hdrs");
	o->mail.ret = str_ieq(arg, STR("full")) ? SMTP_RET_FULL : SMTP_RET_HDRS;
}

/* xtext (RFC 3461 4) of the caller's text, for as long as we live. */
static struct str
xtext(const char *arg)
{
	static struct buf	b = BUF_INIT(LIMIT_ENVID);
	struct str		s = str_c(arg);

	buf_reset(&b);
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f || s.p[i] == '+' || s.p[i] == '=')
			buf_addf(&b, "+%02X", (unsigned)(unsigned char)s.p[i]);
		else
			buf_addc(&b, s.p[i]);
	if (buf_failed(&b) || s.n == 0)
		diex(EX_USAGE, "-V takes up to %d bytes", LIMIT_ENVID);
	return buf_str(&b);
}

/* As posthorn -C: a system that is all in dir. */
static void
place(const char *dir)
{
	char	path[PATH_MAX];

	if (realpath(dir, path) == NULL || home_place(path) == -1)
		die(EX_USAGE, "%s", dir);
}

/* How programs name us tells what they want. */
static void
by_name(struct opts *o, const char *argv0)
{
	const char	*base = strrchr(argv0, '/') == NULL ? argv0 : strrchr(argv0, '/') + 1;

	if (str_eq(str_c(base), STR("mailq")))
		o->mode = MODE_LIST;
	if (str_eq(str_c(base), STR("newaliases")))
		o->mode = MODE_NOTHING;
}

static struct opts
opts_parse(int argc, char *argv[])
{
	struct opts	o = { .mode = MODE_DELIVER };
	int		c;

	by_name(&o, argv[0]);
	while ((c = getopt(argc, argv, "A:B:C:F:GIL:N:O:R:UV:X:b:cd::e:f:h:imno:p:q::r:tvx")) != -1)
		switch (c) {
		case 'B':
			body(&o, str_c(optarg));
			break;
		case 'C':
			place(optarg);
			break;
		case 'F':
			o.full_name = optarg;
			break;
		case 'I':
			o.mode = MODE_NOTHING;
			break;
		case 'N':
			o.notify = notify(str_c(optarg));
			break;
		case 'R':
			ret(&o, str_c(optarg));
			break;
		case 'V':
			o.mail.envid = xtext(optarg);
			break;
		case 'b':
			mode(&o, optarg);
			break;
		case 'f':
		case 'r':
			o.from = optarg;
			break;
		case 'i':
			o.reading.dots = true;
			break;
		case 'o':
			o.reading.dots = o.reading.dots || str_eq(str_c(optarg), STR("i"));
			break;
		case 'q':
			o.mode = MODE_NOTHING;
			break;
		case 't':
			o.reading.extract = true;
			break;
		case 'v':
			o.verbose = true;
			break;
		case '?':
			usage();
		default:
			break;	/* how other sendmails deliver, queue and report */
		}
	return o;
}

/* --- who sends */

/* A person's name, as a phrase of a header field. */
static void
add_phrase(struct buf *b, struct str name)
{
	bool	plain = true;

	for (size_t i = 0; i < name.n; i++)
		plain = plain && (byte_is_alnum(name.p[i]) || name.p[i] == ' ' || name.p[i] == '-');
	if (plain) {
		buf_add(b, name);
		return;
	}
	if (!str_is_ascii(name)) {
		words_encode(b, name);
		return;
	}
	buf_addc(b, '"');
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '"' || name.p[i] == '\\')
			buf_addc(b, '\\');
		buf_addc(b, name.p[i]);
	}
	buf_addc(b, '"');
}

/* -F, or NAME in the environment, or what the password file says up to the first comma. */
static struct str
full_name(const struct opts *o, const struct passwd *pw)
{
	const char	*env = getenv("NAME");
	struct str	 name = str_c(o->full_name != NULL ? o->full_name : env), rest;

	if (name.n == 0 && pw != NULL) {
		rest = str_c(pw->pw_gecos);
		(void)str_cut(&rest, ',', &name);
	}
	return name.n > NAME_MAX_BYTES || str_has_control(name) || !str_is_utf8(name) ? STR("") : str_trim(name);
}

/* The reverse-path into address, and into field what a missing From would say. Names without a domain are for the queue to complete. */
static void
sender(struct opts *o, struct buf *address, struct buf *field)
{
	const struct passwd	*pw = getpwuid(getuid());
	struct str		 from = str_c(o->from), name = full_name(o, pw);
	struct addr		 a;

	if (from.n >= 2 && from.p[0] == '<' && from.p[from.n - 1] == '>')
		from = str_n(from.p + 1, from.n - 2);
	if (o->from == NULL) {
		if (pw == NULL)
			diex(EX_NOUSER, "user %lu has no name; -f gives an address", (unsigned long)getuid());
		addr_add_quoted(address, str_c(pw->pw_name));
	} else if (addr_parse(from, &a) == ADDR_OK) {
		addr_add_text(address, &a);
	} else if (from.n > LIMIT_LOCALPART || str_chr(from, '@') < from.n || str_has_control(from) || !str_is_utf8(from)) {
		diex(EX_USAGE, "-f takes an address");
	} else if (from.n > 0) {
		addr_add_quoted(address, from);
	}
	if (buf_failed(address))
		diex(EX_USAGE, "-f takes an address");
	o->mail.from = buf_str(address);
	if (address->n == 0)
		return;
	if (name.n > 0) {
		add_phrase(field, name);
		buf_adds(field, " <");
	}
	buf_add(field, o->mail.from);
	buf_adds(field, name.n > 0 ? ">" : "");
	if (!buf_failed(field))
		o->reading.from = buf_str(field);
}

/* --- other programs of ours */

/*
 * queue-drop is the queue's user's own file, who could put another in its place: root
 * does not run it as root. That user may write as every address of ours, too.
 */
static void
lower(const char *program)
{
	if (strcmp(program, QUEUE_DROP) == 0 && home_enter() == 0 && priv_become_owner(HOME_QUEUE) == -1 && errno != ENOENT)
		die(EXIT_TEMP, "unable to become the owner of " HOME_QUEUE);
}

/* Run one with fd as its descriptor at; it holds no other of ours. */
static pid_t
start(const char *program, char *const argv[], int fd, int at)
{
	char	path[PATH_MAX];
	pid_t	pid;

	if (home_program(program, path, sizeof(path)) == -1)
		die(EX_TEMPFAIL, "unable to run %s", program);
	pid = fork();
	if (pid == -1)
		die(EX_TEMPFAIL, "unable to run %s", program);
	if (pid > 0)
		return pid;
	if (fd != -1 && (fd == at ? fd_cloexec(fd, false) : dup2(fd, at)) == -1)
		die(EXIT_TEMP, "unable to run %s", program);
	lower(program);
	(void)execv(path, argv);
	die(EXIT_TEMP, "unable to run %s", path);
}

/* Its end, as a code of sysexits.h. */
static int
end(pid_t pid)
{
	int	status;

	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			return EX_OSERR;
	if (!WIFEXITED(status))
		return EX_TEMPFAIL;
	return WEXITSTATUS(status) == EXIT_OK ? EX_OK : WEXITSTATUS(status) == EXIT_PERM ? EX_UNAVAILABLE : EX_TEMPFAIL;
}

/* queue-drop, and our end of its socket. */
static pid_t
start_drop(int *sock_r)
{
	char	*argv[] = { (char[]){ QUEUE_DROP }, NULL };
	int	 pair[2];
	pid_t	 pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		die(EX_TEMPFAIL, "unable to make a socket");
	pid = start(QUEUE_DROP, argv, pair[1], STDIN_FILENO);
	(void)fd_close(&pair[1]);
	*sock_r = pair[0];
	return pid;
}

static int
smtp(void)
{
	char	*argv[] = { (char[]){ "smtpd" }, (char[]){ "-Q" }, NULL };
	int	 sock, code;
	pid_t	 drop = start_drop(&sock);
	pid_t	 smtpd = start("smtpd", argv, sock, QUEUE_FD);

	(void)fd_close(&sock);
	code = end(smtpd);
	(void)end(drop);
	return code;
}

static int
list(void)
{
	char	*argv[] = { (char[]){ "queue" }, (char[]){ "list" }, NULL };

	if (home_enter() == -1 || (access(HOME_QUEUE, R_OK | X_OK) == -1 && errno != ENOENT))
		die(errno == EACCES ? EX_NOPERM : EX_OSFILE, "unable to look at the queue");
	return end(start("verbs/queue", argv, -1, 0));
}

/* --- the queue */

static int
code_of(const struct put_result *r)
{
	static const struct { struct str status; int code; } codes[] = {
		{ STR_INIT("5.1.2"), EX_NOHOST }, { STR_INIT("5.1."), EX_NOUSER }, { STR_INIT("5.2.1"), EX_NOUSER },
		{ STR_INIT("5.6."), EX_DATAERR }, { STR_INIT("5.7."), EX_NOPERM },
	};

	if (r->code / 100 == 2)
		return EX_OK;
	if (r->code / 100 == 4)
		return EX_TEMPFAIL;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (str_starts(r->status, codes[i].status))
			return codes[i].code;
	return EX_UNAVAILABLE;
}

static struct put_result
submit_over(struct put *p, const struct opts *o, const struct message *m, const struct recipients *to)
{
	struct deadline	until = deadline_in(PATIENCE_MS);
	struct put_mail	mail = o->mail;

	if (!o->body_given)
		mail.body = m->eight_bit ? SMTP_BODY_8BITMIME : SMTP_BODY_7BIT;
	mail.smtputf8 = m->utf8_header || !str_is_ascii(mail.from);
	for (size_t i = 0; i < to->n; i++)
		mail.smtputf8 = mail.smtputf8 || !str_is_ascii(to->address[i]);
	if (put_mail(p, &mail, until) == -1)
		return (struct put_result){ .lost = errno };
	for (size_t i = 0; i < to->n; i++) {
		struct put_rcpt	r = { .rcpt = to->address[i], .notify = o->notify };

		if (put_rcpt(p, &r, until) == -1)
			return (struct put_result){ .lost = errno };
	}
	return put_data(p, m->fd, until);
}

static int
submit(const struct opts *o, const struct message *m, const struct recipients *to)
{
	struct put		p = { .sock = -1 };
	pid_t			drop = start_drop(&p.sock);
	struct put_result	r = submit_over(&p, o, m, to);
	int			code = code_of(&r), ended;

	(void)fd_close(&p.sock);
	ended = end(drop);
	if (r.lost != 0) {
		warnx("the queue does not answer (%s); the message was not taken", strerror(r.lost));
		code = ended == EX_OK ? EX_TEMPFAIL : ended;
	} else if (code != EX_OK)
		warnx("%d " STR_FMT " " STR_FMT, r.code, STR_ARG(r.status), STR_ARG(r.text));
	else if (o->verbose)
		(void)printf("queued as " STR_FMT "\n", STR_ARG(r.id));
	buf_free(&p.rec);
	return code;
}
