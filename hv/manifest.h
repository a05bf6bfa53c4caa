/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The manifest: one text file that names VMs and the links between them.
 * docs/manifest.md describes the format. The parser works on plain memory, so
 * the same source runs in the hypervisor and in the host's checker. It keeps
 * no static state and allocates nothing: the caller gives the struct.
 */
#pragma once

#include "hv/abi/hypercall.h"
#include "hv/abi/info.h"
#include "hv/types.h"

#define MANIFEST_VM_MAX		1024
#define MANIFEST_LINK_MAX	4096
#define MANIFEST_NAME_MAX	24	/* with the final NUL */
#define MANIFEST_VM_MODULE_MAX	4
#define MANIFEST_ERROR_MAX	200
#define MANIFEST_CPU_AUTO	0xffff
#define MANIFEST_HYPERVISOR	0xffffffffu	/* as manifest_end.vm */
#define MANIFEST_HYPERVISOR_NAME "hypervisor"
#define MANIFEST_CONSOLE_NAME	"ambit"		/* before the hypervisor's own lines */
#define MANIFEST_GRANTS_MAX	65536	/* entries of a table, pages of a map window */
#define MANIFEST_GRANT_USE_MAX	32	/* bytes to keep an entry, at most, ... */
#define MANIFEST_MAP_PAGE	12	/* ... a page of a map window ... */
#define MANIFEST_POOL_PLACE	64	/* ... and a place of a pool, page tables too */
#define MANIFEST_POOL_MAX	65536	/* places of a give pool */
#define MANIFEST_IRQS_MAX	64	/* device interrupts of all VMs */

/* A piece of the manifest's text, which must outlive the struct; not ended by NUL. */
struct manifest_str {
	const char *p;
	uint32_t len;
};

/* A range of I/O ports, both ends included. */
struct manifest_ports {
	uint16_t first, last;
};

/* The keys of each kind of section, as index of key_line (0: not given). */
enum manifest_vm_key {
	VM_KEY_IMAGE, VM_KEY_MEMORY, VM_KEY_VCPUS, VM_KEY_CPUS, VM_KEY_CMDLINE,
	VM_KEY_MODULES, VM_KEY_CONTROL, VM_KEY_RESTART, VM_KEY_STRICT,
	VM_KEY_SERVICE, VM_KEY_START, VM_KEY_MAPS, VM_KEY_GIFTS, VM_KEY_POOL, VM_KEY_PORTS,
	VM_KEY_IRQS, VM_KEY_COUNTERS, VM_KEY_COUNT
};
enum manifest_link_key {
	LINK_KEY_ENDS, LINK_KEY_CLASS, LINK_KEY_SCHEME, LINK_KEY_SLOTS,
	LINK_KEY_BUFFER, LINK_KEY_SEGMENTS, LINK_KEY_MTU, LINK_KEY_MAC,
	LINK_KEY_READ_ONLY, LINK_KEY_PRIVILEGED, LINK_KEY_WINDOW,
	LINK_KEY_WINDOW_RIGHTS, LINK_KEY_GRANTS, LINK_KEY_MAP_WINDOW,
	LINK_KEY_MODULE, LINK_KEY_SWITCH, LINK_KEY_CAPTURE, LINK_KEY_COUNT
};

enum restart_policy { RESTART_NEVER, RESTART_ON_CRASH, RESTART_ALWAYS };

struct manifest_vm {
	char name[MANIFEST_NAME_MAX];
	struct manifest_str image;	/* module name of the ELF kernel */
	struct manifest_str module[MANIFEST_VM_MODULE_MAX]; /* passed on as PVH modules */
	uint32_t module_count;
	uint64_t memory;		/* bytes, a multiple of 2 MiB, >= 4 MiB */
	bool memory_plus_modules;	/* add the modules' sizes, rounded up */
	uint32_t vcpu_count;		/* 1 to AMBIT_VCPU_MAX */
	uint16_t cpu[AMBIT_VCPU_MAX];	/* pCPU of each vCPU or MANIFEST_CPU_AUTO */
	struct manifest_str cmdline;
	struct manifest_str control;	/* names of VMs it may control, or "*" */
	struct manifest_str counters;	/* names of VMs whose counters it may see, or "*" */
	bool strict;			/* a denied MSR or port stops the VM */
	bool service;			/* the run may end while this VM still runs */
	bool start;			/* at boot; else by VM control */
	enum restart_policy restart;
	uint32_t maps;			/* quota: pages mapped from grants, all links */
	uint32_t gifts;			/* quota: gifts in flight, all links */
	uint32_t pool_pages;		/* pages in the give pool at first ... */
	uint32_t pool_places;		/* ... and places for pages, >= pool_pages */
	struct manifest_ports ports[AMBIT_PORTS_MAX]; /* it may use */
	uint32_t port_count;		/* ranges */
	uint32_t irq[AMBIT_IRQS_MAX];	/* it gets: ISA's below 16, else GSIs */
	uint32_t irq_count;
	uint32_t link_count;		/* endpoints: each link end that names it */
	uint32_t line;			/* where its section starts */
	uint32_t key_line[VM_KEY_COUNT]; /* where each key stands */
};

