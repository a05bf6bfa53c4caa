/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * userattack: what a program in ring 3 must not reach. Each attempt ends in
 * AMBIT_EPERM or an exception that its kernel sees; usermate, at the other end of
 * its link and of one that is its kernel's, tells whether anything else changed.
 * Two vCPUs. At last it loses its rights while it waits.
 */
#include "hv/abi/link.h"
#include "tests/guest/lib/check.h"
#include "guests/user/user.h"

#define FAULT_NONE	(-1)
#define FAULT_GP	13
#define FAULT_PF	14
#define PF_PRESENT	0x1u
#define PF_WRITE	0x2u
#define PF_USER		0x4u
#define PF_FETCH	0x10u

/* What kernels here have: identity map, RAM from 0, aperture behind 4 GiB. */
#define KERNEL_IMAGE	0x100000ull
#define APERTURE	0x100000000ull
#define VCPU_PAGE	(APERTURE + AMBIT_APERTURE_VCPU)
#define LINK_AREAS	(APERTURE + AMBIT_APERTURE_LINKS)
#define LINK_PAGES	64u		/* more than all areas have */

static uint32_t own;			/* endpoint */
static const struct ambit_link_info *l;
static struct ambit_event *event;

/* --- faults: resume behind the instruction ------------------------------------------- */

extern uint64_t attack_resume, attack_fault[3];
void attack_handler(void);
__asm__(".text\n"
	"attack_handler:\n\t"
	"movq %rdi, attack_fault\n\t"
	"movq %rsi, attack_fault + 8\n\t"
	"movq %rdx, attack_fault + 16\n\t"
	"jmpq *attack_resume\n"
	".pushsection .bss\n"
	".balign 8\n"
	"attack_resume: .skip 8\n"
	"attack_fault: .skip 24\n"
	".popsection\n");

static int64_t fault_of(void)
{
	return (int64_t)attack_fault[0];
}

/* Run an instruction whose operands are in RAX, RCX and RDX; fault_of() then. */
#define TRY(insn, a, c, d) do {						\
	uint64_t rax_ = (a), rcx_ = (c), rdx_ = (d);			\
									\
	attack_fault[0] = (uint64_t)FAULT_NONE;				\
	__asm__ volatile("movq $771f, attack_resume\n\t" insn "\n771:"	\
			 : "+a"(rax_), "+c"(rcx_), "+d"(rdx_)		\
			 : : "rbx", "rdi", "rsi", "memory", "cc");	\
} while (0)

#define CHECK_FAULT(vector, insn, a, c, d) do {				\
	TRY(insn, a, c, d);						\
	CHECK_IS(fault_of(), vector);					\
} while (0)

/* A page fault of ring 3 with that address, and none other. */
static bool page_fault(uint64_t at, uint64_t error)
{
	return fault_of() == FAULT_PF && attack_fault[2] == at &&
	       (attack_fault[1] & ~PF_PRESENT) == (error | PF_USER);
}

static void check_unreachable(uint64_t at)
{
	TRY("movq (%%rax), %%rcx", at, 0, 0);
	CHECK(page_fault(at, 0));
	TRY("movq %%rcx, (%%rax)", at, 0, 0);
	CHECK(page_fault(at, PF_WRITE));
}

static void check_read_only(uint64_t at)
{
	TRY("movq (%%rax), %%rcx", at, 0, 0);
	CHECK_IS(fault_of(), FAULT_NONE);
	TRY("movb $0, (%%rax)", at, 0, 0);
	CHECK(page_fault(at, PF_WRITE));
	CHECK(attack_fault[1] & PF_PRESENT);
}

/* --- hypercalls ---------------------------------------------------------------------------- */

static void attack_calls(void)
{
	for (uint64_t nr = 0; nr < AMBIT_HC_COUNT; nr++) {
		for (uint64_t n = 0; n < AMBIT_LINK_MAX; n++) {
			if (n != own && nr != AMBIT_HC_WAIT)
				CHECK_IS(hcall4(nr, n, 1, 1, 0), AMBIT_EPERM);
		}
		if (nr != AMBIT_HC_WAIT && nr != AMBIT_HC_NOTIFY &&
		    nr != AMBIT_HC_NOTIFY_WAIT)
			CHECK_IS(hcall4(nr, own, 1, 1, 0), AMBIT_EPERM);
		if (nr != AMBIT_HC_WAIT)
			CHECK_IS(hcall4(nr, 1ull << 32 | own, 1, 1, 0), AMBIT_EPERM);
	}
	CHECK_IS(hcall0(AMBIT_HC_COUNT), AMBIT_ENOSYS);
	CHECK_IS(hcall0(UINT64_MAX), AMBIT_ENOSYS);
}

/* --- memory ---------------------------------------------------------------------------------- */

