#include "dialed.h"

#include "base/limits.h"

static struct dialed_host *
find(struct dialed *d, struct str host)
{
	for (size_t i = 0; i < d->n; i++)
		if (str_ieq(d->host[i].name, host))
			return &d->host[i];
	return NULL;
}

const struct dialed_host *
dialed_find(const struct dialed *d, struct str host)
{
	for (size_t i = 0; i < d->n; i++)
		if (str_ieq(d->host[i].name, host))
			return &d->host[i];
	return NULL;
}

void
dialed_add(struct dialed *d, struct str host, const struct ip *ip)
{
	struct dialed_host	*h = find(d, host);

	if (h == NULL && d->n == DIALED_HOSTS) {
		memmove(&d->host[0], &d->host[1], (DIALED_HOSTS - 1) * sizeof(d->host[0]));
		d->n--;
	}
	if (h == NULL) {
		h = &d->host[d->n++];
		*h = (struct dialed_host){ .name = host };
	}
	if (h->n == DIALED_IPS) {
		memmove(&h->ip[0], &h->ip[1], (DIALED_IPS - 1) * sizeof(h->ip[0]));
		h->n--;
	}
	h->ip[h->n++] = *ip;
}

void
dialed_parse(struct str text, struct dialed *out_r)
{
	struct str	one, name, word;
	struct ip	ip;

	out_r->n = 0;
	while (text.n > 0) {
		(void)str_cut(&text, ';', &one);
		if (!str_cut(&one, '=', &name) || name.n == 0)
			continue;
		while (one.n > 0) {
			(void)str_cut(&one, ',', &word);
			if (ip_parse(word, &ip))
				dialed_add(out_r, name, &ip);
		}
	}
}

void
dialed_format(struct buf *b, const struct dialed *d)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct dialed_host	*h = &d->host[i];

		if (h->name.n + h->n * IP_TEXT + 2 > LIMIT_JOB_DIALED - b->n)
			continue;
		if (b->n > 0)
			buf_addc(b, ';');
		buf_add(b, h->name);
		for (size_t k = 0; k < h->n; k++) {
			buf_addc(b, k == 0 ? '=' : ',');
			ip_format(b, &h->ip[k]);
		}
	}
}
