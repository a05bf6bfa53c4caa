/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keys of a [link NAME] section: what each value means, the defaults that
 * depend on the device class, and what a link needs once its section ends.
 */
#include "hv/manifest_parse.h"

#include "guests/drivers/net_wire.h"
#include "hv/string.h"

#define SLOTS_DEFAULT		32
#define SLOTS_MAX		1024
#define BUFFER_STEP		64
#define BUFFER_MAX		MIB(1)
#define SEGMENTS_MAX		16
#define ETHERNET_HEADER		14
#define MTU_DEFAULT		1500
#define MTU_MIN			68	/* IPv4's own minimum */
#define MTU_MAX			65520	/* keeps every frame below 64 KiB */

static int end_find(struct manifest_parser *p, struct manifest_str name,
		    struct manifest_end *end)
{
	struct message msg;

	if (str_is(name, MANIFEST_HYPERVISOR_NAME)) {
		end->vm = MANIFEST_HYPERVISOR;
		return 0;
	}
	end->vm = manifest_vm_find(p->m, name);
	if (end->vm < p->m->vm_max)
		return 0;
	msg = manifest_message(p, p->lines.line);
	message_add(&msg, "there is no VM '%.*s'", STR(name));
	manifest_message_vms(&msg, p->m);
	return -1;
}

static int set_ends(struct manifest_parser *p, struct manifest_str value)
{
	struct manifest_str rest = value, front, back, more;
	struct manifest_end *end = p->link->end;

	if (!str_word(&rest, &front) || !str_word(&rest, &back) ||
	    str_word(&rest, &more))
		return manifest_fail(p, "'%.*s' is not two VMs, front and back",
				     STR(value));
	if (end_find(p, front, &end[0]) || end_find(p, back, &end[1]))
		return -1;
	if (end[0].vm == MANIFEST_HYPERVISOR)
		return manifest_fail(p, "the hypervisor can be the back end only, "
				     "the second one");
	if (end[0].vm == end[1].vm)
		return manifest_fail(p, "'%.*s' cannot be linked to itself", STR(front));
	return 0;
}

static const struct manifest_choice classes[] = {
	{ "net", AMBIT_CLASS_NET },
	{ "block", AMBIT_CLASS_BLOCK },
	{ "raw", AMBIT_CLASS_RAW },
	{ "console", AMBIT_CLASS_CONSOLE },
};

static const struct manifest_choice schemes[] = {
	{ "page", AMBIT_SCHEME_PAGE },
	{ "direct", AMBIT_SCHEME_DIRECT },
	{ "copy", AMBIT_SCHEME_COPY },
	{ "grant", AMBIT_SCHEME_GRANT },
};

static const char *word_of(const struct manifest_choice *choice, uint8_t value)
{
	while (choice->value != value)
		choice++;
	return choice->word;
}

const char *manifest_class_word(const struct manifest_link *link)
{
	return word_of(classes, link->dev_class);
}

const char *manifest_scheme_word(const struct manifest_link *link)
{
	return word_of(schemes, link->scheme);
}

static int set_class(struct manifest_parser *p, struct manifest_str value)
{
	return manifest_choose(p, value, classes, ARRAY_SIZE(classes), &p->link->dev_class);
}

static int set_scheme(struct manifest_parser *p, struct manifest_str value)
{
	return manifest_choose(p, value, schemes, ARRAY_SIZE(schemes), &p->link->scheme);
}

static int set_slots(struct manifest_parser *p, struct manifest_str value)
{
	uint32_t *slots = &p->link->slots;

	if (manifest_number(p, value, 1, SLOTS_MAX, slots))
		return -1;
	if (*slots & (*slots - 1))
		return manifest_fail(p, "%u is not a power of two", *slots);
	return 0;
}

static int set_buffer(struct manifest_parser *p, struct manifest_str value)
{
	uint64_t bytes;

	if (!str_size(value, &bytes))
		return manifest_fail(p, "'%.*s' is not a size, as in 2K or 1536", STR(value));
	if (bytes < BUFFER_STEP || bytes > BUFFER_MAX || bytes % BUFFER_STEP)
		return manifest_fail(p, "%lu bytes are not a multiple of %u from %u to 1M",
				     bytes, BUFFER_STEP, BUFFER_STEP);
	p->link->buffer_size = (uint32_t)bytes;
	return 0;
}

static int set_segments(struct manifest_parser *p, struct manifest_str value)
{
	return manifest_number(p, value, 1, SEGMENTS_MAX, &p->link->seg_max);
}

