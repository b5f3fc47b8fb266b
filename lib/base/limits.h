/* Every limit of the tree, each with its reason. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* A record between programs: one packet that the kernel takes whole. */
#define LIMIT_RECORD		65536

/* Descriptors beside one record: data, control, and one to spare. */
#define LIMIT_RECORD_FDS	4

/* SMTP (RFC 5321 4.5.3.1; behaviour floor for the rest). */
#define LIMIT_SMTP_LINE		2048	/* a command line with its CRLF */
#define LIMIT_SMTP_AUTH_LINE	12288	/* a response of AUTH with its CRLF: RFC 4954 section 4 */
#define LIMIT_SMTP_REPLY_LINE	510	/* a reply line without CRLF */
#define LIMIT_SMTP_RCPTS	1000	/* recipients of one transaction */
#define LIMIT_LOCALPART		128	/* RFC says 64; senders in the wild say more */
#define LIMIT_DOMAIN		255
#define LIMIT_PATH		256
#define LIMIT_RECEIVED		100	/* Received fields before it is a loop */
#define LIMIT_ENVID		100	/* RFC 3461 4.4 */
#define LIMIT_ORCPT		500	/* RFC 3461 4.2 */
#define LIMIT_SMTP_TRANSACTION	(4u * 1024 * 1024)	/* 1000 recipients, each with the longest ORCPT, twice over */
#define LIMIT_SMTP_REPLY	8192	/* one reply with all its lines */
#define LIMIT_SMTP_REPLIES	(1024u * 1024)	/* to 16 KiB of the shortest commands */
#define LIMIT_MESSAGE_MEMORY	(1024u * 1024)	/* of a message on its way; more goes to the disk */
#define LIMIT_MESSAGE_SIZE	(100u * 1024 * 1024)	/* default; configurable */

/* What a process that delivers keeps of earlier attempts: the last addresses of some hosts. */
#define LIMIT_REMOTE_HOSTS	10	/* of a domain, tried in one attempt */
#define LIMIT_REMOTE_ADDRESSES	3	/* of each family of a host, tried in one attempt */
#define LIMIT_REMOTE_ARENA	(16u * 1024 * 1024)	/* of an attempt: the longest replies for 100 recipients, from all hosts */
#define LIMIT_JOB_DIALED	4096
/* The queue: an envelope with 1000 recipients, each with its address, wishes and ORCPT; a log's entry. */
#define LIMIT_ENVELOPE		(1024u * 1024)
#define LIMIT_ENVELOPE_ARENA	(2 * LIMIT_ENVELOPE)	/* its text, and what is decoded from it */
#define LIMIT_SPOOL_WORD	512	/* of a result: host, status …; more is cut */
#define LIMIT_SPOOL_DEST	1024	/* what queue-send calls a destination: a verdict's text, or a domain and a transport */

/* A notification: of the message it is about, of the words that peers said, and all of it. */
#define LIMIT_NOTICE_FULL	(1024u * 1024)	/* RET=FULL gives a larger one's header alone */
#define LIMIT_NOTICE_HEADER	(256u * 1024)
#define LIMIT_NOTICE_WORDS	(512u * 1024)	/* shared by its recipients */
#define LIMIT_NOTICE		(16u * 1024 * 1024)

/* What is submitted: a header that is kept in memory; the longest delay that may be asked for (RFC 4865), 60 days. */
#define LIMIT_SUBMISSION_HEADER	(1024u * 1024)
#define LIMIT_SUBMISSION_HOLD	5184000

/* IMAP before and after login. */
#define LIMIT_IMAP_LINE		16384
#define LIMIT_IMAP_TAG		256	/* kept over the dialogue of a login */
#define LIMIT_IMAP_LITERAL	102400	/* one literal that is not a message */
#define LIMIT_IMAP_LITERALS	1024000	/* all of a command's literals */
#define LIMIT_IMAP_LITERAL_COUNT 1000
#define LIMIT_IMAP_LINES	65536	/* all lines of one command, literals apart */
#define LIMIT_IMAP_COMMAND	(LIMIT_IMAP_LITERALS + LIMIT_IMAP_LINES)
#define LIMIT_IMAP_ARENA	(4u * 1024 * 1024)	/* what one command's parsed form may take */
#define LIMIT_IMAP_DEPTH	50	/* parentheses, NOT and OR inside each other */
#define LIMIT_IMAP_ID_FIELDS	30	/* RFC 2971 3.3 */
#define LIMIT_IMAP_SKIP		1000000	/* of a refused message that is read all the same */
#define LIMIT_IMAP_INPUT	65536	/* read ahead of the command being done */
#define LIMIT_IMAP_OUTPUT	(16u * 1024 * 1024)	/* one response line, a body structure at worst */
#define LIMIT_IMAP_IDLE_MS	(30 * 60 * 1000)	/* RFC 3501 5.4 */
#define LIMIT_IMAP_LINGER_MS	200	/* silence after which a session gives memory back */
#define LIMIT_IMAP_WRITE_MS	(30 * 1000)
#define LIMIT_IMAP_BULK_MS	(5 * 60 * 1000)	/* for commands that write much */

