/*
 * home: where things are. posthorn(1) changes to the var directory and sets
 * POSTHORN_ETC and POSTHORN_LIBEXEC before it runs anything; without them the
 * compiled-in directories are used (configure's --sysconfdir and --localstatedir).
 */
#ifndef SYS_HOME_H
#define SYS_HOME_H

#include <stddef.h>

#define HOME_CONFIG_TDB	"config.tdb"	/* below var, as all of these */
#define HOME_ACCOUNTS	"accounts"
#define HOME_AUTH	"auth"
#define HOME_DKIM	"dkim"
#define HOME_QUEUE	"queue"
#define HOME_TLS	"tls"
#define HOME_TMP	"tmp"
#define HOME_RUN	"run"

/* Absolute paths that live as long as the process. */
const char	*home_etc(void);
const char	*home_libexec(void);

/*
 * For what people run: set POSTHORN_LIBEXEC to ../libexec or ../libexec/posthorn of the
 * running program when supervised is there (a build tree, a moved installation), else to
 * what home_libexec() says. 0, or -1 with errno.
 */
int	home_find(void) __attribute__((warn_unused_result));

/*
 * The path of a program of ours: name as it is when it begins with a slash,
 * else below home_libexec(). In the build tree a program with a folder of its
 * own lies in that folder (libexec/listend/listend). -1 with errno when nothing
 * that can be run is there.
 */
int	home_program(const char *name, char *path, size_t size) __attribute__((warn_unused_result));

/* Set POSTHORN_DIR, _ETC and _VAR for a system that is all in dir (absolute); 0, or -1 with errno. */
int	home_place(const char *dir) __attribute__((warn_unused_result));

/* chdir to the var directory when POSTHORN_VAR names one; 0, or -1 with errno. */
int	home_enter(void) __attribute__((warn_unused_result));

#endif