struct manifest_end {
	uint32_t vm;			/* index in struct manifest, or
					 * MANIFEST_HYPERVISOR (back end only) */
	uint8_t mac[6];			/* class net; given or derived from link and end */
};

struct manifest_link {
	char name[MANIFEST_NAME_MAX];
	struct manifest_end end[2];	/* front, back */
	uint8_t dev_class;		/* AMBIT_CLASS_* */
	uint8_t scheme;			/* AMBIT_SCHEME_* */
	bool read_only;
	bool capture;			/* class net: show its frames (hv/capture.h) */
	uint16_t mtu;			/* class net; else 0 */
	uint32_t slots;			/* a power of two, 1 to 1024 */
	uint32_t buffer_size;		/* bytes, a multiple of 64, to 1 MiB */
	uint32_t seg_max;		/* segments a buffer, 1 to 16 */
	/* scheme direct */
	uint8_t privileged;		/* end that has the window: 0 or 1 */
	bool window_write;
	uint64_t window_base;		/* gpa, page-aligned; size 0: all RAM */
	uint64_t window_size;
	/* scheme grant */
	uint32_t grants;		/* entries of each end's table */
	uint32_t map_window;		/* pages of each end's map window */
	/* hypervisor as back end */
	struct manifest_str module;	/* class block: the disk's image */
	struct manifest_str net_switch;	/* class net: name of the switch */
	uint32_t line;
	uint32_t key_line[LINK_KEY_COUNT];
};

/* The caller gives the two arrays and their sizes (see manifest_count). */
struct manifest {
	struct manifest_vm *vm;
	struct manifest_link *link;
	uint32_t vm_max, link_max;
	uint32_t vm_count, link_count;
};

/* What the checker needs to know of the machine; zero fields are not checked. */
struct manifest_limits {
	uint32_t pcpu_count;
	uint64_t memory;		/* bytes free for guests */
	const struct manifest_module *module;	/* NULL: do not check images */
	uint32_t module_count;
};

struct manifest_module {
	const char *name;
	uint64_t size;
};

/* How many sections of each kind the text has, for sizing the arrays; not more
 * than MANIFEST_*_MAX. */
void manifest_count(const char *text, size_t len, uint32_t *vms, uint32_t *links);

/*
 * Parse text[0..len) named file (for messages only). Returns 0, or -1 with a
 * message "file:line: reason" in error (MANIFEST_ERROR_MAX bytes). With the
 * first mistake the rest is not read. *m is complete only on 0.
 */
int MUST_CHECK manifest_parse(struct manifest *m, const char *file,
			      const char *text, size_t len, char *error);

/* The words of a parsed link's class and scheme, as the manifest has them. */
const char *manifest_class_word(const struct manifest_link *link);
const char *manifest_scheme_word(const struct manifest_link *link);

/*
 * Check a parsed manifest against a machine: images and modules exist, memory
 * suffices, pCPUs exist. Same result and message form; the memory message
 * names what is needed and what there is.
 */
int MUST_CHECK manifest_check(const struct manifest *m, const char *file,
			      const struct manifest_limits *limits, char *error);

/* Whether VM a may control VM b. */
bool manifest_controls(const struct manifest *m, uint32_t a, uint32_t b);
/* Whether VM a may see VM b's counters. */
bool manifest_watches(const struct manifest *m, uint32_t a, uint32_t b);

/* Sizes and places of the parts of a link's areas, the same at both ends. */
struct manifest_layout {
	uint32_t ring_size;		/* messages */
	uint32_t ring_offset, desc_offset, seg_offset, grant_offset; /* in control */
	uint32_t grant_count;		/* entries; 0 unless scheme grant */
	uint32_t map_pages;		/* of the map window; 0 unless scheme grant */
	uint64_t control_size, status_size;
	uint64_t data_size;		/* 0: schemes copy and grant have none */
};
void manifest_link_layout(const struct manifest_link *link,
			  struct manifest_layout *out);
/* Bytes that a link takes: the areas of both ends and what goes with them. */
uint64_t manifest_link_memory(const struct manifest_link *link);

/* The largest disk that can be written: its copy is in one piece (hv/boot_alloc.h). */
#define MANIFEST_DISK_MAX	GIB(1)

/* RAM of a VM in bytes, modules included, and without its give pool. */
uint64_t manifest_vm_memory(const struct manifest_vm *vm,
			    const struct manifest_limits *limits);
/* What all VMs with their pools, and all links with their disks, take together. */
uint64_t manifest_memory(const struct manifest *m,
			 const struct manifest_limits *limits);
