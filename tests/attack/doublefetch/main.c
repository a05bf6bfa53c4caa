/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tries to have the hypervisor check one value and use another. vCPU 1, on a CPU of
 * its own, changes the words that vCPU 0's calls and the witnesses' copies read,
 * to nonsense and back: items of all data calls, their tails, descriptors with
 * segments, grant entries, ring and wake indices, words of the event and vCPU page.
 * A check that is passed by one value and a use of the other would reach memory
 * that is not the attacker's, or that it was not offered: the witnesses look at
 * theirs, and nothing that comes here may show it.
 */
#include "tests/attack/lib/attack.h"

#include "guests/lib/cpu.h"

/* What vCPU 1 changes: one word at a time, as that meets each use of it soonest. */
struct target {
	word_t *word;
	word_t good;
};

static struct target targets[64], *target;	/* NULL: nothing */
static const struct target *busy;		/* what vCPU 1 changes now */
static word_t *area;				/* where the next one is chosen ... */
static uint32_t area_words;			/* ... of so many */
static uint64_t changes;
static struct end copy[2], grant[2];
static uint32_t calls, ok, statuses[32];
static uint32_t count;

static uint64_t nonsense(struct prng *p)
{
	switch (prng_below(p, 6)) {
	case 0:
		return prng_next(p);
	case 1:
		return prng_next(p) >> prng_below(p, 64);
	case 2:
		return prng_next(p) & 0x700000007ull;
	case 3:
		return UINT64_MAX - prng_below(p, 2 * PAGE_SIZE);
	case 4:
		return (uint64_t)attack_arena | prng_below(p, 32);
	default:
		return (uint64_t)vm_info() + prng_below(p, 0x400000);
	}
}

static void change(void *arg)
{
	struct prng p = { 0x1 };

	(void)arg;
	for (;;) {
		const struct target *t = LOAD_ACQUIRE(target);
		word_t bad = nonsense(&p);

		/* Say so, then look again whether it still is the one. */
		__atomic_store_n(&busy, t, __ATOMIC_SEQ_CST);
		if (!t || __atomic_load_n(&target, __ATOMIC_SEQ_CST) != t) {
			cpu_pause();
			continue;
		}
		for (uint32_t i = prng_next(&p) & 15; i; i--) {
			WRITE_ONCE(*t->word, bad);
			for (uint32_t k = i & 3; k; k--)
				__asm__ volatile("nop");
			WRITE_ONCE(*t->word, t->good);
		}
		WRITE_ONCE(changes, changes + 1);
	}
}

/* Another word of the area, which holds good values now. */
static void aim_anew(void)
{
	static uint32_t turn;
	struct target *t = &targets[turn++ % ARRAY_SIZE(targets)];

	t->word = area + below(area_words);
	t->good = *t->word;
	STORE_RELEASE(target, t);
}

static void aim(void *at, size_t bytes)
{
	area = at;
	area_words = (uint32_t)(bytes / 8);
	if (area_words)
		return;
	/* It may be in the middle of the last one. */
	__atomic_store_n(&target, NULL, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&busy, __ATOMIC_SEQ_CST))
		cpu_pause();
}

/* A status is one of those that there are. */
static void note_status(int64_t status)
{
	bool known = status <= 0 && status >= AMBIT_EQGIFT;

	if (!known)
		printf("status %ld\n", status);
	CHECK(known);
	statuses[known ? -status : 31]++;
}

/* A call, and meanwhile a word of the area that changes. */
static int64_t disturbed(uint64_t nr, const struct end *e, void *items, uint32_t n)
{
	if (area_words)
		aim_anew();
	return hcall4(nr, e->endpoint, (uint64_t)items, n, 0);
}

static void note(int64_t r)
{
	calls++;
	if (r >= 0) {
		CHECK(r <= AMBIT_BATCH_MAX);
		ok += r > 0;
	} else {
		note_status(r);
	}
	CHECK(!shows_secret(attack_arena, OFFER_LEN));
}

/* --- items and tails ----------------------------------------------------------------- */

static void copy_items(const struct end *e)
{
	static struct ambit_copy_item item[4];
	bool is_grant = e->l->scheme == AMBIT_SCHEME_GRANT;

	aim(item, sizeof(item));
	for (uint32_t i = 0; i < count; i++) {
		bool to = below(2);

		for (uint32_t k = 0; k < ARRAY_SIZE(item); k++)
			item[k] = (struct ambit_copy_item){
				.flags = to ? AMBIT_COPY_TO_PEER : 0,
				.slot = to ? OFFER_BOUND : OFFER_OPEN,
				.generation = is_grant ? OFFER_GENERATION : 0,
				.offset = to && is_grant ? OFFER_AT : 0,
				.len = below(OFFER_LEN), .own = (uint64_t)attack_arena };
		note(disturbed(AMBIT_HC_COPY, e, item, ARRAY_SIZE(item)));
	}
}

static uint32_t page_count(const struct end *e)
{
	return (uint32_t)(e->l->window_size / PAGE_SIZE);
}

static void map_items(const struct end *e)
{
	static struct ambit_map_item item[4];

	for (uint32_t i = 0; i < count; i++) {
		aim(item, i & 1 ? sizeof(item) : 0);
		for (uint32_t k = 0; k < ARRAY_SIZE(item); k++)
			item[k] = (struct ambit_map_item){
				.flags = AMBIT_MAP_WRITE, .ref = OFFER_WIDE + k,
				.generation = OFFER_GENERATION, .page = k, .count = 1 };
		note(disturbed(AMBIT_HC_GRANT_MAP, e, item, ARRAY_SIZE(item)));
		/* Without disturbance, whatever there is now. */
		aim(item, i & 2 ? sizeof(item) : 0);
		for (uint32_t page = 0; page < page_count(e); page++) {
			item[0] = (struct ambit_map_item){ .page = page, .count = 1 };
			note(disturbed(AMBIT_HC_GRANT_UNMAP, e, item, 1));
		}
		i += 2 * page_count(e);	/* so many calls were these */
	}
}

