/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block back end: a boot module as a disk. The module itself is never
 * changed: a disk that can be written is a copy, made at boot, which all
 * incarnations of its guest see and the end of the run forgets.
 */
#include "guests/drivers/blk_back.h"
#include "hv/boot_alloc.h"
#include "hv/string.h"
#include "hv/vm_table.h"
#include "vio/host.h"

struct block {
	struct host_end host;
	struct blk_disk disk;
	struct blk_back back;
};

static bool block_step(struct host_end *h)
{
	struct block *b = CONTAINER_OF(h, struct block, host);
	bool more = blk_back_step(&b->back, HOST_STEP);

	if (!more)
		return host_rest(h);
	bm_flush(h->bm);
	return false;
}

/* What the disk shows, for as long as the hypervisor lives. */
static uint8_t *disk_memory(const struct boot_module *mod,
			    const struct manifest_link *c)
{
	uint8_t *image = phys_to_virt(hpa(mod->base)), *copy;

	if (c->read_only)
		return image;
	copy = boot_alloc_pages(mod->size);
	if (!copy)
		hv_refuse("manifest:%u: link '%s': too little memory: no %lu MiB in one piece for "
			  "a copy of '%s' that can be written; read-only = yes needs none",
			  c->key_line[LINK_KEY_MODULE], c->name,
			  (mod->size + MIB(1) - 1) >> 20, mod->name);
	memcpy(copy, image, mod->size);
	return copy;
}

struct host_end *host_block(struct endpoint *e)
{
	const struct manifest_link *c = e->link->config;
	const struct boot_module *mod = vm_module(c->module);
	struct block *b = boot_alloc(sizeof(*b));

	if (!b || !host_open(&b->host, e, block_step))
		return NULL;
	CHECK(mod);		/* the manifest was checked against the modules */
	b->disk = (struct blk_disk){ .mem = disk_memory(mod, c), .bytes = mod->size };
	blk_back_init(&b->back, b->host.bm, &b->disk,
		      c->read_only ? BLK_READ_ONLY : BLK_DISCARDS, NULL);
	return &b->host;
}
