/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the loader to the run loop: the machine, the CPUs, the manifest, the
 * VMs, in this order. What is missing is said in one line, and the machine
 * halts.
 */
#include "arch/copy.h"
#include "hv/audit.h"
#include "hv/abi/hypercall.h"
#include "hv/boot_alloc.h"
#include "hv/capture.h"
#include "hv/console.h"
#include "hv/device.h"
#include "hv/fault.h"
#include "hv/frames.h"
#include "hv/hypercall.h"
#include "hv/manifest.h"
#include "hv/monitor.h"
#include "hv/option.h"
#include "hv/panic.h"
#include "hv/sched.h"
#include "hv/string.h"
#include "hv/time.h"
#include "hv/trace.h"
#include "hv/version.h"
#include "hv/vm_life.h"
#include "hv/vm_table.h"
#include "vio/host.h"
#include "vio/link.h"

#define LOG_BYTES	KIB(64)
#define MEMORY_MIN	MIB(16)

bool pcpu_online[PCPU_MAX];
uint32_t pcpu_limit;

static uint32_t ready;		/* APs that need no more memory, atomic */
static uint32_t released;	/* APs may enter the run loop */
static struct manifest manifest;
static struct manifest_limits limits;

static void modules_report(const struct boot_info *bi)
{
	uint32_t shown = MIN(bi->module_refused, BOOT_REFUSED_MAX);

	for (uint32_t i = 0; i < shown; i++) {
		const struct boot_refused *r = &bi->refused[i];

		hv_log("module '%s' at 0x%lx to 0x%lx is left out: %s", r->name, r->base,
		       r->end, r->why);
	}
	if (bi->module_refused > shown)
		hv_log("%u more modules are left out", bi->module_refused - shown);
	if (bi->module_dropped)
		hv_log("%u modules beyond the first %u are ignored",
		       bi->module_dropped, BOOT_MODULE_MAX);
}

static bool option_no(const struct boot_info *bi, const char *key)
{
	char word[4];

	return option_get(bi->cmdline, key, word, sizeof(word)) && !strcmp(word, "no");
}

static void console_start(const struct boot_info *bi)
{
	static char method[32];

	arch_console_init(bi);
	console_set_poweroff(option_get(bi->cmdline, "poweroff", method, sizeof(method)));
	hv_log("Ambit %s, ABI %u.%u, loaded by %s", HV_VERSION, AMBIT_ABI_MAJOR,
	       AMBIT_ABI_MINOR, bi->loader[0] ? bi->loader : "an unnamed loader");
	modules_report(bi);
	if (bi->truncated)
		hv_log("a string, or the memory map in entries or at 16 TiB, was too long and is cut");
	fault_init(bi->cmdline);
}

static void memory_start(const struct boot_info *bi)
{
	char *log;

	if (!bi->range_count)
		hv_refuse("the loader gives no memory map");
	frames_early_init(bi);
	arch_init_paging(bi);
	frames_init(bi);
	if (frames_free_bytes() < MEMORY_MIN)
		hv_refuse("too little memory: %lu MiB free, %lu MiB needed at least",
			  frames_free_bytes() >> 20, MEMORY_MIN >> 20);
	log = boot_alloc(LOG_BYTES);
	if (log)
		console_log_enlarge(log, LOG_BYTES);
}

/* Every CPU that answers is used; one that doesn't is said and left out. */
static uint32_t cpus_start(void)
{
	uint32_t listed = arch_cpu_count(), up = 1;

	pcpu_online[0] = true;
	pcpu_limit = listed;
	for (uint32_t id = 1; id < listed; id++) {
		pcpu_online[id] = arch_cpu_start(id) == 0;
		if (pcpu_online[id])
			up++;
		else
			hv_log("CPU %u of %u does not start and is left out", id,
			       listed);
		system_time_look();
	}
	while (LOAD_ACQUIRE(ready) < up - 1)
		arch_pause();
	hv_log("%u CPU%s, %s, TSC %lu MHz%s, %lu MiB free", up, up > 1 ? "s" : "",
	       hvm->name, (arch_tsc_hz() + 500000) / 1000000,
	       arch_tsc_stable() ? "" : " (not invariant)",
	       frames_free_bytes() >> 20);
	return listed;
}

_Noreturn void hv_ap_main(void)
{
	hvm->cpu_init();
	__atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
	while (!LOAD_ACQUIRE(released))
		arch_idle();
	sched_run();
}

static const struct boot_module *manifest_module(const struct boot_info *bi)
{
	for (uint32_t i = 0; i < bi->module_count; i++) {
		if (!strcmp(bi->module[i].name, "manifest"))
			return &bi->module[i];
	}
	hv_refuse("no manifest: load it as a module named \"manifest\" (%u modules are here)",
		  bi->module_count);
}

