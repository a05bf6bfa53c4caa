/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * userkernel: runs the program in its first module in ring 3, with one link of
 * scheme page that the program uses by itself, and says at the end what was left
 * for the kernel to do. The program gets the command line too.
 *   link=NAME   which link (the first one)
 *   tick-ms=N   the kernel's timer (10; 0: none)
 */
#include "guests/userkernel/kernel.h"

#include "hv/abi/link.h"
#include "hv/abi/time.h"

#define MS		1000000ull

static uint64_t tick_ns;

static void tick(uint32_t virq, void *arg)
{
	(void)virq;
	(void)arg;
	__atomic_fetch_add(&user_page->counters.ticks, 1, __ATOMIC_RELAXED);
	hcall1(AMBIT_HC_TIMER_SET, time_now() + tick_ns);
}

/* By name, whatever its class; without one the first. */
static uint32_t endpoint_find(void)
{
	char name[sizeof(link_info(0)->name)];

	if (!vm_info()->link_count)
		guest_fail("there is no link for the program");
	if (!cmdline_get("link", name, sizeof(name)))
		return 0;
	for (uint32_t i = 0; i < vm_info()->link_count; i++) {
		if (!strncmp(link_info(i)->name, name, sizeof(name)))
			return i;
	}
	guest_fail("there is no link %s", name);
}

/* One area behind the others; its address there. */
static uint64_t area_map(uint64_t *at, uint64_t area, uint64_t size, uint32_t rights)
{
	uint64_t there = *at;

	if (!size)
		return 0;
	size = ALIGN_UP(size, PAGE_SIZE);
	space_map(there, area, size, rights);
	*at += size;
	return there;
}

/*
 * The areas of its link and nothing else. Only scheme page: with all others the
 * control area has addresses of this VM's memory, any of which a program could
 * write there.
 */
static void link_give(uint32_t endpoint)
{
	const struct ambit_link_info *l = link_info(endpoint);
	struct ambit_link_info *u = &user_page->link;
	uint64_t at = USER_AREAS + PAGE_SIZE;

	if (l->scheme != AMBIT_SCHEME_PAGE)
		guest_fail("link %s: of scheme %s, which ring 3 must not drive",
			   l->name, link_scheme_name(l->scheme));
	user_page->endpoint = endpoint;
	user_page->time = area_map(&at, (uint64_t)vm_info() + AMBIT_APERTURE_TIME,
				   sizeof(struct ambit_time), 0);
	user_page->vm = *vm_info();
	*u = *l;
	u->control = area_map(&at, l->control, l->control_size, SPACE_WRITE);
	u->peer_control = area_map(&at, l->peer_control, l->control_size, 0);
	u->data = area_map(&at, l->data, l->data_size, SPACE_WRITE);
	u->peer_data = area_map(&at, l->peer_data, l->data_size, 0);
	u->status = area_map(&at, l->status, sizeof(struct ambit_status) +
			     l->slots * sizeof(uint32_t), 0);
	u->event = area_map(&at, l->event, PAGE_SIZE, SPACE_WRITE);
}

static uint64_t program_make(void)
{
	size_t size;
	const void *file = module_get(0, &size);

	if (!file)
		guest_fail("there is no program: give this VM one, as in modules = talk.user");
	space_init();
	user_page = page_alloc_bytes(sizeof(*user_page));
	space_map(USER_AREAS, (uint64_t)user_page, PAGE_SIZE, 0);
	cmdline_all(user_page->cmdline, sizeof(user_page->cmdline));
	link_give(endpoint_find());
	return program_load(file, size);
}

int guest_main(void)
{
	uint64_t entry = program_make();
	const struct user_counters *c = &user_page->counters;
	int status;

	tick_ns = cmdline_u64("tick-ms", 10) * MS;
	printf("kernel: ring 3 has link %s to %s, and no other\n",
	       user_page->link.name, user_page->link.peer);
	rings_init();
	rings_prepare(0);
	rings_init_vcpu();
	user_rights_init();
	user_suspend_init();
	virq_handle(AMBIT_VIRQ_TIMER, tick, NULL);
	virq_upcalls(true);
	if (tick_ns)
		hcall1(AMBIT_HC_TIMER_SET, time_now() + tick_ns);
	status = ring_enter(entry, USER_AREAS);
	hcall1(AMBIT_HC_TIMER_SET, 0);
	printf("kernel: the program ended with %d, after %lu system calls and %lu faults, "
	       "%lu timer ticks, %lu upcalls\n", status, c->calls, c->faults, c->ticks,
	       c->upcalls);
	return status;
}
