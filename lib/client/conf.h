/*
 * conf: the configuration as every program but `posthorn config` sees it:
 * config.tdb (and what changed since in config.delta.tdb) in the working
 * directory, already checked and resolved. Readers take no locks.
 * posthorn.conf(5), domain.conf(5) and account.conf(5) tell the source of it all.
 *
 * Text in results is borrowed: from the conf (machine, listeners: until
 * conf_refresh() or conf_close()), or from the arena given (all else).
 *
 * An address is a localpart as it is meant (no quotes, no escapes) and a
 * domain; written in one str it is LOCALPART@DOMAIN, to be cut at the last @.
 */
#ifndef CLIENT_CONF_H
#define CLIENT_CONF_H

#include "../base/arena.h"
#include "../base/ip.h"

struct conf;

/* The services a listener may have a port for. */
enum conf_service {
	CONF_SMTP,
	CONF_SUBMISSION,
	CONF_SUBMISSIONS,
	CONF_IMAP,
	CONF_IMAPS,
	CONF_SERVICES,		/* how many */
};

/* "smtp", … ; its standard port. */
const char	*conf_service_name(enum conf_service);
uint16_t	 conf_service_port(enum conf_service);

struct conf_listener {
	struct str	 name;
	struct str	 hostname;		/* its own, or the machine's */
	struct ip	*address;
	size_t		 naddress;
	uint16_t	 port[CONF_SERVICES];	/* 0: not served */
	bool		 starttls;		/* offered on the services in clear */
	bool		 require_starttls;	/* smtp: no mail without */
	bool		 auth_in_clear;		/* submission: AUTH also without TLS */
	struct ipnet	*trusted;		/* peers that no limit applies to */
	size_t		 ntrusted;
	struct ipnet	*proxy;			/* peers that must speak PROXY v2 */
	size_t		 nproxy;
	uint64_t	 max_message_size;	/* bytes */
	uint32_t	 connections;		/* at once from one address; 3 and 9 times that from its networks */
	uint32_t	 connections_per_minute;
};

struct conf_dns {			/* paths absolute */
	struct str	*forwarder;		/* ADDRESS[@PORT]: asked instead of the root's servers */
	struct str	*stub;			/* "ZONE ADDRESS[@PORT]": who has the zone */
	struct str	*zone_file;		/* zones we know ourselves */
	struct str	*trust_anchor;		/* "ZONE DS …", "ZONE DNSKEY …" */
	struct str	*trust_anchor_file;
	size_t		 nforwarder, nstub, nzone_file, ntrust_anchor, ntrust_anchor_file;
};

enum { CONF_OUTGOING_PORTS = 4 };

struct conf_machine {
	struct str	 hostname;
	struct str	 postmaster_account;	/* empty: no postmaster is configured */
	struct str	 postmaster_mailbox;
	uint64_t	 quota;			/* bytes an account may hold; 0: no limit */
	uint64_t	 max_message_size;
	uint32_t	 auth_failures_per_minute;	/* from one address */
	uint32_t	 auth_failures_per_day;
	uint16_t	 outgoing_port[CONF_OUTGOING_PORTS];	/* other servers are called at these, in this order */
	size_t		 noutgoing_port;	/* 1 at least */
	uint32_t	 outgoing_connections;	/* at once, of all; and to one destination */
	uint32_t	 destination_connections;
	uint32_t	 max_outgoing_per_day;	/* recipients an account may write to; 0: no limit */
	uint32_t	 max_first_time_per_day;	/* of whom it never wrote to before; 0: no limit */
	struct conf_dns	 dns;
	bool		 localserve;		/* a test system: special recipients, no delays */
	struct conf_listener *listener;		/* in the order of the file */
	size_t		 nlistener;
};

/* config.tdb of the working directory; NULL with errno (ENOENT: never built; EPROTO: not of our version). */
struct conf	*conf_open(void) __attribute__((warn_unused_result));
void		 conf_close(struct conf *);

