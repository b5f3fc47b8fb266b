#include "sandbox.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>

#if defined(__linux__) && !defined(POSTHORN_SANITIZE) && (defined(__x86_64__) || defined(__aarch64__))

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <sched.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#ifdef __x86_64__
#define ARCH	AUDIT_ARCH_X86_64
#else
#define ARCH	AUDIT_ARCH_AARCH64
#endif

/* --- which system calls: groups, and the groups of a profile */

enum {
	CORE	= 1 << 0,	/* memory, time, signals, open descriptors */
	ACCEPT	= 1 << 1,
	UNIX	= 1 << 2,	/* new unix sockets */
	READ	= 1 << 3,	/* files, read-only; landlock says which */
	WRITE	= 1 << 4,
	CALL	= 1 << 5,	/* sockets to others */
	THREAD	= 1 << 6,	/* threads; what they bind */
};

static const unsigned	profile_groups[] = {
	[SANDBOX_SESSION]	= CORE | UNIX,
	[SANDBOX_VERIFY]	= CORE | UNIX | ACCEPT,
	[SANDBOX_ACCOUNT]	= CORE | READ | WRITE,
	[SANDBOX_STORE]		= CORE | READ | WRITE | ACCEPT,
	[SANDBOX_CALLER]	= CORE | UNIX | CALL,
	[SANDBOX_RESOLVER]	= CORE | READ | ACCEPT | CALL | THREAD,
	[SANDBOX_QUEUE]		= CORE | UNIX | READ | WRITE | ACCEPT,
	[SANDBOX_NET]		= CORE | UNIX | READ | ACCEPT,
};

static const struct {
	uint16_t	nr;
	uint8_t		groups;
} calls[] = {
	{ SYS_read, CORE }, { SYS_write, CORE }, { SYS_recvfrom, CORE }, { SYS_sendto, CORE },
	{ SYS_ppoll, CORE }, { SYS_close, CORE }, { SYS_fcntl, CORE }, { SYS_pread64, CORE },
	{ SYS_recvmsg, CORE }, { SYS_sendmsg, CORE }, { SYS_epoll_pwait, CORE },
#ifdef SYS_poll
	{ SYS_poll, CORE }, { SYS_epoll_wait, CORE }, { SYS_select, CORE }, { SYS_time, CORE },
	{ SYS_dup2, CORE }, { SYS_pipe, CORE }, { SYS_epoll_create, CORE }, { SYS_getpgrp, CORE },
#endif
	{ SYS_brk, CORE }, { SYS_munmap, CORE }, { SYS_mremap, CORE }, { SYS_madvise, CORE },
	{ SYS_futex, CORE }, { SYS_clock_gettime, CORE }, { SYS_gettimeofday, CORE },
	{ SYS_clock_getres, CORE }, { SYS_nanosleep, CORE }, { SYS_clock_nanosleep, CORE },
	{ SYS_rt_sigprocmask, CORE }, { SYS_rt_sigaction, CORE }, { SYS_rt_sigreturn, CORE },
	{ SYS_restart_syscall, CORE }, { SYS_sigaltstack, CORE }, { SYS_getrandom, CORE },
	{ SYS_exit_group, CORE }, { SYS_exit, CORE }, { SYS_fstat, CORE }, { SYS_lseek, CORE },
	{ SYS_pwrite64, CORE }, { SYS_readv, CORE }, { SYS_writev, CORE }, { SYS_preadv, CORE },
	{ SYS_pwritev, CORE }, { SYS_ftruncate, CORE }, { SYS_fallocate, CORE },
	{ SYS_fsync, CORE }, { SYS_fdatasync, CORE }, { SYS_sendfile, CORE }, { SYS_msync, CORE },
	{ SYS_memfd_create, CORE }, { SYS_dup, CORE }, { SYS_dup3, CORE }, { SYS_pipe2, CORE },
	{ SYS_shutdown, CORE }, { SYS_getsockopt, CORE }, { SYS_setsockopt, CORE },
	{ SYS_getsockname, CORE }, { SYS_getpeername, CORE }, { SYS_pselect6, CORE },
	{ SYS_epoll_create1, CORE }, { SYS_epoll_ctl, CORE }, { SYS_eventfd2, CORE },
	{ SYS_getpid, CORE }, { SYS_gettid, CORE }, { SYS_getppid, CORE }, { SYS_getuid, CORE },
	{ SYS_geteuid, CORE }, { SYS_getgid, CORE }, { SYS_getegid, CORE }, { SYS_getrusage, CORE },
	{ SYS_uname, CORE }, { SYS_sysinfo, CORE }, { SYS_umask, CORE }, { SYS_sched_yield, CORE },
	{ SYS_accept4, ACCEPT }, { SYS_accept, ACCEPT },
	{ SYS_connect, UNIX | CALL }, { SYS_bind, THREAD },
	{ SYS_set_robust_list, THREAD }, { SYS_rseq, THREAD },
	{ SYS_openat, READ }, { SYS_newfstatat, READ }, { SYS_statx, READ }, { SYS_getdents64, READ },
	{ SYS_readlinkat, READ }, { SYS_faccessat, READ }, { SYS_getcwd, READ }, { SYS_fchdir, READ },
	{ SYS_fstatfs, READ }, { SYS_inotify_init1, READ }, { SYS_inotify_add_watch, READ },
	{ SYS_inotify_rm_watch, READ }, { SYS_flock, READ },
#ifdef SYS_open
	{ SYS_open, READ }, { SYS_stat, READ }, { SYS_lstat, READ }, { SYS_access, READ },
	{ SYS_rename, WRITE }, { SYS_unlink, WRITE }, { SYS_link, WRITE }, { SYS_mkdir, WRITE },
	{ SYS_rmdir, WRITE }, { SYS_chmod, WRITE },
#endif
	{ SYS_renameat, WRITE }, { SYS_renameat2, WRITE }, { SYS_linkat, WRITE },
	{ SYS_unlinkat, WRITE }, { SYS_mkdirat, WRITE }, { SYS_utimensat, WRITE },
	{ SYS_fchmod, WRITE }, { SYS_fchmodat, WRITE }, { SYS_copy_file_range, WRITE },
	{ SYS_sync_file_range, WRITE }, { SYS_syncfs, WRITE },
};

