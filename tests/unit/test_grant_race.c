/* SPDX-License-Identifier: BSD-2-Clause */
/* Grants while other CPUs act: entries that change under the reader, mappings
 * withdrawn while they are made, used and ended. */
/* LINK: vio/grant.c vio/grant_map.c vio/revoke.c vio/grant_life.c hv/sync.c hv/pool.c hv/guest_mem.c hv/p2m.c hv/frames.c hv/frames_early.c */
#include "tests/unit/grant_machine.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

static uint32_t stop;

/* --- torn entries ----------------------------------------------------------------- */

static struct ambit_grant two[2];
static uint32_t flips;

/* Before each instruction of the reader. */
static void flip(void)
{
	flips = flips * 1664525 + 1013904223;
	table[0] = two[flips >> 31];
}

static void test_torn(void)
{
	uint32_t torn = 0, hit[3] = { 0 };

	machine();
	two[0] = (struct ambit_grant){ PAGE_SIZE | R, 1, 0, 4096 };
	two[1] = (struct ambit_grant){ 2 * PAGE_SIZE | R, 2, 16, 32 };
	for (uint32_t i = 0; i < 400; i++) {
		uint32_t gen = 1 + i / 2 % 2;
		struct grant_page p;
		int err;

		fake_step_begin(flip);
		err = grant_get(owner, 0, gen, R, &p);
		fake_step_end();
		hit[err ? 0 : gen]++;
		if (err) {
			torn += err != AMBIT_ESTALE;
			continue;
		}
		torn += p.pa.v != vms[0].ram[0].v + gen * PAGE_SIZE ||
			p.len != two[gen - 1].len || p.offset != two[gen - 1].offset;
		grant_put(owner, 0, &p);
	}
	ok(!torn, "no torn entry in 400 reads (%u and %u hits)", hit[1], hit[2]);
	ok(hit[0] && hit[1] && hit[2], "of one that changes before each instruction");
	ok(!uses_sum(), "all uses ended");
}

/* --- against each other ---------------------------------------------------------------- */

/*
 * CPU 0: the owner publishes a page, clears, revokes by force and then writes
 * POISON there. CPU 1: the holder maps and unmaps. CPU 2: another vCPU of the
 * holder reads, by translations that it keeps until it is flushed.
 */
#define POISON	0xdeadull
#define RUN_MS	300u		/* at least ... */
#define PATIENCE_MS 30000u	/* ... but until all of it has happened */
#define REFS	4u

static void yield(void)
{
	sched_yield();
}

static uint32_t poison_seen, reads, mapped_times;

static void *reader(void *arg)
{
	const volatile uint64_t *tlb[REFS] = { NULL };

	(void)arg;
	fake_cpu = 2;
	while (!READ_ONCE(stop)) {
		uint64_t generation = __atomic_load_n(&vms[1].tlb_generation, __ATOMIC_SEQ_CST);

		/* An entry into the guest. */
		if (vms[1].flushed[2] < generation) {
			memset(tlb, 0, sizeof(tlb));
			STORE_RELEASE(vms[1].flushed[2], generation);
		}
		for (uint32_t i = 0; i < REFS; i++) {
			uint64_t run;
			hpa_t pa;

			if (!tlb[i] && p2m_lookup(&vms[1].p2m,
						  gpa(holder->window.v + i * PAGE_SIZE),
						  P2M_READ, &pa, &run))
				tlb[i] = phys_to_virt(pa);
			if (tlb[i]) {
				poison_seen += *tlb[i] == POISON;
				reads++;
			}
		}
		yield();
	}
	WRITE_ONCE(pcpu_of(2)->current, NULL);
	return NULL;
}

static void *mapper(void *arg)
{
	(void)arg;
	fake_cpu = 1;
	for (uint32_t i = 0; !READ_ONCE(stop); i++) {
		mapped_times += map1(i & 1 ? AMBIT_MAP_WRITE : 0, i % REFS, i * 3 % REFS, 1) ==
				AMBIT_OK;
		if (i % 3)
			unmap1(i * 7 % REFS, 1);
		yield();
	}
	return NULL;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Publish, in most rounds until it is in use, withdraw, make the page poison. */
static void owner_round(uint32_t i, uint32_t *strength)
{
	uint32_t ref = i % REFS, mode = i / REFS % 3;
	uint64_t *p = ram_page(ref);

	WRITE_ONCE(*p, 0x1000);
	table[ref].generation = GEN;
	table[ref].len = PAGE_SIZE;
	STORE_RELEASE(table[ref].frame, ref * PAGE_SIZE | RW);
	for (uint32_t k = 0; k < i % 64 * 8 && !READ_ONCE(owner->status->use[SLOTS + ref]);
	     k++)
		yield();
	for (uint32_t k = 0; k < i % 37 * 8; k++)
		arch_pause();
	WRITE_ONCE(table[ref].frame, 0);
	if (revoke1(mode, ref, 1) == AMBIT_OK)
		strength[mode]++;
	if (revoke1(AMBIT_REVOKE_FORCE, ref, 1) != AMBIT_OK)
		abort();
	WRITE_ONCE(*p, POISON);
	for (uint32_t k = 0; k < 200; k++)
		arch_pause();
}

static bool happened(const uint32_t *strength)
{
	return READ_ONCE(reads) > 100 && READ_ONCE(mapped_times) > 20 && strength[0] &&
	       strength[2] > 4;
}

static void test_race(void)
{
	uint64_t from = now_ms();
	uint32_t strength[3] = { 0 };
	pthread_t t[2];

	machine();
	stop = poison_seen = reads = mapped_times = 0;
	at_flush = yield;
	WRITE_ONCE(pcpu_of(2)->current, &vcpus[1]);
	pthread_create(&t[0], NULL, mapper, NULL);
	pthread_create(&t[1], NULL, reader, NULL);
	for (uint32_t i = 0; now_ms() < from + RUN_MS ||
	     (!happened(strength) && now_ms() < from + PATIENCE_MS); i++)
		owner_round(i, strength);
	WRITE_ONCE(stop, 1);
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	ok(!poison_seen, "no read of a revoked page (%u reads, %u maps)", reads, mapped_times);
	ok(happened(strength), "revoked politely %u, notified %u, by force %u times",
	   strength[0], strength[1], strength[2]);
	for (uint32_t i = 0; i < REFS; i++)
		unmap1(i, 1);
	ok(nothing_held(), "in the end nothing is held");
}

int main(void)
{
	test_torn();
	test_race();
	return done_testing();
}