/*
 * For programs that live long: look whether the configuration was built anew
 * and take the new one. Cheap (one stat): call it before each piece of work.
 * 1 when something changed, 0 when not, -1 with errno; then the old one stays in use.
 */
int		 conf_refresh(struct conf *) __attribute__((warn_unused_result));

const struct conf_machine	*conf_machine(const struct conf *);

/* By name; NULL when there is none. */
const struct conf_listener	*conf_listener(const struct conf *, struct str name);

enum conf_got {
	CONF_OK,
	CONF_NONE,		/* no such thing */
	CONF_ERROR,		/* the database cannot be read, or over the arena's limit: try later */
};

struct conf_domain {
	struct str	 name;
	struct str	 separators;	/* each byte one; the first is the one to write */
	struct str	 catch_all;	/* an address; empty: none */
	struct str	 ascii;		/* the name in A-labels */
	struct str	*selector;	/* of the keys that sign its mail */
	size_t		 nselector;
	bool		 disabled;
	bool		 case_sensitive;
};

enum conf_got	conf_domain(struct conf *, struct str name, struct arena *, struct conf_domain *out_r) __attribute__((warn_unused_result));

struct conf_account {
	struct str	 name;
	struct str	 full_name;
	struct str	 login_disabled;	/* not empty: no login; the text to tell after the password was right */
	uint64_t	 quota;			/* bytes; 0: no limit. The machine's default is already in it */
	uint32_t	 max_outgoing_per_day;	/* as in conf_machine, whose values are already in them */
	uint32_t	 max_first_time_per_day;
	struct str	*address;		/* all of its own, in the order of the file */
	size_t		 naddress;
};

enum conf_got	conf_account(struct conf *, struct str name, struct arena *, struct conf_account *out_r) __attribute__((warn_unused_result));

/* Who gets mail for an address. */
enum conf_rcpt_kind {
	CONF_RCPT_ACCOUNT,	/* into mailbox of account */
	CONF_RCPT_ALIAS,	/* to all members */
	CONF_RCPT_NONE,		/* the domain is ours, the localpart unknown */
	CONF_RCPT_NO_DOMAIN,	/* not a domain of ours */
	CONF_RCPT_DISABLED,	/* the domain is disabled */
	CONF_RCPT_REFUSED,	/* the account wants smtp_code and smtp_text told */
	CONF_RCPT_ERROR,	/* the database cannot be read: try later */
};

struct conf_rcpt {
	enum conf_rcpt_kind	 kind;
	struct str		 address;	/* canonical: case folded, without what follows a separator */
	struct str		 account;	/* ACCOUNT and REFUSED */
	struct str		 mailbox;	/* ACCOUNT: never empty, INBOX when nothing else is configured */
	bool			 catch_all;	/* found as the domain's catch-all */
	unsigned		 smtp_code;	/* REFUSED: 421 or 550 */
	struct str		 smtp_text;	/* REFUSED: never empty */
	struct str		*member;	/* ALIAS: addresses, each to be looked up by conf_rcpt_text() */
	size_t			 nmember;
	bool			 post_public;	/* ALIAS: who is no member may post */
	bool			 list_members;	/* ALIAS: members may see each other */
	bool			 allow_msg_from; /* ALIAS: members may send as the alias */
};

/*
 * The steps of looking up a recipient: postmaster of no domain, of our host
 * name or a listener's; the domain; the localpart in the case and without the
 * separators of the domain; an address or alias of that name; the domain's
 * catch-all; the postmaster. An empty domain is that of <postmaster>.
 */
void	conf_rcpt(struct conf *, struct str local, struct str domain, struct arena *, struct conf_rcpt *out_r);

/* The same for LOCALPART@DOMAIN in one, as a member of an alias is. */
void	conf_rcpt_text(struct conf *, struct str address, struct arena *, struct conf_rcpt *out_r);

/*
 * Whose account a login name opens: an address of an account, with anything
 * behind a separator; no alias, no catch-all, no bare postmaster. *account_r
 * is its name, *address_r the canonical address.
 */
