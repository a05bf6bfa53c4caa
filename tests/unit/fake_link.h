/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A link of any scheme for host tests: two ends in plain memory, and what the
 * hypervisor does for them (states, generation, virqs, waits; data calls are in
 * fake_data.h). Each end may run in a thread of its own; a thread says which by
 * fake_self. A wait that nobody ends within FAKE_PATIENCE_S counts as a lost
 * wake-up.
 */
#pragma once

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "guests/lib/bm.h"
#include "guests/lib/bm_sys.h"
#include "hv/abi/errno.h"
#include "hv/abi/hypercall.h"
#include "hv/abi/link.h"
#include "tests/unit/fake_ram.h"

#define FAKE_PATIENCE_S 10
#define FAKE_RING_OFFSET 256u

/* What fake_make() makes. After DIRECT: which end is privileged; HOST: the back
 * end is the hypervisor's, which has no window. */
enum fake_kind {
	FAKE_PAGE, FAKE_COPY, FAKE_GRANT, FAKE_DIRECT_A, FAKE_DIRECT_B,
	FAKE_DIRECT_A_RO, FAKE_DIRECT_B_RO, FAKE_DIRECT_HOST, FAKE_KINDS
};
static const char *const fake_name[] = {
	"page", "copy", "grant", "direct, front privileged",
	"direct, back privileged", "direct, front privileged, read-only",
	"direct, back privileged, read-only", "direct, hypervisor"
};

struct fake_end {
	struct ambit_link_info info;
	uint8_t *control, *data;
	struct ambit_status *status;
	struct ambit_event *event;
	struct bm *bm;
	void *mem;
	bool virq;		/* pending on this end's vCPU */
	uint32_t *mapped;	/* grant: [window pages] the peer's entry + 1 */
	unsigned long notifies, waits, settles;
};

static enum fake_kind fake_kind;
static struct fake_end fake[2];
static bool fake_threads;	/* waits really block */
static unsigned long fake_lost;
static __thread unsigned int fake_self;
static pthread_mutex_t fake_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t fake_cond = PTHREAD_COND_INITIALIZER;

/* Called in each notify and each data call, before and after its work. */
static void (*fake_exit)(uint32_t endpoint, bool after);

static inline void fake_raise_locked(struct fake_end *end)
{
	if (__atomic_exchange_n(&end->event->pending, 1, __ATOMIC_SEQ_CST))
		return;
	end->virq = true;
	pthread_cond_broadcast(&fake_cond);
}

void bm_sys_notify(uint32_t endpoint)
{
	if (fake_exit)
		fake_exit(endpoint, false);
	pthread_mutex_lock(&fake_lock);
	fake[endpoint].notifies++;
	fake_raise_locked(&fake[endpoint ^ 1]);
	pthread_mutex_unlock(&fake_lock);
	if (fake_exit)
		fake_exit(endpoint, true);
}

void bm_sys_wait(uint64_t deadline)
{
	struct fake_end *end = &fake[fake_self];
	struct timespec until;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += FAKE_PATIENCE_S;
	pthread_mutex_lock(&fake_lock);
	end->waits++;
	while (fake_threads && !deadline && !end->virq && !r)
		r = pthread_cond_timedwait(&fake_cond, &fake_lock, &until);
	fake_lost += r != 0;
	pthread_mutex_unlock(&fake_lock);
}

void bm_sys_notify_wait(uint32_t endpoint, uint64_t deadline)
{
	bm_sys_notify(endpoint);
	bm_sys_wait(deadline);
}

bool bm_sys_before_wait(void)
{
	pthread_mutex_lock(&fake_lock);
	fake[fake_self].virq = false;
	pthread_mutex_unlock(&fake_lock);
	return false;
}

void bm_sys_after_wait(void)
{
}

static bool fake_up;	/* the connection stands */

static inline bool fake_connected(void)
{
	return __atomic_load_n(&fake_up, __ATOMIC_ACQUIRE);
}

int64_t bm_sys_link_state(uint32_t endpoint, uint32_t state)
{
	struct fake_end *me = &fake[endpoint], *peer = &fake[endpoint ^ 1];
	uint32_t generation;
	bool was;

	pthread_mutex_lock(&fake_lock);
	was = fake_up;
	generation = me->status->generation;
	if (!was && state == AMBIT_LINK_CONNECTED &&
	    peer->status->state == AMBIT_LINK_CONNECTED) {
		__atomic_store_n(&fake_up, true, __ATOMIC_RELEASE);
		generation++;
		WRITE_ONCE(me->status->generation, generation);
		STORE_RELEASE(peer->status->generation, generation);
	}
	STORE_RELEASE(peer->status->peer_state, state);
	STORE_RELEASE(me->status->state, state);
	if (was && state != AMBIT_LINK_CONNECTED && state != AMBIT_LINK_SUSPENDED) {
		__atomic_store_n(&fake_up, false, __ATOMIC_RELEASE);
		WRITE_ONCE(me->status->resets, me->status->resets + 1);
		WRITE_ONCE(peer->status->resets, peer->status->resets + 1);
	}
	fake_raise_locked(peer);
	pthread_mutex_unlock(&fake_lock);
	return generation;
}

