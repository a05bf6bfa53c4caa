/* SPDX-License-Identifier: BSD-2-Clause */
/* What a report says of a guest-physical address: each part of the map has its words. */
/* LINK: vio/place.c hv/printf.c */
#include "vio/place.h"

#include "tests/unit/tap.h"
#include "vio/link.h"

#define APERTURE	GIB(8)
#define LINK		(APERTURE + AMBIT_APERTURE_LINKS)
#define POOL		(APERTURE + MIB(16))
#define COUNTERS	(APERTURE + MIB(20))
#define WINDOW		(APERTURE + MIB(32))

static struct manifest_link link_config = { .name = "net" };
static struct manifest_vm config = { .pool_places = 2 };
static struct link net = { .config = &link_config, .scheme = AMBIT_SCHEME_GRANT,
			   .status_size = PAGE_SIZE };
static struct endpoint *ends[] = { &net.end[0] };
static const struct vm vm = {
	.config = &config, .ram_low = MIB(4), .ram_high = MIB(2), .aperture = { APERTURE },
	.pool = { POOL }, .counters = { COUNTERS }, .counters_pages = 1, .vcpu_count = 2,
	.endpoint = ends, .endpoint_count = 1,
};

void endpoint_info(const struct endpoint *e, struct ambit_link_info *out)
{
	(void)e;
	strcpy(out->name, link_config.name);
	out->control = LINK;
	out->peer_control = LINK + 0x1000;
	out->data = LINK + 0x2000;
	out->peer_data = LINK + 0x3000;
	out->status = LINK + 0x4000;
	out->event = LINK + 0x5000;
	out->window = WINDOW;
	out->control_size = out->data_size = PAGE_SIZE;
	out->window_size = MIB(2);
}

static void said(uint64_t at, const char *want)
{
	char text[PLACE_TEXT];

	place_describe(&vm, gpa(at), text);
	ok(!strncmp(text, want, strlen(want)), "0x%lx: %s", at, text);
}

int main(void)
{
	net.end[0].link = &net;
	said(MIB(4) - 1, "RAM");
	said(MIB(4), "behind the RAM");
	said(GIB(4) + MIB(2) - 1, "RAM");
	said(GIB(4) + MIB(2), "no part of the map");
	said(APERTURE, "the info area");
	said(APERTURE + AMBIT_APERTURE_TIME, "the time page");
	said(APERTURE + AMBIT_APERTURE_VCPU + 0x1fff, "a vCPU page");
	said(APERTURE + AMBIT_APERTURE_VCPU + 0x2000, "no part of the map");
	said(LINK, "link net: own control area");
	said(LINK + 0x1000, "link net: the peer's control area");
	said(LINK + 0x2000, "link net: own data area");
	said(LINK + 0x3000, "link net: the peer's data area");
	said(LINK + 0x4000, "link net: the status area");
	said(LINK + 0x5000, "link net: the event page");
	said(LINK + 0x6000, "no part of the map");
	said(POOL + 0x1fff, "the give pool");
	said(COUNTERS, "the counters");
	said(WINDOW + MIB(2) - 1, "link net: the map window");
	net.scheme = AMBIT_SCHEME_DIRECT;
	said(WINDOW, "link net: the peer window");
	said(UINT64_MAX, "no part of the map");
	return done_testing();
}
