/* sandbox: what each profile lets through and what it does not. */
#include "sys/sandbox.h"

#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <netinet/in.h>
#include <pthread.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "sys/deadline.h"
#include "../tap.h"

static char	dir[] = "/tmp/posthorn-sandbox.XXXXXX";

/* Each of these says whether the thing can be done. */
static bool
can_read_passwd(void)
{
	return open("/etc/passwd", O_RDONLY) != -1;
}

static bool
can_tcp(void)
{
	struct sockaddr_in	sin = { .sin_family = AF_INET, .sin_port = htons(1) };
	int			sock = socket(AF_INET, SOCK_STREAM, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (sock == -1)
		return false;
	return connect(sock, (struct sockaddr *)&sin, sizeof(sin)) == 0 || errno == ECONNREFUSED;
}

static bool
can_udp(void)
{
	struct sockaddr_in	sin = { .sin_family = AF_INET, .sin_port = htons(1) };
	int			sock = socket(AF_INET, SOCK_DGRAM, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return sock != -1 && connect(sock, (struct sockaddr *)&sin, sizeof(sin)) == 0 && send(sock, "", 1, 0) == 1;
}

static void *
nothing(void *of)
{
	return of;
}

static bool
can_thread(void)
{
	pthread_t	t;

	return pthread_create(&t, NULL, nothing, NULL) == 0 && pthread_join(t, NULL) == 0;
}

static bool
can_unix(void)
{
	struct sockaddr_un	un = { .sun_family = AF_UNIX };
	int			sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s/sock", dir);
	return sock != -1 && connect(sock, (struct sockaddr *)&un, sizeof(un)) == 0;
}

static bool
can_exec(void)
{
	(void)execl("/bin/true", "true", NULL);
	return errno != EPERM && errno != EACCES;
}

static bool
can_fork(void)
{
	pid_t	pid = fork();

	if (pid == 0)
		_exit(0);
	return pid != -1 && waitpid(pid, NULL, 0) == pid;
}

static bool
can_lock(void)
{
	struct flock	fl = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 1 };
	int		fd = memfd_create("x", MFD_CLOEXEC);
	void		*p;

	if (fd == -1 || ftruncate(fd, 4096) == -1 || fcntl(fd, F_SETLKW, &fl) == -1)
		return false;
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	return p != MAP_FAILED && munmap(p, 4096) == 0;
}

static bool
can_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static bool
can_write_below(void)
{
	int	fd = open("sub/new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd == -1 || write(fd, "x", 1) != 1 || fsync(fd) == -1 || close(fd) == -1)
		return false;
	return mkdir("sub2", 0700) == 0 && link("sub/new", "sub2/other") == 0 &&
	    rename("sub/new", "sub2/third") == 0 && unlink("sub2/other") == 0 &&
	    unlink("sub2/third") == 0 && rmdir("sub2") == 0;
}

static bool
can_read_below(void)
{
	struct stat	st;
	int		fd = open("file", O_RDONLY | O_CLOEXEC);

	return fd != -1 && fstat(fd, &st) == 0 && close(fd) == 0;
}

/* By it the store knows whether the machine started anew since the index was written. */
static bool
can_read_boot_id(void)
{
	return open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC) != -1;
}

static bool
can_watch(void)
{
	int	fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	return fd != -1 && inotify_add_watch(fd, "file", IN_ATTRIB) != -1;
}

static const struct fact {
	const char	*what;
	bool		(*can)(void);
	bool		 session, verify, account, store, net, caller, resolver, queue;
} facts[] = {
	{ "read /etc/passwd", can_read_passwd, false, false, false, false, false, false, false, false },
	{ "connect by TCP", can_tcp, false, false, false, false, false, true, true, false },
	{ "connect to a unix socket", can_unix, true, true, false, false, true, true, false, true },
	{ "fork", can_fork, false, false, false, false, false, false, false, false },
	{ "lock and map an open file", can_lock, true, true, true, true, true, true, true, true },
	{ "map code", can_code, false, false, false, false, false, false, false, false },
	{ "write below the directory", can_write_below, false, false, true, true, false, false, false, true },
	{ "read below the directory", can_read_below, false, false, true, true, true, false, true, true },
	{ "read the boot id", can_read_boot_id, false, false, true, true, false, false, false, true },
	{ "watch below the directory", can_watch, false, false, true, true, true, false, true, true },
	{ "send by UDP", can_udp, false, false, false, false, false, true, true, false },
	{ "start a thread", can_thread, false, false, false, false, false, false, true, false },
	{ "run a program", can_exec, false, false, false, false, false, false, false, false },
};

enum { FACTS = sizeof(facts) / sizeof(facts[0]) };

/* All facts in one child, its answers as letters on a pipe. */
static void
ask(enum sandbox profile, int dirfd, char got[FACTS + 1])
{
	int	pipes[2];
	pid_t	pid;
	ssize_t	n;

	if (pipe(pipes) == -1 || (pid = fork()) == -1)
		exit(1);
	if (pid == 0) {
		sandbox_enter_dir(profile, dirfd);
		for (size_t i = 0; i < FACTS; i++)
			if (write(pipes[1], facts[i].can() ? "y" : "n", 1) != 1)
				_exit(1);
		_exit(0);
	}
	(void)close(pipes[1]);
	n = read(pipes[0], got, FACTS);
	for (ssize_t more = n; more > 0 && n < FACTS; n += more)
		more = read(pipes[0], got + n, (size_t)(FACTS - n));
	got[n > 0 ? n : 0] = '\0';
	(void)close(pipes[0]);
	(void)waitpid(pid, NULL, 0);
}

static bool
wanted(const struct fact *f, enum sandbox profile)
{
	switch (profile) {
	case SANDBOX_SESSION:	return f->session;
	case SANDBOX_VERIFY:	return f->verify;
	case SANDBOX_ACCOUNT:	return f->account;
	case SANDBOX_STORE:	return f->store;
	case SANDBOX_NET:	return f->net;
	case SANDBOX_CALLER:	return f->caller;
	case SANDBOX_RESOLVER:	return f->resolver;
	case SANDBOX_QUEUE:	return f->queue;
	}
	return false;
}

static void
test_profile(enum sandbox profile, const char *name, int dirfd)
{
	char	got[FACTS + 1];

	ask(profile, dirfd, got);
	for (size_t i = 0; i < FACTS; i++) {
		bool	want = wanted(&facts[i], profile);

		ok(got[i] == (want ? 'y' : 'n'), "%s: %s %s", name, want ? "may" : "may not", facts[i].what);
	}
}

static bool
can_read(const char *path)
{
	int	fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd != -1 && close(fd) == 0;
}

static bool
can_make(const char *path)
{
	int	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	return fd != -1 && close(fd) == 0;
}

/* The store's profile on sub/, with files beside it that are replaced while it runs. */
static void
test_beside(int dirfd)
{
	int	sub = open("sub", O_RDONLY | O_DIRECTORY | O_CLOEXEC), go[2], got[2];
	char	r[9] = "", c;

	if (sub == -1 || pipe(go) == -1 || pipe(got) == -1)
		exit(1);
	if (fork() == 0) {
		sandbox_enter_dirs(SANDBOX_STORE, sub, dirfd);
		if (read(go[0], &c, 1) != 1)
			_exit(1);
		r[0] = can_read("file") ? 'y' : 'n';
		r[1] = can_make("file") ? 'y' : 'n';
		r[2] = can_make("other") ? 'y' : 'n';
		r[3] = can_read(".") ? 'y' : 'n';
		r[4] = can_make("sub/other") && can_read("sub") && unlink("sub/other") == 0 ? 'y' : 'n';
		r[5] = unlink("file") == 0 ? 'y' : 'n';
		r[6] = can_read_passwd() ? 'y' : 'n';
		r[7] = can_tcp() ? 'y' : 'n';
		_exit(write(got[1], r, 8) != 8);
	}
	ok(can_make("file.new") && rename("file.new", "file") == 0 && write(go[1], "x", 1) == 1, "a file is replaced");
	is_num(read(got[0], r, 8), 8, "answers");
	(void)wait(NULL);
	ok(r[0] == 'y', "beside: may read a file that was replaced");
	ok(r[1] == 'n' && r[2] == 'n' && r[5] == 'n', "beside: may not write, make or remove one");
	ok(r[3] == 'n', "beside: may not list the directory");
	ok(r[4] == 'y', "beside: may use the directory of its own");
	ok(r[6] == 'n' && r[7] == 'n', "beside: no /etc/passwd, no TCP");
	(void)close(sub);
}

/* It runs for each connection: the least of some rounds, as the machine is shared. */
static void
test_cost(void)
{
	enum { ROUNDS = 20 };
	int64_t	from, took, least = INT64_MAX;
	int	pipes[2];

	if (pipe(pipes) == -1)
		exit(1);
	for (int i = 0; i < ROUNDS; i++) {
		if (fork() == 0) {
			from = clock_now_us();
			sandbox_enter(SANDBOX_SESSION);
			took = clock_now_us() - from;
			_exit(write(pipes[1], &took, sizeof(took)) != sizeof(took));
		}
		if (read(pipes[0], &took, sizeof(took)) == sizeof(took) && took < least)
			least = took;
		(void)wait(NULL);
	}
	printf("# entering took %lld us\n", (long long)least);
	ok(least < 1000, "entering is cheap");
}

int
main(void)
{
	int			dirfd, sock;
	struct sockaddr_un	un = { .sun_family = AF_UNIX };

#ifdef POSTHORN_SANITIZE
	printf("1..0 # SKIP sanitizers need what the sandbox denies\n");
	return 0;
#endif
	if (mkdtemp(dir) == NULL || chdir(dir) == -1 || mkdir("sub", 0700) == -1)
		return 1;
	(void)close(open("file", O_WRONLY | O_CREAT, 0600));
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s/sock", dir);
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (bind(sock, (struct sockaddr *)&un, sizeof(un)) == -1 || listen(sock, 100) == -1)
		return 1;
	dirfd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	test_profile(SANDBOX_SESSION, "session", -1);
	test_profile(SANDBOX_VERIFY, "verify", -1);
	test_profile(SANDBOX_ACCOUNT, "account", dirfd);
	test_profile(SANDBOX_STORE, "store", dirfd);
	test_profile(SANDBOX_NET, "net", dirfd);
	test_profile(SANDBOX_CALLER, "caller", -1);
	test_profile(SANDBOX_RESOLVER, "resolver", dirfd);
	test_profile(SANDBOX_QUEUE, "queue", dirfd);
	test_beside(dirfd);
	test_cost();
	(void)unlink("file");
	(void)unlink("sub/new");
	(void)unlink("sock");
	(void)rmdir("sub");
	return rmdir(dir) == -1 ? 1 : done_testing();
}
