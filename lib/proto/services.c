#include "services.h"

#include "../base/num.h"

struct parser {
	struct arena	*arena;
	struct services	*out;
	struct buf	*errors;
	const char	*file;
	unsigned	 line;
	bool		 good;
};

__attribute__((format(printf, 2, 3))) static void
wrong(struct parser *ps, const char *fmt, ...)
{
	va_list	ap;

	ps->good = false;
	buf_addf(ps->errors, "%s:%u: ", ps->file, ps->line);
	va_start(ap, fmt);
	buf_vaddf(ps->errors, fmt, ap);
	va_end(ap);
	buf_addc(ps->errors, '\n');
}

/* --- words */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The next word of the line, or an empty one. */
static struct str
word(struct str *rest)
{
	struct str	w;
	size_t		n = 0;

	while (rest->n > 0 && is_blank(rest->p[0]))
		*rest = str_skip(*rest, 1);
	while (n < rest->n && !is_blank(rest->p[n]))
		n++;
	w = str_head(*rest, n);
	*rest = str_skip(*rest, n);
	return w;
}

/* A C string in the arena. */
static char *
keep(struct parser *ps, struct str s)
{
	char	*c = arena_alloc(ps->arena, s.n + 1);

	if (c == NULL) {
		if (ps->good)
			wrong(ps, "the table is too large");
		ps->good = false;
		return NULL;
	}
	for (size_t i = 0; i < s.n; i++)
		c[i] = s.p[i];
	return c;
}

static bool
is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!byte_is_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '_' && s.p[i] != '.')
			return false;
	return s.n > 0 && s.n < 64 && s.p[0] != '.';
}

/* --- values: each says what is wrong itself */

static bool
take_mode(struct parser *ps, struct str v, uint32_t *mode_r)
{
	uint32_t	mode = 0;
	bool		good = v.n > 0 && v.n <= 4;

	for (size_t i = 0; good && i < v.n; i++) {
		good = v.p[i] >= '0' && v.p[i] <= '7';
		mode = mode * 8 + (uint32_t)(v.p[i] - '0');
	}
	if (good)
		*mode_r = mode;
	else
		wrong(ps, "\"" STR_FMT "\" is not an octal mode", STR_ARG(v));
	return good;
}

static void
take_seconds(struct parser *ps, const char *name, struct str v, uint32_t *out_r)
{
	uint64_t	n;

	if (!num_seconds(v, &n) || n == 0 || n > 366 * 86400)
		wrong(ps, "%s=" STR_FMT " is not a time such as 30s, 10m, 12h, 7d", name, STR_ARG(v));
	else
		*out_r = (uint32_t)n;
}

static void
take_size(struct parser *ps, const char *name, struct str v, uint64_t *out_r)
{
	if (!num_bytes(v, out_r) || *out_r == 0) {
		wrong(ps, "%s=" STR_FMT " is not a number such as 4096, 64M", name, STR_ARG(v));
		*out_r = 0;
	}
}

static void
take_daily(struct parser *ps, struct str v, uint32_t *out_r)
{
	struct str	hour, minute = v;
	uint64_t	h, m;

	if (!str_cut(&minute, ':', &hour) || hour.n != 2 || minute.n != 2 ||
	    !num_u64(hour, 23, &h) || !num_u64(minute, 59, &m))
		wrong(ps, "daily=" STR_FMT " is not a time of day as 03:30", STR_ARG(v));
	else
		*out_r = (uint32_t)(h * 60 + m);
}

/* "-", a name, or #UID. */
static void
take_user(struct parser *ps, struct str v, const char **user_r)
{
	uint64_t	id;

	if (v.n > 1 && v.p[0] == '#' ? !num_u64(str_skip(v, 1), UINT32_MAX - 1, &id) : !is_name(v))
		wrong(ps, "\"" STR_FMT "\" is not a user", STR_ARG(v));
	else
		*user_r = keep(ps, v);
}

/* Below the var directory: no absolute path, no way up. */
static bool
is_inside(struct str path)
{
	struct str	rest = path, part;
	bool		more = true;

	if (path.n == 0 || path.n > 100 || str_has_control(path))
		return false;
	while (more) {
		more = str_cut(&rest, '/', &part);
		if (part.n == 0 || str_eq(part, STR("..")))
			return false;
	}
	return true;
}

/* PATH,NAME[,OWNER[,MODE]] */
static void
take_socket(struct parser *ps, struct str v, struct service *sv)
{
	struct service_socket	*so = &sv->socket[sv->nsocket];
	struct str		 path, name, owner;
	bool			 more;

	if (sv->nsocket == SERVICE_SOCKETS) {
		wrong(ps, "more than %d sockets", SERVICE_SOCKETS);
		return;
	}
	(void)str_cut(&v, ',', &path);
	more = str_cut(&v, ',', &name);
	*so = (struct service_socket){ .mode = 0600 };
	if (!is_inside(path) || !is_name(name)) {
		wrong(ps, "a socket is socket=PATH,NAME[,OWNER[,MODE]], its path below var");
		return;
	}
	if (more) {
		more = str_cut(&v, ',', &owner);
		take_user(ps, owner, &so->owner);
	}
	if (more && !take_mode(ps, v, &so->mode))
		return;
	so->path = keep(ps, path);
	so->name = keep(ps, name);
	sv->nsocket++;
}

