#include "quickstart.h"

#include <stdio.h>
#include <unistd.h>

#include "setup.h"

static void
tell_addresses(const struct quickstart *q)
{
	char	text[IP_TEXT];

	for (size_t i = 0; i < q->nip; i++) {
		struct buf	b = { .p = text, .cap = sizeof(text), .max = sizeof(text) - 1 };

		ip_format(&b, &q->ip[i]);
		(void)printf("  %s. 300 IN %s %.*s\n", q->hostname, q->ip[i].len == 4 ? "A" : "AAAA", STR_ARG(buf_str(&b)));
	}
	if (q->nip == 0)
		(void)printf("  %s. 300 IN A    ; and the public address of this machine\n", q->hostname);
}

static void
tell_records(const struct quickstart *q)
{
	(void)printf("DNS records to be set, as in a zone file:\n\n");
	if (!q->in_dns)
		tell_addresses(q);
	(void)printf("  %s. 300 IN MX 10 %s.\n", q->domain, q->hostname);
	(void)printf("  %s. 300 IN TXT \"v=spf1 mx -all\"\n", q->domain);
	if (!str_eq(str_c(q->hostname), str_c(q->domain)))
		(void)printf("  %s. 300 IN TXT \"v=spf1 a -all\"\n", q->hostname);
	(void)printf("\nThe addresses' reverse names should be %s too.\n\n", q->hostname);
}

static void
tell_client(const struct quickstart *q, const char *what, enum conf_service s, const char *how)
{
	(void)printf("  %-9s %-11s %s port %u, %s\n", what, conf_service_name(s), q->hostname, quickstart_port(q, s), how);
}

static void
tell_clients(const struct quickstart *q)
{
	(void)printf("Settings of mail clients:\n\n");
	tell_client(q, "reading", CONF_IMAPS, "TLS");
	tell_client(q, "or", CONF_IMAP, "STARTTLS");
	tell_client(q, "sending", CONF_SUBMISSIONS, "TLS");
	tell_client(q, "or", CONF_SUBMISSION, "STARTTLS");
	(void)printf("  user name %s\n\n", q->address);
	if (!q->password_stdin)
		(void)printf("password: %s\n\n", q->password);
	(void)printf("`posthorn %s%s%spasswd %s` changes the password. The certificate is signed by itself, which\n"
	    "clients ask about; INSTALL tells how to put in one of an authority.\n\n",
	    q->own ? "-C " : "", q->own ? q->dir : "", q->own ? " " : "", q->account);
}

static void
tell_start(const struct quickstart *q)
{
	static const char	unit[] = POSTHORN_SHAREDIR "/posthorn.service", crontab[] = POSTHORN_SHAREDIR "/posthorn.crontab";

	(void)printf("To start it:\n\n");
	if (q->own)
		(void)printf("  posthorn -C %s serve\n", q->dir);
	else if (setup_exists("/run/systemd/system") && setup_exists(unit))
		(void)printf("  cp %s /etc/systemd/system/\n  systemctl daemon-reload\n  systemctl enable --now posthorn\n", unit);
	else
		(void)printf("  posthorn serve\n\nin the foreground; %s starts it with the machine, by cron.\n", crontab);
}

void
quickstart_tell(const struct quickstart *q)
{
	(void)printf("posthorn is set up on %s, with the account %s for %s.\n", q->hostname, q->account, q->address);
	(void)printf("Configuration in %s, mail in %s.\n\n", q->etc, q->var);
	tell_records(q);
	tell_clients(q);
	tell_start(q);
}
