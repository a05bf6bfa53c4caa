/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vCPUs: which one this is (its block's address is in GS base), starting and
 * stopping others, and turning on the vector units.
 */
#include "guests/lib/cpu.h"
#include "guests/lib/internal.h"

#define MSR_GS_BASE	0xc0000101
#define STACK_PAGES	4
#define CPUID_XSAVE	(1u << 26)	/* leaf 1, ECX */
#define CR0_MP		(1ull << 1)
#define CR0_EM		(1ull << 2)
#define CR0_TS		(1ull << 3)
#define CR4_OSFXSR	(1ull << 9)
#define CR4_OSXMMEXCPT	(1ull << 10)
#define CR4_OSXSAVE	(1ull << 18)
#define XCR0_WANTED	0x7ull		/* x87, SSE, AVX */

/* stack_top is read by entry.asm at offset 0, id by vcpu_self() at 8. */
static struct vcpu_start {
	uint64_t stack_top;
	uint64_t id;
	void (*fn)(void *);
	void *arg;
	void *stack;
} vcpus[AMBIT_VCPU_MAX];
_Static_assert(offsetof(struct vcpu_start, id) == 8, "vcpu_self()");

void vcpu_entry(void);
_Noreturn void vcpu_started(struct vcpu_start *v);

static void vcpu_own_block(struct vcpu_start *v)
{
	uint64_t a = (uint64_t)v;

	__asm__ volatile("wrmsr" : : "c"(MSR_GS_BASE), "a"((uint32_t)a),
		"d"((uint32_t)(a >> 32)));
}

void vcpu_init(void)
{
	vcpu_own_block(&vcpus[0]);
}

uint32_t vcpu_self(void)
{
	uint32_t id;

	__asm__("movl %%gs:8, %0" : "=r"(id));
	return id;
}

_Noreturn void vcpu_started(struct vcpu_start *v)
{
	vcpu_own_block(v);
	trap_load();
	irq_enable();
	v->fn(v->arg);
	for (;;)
		hcall1(AMBIT_HC_VCPU_STOP, v->id);
}

int vcpu_start(uint32_t vcpu, void (*fn)(void *), void *arg)
{
	struct vcpu_start *v = &vcpus[vcpu];

	if (vcpu >= vm_info()->vcpu_count)
		return AMBIT_EINVAL;
	if (!v->stack)
		v->stack = page_alloc(STACK_PAGES);
	if (!v->stack)
		return AMBIT_ENOMEM;
	v->stack_top = (uint64_t)v->stack + STACK_PAGES * PAGE_SIZE;
	v->id = vcpu;
	v->fn = fn;
	v->arg = arg;
	return (int)hcall3(AMBIT_HC_VCPU_START, vcpu, (uint64_t)vcpu_entry,
			   (uint64_t)v);
}

uint64_t cpu_enable_vector(void)
{
	uint64_t cr0, cr4, xcr0 = 0;
	bool xsave = cpuid(1, 0).ecx & CPUID_XSAVE;

	__asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
	cr0 = (cr0 | CR0_MP) & ~(CR0_EM | CR0_TS);
	__asm__ volatile("mov %0, %%cr0" : : "r"(cr0));
	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	cr4 |= CR4_OSFXSR | CR4_OSXMMEXCPT | (xsave ? CR4_OSXSAVE : 0);
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4));
	if (xsave) {
		struct cpuid r = cpuid(0xd, 0);

		xcr0 = ((uint64_t)r.edx << 32 | r.eax) & XCR0_WANTED;
		__asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)xcr0),
			"d"((uint32_t)(xcr0 >> 32)));
	}
	return xcr0;
}
