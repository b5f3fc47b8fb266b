/*
 * peer: who is calling, as listend and authd told spawnd and spawnd put into
 * the environment of a session. A session has its bytes on descriptors 0 and
 * 1 (one socket) and its control socket to listend on PEER_CONTROL.
 *
 * The record "conn" version 1, from listend to a spawnd socket, with two
 * descriptors (data, control); authd passes the same on to imapd's door with
 * account, tag and input added. spawnd answers "spawned" version 1: ok=1, or error=TEXT.
 *
 *	id		of the connection, for logs and Received
 *	service		smtp, submission, submissions, imap, imaps, …
 *	listener	name in posthorn.conf
 *	rip rport	the peer's address and port, IPv6 without brackets
 *	lip lport	ours
 *	trusted		1 when the address is in the listener's trusted networks
 *	starttls	1 when the session may ask for TLS
 *	tls		TLSv1.3 or TLSv1.2; absent in plain text
 *	cipher sni	of the TLS session
 *	fingerprint	SHA-256 of the client certificate's public key, hex; absent without
 *	exporter	channel binding tls-exporter (RFC 9266), hex
 *	endpoint	channel binding tls-server-end-point (RFC 5929), hex
 *	seal		listend's, over the facts above (lib/sys/seal.h); absent when it has no key
 *	account login	after authd: the account's name and the address that logged in
 *	mechanism	the SASL mechanism it used
 *	tag		IMAP: the tag of the command to be answered
 *	input		base64 of bytes that came behind that command
 *
 * As environment: PEER_ and the name in capitals.
 *
 * data is the peer's TCP socket itself while the connection is in plain text
 * (listend then costs it nothing), and a unix socket that listend pumps decrypted
 * bytes through when there is TLS.
 *
 * The control socket (SOCK_SEQPACKET): the session writes "S" when its
 * go-ahead is written to the data socket, and reads data no more. listend throws
 * away plaintext that came since, does the handshake and sends a record "tls"
 * version 1 with tls, cipher, sni, fingerprint, exporter, endpoint, and a seal that
 * is good from now on, and beside it the new data socket. The session throws away what it had read, puts the new
 * socket in place of the old one, and writes "G"; only then listend pumps. A
 * failed handshake ends the connection. A session that came with TLS finds the
 * other end of its control socket closed.
 */
#ifndef SYS_PEER_H
#define SYS_PEER_H

#include "../base/buf.h"
#include "deadline.h"

enum { PEER_CONTROL = 3 };

/* Everything borrowed from the environment; absent ones are empty. */
struct peer {
	struct str	id, service, listener;
	struct str	rip, rport, lip, lport;
	struct str	tls, cipher, sni, fingerprint, exporter, endpoint;
	struct str	seal;
	struct str	account, login, mechanism, tag;
	bool		trusted, starttls;
};

struct peer	peer_from_env(void);

/* The same from a record that peer_add() made; borrowed from it. Without account and what follows. */
struct peer	peer_from_record(struct str rec);

/* The bytes that came before this program took over, decoded into b. */
bool	peer_input(struct buf *b) __attribute__((warn_unused_result));

/*
 * Add the peer's attributes to a record that names whose call this is for. The
 * seal is only for authd: it makes others, who could pass it on, believed.
 */
void	peer_add(struct buf *rec, const struct peer *);

/*
 * Ask listend for TLS as told above; 0 with p's TLS facts set (kept in static
 * memory), -1 with errno. The caller has written its go-ahead, and drops its own buffer after.
 */
int	peer_starttls(struct peer *p, int data, struct deadline) __attribute__((warn_unused_result));

#endif
