#include "limiter.h"

#include <sys/random.h>

#include "base/attr.h"
#include "base/limits.h"
#include "sys/ipc.h"

enum {
	MINUTE		= 60,
	DAY		= 24 * 3600,
	PATIENCE_MS	= 1000,
	RECORD_MAX	= 256,
};

static void
set(struct iplimit *l, uint32_t max)
{
	l->max[0] = max;
	l->max[1] = max > UINT32_MAX / 9 ? UINT32_MAX : max * 3;
	l->max[2] = max > UINT32_MAX / 9 ? UINT32_MAX : max * 9;
}

void
limiter_set(struct limiter *l, uint32_t per_minute, uint32_t per_day)
{
	set(&l->minute, per_minute);
	set(&l->day, per_day);
}

bool
limiter_init(struct limiter *l, uint32_t per_minute, uint32_t per_day)
{
	static const uint32_t	none[IPLIMIT_CLASSES] = { 0 };
	uint64_t		seed[2];

	if (getrandom(seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		return false;
	iplimit_init(&l->minute, none, MINUTE, LIMIT_AUTHD_NETWORKS, seed[0]);
	iplimit_init(&l->day, none, DAY, LIMIT_AUTHD_NETWORKS, seed[1]);
	limiter_set(l, per_minute, per_day);
	return true;
}

void
limiter_free(struct limiter *l)
{
	iplimit_free(&l->minute);
	iplimit_free(&l->day);
}

/* There is no looking without counting: count, and take it back. */
static bool
has_room(struct iplimit *l, const struct ip *ip, int64_t now)
{
	if (!iplimit_add(l, ip, now, 1))
		return false;
	iplimit_sub(l, ip, now, 1);
	return true;
}

static void
take_back(struct iplimit *l, const struct ip *ip, int64_t now)
{
	iplimit_sub(l, ip, now, iplimit_count(l, ip, now));
}

static bool
understand(struct limiter *l, struct str rec, int64_t now)
{
	struct str	cmd = attr_get(rec, "cmd");
	struct ip	ip;
	bool		room;

	if (!attr_is(rec, "limit", 1) || !ip_parse(attr_get(rec, "rip"), &ip))
		return true;
	room = has_room(&l->minute, &ip, now) && has_room(&l->day, &ip, now);
	if (str_eq(cmd, STR("failed")) && room)
		room = iplimit_add(&l->minute, &ip, now, 1) && iplimit_add(&l->day, &ip, now, 1);
	if (str_eq(cmd, STR("proved"))) {
		take_back(&l->minute, &ip, now);
		take_back(&l->day, &ip, now);
	}
	return room;
}

int
limiter_serve(struct limiter *l, int sock, int64_t now)
{
	struct buf	rec = BUF_INIT(RECORD_MAX);
	int		r = ipc_recv(sock, &rec, NULL, deadline_in(0));
	bool		yes;

	if (r == 0) {
		yes = understand(l, buf_str(&rec), now);
		buf_reset(&rec);
		attr_start(&rec, "limit", 1);
		if (yes)
			attr_adds(&rec, "yes", "1");
		r = ipc_send(sock, buf_str(&rec), NULL, deadline_in(0));
	}
	buf_free(&rec);
	return r;
}

static bool
ask(int sock, const char *cmd, struct str rip)
{
	struct buf	rec = BUF_INIT(RECORD_MAX);
	struct deadline	d = deadline_in(PATIENCE_MS);
	bool		yes = true;

	attr_start(&rec, "limit", 1);
	attr_adds(&rec, "cmd", cmd);
	attr_add(&rec, "rip", rip);
	if (!buf_failed(&rec) && ipc_send(sock, buf_str(&rec), NULL, d) == 0 &&
	    ipc_recv(sock, &rec, NULL, d) == 0)
		yes = attr_getu(buf_str(&rec), "yes", 0) == 1;
	buf_free(&rec);
	return yes;
}

bool
limiter_allows(int sock, struct str rip)
{
	return ask(sock, "allows", rip);
}

void
limiter_failed(int sock, struct str rip)
{
	(void)ask(sock, "failed", rip);
}

void
limiter_proved(int sock, struct str rip)
{
	(void)ask(sock, "proved", rip);
}
