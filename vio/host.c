/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What all back ends in the hypervisor share, and the system side of the buffer
 * model for them. An endpoint's number is its link's. Nothing here waits: a
 * wait arms the end and is over, which ends the step of work.
 */
#include "vio/host.h"

#include "guests/lib/bm.h"
#include "guests/lib/bm_sys.h"
#include "hv/abi/hypercall.h"
#include "hv/boot_alloc.h"
#include "hv/string.h"
#include "hv/sync.h"
#include "hv/work.h"
#include "vio/data.h"

/* --- the system side ----------------------------------------------------------- */

static struct endpoint *own_end(uint32_t number)
{
	return &link_table[number].end[1];
}

void bm_sys_notify(uint32_t endpoint)
{
	/* A peer that is gone is told by the states. */
	(void)!link_notify(own_end(endpoint));
}

void bm_sys_wait(uint64_t deadline)
{
	(void)deadline;
}

void bm_sys_notify_wait(uint32_t endpoint, uint64_t deadline)
{
	(void)deadline;
	bm_sys_notify(endpoint);
}

int64_t bm_sys_link_state(uint32_t endpoint, uint32_t state)
{
	return link_set_state(own_end(endpoint), state);
}

void bm_sys_settle(uint32_t endpoint)
{
	own_end(endpoint)->host->taken_back += HOST_USED;
	sync_ops();
}

int64_t bm_sys_data(uint32_t call, uint32_t endpoint, void *items, uint32_t n,
		    const struct ambit_tail *tail)
{
	/* There are no views, so nothing is ever mapped. */
	static const struct data_op *const op[] = {
		[AMBIT_HC_COPY] = &copy_op,
		[AMBIT_HC_GRANT_REVOKE] = &revoke_op,
	};

	CHECK(call < ARRAY_SIZE(op) && op[call]);
	return data_run(own_end(endpoint), op[call], items, n, tail);
}

/* Buffers are in the direct map, constants in the image. */
uint64_t bm_sys_gpa(const void *p)
{
	uint64_t at = (uint64_t)p;

	return at >= VA_IMAGE ? at - VA_IMAGE : virt_to_phys(p).v;
}

bool bm_sys_before_wait(void)
{
	return false;
}

void bm_sys_after_wait(void)
{
}

/* --- steps ---------------------------------------------------------------------- */

static bool host_step(struct work *w)
{
	struct host_end *h = CONTAINER_OF(w, struct host_end, work);

	return h->step(h);
}

void host_raise(struct endpoint *e)
{
	work_add(e->peer->vm->vcpu[0]->pcpu, &e->host->work);
}

bool host_rest(struct host_end *h)
{
	return !bm_wait(&h->bm, 1, 0, 0);
}

/* --- making them ------------------------------------------------------------------ */

/* With scheme direct it reaches what a guest with a window would reach. */
static uint32_t end_flags(const struct manifest_link *c)
{
	return AMBIT_LINKF_BACK | AMBIT_LINKF_PRIVILEGED |
	       (c->window_write ? AMBIT_LINKF_WINDOW_RW : 0);
}

static void fill_info(struct ambit_link_info *info, const struct endpoint *e)
{
	const struct link *l = e->link;
	const struct manifest_link *c = l->config;

	*info = (struct ambit_link_info){
		.scheme = l->scheme, .dev_class = c->dev_class,
		.flags = end_flags(c), .mtu = c->mtu, .slots = c->slots,
		.buffer_size = c->buffer_size, .seg_max = c->seg_max,
		.ring_size = l->ring_size, .ring_offset = l->ring_offset,
		.desc_offset = l->desc_offset, .seg_offset = l->seg_offset,
		.grant_offset = l->grant_offset, .grant_count = l->grant_count,
		.control_size = l->control_size, .data_size = l->data_size,
	};
}

bool host_open(struct host_end *h, struct endpoint *e,
	       bool (*step)(struct host_end *h))
{
	struct bm_areas areas = {
		.link = &h->info,
		.endpoint = e->link->id,
		.control = e->control,
		.peer_control = e->peer->control,
		.data = phys_to_virt(e->data_pa),
		.peer_data = phys_to_virt(e->peer->data_pa),
		.status = e->status,
		.event = e->event,
	};
	void *mem;

	fill_info(&h->info, e);
	h->e = e;
	h->step = step;
	h->work = (struct work){ .run = host_step, .payer = e->peer->vm->vcpu[0] };
	e->host = h;
	mem = boot_alloc(bm_memory(&h->info));
	if (!mem)
		return false;
	h->bm = bm_open(&areas, mem);
	CHECK(h->bm);
	return true;
}

/* Each is raised for the first time when its guest is born, and connects then. */
void host_init(void)
{
	static struct host_end *(*const make[])(struct endpoint *e) = {
		[AMBIT_CLASS_NET] = host_port,
		[AMBIT_CLASS_BLOCK] = host_block,
		[AMBIT_CLASS_CONSOLE] = host_console,
	};

	for (uint32_t i = 0; i < link_count; i++) {
		struct endpoint *e = &link_table[i].end[1];

		if (e->vm)
			continue;
		WRITE_ONCE(e->peer->status->peer_incarnation, 1u);
		if (!make[e->link->config->dev_class](e))
			hv_refuse("too little memory for the back end of link '%s'",
				  e->link->config->name);
	}
}

void host_report(void)
{
	host_switch_report();
}
