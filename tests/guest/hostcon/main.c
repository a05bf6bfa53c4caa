/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hostcon: prints over each of its console links, which lead to the hypervisor:
 * lines in order in more slots than the console has room for, a slot with many
 * lines, empty ones, and slots for input, which stay away as long as nobody types.
 * With `hear` it waits for a line over each link, and says it.
 */
#include "guests/lib/bm_guest.h"
#include "tests/guest/lib/check.h"

#define SLOTS_MAX	64u

static struct bm *b;
static struct bm_info limits;
static char *text;			/* [slots] buffers of max_len */
static bool out[SLOTS_MAX];		/* in the hands of the hypervisor */
static uint32_t len_of[SLOTS_MAX];
static uint32_t going;
static const struct bm_note no_note;

static char *text_of(uint32_t slot)
{
	return text + slot * (size_t)limits.max_len;
}

static void handle(const struct bm_event *e)
{
	if (e->type != BM_DONE)
		return;
	CHECK(out[e->slot]);
	CHECK_IS(e->status, BM_OK);
	CHECK_IS(e->len, len_of[e->slot]);
	out[e->slot] = false;
	going--;
}

/* Until less than `most` slots are out. */
static void settle(uint32_t most)
{
	struct bm_event e;

	for (;;) {
		while (bm_next(b, &e))
			handle(&e);
		if (going < most)
			return;
		bm_wait(&b, 1, 0, time_now() + 1000 * MS);
	}
}

static void connect(uint32_t endpoint)
{
	struct bm_event e = { 0 };

	b = bm_open_link(endpoint);
	bm_info(b, &limits);
	limits.slots = MIN(limits.slots, SLOTS_MAX);
	text = page_alloc_bytes(limits.slots * (size_t)limits.max_len);
	while (!bm_next(b, &e))
		bm_wait(&b, 1, 0, time_now() + 1000 * MS);
	CHECK_IS(e.type, BM_UP);
}

/* What lies in the slot's buffer goes out. */
static void put(uint32_t slot, uint32_t len)
{
	struct bm_seg seg = { text_of(slot), limits.max_len };

	CHECK_IS(bm_register(b, slot, BM_OUT, &seg, 1, BM_ONCE), BM_OK);
	CHECK_IS(bm_post(b, slot, len, no_note, 0), BM_OK);
	out[slot] = true;
	len_of[slot] = len;
	going++;
}

static uint32_t free_slot(void)
{
	uint32_t i = 0;

	settle(limits.slots);
	while (out[i])
		i++;
	return i;
}

/* A buffer full of lines of 64 bytes, and a line over two slots. */
static void long_texts(const char *link)
{
	uint32_t slot = free_slot(), n = limits.max_len / 64;

	for (uint32_t i = 0; i < n; i++) {
		char *line = text_of(slot) + 64 * i;

		snprintf(line, 64, "%s: part %-2u %40s", link, i + 1, "in one slot");
		for (uint32_t k = (uint32_t)strlen(line); k < 64; k++)
			line[k] = '.';
		line[63] = '\n';
	}
	put(slot, 64 * n);
	slot = free_slot();
	put(slot, (uint32_t)snprintf(text_of(slot), 64, "%s: first half", link));
	slot = free_slot();
	put(slot, (uint32_t)snprintf(text_of(slot), 64, ", second half\n"));
}

/* One slot for input, and its DONE: bytes that were typed. */
static uint32_t input(char *to, uint32_t size)
{
	struct bm_seg seg = { text_of(0), limits.max_len };
	struct bm_event e = { 0 };

	CHECK_IS(bm_offer(b, 0, BM_IN, &seg, size, no_note, 0), BM_OK);
	while (e.type != BM_DONE)
		if (!bm_next(b, &e))
			bm_wait(&b, 1, 0, 0);
	CHECK_IS(e.status, BM_OK);
	CHECK(e.len && e.len <= size);
	memcpy(to, text_of(0), e.len);
	return e.len;
}

/* What is typed comes in any cut. No input fits in nothing, so that is answered at once. */
static void hear(const char *link)
{
	struct bm_seg seg = { text_of(0), limits.max_len };
	char line[64] = "";
	uint32_t n = 0;

	CHECK_IS(bm_offer(b, 0, BM_IN, &seg, 0, no_note, 0), BM_OK);
	out[0] = true;
	len_of[0] = 0;
	going++;
	settle(1);
	while (n < sizeof(line) - 1 && (!n || line[n - 1] != '\n'))
		n += input(line + n, (uint32_t)sizeof(line) - 1 - n);
	line[n] = '\0';
	put(0, (uint32_t)snprintf(text_of(0), limits.max_len, "%s heard %s", link, line));
	settle(1);
	bm_close(b);
}

static void print_all(const struct ambit_link_info *l)
{
	uint64_t lines = cmdline_u64("lines", 100);
	struct bm_seg seg;

	for (uint64_t i = 1; i <= lines; i++) {
		uint32_t slot = free_slot();

		put(slot, (uint32_t)snprintf(text_of(slot), limits.max_len,
			"%s: line %lu of %lu, which is to take up some room\n",
			l->name, i, lines));
	}
	long_texts(l->name);
	put(free_slot(), 0);
	settle(1);
	/* Input: nothing comes. */
	seg = (struct bm_seg){ text_of(0), limits.max_len };
	CHECK_IS(bm_register(b, 0, BM_IN, &seg, 1, 0), BM_OK);
	CHECK_IS(bm_post(b, 0, limits.max_len, no_note, 0), BM_OK);
	bm_wait(&b, 1, 0, time_now() + 50 * MS);
	settle(1);
	bm_close(b);
}

int guest_main(void)
{
	uint32_t n = 0;
	int i;

	for (uint32_t from = 0; (i = link_find(from, AMBIT_CLASS_CONSOLE, NULL)) >= 0;
	     from = (uint32_t)i + 1, n++) {
		const struct ambit_link_info *l = link_info((uint32_t)i);

		CHECK(l->flags & AMBIT_LINKF_HYPERVISOR);
		connect((uint32_t)i);
		if (cmdline_has("hear"))
			hear(l->name);
		else
			print_all(l);
	}
	CHECK(n);
	return check_end();
}
