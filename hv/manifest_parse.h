/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of the manifest parser: manifest.c reads lines and sections and finds
 * the key, manifest_vm.c, manifest_device.c, manifest_link.c and manifest_share.c
 * know what each key's value means and what a section needs when it ends.
 */
#pragma once

#include "hv/manifest_text.h"

struct manifest_parser {
	struct manifest *m;
	const char *file;
	char *error;
	struct manifest_lines lines;
	const struct manifest_key *key;	/* whose value is read, or NULL */
	struct manifest_vm *vm;		/* the open section, or NULL */
	struct manifest_link *link;	/* the open section, or NULL */
	uint32_t cpu_count;		/* words of the open section's cpus */
	bool mac_given[2];		/* of the open section's ends */
};

struct manifest_key {
	const char *name;
	int (*set)(struct manifest_parser *p, struct manifest_str value);
	bool empty_ok;
};

extern const struct manifest_key manifest_vm_keys[VM_KEY_COUNT];
extern const struct manifest_key manifest_link_keys[LINK_KEY_COUNT];

/* What a section is before its keys are read. */
void manifest_vm_begin(struct manifest_vm *vm);
void manifest_link_begin(struct manifest_link *link);
/* Check the open section as a whole. 0, or -1 with a message. */
int MUST_CHECK manifest_vm_finish(struct manifest_parser *p);
int MUST_CHECK manifest_link_finish(struct manifest_parser *p);

/* Keys of a VM that give it a device. */
int device_set_ports(struct manifest_parser *p, struct manifest_str value);
int device_set_irqs(struct manifest_parser *p, struct manifest_str value);

/* Keys of a link that belong to a scheme or to the hypervisor's end. */
int share_set_privileged(struct manifest_parser *p, struct manifest_str value);
int share_set_window(struct manifest_parser *p, struct manifest_str value);
int share_set_window_rights(struct manifest_parser *p, struct manifest_str value);
int share_set_grants(struct manifest_parser *p, struct manifest_str value);
int share_set_map_window(struct manifest_parser *p, struct manifest_str value);
int share_set_module(struct manifest_parser *p, struct manifest_str value);
int share_set_switch(struct manifest_parser *p, struct manifest_str value);
int MUST_CHECK share_finish(struct manifest_parser *p);

/* After the last section: fill in each VM's link_count and what follows from its
 * links. 0, or -1 if they are too many. */
int MUST_CHECK manifest_endpoints_count(struct manifest_parser *p);

/* Start a message about this line; it names the key that is being read. */
struct message manifest_message(struct manifest_parser *p, uint32_t line);
/* Add the names of all VMs, as a hint. */
void manifest_message_vms(struct message *msg, const struct manifest *m);

/* VM of that name, anywhere in the file; vm_max if there is none. */
uint32_t manifest_vm_find(const struct manifest *m, struct manifest_str name);

/* Say what is wrong in the line just read (a key's value). Always -1. */
#define manifest_fail(p, ...) manifest_fail_at(p, (p)->lines.line, __VA_ARGS__)
#define manifest_fail_at(p, line, ...) __extension__ ({ \
	struct message fail_msg = manifest_message(p, line); \
	message_add(&fail_msg, __VA_ARGS__); \
	-1; })

/* Values of several keys. 0, or -1 with a message. */
struct manifest_choice {
	const char *word;
	uint8_t value;
};
int MUST_CHECK manifest_choose(struct manifest_parser *p, struct manifest_str value,
			       const struct manifest_choice *choice,
			       uint32_t count, uint8_t *out);
/* One boot module's name. */
int MUST_CHECK manifest_module_name(struct manifest_parser *p,
				    struct manifest_str value,
				    struct manifest_str *out);
int MUST_CHECK manifest_bool(struct manifest_parser *p, struct manifest_str value,
			     bool *out);
int MUST_CHECK manifest_number(struct manifest_parser *p, struct manifest_str value,
			       uint32_t min, uint32_t max, uint32_t *out);