/* --- the filter, put together by hand */

enum { CALLS = sizeof(calls) / sizeof(calls[0]), PROG_MAX = 2 * CALLS + 64 };

_Static_assert(2 * CALLS < 255, "a jump reaches from the first leaf past the last");

struct prog {
	struct sock_filter	f[PROG_MAX];
	unsigned short		n;
};

/* Where the low half of an argument lies. */
#define ARG(i)	(offsetof(struct seccomp_data, args) + (i) * sizeof(uint64_t))

static void
emit(struct prog *p, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
	if (p->n < PROG_MAX)
		p->f[p->n++] = (struct sock_filter){ code, jt, jf, k };
}

/*
 * Call nr is allowed when its argument passes: equal to value, or, with
 * bits, without any of them (none) or with all of that one bit.
 */
enum test { EQUAL, NONE_OF, ONE_OF };

static void
emit_argument(struct prog *p, uint32_t nr, unsigned arg, enum test test, uint32_t value)
{
	uint16_t	op = test == EQUAL ? BPF_JEQ : BPF_JSET;
	bool		hit_allows = test != NONE_OF;

	emit(p, BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 4);
	emit(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)ARG(arg), 0, 0);
	emit(p, BPF_JMP | op | BPF_K, value, hit_allows ? 0 : 1, hit_allows ? 1 : 0);
	emit(p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	emit(p, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM, 0, 0);
}

