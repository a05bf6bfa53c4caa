/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keys of a [link NAME] section that belong to one scheme or to the
 * hypervisor as back end. A scheme's keys are legal on a link of any scheme, so
 * that only one word changes with the scheme.
 */
#include "hv/manifest_parse.h"
#include "hv/string.h"

#define SWITCH_DEFAULT	"switch0"
#define AREA_MAX	GIB(1)	/* the largest piece of memory that there is */

int share_set_privileged(struct manifest_parser *p, struct manifest_str value)
{
	static const struct manifest_choice choice[] = { { "front", 0 }, { "back", 1 } };

	return manifest_choose(p, value, choice, ARRAY_SIZE(choice),
			       &p->link->privileged);
}

int share_set_window(struct manifest_parser *p, struct manifest_str value)
{
	struct manifest_str rest = value, word, size, more;
	struct manifest_link *link = p->link;
	uint64_t end;

	if (str_is(value, "all"))
		return 0;
	if (!str_word(&rest, &word) || !str_word(&rest, &size) ||
	    str_word(&rest, &more) || !str_size(word, &link->window_base) ||
	    !str_size(size, &link->window_size))
		return manifest_fail(p, "'%.*s' is neither all nor an address and a "
				     "size, as in 1M 512K", STR(value));
	if ((link->window_base | link->window_size) & PAGE_MASK)
		return manifest_fail(p, "'%.*s' is not a multiple of 4K", STR(value));
	if (!link->window_size)
		return manifest_fail(p, "its size is zero");
	if (__builtin_add_overflow(link->window_base, link->window_size, &end))
		return manifest_fail(p, "'%.*s' ends beyond 64 bits", STR(value));
	return 0;
}

int share_set_window_rights(struct manifest_parser *p, struct manifest_str value)
{
	static const struct manifest_choice choice[] = { { "read", 0 }, { "write", 1 } };
	uint8_t write = 0;

	if (manifest_choose(p, value, choice, ARRAY_SIZE(choice), &write))
		return -1;
	p->link->window_write = write;
	return 0;
}

int share_set_grants(struct manifest_parser *p, struct manifest_str value)
{
	return manifest_number(p, value, 1, MANIFEST_GRANTS_MAX, &p->link->grants);
}

int share_set_map_window(struct manifest_parser *p, struct manifest_str value)
{
	return manifest_number(p, value, 1, MANIFEST_GRANTS_MAX, &p->link->map_window);
}

int share_set_module(struct manifest_parser *p, struct manifest_str value)
{
	return manifest_module_name(p, value, &p->link->module);
}

int share_set_switch(struct manifest_parser *p, struct manifest_str value)
{
	struct manifest_str rest = value, name, more;

	if (!str_word(&rest, &name) || str_word(&rest, &more))
		return manifest_fail(p, "'%.*s' is not one name", STR(value));
	if (name.len >= MANIFEST_NAME_MAX)
		return manifest_fail(p, "the name '%.*s' is too long, 23 characters are "
				     "the most", STR(name));
	p->link->net_switch = name;
	return 0;
}

/* --- the section as a whole -------------------------------------------------------- */

static int fail_key(struct manifest_parser *p, uint32_t key, const char *why)
{
	const struct manifest_link *link = p->link;
	uint32_t line = link->key_line[key];

	return manifest_fail_at(p, line ? line : link->line, "%s: %s",
				manifest_link_keys[key].name, why);
}

/* What the hypervisor can be, and what only a link to it has. */
static int hypervisor_check(struct manifest_parser *p)
{
	static const struct { uint8_t key, dev_class; const char *why; } only[] = {
		{ LINK_KEY_MODULE, AMBIT_CLASS_BLOCK,
		  "only a block link to the hypervisor has it" },
		{ LINK_KEY_SWITCH, AMBIT_CLASS_NET,
		  "only a net link to the hypervisor has it" },
	};
	const struct manifest_link *link = p->link;
	bool hv = link->end[1].vm == MANIFEST_HYPERVISOR;

	for (uint32_t i = 0; i < ARRAY_SIZE(only); i++)
		if (link->key_line[only[i].key] &&
		    (!hv || link->dev_class != only[i].dev_class))
			return fail_key(p, only[i].key, only[i].why);
	if (!hv)
		return 0;
	if (link->dev_class == AMBIT_CLASS_RAW)
		return fail_key(p, LINK_KEY_CLASS, "the hypervisor has back ends for net, "
				"block and console only");
	if (!link->privileged)
		return fail_key(p, LINK_KEY_PRIVILEGED, "beside the hypervisor no VM can "
				"be the privileged end");
	if (link->key_line[LINK_KEY_WINDOW])
		return fail_key(p, LINK_KEY_WINDOW, "the hypervisor needs none");
	if (link->dev_class == AMBIT_CLASS_BLOCK && !link->module.len)
		return manifest_fail_at(p, link->line, "link '%s' lacks the key 'module', "
					"the image that the hypervisor serves", link->name);
	return 0;
}

/* Every slot's buffer granted at a time, by whole pages, as the buffer model does. */
static int grants_finish(struct manifest_parser *p)
{
	struct manifest_link *link = p->link;
	uint32_t line = link->key_line[LINK_KEY_GRANTS];
	uint32_t each = (link->buffer_size + (uint32_t)PAGE_MASK) / (uint32_t)PAGE_SIZE +
			link->seg_max;

	if (!link->grants)
		link->grants = MIN(link->slots * each, (uint32_t)MANIFEST_GRANTS_MAX);
	if (!link->map_window)
		link->map_window = link->grants;
	if (link->end[1].vm != MANIFEST_HYPERVISOR || link->scheme != AMBIT_SCHEME_GRANT ||
	    link->grants >= link->slots * each)
		return 0;
	return manifest_fail_at(p, line ? line : link->line,
				"grants: the hypervisor's back ends need an entry for each "
				"page of each slot, %u", link->slots * each);
}

static int areas_check(struct manifest_parser *p)
{
	const struct manifest_link *link = p->link;
	struct manifest_layout l;
	uint32_t line = link->key_line[LINK_KEY_BUFFER];

	manifest_link_layout(link, &l);
	if (l.data_size <= AREA_MAX)
		return 0;
	return manifest_fail_at(p, line ? line : link->line,
				"link '%s': each end's %u slots of %u bytes need %lu MiB "
				"in one piece, 1024 MiB are the most",
				link->name, link->slots, link->buffer_size,
				l.data_size >> 20);
}

int share_finish(struct manifest_parser *p)
{
	struct manifest_link *link = p->link;

	if (hypervisor_check(p))
		return -1;
	if (link->end[1].vm == MANIFEST_HYPERVISOR &&
	    link->dev_class == AMBIT_CLASS_NET && !link->net_switch.len)
		link->net_switch = str_of(SWITCH_DEFAULT);
	if (grants_finish(p))
		return -1;
	return areas_check(p);
}
