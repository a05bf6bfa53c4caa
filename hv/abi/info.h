/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The aperture: the part of a VM's guest-physical map above its RAM, where
 * everything that is not plain RAM lies. Its base is 1 GiB-aligned; CPUID leaf
 * 0x40000001 gives the info page's address, which is that base. Offsets within
 * are fixed for what stands here, the info page gives all others.
 *
 *   offset     size      what                       guest may
 *   0x000000   0x10000   info area                  read
 *   0x010000   0x1000    time page                  read
 *   0x100000   0x1000 x  vCPU page of vCPU 0...     read and write
 *   0x200000   ...       link areas (4 KiB pages), map windows, give pools,
 *                        peer windows, as the link entries say; counters
 */
#ifndef AMBIT_ABI_INFO_H
#define AMBIT_ABI_INFO_H

#include <stdint.h>

#include "hv/abi/layout.h"

#define AMBIT_APERTURE_TIME	0x010000
#define AMBIT_APERTURE_VCPU	0x100000
#define AMBIT_APERTURE_LINKS	0x200000
#define AMBIT_VCPU_MAX		64	/* vCPUs of one VM */
#define AMBIT_LINK_MAX		128	/* endpoints of one VM */
#define AMBIT_PORTS_MAX		8	/* ranges of I/O ports of one VM */
#define AMBIT_IRQS_MAX		8	/* device interrupts of one VM */

#define AMBIT_INFO_MAGIC	0x4f464e4974626d41ull	/* "AmbtINFO" */

/* Start of the info area. [HV] writes it before the VM first runs. */
struct ambit_info {
	uint64_t magic;
	uint32_t version;	/* AMBIT_ABI_VERSION */
	uint32_t size;		/* bytes of info area in use */
	uint32_t features;	/* AMBIT_FEAT_* */
	uint32_t vm;		/* this VM's number */
	uint32_t incarnation;	/* counts restarts from 1 */
	uint32_t vcpu_count;
	char name[24];		/* this VM's name, NUL-padded */
	uint32_t link_offset;	/* of struct ambit_link_info[link_count] */
	uint32_t link_count;
	uint32_t link_size;	/* bytes from one entry to the next */
	uint32_t rights;	/* AMBIT_RIGHT_* */
	uint64_t ram_low;	/* bytes of RAM from gpa 0, at most 3 GiB */
	uint64_t ram_high;	/* bytes of RAM from gpa 4 GiB */
	uint64_t give_pool;	/* gpa of the give pool, 0 if none */
	uint64_t give_pool_size; /* bytes, empty places included */
	uint64_t give_pool_filled; /* bytes from its start that had pages at first */
	uint32_t map_quota;	/* pages mapped from grants at a time, all links */
	uint32_t gift_quota;	/* own gifts in flight at a time, all links */
	uint32_t device_offset;	/* of struct ambit_device_info[device_count] */
	uint32_t device_count;
	uint64_t counters;	/* gpa of struct ambit_counters, 0 if none */
	uint64_t counters_size;	/* bytes from there */
};
AMBIT_STATIC_ASSERT(sizeof(struct ambit_info) == 144, "docs/abi.md, info area");

#define AMBIT_RIGHT_CONTROL	(1u << 0)	/* VM control of at least one VM */
#define AMBIT_RIGHT_DEVICES	(1u << 1)	/* I/O ports or device interrupts */
#define AMBIT_RIGHT_COUNTERS	(1u << 2)	/* counters of at least one VM */

/* Schemes and device classes. */
#define AMBIT_SCHEME_PAGE	1
#define AMBIT_SCHEME_DIRECT	2
#define AMBIT_SCHEME_COPY	3
#define AMBIT_SCHEME_GRANT	4
#define AMBIT_CLASS_RAW		0
#define AMBIT_CLASS_NET		1
#define AMBIT_CLASS_BLOCK	2
#define AMBIT_CLASS_CONSOLE	3

#define AMBIT_LINKF_PRIVILEGED	(1u << 0)	/* direct: this end has the window */
#define AMBIT_LINKF_PEER_PRIV	(1u << 1)	/* direct: the peer has one onto us */
#define AMBIT_LINKF_WINDOW_RW	(1u << 2)	/* direct: that window is writable */
#define AMBIT_LINKF_HYPERVISOR	(1u << 3)	/* the peer is the hypervisor */
#define AMBIT_LINKF_BACK	(1u << 4)	/* this end is the link's second (back) end */
#define AMBIT_LINKF_READ_ONLY	(1u << 5)	/* block: the disk is not to be written */
#define AMBIT_LINKF_CAPTURE	(1u << 6)	/* net: report what is sent, AMBIT_HC_CAPTURE */

/* One of the VM's endpoints; its index is the endpoint number of all calls. */
struct ambit_link_info {
	char name[24];		/* the link's name in the manifest */
	char peer[24];		/* the VM at the other end */
	uint8_t scheme;		/* AMBIT_SCHEME_* */
	uint8_t dev_class;	/* AMBIT_CLASS_* */
	uint16_t virq;		/* raised on this VM by this endpoint */
	uint32_t flags;		/* AMBIT_LINKF_* */
	uint8_t mac[6];		/* net: this end's address */
	uint16_t mtu;		/* net: bytes, without the Ethernet header */
	uint32_t slots;		/* buffers of this end (and of the peer) */
	uint32_t buffer_size;	/* largest buffer, bytes */
	uint32_t seg_max;	/* segments of one buffer */
	uint32_t ring_size;	/* messages in a ring, a power of two */
	uint32_t ring_offset;	/* in a control area: struct ambit_msg[ring_size] */
	uint32_t desc_offset;	/* struct ambit_desc[slots] */
	uint32_t seg_offset;	/* struct ambit_seg[slots][seg_max] */
	uint32_t grant_offset;	/* struct ambit_grant[grant_count] */
	uint32_t grant_count;
	uint32_t reserved0;
	uint64_t control;	/* gpa: own control area, read and write */
	uint64_t peer_control;	/* gpa: peer's control area, read only */
	uint64_t control_size;
	uint64_t data;		/* gpa: own data area, read and write; 0 if none */
	uint64_t peer_data;	/* gpa: peer's data area, read only; 0 if none */
	uint64_t data_size;
	uint64_t status;	/* gpa: status area, read only */
	uint64_t event;		/* gpa: event page, read and write */
	uint64_t window;	/* gpa: peer window (direct) or map window (grant) */
	uint64_t window_size;	/* bytes, 0 if none */
	uint64_t window_base;	/* direct: peer's gpa at the start of the window */
	uint8_t peer_mac[6];	/* net: the other end's address; 0: the hypervisor */
	uint8_t reserved1[34];
};
AMBIT_STATIC_ASSERT(sizeof(struct ambit_link_info) == 232, "docs/abi.md, link entry");

/* A range of I/O ports, or a device interrupt, that the VM has for itself. */
#define AMBIT_DEVICE_PORTS	1
#define AMBIT_DEVICE_IRQ	2
#define AMBIT_DEVICEF_LEVEL	(1u << 0)	/* comes once, until AMBIT_HC_IRQ_DONE */
struct ambit_device_info {
	uint16_t type;		/* AMBIT_DEVICE_* */
	uint16_t flags;		/* AMBIT_DEVICEF_* */
	uint32_t first;		/* port; interrupt: its number in the manifest */
	uint32_t last;		/* port, included; interrupt: as first */
	uint32_t virq;		/* interrupt: raised on this VM; else 0 */
};
AMBIT_STATIC_ASSERT(sizeof(struct ambit_device_info) == 16, "docs/abi.md, device entry");

#endif
