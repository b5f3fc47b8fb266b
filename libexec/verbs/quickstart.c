/*
 * quickstart: from an address and a host name to a system that can be served:
 * users, directories, configuration, certificate, password; then the DNS
 * records and settings that people need. An error takes back all that was
 * made. See posthorn-quickstart(8).
 */
#include "quickstart.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "ask.h"
#include "base/num.h"
#include "conf_table.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "undo.h"

static void	options(struct quickstart *, int argc, char *argv[]);
static void	read_password(struct quickstart *);

int
main(int argc, char *argv[])
{
	static struct quickstart	q;

	prog_init("posthorn quickstart");
	options(&q, argc, argv);
	quickstart_place(&q);
	quickstart_addresses(&q);
	quickstart_ask(&q);
	if (q.password_stdin)
		read_password(&q);
	undo_begin();
	quickstart_make(&q);
	quickstart_check(&q);
	undo_done();
	quickstart_tell(&q);
	return fflush(stdout) == EOF ? EXIT_TEMP : EXIT_OK;
}

static noreturn void
usage(void)
{
	diex(EXIT_PERM, "usage: posthorn quickstart [--hostname NAME] [--ip ADDRESS]... [--port-base N] [--dns ADDRESS[@PORT]]\n"
	    "           [--account NAME] [--password-stdin] [--skip-checks] [--yes] [user@domain]");
}

enum option_key { O_HOSTNAME = 1, O_IP, O_BASE, O_DNS, O_ACCOUNT, O_PASSWORD, O_SKIP, O_YES };

static const struct option	long_options[] = {
	{ "hostname", required_argument, NULL, O_HOSTNAME },
	{ "ip", required_argument, NULL, O_IP },
	{ "port-base", required_argument, NULL, O_BASE },
	{ "dns", required_argument, NULL, O_DNS },
	{ "account", required_argument, NULL, O_ACCOUNT },
	{ "password-stdin", no_argument, NULL, O_PASSWORD },
	{ "skip-checks", no_argument, NULL, O_SKIP },
	{ "yes", no_argument, NULL, O_YES },
	{ NULL, 0, NULL, 0 },
};

static void
add_ip(struct quickstart *q, const char *text)
{
	if (q->nlisten == QUICKSTART_IPS || !ip_parse(str_c(text), &q->listen[q->nlisten]))
		diex(EXIT_PERM, "%s is not an IP address (up to %d of them)", text, QUICKSTART_IPS);
	q->nlisten++;
}

static void
set_base(struct quickstart *q, const char *text)
{
	uint32_t	n;

	if (!num_u32(str_c(text), 65535 - conf_service_port(CONF_IMAPS), &n))
		diex(EXIT_PERM, "%s is not a number of at most %d", text, 65535 - conf_service_port(CONF_IMAPS));
	q->base = n;
}

static void
set_dns(struct quickstart *q, const char *text)
{
	static const struct conf_keydef	key = { .name = "dns", .type = CONF_SERVER };

	if (conf_type_wants(&key, CONF_SERVER, str_c(text)) != NULL)
		diex(EXIT_PERM, "--dns: %s is not an IP address, or ADDRESS@PORT", text);
	q->dns = text;
}

static void
set_account(struct quickstart *q, const char *text)
{
	if (!conf_is_account_name(str_c(text)) || !str_copy(str_c(text), q->account, sizeof(q->account)))
		diex(EXIT_PERM, "%s is not an account's name: letters, digits, and . _ - inside", text);
}

static void
options(struct quickstart *q, int argc, char *argv[])
{
	int	c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		switch (c) {
		case O_HOSTNAME:
			quickstart_hostname(q, optarg);
			break;
		case O_IP:
			add_ip(q, optarg);
			break;
		case O_BASE:
			set_base(q, optarg);
			break;
		case O_DNS:
			set_dns(q, optarg);
			break;
		case O_ACCOUNT:
			set_account(q, optarg);
			break;
		case O_PASSWORD:
			q->password_stdin = true;
			break;
		case O_SKIP:
			q->skip_checks = true;
			break;
		case O_YES:
			q->yes = true;
			break;
		default:
			usage();
		}
	if (argc - optind > 1 || (q->yes && argc == optind))
		usage();
	if (q->password_stdin && !q->yes)
		diex(EXIT_PERM, "--password-stdin goes with --yes: answers would come from there too");
	if (optind < argc)
		quickstart_address(q, argv[optind]);
}

/* The verb passwd tells what is wrong with it, if anything. */
static void
read_password(struct quickstart *q)
{
	struct buf	b = BUF_INIT(QUICKSTART_PASSWORD);

	if (!str_copy(ask_line(&b), q->password, sizeof(q->password)))
		diex(EXIT_PERM, "no password can hold a NUL");
	if (q->password[0] == '\0')
		diex(EXIT_PERM, "there is no password on standard input");
	ask_forget(&b);
}

unsigned
quickstart_port(const struct quickstart *q, enum conf_service s)
{
	return conf_service_port(s) + q->base;
}
