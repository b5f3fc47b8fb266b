#include "authd.h"

#include "../base/attr.h"
#include "../base/code.h"
#include "../base/limits.h"
#include "../sys/fd.h"
#include "../sys/ipc.h"

void
authd_init(struct authd_dialogue *a)
{
	*a = (struct authd_dialogue){
		.path = "run/authd", .sock = -1, .ms = 15000, .rec = BUF_INIT(LIMIT_RECORD),
	};
}

void
authd_close(struct authd_dialogue *a)
{
	(void)fd_close(&a->sock);
	if (a->rec.p != NULL)
		explicit_bzero(a->rec.p, a->rec.cap);
	buf_free(&a->rec);
}

static enum authd_got
done(struct authd_dialogue *a, enum authd_got got)
{
	if (got != AUTHD_CONTINUE && got != AUTHD_OK)
		(void)fd_close(&a->sock);
	return got;
}

static enum authd_got
understand(struct authd_dialogue *a)
{
	struct str	rec = buf_str(&a->rec), result = attr_get(rec, "result");

	if (!attr_is(rec, "auth", 1))
		return AUTHD_TEMP;
	a->challenge = attr_get(rec, "challenge");
	a->account = attr_get(rec, "account");
	a->login = attr_get(rec, "login");
	a->mechanism = attr_get(rec, "mechanism");
	a->reason = attr_get(rec, "reason");
	a->text = attr_get(rec, "text");
	if (str_eq(result, STR("continue")))
		return AUTHD_CONTINUE;
	if (str_eq(result, STR("ok")))
		return AUTHD_OK;
	if (str_eq(result, STR("fail")))
		return AUTHD_FAIL;
	if (str_eq(result, STR("handed")))
		return AUTHD_HANDED;
	return str_eq(result, STR("queue")) ? AUTHD_QUEUE : AUTHD_TEMP;
}

/* Send what rec holds and read the answer into it, and what comes beside it. */
static enum authd_got
ask_for(struct authd_dialogue *a, const struct ipc_fds *fds, struct ipc_fds *got_r)
{
	struct deadline	d = deadline_in(a->ms);

	if (a->sock == -1 || buf_failed(&a->rec) || ipc_send(a->sock, buf_str(&a->rec), fds, d) == -1)
		return done(a, AUTHD_TEMP);
	explicit_bzero(a->rec.p, a->rec.n);
	if (ipc_recv(a->sock, &a->rec, got_r, d) == -1)
		return done(a, AUTHD_TEMP);
	return done(a, understand(a));
}

static enum authd_got
ask(struct authd_dialogue *a, const struct ipc_fds *fds)
{
	return ask_for(a, fds, NULL);
}

static void
begin(struct authd_dialogue *a, const char *cmd, const struct authd_about *about)
{
	(void)fd_close(&a->sock);
	a->sock = ipc_connect(a->path, deadline_in(a->ms));
	buf_reset(&a->rec);
	attr_start(&a->rec, "auth", 1);
	attr_adds(&a->rec, "cmd", cmd);
	attr_adds(&a->rec, "protocol", about->protocol);
	if (about->agent.n > 0)
		attr_add(&a->rec, "agent", about->agent);
	if (about->preauth)
		attr_adds(&a->rec, "preauth", "1");
	peer_add(&a->rec, about->peer);
}

static void
add_b64(struct buf *rec, const char *name, struct str value)
{
	struct buf	text = BUF_INIT(LIMIT_RECORD);

	code_b64(&text, value);
	attr_add(rec, name, buf_str(&text));
	if (text.p != NULL)
		explicit_bzero(text.p, text.cap);
	buf_free(&text);
}

enum authd_got
authd_start(struct authd_dialogue *a, const struct authd_about *about, struct str mechanism, struct str initial)
{
	begin(a, "start", about);
	attr_add(&a->rec, "mechanism", mechanism);
	if (initial.p != NULL)
		attr_add(&a->rec, "initial", initial);
	return ask(a, NULL);
}

enum authd_got
authd_login(struct authd_dialogue *a, const struct authd_about *about, struct str user, struct str password)
{
	begin(a, "login", about);
	add_b64(&a->rec, "user", user);
	add_b64(&a->rec, "password", password);
	return ask(a, NULL);
}

static void
next(struct authd_dialogue *a, const char *cmd)
{
	buf_reset(&a->rec);
	attr_start(&a->rec, "auth", 1);
	attr_adds(&a->rec, "cmd", cmd);
}

enum authd_got
authd_step(struct authd_dialogue *a, struct str response)
{
	next(a, "step");
	attr_add(&a->rec, "response", response);
	return ask(a, NULL);
}

enum authd_got
authd_abort(struct authd_dialogue *a)
{
	next(a, "abort");
	return ask(a, NULL);
}

enum authd_got
authd_handoff(struct authd_dialogue *a, int data, int control, struct str tag, struct str input)
{
	const struct ipc_fds	fds = { .fd = { data, control }, .n = 2 };
	enum authd_got		got;

	next(a, "handoff");
	attr_add(&a->rec, "tag", tag);
	add_b64(&a->rec, "input", input);
	got = ask(a, &fds);
	return done(a, got == AUTHD_HANDED ? AUTHD_HANDED : AUTHD_TEMP);
}

enum authd_got
authd_queue(struct authd_dialogue *a, int *sock_r)
{
	struct ipc_fds	fds = { .n = 0 };
	enum authd_got	got;

	next(a, "queue");
	got = ask_for(a, NULL, &fds);
	*sock_r = got == AUTHD_QUEUE ? ipc_take(&fds, 0) : -1;
	ipc_close(&fds);
	return done(a, *sock_r != -1 ? AUTHD_QUEUE : AUTHD_TEMP);
}
