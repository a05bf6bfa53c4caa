/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A plugin of QEMU's TCG: how often each instruction is executed, on all CPUs, between
 * two marks (xchg %bx, %bx in a guest). For each such window it writes a line "window"
 * and then "COUNT ADDRESS BYTES STORES" for each translation of an instruction (stores are
 * those of REP MOVS alone), which tools/bench_split.py adds up. What it uses of QEMU's interface is declared here, as
 * Debian has no package of that header.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

extern int qemu_plugin_version;
int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id,
	void (*cb)(plugin_id id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
	void (*cb)(unsigned int cpu, void *arg), int flags, void *arg);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn,
	void (*cb)(unsigned int cpu, uint32_t info, uint64_t address, void *arg), int flags,
	int rw, void *arg);
bool qemu_plugin_mem_is_store(uint32_t info);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb,
						 size_t idx);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

int qemu_plugin_version = 1;	/* of the interface */
#define MEM_WRITES 2

/* One translation of an instruction; they are never given back. */
struct place {
	struct place *next;
	uint64_t address, count, stores;
	size_t size;
	uint8_t bytes[16];
};

static struct place *places;
static bool counting;
static FILE *out;

static void tell(const struct place *p)
{
	fprintf(out, "%" PRIu64 " %" PRIx64 " ", p->count, p->address);
	for (size_t i = 0; i < p->size; i++)
		fprintf(out, "%02x", p->bytes[i]);
	fprintf(out, " %" PRIu64 "\n", p->stores);
}

static void on_mark(unsigned int cpu, void *arg)
{
	(void)cpu;
	(void)arg;
	counting = !counting;
	if (counting)
		return;
	fprintf(out, "window\n");
	for (struct place *p = places; p; p = p->next) {
		if (p->count)
			tell(p);
		p->count = p->stores = 0;
	}
	fflush(out);
}

static void on_place(unsigned int cpu, void *arg)
{
	struct place *p = arg;

	(void)cpu;
	p->count += counting;
}

/* The last look at a count of 0 is an execution of REP MOVS too, but stores nothing. */
static void on_store(unsigned int cpu, uint32_t info, uint64_t address, void *arg)
{
	struct place *p = arg;

	(void)cpu, (void)address;
	p->stores += counting && qemu_plugin_mem_is_store(info);
}

static bool moves(const struct place *p)
{
	return p->bytes[0] == 0xf3 && (p->bytes[p->size - 1] & 0xfe) == 0xa4;
}

static bool is_mark(const struct qemu_plugin_insn *insn)
{
	return qemu_plugin_insn_size(insn) == 3 &&
	       !memcmp(qemu_plugin_insn_data(insn), "\x66\x87\xdb", 3);
}

static void on_translation(plugin_id id, struct qemu_plugin_tb *tb)
{
	(void)id;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		struct place *p;

		if (is_mark(insn)) {
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark, 0, NULL);
			continue;
		}
		p = calloc(1, sizeof(*p));
		if (!p)
			abort();
		p->address = qemu_plugin_insn_vaddr(insn);
		p->size = qemu_plugin_insn_size(insn);
		memcpy(p->bytes, qemu_plugin_insn_data(insn), p->size);
		p->next = places;
		places = p;
		qemu_plugin_register_vcpu_insn_exec_cb(insn, on_place, 0, p);
		if (moves(p))
			qemu_plugin_register_vcpu_mem_cb(insn, on_store, 0, MEM_WRITES, p);
	}
}

/* The one argument: out=FILE. */
int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4))
		return 1;
	out = fopen(argv[0] + 4, "w");
	if (!out)
		return 1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	return 0;
}