enum conf_got	conf_login(struct conf *, struct str local, struct str domain, struct arena *,
    struct str *account_r, struct str *address_r) __attribute__((warn_unused_result));

enum conf_may {
	CONF_MAY,
	CONF_MAY_NOT,
	CONF_MAY_DISABLED,	/* the domain is disabled */
	CONF_MAY_ERROR,		/* the database cannot be read: try later */
};

/*
 * May the account write From this address: one of its own (or that its catch-all
 * takes), or an alias with allow-msg-from of which the account is a member.
 */
enum conf_may	conf_may_send(struct conf *, struct str account, struct str local, struct str domain, struct arena *);

/*
 * The canonical LOCALPART@DOMAIN, to tell whether two are the same: for our
 * domains as in conf_rcpt.address, for others only the domain in lower case.
 */
enum conf_got	conf_canonical(struct conf *, struct str local, struct str domain, struct arena *, struct str *out_r) __attribute__((warn_unused_result));

/* The names of all accounts, or all domains, sorted by byte. */
enum conf_got	conf_accounts(struct conf *, struct arena *, struct str **names_r, size_t *n_r) __attribute__((warn_unused_result));
enum conf_got	conf_domains(struct conf *, struct arena *, struct str **names_r, size_t *n_r) __attribute__((warn_unused_result));

/* The aliases of a domain, whether it is disabled or not, as whole addresses in the order of the file. */
enum conf_got	conf_aliases(struct conf *, struct str domain, struct arena *, struct str **names_r, size_t *n_r) __attribute__((warn_unused_result));

/* An alias, also of a disabled domain: kind is ALIAS, NONE or ERROR. */
void	conf_alias(struct conf *, struct str address, struct arena *, struct conf_rcpt *out_r);

/* How messages leave this machine. */
enum conf_transport_kind {
	CONF_TRANSPORT_DIRECT,		/* to the servers of the recipient's domain */
	CONF_TRANSPORT_SUBMISSIONS,	/* to host: TLS from the start, */
	CONF_TRANSPORT_SUBMISSION,	/* port 587, */
	CONF_TRANSPORT_SMTP,		/* port 25 */
	CONF_TRANSPORT_FAIL,		/* nowhere: fails with code and text */
};

enum conf_transport_tls {
	CONF_TLS_REQUIRED,		/* with a certificate of the host's name that a known authority signed */
	CONF_TLS_UNVERIFIED,		/* whoever it is */
	CONF_TLS_OFF,			/* STARTTLS is not used */
};

struct conf_transport {
	struct str			 name;
	enum conf_transport_kind	 kind;
	struct str			 host;		/* a name or an IP address */
	uint16_t			 port;
	struct str			 user;		/* empty: no login. The password is the first line of queue/secrets/NAME */
	struct str			 mechanisms;	/* of SASL that may be used, spaces between; empty without a user */
	struct str			 ca_file;	/* absolute; empty: the system's */
	enum conf_transport_tls		 tls;
	bool				 no_ipv4, no_ipv6;	/* DIRECT */
	unsigned			 code;		/* FAIL: 400 to 599, */
	struct str			 text;		/* one line of ASCII, never empty */
};

/*
 * The transport that the routes choose for a message from account and from_domain
 * (may be empty) to to_domain, after so many attempts. CONF_NONE: none, go direct.
 */
enum conf_got	conf_route(struct conf *, struct str account, struct str from_domain, struct str to_domain,
    unsigned attempts, struct arena *, struct conf_transport *out_r) __attribute__((warn_unused_result));

/* A transport by its name. */
enum conf_got	conf_transport(struct conf *, struct str name, struct arena *, struct conf_transport *out_r) __attribute__((warn_unused_result));

/* The names of all transports, in the order of the file. */
enum conf_got	conf_transports(struct conf *, struct arena *, struct str **names_r, size_t *n_r) __attribute__((warn_unused_result));

/* The account as which a user of this system sends, by its system-users. */
enum conf_got	conf_system_user(struct conf *, struct str user, struct arena *, struct str *account_r) __attribute__((warn_unused_result));

#endif
