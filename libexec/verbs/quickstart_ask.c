#include "quickstart.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "client/conf_db.h"
#include "conf_table.h"
#include "proto/addr.h"
#include "sys/die.h"

/* --- what an answer must be */

/* NULL, or what is wrong with it. */
static const char *
take_address(struct quickstart *q, struct str text)
{
	struct buf	b = BUF_INIT(LIMIT_PATH);
	struct addr	addr;
	bool		ok;

	if (addr_parse(text, &addr) != ADDR_OK || addr.literal)
		return "not an address (localpart@domain)";
	addr_add_domain(&b, &addr);
	if (!conf_is_domain_name(buf_str(&b)) || !str_copy(buf_str(&b), q->domain, sizeof(q->domain))) {
		buf_free(&b);
		return "not in a domain of the DNS";
	}
	buf_reset(&b);
	addr_add_text(&b, &addr);
	ok = str_copy(buf_str(&b), q->address, sizeof(q->address));
	buf_reset(&b);
	conf_add_lower(&b, addr.local);
	if (q->account[0] == '\0' && conf_is_account_name(buf_str(&b)))
		ok = ok && str_copy(buf_str(&b), q->account, sizeof(q->account));
	buf_free(&b);
	return ok ? NULL : "too long";
}

static const char *
take_hostname(struct quickstart *q, struct str text)
{
	struct buf	b = BUF_INIT(LIMIT_DOMAIN);
	bool		ok;

	if (str_ends(text, STR(".")))
		text.n--;
	conf_add_lower(&b, text);
	ok = addr_is_domain(buf_str(&b)) && str_chr(text, '.') < text.n && str_copy(buf_str(&b), q->hostname, sizeof(q->hostname));
	buf_free(&b);
	return ok ? NULL : "not the full name of a machine, such as mail.example.org";
}

static const char *
take_account(struct quickstart *q, struct str text)
{
	if (conf_is_account_name(text) && str_copy(text, q->account, sizeof(q->account)))
		return NULL;
	return "not an account's name: letters, digits, and . _ - inside";
}

void
quickstart_address(struct quickstart *q, const char *text)
{
	const char	*wrong = take_address(q, str_c(text));

	if (wrong != NULL)
		diex(EXIT_PERM, "%s is %s", text, wrong);
}

void
quickstart_hostname(struct quickstart *q, const char *text)
{
	const char	*wrong = take_hostname(q, str_c(text));

	if (wrong != NULL)
		diex(EXIT_PERM, "%s is %s", text, wrong);
}

/* --- asking */

/* Ask until the answer is one; an empty one is the usual, where there is one. */
static void
ask(struct quickstart *q, const char *question, const char *usual, const char *(*take)(struct quickstart *, struct str))
{
	const char	*wrong;

	do {
		struct buf	b = BUF_INIT(4096);
		struct str	line;

		(void)fprintf(stderr, "%s%s%s%s: ", question, usual == NULL ? "" : " [", usual == NULL ? "" : usual, usual == NULL ? "" : "]");
		(void)fflush(stderr);
		line = ask_line(&b);
		if (b.n == 0)
			diex(EXIT_PERM, "no answer; nothing was made");
		line = str_trim(line);
		wrong = take(q, line.n == 0 && usual != NULL ? str_c(usual) : line);
		if (wrong != NULL)
			(void)fprintf(stderr, "That is %s.\n", wrong);
		buf_free(&b);
	} while (wrong != NULL);
}

/* The system's own name, when it is a full one. */
static const char *
system_name(char *name, size_t size)
{
	if (gethostname(name, size) == -1 || memchr(name, '\0', size) == NULL || strchr(name, '.') == NULL)
		return NULL;
	return name;
}

static void
ask_hostname(struct quickstart *q)
{
	char		 name[LIMIT_DOMAIN + 1], guess[LIMIT_DOMAIN + 8];
	const char	*usual = system_name(name, sizeof(name));

	if (q->yes) {
		if (usual == NULL)
			diex(EXIT_PERM, "this system does not know its full name: use --hostname");
		quickstart_hostname(q, usual);
		return;
	}
	if (usual == NULL) {
		(void)snprintf(guess, sizeof(guess), "mail.%s", q->domain);
		usual = guess;
	}
	ask(q, "Full name of this machine", usual, take_hostname);
}

static const char *
take_yes(struct quickstart *q, struct str text)
{
	(void)q;
	if (str_ieq(text, STR("y")) || str_ieq(text, STR("yes")))
		return NULL;
	if (str_ieq(text, STR("n")) || str_ieq(text, STR("no")))
		diex(EXIT_PERM, "nothing was made");
	return "neither yes nor no";
}

static void
confirm(struct quickstart *q)
{
	(void)fprintf(stderr, "\nTo be made:\n  configuration  %s\n  mail           %s\n", q->etc, q->var);
	if (!q->own)
		(void)fprintf(stderr, "  users          those of %s/services that are missing\n", q->etc);
	(void)fprintf(stderr, "  host           %s\n  account        %s, with the address %s\n\n", q->hostname, q->account, q->address);
	ask(q, "Go ahead?", "yes", take_yes);
}

void
quickstart_ask(struct quickstart *q)
{
	if (q->address[0] == '\0')
		ask(q, "Your address (user@domain)", NULL, take_address);
	if (q->account[0] == '\0' && q->yes)
		diex(EXIT_PERM, "the account cannot be named as %s is: use --account", q->address);
	if (q->account[0] == '\0')
		ask(q, "Name of the account", "postmaster", take_account);
	if (q->hostname[0] == '\0')
		ask_hostname(q);
	if (!q->yes)
		confirm(q);
}
