/* account: add, remove, list and change accounts. See posthorn-account(8). */
#include <errno.h>
#include <ftw.h>
#include <getopt.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin.h"
#include "store/account.h"
#include "sys/die.h"
#include "sys/home.h"
#include "sys/priv.h"
#include "sys/verb.h"

/* What is to be done, for the steps that run as different owners. */
struct job {
	const char	*name;
	const char	*full_name;
	char		**address;
	int		 naddress;
	char		 mail[PATH_MAX];	/* accounts/NAME */
};

static noreturn void	usage(void);
static int		add(int argc, char *argv[]);
static int		rm(int argc, char *argv[]);
static int		list(int argc, char *argv[]);
static int		show(int argc, char *argv[]);
static int		enable(int argc, char *argv[]);
static int		disable(int argc, char *argv[]);
static int		quota(int argc, char *argv[]);
static int		full_name(int argc, char *argv[]);

int
main(int argc, char *argv[])
{
	static const struct verb	verbs[] = {
		{ "add", add }, { "rm", rm }, { "list", list }, { "show", show }, { "enable", enable },
		{ "disable", disable }, { "quota", quota }, { "full-name", full_name },
		{ NULL, NULL },
	};

	prog_init("posthorn account");
	verb_run(verbs, argc, argv);
	usage();
}

static noreturn void
usage(void)
{
	diex(EXIT_PERM, "usage: posthorn account add [-k] [-n FULL-NAME] NAME ADDRESS ... | rm [--delete-mail] NAME | "
	    "list | show NAME | enable NAME | disable NAME TEXT | quota NAME SIZE|default | full-name NAME [TEXT]");
}

/*
 * Configuration and mail have different owners. As root each step runs in a
 * child that becomes the owner of what it changes; its exit code is returned.
 */
static int
step(void (*run)(const struct job *), const struct job *j)
{
	int	status;
	pid_t	pid = fork();

	if (pid == -1)
		die(EXIT_TEMP, "unable to fork");
	if (pid == 0) {
		run(j);
		exit(EXIT_OK);
	}
	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			die(EXIT_TEMP, "unable to wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_TEMP;
}

static void
job_init(struct job *j, const char *name)
{
	*j = (struct job){ .name = name };
	if (!conf_is_account_name(str_c(name)))
		diex(EXIT_PERM, "%s is not an account's name: letters, digits, and . _ - inside", name);
	if (home_enter() == -1)
		die(EXIT_TEMP, "unable to enter the var directory");
	snprintf(j->mail, sizeof(j->mail), "%s/%s", HOME_ACCOUNTS, name);
}

/* --- add */

static void
add_config(const struct job *j)
{
	struct buf	out = BUF_INIT(CONF_FILE_MAX);
	struct admin	a;

	admin_write(&a);
	admin_create(&a, "accounts", str_c(j->name));
	if (j->full_name != NULL)
		admin_set(&a, "full-name", str_c(j->full_name));
	for (int i = 0; i < j->naddress; i++) {
		(void)admin_address(&a, j->address[i]);
		conf_edit_add_section(&a.file.scan, "address", str_c(j->address[i]), STR(""), &out);
		admin_edited(&a, &out);
	}
	admin_save(&a);
	buf_free(&out);
}

static bool
is_configured(const char *name)
{
	struct buf	path = BUF_INIT(4096);
	bool		is;

	conf_source_path(&path, "accounts", str_c(name));
	is = buf_c(&path) != NULL && access(buf_c(&path), F_OK) == 0;
	buf_free(&path);
	return is;
}

/*
 * The usual mailboxes are there with the first login. Not before the first
 * posthorn serve has made accounts/, nor when it fails: deliverd makes what is missing.
 */
static void
add_mail(const struct job *j)
{
	if (access(HOME_ACCOUNTS, F_OK) == -1)
		return;
	if (priv_become_owner(HOME_ACCOUNTS) == -1)
		die(EXIT_TEMP, "unable to become the owner of %s", HOME_ACCOUNTS);
	if (account_create(j->mail) == -1 && errno != EEXIST)
		warn("unable to make %s, it will be made with the first message", j->mail);
}

static int
add(int argc, char *argv[])
{
	struct job	j;
	const char	*name = NULL;
	struct stat	st;
	bool		keep = false;
	int		c, ret;

	while ((c = getopt(argc, argv, "+kn:")) != -1)
		switch (c) {
		case 'k':
			keep = true;
			break;
		case 'n':
			name = optarg;
			break;
		default:
			usage();
		}
	if (argc - optind < 2)
		usage();
	job_init(&j, argv[optind]);
	j.full_name = name;
	j.address = argv + optind + 1;
	j.naddress = argc - optind - 1;
	/* the mail of an account that was removed is not for whoever gets its name next */
	if (!keep && !is_configured(j.name) && lstat(j.mail, &st) == 0)
		diex(EXIT_PERM, "%s holds mail of an earlier account: move it away, or take it over with -k", j.mail);
	ret = step(add_config, &j);
	return ret == EXIT_OK ? step(add_mail, &j) : ret;
}

/* --- rm */

static void
rm_config(const struct job *j)
{
	struct admin	a;

	admin_write(&a);
	admin_load(&a, "accounts", str_c(j->name));
	admin_remove(&a);
}

/* Its password must not open the account of whoever gets its name next. */
static int
rm_password(const char *name)
{
	char		path[PATH_MAX], flag[] = "-r", account[128];
	char		*args[] = { path, flag, account, NULL };
	int		status;
	pid_t		pid;

	snprintf(path, sizeof(path), "%s/verbs/passwd", home_libexec());
	snprintf(account, sizeof(account), "%s", name);
	if (posix_spawn(&pid, path, NULL, NULL, args, environ) != 0)
		return -1;
	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

static int
rm_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	return type == FTW_DP || type == FTW_D ? rmdir(path) : unlink(path);
}

/* Renamed first, so that no program that looks for the account finds half of it. */
static void
rm_mail(const struct job *j)
{
	char	gone[PATH_MAX];

	if (priv_become_owner(HOME_ACCOUNTS) == -1)
		die(EXIT_TEMP, "unable to become the owner of %s", HOME_ACCOUNTS);
	snprintf(gone, sizeof(gone), "%s/.removed.%ld", HOME_ACCOUNTS, (long)getpid());
	if (rename(j->mail, gone) == -1) {
		if (errno == ENOENT)
			return;
		die(EXIT_TEMP, "unable to remove %s", j->mail);
	}
	if (nftw(gone, rm_entry, 32, FTW_PHYS | FTW_DEPTH) == -1)
		die(EXIT_TEMP, "unable to remove all of %s", gone);
}

static int
rm(int argc, char *argv[])
{
	static const struct option	options[] = { { "delete-mail", no_argument, NULL, 'd' }, { NULL, 0, NULL, 0 } };
	struct job			j;
	struct stat			st;
	bool				delete_mail = false;
	int				c, ret;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (c != 'd')
			usage();
		delete_mail = true;
	}
	if (argc - optind != 1)
		usage();
	job_init(&j, argv[optind]);
	ret = step(rm_config, &j);
	if (ret != EXIT_OK)
		return ret;
	if (rm_password(j.name) == -1)
		warnx("the password of %s could not be removed: run posthorn passwd -r %s", j.name, j.name);
	if (delete_mail)
		return step(rm_mail, &j);
	if (lstat(j.mail, &st) == 0)
		printf("the mail is still in %s\n", j.mail);
	return EXIT_OK;
}

