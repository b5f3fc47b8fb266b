/*
 * addr: paths and mailboxes of SMTP (RFC 5321 4.1.2) with UTF-8 (RFC 6531 3.3).
 * Header fields have a wider grammar and a parser of their own.
 *
 *	"joe q"@Example.ORG	local is  joe q  with quoted true
 *	<@a,@b:joe@b.example>	the source route is dropped (RFC 5321 C)
 *	joe@[IPv6:2001:db8::1]	literal true, domain with its brackets
 *	<postmaster>		no domain; only a forward path may be this
 *	<>			neither; only a reverse path may be this
 */
#ifndef PROTO_ADDR_H
#define PROTO_ADDR_H

#include "../base/buf.h"

struct addr {
	struct str	local;		/* between the quotes, escapes left in, when quoted */
	struct str	domain;
	bool		quoted;
	bool		literal;
};

enum addr_err {
	ADDR_OK,
	ADDR_SYNTAX,
	ADDR_LONG,		/* over LIMIT_LOCALPART, LIMIT_DOMAIN or LIMIT_PATH */
};

enum addr_kind {
	ADDR_REVERSE,		/* <> is one */
	ADDR_FORWARD,		/* <postmaster> without a domain is one */
};

/* All of in as localpart@domain, without angle brackets. out borrows from in. */
enum addr_err	addr_parse(struct str in, struct addr *out_r) __attribute__((warn_unused_result));

/*
 * The path in angle brackets that *in starts with; on success *in is what
 * follows the ">". out borrows from in.
 */
enum addr_err	addr_path(struct str *in, enum addr_kind, struct addr *out_r) __attribute__((warn_unused_result));

/* A whole domain name: letters, digits, hyphens, UTF-8, labels of 1 to 63 bytes. */
bool	addr_is_domain(struct str);

/* A whole address literal, "[192.0.2.1]", "[IPv6:2001:db8::1]" or "[tag:text]". */
bool	addr_is_literal(struct str);

/*
 * What may follow EHLO or HELO: a domain or a literal; an underscore in a
 * label, a dot at the end and "[2001:db8::1]" are what senders in use say and are let pass.
 */
bool	addr_is_helo(struct str);

/* The null reverse path <>. */
bool	addr_is_null(const struct addr *);

/* True when it needs no SMTPUTF8: the localpart, and the whole address. */
bool	addr_local_is_ascii(const struct addr *);
bool	addr_is_ascii(const struct addr *);

/* The localpart as it is meant, without quotes and escapes; its case is kept. */
void	addr_add_local(struct buf *, const struct addr *);

/* The domain with ASCII letters in lower case; nothing when there is none. */
void	addr_add_domain(struct buf *, const struct addr *);

/*
 * The canonical text, as parsed by addr_parse() again: quoted only where it
 * must be, domain in lower case. Nothing for <>; "postmaster" alone for that one.
 */
void	addr_add_text(struct buf *, const struct addr *);

/* A localpart given as it is meant, quoted where it must be. */
void	addr_add_quoted(struct buf *, struct str local);

/* The same mailbox: localparts equal byte for byte, domains in any case. */
bool	addr_same(const struct addr *, const struct addr *);

#endif