/* The same with a few values that are allowed. */
static void
emit_choice(struct prog *p, uint32_t nr, unsigned arg, const uint32_t *value, uint8_t n)
{
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, nr, 0, (uint8_t)(n + 3));
	emit(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)ARG(arg), 0, 0);
	for (uint8_t i = 0; i < n; i++)
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, value[i], (uint8_t)(n - i), 0);
	emit(p, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM, 0, 0);
	emit(p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

/* Which numbers a profile allows whatever their arguments are, in rising order. */
struct numbers {
	uint16_t	nr[CALLS];
	size_t		n;
};

static void
numbers_of(struct numbers *set, unsigned groups)
{
	set->n = 0;
	for (size_t i = 0; i < CALLS; i++) {
		size_t	at = set->n;

		if ((calls[i].groups & groups) == 0)
			continue;
		for (; at > 0 && set->nr[at - 1] > calls[i].nr; at--)
			set->nr[at] = set->nr[at - 1];
		set->nr[at] = calls[i].nr;
		set->n++;
	}
}

/*
 * Numbers lo up to hi as a tree of comparisons: the kernel walks the filter
 * once for every call there is when it is loaded, and a list would take it
 * longer than all the rest. Leaves are marked, for patch_leaves.
 */
enum { LEAF = 0xff };

static void
emit_tree(struct prog *p, const struct numbers *set, size_t lo, size_t hi)
{
	size_t		mid = lo + (hi - lo) / 2;
	unsigned short	at = p->n;

	if (hi - lo == 1) {
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, set->nr[lo], LEAF, LEAF);
		return;
	}
	emit(p, BPF_JMP | BPF_JGE | BPF_K, set->nr[mid], 0, 0);
	emit_tree(p, set, lo, mid);
	p->f[at].jt = (uint8_t)(p->n - at - 1);
	emit_tree(p, set, mid, hi);
}

static void
patch_leaves(struct prog *p, unsigned short first, unsigned short allow)
{
	for (unsigned short i = first; i < allow; i++)
		if (p->f[i].jt == LEAF && p->f[i].jf == LEAF) {
			p->f[i].jt = (uint8_t)(allow - i - 1);
			p->f[i].jf = (uint8_t)(allow - i);
		}
}

