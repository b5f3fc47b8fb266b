#include "priv.h"

#include <sys/stat.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "../base/num.h"

int
priv_lookup(const char *user, uid_t *uid_r, gid_t *gid_r)
{
	struct passwd	*pw;
	uint64_t	 id;

	if (strcmp(user, "-") == 0) {
		*uid_r = geteuid();
		*gid_r = getegid();
		return 0;
	}
	if (user[0] == '#') {
		/* the highest value means "leave it" to chown(2) and setuid(2) */
		if (!num_u64(str_c(user + 1), UINT32_MAX - 1, &id)) {
			errno = EINVAL;
			return -1;
		}
		*uid_r = (uid_t)id;
		*gid_r = (gid_t)id;
		return 0;
	}
	errno = 0;
	pw = getpwnam(user);
	if (pw == NULL) {
		/* what "no such user" leaves in errno differs from libc to libc */
		if (errno == 0 || errno == ESRCH || errno == EBADF || errno == EPERM)
			errno = ENOENT;
		return -1;
	}
	*uid_r = pw->pw_uid;
	*gid_r = pw->pw_gid;
	return 0;
}

/* Groups while we are still root, the user last; then see that it holds. */
static int
become(uid_t uid, gid_t gid)
{
	if (setgroups(1, &gid) == -1 || setgid(gid) == -1 || setuid(uid) == -1)
		return -1;
	if (uid == 0)
		return 0;
	if (getuid() != uid || geteuid() != uid || getgid() != gid || getegid() != gid ||
	    setuid(0) != -1 || seteuid(0) != -1) {
		errno = EPERM;
		return -1;
	}
	return 0;
}

int
priv_drop(const char *user)
{
	uid_t	uid;
	gid_t	gid;

	if (strcmp(user, "-") == 0 || geteuid() != 0)
		return 0;
	if (priv_lookup(user, &uid, &gid) == -1)
		return -1;
	return become(uid, gid);
}

int
priv_become_owner(const char *path)
{
	struct stat	st;

	if (geteuid() != 0)
		return 0;
	if (stat(path, &st) == -1)
		return -1;
	return st.st_uid == 0 ? 0 : become(st.st_uid, st.st_gid);
}
