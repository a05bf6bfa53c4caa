/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest-physical map (docs/abi.md) as a list to look an address up in. */
#include "vio/place.h"

#include "hv/printf.h"
#include "vio/link.h"

struct part {
	uint64_t base, bytes;
	const char *what;
};

static bool within(const struct part *p, gpa_t at)
{
	return at.v - p->base < p->bytes;
}

static bool link_part(const struct endpoint *e, gpa_t at, char *text)
{
	struct ambit_link_info l;
	bool grant = e->link->scheme == AMBIT_SCHEME_GRANT;

	endpoint_info(e, &l);
	const struct part parts[] = {
		{ l.control, l.control_size, "own control area" },
		{ l.peer_control, l.control_size, "the peer's control area, to be read only" },
		{ l.data, l.data_size, "own data area, not to be executed" },
		{ l.peer_data, l.data_size, "the peer's data area, to be read only" },
		{ l.status, e->link->status_size, "the status area, to be read only" },
		{ l.event, PAGE_SIZE, "the event page" },
		{ l.window, l.window_size, grant ? "the map window, where no such mapping is now" :
						   "the peer window, closed or without this right" },
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (!within(&parts[i], at))
			continue;
		hv_snprintf(text, PLACE_TEXT, "link %s: %s", l.name, parts[i].what);
		return true;
	}
	return false;
}

void place_describe(const struct vm *vm, gpa_t at, char text[PLACE_TEXT])
{
	const uint64_t aperture = vm->aperture.v;
	const struct part parts[] = {
		{ 0, vm->ram_low, "RAM" },
		{ GIB(4), vm->ram_high, "RAM" },
		{ aperture, AMBIT_APERTURE_TIME, "the info area, to be read only" },
		{ aperture + AMBIT_APERTURE_TIME, PAGE_SIZE, "the time page, to be read only" },
		{ aperture + AMBIT_APERTURE_VCPU, vm->vcpu_count * PAGE_SIZE, "a vCPU page" },
		{ vm->pool.v, vm->config->pool_places * PAGE_SIZE,
		  "the give pool, at a place without a page" },
		{ vm->counters.v, vm->counters_pages * PAGE_SIZE,
		  "the counters, to be read only" },
		{ vm->ram_low, GIB(4) - vm->ram_low, "behind the RAM that the manifest gives" },
	};

	for (uint32_t i = 0; i < vm->endpoint_count; i++)
		if (link_part(vm->endpoint[i], at, text))
			return;
	for (uint32_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (!within(&parts[i], at))
			continue;
		hv_snprintf(text, PLACE_TEXT, "%s", parts[i].what);
		return;
	}
	hv_snprintf(text, PLACE_TEXT, "no part of the map: docs/abi.md has it");
}
