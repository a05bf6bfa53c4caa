/* SPDX-License-Identifier: BSD-2-Clause */
/* Access to guest RAM: its borders, the hole below 4 GiB, pieces of 2 MiB. */
/* LINK: hv/guest_mem.c */
#include "hv/guest_mem.h"

#include "arch/arch.h"
#include "hv/abi/errno.h"
#include "hv/vm.h"
#include "tests/fake/fake.h"
#include "tests/unit/tap.h"

#define PIECE	MIB(2)
#define LOW	MIB(6)
#define HIGH	MIB(4)
#define PIECES	((LOW + HIGH) / PIECE)

static hpa_t ram[GIB(4) / PIECE];
static struct vm vm;

/* Pieces in an order of their own, with memory of others between them. */
static uint64_t piece_pa(uint64_t i)
{
	return PIECE * (2 * (i * 3 % PIECES) + 1);
}

static void machine(void)
{
	fake_ram_create(MIB(64));
	vm = (struct vm){ .ram = ram, .ram_low = LOW, .ram_high = HIGH };
	for (uint64_t i = 0; i < PIECES; i++)
		ram[i] = hpa(piece_pa(i));
}

/* Where a byte of the guest lies, by the memory map alone; 0: nowhere. */
static uint64_t byte_pa(uint64_t at)
{
	if (at < LOW)
		return piece_pa(at / PIECE) + at % PIECE;
	if (at >= GIB(4) && at < GIB(4) + HIGH)
		return piece_pa((LOW + at - GIB(4)) / PIECE) + at % PIECE;
	return 0;
}

static bool is_ram(uint64_t at, uint64_t n)
{
	uint64_t last = at + n - 1;

	/* RAM at both ends, without a wrap and on one side of the hole. */
	return n && last >= at && byte_pa(at) && byte_pa(last) &&
	       (at < GIB(4)) == (last < GIB(4));
}

static bool ptr_right(uint64_t at, uint64_t n)
{
	size_t run = 12345;
	void *p = guest_ptr(&vm, gpa(at), n, &run);
	uint64_t want = MIN(n, PIECE - at % PIECE);

	if (is_ram(at, n) ? p && virt_to_phys(p).v == byte_pa(at) && run == want : !p)
		return true;
	printf("# guest_ptr(%#lx, %#lx) = %p, run %#lx\n", at, n, p, run);
	return false;
}

static void test_borders(void)
{
	static const uint64_t edge[] = {
		0, PIECE, LOW, MIB(8), GIB(3), GIB(4), GIB(4) + PIECE, GIB(4) + HIGH,
		BIT(47), BIT(63), (uint64_t)0 - LOW, (uint64_t)0 - GIB(4),
	};
	static const uint64_t size[] = {
		0, 1, 2, 8, PAGE_SIZE, PIECE - 1, PIECE, PIECE + 1, HIGH, LOW,
		LOW + HIGH, LOW + HIGH + 1, GIB(4), GIB(4) + HIGH,
		BIT(63), SIZE_MAX - GIB(4), SIZE_MAX - 1, SIZE_MAX,
	};
	uint32_t wrong = 0, ram_count = 0;

	for (uint32_t i = 0; i < ARRAY_SIZE(edge); i++)
		for (uint64_t off = -8ull; off != 9; off++)
			for (uint32_t k = 0; k < ARRAY_SIZE(size); k++) {
				wrong += !ptr_right(edge[i] + off, size[k]);
				ram_count += is_ram(edge[i] + off, size[k]);
				/* up to and just beyond the next edge */
				wrong += !ptr_right(edge[i] + off, size[k] - off);
			}
	ok(ram_count > 100, "around the edges, %u ranges of RAM", ram_count);
	ok_eq(wrong, 0, "RAM and nothing else, at its place, to its piece's end");
	ok(ptr_right(0, LOW), "all low RAM begins at 0");
	ok(ptr_right(LOW - 1, 1) && ptr_right(LOW - 1, 2) && ptr_right(LOW, 1),
	   "low RAM ends at its end");
	ok(ptr_right(GIB(4) - 1, 1) && ptr_right(GIB(4) - 1, 2) && ptr_right(GIB(4), 1),
	   "the hole ends at 4 GiB");
	ok(ptr_right(GIB(4) + HIGH - 1, 1) && ptr_right(GIB(4) + HIGH - 1, 2),
	   "high RAM ends at its end");
	ok(ptr_right(LOW - 1, SIZE_MAX) && ptr_right(GIB(4) + 1, SIZE_MAX),
	   "sizes that wrap are refused");
	ok(ptr_right(0, 0) && ptr_right(LOW - 1, 0), "there is no empty range");
}