static void
build(struct prog *p, unsigned groups)
{
	struct numbers	set;
	unsigned short	first;

	emit(p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	emit(p, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM, 0, 0);
	emit(p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	first = p->n;
	numbers_of(&set, groups);
	emit_tree(p, &set, 0, set.n);
	patch_leaves(p, first, p->n);
	emit(p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	/* no memory that was written becomes code */
	emit_argument(p, SYS_mmap, 2, NONE_OF, PROT_EXEC);
	emit_argument(p, SYS_mprotect, 2, NONE_OF, PROT_EXEC);
	/* abort(3) signals itself, and nobody else is to be signalled */
	emit_argument(p, SYS_tgkill, 0, EQUAL, (uint32_t)getpid());
	if ((groups & (UNIX | CALL)) != 0) {
		if ((groups & CALL) == 0)
			emit_argument(p, SYS_socket, 0, EQUAL, AF_UNIX);
		else
			emit_choice(p, SYS_socket, 0, (const uint32_t[]){ AF_INET, AF_INET6, AF_UNIX },
			    (groups & UNIX) != 0 ? 3 : 2);
		emit_argument(p, SYS_socketpair, 0, EQUAL, AF_UNIX);
	}
	/* as if the kernel had only the older call, whose flags can be looked at */
	if ((groups & THREAD) != 0) {
		emit_argument(p, SYS_clone, 0, ONE_OF, CLONE_THREAD);
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1);
		emit(p, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS, 0, 0);
	}
	/* fstat(3) of some libcs is newfstatat(fd, "", AT_EMPTY_PATH) */
	if ((groups & READ) == 0)
		emit_argument(p, SYS_newfstatat, 3, ONE_OF, 0x1000);
	emit(p, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM, 0, 0);
}

/* --- landlock, by its system calls: Debian's headers know only a part of it */

enum {
	LL_CREATE_RULESET = 444, LL_ADD_RULE, LL_RESTRICT_SELF,
	LL_RULE_PATH_BENEATH = 1, LL_VERSION = 1,
};

struct ll_ruleset {
	uint64_t	fs, net, scoped;
};

struct ll_beneath {
	uint64_t	allowed;
	int32_t		fd;
} __attribute__((packed));

enum {
	LL_WRITE_FILE	= 1 << 1,
	LL_READ_FILE	= 1 << 2,
	LL_READ_DIR	= 1 << 3,
	LL_REMOVE_DIR	= 1 << 4,
	LL_REMOVE_FILE	= 1 << 5,
	LL_MAKE_DIR	= 1 << 7,
	LL_MAKE_REG	= 1 << 8,
	LL_REFER	= 1 << 13,	/* version 2: link and rename from one directory to another */
	LL_TRUNCATE	= 1 << 14,	/* version 3 */
	LL_FS_V2	= (1 << 14) - 1,
	LL_FS_V3	= (1 << 15) - 1,
	LL_NET		= 3,		/* version 4: TCP bind, connect */
	LL_NET_BIND	= 1,
	LL_SCOPED	= 3,		/* version 6: abstract sockets, signals */
	LL_READING	= LL_READ_FILE | LL_READ_DIR,
	LL_WRITING	= LL_WRITE_FILE | LL_REMOVE_DIR | LL_REMOVE_FILE | LL_MAKE_DIR |
			  LL_MAKE_REG | LL_REFER | LL_TRUNCATE,
};

static long
landlock_rule(int ruleset, int path, uint64_t allowed)
{
	struct ll_beneath	rule = { .allowed = allowed, .fd = path };

	return syscall(LL_ADD_RULE, ruleset, LL_RULE_PATH_BENEATH, &rule, 0);
}

/*
 * The store tells by the boot id whether its index may be older than what it told (it is
 * written without sync). A profile that hides it makes every opening look like a crash.
 */
static void
landlock_boot_id(int ruleset)
{
	int	fd = open("/proc/sys/kernel/random/boot_id", O_PATH | O_CLOEXEC);

	if (fd == -1)
		return;
	(void)landlock_rule(ruleset, fd, LL_READ_FILE);
	(void)close(fd);
}

static int
landlock(unsigned groups, int dirfd, int readfd)
{
	long			version = syscall(LL_CREATE_RULESET, NULL, 0, LL_VERSION);
	struct ll_ruleset	rs = { .fs = version < 3 ? LL_FS_V2 : LL_FS_V3, .net = (groups & CALL) != 0 ? LL_NET_BIND : LL_NET, .scoped = LL_SCOPED };
	size_t			size = version < 4 ? 8 : version < 6 ? 16 : 24;
	uint64_t		allowed = 0;
	long			fd, n = 0;
	int			err;

	if (version == -1)
		return -1;
	if (version == 1) {
		/* it cannot allow link and rename between directories */
		errno = ENOSYS;
		return -1;
	}
	fd = syscall(LL_CREATE_RULESET, &rs, size, 0);
	if (fd == -1)
		return -1;
	if (dirfd != -1) {
		allowed |= (groups & READ) != 0 ? LL_READING : 0;
		allowed |= (groups & WRITE) != 0 ? LL_WRITING : 0;
		n = landlock_rule((int)fd, dirfd, allowed & rs.fs);
	}
	if (n == 0 && readfd != -1)
		n = landlock_rule((int)fd, readfd, LL_READ_FILE);
	if ((groups & WRITE) != 0)
		landlock_boot_id((int)fd);
	if (n == 0)
		n = syscall(LL_RESTRICT_SELF, fd, 0);
	err = errno;
	(void)close((int)fd);
	errno = err;
	return n == 0 ? 0 : -1;
}

void
sandbox_enter_dirs(enum sandbox profile, int dirfd, int readfd)
{
	unsigned		groups = profile_groups[profile];
	struct prog		p = { .n = 0 };
	struct sock_fprog	filter;

	build(&p, groups);
	filter = (struct sock_fprog){ p.n, p.f };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		log_failure("unconfined", "no_new_privs", errno);
	if (landlock(groups, dirfd, readfd) == -1)
		log_failure("unconfined", "landlock", errno);
	if (p.n == PROG_MAX || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == -1)
		log_failure("unconfined", "seccomp", p.n == PROG_MAX ? E2BIG : errno);
}

#else

void
sandbox_enter_dirs(enum sandbox profile, int dirfd, int readfd)
{
	(void)profile;
	(void)dirfd;
	(void)readfd;
#ifdef POSTHORN_SANITIZE
	log_failure("unconfined", "built with sanitizers", ENOSYS);
#else
	log_failure("unconfined", "this system", ENOSYS);
#endif
}

#endif

void
sandbox_enter_dir(enum sandbox profile, int dirfd)
{
	sandbox_enter_dirs(profile, dirfd, -1);
}

void
sandbox_enter(enum sandbox profile)
{
	sandbox_enter_dir(profile, -1);
}