static void attack_memory(void)
{
	static const uint64_t kernel[] = {
		8, KERNEL_IMAGE, KERNEL_IMAGE + 0x4000, 0x3ff000, 0x3ffffff8,
		APERTURE, APERTURE + AMBIT_APERTURE_TIME, VCPU_PAGE, VCPU_PAGE + 0x48,
		USER_BASE - 8, USER_AREAS - 8, USER_STACKS - 8, USER_END,
		0x7ffffffffff8, 0xffff800000000000, 0xfffffffffffffff0,
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(kernel); i++)
		check_unreachable(kernel[i]);
	/* Every area of every link, the own one's too at its real place. */
	for (uint64_t i = 0; i < LINK_PAGES; i++)
		check_unreachable(LINK_AREAS + i * PAGE_SIZE);
	/* Just behind what is mapped, and between: a stack's end. */
	check_unreachable(l->event + PAGE_SIZE);
	check_unreachable(USER_STACKS + 4 * PAGE_SIZE);
	check_read_only(USER_AREAS);
	check_read_only(USER_BASE);
	check_read_only((uint64_t)attack_handler);
	check_read_only(((const struct user_page *)USER_AREAS)->time);
	check_read_only(l->peer_control);
	check_read_only(l->peer_control + l->control_size - 8);
	check_read_only(l->peer_data);
	check_read_only(l->peer_data + l->data_size - 8);
	check_read_only(l->status);
	check_read_only(l->status + 64);
	TRY("movq (%%rax), %%rcx\n\tmovq %%rcx, (%%rax)", l->data + l->data_size - 8, 0, 0);
	CHECK_IS(fault_of(), FAULT_NONE);
	TRY("movq (%%rax), %%rcx\n\tmovq %%rcx, (%%rax)", l->control, 0, 0);
	CHECK_IS(fault_of(), FAULT_NONE);
	TRY("jmpq *%%rax", KERNEL_IMAGE, 0, 0);
	CHECK(page_fault(KERNEL_IMAGE, fault_of() == FAULT_PF ? attack_fault[1] & PF_FETCH : 0));
}

/* Data is not executed. The pages hold RET. */
static void attack_fetch(void)
{
	uint8_t *heap = page_alloc_bytes(PAGE_SIZE);
	volatile uint8_t *data = (volatile uint8_t *)l->data + 64;

	*heap = 0xc3;
	*data = 0xc3;
	TRY("jmpq *%%rax", (uint64_t)heap, 0, 0);
	CHECK(page_fault((uint64_t)heap, PF_FETCH));
	TRY("jmpq *%%rax", (uint64_t)data, 0, 0);
	CHECK(page_fault((uint64_t)data, PF_FETCH));
}

/* --- instructions -------------------------------------------------------------------------- */

static void attack_instructions(void)
{
	CHECK_FAULT(FAULT_GP, "hlt", 0, 0, 0);
	CHECK_FAULT(FAULT_GP, "cli", 0, 0, 0);
	CHECK_FAULT(FAULT_GP, "sti", 0, 0, 0);
	CHECK_FAULT(FAULT_GP, "movq %%cr0, %%rax", 0, 0, 0);
	CHECK_FAULT(FAULT_GP, "movq %%rax, %%cr3", 0, 0, 0);
	CHECK_FAULT(FAULT_GP, "movq %%rax, %%dr7", 0, 0, 0);
	CHECK_FAULT(FAULT_GP, "rdmsr", 0, 0xc0000080, 0);
	CHECK_FAULT(FAULT_GP, "wrmsr", 0, 0xc0000101, 0);
	CHECK_FAULT(FAULT_GP, "inb %%dx, %%al", 0, 0, 0x3f8);
	CHECK_FAULT(FAULT_GP, "outb %%al, %%dx", 0, 0, 0x3f8);
	CHECK_FAULT(FAULT_GP, "invlpg (%%rax)", 0, 0, 0);
	CHECK_FAULT(FAULT_GP, "wbinvd", 0, 0, 0);
	CHECK_FAULT(FAULT_GP, "int $0x40", 0, 0, 0);	/* the upcall's */
	CHECK_FAULT(FAULT_GP, "int $0x0e", 0, 0, 0);
	CHECK_FAULT(FAULT_GP, "int $0x80", 0, 0, 0);
	TRY("movq $0x80000000000000, %%rax\n\tjmpq *%%rax", 0, 0, 0);
	CHECK_IS(fault_of(), FAULT_GP);		/* at no address that there is */
	/* GS is the kernel's again whatever is done to it here. */
	TRY("movw %%ax, %%gs", 0, 0, 0);
	CHECK_IS(fault_of(), FAULT_NONE);
	TRY("movw %%ax, %%gs\n\thlt", 0x23, 0, 0);
	CHECK_IS(fault_of(), FAULT_GP);
	/* So are direction and single steps. */
	TRY("std\n\tint $0x30\n\tcld", USER_WRITE, 0, 0);
	CHECK_IS(fault_of(), FAULT_NONE);
	TRY("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tnop", 0, 0, 0);
	CHECK_IS(fault_of(), 1);
}

