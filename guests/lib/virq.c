/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virqs of this VM: handlers, and the two ways to take one: polled after a
 * wait, or by upcall. A pending bit is cleared before its handler looks.
 */
#include "guests/lib/internal.h"
#include "guests/lib/trap.h"

#include "guests/lib/cpu.h"

static struct {
	virq_fn *fn;
	void *arg;
} handlers[AMBIT_VIRQ_MAX];
static uint64_t handled[AMBIT_VIRQ_WORDS];	/* virqs that have one */

void virq_upcall(void);

struct ambit_vcpu_page *vcpu_page(uint32_t vcpu)
{
	return (struct ambit_vcpu_page *)(info_aperture() +
		AMBIT_APERTURE_VCPU + vcpu * PAGE_SIZE);
}

void virq_handle(uint32_t virq, virq_fn *fn, void *arg)
{
	handlers[virq].arg = arg;
	STORE_RELEASE(handlers[virq].fn, fn);
	__atomic_fetch_or(&handled[virq / 64], 1ull << (virq & 63),
			  __ATOMIC_RELEASE);
}

static __attribute__((noinline)) bool virq_run(uint32_t word, uint64_t bits)
{
	bool ran = false;

	for (; bits; bits &= bits - 1) {
		uint32_t virq = word * 64 + (uint32_t)__builtin_ctzll(bits);
		virq_fn *fn = LOAD_ACQUIRE(handlers[virq].fn);

		if (!fn)
			continue;
		fn(virq, handlers[virq].arg);
		ran = true;
	}
	return ran;
}

/* Clear and return the pending bits of a word. Masked virqs stay pending; their
 * owner looks by itself. */
static inline uint64_t virq_take(struct ambit_vcpu_page *page, uint32_t word)
{
	uint64_t mask = READ_ONCE(page->mask[word]);

	if (likely(!mask))
		return __atomic_exchange_n(&page->pending[word], 0ull,
					   __ATOMIC_SEQ_CST);
	return __atomic_fetch_and(&page->pending[word], mask, __ATOMIC_SEQ_CST) &
	       ~mask;
}

/* Most only end waits: those cost no more than to be cleared. */
static inline bool virq_poll_word(struct ambit_vcpu_page *page, uint32_t word)
{
	uint64_t bits;

	if (!READ_ONCE(page->pending[word]))
		return false;
	bits = virq_take(page, word) & LOAD_ACQUIRE(handled[word]);
	return unlikely(bits) && virq_run(word, bits);
}

_Static_assert(AMBIT_VIRQ_WORDS == 4, "virq_poll()");

bool virq_poll(void)
{
	struct ambit_vcpu_page *page = vcpu_page(vcpu_self());
	bool ran = virq_poll_word(page, 0);

	ran |= virq_poll_word(page, 1);
	ran |= virq_poll_word(page, 2);
	ran |= virq_poll_word(page, 3);
	return ran;
}

void virq_upcall(void)
{
	virq_poll();
}

void virq_upcalls(bool on)
{
	struct ambit_vcpu_page *page = vcpu_page(vcpu_self());

	STORE_RELEASE(page->upcall_vector, on ? UPCALL_VECTOR : 0u);
}

void virq_wait(uint64_t deadline)
{
	hcall1(AMBIT_HC_WAIT, deadline);
	virq_poll();
}
