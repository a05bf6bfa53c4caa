/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory: writes to each 2 MiB piece of its RAM, below the hole and from 4 GiB
 * on, and finds it all again; hands the hypervisor text from the very ends. The
 * words lie in the middle of free pages, which nobody else uses.
 */
#include "tests/guest/lib/check.h"

#define PIECE		0x200000ull
#define MIDDLE		0x180800ull
#define HIGH		0x100000000ull

static uint64_t *word_at(uint64_t base)
{
	return (uint64_t *)(base + MIDDLE);
}

static void fill(uint64_t from, uint64_t bytes)
{
	for (uint64_t at = 0; at < bytes; at += PIECE) {
		CHECK_IS(*word_at(from + at), 0);	/* given out clean */
		*word_at(from + at) = ~(from + at);
	}
}

static void verify(uint64_t from, uint64_t bytes)
{
	for (uint64_t at = 0; at < bytes; at += PIECE)
		CHECK_IS(*word_at(from + at), ~(from + at));
}

/* Text that ends with the last byte of RAM is taken; one byte more is not. */
static void test_end(uint64_t end)
{
	char *text = (char *)end - 16;

	memcpy(text, "the end of it..\n", 16);
	CHECK_IS(hcall2(AMBIT_HC_CONSOLE_WRITE, end - 16, 16), 16);
	CHECK_IS(hcall2(AMBIT_HC_CONSOLE_WRITE, end - 16, 17), AMBIT_EFAULT);
	CHECK_IS(hcall2(AMBIT_HC_CONSOLE_WRITE, end, 1), AMBIT_EFAULT);
}

int guest_main(void)
{
	const struct ambit_info *info = vm_info();
	uint64_t wanted = cmdline_u64("memory", 0);

	CHECK_IS(info->ram_low + info->ram_high, wanted);
	CHECK(info->ram_low <= 3ull << 30);
	CHECK((uint64_t)info >= HIGH + info->ram_high);
	fill(PIECE, info->ram_low - PIECE);
	fill(HIGH, info->ram_high);
	verify(PIECE, info->ram_low - PIECE);
	verify(HIGH, info->ram_high);
	test_end(info->ram_high ? HIGH + info->ram_high : info->ram_low);
	if (info->ram_high) {
		/* The hole: neither across it nor in it. */
		CHECK_IS(hcall2(AMBIT_HC_CONSOLE_WRITE, info->ram_low - 1, 2),
			 AMBIT_EFAULT);
		CHECK_IS(hcall2(AMBIT_HC_CONSOLE_WRITE, HIGH - 1, 2), AMBIT_EFAULT);
	}
	printf("%lu MiB below the hole, %lu MiB above\n", info->ram_low >> 20,
	       info->ram_high >> 20);
	return check_end();
}
