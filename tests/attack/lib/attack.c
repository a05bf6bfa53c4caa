/* SPDX-License-Identifier: BSD-2-Clause */
/* Ends, random values, acts. */
#include "tests/attack/lib/attack.h"

#define PATIENCE	(20000 * MS)

struct prng attack_prng = { 0xa77ac4 };
uint8_t attack_arena[ARENA_BYTES] __attribute__((aligned(4096)));

uint64_t any(void)
{
	return prng_next(&attack_prng);
}

uint32_t below(uint64_t limit)
{
	return (uint32_t)prng_below(&attack_prng, limit);
}

static void *at(uint64_t base, uint32_t offset)
{
	return (void *)(base + offset);
}

void end_open(struct end *e, uint32_t endpoint)
{
	const struct ambit_link_info *l = link_info(endpoint);

	*e = (struct end){
		.endpoint = endpoint, .l = l,
		.status = at(l->status, 0), .event = at(l->event, 0),
		.control = at(l->control, 0), .ring = at(l->control, l->ring_offset),
		.desc = at(l->control, l->desc_offset),
		.seg = at(l->control, l->seg_offset),
		.grant = at(l->control, l->grant_offset),
	};
	hcall2(AMBIT_HC_LINK_STATE, endpoint, AMBIT_LINK_CONNECTED);
}

bool end_wait(const struct end *e, uint64_t ns)
{
	uint64_t until = time_now() + ns;

	while (LOAD_ACQUIRE(e->status->peer_state) != AMBIT_LINK_CONNECTED) {
		if (time_now() > until)
			return false;
		hcall1(AMBIT_HC_WAIT, time_now() + MS);
	}
	return true;
}

void end_meet(struct end *e, const char *name)
{
	int endpoint = link_find(0, 0, name);

	if (endpoint < 0)
		guest_fail("there is no link %s", name);
	end_open(e, (uint32_t)endpoint);
	if (!end_wait(e, PATIENCE))
		guest_fail("link %s: the peer does not come", name);
}

static uint64_t odd(void)
{
	static const uint64_t odd[] = {
		0xc0000000, 0xc0000000 - 8, 0xfee00000, 0xfed00000, 0xfffffff8,
		0x100000000, 1ull << 32, 1ull << 39, 1ull << 46, 1ull << 47, 1ull << 51,
		1ull << 52, 1ull << 63, 0xffff800000000000, 0xffffffff80200000,
		0xffffff8000000000, UINT64_MAX - 7, UINT64_MAX - PAGE_MASK,
		0x3f8, 0xa0000, 0xf0000, 0x1000000000000000,
	};
	const struct ambit_info *info = vm_info();
	const struct ambit_link_info *l = link_info(below(info->link_count));

	switch (below(8)) {
	case 0:
		return any();
	case 1:
		return info->ram_low - below(2 * PAGE_SIZE) + PAGE_SIZE;
	case 2:
		return (uint64_t)info + below(0x400000);
	case 3:
		return l->control + below(PAGE_SIZE);
	case 4:
		return (l->window ? l->window : l->peer_control) + below(PAGE_SIZE);
	case 5:
		return any() % info->ram_low;
	case 6:
		return any() >> below(64);
	default:
		return odd[below(ARRAY_SIZE(odd))] + (below(4) ? 0 : any() % PAGE_SIZE);
	}
}

uint64_t odd_gpa(void)
{
	uint64_t a = odd();

	return a < vm_info()->ram_low - PAGE_SIZE ?
	       (uint64_t)attack_arena + a % (sizeof(attack_arena) - PAGE_SIZE) : a;
}

bool shows_secret(const void *p, size_t bytes)
{
	const volatile half_unaligned_t *w = p;
	uint32_t turned = SECRET_TURNED;

	for (size_t i = 0; i < bytes / sizeof(*w); i++)
		if ((w[i] ^ UINT32_MAX) == turned)
			return true;
	return false;
}

_Noreturn void attack_end(void)
{
	int status = check_end();

	console_flush();
	for (uint32_t i = 0; i < vm_info()->link_count; i++)
		STORE_RELEASE(*(uint64_t *)at(link_info(i)->control, DONE_AT), DONE_MARK);
	guest_stop(status);
}

/* Lives that were given away on purpose, in a data area, as that outlives them. */
static uint64_t *deaths_word(void)
{
	const struct ambit_link_info *l = link_info((uint32_t)link_find(0, 0, "alice-page"));

	return at(l->data, (uint32_t)l->data_size / 2);
}

/* What has failed in this life must not be forgotten with it. */
static _Noreturn void act_deadly(const struct act *act)
{
	if (check_failures)
		attack_end();
	++*deaths_word();
	printf("dies by: %s\n", act->name);
	console_flush();
	/* Time for the line to be shown before the report. */
	time_sleep_until(time_now() + MS);
	act->run();
	guest_fail("%s: lives on", act->name);
}

_Noreturn void acts_run(const struct act *act, uint32_t n)
{
	uint32_t life = vm_info()->incarnation, deaths = 0;

	if (*deaths_word() != life - 1)
		guest_fail("died in an act that was not to be deadly");
	for (uint32_t i = 0; i < n; i++) {
		if (act[i].deadly ? ++deaths != life : life != 1)
			continue;
		attack_prng.state += i;
		if (act[i].deadly)
			act_deadly(&act[i]);
		act[i].run();
		if (check_failures)
			printf("%s: %u failures so far\n", act[i].name, check_failures);
	}
	attack_end();
}