/* NAME,ADDRESS,PORT */
static void
take_tcp(struct parser *ps, struct str v, struct service *sv)
{
	struct service_tcp	*tcp = &sv->tcp[sv->ntcp];
	struct str		 name, address;
	uint64_t		 port;

	if (sv->ntcp == SERVICE_SOCKETS) {
		wrong(ps, "more than %d tcp sockets", SERVICE_SOCKETS);
		return;
	}
	(void)str_cut(&v, ',', &name);
	(void)str_cut(&v, ',', &address);
	if (name.n == 0 || name.n > 64 || str_chr(name, ':') != name.n ||
	    !ip_parse(address, &tcp->address) || !num_u64(v, 65535, &port) || port == 0) {
		wrong(ps, "a TCP socket is tcp=NAME,ADDRESS,PORT");
		return;
	}
	tcp->name = keep(ps, name);
	tcp->port = (uint16_t)port;
	sv->ntcp++;
}

/* --- lines */

/* What stands behind "run": the program and its arguments. */
static void
take_command(struct parser *ps, struct str rest, char *argv[SERVICE_ARGS + 1])
{
	struct str	w;
	size_t		n = 0;

	while ((w = word(&rest)).n > 0) {
		if (n == SERVICE_ARGS) {
			wrong(ps, "more than %d words behind run", SERVICE_ARGS);
			return;
		}
		argv[n++] = keep(ps, w);
	}
	if (n == 0)
		wrong(ps, "run is not followed by a program");
}

static bool
is_used(const struct services *all, struct str name)
{
	for (size_t i = 0; i < all->nservice; i++)
		if (str_eq(str_c(all->service[i].name), name))
			return true;
	for (size_t i = 0; i < all->njob; i++)
		if (str_eq(str_c(all->job[i].name), name))
			return true;
	return false;
}

static const char *
take_name(struct parser *ps, struct str *rest)
{
	struct str	name = word(rest);

	if (!is_name(name))
		wrong(ps, "\"" STR_FMT "\" is not a name", STR_ARG(name));
	else if (is_used(ps->out, name))
		wrong(ps, "\"" STR_FMT "\" is there twice", STR_ARG(name));
	return keep(ps, name);
}

static void
service_word(struct parser *ps, struct str key, struct str v, struct service *sv)
{
	uint64_t	n;

	if (str_eq(key, STR("user")))
		take_user(ps, v, &sv->user);
	else if (str_eq(key, STR("socket")))
		take_socket(ps, v, sv);
	else if (str_eq(key, STR("tcp")))
		take_tcp(ps, v, sv);
	else if (str_eq(key, STR("listeners")) && str_eq(v, STR("yes")))
		sv->listeners = true;
	else if (str_eq(key, STR("seal")) && str_eq(v, STR("yes")))
		sv->seal = true;
	else if (str_eq(key, STR("ready")) && (str_eq(v, STR("notify")) || str_eq(v, STR("start"))))
		sv->notifies = str_eq(v, STR("notify"));
	else if (str_eq(key, STR("reload")) && str_eq(v, STR("hup")))
		sv->reloads = true;
	else if (str_eq(key, STR("stop")) && num_u64(v, 9, &n))
		sv->stop = (uint32_t)n;
	else if (str_eq(key, STR("grace")))
		take_seconds(ps, "grace", v, &sv->grace);
	else if (str_eq(key, STR("nofile")))
		take_size(ps, "nofile", v, &sv->nofile);
	else if (str_eq(key, STR("as")))
		take_size(ps, "as", v, &sv->as);
	else if (str_eq(key, STR("nproc")))
		take_size(ps, "nproc", v, &sv->nproc);
	else
		wrong(ps, "a service has no setting " STR_FMT "=" STR_FMT, STR_ARG(key), STR_ARG(v));
}

static void
service_line(struct parser *ps, struct str rest)
{
	struct service	sv = { .notifies = true, .stop = 5, .grace = 8, .line = ps->line };
	struct str	w, key;

	sv.name = take_name(ps, &rest);
	while ((w = word(&rest)).n > 0 && !str_eq(w, STR("run")))
		if (str_cut(&w, '=', &key))
			service_word(ps, key, w, &sv);
		else
			wrong(ps, "\"" STR_FMT "\" is not NAME=VALUE", STR_ARG(key));
	if (w.n == 0)
		wrong(ps, "run and a program are missing");
	else
		take_command(ps, rest, sv.argv);
	if (sv.user == NULL)
		wrong(ps, "user= is missing or wrong");
	if (ps->out->nservice == SERVICES_MAX)
		wrong(ps, "more than %d services", SERVICES_MAX);
	else
		ps->out->service[ps->out->nservice++] = sv;
}