/* --- look */

static int
list(int argc, char *argv[])
{
	struct conf_account	acc;
	struct str		*names;
	struct admin		a;
	size_t			n;

	(void)argv;
	if (argc != 1)
		usage();
	admin_read(&a);
	n = admin_accounts(&a, &names);
	for (size_t i = 0; i < n; i++) {
		admin_account(&a, names[i], &acc);
		admin_print(names[i]);
		printf("%s\n", acc.login_disabled.n > 0 ? " disabled" : "");
	}
	admin_end(&a);
	return EXIT_OK;
}

static void
print_pair(const char *name, struct str value)
{
	printf("%s: ", name);
	admin_print(value);
	printf("\n");
}

static int
show(int argc, char *argv[])
{
	struct conf_account	acc;
	struct admin		a;

	if (argc != 2)
		usage();
	admin_read(&a);
	admin_account(&a, str_c(argv[1]), &acc);
	print_pair("account", acc.name);
	if (acc.full_name.n > 0)
		print_pair("full-name", acc.full_name);
	if (acc.quota > 0)
		printf("quota: %llu\n", (unsigned long long)acc.quota);
	if (acc.login_disabled.n > 0)
		print_pair("login-disabled", acc.login_disabled);
	printf("mail: %s/%s\n", HOME_ACCOUNTS, argv[1]);
	for (size_t i = 0; i < acc.naddress; i++)
		print_pair("address", acc.address[i]);
	admin_end(&a);
	return EXIT_OK;
}

/* --- change */

static int
enable(int argc, char *argv[])
{
	if (argc != 2)
		usage();
	return admin_change("accounts", argv[1], "login-disabled", NULL);
}

static int
disable(int argc, char *argv[])
{
	if (argc != 3 || argv[2][0] == '\0')
		usage();
	return admin_change("accounts", argv[1], "login-disabled", argv[2]);
}

static int
quota(int argc, char *argv[])
{
	if (argc != 3)
		usage();
	return admin_change("accounts", argv[1], "quota", strcmp(argv[2], "default") == 0 ? NULL : argv[2]);
}

static int
full_name(int argc, char *argv[])
{
	if (argc != 2 && argc != 3)
		usage();
	return admin_change("accounts", argv[1], "full-name", argc == 3 ? argv[2] : NULL);
}
