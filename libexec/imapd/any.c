/* any: commands that need no mailbox. */
#include "base/code.h"
#include "command.h"
#include "sys/log.h"

void
cmd_capability(struct session *s, struct imap_cur *c)
{
	if (!parsed(s, c))
		return;
	untagged(s, "CAPABILITY %s", capabilities);
	reply(s, OK, NULL, "That is what I can do");
}

/* Also CHECK: there is nothing that is not on disk already. */
void
cmd_noop(struct session *s, struct imap_cur *c)
{
	if (parsed(s, c))
		reply(s, OK, NULL, "Done");
}

void
cmd_logout(struct session *s, struct imap_cur *c)
{
	if (!parsed(s, c))
		return;
	untagged(s, "BYE See you");
	session_deselect(s);
	s->state = ST_LOGOUT;
	reply(s, OK, NULL, "Logged out");
}

/* The client's own words about itself, for the log (RFC 2971). */
void
cmd_id(struct session *s, struct imap_cur *c)
{
	struct log	l;
	bool		first = true;
	unsigned	n = 0;

	log_start(&l, "client");
	imap_sp(c);
	if (!imap_try_token(c, "NIL")) {
		imap_need(c, '(');
		while (imap_list_next(c, &first)) {
			struct str	name = imap_string(c), value;

			imap_sp(c);
			value = imap_nstring(c);
			if (++n > LIMIT_IMAP_ID_FIELDS || name.n > 30 || value.n > 1024)
				imap_cur_fail(c, "too much in ID");
			else if (str_ieq(name, STR("name")))
				log_str(&l, "name", value);
			else if (str_ieq(name, STR("version")))
				log_str(&l, "version", value);
		}
	}
	if (!parsed(s, c))
		return;
	log_end(&l);
	untagged(s, "ID (\"name\" \"posthorn\" \"version\" \"" POSTHORN_VERSION "\")");
	reply(s, OK, NULL, "Pleased to meet you");
}

/* What ENABLE knows (RFC 5161); other names are passed over. */
static const struct {
	const char	*name;
	void		(*enable)(struct session *);
} extensions[] = {
	{ "CONDSTORE", session_condstore },
};

void
cmd_enable(struct session *s, struct imap_cur *c)
{
	struct str	names[16];
	size_t		n = 0;

	do {
		imap_sp(c);
		names[n] = imap_atom(c);
		n += n + 1 < sizeof(names) / sizeof(names[0]);
	} while (imap_peek(c, ' '));
	if (!parsed(s, c))
		return;
	buf_adds(out(s), "* ENABLED");
	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++)
		for (size_t k = 0; k < n; k++)
			if (str_ieq(names[k], str_c(extensions[i].name))) {
				buf_addf(out(s), " %s", extensions[i].name);
				break;
			}
	buf_adds(out(s), "\r\n");
	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++)
		for (size_t k = 0; k < n; k++)
			if (str_ieq(names[k], str_c(extensions[i].name)))
				extensions[i].enable(s);
	reply(s, OK, NULL, "Enabled what is known here");
}

void
cmd_namespace(struct session *s, struct imap_cur *c)
{
	if (!parsed(s, c))
		return;
	untagged(s, "NAMESPACE ((\"\" \"/\")) NIL NIL");
	reply(s, OK, NULL, "One namespace");
}

void
cmd_authenticated(struct session *s, struct imap_cur *c)
{
	(void)c;
	reply(s, BAD, NULL, "You are logged in already");
}
