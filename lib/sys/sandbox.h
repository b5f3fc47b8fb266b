/*
 * sandbox: after a program has opened what it needs it says here which kind
 * of work is left, and the kernel holds it to that: a filter of system calls
 * and landlock on Linux; elsewhere a log line says that it is not confined.
 * What is denied fails with EPERM or EACCES. Costs less than 0.1 ms.
 *
 * Load before: time zone data (tzset), whatever a library opens lazily. No
 * profile may start programs or processes. Threads that are there must not yet
 * be at work: a filter is for the thread that enters, and those it starts.
 */
#ifndef SYS_SANDBOX_H
#define SYS_SANDBOX_H

enum sandbox {
	SANDBOX_SESSION,	/* no file; may connect to unix sockets and use open descriptors */
	SANDBOX_VERIFY,		/* the same, and accepts on sockets it holds */
	SANDBOX_ACCOUNT,	/* one directory read-write and the boot id, no new sockets, inotify */
	SANDBOX_STORE,		/* the same for accounts/, and accepts on sockets it holds */
	SANDBOX_CALLER,		/* no file; may connect to unix sockets and by TCP to anybody */
	SANDBOX_RESOLVER,	/* one directory read-only, accepts, sockets of IPv4 and IPv6, threads */
	SANDBOX_QUEUE,		/* one directory read-write, accepts, unix sockets and pairs, inotify */
	SANDBOX_NET,		/* one directory read-only, accepts, unix sockets and pairs */
};

/*
 * Enter for the rest of the process's life. dirfd is the directory that the
 * profile may use (all below it), -1 for none. Never fails: what the kernel
 * does not know is left out, and a log line says so.
 */
void	sandbox_enter_dir(enum sandbox, int dirfd);

/*
 * The same, and files below another directory may be read (it may not be
 * listed): for a configuration that is replaced by rename beside dirfd.
 */
void	sandbox_enter_dirs(enum sandbox, int dirfd, int readfd);

/* The same without a directory. */
void	sandbox_enter(enum sandbox);

#endif