static void test_copy(void)
{
	static uint8_t data[LOW], back[LOW];
	bool right = true;

	for (uint64_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 251);
	ok_eq(guest_write(&vm, gpa(PIECE - 5), data, PIECE + 10), 0, "write over three pieces");
	ok_eq(guest_read(&vm, gpa(PIECE - 5), back, PIECE + 10), 0, "read them");
	ok(!memcmp(data, back, PIECE + 10), "the same comes back");
	for (uint64_t i = 0; i < PIECE + 10; i++)
		right &= *(uint8_t *)phys_to_virt(hpa(byte_pa(PIECE - 5 + i))) == data[i];
	ok(right, "each byte is in its piece");
	ok_eq(guest_write(&vm, gpa(GIB(4) + PIECE - 1), data, 2), 0, "and in high RAM");
	ok(*(uint8_t *)phys_to_virt(hpa(byte_pa(GIB(4) + PIECE))) == data[1],
	   "behind the edge of a piece");
	ok_eq(guest_write(&vm, gpa(0), data, LOW), 0, "all of low RAM");
	ok_eq(guest_read(&vm, gpa(0), back, LOW), 0, "can be read at once");
	ok(!memcmp(data, back, LOW), "and is right");
}

static bool others_clean(void)
{
	for (uint64_t at = 0; at < PIECE * (2 * PIECES + 1); at += 2 * PIECE)
		for (uint64_t i = 0; i < PIECE; i += 8)
			if (*(uint64_t *)phys_to_virt(hpa(at + i)))
				return false;
	return true;
}

static void test_refused(void)
{
	uint8_t buf[64] = { 1, 2, 3, 4, 5, 6, 7, 8 };

	ok_eq(guest_write(&vm, gpa(LOW - 4), buf, 8), AMBIT_EFAULT, "no write into the hole");
	ok_eq(guest_read(&vm, gpa(LOW - 4), buf, 8), AMBIT_EFAULT, "no read from it");
	ok_eq(guest_write(&vm, gpa(GIB(4) - 4), buf, 8), AMBIT_EFAULT, "nor across 4 GiB");
	ok_eq(guest_write(&vm, gpa(GIB(4) + HIGH - 4), buf, 8), AMBIT_EFAULT,
	      "nor behind the end");
	ok_eq(guest_read(&vm, gpa(vm.ram_low + GIB(4) + HIGH), buf, 1), AMBIT_EFAULT,
	      "nor in the aperture");
	ok_eq(guest_read(&vm, gpa(-4ull), buf, 8), AMBIT_EFAULT, "nor around 2^64");
	ok_eq(guest_read(&vm, gpa(GIB(3)), buf, 0), 0, "nothing can be read anywhere");
	ok_eq(guest_write(&vm, gpa(-1ull), buf, 0), 0, "and written");
	ok(others_clean(), "no byte of others was touched");

	vm.ram_high = 0;
	ok(!guest_ptr(&vm, gpa(GIB(4)), 1, &(size_t){ 0 }), "a VM without high RAM has none");
	ok_eq(guest_read(&vm, gpa(LOW - 1), buf, 1), 0, "but its low RAM");
	vm.ram_high = HIGH;
}

/* 3 GiB of low RAM: nothing of the hole, and high RAM follows in the table. */
static void test_full_low(void)
{
	size_t run;

	fake_ram_create(GIB(5));
	vm.ram_low = GIB(3);
	vm.ram_high = GIB(1);
	for (uint64_t i = 0; i < ARRAY_SIZE(ram); i++)
		ram[i] = hpa(GIB(5) - (i + 1) * PIECE);
	ok(guest_ptr(&vm, gpa(GIB(3) - 1), 1, &run) ==
	   phys_to_virt(hpa(GIB(2) + PIECE - 1)), "the last byte below 3 GiB");
	ok(!guest_ptr(&vm, gpa(GIB(3)), 1, &run), "nothing from there on");
	ok(!guest_ptr(&vm, gpa(GIB(4) - 1), 1, &run), "up to 4 GiB");
	ok(guest_ptr(&vm, gpa(GIB(4)), GIB(1), &run) ==
	   phys_to_virt(hpa(GIB(2) - PIECE)) && run == PIECE, "the first one above");
	ok(guest_ptr(&vm, gpa(GIB(5) - 1), 1, &run) ==
	   phys_to_virt(hpa(GIB(1) + PIECE - 1)), "and the very last");
	ok(!guest_ptr(&vm, gpa(GIB(5) - 1), 2, &run), "ends it");
	fake_ram_create(MIB(1));
}

int main(void)
{
	machine();
	test_borders();
	test_copy();
	test_refused();
	test_full_low();
	return done_testing();
}
