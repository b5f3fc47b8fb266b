/* priv: users, and giving up root; the latter only where the test is root. */
#include "sys/priv.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <unistd.h>

#include "../tap.h"

enum { SOMEBODY = 61234 };

/* In a child: what it answers is true. */
static bool
child(bool (*is)(void))
{
	pid_t	pid = fork();
	int	status;

	if (pid == 0)
		_exit(is() ? 0 : 1);
	return pid != -1 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool
drops(void)
{
	gid_t	groups[8];

	return priv_drop("#61234") == 0 && getuid() == SOMEBODY && geteuid() == SOMEBODY &&
	    getgid() == SOMEBODY && getgroups(8, groups) == 1 && groups[0] == SOMEBODY &&
	    setuid(0) == -1 && open("/etc/shadow", O_RDONLY) == -1;
}

static bool
stays(void)
{
	uid_t	uid = geteuid();

	return priv_drop("-") == 0 && geteuid() == uid;
}

static bool
becomes_owner(void)
{
	return priv_become_owner("dir") == 0 && geteuid() == SOMEBODY && setuid(0) == -1;
}

static bool
unknown(void)
{
	return priv_drop("ph-nobody-knows") == -1 && errno == ENOENT;
}

int
main(void)
{
	char	dir[] = "/tmp/posthorn-priv.XXXXXX";
	uid_t	uid;
	gid_t	gid;

	is_num(priv_lookup("root", &uid, &gid), 0, "root is known");
	is_num(uid, 0, "as 0");
	is_num(priv_lookup("#123", &uid, &gid), 0, "a number");
	ok(uid == 123 && gid == 123, "for both");
	is_num(priv_lookup("#4294967295", &uid, &gid), -1, "the number that means none is refused");
	is_num(priv_lookup("#-1", &uid, &gid), -1, "so is a sign");
	is_num(priv_lookup("ph-nobody-knows", &uid, &gid), -1, "an unknown name");
	is_num(errno, ENOENT, "is ENOENT");
	ok(child(stays), "- changes nothing");
	if (geteuid() != 0) {
		ok(priv_drop("root") == 0 && priv_become_owner("/") == 0, "without root nothing happens");
		return done_testing();
	}
	if (mkdtemp(dir) == NULL || chdir(dir) == -1 || mkdir("dir", 0700) == -1 || chown("dir", SOMEBODY, SOMEBODY) == -1)
		return 1;
	ok(child(drops), "root is given up with its groups, and there is no way back");
	ok(child(unknown), "an unknown user is an error");
	ok(child(becomes_owner), "the owner of a directory");
	ok(rmdir("dir") == 0 && rmdir(dir) == 0, "cleaned up");
	return done_testing();
}
