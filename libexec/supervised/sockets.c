#include "supervised.h"

#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/conf.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/home.h"
#include "sys/ipc.h"
#include "sys/priv.h"
#include "sys/seal.h"

enum { BOUND_MAX = 1000, BACKLOG = 1024 };

static struct bound *
grow(struct bound_set *set, const char *name, const char *address, int fd)
{
	struct bound	*v;

	if (set->n == BOUND_MAX) {
		errno = EMFILE;
		return NULL;
	}
	v = realloc(set->v, (set->n + 1) * sizeof(*v));
	if (v == NULL)
		return NULL;
	set->v = v;
	v += set->n;
	*v = (struct bound){ .fd = fd, .wanted = true };
	if (!str_copy(str_c(name), v->name, sizeof(v->name)) ||
	    !str_copy(str_c(address), v->address, sizeof(v->address))) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	set->n++;
	return v;
}

/* ADDRESS port PORT, as people read it. */
static void
tcp_text(const struct ip *ip, uint16_t port, char *text, size_t size)
{
	struct buf	b = { .p = text, .cap = size, .max = size - 1 };

	ip_format(&b, ip);
	buf_addf(&b, " port %u", port);
	text[b.n] = '\0';
}

static socklen_t
tcp_address(const struct ip *ip, uint16_t port, struct sockaddr_storage *ss)
{
	struct sockaddr_in6	in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in	in4 = { .sin_family = AF_INET, .sin_port = htons(port) };

	*ss = (struct sockaddr_storage){ .ss_family = AF_UNSPEC };
	if (ip->len == 16) {
		memcpy(&in6.sin6_addr, ip->b, 16);
		memcpy(ss, &in6, sizeof(in6));
		return sizeof(in6);
	}
	memcpy(&in4.sin_addr, ip->b, 4);
	memcpy(ss, &in4, sizeof(in4));
	return sizeof(in4);
}

static int
tcp_listen(const struct ip *ip, uint16_t port)
{
	struct sockaddr_storage	ss;
	socklen_t		len = tcp_address(ip, port, &ss);
	int			sock = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, err;

	if (sock == -1)
		return -1;
	if (setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    (ip->len == 4 || setsockopt(sock, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0) &&
	    bind(sock, (struct sockaddr *)&ss, len) == 0 && listen(sock, BACKLOG) == 0)
		return sock;
	err = errno;
	(void)fd_close(&sock);
	errno = err;
	return -1;
}

static struct bound *
find(const struct bound_set *set, const char *name, const char *address)
{
	for (size_t i = 0; i < set->n; i++)
		if (strcmp(set->v[i].name, name) == 0 && strcmp(set->v[i].address, address) == 0)
			return &set->v[i];
	return NULL;
}

/* 1 bound anew, 0 was there, -1 after telling why. */
static int
bind_tcp(struct bound_set *set, const char *name, const struct ip *ip, uint16_t port)
{
	char		address[96];
	struct bound	*b;
	int		fd;

	tcp_text(ip, port, address, sizeof(address));
	b = find(set, name, address);
	if (b != NULL) {
		b->wanted = true;
		return 0;
	}
	fd = tcp_listen(ip, port);
	if (fd != -1 && grow(set, name, address, fd) != NULL)
		return 1;
	warn("unable to listen on %s for %s", address, name);
	(void)fd_close(&fd);
	return -1;
}

static int
bind_unix(struct bound_set *set, const struct service_socket *so, bool same_user)
{
	int	fd = ipc_listen(so->path, (mode_t)so->mode);
	uid_t	uid;
	gid_t	gid;

	if (fd != -1 && so->owner != NULL && !same_user && geteuid() == 0 &&
	    (priv_lookup(so->owner, &uid, &gid) == -1 || chown(so->path, uid, gid) == -1))
		goto fail;
	if (fd != -1 && grow(set, so->name, so->path, fd) != NULL)
		return 0;
fail:
	warn("unable to listen on %s", so->path);
	(void)fd_close(&fd);
	return -1;
}

int
sockets_bind_service(struct bound_set *set, const struct service *sv, bool same_user)
{
	int	result = 0;

	for (size_t i = 0; i < sv->nsocket; i++)
		if (bind_unix(set, &sv->socket[i], same_user) == -1)
			result = -1;
	for (size_t i = 0; i < sv->ntcp; i++)
		if (bind_tcp(set, sv->tcp[i].name, &sv->tcp[i].address, sv->tcp[i].port) == -1)
			result = -1;
	return result;
}

static int
seal_new(void)
{
	char	key[SEAL_KEY];
	int	fd = file_unnamed();

	if (fd == -1)
		return -1;
	if (getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key) || pwrite_all(fd, str_n(key, sizeof(key)), 0) == -1)
		(void)fd_close(&fd);
	explicit_bzero(key, sizeof(key));
	return fd;
}

int
sockets_add_seal(struct bound_set *set)
{
	static int	key = -1;
	int		fd;

	if (key == -1)
		key = seal_new();
	fd = key == -1 ? -1 : fcntl(key, F_DUPFD_CLOEXEC, 0);
	if (fd != -1 && grow(set, SEAL_NAME, "a key", fd) != NULL)
		return 0;
	warn("unable to make a key of seals");
	(void)fd_close(&fd);
	return -1;
}

/* Close what the configuration no longer names. True when something was. */
static bool
sweep(struct bound_set *set)
{
	size_t	kept = 0;
	bool	changed;

	for (size_t i = 0; i < set->n; i++)
		if (set->v[i].wanted)
			set->v[kept++] = set->v[i];
		else
			(void)fd_close(&set->v[i].fd);
	changed = kept != set->n;
	set->n = kept;
	return changed;
}

/* The ports of one listener on each of its addresses. */
static int
bind_listener(struct bound_set *set, const struct conf_listener *ls, bool *changed_r)
{
	char	name[96];
	int	result = 0;

	for (enum conf_service sv = 0; sv < CONF_SERVICES; sv++)
		for (size_t i = 0; ls->port[sv] != 0 && i < ls->naddress; i++) {
			int	n;

			(void)snprintf(name, sizeof(name), STR_FMT "/%s", STR_ARG(ls->name), conf_service_name(sv));
			n = bind_tcp(set, name, &ls->address[i], ls->port[sv]);
			*changed_r = *changed_r || n == 1;
			result = n == -1 ? -1 : result;
		}
	return result;
}

int
sockets_bind_listeners(struct bound_set *set, bool *changed_r)
{
	struct conf			*conf = conf_open();
	const struct conf_machine	*m;
	int				 result = 0;

	*changed_r = false;
	if (conf == NULL) {
		warn("unable to open " HOME_CONFIG_TDB " (posthorn config build makes it)");
		return -1;
	}
	m = conf_machine(conf);
	for (size_t i = 0; i < set->n; i++)
		set->v[i].wanted = false;
	for (size_t i = 0; i < m->nlistener; i++)
		if (bind_listener(set, &m->listener[i], changed_r) == -1)
			result = -1;
	if (sweep(set))
		*changed_r = true;
	conf_close(conf);
	return result;
}

/* Their paths go with us, so that a caller sees at once that nobody is there. */
void
sockets_unlink(const struct service *sv)
{
	for (size_t i = 0; i < sv->nsocket; i++)
		(void)unlink(sv->socket[i].path);
}
