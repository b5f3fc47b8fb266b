/* alias: add, remove, list and change aliases. See posthorn-alias(8). */
#include <stdio.h>
#include <string.h>

#include "admin.h"
#include "client/conf_db.h"
#include "sys/die.h"
#include "sys/verb.h"

static noreturn void	usage(void);
static int		add(int argc, char *argv[]);
static int		rm(int argc, char *argv[]);
static int		list(int argc, char *argv[]);
static int		addmember(int argc, char *argv[]);
static int		rmmember(int argc, char *argv[]);
static int		set(int argc, char *argv[]);

int
main(int argc, char *argv[])
{
	static const struct verb	verbs[] = {
		{ "add", add }, { "rm", rm }, { "list", list }, { "addmember", addmember }, { "rmmember", rmmember },
		{ "set", set },
		{ NULL, NULL },
	};

	prog_init("posthorn alias");
	verb_run(verbs, argc, argv);
	usage();
}

static noreturn void
usage(void)
{
	diex(EXIT_PERM, "usage: posthorn alias add ALIAS MEMBER ... | rm ALIAS | list [ALIAS] | "
	    "addmember ALIAS MEMBER ... | rmmember ALIAS MEMBER ... | set ALIAS OPTION true|false");
}

/* The domain's file of the alias, and its section there. */
static int
load(struct admin *a, const char *arg, struct str *local_r)
{
	struct str	address, domain;

	admin_write(a);
	address = admin_address(a, arg);
	if (!conf_cut(address, local_r, &domain))
		usage();
	admin_load(a, "domains", domain);
	return admin_find_address(a, "alias", address);
}

static int
load_existing(struct admin *a, const char *arg)
{
	struct str	local;
	int		i = load(a, arg, &local);

	if (i == -1)
		diex(EXIT_PERM, "there is no alias %s", arg);
	return i;
}

static int
save(struct admin *a, struct buf *out)
{
	admin_edited(a, out);
	admin_save(a);
	buf_free(out);
	return EXIT_OK;
}

static int
add(int argc, char *argv[])
{
	struct buf	body = BUF_INIT(1 << 20), out = BUF_INIT(CONF_FILE_MAX);
	struct str	local;
	struct admin	a;

	if (argc < 3)
		usage();
	(void)load(&a, argv[1], &local);
	buf_adds(&body, "\n\tmembers = { ");
	for (int i = 2; i < argc; i++) {
		(void)admin_address(&a, argv[i]);
		buf_adds(&body, i > 2 ? ", " : "");
		conf_edit_quote(&body, str_c(argv[i]));
	}
	buf_adds(&body, " }\n");
	conf_edit_add_section(&a.file.scan, "alias", local, buf_str(&body), &out);
	buf_free(&body);
	return save(&a, &out);
}

static int
rm(int argc, char *argv[])
{
	struct buf	out = BUF_INIT(CONF_FILE_MAX);
	struct admin	a;
	int		i;

	if (argc != 2)
		usage();
	i = load_existing(&a, argv[1]);
	conf_edit_remove(&a.file.scan, i, &out);
	return save(&a, &out);
}

/* The member's place in the list at node m, however it is written there, or nvalue. */
static size_t
find_member(struct admin *a, int m, const char *arg)
{
	const struct conf_node	*n = &a->file.scan.node[m];
	struct str		 local, domain, want, got, text;

	text = admin_address(a, arg);
	if (a->conf == NULL || !conf_cut(text, &local, &domain) || conf_canonical(a->conf, local, domain, &a->arena, &want) != CONF_OK)
		return n->nvalue;
	for (size_t i = 0; i < n->nvalue; i++) {
		char	value[1024];

		if (!str_copy(a->file.scan.value[n->value + i].text, value, sizeof(value)))
			continue;
		text = admin_address(a, value);
		if (conf_cut(text, &local, &domain) && conf_canonical(a->conf, local, domain, &a->arena, &got) == CONF_OK && str_eq(got, want))
			return i;
	}
	return n->nvalue;
}

static int
change_members(int argc, char *argv[], bool in)
{
	struct buf	out = BUF_INIT(CONF_FILE_MAX);
	struct admin	a;
	int		section, m;

	if (argc < 3)
		usage();
	section = load_existing(&a, argv[1]);
	for (int i = 2; i < argc; i++) {
		size_t	at;

		m = conf_scan_find(&a.file.scan, section, "members", section);
		at = m == -1 ? 0 : find_member(&a, m, argv[i]);
		if (m == -1 || (at < a.file.scan.node[m].nvalue) == in)
			diex(EXIT_PERM, "%s is %s member of %s", argv[i], in ? "already a" : "not a", argv[1]);
		if (in)
			conf_edit_list_add(&a.file.scan, m, str_c(argv[i]), &out);
		else
			conf_edit_list_remove(&a.file.scan, m, at, &out);
		admin_edited(&a, &out);
	}
	admin_save(&a);
	buf_free(&out);
	return EXIT_OK;
}

static int
addmember(int argc, char *argv[])
{
	return change_members(argc, argv, true);
}

static int
rmmember(int argc, char *argv[])
{
	return change_members(argc, argv, false);
}

static int
set(int argc, char *argv[])
{
	struct buf	out = BUF_INIT(CONF_FILE_MAX);
	struct admin	a;
	int		i;

	if (argc != 4 || (strcmp(argv[2], "post-public") != 0 && strcmp(argv[2], "list-members") != 0 && strcmp(argv[2], "allow-msg-from") != 0))
		usage();
	i = load_existing(&a, argv[1]);
	conf_edit_set(&a.file.scan, i, argv[2], str_c(argv[3]), &out);
	return save(&a, &out);
}

/* One line an alias, then its members, indented. */
static void
print_alias(struct admin *a, struct str address)
{
	struct conf_rcpt	r;

	conf_alias(a->conf, address, &a->arena, &r);
	if (r.kind == CONF_RCPT_ERROR)
		diex(EXIT_TEMP, "unable to read config.tdb");
	if (r.kind != CONF_RCPT_ALIAS)
		diex(EXIT_PERM, "there is no alias %.*s", STR_ARG(address));
	admin_print(r.address);
	printf("%s%s%s\n", r.post_public ? " post-public" : "", r.list_members ? " list-members" : "", r.allow_msg_from ? " allow-msg-from" : "");
	for (size_t i = 0; i < r.nmember; i++) {
		printf("\t");
		admin_print(r.member[i]);
		printf("\n");
	}
}

static int
list(int argc, char *argv[])
{
	struct str	*domains, *aliases;
	struct admin	 a;
	size_t		 nd, na;

	if (argc > 2)
		usage();
	admin_read(&a);
	if (argc == 2) {
		print_alias(&a, admin_address(&a, argv[1]));
		admin_end(&a);
		return EXIT_OK;
	}
	nd = admin_domains(&a, &domains);
	for (size_t i = 0; i < nd; i++) {
		if (conf_aliases(a.conf, domains[i], &a.arena, &aliases, &na) != CONF_OK)
			diex(EXIT_TEMP, "unable to read config.tdb");
		for (size_t j = 0; j < na; j++)
			print_alias(&a, aliases[j]);
	}
	admin_end(&a);
	return EXIT_OK;
}
