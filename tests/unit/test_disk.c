/* SPDX-License-Identifier: BSD-2-Clause */
/* The wait for a disk's server: its answer, its silence, and pauses of the VM. */
#include <setjmp.h>
#include <stdlib.h>

#include "tests/unit/tap.h"

/* Those of guests are others than the host's. */
#define printf guest_printf
#define vprintf guest_vprintf
#define snprintf guest_snprintf
#define vsnprintf guest_vsnprintf
#include "guests/drivers/disk.c"
#undef printf
#undef vprintf
#undef snprintf
#undef vsnprintf

#define PATIENCE 1000u
#define NEVER	UINT64_MAX

static uint64_t now_is, answer_at, pause_after;	/* pause_after: the n-th poll from now */
static bool answered;
static jmp_buf failed;
static const struct blk_identity identity;

uint64_t time_now(void)
{
	return now_is;
}

/* Takes what is there at that moment; then the VM may be paused. */
bool blk_front_poll(struct blk_front *f)
{
	bool any = !answered && now_is >= answer_at;

	(void)f;
	answered |= any;
	if (pause_after && !--pause_after) {
		now_is += 10 * PATIENCE;
		answer_at = MIN(answer_at, now_is);
	}
	return any;
}

const struct blk_identity *blk_front_disk(const struct blk_front *f)
{
	(void)f;
	return answered ? &identity : NULL;
}

bool bm_wait(struct bm *const *b, uint32_t n, uint32_t flags, uint64_t deadline)
{
	(void)b;
	(void)n;
	(void)flags;
	now_is = MIN(deadline, MAX(answer_at, now_is));
	return false;
}

uint64_t peer_await(struct peer_watch *w, uint64_t deadline)
{
	(void)w;
	return deadline;
}

void guest_fail(const char *format, ...)
{
	(void)format;
	longjmp(failed, 1);
}

const char *peer_state(const struct ambit_link_info *link)
{
	(void)link;
	return "";
}

/* What disk_await() does not come to. */
bool cmdline_get(const char *k, char *b, size_t n) { abort(); return k && b && n; }
uint64_t cmdline_u64(const char *k, uint64_t v) { abort(); return k ? v : 0; }
int link_find(uint32_t f, uint8_t c, const char *n) { abort(); return n ? (int)f : c; }
const struct ambit_link_info *link_info(uint32_t e) { abort(); return (void *)(uintptr_t)e; }
struct bm *bm_open_link(uint32_t e) { abort(); return (void *)(uintptr_t)e; }
void *page_alloc_bytes(size_t n) { abort(); return (void *)n; }
size_t blk_front_memory(struct bm *b) { abort(); return (size_t)b; }
struct blk_front *blk_front_init(struct bm *b, void *mem, blk_done_fn *done, void *arg)
{
	abort();
	return b && mem && done ? arg : NULL;
}
bool suspend_asked(void) { abort(); return false; }
bool suspend_now(struct bm *const *e, uint32_t n) { abort(); return e && n; }

/* Whether the disk is found whose answer comes then; a pause comes in the n-th poll. */
static bool found(uint64_t at, uint64_t paused_poll)
{
	static struct ambit_link_info link;
	struct disk d = { .link = &link, .patience = PATIENCE };

	now_is = 5;
	answer_at = at;
	pause_after = paused_poll;
	answered = false;
	return !setjmp(failed) && disk_await(&d) == &identity;
}

int main(void)
{
	ok(found(0, 0), "an answer that is there");
	ok(found(500, 0), "one that comes in time");
	ok(!found(NEVER, 0) && now_is == 5 + PATIENCE, "none: the program ends at its time");
	ok(found(500, 1), "one that comes in a pause behind the first poll");
	ok(found(500, 2), "in a later one");
	return done_testing();
}
