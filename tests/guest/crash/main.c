/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crash: breaks the VM's contract in the way that the command line names
 * (how=...), after it has connected its link and said so. A witness at the other
 * end of the link looks at what becomes of it.
 */
#include "guests/lib/cpu.h"
#include "guests/lib/guest.h"

#include "hv/abi/link.h"

static const struct ambit_link_info *link;

static void write_word(uint64_t address)
{
	*(volatile uint32_t *)address = 0x4d2;
}

static void triple_fault(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) none = { 0, 0 };

	__asm__ volatile("lidt %0; ud2" : : "m"(none));
}

static void write_peer_data(void)
{
	write_word(link->peer_data + 64);
}

static void write_peer_control(void)
{
	write_word(link->peer_control);
}

static void write_status(void)
{
	write_word(link->status);
}

static void write_info(void)
{
	write_word((uint64_t)vm_info());
}

static void write_time(void)
{
	write_word((uint64_t)vm_info() + AMBIT_APERTURE_TIME);
}

/* Between the RAM's end and the aperture; the first GiB is mapped. */
static void read_unbacked(void)
{
	(void)*(volatile uint32_t *)(vm_info()->ram_low + 0x1000);
}

static void write_hole(void)
{
	write_word(vm_info()->ram_low + 0x2000);
}

/* Link areas are data. */
static void run_data(void)
{
	*(volatile uint8_t *)link->data = 0xc3;
	((void (*)(void))link->data)();
}

static void halt(void)
{
	__asm__ volatile("cli; hlt");
}

/* A page table outside of RAM: the walk itself faults. */
static void bad_tables(void)
{
	__asm__ volatile("movq %0, %%cr3" : : "r"(vm_info()->ram_low + 0x3000)
			 : "memory");
}

static void denied_msr(void)
{
	__asm__ volatile("rdmsr" : : "c"(0x3a) : "rax", "rdx");
}

static void denied_port(void)
{
	inb(0x60);
}

static void unhandled_exception(void)
{
	__asm__ volatile("ud2");
}

static void stop(void)
{
	guest_stop(7);
}

/* With a stack that gives a report much to look at: code all over, most of it behind no
 * call. */
static void crowd(void)
{
	static uint64_t stack[96];
	uint64_t behind_call;

	__asm__ volatile("call 1f\n1:\tpopq %0" : "=r"(behind_call));
	for (size_t i = 0; i < ARRAY_SIZE(stack); i++)
		stack[i] = i + 7 < ARRAY_SIZE(stack) ? (uint64_t)crowd : behind_call;
	__asm__ volatile("movq %0, %%rsp; movl (%1), %%eax"
			 : : "r"(stack), "r"(vm_info()->ram_low + 0x1000) : "memory");
}

static const struct {
	const char *name;
	void (*fn)(void);
} ways[] = {
	{ "triple-fault", triple_fault },
	{ "peer-data", write_peer_data },
	{ "peer-control", write_peer_control },
	{ "status", write_status },
	{ "info", write_info },
	{ "time", write_time },
	{ "unbacked", read_unbacked },
	{ "hole", write_hole },
	{ "run-data", run_data },
	{ "halt", halt },
	{ "tables", bad_tables },
	{ "msr", denied_msr },
	{ "port", denied_port },
	{ "exception", unhandled_exception },
	{ "stop", stop },
	{ "crowd", crowd },
};

int guest_main(void)
{
	char how[24] = "";

	cmdline_get("how", how, sizeof(how));
	link = link_info(0);
	hcall2(AMBIT_HC_LINK_STATE, 0, AMBIT_LINK_CONNECTED);
	time_sleep_until(time_now() + cmdline_u64("delay-ms", 200) * 1000000);
	printf("now: %s\n", how);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		if (!strcmp(ways[i].name, how))
			ways[i].fn();
	guest_fail("how=%s: this guest lives on", how);
}
