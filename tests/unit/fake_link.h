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

/* What fake_make() makes; the end after _DIRECT is the privileged one. */
enum fake_kind {
	FAKE_PAGE, FAKE_COPY, FAKE_KINDS
};
static const char *const fake_name[] = {
	"page", "copy"
};

struct fake_end {
	struct ambit_link_info info;
	uint8_t *control, *data;
	struct ambit_status *status;
	struct ambit_event *event;
	struct bm *bm;
	void *mem;
	bool virq;		/* pending on this end's vCPU */
	unsigned long notifies, waits, settles;
};

static enum fake_kind fake_kind;
static struct fake_end fake[2];
static bool fake_threads;	/* waits really block */
static unsigned long fake_lost;
static __thread unsigned int fake_self;
static pthread_mutex_t fake_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t fake_cond = PTHREAD_COND_INITIALIZER;

static inline void fake_raise_locked(struct fake_end *end)
{
	if (__atomic_exchange_n(&end->event->pending, 1, __ATOMIC_SEQ_CST))
		return;
	end->virq = true;
	pthread_cond_broadcast(&fake_cond);
}

void bm_sys_notify(uint32_t endpoint)
{
	pthread_mutex_lock(&fake_lock);
	fake[endpoint].notifies++;
	fake_raise_locked(&fake[endpoint ^ 1]);
	pthread_mutex_unlock(&fake_lock);
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

int64_t bm_sys_link_state(uint32_t endpoint, uint32_t state)
{
	struct fake_end *me = &fake[endpoint], *peer = &fake[endpoint ^ 1];
	uint32_t generation;

	pthread_mutex_lock(&fake_lock);
	generation = me->status->generation;
	if (state == AMBIT_LINK_CONNECTED &&
	    me->status->state != AMBIT_LINK_CONNECTED &&
	    peer->status->state == AMBIT_LINK_CONNECTED) {
		generation++;
		WRITE_ONCE(me->status->generation, generation);
		STORE_RELEASE(peer->status->generation, generation);
	}
	STORE_RELEASE(peer->status->peer_state, state);
	STORE_RELEASE(me->status->state, state);
	fake_raise_locked(peer);
	pthread_mutex_unlock(&fake_lock);
	return generation;
}

static inline bool fake_connected(void)
{
	return LOAD_ACQUIRE(fake[0].status->state) == AMBIT_LINK_CONNECTED &&
	       LOAD_ACQUIRE(fake[1].status->state) == AMBIT_LINK_CONNECTED;
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
	l->control_size = at;
}

static inline void fake_scheme(struct ambit_link_info *l)
{
	if (fake_kind == FAKE_COPY)
		l->scheme = AMBIT_SCHEME_COPY;
	else
		l->scheme = AMBIT_SCHEME_PAGE;
	if (l->scheme == AMBIT_SCHEME_PAGE)
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
		fake_scheme(l);
		fake_layout(l);
		fake[i].control = fake_area(l->control_size);
		fake[i].data = fake_area(l->data_size);
		fake[i].status = fake_area(sizeof(struct ambit_status) +
			(slots + l->grant_count) * sizeof(uint32_t));
		fake[i].status->peer_incarnation = 1;
		fake[i].event = fake_area(sizeof(struct ambit_event));
	}
	fake_threads = false;
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