/* Login: one SASL message, a name, a password (after PRECIS). */
#define LIMIT_SASL_RESPONSE	4096
#define LIMIT_SASL_NAME		512	/* an address, each byte escaped, fits */
#define LIMIT_PASSWORD		1024
#define LIMIT_PASSWORD_MIN	8	/* bytes of a new one */
#define LIMIT_CRYPT_HASH	384	/* crypt(3)'s CRYPT_OUTPUT_SIZE */
#define LIMIT_SCRAM_ITERATIONS	10000	/* what a client pays at login: 2 ms here */
#define LIMIT_ACCOUNT		128	/* bytes of an account's name */
#define LIMIT_ATTEMPTS		10000	/* different failures kept of one account */
#define LIMIT_AUTHD_NETWORKS	30000	/* whose failed logins are counted: 1 MB */
#define LIMIT_AUTHD_DIALOGUES	512	/* at once in one worker */
#define LIMIT_AUTHD_WORKERS	8	/* at most, however many cores there are */

/* MIME: what hostile mail may cost us. */
#define LIMIT_MIME_DEPTH	100
#define LIMIT_MIME_PARTS	10000
#define LIMIT_MIME_PARAMS	100
#define LIMIT_MIME_PARAM_NAME	100	/* of a parameter in sections: they are looked up by name */
#define LIMIT_MIME_ARENA	(8u * 1024 * 1024)	/* what is told of one message's parts */

/* A character of any charset, with escape sequences before it, cut by a buffer end. */
#define LIMIT_CHARSET_HELD	16

/* RFC 2047 says 75 for a whole encoded word; mailers that cannot count say more. */
#define LIMIT_CHARSET_NAME	64
#define LIMIT_ENCODED_WORD	8192

/* Addresses of one header field: above any list that people write by hand. */
#define LIMIT_ADDRLIST		10000

/* Mailbox names, in bytes of UTF-8: a path below the account must fit. */
#define LIMIT_MAILBOX_NAME	1000
#define LIMIT_MAILBOX_DEPTH	50
#define LIMIT_MAILBOX_ELEMENT	255	/* encoded: NAME_MAX of every file system we know */
#define LIMIT_KEYWORD		100	/* bytes of a keyword's name */

/* The store's small text files: a mailbox's, and an account's with its subscriptions. */
#define LIMIT_MAILBOX_FILE	16384
#define LIMIT_ACCOUNT_FILE	(4u * 1024 * 1024)

/* Seconds after which maildir gives up a file in tmp/. */
#define LIMIT_TMP_AGE		(36 * 3600)

/* listend: a header of PROXY v2 with its TLVs (the addresses need 52 bytes). */
#define LIMIT_PROXY		2048

/* listend: what one connection may hold back for a side that does not take it. */
#define LIMIT_PUMP		65536

/* listend: networks counted in one minute (40 bytes each). */
#define LIMIT_IPLIMIT		65536

/* Hosts of one destination that are tried, and addresses of one host: above what anybody who takes mail has. */
#define LIMIT_MX_HOSTS		64
#define LIMIT_MX_ADDRESSES	64

/* DMARC: places to report to in one record; names asked for one message (From's walk needs 12; signatures may add theirs). */
#define LIMIT_DMARC_URIS	16
#define LIMIT_DMARC_LOOKUPS	64
#define LIMIT_DMARC_ARENA	(LIMIT_DMARC_LOOKUPS * 2u * LIMIT_RECORD)	/* a record for each, and the names */

/* Authentication-Results: what is told of a text of a peer (doubled by escapes, a line is below 998), and what is read. */
#define LIMIT_AUTHRES_VALUE	400
#define LIMIT_AUTHRES_DEPTH	20	/* comments in comments */
#define LIMIT_AUTHRES_RESULTS	100
#define LIMIT_AUTHRES_PROPS	1000	/* of all results */

