/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The buffer model's system side in ring 3. Waits and notifications are calls to
 * the hypervisor, which lets them through for the program's link; what is rare
 * goes by the kernel. Of the calls that scheme page never makes the hypervisor
 * refuses each from ring 3.
 */
#include "guests/lib/bm_guest.h"
#include "guests/lib/bm_sys.h"
#include "guests/lib/internal.h"
#include "guests/user/user.h"

struct bm *bm_open_link(uint32_t endpoint)
{
	const struct ambit_link_info *l = link_info(endpoint);
	struct bm_areas areas = {
		.link = l,
		.endpoint = endpoint,
		.control = (void *)l->control,
		.peer_control = (const void *)l->peer_control,
		.data = (void *)l->data,
		.peer_data = (const void *)l->peer_data,
		.status = (const void *)l->status,
		.event = (void *)l->event,
	};
	size_t bytes = l->scheme == AMBIT_SCHEME_PAGE ? bm_memory(l) : 0;

	if (!bytes)
		guest_fail("link %s is not of scheme page, or its entry is wrong",
			   l->name);
	return bm_open(&areas, page_alloc_bytes(bytes));
}

void bm_sys_notify(uint32_t endpoint)
{
	hcall1(AMBIT_HC_NOTIFY, endpoint);
}

/* The look at the request comes after bm_arm() has cleared the event word, which the
 * kernel sets behind a request: either it is seen here, or it ends the wait. */
void bm_sys_wait(uint64_t deadline)
{
	if (!suspend_asked())
		hcall1(AMBIT_HC_WAIT, deadline);
}

void bm_sys_notify_wait(uint32_t endpoint, uint64_t deadline)
{
	if (suspend_asked()) {
		bm_sys_notify(endpoint);
		return;
	}
	/* Refused as the peer is gone, it has not waited. */
	if (hcall2(AMBIT_HC_NOTIFY_WAIT, endpoint, deadline) == AMBIT_EGONE)
		hcall1(AMBIT_HC_WAIT, deadline);
}

int64_t bm_sys_link_state(uint32_t endpoint, uint32_t state)
{
	return user_call(USER_LINK_STATE, endpoint, state);
}

void bm_sys_settle(uint32_t endpoint)
{
	hcall1(AMBIT_HC_SETTLE, endpoint);
}

int64_t bm_sys_data(uint32_t call, uint32_t endpoint, void *items, uint32_t n,
		    const struct ambit_tail *tail)
{
	return hcall4(call, endpoint, (uint64_t)items, n, (uint64_t)tail);
}

/* An event since the last look ends the wait. */
bool bm_sys_before_wait(void)
{
	return false;
}

void bm_sys_after_wait(void)
{
}

bool suspend_asked(void)
{
	return unlikely(READ_ONCE(((const struct user_page *)USER_AREAS)->suspend));
}

int64_t suspend_call(void)
{
	return user_call(USER_SUSPEND, 0, 0);
}