static inline void *fake_area(size_t bytes)
{
	void *p = aligned_alloc(64, ALIGN_UP(bytes, 64ul));

	memset(p, 0, bytes);
	return p;
}

static inline void fake_layout(struct ambit_link_info *l)
{
	uint32_t at = FAKE_RING_OFFSET;

	l->ring_offset = at;
	at += l->ring_size * (uint32_t)sizeof(struct ambit_msg);
	l->desc_offset = at;
	at += l->slots * (uint32_t)sizeof(struct ambit_desc);
	l->seg_offset = at;
	at += l->slots * l->seg_max * (uint32_t)sizeof(struct ambit_seg);
	l->grant_offset = at;
	at += l->grant_count * (uint32_t)sizeof(struct ambit_grant);
	l->control_size = at;
}

/* The end's share of scheme direct: window and rights. */
static inline void fake_direct(struct ambit_link_info *l, unsigned int end)
{
	unsigned int priv = fake_kind == FAKE_DIRECT_B ||
			    fake_kind == FAKE_DIRECT_B_RO ||
			    fake_kind == FAKE_DIRECT_HOST;
	bool rw = fake_kind != FAKE_DIRECT_A_RO && fake_kind != FAKE_DIRECT_B_RO;

	l->scheme = AMBIT_SCHEME_DIRECT;
	l->flags = end == priv ? AMBIT_LINKF_PRIVILEGED : AMBIT_LINKF_PEER_PRIV;
	l->flags |= rw ? AMBIT_LINKF_WINDOW_RW : 0;
	if (end != priv || fake_kind == FAKE_DIRECT_HOST)
		return;
	l->window = (uint64_t)fake_ram_window(rw);
	l->window_base = FAKE_GPA;
	l->window_size = FAKE_RAM;
}

static inline void fake_scheme(struct ambit_link_info *l, unsigned int end)
{
	uint32_t pages = l->buffer_size / (uint32_t)PAGE_SIZE + 1 + l->seg_max;

	if (fake_kind == FAKE_COPY) {
		l->scheme = AMBIT_SCHEME_COPY;
	} else if (fake_kind == FAKE_GRANT) {
		l->scheme = AMBIT_SCHEME_GRANT;
		l->grant_count = l->slots * pages;
		l->window_size = l->grant_count * PAGE_SIZE;
		l->window = (uint64_t)fake_ram_sink(end, l->window_size);
	} else if (fake_kind == FAKE_PAGE) {
		l->scheme = AMBIT_SCHEME_PAGE;
	} else {
		fake_direct(l, end);
	}
	if (fake_kind == FAKE_PAGE || l->scheme == AMBIT_SCHEME_DIRECT)
		l->data_size = 2ull * l->slots * ALIGN_UP(l->buffer_size, 64u);
}

/* The areas of a link; fake_free() gives them back. */
static inline void fake_make(uint32_t slots, uint32_t buffer_size,
			     uint32_t seg_max)
{
	fake_ram_init();
	for (int i = 0; i < 2; i++) {
		struct ambit_link_info *l = &fake[i].info;

		memset(&fake[i], 0, sizeof(fake[i]));
		l->slots = slots;
		l->buffer_size = buffer_size;
		l->seg_max = seg_max;
		l->ring_size = 2;
		while (l->ring_size < 2 * slots)
			l->ring_size *= 2;
		fake_scheme(l, (unsigned int)i);
		fake_layout(l);
		fake[i].control = fake_area(l->control_size);
		fake[i].data = fake_area(l->data_size);
		fake[i].status = fake_area(sizeof(struct ambit_status) +
			(slots + l->grant_count) * sizeof(uint32_t));
		fake[i].status->peer_incarnation = 1;
		fake[i].event = fake_area(sizeof(struct ambit_event));
		fake[i].mapped = fake_area(l->grant_count * sizeof(uint32_t));
	}
	fake_threads = fake_up = false;
	fake_lost = 0;
}

static inline struct bm *fake_open(unsigned int i)
{
	struct bm_areas areas = {
		.link = &fake[i].info,
		.endpoint = i,
		.control = fake[i].control,
		.peer_control = fake[i ^ 1].control,
		.data = fake[i].data,
		.peer_data = fake[i ^ 1].data,
		.status = fake[i].status,
		.event = fake[i].event,
		.window = (void *)fake[i].info.window,
	};
	size_t bytes = bm_memory(&fake[i].info);

	if (!fake[i].mem)
		fake[i].mem = fake_ram(bytes);
	memset(fake[i].mem, 0, bytes);
	fake[i].bm = bm_open(&areas, fake[i].mem);
	return fake[i].bm;
}

static inline void fake_free(void)
{
	for (int i = 0; i < 2; i++) {
		free(fake[i].control);
		free(fake[i].data);
		free(fake[i].status);
		free(fake[i].event);
		free(fake[i].mapped);
		fake[i].mapped = NULL;
		fake[i].control = fake[i].data = NULL;
		fake[i].status = NULL;
		fake[i].event = NULL;
	}
}

/* The test over every kind of link. */
static inline void each_kind(void (*test)(void))
{
	for (fake_kind = 0; fake_kind < FAKE_KINDS; fake_kind++) {
		printf("# %s\n", fake_name[fake_kind]);
		test();
		fake_free();
	}
}

#include "tests/unit/fake_data.h"
