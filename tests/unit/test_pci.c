/* SPDX-License-Identifier: BSD-2-Clause */
/* Which functions lose their bus mastering, in a made-up PCI configuration space. */
/* LINK: arch/pci.c */
#include "arch/pci.h"
#include "tests/unit/tap.h"

#define FUNCTIONS_MAX	8
#define MASTER		4u

struct function {
	uint32_t address;	/* of its register 0 */
	uint32_t reg[16];
	bool stubborn;		/* keeps its bus mastering */
};

static struct function functions[FUNCTIONS_MAX];
static uint32_t count, reads, done_count, last_id;
static bool last_off;
static uint32_t first_given, last_given;

static struct function *find(uint32_t address)
{
	for (uint32_t i = 0; i < count; i++)
		if (functions[i].address == (address & 0xffffff00))
			return &functions[i];
	return NULL;
}

static uint32_t conf_read(uint32_t address)
{
	const struct function *f = find(address);

	reads++;
	return f ? f->reg[(address & 0xff) / 4] : 0xffffffff;
}

/* A base address that is written to would lose its value; status bits are cleared
 * by ones. */
static void conf_write(uint32_t address, uint32_t value)
{
	struct function *f = find(address);

	if (!f || (address & 0xff) != 4)
		last_id = 0xbad;
	else
		f->reg[1] = (f->reg[1] & 0xffff0000 & ~value) | (value & 0xffff) |
			    (f->stubborn ? MASTER : 0);
}

static const struct pci_access access_all = { conf_read, conf_write };

static bool given(uint16_t first, uint16_t last)
{
	return first <= last_given && first_given <= last;
}

static void done(uint32_t address, uint32_t id, bool off)
{
	done_count++;
	last_id = id;
	last_off = off;
	if (!find(address))
		last_id = 0xbad;
}

static struct function *add(uint32_t bus, uint32_t slot, uint32_t function, uint32_t id)
{
	struct function *f = &functions[count++];

	*f = (struct function){
		.address = 0x80000000 | bus << 16 | slot << 11 | function << 8,
		.reg = { id, 0xffff0007 },
	};
	return f;
}

static void fresh(void)
{
	count = 0;
}

static void scan(uint32_t first, uint32_t last)
{
	first_given = first;
	last_given = last;
	reads = done_count = last_id = 0;
	pci_masters_off(&access_all, given, done);
}

static void test_bars(void)
{
	struct function *f;

	fresh();
	scan(0, 0xffff);
	ok(!done_count && reads == 256 * 32, "nobody on any bus: one look at each slot");
	f = add(255, 31, 0, 0x12348086);
	f->reg[4 + 5] = 0xc041;
	scan(0xc07f, 0xc07f);
	ok(done_count == 1 && last_id == 0x12348086 && last_off, "the last port of the last BAR");
	ok_eq(f->reg[1], 0xffff0003, "bus mastering is off, all else as it was");
	scan(0xc080, 0xffff);
	ok(!done_count, "a base is a multiple of the size: not beyond");
	scan(0, 0xc03f);
	ok(!done_count, "nor before");
	f->reg[4 + 5] = 0xc001;
	scan(0xc0ff, 0xc0ff);
	ok_eq(done_count, 1, "256 ports at most: the last one");
	scan(0xc100, 0xc100);
	ok(!done_count, "and the next");
	f->reg[4 + 5] = 0xc000;
	scan(0xc000, 0xc0ff);
	ok(!done_count, "memory is no port");
	f->reg[4 + 5] = 1;
	scan(0, 0xffff);
	ok(!done_count, "a BAR that was never set");
}

static void test_headers(void)
{
	struct function *f;

	fresh();
	f = add(0, 1, 0, 0x11118086);
	f->reg[3] = 1 << 16;
	f->reg[4 + 2] = 0xc001;
	scan(0xc000, 0xc000);
	ok(!done_count, "a bridge has two BARs");
	f->reg[4 + 1] = 0xc001;
	scan(0xc000, 0xc000);
	ok(done_count == 1, "this is one");
	fresh();
	f = add(0, 1, 0, 0x11118086);
	f = add(0, 1, 3, 0x22228086);
	f->reg[4] = 0xc001;
	scan(0xc000, 0xc000);
	ok(!done_count, "one function, if its header says so");
	functions[0].reg[3] = 1 << 23;
	scan(0xc000, 0xc000);
	ok(done_count == 1 && last_id == 0x22228086, "several, though not all in between");
	f->stubborn = true;
	scan(0xc000, 0xc000);
	ok(done_count == 1 && !last_off, "one that keeps its bus mastering is told of");
}

static void test_ide(void)
{
	static const struct { uint32_t class, port; bool hit; } table[] = {
		{ 0x01018000, 0x1f0, true }, { 0x01018000, 0x3f6, true },
		{ 0x01018000, 0x177, true }, { 0x01018000, 0x376, true },
		{ 0x01018000, 0x178, false }, { 0x01018000, 0x3f7, false },
		{ 0x01018100, 0x1f0, false }, { 0x01018100, 0x170, true },
		{ 0x01018500, 0x170, false }, { 0x01018400, 0x1f7, true },
		{ 0x01060100, 0x1f0, false }, { 0x02000000, 0x170, false },
	};
	struct function *f;

	for (uint32_t i = 0; i < ARRAY_SIZE(table); i++) {
		fresh();
		f = add(0, 1, 0, 0x70108086);
		f->reg[2] = table[i].class;
		scan(table[i].port, table[i].port);
		ok(done_count == table[i].hit && !(f->reg[1] & MASTER) == table[i].hit,
		   "class %06x, port %x", table[i].class >> 8, table[i].port);
	}
}

int main(void)
{
	test_bars();
	test_headers();
	test_ide();
	return done_testing();
}
