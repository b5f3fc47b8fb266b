#include "accountfile.h"

#include <errno.h>

#include "../base/limits.h"
#include "../base/num.h"
#include "../sys/fd.h"

static const char	filename[] = "posthorn.account";

void
accountfile_init(struct accountfile *f)
{
	f->uidvalidity = 0;
	buf_init(&f->subscribed, LIMIT_ACCOUNT_FILE - 100);
}

void
accountfile_free(struct accountfile *f)
{
	buf_free(&f->subscribed);
}

/* Offset of the line that is name, or the end. */
static size_t
find(const struct accountfile *f, struct str name)
{
	struct str	all = buf_str(&f->subscribed), rest = all, line;

	while (rest.n > 0) {
		size_t	at = all.n - rest.n;

		(void)str_cut(&rest, '\n', &line);
		if (str_eq(line, name))
			return at;
	}
	return all.n;
}

bool
accountfile_has(const struct accountfile *f, struct str name)
{
	return find(f, name) < f->subscribed.n;
}

bool
accountfile_subscribe(struct accountfile *f, struct str name, bool on)
{
	size_t	at = find(f, name), end = at + name.n + 1;
	bool	has = at < f->subscribed.n;

	if (has == on)
		return false;
	if (on) {
		buf_add(&f->subscribed, name);
		buf_addc(&f->subscribed, '\n');
	} else {
		memmove(f->subscribed.p + at, f->subscribed.p + end, f->subscribed.n - end);
		buf_truncate(&f->subscribed, f->subscribed.n - name.n - 1);
	}
	return true;
}

bool
accountfile_parse(struct str s, struct accountfile *f)
{
	struct str	line, word;

	f->uidvalidity = 0;
	buf_reset(&f->subscribed);
	(void)str_cut(&s, '\n', &line);
	if (!str_eq(line, STR("posthorn-account 1")))
		return false;
	while (s.n > 0) {
		(void)str_cut(&s, '\n', &line);
		(void)str_cut(&line, ' ', &word);
		if (str_eq(word, STR("uidvalidity")) && !num_u32(line, UINT32_MAX, &f->uidvalidity))
			f->uidvalidity = 0;
		if (str_eq(word, STR("subscribed")) && line.n > 0 && line.n <= LIMIT_MAILBOX_NAME) {
			buf_add(&f->subscribed, line);
			buf_addc(&f->subscribed, '\n');
		}
	}
	return true;
}

int
accountfile_read(int dir, struct accountfile *f)
{
	struct buf	b = BUF_INIT(LIMIT_ACCOUNT_FILE);
	int		n = file_read(dir, filename, &b);

	if (n == 0)
		(void)accountfile_parse(buf_str(&b), f);
	buf_free(&b);
	return n;
}

int
accountfile_write(int dir, const struct accountfile *f)
{
	struct buf	b = BUF_INIT(LIMIT_ACCOUNT_FILE);
	struct str	rest = buf_str(&f->subscribed), line;
	int		n;

	buf_addf(&b, "posthorn-account 1\nuidvalidity %u\n", f->uidvalidity);
	while (rest.n > 0) {
		(void)str_cut(&rest, '\n', &line);
		buf_adds(&b, "subscribed ");
		buf_add(&b, line);
		buf_addc(&b, '\n');
	}
	if (buf_failed(&b) || buf_failed(&f->subscribed)) {
		errno = EFBIG;
		n = -1;
	} else
		n = file_replace(dir, filename, buf_str(&b), 0600);
	buf_free(&b);
	return n;
}
