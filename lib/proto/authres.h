/*
 * authres: the Authentication-Results field (RFC 8601), written and read, and the
 * payload of ARC-Authentication-Results (RFC 8617 4.1.1), read. What peers said is quoted so
 * that it stays what it is, whatever it holds.
 */
#ifndef PROTO_AUTHRES_H
#define PROTO_AUTHRES_H

#include "../base/arena.h"
#include "../base/buf.h"

/* --- writing, piece by piece: folded, CRLF at each line's end
 *
 *	authres_open(&w, &buf, hostname);
 *	authres_method(&w, "spf", "pass");
 *	authres_comment(&w, STR("without dnssec"));
 *	authres_prop(&w, "smtp", "mailfrom", from);
 *	authres_close(&w);
 */
struct authres_writer {
	struct buf	*b;
	size_t		 column;
	bool		 any;		/* a method was written */
	bool		 utf8;		/* the message is SMTPUTF8; without, other bytes than ASCII become '?' */
};

void	authres_open(struct authres_writer *, struct buf *, struct str authserv_id);
void	authres_close(struct authres_writer *);	/* "; none" without a method */

/* Begins the next result. Both words are ours. */
void	authres_method(struct authres_writer *, const char *method, const char *result);

/*
 * Then, in this order: a comment, a reason, properties. Of each text at most
 * LIMIT_AUTHRES_VALUE bytes; controls become '?'. Nothing for an empty comment or reason.
 */
void	authres_comment(struct authres_writer *, struct str text);
void	authres_reason(struct authres_writer *, struct str text);
void	authres_prop(struct authres_writer *, const char *ptype, const char *name, struct str value);

/* --- writing what was found of a message that came in */
enum authres_dnssec {
	AUTHRES_DNSSEC_UNTOLD,
	AUTHRES_DNSSEC_WITH,
	AUTHRES_DNSSEC_WITHOUT,
};

/* A signature. Empty texts are left out. */
struct authres_dkim {
	const char		*result;	/* "pass", … */
	enum authres_dnssec	 dnssec;	/* of the key's record */
	unsigned		 bits;		/* of an RSA key; 0: not told */
	struct str		 d, s, a, b, i;	/* of b the first 12 characters are told (RFC 6008) */
	struct str		 reason;
};

/* A result that is NULL was not looked for. */
struct authres_facts {
	struct str			 hostname;
	bool				 utf8;
	struct {
		const char		*result;
		enum authres_dnssec	 dnssec;
		struct str		 ip;
	} iprev;
	bool				 dkim_checked;	/* then without a signature: dkim=none */
	const struct authres_dkim	*dkim;
	size_t				 ndkim;
	struct {
		const char		*result;
		enum authres_dnssec	 dnssec;
		struct str		 mailfrom, helo;	/* one of both, what was checked */
		struct str		 reason;
	} spf;
	struct {
		const char		*result;
		enum authres_dnssec	 dnssec;
		struct str		 from;		/* the author's domain */
		struct str		 overrides;	/* dmarc_overrides_text() */
		struct str		 reason;
	} dmarc;
};

/* In the order iprev, dkim, spf, dmarc. */
void	authres_write(struct buf *, const struct authres_facts *);

/* --- reading. Text is the field's or the arena's. */
struct authres_prop {
	struct str		 ptype, name;	/* ptype is empty where one forgot it ("action=none") */
	struct str		 value;		/* without quotes; with them when "@domain" follows */
	struct authres_prop	*next;
};

struct authres_result {
	struct str		 method;
	uint32_t		 version;	/* 1 when it is not told */
	struct str		 result;
	struct str		 reason;	/* empty without */
	struct str		 comment;	/* the first one's inside, as it stands; empty without */
	struct authres_prop	*props;
	struct authres_result	*next;
};

struct authres {
	uint32_t		 instance;	/* of ARC; else 0 */
	struct str		 id;		/* the authserv-id */
	uint32_t		 version;	/* 1 when it is not told; others' results are not read */
	struct authres_result	*results;	/* none for "; none" */
};

enum authres_err {
	AUTHRES_OK,
	AUTHRES_SYNTAX,
	AUTHRES_LIMIT,		/* comments too deep, too many results or properties, or the arena is full */
};

/* The value of an Authentication-Results field. */
enum authres_err	authres_parse(struct str value, struct arena *, struct authres *out_r) __attribute__((warn_unused_result));

/* The same of ARC-Authentication-Results: "i=1;" comes first. */
enum authres_err	authres_parse_arc(struct str value, struct arena *, struct authres *out_r) __attribute__((warn_unused_result));

/* The first result of that method, and the first property of that name ("header", "from"); NULL without. */
const struct authres_result	*authres_find(const struct authres *, struct str method);
const struct authres_prop	*authres_find_prop(const struct authres_result *, struct str ptype, struct str name);

/*
 * Does the field say that we (this name) found it, or could a reader take it so? Such a
 * field of a stranger is removed (RFC 8601 section 5). A value that cannot be read and has our name in it does.
 */
bool	authres_claims(struct str value, struct str name);

#endif