static void other_items(const struct end *e)
{
	static uint64_t item[16];
	static const uint64_t call[] = {
		AMBIT_HC_GRANT_QUERY, AMBIT_HC_GRANT_REVOKE, AMBIT_HC_GRANT_GIVE,
	};

	aim(item, sizeof(item));
	for (uint32_t i = 0; i < count; i++) {
		for (uint32_t k = 0; k < ARRAY_SIZE(item); k++)
			item[k] = below(3) ? 0 : below(8) | (uint64_t)below(8) << 32;
		note(disturbed(call[i % 3], e, item, 4));
	}
}

static void tails(const struct end *e)
{
	static struct ambit_tail tail;

	aim(&tail, sizeof(tail));
	for (uint32_t i = 0; i < count; i++) {
		tail = (struct ambit_tail){ .flags = AMBIT_TAIL_PUBLISH, .prod = i,
					    .deadline = 1 };
		aim_anew();
		note(hcall4(AMBIT_HC_COPY, e->endpoint, (uint64_t)attack_arena, 0,
			    (uint64_t)&tail));
	}
}

/* --- what witnesses read --------------------------------------------------------------- */

static void offer(const struct end *e)
{
	uint32_t n = e->l->seg_max;

	for (uint32_t i = 0; i < e->l->slots; i++) {
		for (uint32_t k = 0; k < n; k++)
			e->seg[i * n + k] = (struct ambit_seg){
				.gpa = (uint64_t)attack_arena + PAGE_SIZE * k, .len = 1024 };
		e->desc[i] = (struct ambit_desc){ .len = 1024 * n, .seg_count = (uint16_t)n,
			.flags = AMBIT_DESC_OUT | AMBIT_DESC_IN };
		if (e->l->grant_count)
			e->grant[i] = (struct ambit_grant){
				.frame = (uint64_t)attack_arena + PAGE_SIZE * i +
					 (AMBIT_GRANT_READ | AMBIT_GRANT_WRITE),
				.generation = OFFER_GENERATION, .len = PAGE_SIZE };
	}
}

static void offered(const struct end *e, void *at, size_t bytes)
{
	offer(e);
	aim(at, bytes);
	for (uint64_t until = time_now() + 15 * MS; time_now() < until;) {
		offer(e);
		aim_anew();
		for (uint32_t i = 0; i < 20; i++)
			note(hcall1(AMBIT_HC_NOTIFY, e->endpoint));
	}
}

static void descriptors(const struct end *e)
{
	offered(e, e->desc, e->l->slots * sizeof(*e->desc));
	offered(e, e->seg, e->l->slots * e->l->seg_max * sizeof(*e->seg));
}

static void entries(const struct end *e)
{
	offered(e, e->grant, OFFER_END * sizeof(*e->grant));
}

/* prod and epoch, then the wake indices; the mark of the end lies in between. */
static void indices(const struct end *e)
{
	offered(e, e->control, 8);
	offered(e, &e->control->wake, 8);
}

/* --- virq words ------------------------------------------------------------------------- */

static void virqs(void)
{
	struct ambit_vcpu_page *page = vcpu_page(0);

	irq_disable();		/* any vector may stand there */
	for (uint32_t part = 0; part < 2; part++) {
		if (part)
			aim(copy[0].event, 8);
		else
			aim(page, sizeof(*page));
		/* A wait gives the CPU to a witness for a slice. */
		for (uint32_t i = 0; i < count / 40; i++) {
			aim_anew();
			hcall2(AMBIT_HC_VIRQ_SEND, 0, AMBIT_VIRQ_IPI + below(4));
			hcall2(AMBIT_HC_VIRQ_BIND, AMBIT_VIRQ_LINK + below(8), below(2));
			note(hcall1(AMBIT_HC_WAIT, time_now() + 20 * US));
		}
	}
	aim(page, 0);
	memset(page, 0, sizeof(*page));
	irq_enable();
}

static void run(void)
{
	CHECK_IS(vcpu_start(1, change, NULL), 0);
	for (uint32_t i = 0; i < 2; i++) {
		copy_items(&copy[i]);
		copy_items(&grant[i]);
		map_items(&grant[i]);
		other_items(&grant[i]);
		tails(&copy[i]);
		descriptors(&copy[i]);
		entries(&grant[i]);
		indices(&copy[i]);
		indices(&grant[i]);
	}
	virqs();
	printf("%u calls, %u did something, words changed %lu times\n", calls, ok,
	       READ_ONCE(changes));
	CHECK(READ_ONCE(changes) > count);
	CHECK(ok > count / 10);
	/* Nobody has let go of a link meanwhile. */
	CHECK(!statuses[-AMBIT_EGONE]);
}

static const struct act acts[] = { { "double fetch", run, false } };

int guest_main(void)
{
	count = (uint32_t)cmdline_u64("count", 1000);
	end_meet(&copy[0], "alice-copy");
	end_meet(&grant[0], "alice-grant");
	end_meet(&copy[1], "bob-copy");
	end_meet(&grant[1], "bob-grant");
	acts_run(acts, ARRAY_SIZE(acts));
}