static void
job_word(struct parser *ps, struct str key, struct str v, struct job *jb, bool *when)
{
	if (str_eq(key, STR("user")))
		take_user(ps, v, &jb->user);
	else if (str_eq(key, STR("every")) && !*when) {
		take_seconds(ps, "every", v, &jb->every);
		*when = true;
	} else if (str_eq(key, STR("daily")) && !*when) {
		take_daily(ps, v, &jb->daily);
		*when = true;
	} else if (str_eq(key, STR("timeout")))
		take_seconds(ps, "timeout", v, &jb->timeout);
	else
		wrong(ps, "a job has no setting " STR_FMT "=" STR_FMT " here", STR_ARG(key), STR_ARG(v));
}

static void
job_line(struct parser *ps, struct str rest)
{
	struct job	jb = { .timeout = 3600, .line = ps->line };
	struct str	w, key;
	bool		when = false;

	jb.name = take_name(ps, &rest);
	while ((w = word(&rest)).n > 0 && !str_eq(w, STR("run")))
		if (str_cut(&w, '=', &key))
			job_word(ps, key, w, &jb, &when);
		else
			wrong(ps, "\"" STR_FMT "\" is not NAME=VALUE", STR_ARG(key));
	if (w.n == 0)
		wrong(ps, "run and a program are missing");
	else
		take_command(ps, rest, jb.argv);
	if (!when)
		wrong(ps, "every= or daily= is missing");
	if (jb.user == NULL)
		wrong(ps, "user= is missing or wrong");
	if (ps->out->njob == SERVICES_MAX)
		wrong(ps, "more than %d jobs", SERVICES_MAX);
	else
		ps->out->job[ps->out->njob++] = jb;
}

static void
directory_line(struct parser *ps, struct str rest)
{
	struct directory	d = { .mode = 0700 };
	struct str		w, key, path = word(&rest);

	if (is_inside(path))
		d.path = keep(ps, path);
	else
		wrong(ps, "\"" STR_FMT "\" is not a path below var", STR_ARG(path));
	while ((w = word(&rest)).n > 0) {
		(void)str_cut(&w, '=', &key);
		if (str_eq(key, STR("user")))
			take_user(ps, w, &d.user);
		else if (str_eq(key, STR("mode")))
			(void)take_mode(ps, w, &d.mode);
		else
			wrong(ps, "a directory has no setting " STR_FMT, STR_ARG(key));
	}
	if (d.user == NULL)
		wrong(ps, "user= is missing or wrong");
	if (ps->out->ndirectory == SERVICES_MAX)
		wrong(ps, "more than %d directories", SERVICES_MAX);
	else
		ps->out->directory[ps->out->ndirectory++] = d;
}

static void
logical_line(struct parser *ps, struct str line)
{
	struct str	rest = line, kind = word(&rest);

	if (str_has_control(line)) {
		/* tabs are taken out before */
		wrong(ps, "a control byte");
		return;
	}
	if (kind.n == 0)
		return;
	if (str_eq(kind, STR("service")))
		service_line(ps, rest);
	else if (str_eq(kind, STR("job")))
		job_line(ps, rest);
	else if (str_eq(kind, STR("directory")))
		directory_line(ps, rest);
	else if (str_eq(kind, STR("same-user")) && word(&rest).n == 0)
		ps->out->same_user = true;
	else
		wrong(ps, "a line begins with service, job, directory or same-user, not \"" STR_FMT "\"", STR_ARG(kind));
}

/* One physical line without its comment and with spaces for tabs, added to a logical one. */
static void
add_line(struct buf *logical, struct str line)
{
	struct str	text = str_head(line, str_chr(line, '#'));

	/* "#UID" is no comment: a comment stands at the start or behind a blank */
	while (text.n < line.n && text.n > 0 && !is_blank(line.p[text.n - 1]))
		text.n += 1 + str_chr(str_skip(line, text.n + 1), '#');
	text = str_trim_end(text);
	for (size_t i = 0; i < text.n; i++)
		buf_addc(logical, text.p[i] == '\t' ? ' ' : text.p[i]);
	buf_addc(logical, ' ');
}

bool
services_parse(struct str text, const char *file, struct arena *arena, struct services *out_r, struct buf *errors)
{
	struct parser	ps = { .arena = arena, .out = out_r, .errors = errors, .file = file, .good = true };
	struct buf	logical = BUF_INIT(SERVICES_TEXT);
	unsigned	number = 0;
	struct str	line;
	bool		more = text.n <= SERVICES_TEXT;

	*out_r = (struct services){ .nservice = 0 };
	ps.line = 1;
	if (!more)
		wrong(&ps, "the table is larger than %d bytes", SERVICES_TEXT);
	while (more) {
		more = str_cut(&text, '\n', &line);
		number++;
		/* a line that begins with a blank goes on with the one before */
		if (line.n > 0 && !is_blank(line.p[0])) {
			logical_line(&ps, buf_str(&logical));
			buf_reset(&logical);
			ps.line = number;
		}
		add_line(&logical, line);
	}
	logical_line(&ps, buf_str(&logical));
	if (buf_failed(&logical))
		wrong(&ps, "out of memory");
	buf_free(&logical);
	return ps.good;
}
