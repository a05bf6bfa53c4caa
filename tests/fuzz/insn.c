/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instruction lengths against those of Zydis, in each mode; and the fetch by way
 * of page tables that are the input itself, in a machine where all memory but
 * the guest's is out of reach.
 */
/* LINK: arch/insn.c hv/guest_mem.c */
/* LIBS: -lZydis */
/* RUNS: 100000 */
#include <sys/mman.h>
#include <Zydis/Zydis.h>

#include "arch/insn.h"

#include "arch/arch.h"
#include "arch/hvm.h"
#include "hv/vm.h"
#include "tests/fake/fake.h"
#include "tests/fuzz/fuzz.h"

#define PIECE	MIB(2)
#define PIECES	2u

static hpa_t ram[PIECES];
static struct vm vm = { .ram = ram, .ram_low = PIECE * PIECES };
static struct vcpu vcpu = { .vm = &vm };
static struct cpu_state state;

static void get_state(struct vcpu *v, struct cpu_state *s)
{
	(void)v;
	*s = state;
}

static const struct hvm_ops ops = { .get_state = get_state };
const struct hvm_ops *hvm = &ops;

/* What exits may have to skip. */
static bool is_skipped(ZydisMnemonic m)
{
	switch (m) {
	case ZYDIS_MNEMONIC_IN: case ZYDIS_MNEMONIC_OUT: case ZYDIS_MNEMONIC_INSB:
	case ZYDIS_MNEMONIC_INSW: case ZYDIS_MNEMONIC_INSD: case ZYDIS_MNEMONIC_OUTSB:
	case ZYDIS_MNEMONIC_OUTSW: case ZYDIS_MNEMONIC_OUTSD: case ZYDIS_MNEMONIC_PAUSE:
	case ZYDIS_MNEMONIC_HLT: case ZYDIS_MNEMONIC_INT1: case ZYDIS_MNEMONIC_CLTS:
	case ZYDIS_MNEMONIC_INVD: case ZYDIS_MNEMONIC_WBINVD: case ZYDIS_MNEMONIC_RDMSR:
	case ZYDIS_MNEMONIC_WRMSR: case ZYDIS_MNEMONIC_RDTSC: case ZYDIS_MNEMONIC_RDPMC:
	case ZYDIS_MNEMONIC_CPUID: case ZYDIS_MNEMONIC_XSETBV: case ZYDIS_MNEMONIC_LMSW:
	case ZYDIS_MNEMONIC_INVLPG: case ZYDIS_MNEMONIC_MONITOR: case ZYDIS_MNEMONIC_MWAIT:
	case ZYDIS_MNEMONIC_VMCALL: case ZYDIS_MNEMONIC_VMMCALL: case ZYDIS_MNEMONIC_RDTSCP:
		return true;
	default:
		return false;
	}
}

static void decode(const uint8_t *code, size_t n)
{
	static const struct { ZydisMachineMode mode; ZydisStackWidth width; } of[] = {
		[INSN_16] = { ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16 },
		[INSN_32] = { ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32 },
		[INSN_64] = { ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64 },
	};
	ZydisDecodedInstruction want;
	ZydisDecoder decoder;

	for (enum insn_mode mode = INSN_16; mode <= INSN_64; mode++) {
		uint32_t len = insn_decode(code, n, mode);

		must(len <= n && len <= INSN_MAX);
		must(ZYAN_SUCCESS(ZydisDecoderInit(&decoder, of[mode].mode, of[mode].width)));
		if (ZYAN_FAILED(ZydisDecoderDecodeInstruction(&decoder, NULL, code, n, &want)))
			continue;	/* faults before it could exit */
		must(!len || len == want.length, "mode %u: %u, Zydis has %u", mode, len,
		     want.length);
		must(len || !is_skipped(want.mnemonic), "mode %u: unknown, Zydis has %s", mode,
		     ZydisMnemonicGetString(want.mnemonic));
	}
}

/* Memory of the guest between pages that nobody may touch. */
static void machine(void)
{
	fake_ram_create(PIECE * (2 * PIECES + 1));
	must(!mprotect(phys_to_virt(hpa(0)), PIECE * (2 * PIECES + 1), PROT_NONE));
	for (uint32_t i = 0; i < PIECES; i++) {
		ram[i] = hpa(PIECE * (2 * i + 1));
		must(!mprotect(phys_to_virt(ram[i]), PIECE, PROT_READ | PROT_WRITE));
	}
}

static void fetch(struct fuzz_input *in)
{
	size_t got, max = fuzz_take(in, 1) % INSN_MAX + 1;
	uint8_t *code = malloc(max);
	const uint8_t *bytes;

	state.cr0 = fuzz_take(in, 4);
	state.cr4 = fuzz_take(in, 4);
	state.efer = fuzz_take(in, 2);
	state.cr3 = fuzz_take(in, 8);
	state.rip = fuzz_take(in, 8);
	state.cs.attributes = (uint32_t)fuzz_take(in, 2);
	state.cs.base = fuzz_take(in, 4);
	bytes = fuzz_bytes(in, 2 * PAGE_SIZE, &got);
	/* At the start of RAM, and over the border of its pieces. */
	memcpy(phys_to_virt(ram[0]), bytes, got);
	memcpy((uint8_t *)phys_to_virt(ram[0]) + PIECE - got / 2, bytes, got / 2);
	memcpy(phys_to_virt(ram[1]), bytes + got / 2, got - got / 2);
	must(insn_fetch(&vcpu, code, max) <= max);
	must(insn_length(&vcpu) <= INSN_MAX);
	memset(phys_to_virt(ram[0]), 0, 2 * PAGE_SIZE);
	memset((uint8_t *)phys_to_virt(ram[0]) + PIECE - got / 2, 0, got / 2);
	memset(phys_to_virt(ram[1]), 0, got);
	free(code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	static bool made;
	uint8_t *code;

	if (!made)
		machine();
	made = true;
	if (fuzz_take(&in, 1) & 1) {
		fetch(&in);
		return 0;
	}
	code = fuzz_copy(in.p, in.left);
	decode(code, in.left);
	free(code);
	return 0;
}
