/*
 * put: how a program gives a message to the queue, over a SOCK_SEQPACKET
 * socket into queue-put that authd handed over (or into queue-drop, that it
 * started). Records "put" version 1:
 *
 *	cmd=mail	from, body (7bit, 8bitmime, binarymime), smtputf8=1, requiretls=1, ret (full,
 *			hdrs), envid, holdfor (seconds) or holduntil (RFC 3339)
 *	cmd=rcpt	rcpt, notify (the number of SMTP_NOTIFY_*), orcpt	one record each
 *	cmd=data	with the message's descriptor; answered by result=ok|temp|perm, code, status, text, id
 *	cmd=reset	forget the envelope
 *
 * Only cmd=data is answered: what was wrong before is told then. The envelope is
 * forgotten with its answer. Whose mail it is, is not said here: the socket is good
 * for one account alone. queue-put(8) tells the rest.
 */
#ifndef CLIENT_PUT_H
#define CLIENT_PUT_H

#include "../base/buf.h"
#include "../proto/smtp_cmd.h"
#include "../sys/deadline.h"

struct put {
	int		sock;		/* the caller's */
	struct buf	rec;		/* to be freed by him; may begin as zeros */
};

struct put_mail {
	struct str	from;
	enum smtp_body	body;
	bool		smtputf8, requiretls;
	enum smtp_ret	ret;
	struct str	envid;
	struct str	holdfor, holduntil;	/* as they came; empty: absent */
};

struct put_rcpt {
	struct str	rcpt;
	unsigned	notify;
	struct str	orcpt;
};

struct put_result {
	int		code;		/* for an SMTP reply: 250, 4yz, 5yz */
	struct str	status, text, id;	/* borrowed until the next call */
	int		lost;		/* not 0: no answer, an errno; code is 451. The message may be queued all the same */
};

/* 0, or -1 with errno. */
int	put_mail(struct put *, const struct put_mail *, struct deadline) __attribute__((warn_unused_result));
int	put_rcpt(struct put *, const struct put_rcpt *, struct deadline) __attribute__((warn_unused_result));

/*
 * A regular file, with CRLF; it is read from offset 0, its position untouched. After an
 * answer that is lost the socket must be closed: one that comes late would be taken for the next one's.
 */
struct put_result	put_data(struct put *, int message, struct deadline);

#endif
