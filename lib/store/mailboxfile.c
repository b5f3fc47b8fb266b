#include "mailboxfile.h"

#include <errno.h>

#include "../base/num.h"
#include "../sys/fd.h"

static const char	filename[] = "posthorn.mailbox";

static const struct str	specials[SPECIAL_COUNT] = {
	[SPECIAL_NONE] = STR_INIT(""),
	[SPECIAL_ARCHIVE] = STR_INIT("\\Archive"),
	[SPECIAL_DRAFTS] = STR_INIT("\\Drafts"),
	[SPECIAL_JUNK] = STR_INIT("\\Junk"),
	[SPECIAL_SENT] = STR_INIT("\\Sent"),
	[SPECIAL_TRASH] = STR_INIT("\\Trash"),
};

struct str
special_name(enum special s)
{
	return s < SPECIAL_COUNT ? specials[s] : STR("");
}

enum special
special_parse(struct str s)
{
	for (enum special i = SPECIAL_ARCHIVE; i < SPECIAL_COUNT; i++)
		if (str_ieq(s, specials[i]))
			return i;
	return SPECIAL_NONE;
}

bool
keyword_canon(struct str name, struct keyword *out)
{
	if (name.n == 0 || name.n > LIMIT_KEYWORD)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char	c = name.p[i];

		if (c <= ' ' || c >= 0x7f || memchr("(){%*\"\\]", c, 8) != NULL)
			return false;
		out->name[i] = byte_lower(c);
	}
	out->name[name.n] = '\0';
	return true;
}

static void
parse_line(struct mailboxfile *f, struct str line)
{
	struct str	word, letter;
	uint32_t	n;

	(void)str_cut(&line, ' ', &word);
	if (str_eq(word, STR("uidvalidity"))) {
		if (num_u32(line, UINT32_MAX, &n))
			f->uidvalidity = n;
	} else if (str_eq(word, STR("uidmax"))) {
		if (num_u32(line, UINT32_MAX, &n))
			f->uidmax = n;
	} else if (str_eq(word, STR("special")))
		f->special = special_parse(line);
	else if (str_eq(word, STR("keyword")) && str_cut(&line, ' ', &letter) && letter.n == 1 &&
	    letter.p[0] >= 'a' && letter.p[0] <= 'z') {
		struct keyword	k;

		if (keyword_canon(line, &k))
			f->keywords[letter.p[0] - 'a'] = k;
	}
}

bool
mailboxfile_parse(struct str s, struct mailboxfile *f)
{
	struct str	line;

	*f = (struct mailboxfile){ .uidvalidity = 0 };
	(void)str_cut(&s, '\n', &line);
	if (!str_eq(str_trim_end(line), STR("posthorn-mailbox 1")))
		return false;
	while (s.n > 0) {
		(void)str_cut(&s, '\n', &line);
		parse_line(f, str_trim_end(line));
	}
	return true;
}

void
mailboxfile_print(const struct mailboxfile *f, struct buf *b)
{
	buf_addf(b, "posthorn-mailbox 1\nuidvalidity %u\nuidmax %u\n", f->uidvalidity, f->uidmax);
	if (f->special != SPECIAL_NONE)
		buf_addf(b, "special " STR_FMT "\n", STR_ARG(special_name(f->special)));
	for (unsigned i = 0; i < KEYWORD_MAX; i++)
		if (f->keywords[i].name[0] != '\0')
			buf_addf(b, "keyword %c %s\n", 'a' + (int)i, f->keywords[i].name);
}

int
mailboxfile_read(int dir, struct mailboxfile *f)
{
	struct buf	b = BUF_INIT(LIMIT_MAILBOX_FILE);
	int		n = file_read(dir, filename, &b);

	/* missing, too large or a link: whatever it is, it tells nothing */
	if (n == -1 && (errno == ENOENT || errno == EFBIG || errno == ELOOP || errno == EISDIR))
		n = 0;
	(void)mailboxfile_parse(n == -1 ? STR("") : buf_str(&b), f);
	buf_free(&b);
	return n;
}

int
mailboxfile_write(int dir, const struct mailboxfile *f)
{
	struct buf	b = BUF_INIT(LIMIT_MAILBOX_FILE);
	int		n;

	mailboxfile_print(f, &b);
	n = file_replace(dir, filename, buf_str(&b), 0600);
	buf_free(&b);
	return n;
}