/* --- the kernel's calls ---------------------------------------------------------------------- */

static void attack_kernel(void)
{
	uint64_t heap = (uint64_t)page_alloc_bytes(PAGE_SIZE);

	CHECK_IS(user_call(USER_WRITE, KERNEL_IMAGE, 8), AMBIT_EFAULT);
	CHECK_IS(user_call(USER_WRITE, USER_END - 8, 16), AMBIT_EFAULT);
	CHECK_IS(user_call(USER_WRITE, UINT64_MAX - 3, 8), AMBIT_EFAULT);
	CHECK_IS(user_call(USER_WRITE, l->event + PAGE_SIZE - 4, 8), AMBIT_EFAULT);
	CHECK_IS(user_call(USER_WRITE, 0xffff800000000000, 8), AMBIT_EFAULT);
	for (uint32_t n = 0; n < AMBIT_LINK_MAX; n++) {
		if (n != own)
			CHECK_IS(user_call(USER_LINK_STATE, n, AMBIT_LINK_CONNECTED),
				 AMBIT_EPERM);
	}
	CHECK_IS(user_call(USER_LINK_STATE, own, AMBIT_LINK_DEAD), AMBIT_EINVAL);
	CHECK_IS(user_call(USER_ON_FAULT, 0x8000000000000000, 0), AMBIT_EINVAL);
	CHECK_IS(user_call(USER_THREAD, 0x8000000000000000, 0), AMBIT_EPERM);
	CHECK_IS(user_call(USER_SUSPEND, heap, 0), AMBIT_ENOENT);
	CHECK_IS(user_call(USER_SUSPEND + 1, heap, 0), AMBIT_ENOSYS);
	CHECK_IS(user_call(UINT64_MAX, heap, 0), AMBIT_ENOSYS);
}

/* --- rights that go -------------------------------------------------------------------------- */

static uint32_t stage;

/* While the other vCPU waits, with its events masked: its rights go, then what
 * was masked comes. */
static void rights_drop(void *arg)
{
	uint64_t until;

	(void)arg;
	while (LOAD_ACQUIRE(stage) != 1)
		hcall1(AMBIT_HC_WAIT, time_now() + MS);
	until = time_now() + 20 * MS;
	while (time_now() < until)
		hcall1(AMBIT_HC_WAIT, until);
	user_call(USER_GIVE_UP, 0, 0);
	WRITE_ONCE(event->mask, 0u);
	__atomic_exchange_n(&event->pending, 0, __ATOMIC_SEQ_CST);
	STORE_RELEASE(stage, 2u);
}

static void stale_rights(void)
{
	uint64_t from;

	/* usermate notifies all the time: with rights that ends waits. */
	for (int i = 0; i < 3; i++) {
		__atomic_exchange_n(&event->pending, 0, __ATOMIC_SEQ_CST);
		CHECK_IS(hcall1(AMBIT_HC_WAIT, time_now() + 1000 * MS), AMBIT_OK);
		CHECK_IS(event->pending, 1);
	}
	CHECK_IS(hcall1(AMBIT_HC_NOTIFY, own), AMBIT_OK);
	CHECK_IS(user_thread(rights_drop, NULL), 0);
	WRITE_ONCE(event->mask, 1u);
	FENCE_FULL();
	from = time_now();
	STORE_RELEASE(stage, 1u);
	CHECK_IS(hcall1(AMBIT_HC_WAIT, from + 200 * MS), AMBIT_ETIME);
	CHECK(time_now() - from >= 200 * MS);
	CHECK_IS(stage, 2);
	CHECK_IS(event->pending, 1);
	CHECK_IS(hcall1(AMBIT_HC_WAIT, 1), AMBIT_EPERM);
	CHECK_IS(hcall1(AMBIT_HC_NOTIFY, own), AMBIT_EPERM);
	CHECK_IS(hcall2(AMBIT_HC_NOTIFY_WAIT, own, 1), AMBIT_EPERM);
	CHECK_IS(user_call(USER_LINK_STATE, own, AMBIT_LINK_CLOSED), AMBIT_EPERM);
}

int guest_main(void)
{
	const struct ambit_status *s;

	own = user_link();
	l = link_info(own);
	s = (const struct ambit_status *)l->status;
	event = (struct ambit_event *)l->event;
	user_call(USER_ON_FAULT, (uint64_t)attack_handler, 0);
	user_call(USER_LINK_STATE, own, AMBIT_LINK_CONNECTED);
	while (LOAD_ACQUIRE(s->peer_state) != AMBIT_LINK_CONNECTED)
		hcall1(AMBIT_HC_WAIT, time_now() + MS);
	attack_calls();
	attack_memory();
	attack_fetch();
	attack_instructions();
	attack_kernel();
	stale_rights();
	/* Seen by usermate, which looks no more then. */
	WRITE_ONCE(*(uint32_t *)l->data, 1u);
	return check_end();
}
