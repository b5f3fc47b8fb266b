/*
 * conf_table: the keys that a configuration file may hold, one table a kind of
 * file. Parsing, checking, `posthorn config keys` and the tests of the manual
 * pages all work from these: a new key is a line in a table, a line where it
 * goes into a record (conf_record.c), and its place in the manual page.
 */
#ifndef VERBS_CONF_TABLE_H
#define VERBS_CONF_TABLE_H

#include "conf_scan.h"

enum conf_type {
	CONF_TEXT,		/* one line of UTF-8 */
	CONF_BOOL,		/* true or false (yes, no, on, off) */
	CONF_NUMBER,		/* 0 to max */
	CONF_PORT,		/* 0 to 65535; 0 is not served */
	CONF_BYTES,		/* number with K, M, G, T */
	CONF_IP,
	CONF_NET,		/* ADDRESS/BITS */
	CONF_HOST,		/* a domain name */
	CONF_ADDRESS,		/* localpart@domain */
	CONF_ACCOUNT_NAME,
	CONF_MAILBOX,
	CONF_SMTP_ERROR,	/* 421 or 550, and a text */
	CONF_SEPARATORS,	/* characters that may not be in a localpart otherwise */
	CONF_SYSTEM_USER,
	CONF_SELECTOR,		/* of a key that signs mail */
	CONF_CHOICE,		/* one of the words of choices */
	CONF_PATH,		/* of a file, from the etc directory */
	CONF_SERVER,		/* ADDRESS[@PORT] */
	CONF_STUB,		/* "ZONE ADDRESS[@PORT]" */
	CONF_ANCHOR,		/* "ZONE DS …" or "ZONE DNSKEY …" */
	CONF_PLACE,		/* a host name or an IP address */
	CONF_ROUTE_DOMAIN,	/* a domain; with a dot before it also all below it */
	CONF_SECTION,
};

struct conf_keydef {
	const char	*name;		/* NULL ends a table */
	enum conf_type	 type;
	bool		 list;		/* many values; a section: many of them */
	bool		 required;
	uint64_t	 max;		/* of a number; bytes of a text; 0: the type's own */
	const char	*choices;	/* of a choice: "one, another or a third" */
	const struct conf_keydef *sub;	/* of a section */
	enum conf_type	 title;		/* of a section that is a list: what its title is */
};

extern const struct conf_keydef	conf_machine_keys[], conf_domain_keys[], conf_account_keys[];

/* The definition of a name in a table, or NULL. */
const struct conf_keydef	*conf_keydef(const struct conf_keydef *, struct str name);

/* An account's name: letters, digits, and . _ - inside; at most 64 bytes; no path tricks. */
bool	conf_is_account_name(struct str);

/* A domain as a file may be named after it: lower case, no path tricks. */
bool	conf_is_domain_name(struct str);

bool	conf_bool(struct str, bool *out_r) __attribute__((warn_unused_result));

/* "550 text" into its parts; the text defaults to what RFC 5321 servers say. */
bool	conf_smtp_error(struct str, unsigned *code_r, struct str *text_r) __attribute__((warn_unused_result));

/* NULL when the value is one of the type, or what is expected instead. */
const char	*conf_type_wants(const struct conf_keydef *, enum conf_type, struct str value);

#endif