static int set_mtu(struct manifest_parser *p, struct manifest_str value)
{
	uint32_t mtu = 0;

	if (manifest_number(p, value, MTU_MIN, MTU_MAX, &mtu))
		return -1;
	p->link->mtu = (uint16_t)mtu;
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;	/* lower case */
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool mac_read(struct manifest_str word, uint8_t mac[6])
{
	if (word.len != 17)
		return false;
	for (uint32_t i = 0; i < 6; i++) {
		const char *pair = &word.p[3 * i];
		int high = hex_digit(pair[0]), low = hex_digit(pair[1]);

		if (high < 0 || low < 0 || (i < 5 && pair[2] != ':'))
			return false;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static int mac_set(struct manifest_parser *p, struct manifest_str word, uint32_t end)
{
	static const uint8_t zero[6];
	uint8_t *mac = p->link->end[end].mac;

	if (str_is(word, "auto"))
		return 0;
	if (!mac_read(word, mac))
		return manifest_fail(p, "'%.*s' is no MAC address, as in 02:00:00:00:00:01",
				     STR(word));
	if (mac[0] & 1)
		return manifest_fail(p, "%.*s is a multicast address", STR(word));
	if (!memcmp(mac, zero, 6))
		return manifest_fail(p, "an address of zeros cannot be used");
	p->mac_given[end] = true;
	return 0;
}

static int set_mac(struct manifest_parser *p, struct manifest_str value)
{
	struct manifest_str rest = value, front, back, more;

	if (!str_word(&rest, &front) || !str_word(&rest, &back) ||
	    str_word(&rest, &more))
		return manifest_fail(p, "'%.*s' is not two addresses (or auto), "
				     "front and back", STR(value));
	return mac_set(p, front, 0) || mac_set(p, back, 1) ? -1 : 0;
}

static int set_read_only(struct manifest_parser *p, struct manifest_str value)
{
	return manifest_bool(p, value, &p->link->read_only);
}

static int set_capture(struct manifest_parser *p, struct manifest_str value)
{
	return manifest_bool(p, value, &p->link->capture);
}

const struct manifest_key manifest_link_keys[LINK_KEY_COUNT] = {
	[LINK_KEY_ENDS]	     = { "ends", set_ends, false },
	[LINK_KEY_CLASS]     = { "class", set_class, false },
	[LINK_KEY_SCHEME]    = { "scheme", set_scheme, false },
	[LINK_KEY_SLOTS]     = { "slots", set_slots, false },
	[LINK_KEY_BUFFER]    = { "buffer", set_buffer, false },
	[LINK_KEY_SEGMENTS]  = { "segments", set_segments, false },
	[LINK_KEY_MTU]	     = { "mtu", set_mtu, false },
	[LINK_KEY_MAC]	     = { "mac", set_mac, false },
	[LINK_KEY_READ_ONLY] = { "read-only", set_read_only, false },
	[LINK_KEY_PRIVILEGED] = { "privileged", share_set_privileged, false },
	[LINK_KEY_WINDOW]    = { "window", share_set_window, false },
	[LINK_KEY_WINDOW_RIGHTS] = { "window-rights", share_set_window_rights, false },
	[LINK_KEY_GRANTS]    = { "grants", share_set_grants, false },
	[LINK_KEY_MAP_WINDOW] = { "map-window", share_set_map_window, false },
	[LINK_KEY_MODULE]    = { "module", share_set_module, false },
	[LINK_KEY_SWITCH]    = { "switch", share_set_switch, false },
	[LINK_KEY_CAPTURE]   = { "capture", set_capture, false },
};

void manifest_link_begin(struct manifest_link *link)
{
	*link = (struct manifest_link){
		.scheme = AMBIT_SCHEME_PAGE,
		.slots = SLOTS_DEFAULT,
		.seg_max = 1,
		.privileged = 1,
		.window_write = true,
	};
}

/* Keys that mean nothing for the link's class. */
static int class_check(struct manifest_parser *p)
{
	static const struct { uint8_t key, dev_class; const char *name; } only[] = {
		{ LINK_KEY_MTU, AMBIT_CLASS_NET, "net" },
		{ LINK_KEY_MAC, AMBIT_CLASS_NET, "net" },
		{ LINK_KEY_READ_ONLY, AMBIT_CLASS_BLOCK, "block" },
		{ LINK_KEY_CAPTURE, AMBIT_CLASS_NET, "net" },
	};
	const struct manifest_link *link = p->link;

	for (uint32_t i = 0; i < ARRAY_SIZE(only); i++) {
		uint32_t line = link->key_line[only[i].key];

		if (line && link->dev_class != only[i].dev_class)
			return manifest_fail_at(p, line, "%s: only a link of class %s has it",
						manifest_link_keys[only[i].key].name,
						only[i].name);
	}
	return 0;
}

static int buffer_finish(struct manifest_parser *p)
{
	static const uint32_t usual[] = {
		[AMBIT_CLASS_RAW] = KIB(4),
		[AMBIT_CLASS_NET] = KIB(2),
		[AMBIT_CLASS_BLOCK] = KIB(16),
		[AMBIT_CLASS_CONSOLE] = KIB(1),
	};
	struct manifest_link *link = p->link;
	uint32_t frame = 0, most;

	if (link->dev_class == AMBIT_CLASS_NET) {
		if (!link->mtu)
			link->mtu = MTU_DEFAULT;
		frame = link->mtu + ETHERNET_HEADER;
	}
	if (!link->buffer_size)
		link->buffer_size = MAX(usual[link->dev_class],
					ALIGN_UP(frame, (uint32_t)BUFFER_STEP));
	/* A frame may go over several buffers, if not over too many. */
	most = MIN(link->slots, NET_CHAIN_MAX);
	if (most * link->buffer_size < frame)
		return manifest_fail_at(p, link->key_line[LINK_KEY_BUFFER],
					"buffer: %u buffers of %u bytes cannot hold a frame "
					"of mtu %u + %u", most, link->buffer_size, link->mtu,
					ETHERNET_HEADER);
	return 0;
}

/*
 * A locally administered address from the link's name (FNV-1a), so that it
 * stays what it is when other links come and go.
 */
static void mac_derive(struct manifest_link *link, uint32_t end)
{
	uint8_t *mac = link->end[end].mac;
	uint32_t hash = 0x811c9dc5;

	for (const char *c = link->name; *c; c++)
		hash = (hash ^ (uint8_t)*c) * 0x01000193;
	mac[0] = 0x02;
	for (uint32_t i = 0; i < 4; i++)
		mac[1 + i] = (uint8_t)(hash >> (24 - 8 * i));
	mac[5] = (uint8_t)(1 + end);
}

static int mac_unique(struct manifest_parser *p, uint32_t end)
{
	const struct manifest_link *link = p->link, *other = p->m->link;
	uint32_t line = link->key_line[LINK_KEY_MAC];

	for (; other <= link; other++) {
		for (uint32_t i = 0; i < 2; i++) {
			if (other->dev_class != AMBIT_CLASS_NET ||
			    (other == link && i >= end) ||
			    memcmp(other->end[i].mac, link->end[end].mac, 6))
				continue;
			return manifest_fail_at(p, line ? line : link->line,
						"mac: the %s end has the address of the "
						"%s end of link '%s' (line %u)",
						end ? "back" : "front",
						i ? "back" : "front",
						other->name, other->line);
		}
	}
	return 0;
}

static int mac_finish(struct manifest_parser *p)
{
	if (p->link->dev_class != AMBIT_CLASS_NET)
		return 0;
	for (uint32_t end = 0; end < 2; end++) {
		if (!p->mac_given[end])
			mac_derive(p->link, end);
		if (mac_unique(p, end))
			return -1;
	}
	return 0;
}

int manifest_link_finish(struct manifest_parser *p)
{
	static const uint8_t needed[] = { LINK_KEY_ENDS, LINK_KEY_CLASS };
	const struct manifest_link *link = p->link;

	for (uint32_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (!link->key_line[needed[i]])
			return manifest_fail_at(p, link->line, "link '%s' lacks the key '%s'",
						link->name,
						manifest_link_keys[needed[i]].name);
	if (class_check(p) || buffer_finish(p) || share_finish(p))
		return -1;
	return mac_finish(p);
}

static int endpoint_count(struct manifest_parser *p,
			  const struct manifest_link *link, uint32_t end)
{
	struct manifest_vm *vm;

	if (link->end[end].vm == MANIFEST_HYPERVISOR)
		return 0;
	vm = &p->m->vm[link->end[end].vm];
	if (++vm->link_count > AMBIT_LINK_MAX)
		return manifest_fail_at(p, link->line, "VM '%s' has more than %u links",
					vm->name, AMBIT_LINK_MAX);
	if (link->scheme == AMBIT_SCHEME_GRANT && !vm->key_line[VM_KEY_MAPS])
		vm->maps += link->map_window;
	return 0;
}

int manifest_endpoints_count(struct manifest_parser *p)
{
	const struct manifest *m = p->m;

	for (uint32_t i = 0; i < m->link_count; i++)
		if (endpoint_count(p, &m->link[i], 0) ||
		    endpoint_count(p, &m->link[i], 1))
			return -1;
	return 0;
}
