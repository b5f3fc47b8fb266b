/* spf_i: what the files of spf share. */
#ifndef PROTO_SPF_I_H
#define PROTO_SPF_I_H

#include "spf.h"

struct spf_frame	*spf_top(struct spf *);

/* It is over: SPF_GO_OVER. The problem is for people, copied. */
enum spf_go	spf_end(struct spf *, enum spf_result, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Is called with the answers to all that was wanted, and their number. */
typedef enum spf_go	spf_heard(struct spf *, const struct spf_answer *, size_t);

/* Want an answer about a name (any bytes). */
enum spf_go	spf_want(struct spf *, enum dns_type, struct str name, spf_heard *);

/* The same of a host's name, as dns_rr has it; several may be wanted. False: too many, or memory is out. */
bool		spf_want_host(struct spf *, struct str name, struct str *kept_r);

/* Say what a term of the top record came to; nothing when nobody listens. */
void	spf_tell(struct spf *, struct str term, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Count a term that asks, and one that was answered with nothing. False: there are too many, and it is over. */
bool	spf_count(struct spf *);
bool	spf_count_void(struct spf *);

/* The target-name of a domain-spec (empty: the top domain) into s->target. False: it is no name, or memory is out. */
bool	spf_target(struct spf *, struct str spec);

/* What macros mean here and now. */
struct spf_macro	spf_facts(struct spf *);

/* Does a text with a macro of the localpart mean nothing, as that is not ASCII (RFC 8616 section 4)? */
bool	spf_is_mute(const struct spf *, struct str spec);

/* Begin with the record of a domain, in the top frame. */
enum spf_go	spf_read(struct spf *, struct str domain);

/* spf_term.c: begin with the top frame's term, a mechanism. */
enum spf_go	spf_term_begin(struct spf *);

/* spf_names.c: the validated names of the client (5.5). Find them, and call resume; at once when they are known. */
enum spf_go	spf_names_find(struct spf *, enum spf_go (*resume)(struct spf *));

/* Has it a %{p}, and are they not known yet? */
bool	spf_names_lacking(const struct spf *, struct str spec);

/* The one that %{p} stands for; empty: unknown. */
struct str	spf_names_best(const struct spf *, struct str domain);

/* The one at or below domain; empty: there is none. */
struct str	spf_names_below(const struct spf *, struct str domain);

/* spf_exp.c: the explanation of a fail (6.2). */
enum spf_go	spf_explain(struct spf *);

#endif
