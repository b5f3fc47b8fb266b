#include "command.h"

static const struct command	commands[] = {
	{ "CAPABILITY",		ST_AUTH | ST_SELECTED,	0,				cmd_capability },
	{ "NOOP",		ST_AUTH | ST_SELECTED,	0,				cmd_noop },
	{ "LOGOUT",		ST_AUTH | ST_SELECTED,	CMD_NOSYNC,			cmd_logout },
	{ "ID",			ST_AUTH | ST_SELECTED,	0,				cmd_id },
	{ "LOGIN",		ST_AUTH | ST_SELECTED,	CMD_NOSYNC,			cmd_authenticated },
	{ "AUTHENTICATE",	ST_AUTH | ST_SELECTED,	CMD_NOSYNC,			cmd_authenticated },
	{ "STARTTLS",		ST_AUTH | ST_SELECTED,	CMD_NOSYNC,			cmd_authenticated },
	{ "ENABLE",		ST_AUTH | ST_SELECTED,	0,				cmd_enable },
	{ "NAMESPACE",		ST_AUTH | ST_SELECTED,	0,				cmd_namespace },
	{ "SELECT",		ST_AUTH | ST_SELECTED,	CMD_NOSYNC,			cmd_select },
	{ "EXAMINE",		ST_AUTH | ST_SELECTED,	CMD_NOSYNC,			cmd_examine },
	{ "CREATE",		ST_AUTH | ST_SELECTED,	0,				cmd_create },
	{ "DELETE",		ST_AUTH | ST_SELECTED,	0,				cmd_delete },
	{ "RENAME",		ST_AUTH | ST_SELECTED,	0,				cmd_rename },
	{ "SUBSCRIBE",		ST_AUTH | ST_SELECTED,	0,				cmd_subscribe },
	{ "UNSUBSCRIBE",	ST_AUTH | ST_SELECTED,	0,				cmd_unsubscribe },
	{ "LIST",		ST_AUTH | ST_SELECTED,	CMD_BULK,			cmd_list },
	{ "LSUB",		ST_AUTH | ST_SELECTED,	CMD_BULK,			cmd_lsub },
	{ "STATUS",		ST_AUTH | ST_SELECTED,	0,				cmd_status },
	{ "APPEND",		ST_AUTH | ST_SELECTED,	CMD_STREAM,			cmd_append },
	{ "IDLE",		ST_AUTH | ST_SELECTED,	0,				cmd_idle },
	{ "CHECK",		ST_SELECTED,		0,				cmd_noop },
	{ "CLOSE",		ST_SELECTED,		CMD_NOSYNC,			cmd_close },
	{ "UNSELECT",		ST_SELECTED,		CMD_NOSYNC,			cmd_unselect },
	{ "EXPUNGE",		ST_SELECTED,		CMD_UID,			cmd_expunge },
	{ "SEARCH",		ST_SELECTED,		CMD_UID | CMD_NOEXPUNGE | CMD_BULK, cmd_search },
	{ "FETCH",		ST_SELECTED,		CMD_UID | CMD_NOEXPUNGE | CMD_BULK, cmd_fetch },
	{ "STORE",		ST_SELECTED,		CMD_UID | CMD_NOEXPUNGE | CMD_BULK, cmd_store },
	{ "COPY",		ST_SELECTED,		CMD_UID,			cmd_copy },
	{ "MOVE",		ST_SELECTED,		CMD_UID,			cmd_move },
};

const struct command *
command_find(struct str name, bool uid)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const struct command	*c = &commands[i];

		if (str_ieq(name, str_c(c->name)) &&
		    (uid ? (c->flags & (CMD_UID | CMD_UID_ONLY)) != 0 : (c->flags & CMD_UID_ONLY) == 0))
			return c;
	}
	return NULL;
}