/* dnsd: clients, their questions, and what libunbound is working on (20 KiB each at worst). */
#define LIMIT_DNSD_CLIENTS	1000
#define LIMIT_DNSD_PIPELINE	256	/* questions of one client */
#define LIMIT_DNSD_QUESTIONS	8192	/* of all */
#define LIMIT_DNSD_LOOKUPS	4096
#define LIMIT_DNSD_ID		32	/* bytes of a question's id */
#define LIMIT_DNSD_WAITING	(1024u * 1024)	/* bytes of answers that one client does not take */
#define LIMIT_DNSD_MS		30000	/* patience for one question, at most and when none is told: */
#define LIMIT_DNSD_MS_DEFAULT	10000

/* SPF (RFC 7208 4.6.4): what one mail may make us ask. */
#define LIMIT_SPF_LOOKUPS	10	/* terms that ask the DNS, over all includes */
#define LIMIT_SPF_VOID		2	/* of them, those that find nothing */
#define LIMIT_SPF_NAMES		10	/* hosts of an MX mechanism, names of an address */
#define LIMIT_SPF_VALUE		1024	/* of one macro; a path has at most LIMIT_PATH */
#define LIMIT_SPF_LOCAL		512	/* of it, the localpart */
#define LIMIT_SPF_EXPLANATION	800	/* what is kept of a stranger's text */
#define LIMIT_SPF_TOLD		1024	/* of a step, for people */
#define LIMIT_SPF_ARENA		(2u * 1024 * 1024)	/* a record for each look-up, and the names asked for */

_Static_assert((LIMIT_SPF_LOOKUPS + 1) * LIMIT_RECORD < LIMIT_SPF_ARENA / 2, "all records of a check fit");
_Static_assert(LIMIT_SPF_LOCAL + LIMIT_DOMAIN < LIMIT_SPF_VALUE, "a sender fits into a macro's value");

/* DKIM: what a stranger's signatures may cost us. */
#define LIMIT_DKIM_SIGNATURES	10	/* of one message that are looked at: a look-up and 0.2 ms each */
#define LIMIT_DKIM_SIGNATURE	16384	/* bytes of one field: hundreds of names in h= */
#define LIMIT_DKIM_TAGS		64	/* of one list; the RFCs know 16 */
#define LIMIT_DKIM_IDENTITY	1024	/* i=, decoded */
#define LIMIT_DKIM_KEY		8192	/* bytes of a key record: RSA-8192 needs 1500 */
#define LIMIT_DKIM_RSA_MIN	1024	/* bits (RFC 8301 3.2) */
#define LIMIT_DKIM_RSA_MAX	8192	/* one verification: 0.5 ms */
#define LIMIT_DKIM_HEADER	(1024u * 1024)	/* a message's header, that is in memory meanwhile */
#define LIMIT_DKIM_ARENA	(4u * 1024 * 1024)	/* its index and the signatures */
#define LIMIT_DKIM_ANSWERS	(LIMIT_DKIM_SIGNATURES * 4 * LIMIT_RECORD)	/* what DNS says of its keys */

_Static_assert(LIMIT_LOCALPART < LIMIT_PATH, "a localpart fits into a path");
_Static_assert(LIMIT_SMTP_LINE > 2 * LIMIT_PATH, "MAIL with parameters fits into a line");
_Static_assert(LIMIT_IMAP_LINE < LIMIT_RECORD / 2, "a pipelined line fits encoded into a record");

_Static_assert(2 * LIMIT_SASL_RESPONSE < LIMIT_SMTP_AUTH_LINE, "a SASL message fits encoded into a response of AUTH");
_Static_assert(2 * LIMIT_SASL_RESPONSE < LIMIT_IMAP_LINE, "a SASL message fits encoded into a line");
_Static_assert(LIMIT_SMTP_RCPTS * (LIMIT_PATH + LIMIT_ORCPT + 128) < LIMIT_ENVELOPE, "recipients fit into an envelope");
_Static_assert(5 * LIMIT_SMTP_RCPTS + LIMIT_SMTP_REPLY + 8 * LIMIT_SPOOL_WORD + LIMIT_SPOOL_DEST + LIMIT_JOB_DIALED < LIMIT_RECORD, "an entry of a log is a record");

#endif