static void limits_fill(const struct boot_info *bi, uint32_t pcpu_count)
{
	struct manifest_module *mod;

	mod = boot_alloc(bi->module_count * sizeof(*mod));
	if (!mod)
		hv_refuse("too little memory");
	for (uint32_t i = 0; i < bi->module_count; i++) {
		mod[i].name = bi->module[i].name;
		mod[i].size = bi->module[i].size;
	}
	limits = (struct manifest_limits){
		.pcpu_count = pcpu_count, .memory = frames_free_bytes(),
		.module = mod, .module_count = bi->module_count,
	};
}

static void manifest_load(const struct boot_info *bi, uint32_t pcpu_count)
{
	const struct boot_module *mod = manifest_module(bi);
	const char *text = phys_to_virt(hpa(mod->base));
	char error[MANIFEST_ERROR_MAX];

	manifest_count(text, mod->size, &manifest.vm_max, &manifest.link_max);
	manifest.vm = boot_alloc(manifest.vm_max * sizeof(*manifest.vm));
	manifest.link = boot_alloc(manifest.link_max * sizeof(*manifest.link));
	if (!manifest.vm || !manifest.link)
		hv_refuse("too little memory for %u VMs and %u links",
			  manifest.vm_max, manifest.link_max);
	limits_fill(bi, pcpu_count);
	if (manifest_parse(&manifest, "manifest", text, mod->size, error) ||
	    manifest_check(&manifest, "manifest", &limits, error))
		hv_refuse("%s", error);
}

/* The sum was checked already: a part of the next link has no place. */
static _Noreturn void links_refuse(void)
{
	const struct manifest_link *l = &manifest.link[link_count];

	if (link_count == manifest.link_count)
		hv_refuse("too little memory for the manifest's links");
	hv_refuse("manifest:%u: link '%s': there is no free memory for an area of it, "
		  "which must be in one piece", l->line, l->name);
}

static void links_report(void)
{
	uint32_t n[AMBIT_SCHEME_GRANT + 1] = { 0 };

	for (uint32_t i = 0; i < link_count; i++)
		n[link_table[i].scheme]++;
	hv_log("%u link%s: %u page, %u direct, %u copy, %u grant", link_count,
	       link_count == 1 ? "" : "s", n[AMBIT_SCHEME_PAGE],
	       n[AMBIT_SCHEME_DIRECT], n[AMBIT_SCHEME_COPY], n[AMBIT_SCHEME_GRANT]);
}

/* TSC ticks are what a deterministic emulator counts instructions in. */
static void boot_report(uint64_t entry_tsc)
{
	uint64_t total = arch_tsc() - entry_tsc, clear = 0;

	for (uint32_t i = 0; i < vm_count; i++)
		clear += vm_table[i].clear_tsc;
	hv_log("boot took %lu ticks and %lu for clearing guest memory",
	       total - clear, clear);
}

static _Noreturn void run(const struct boot_info *bi, uint32_t pcpu_count,
			  uint64_t entry_tsc)
{
	uint32_t vcpus = 0;
	char word[16];

	if (vm_table_init(&manifest, bi, &limits))
		hv_refuse("too little memory for the manifest's VMs");
	device_init();
	if (link_init(&manifest))
		links_refuse();
	capture_init();
	trace_init(option_get(bi->cmdline, "trace", word, sizeof(word)));
	host_init();
	if (!option_no(bi, "monitor"))
		monitor_init();
	for (uint32_t i = 0; i < pcpu_count; i++) {
		struct pcpu *p = pcpu_of(i);

		if (!pcpu_online[i])
			continue;
		p->id = i;
		vcpus += p->vcpu_placed;
		if (sched_init(p, p->vcpu_placed))
			hv_refuse("too little memory for the run queues");
	}
	hv_log("%u VM%s with %u vCPU%s", vm_count, vm_count == 1 ? "" : "s", vcpus,
	       vcpus == 1 ? "" : "s");
	links_report();
	console_set_async(true);
	STORE_RELEASE(released, 1);
	for (uint32_t i = 1; i < pcpu_count; i++) {
		if (pcpu_online[i])
			arch_kick(i);
	}
	vm_start_all();
	boot_report(entry_tsc);
	audit_begin();
	system_time_keep();
	sched_run();
}

_Noreturn void hv_main(struct boot_info *bi)
{
	uint64_t entry_tsc = arch_tsc();
	uint32_t pcpu_count;
	char word[16];

	console_start(bi);
	arch_init_cpu();
	memory_start(bi);
	arch_init_platform(bi);
	system_time_init();
	hvm_init();
	guest_cpuid_init();
	hv_log("copies by rep %s", arch_copy_init(option_get(bi->cmdline, "copy", word,
						     sizeof(word))));
	hv_features = hvm->hypercall_feature | AMBIT_FEAT_PAGE | AMBIT_FEAT_COPY |
		      (arch_tsc_stable() ? AMBIT_FEAT_TIME_PAGE : 0);
	pcpu_count = cpus_start();
	manifest_load(bi, pcpu_count);
	run(bi, pcpu_count, entry_tsc);
}
