/*
 * orgdomain: the organisational domain of a name, in both ways that receivers
 * know: by the public suffix list (RFC 7489 3.2), and by the tree walk of its
 * successor (RFC 9989 4.10). Names are ASCII (A-labels), without a final dot.
 */
#ifndef PROTO_ORGDOMAIN_H
#define PROTO_ORGDOMAIN_H

#include "../base/buf.h"

/* --- the public suffix list, by libpsl; who uses it links that. Only its ICANN section counts. */

struct suffix_list {
	void	*psl;
	bool	 owned;
};

/* The list that libpsl was built with; no file is opened. False: it has none. */
bool	suffix_list_builtin(struct suffix_list *) __attribute__((warn_unused_result));

/* A newer one, from the bytes of public_suffix_list.dat or .dafsa. */
bool	suffix_list_load(struct suffix_list *, struct str bytes) __attribute__((warn_unused_result));

void	suffix_list_free(struct suffix_list *);

/* Is the whole name one below which others register? Every unknown top level is. */
bool	suffix_list_has(const struct suffix_list *, struct str name);

/*
 * The longest public suffix of the name and one label more: the end of name. A name that
 * is itself a public suffix, or no name, is its own (RFC 9091 3.5).
 */
struct str	orgdomain_by_suffix(const struct suffix_list *, struct str name);

/* --- the tree walk
 *
 *	orgwalk_start(&w, domain);
 *	while (!w.done)
 *		orgwalk_record(&w, …)	what _dmarc.<w.at> holds
 *
 * At most 8 names: the domain, then its last 7 labels, 6, … 1.
 */
enum orgwalk_psd {
	ORGWALK_NO_RECORD,	/* none, or several */
	ORGWALK_PSD_UNKNOWN,	/* a record without psd=, or psd=u */
	ORGWALK_PSD_YES,
	ORGWALK_PSD_NO,
};

/* All are ends of start. */
struct orgwalk {
	struct str	start;
	struct str	at;	/* the name to ask for */
	struct str	org;	/* when done: the organisational domain */
	struct str	psd;	/* when done: the public suffix domain that was met (psd=y), or empty */
	bool		done;
};

void	orgwalk_start(struct orgwalk *, struct str domain);
void	orgwalk_record(struct orgwalk *, enum orgwalk_psd);

/* How many labels; the name's last n of them (all, when there are fewer). */
size_t		orgdomain_labels(struct str name);
struct str	orgdomain_last(struct str name, size_t n);

/* name is domain, or below it. Either case. */
bool	orgdomain_is_under(struct str name, struct str domain);

/*
 * A name as the rest of DMARC wants it, appended: lower case, no final dot. False, and
 * nothing appended, when it is none: over 253 bytes, an empty or long label, a byte no name has.
 */
bool	orgdomain_clean(struct buf *, struct str name) __attribute__((warn_unused_result));

#endif
