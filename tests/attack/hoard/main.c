/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dies holding as much as there can be of everything: 64 vCPUs, each with a timer,
 * that wait, halt, spin and make calls; all entries granted and mapped by its mate,
 * as many mapped from there, some of them being revoked; gifts in flight both ways up
 * to the quota; a full console; virqs bound all over. The mate and the witnesses see
 * to it that nothing of it stays, and each life finds all of it there again.
 */
#include "tests/attack/hoard/hoard.h"

#include "guests/lib/cpu.h"

static struct side s;
static struct end copy;
static uint32_t dying;		/* how vCPU 33 is to kill the VM; 0: not yet */

/* --- the vCPUs ------------------------------------------------------------------------------ */

static void die_by_write(void)
{
	*(volatile uint32_t *)link_info(0)->peer_control = 1;
}

static void busy(uint32_t id)
{
	static struct ambit_copy_item item[AMBIT_VCPU_MAX];

	for (uint32_t n = 0;; n++) {
		item[id] = (struct ambit_copy_item){ .slot = OFFER_OPEN, .len = 64,
						     .own = (uint64_t)attack_arena + id * 64 };
		hcall4(AMBIT_HC_COPY, copy.endpoint, (uint64_t)&item[id], 1, 0);
		hcall1(AMBIT_HC_WAIT, time_now() + MS);
		if (id == 33 && LOAD_ACQUIRE(dying) == 1)
			die_by_write();
		if (LOAD_ACQUIRE(dying) == 2)
			__asm__ volatile("cli; hlt");
	}
}

static void vcpu(void *arg)
{
	uint32_t id = (uint32_t)(uint64_t)arg;

	hcall1(AMBIT_HC_TIMER_SET, time_now() + (1 + id) * 40 * MS);
	if (id % 4 == 1)
		busy(id);
	for (;;) {
		if (LOAD_ACQUIRE(dying) == 2)
			__asm__ volatile("cli; hlt");
		if (id % 4 == 2)
			hcall1(AMBIT_HC_WAIT, 0);
		else
			__asm__ volatile("sti; hlt");
		WRITE_ONCE(vcpu_page(id)->pending[0], 0);
	}
}

/* --- the hoard ------------------------------------------------------------------------------- */

static void revokes_begin(void)
{
	static struct ambit_revoke_item item = { .mode = AMBIT_REVOKE_NOTIFY, .ref = 3,
						 .count = 8 };

	for (uint32_t i = 3; i < 11; i++)
		WRITE_ONCE(s.e.grant[i].frame, 0);
	CHECK_IS(hcall4(AMBIT_HC_GRANT_REVOKE, s.e.endpoint, (uint64_t)&item, 1, 0), 1);
	CHECK_IS(item.status, AMBIT_EBUSY);
}

static void console_fill(void)
{
	memset(attack_arena + PAGE_SIZE, '.', 1024);
	attack_arena[PAGE_SIZE + 179] = '\n';
	for (uint32_t i = 0; i < 4; i++)
		hcall2(AMBIT_HC_CONSOLE_WRITE, (uint64_t)attack_arena + PAGE_SIZE, 180);
}

static void hoard(void)
{
	uint32_t life = vm_info()->incarnation;
	uint64_t until = time_now() + 20000 * MS;

	end_meet(&copy, "alice-copy");
	side_open(&s, "hoard");
	for (uint32_t i = 0; i < PAGES; i++)
		s.pages[i * PAGE_SIZE / 8] = HOARDED + life;
	side_grant(&s);
	side_accept(&s, HALF);
	STORE_RELEASE(s.own->life, life);
	hcall1(AMBIT_HC_NOTIFY, s.e.endpoint);
	while (LOAD_ACQUIRE(s.peer->life) != life && time_now() < until)
		hcall1(AMBIT_HC_WAIT, time_now() + MS);
	CHECK_IS(s.peer->mapped, PAGES);
	CHECK_IS(s.peer->given, GIFTS);
	CHECK_IS(side_map(&s), PAGES);
	CHECK_IS(side_give(&s, 0), GIFTS);
	revokes_begin();
	for (uint32_t i = 1; i < vm_info()->vcpu_count; i++)
		CHECK_IS(vcpu_start(i, vcpu, (void *)(uint64_t)i), 0);
	for (uint32_t i = AMBIT_VIRQ_LINK; i < AMBIT_VIRQ_MAX; i++)
		hcall2(AMBIT_HC_VIRQ_BIND, i, i % vm_info()->vcpu_count);
	console_fill();
	hcall1(AMBIT_HC_TIMER_SET, time_now() + 100 * MS);
	hcall1(AMBIT_HC_WAIT, time_now() + 5 * MS);
	if (check_failures)
		attack_end();
}

/* --- ways to die ----------------------------------------------------------------------------- */

static void triple_fault(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) none = { 0, 0 };

	hoard();
	__asm__ volatile("lidt %0; ud2" : : "m"(none));
}

static void write_elsewhere(void)
{
	hoard();
	STORE_RELEASE(dying, 1u);
	for (;;)
		cpu_pause();
}

static void restart_itself(void)
{
	hoard();
	hcall2(AMBIT_HC_VM_CONTROL, AMBIT_VM_RESTART, vm_info()->vm);
	for (;;)
		cpu_pause();
}

static void halt_all(void)
{
	hoard();
	STORE_RELEASE(dying, 2u);
	for (uint32_t i = 1; i < vm_info()->vcpu_count; i++)
		hcall2(AMBIT_HC_VIRQ_SEND, i, AMBIT_VIRQ_IPI);
	__asm__ volatile("cli; hlt");
}

/* The last life only hears what the mate found after the one before. */
static void await_mate(void)
{
	uint64_t until = time_now() + 10000 * MS;

	side_open(&s, "hoard");
	while (LOAD_ACQUIRE(s.peer->checked) + 1 != vm_info()->incarnation &&
	       time_now() < until)
		hcall1(AMBIT_HC_WAIT, time_now() + MS);
	CHECK_IS(s.peer->checked + 1, vm_info()->incarnation);
}

static const struct act acts[] = {
	{ "a triple fault", triple_fault, true },
	{ "a write by another vCPU", write_elsewhere, true },
	{ "a restart of itself", restart_itself, true },
	{ "a halt of all vCPUs", halt_all, true },
};

int guest_main(void)
{
	if (cmdline_has("mate"))
		mate();
	if (vm_info()->incarnation > ARRAY_SIZE(acts))
		await_mate();
	acts_run(acts, ARRAY_SIZE(acts));
}
