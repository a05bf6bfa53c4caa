/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A link of scheme page for host tests: two ends in plain memory, and what the
 * hypervisor does for them (states, generation, virqs, waits). Each end may run
 * in a thread of its own; a thread says which by fake_self. A wait that nobody
 * ends within FAKE_PATIENCE_S counts as a lost wake-up.
 */
#pragma once

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "guests/lib/bm.h"
#include "guests/lib/bm_sys.h"
#include "hv/abi/errno.h"
#include "hv/abi/link.h"

#define FAKE_PATIENCE_S 10
#define FAKE_RING_OFFSET 256u

struct fake_end {
	struct ambit_link_info info;
	uint8_t *control, *data;
	struct ambit_status *status;
	struct ambit_event *event;
	struct bm *bm;
	void *mem;
	bool virq;		/* pending on this end's vCPU */
	unsigned long notifies, waits;
};

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

static inline void *fake_area(size_t bytes)
{
	void *p = aligned_alloc(64, ALIGN_UP(bytes, 64ul));

	memset(p, 0, bytes);
	return p;
}

/* The areas of a link; fake_free() gives them back. */
static inline void fake_make(uint32_t slots, uint32_t buffer_size,
			     uint32_t seg_max)
{
	uint32_t ring = 2;

	while (ring < 2 * slots)
		ring *= 2;
	for (int i = 0; i < 2; i++) {
		struct ambit_link_info *l = &fake[i].info;

		memset(&fake[i], 0, sizeof(fake[i]));
		l->scheme = AMBIT_SCHEME_PAGE;
		l->slots = slots;
		l->buffer_size = buffer_size;
		l->seg_max = seg_max;
		l->ring_size = ring;
		l->ring_offset = FAKE_RING_OFFSET;
		l->control_size = FAKE_RING_OFFSET +
				  ring * sizeof(struct ambit_msg);
		l->data_size = 2ull * slots * ALIGN_UP(buffer_size, 64u);
		fake[i].control = fake_area(l->control_size);
		fake[i].data = fake_area(l->data_size);
		fake[i].status = fake_area(sizeof(struct ambit_status));
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
	};

	free(fake[i].mem);
	fake[i].mem = fake_area(bm_memory(&fake[i].info));
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
		free(fake[i].mem);
	}
}
