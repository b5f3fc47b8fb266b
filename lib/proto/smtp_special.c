#include "smtp_special.h"

#include "../base/num.h"

int
smtp_special_code(struct str local, bool *hang_r)
{
	uint32_t	v;

	*hang_r = str_ends(local, STR("timeout"));
	if (*hang_r || str_ends(local, STR("temperror")))
		return 451;
	if (str_ends(local, STR("permerror")))
		return 550;
	if (local.n >= 3 && num_u32(str_skip(local, local.n - 3), 599, &v) && v >= 400)
		return (int)v;
	return 0;
}
