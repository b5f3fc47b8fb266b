/* address: add, remove and list the addresses of accounts. See posthorn-address(8). */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin.h"
#include "client/conf_db.h"
#include "sys/die.h"
#include "sys/verb.h"

static noreturn void	usage(void);
static int		add(int argc, char *argv[]);
static int		rm(int argc, char *argv[]);
static int		list(int argc, char *argv[]);

int
main(int argc, char *argv[])
{
	static const struct verb	verbs[] = {
		{ "add", add }, { "rm", rm }, { "list", list }, { NULL, NULL },
	};

	prog_init("posthorn address");
	verb_run(verbs, argc, argv);
	usage();
}

static noreturn void
usage(void)
{
	diex(EXIT_PERM, "usage: posthorn address add [-m MAILBOX] ACCOUNT ADDRESS | rm ADDRESS | list [ACCOUNT]");
}

static int
add(int argc, char *argv[])
{
	struct buf	 body = BUF_INIT(4096), out = BUF_INIT(CONF_FILE_MAX);
	const char	*mailbox = NULL;
	struct admin	 a;
	int		 c;

	while ((c = getopt(argc, argv, "+m:")) != -1)
		switch (c) {
		case 'm':
			mailbox = optarg;
			break;
		default:
			usage();
		}
	if (argc - optind != 2)
		usage();
	admin_write(&a);
	(void)admin_address(&a, argv[optind + 1]);
	admin_load(&a, "accounts", str_c(argv[optind]));
	if (mailbox != NULL) {
		buf_adds(&body, " mailbox = ");
		conf_edit_quote(&body, str_c(mailbox));
		buf_addc(&body, ' ');
	}
	conf_edit_add_section(&a.file.scan, "address", str_c(argv[optind + 1]), buf_str(&body), &out);
	admin_edited(&a, &out);
	admin_save(&a);
	buf_free(&body);
	buf_free(&out);
	return EXIT_OK;
}

static int
rm(int argc, char *argv[])
{
	struct buf	out = BUF_INIT(CONF_FILE_MAX);
	struct str	address, local, domain, account, canonical;
	struct admin	a;
	int		i;

	if (argc != 2)
		usage();
	admin_write(&a);
	address = admin_address(&a, argv[1]);
	if (a.conf == NULL || !conf_cut(address, &local, &domain) ||
	    conf_login(a.conf, local, domain, &a.arena, &account, &canonical) != CONF_OK)
		diex(EXIT_PERM, "%s is not an address of an account", argv[1]);
	admin_load(&a, "accounts", account);
	i = admin_find_address(&a, "address", address);
	if (i == -1)
		diex(EXIT_PERM, "%s is not in the file of %.*s any more: run posthorn config build", argv[1], STR_ARG(account));
	conf_edit_remove(&a.file.scan, i, &out);
	admin_edited(&a, &out);
	admin_save(&a);
	buf_free(&out);
	return EXIT_OK;
}

static void
list_account(struct admin *a, struct str name)
{
	struct conf_account	acc;

	admin_account(a, name, &acc);
	for (size_t i = 0; i < acc.naddress; i++) {
		admin_print(acc.address[i]);
		printf(" ");
		admin_print(name);
		printf("\n");
	}
}

static int
list(int argc, char *argv[])
{
	struct str	*names;
	struct admin	 a;
	size_t		 n;

	if (argc > 2)
		usage();
	admin_read(&a);
	if (argc == 2) {
		list_account(&a, str_c(argv[1]));
		admin_end(&a);
		return EXIT_OK;
	}
	n = admin_accounts(&a, &names);
	for (size_t i = 0; i < n; i++)
		list_account(&a, names[i]);
	admin_end(&a);
	return EXIT_OK;
}
