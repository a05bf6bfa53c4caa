/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * docs/abi.md against hv/abi: every struct of the headers has an offset table
 * that covers it without a gap and agrees with the compiler, and every constant
 * stands in a table with its value. Run from the top of the tree.
 * LINK:
 */
#include <ctype.h>
#include <glob.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "hv/abi/counters.h"
#include "hv/abi/data.h"
#include "hv/abi/errno.h"
#include "hv/abi/hypercall.h"
#include "hv/abi/info.h"
#include "hv/abi/link.h"
#include "hv/abi/pvh.h"
#include "hv/abi/time.h"
#include "hv/abi/virq.h"
#include "tests/unit/tap.h"

#define DOC	"docs/abi.md"
#define NAME	64
#define LINE	1024

struct field {
	const char *structure, *name;
	size_t offset, size;
};

#define F(s, f) { #s, #f, offsetof(struct s, f), sizeof(((struct s *)0)->f) }

static const struct field fields[] = {
	F(pvh_start_info, magic), F(pvh_start_info, version),
	F(pvh_start_info, flags), F(pvh_start_info, module_count),
	F(pvh_start_info, modules), F(pvh_start_info, cmdline),
	F(pvh_start_info, rsdp), F(pvh_start_info, memmap),
	F(pvh_start_info, memmap_count), F(pvh_start_info, reserved),
	F(pvh_module, base), F(pvh_module, size), F(pvh_module, cmdline),
	F(pvh_module, reserved),
	F(pvh_memmap, base), F(pvh_memmap, size), F(pvh_memmap, type),
	F(pvh_memmap, reserved),
	F(ambit_vm_entry, name), F(ambit_vm_entry, vm),
	F(ambit_vm_entry, state), F(ambit_vm_entry, incarnation),
	F(ambit_vm_entry, status), F(ambit_vm_entry, vcpu_count),
	F(ambit_vm_entry, rights), F(ambit_vm_entry, memory),
	F(ambit_vm_entry, run_ns),
	F(ambit_vm_counters, exits), F(ambit_vm_counters, hot_exits),
	F(ambit_vm_counters, hypercalls), F(ambit_vm_counters, interrupts),
	F(ambit_vm_counters, upcalls), F(ambit_vm_counters, switches),
	F(ambit_vm_counters, wakes), F(ambit_vm_counters, kicks),
	F(ambit_info, magic), F(ambit_info, version), F(ambit_info, size),
	F(ambit_info, features), F(ambit_info, vm), F(ambit_info, incarnation),
	F(ambit_info, vcpu_count), F(ambit_info, name),
	F(ambit_info, link_offset), F(ambit_info, link_count),
	F(ambit_info, link_size), F(ambit_info, rights),
	F(ambit_info, ram_low), F(ambit_info, ram_high),
	F(ambit_info, give_pool), F(ambit_info, give_pool_size),
	F(ambit_info, give_pool_filled), F(ambit_info, map_quota),
	F(ambit_info, gift_quota),
	F(ambit_info, device_offset), F(ambit_info, device_count),
	F(ambit_info, counters), F(ambit_info, counters_size),
	F(ambit_device_info, type), F(ambit_device_info, flags),
	F(ambit_device_info, first), F(ambit_device_info, last),
	F(ambit_device_info, virq),
	F(ambit_link_info, name), F(ambit_link_info, peer),
	F(ambit_link_info, scheme), F(ambit_link_info, dev_class),
	F(ambit_link_info, virq), F(ambit_link_info, flags),
	F(ambit_link_info, mac), F(ambit_link_info, mtu),
	F(ambit_link_info, slots), F(ambit_link_info, buffer_size),
	F(ambit_link_info, seg_max), F(ambit_link_info, ring_size),
	F(ambit_link_info, ring_offset), F(ambit_link_info, desc_offset),
	F(ambit_link_info, seg_offset), F(ambit_link_info, grant_offset),
	F(ambit_link_info, grant_count), F(ambit_link_info, reserved0),
	F(ambit_link_info, control), F(ambit_link_info, peer_control),
	F(ambit_link_info, control_size), F(ambit_link_info, data),
	F(ambit_link_info, peer_data), F(ambit_link_info, data_size),
	F(ambit_link_info, status), F(ambit_link_info, event),
	F(ambit_link_info, window), F(ambit_link_info, window_size),
	F(ambit_link_info, window_base), F(ambit_link_info, peer_mac),
	F(ambit_link_info, reserved1),
	F(ambit_time, version), F(ambit_time, flags), F(ambit_time, tsc_base),
	F(ambit_time, ns_base), F(ambit_time, tsc_mul), F(ambit_time, tsc_hz),
	F(ambit_vcpu_page, pending), F(ambit_vcpu_page, mask),
	F(ambit_vcpu_page, upcall_vector), F(ambit_vcpu_page, request),
	F(ambit_vcpu_page, user_endpoints), F(ambit_vcpu_page, steal_ns),
	F(ambit_status, state), F(ambit_status, peer_state),
	F(ambit_status, generation), F(ambit_status, resets),
	F(ambit_status, revocations), F(ambit_status, peer_incarnation),
	F(ambit_status, reserved),
	F(ambit_event, pending), F(ambit_event, mask),
	F(ambit_control, prod), F(ambit_control, epoch),
	F(ambit_control, reserved0), F(ambit_control, wake),
	F(ambit_control, wake_quiet), F(ambit_control, reserved1),
	F(ambit_msg, kind), F(ambit_msg, slot), F(ambit_msg, len),
	F(ambit_msg, flags), F(ambit_msg, status), F(ambit_msg, bay),
	F(ambit_msg, note),
	F(ambit_desc, len), F(ambit_desc, flags), F(ambit_desc, seg_count),
	F(ambit_desc, reserved),
	F(ambit_seg, gpa), F(ambit_seg, len), F(ambit_seg, reserved),
	F(ambit_grant, frame), F(ambit_grant, generation),
	F(ambit_grant, offset), F(ambit_grant, len),
	F(ambit_tail, flags), F(ambit_tail, from), F(ambit_tail, prod),
	F(ambit_tail, loud_from), F(ambit_tail, loud), F(ambit_tail, reserved),
	F(ambit_tail, deadline),
	F(ambit_copy_item, flags), F(ambit_copy_item, slot),
	F(ambit_copy_item, generation), F(ambit_copy_item, offset),
	F(ambit_copy_item, len), F(ambit_copy_item, own_endpoint),
	F(ambit_copy_item, own_slot), F(ambit_copy_item, own_generation),
	F(ambit_copy_item, own), F(ambit_copy_item, done),
	F(ambit_copy_item, status),
	F(ambit_map_item, flags), F(ambit_map_item, ref),
	F(ambit_map_item, generation), F(ambit_map_item, page),
	F(ambit_map_item, count), F(ambit_map_item, done),
	F(ambit_map_item, status), F(ambit_map_item, reserved),
	F(ambit_revoke_item, mode), F(ambit_revoke_item, ref),
	F(ambit_revoke_item, count), F(ambit_revoke_item, done),
	F(ambit_revoke_item, status), F(ambit_revoke_item, reserved),
	F(ambit_query_item, flags), F(ambit_query_item, ref),
	F(ambit_query_item, rights), F(ambit_query_item, generation),
	F(ambit_query_item, offset), F(ambit_query_item, len),
	F(ambit_query_item, uses), F(ambit_query_item, page),
	F(ambit_query_item, status),
	F(ambit_give_item, mode), F(ambit_give_item, ref),
	F(ambit_give_item, generation), F(ambit_give_item, status),
	F(ambit_give_item, page), F(ambit_give_item, reserved),
	F(ambit_vcpu_counters, call),
	F(ambit_vcpu_counters, exit),
	F(ambit_vcpu_counters, run_ticks),
	F(ambit_vcpu_counters, since),
	F(ambit_vcpu_counters, switches),
	F(ambit_vcpu_counters, late_calls),
	F(ambit_vcpu_counters, late_cpuids),
	F(ambit_vcpu_counters, upcalls),
	F(ambit_vcpu_counters, flushes),
	F(ambit_vcpu_counters, ipis),
	F(ambit_vcpu_counters, denied_msr),
	F(ambit_vcpu_counters, denied_port),
	F(ambit_vcpu_counters, reserved0),
	F(ambit_vcpu_counters, virqs),
	F(ambit_vcpu_counters, wakes),
	F(ambit_vcpu_counters, kicks),
	F(ambit_vcpu_counters, reserved1),
	F(ambit_end_counters, notifications),
	F(ambit_end_counters, calls),
	F(ambit_end_counters, copied),
	F(ambit_end_counters, mapped),
	F(ambit_end_counters, unmapped),
	F(ambit_end_counters, revoked),
	F(ambit_end_counters, given),
	F(ambit_end_counters, resets),
	F(ambit_counters_vm, name),
	F(ambit_counters_vm, vm),
	F(ambit_counters_vm, vcpu_count),
	F(ambit_counters_vm, end_count),
	F(ambit_counters_vm, reserved),
	F(ambit_counters_vm, vcpus),
	F(ambit_counters_vm, ends),
	F(ambit_counters_vm, reserved1),
	F(ambit_counters, magic),
	F(ambit_counters, version),
	F(ambit_counters, vm_offset),
	F(ambit_counters, vm_count),
	F(ambit_counters, vm_size),
	F(ambit_counters, tsc_hz),
	F(ambit_counters, tsc_offset),
	F(ambit_counters, reserved),
};

#define S(s) { #s, sizeof(struct s) }

static const struct {
	const char *name;
	size_t size;
} structures[] = {
	S(pvh_start_info), S(pvh_module), S(pvh_memmap), S(ambit_vm_entry),
	S(ambit_vm_counters), S(ambit_device_info),
	S(ambit_info), S(ambit_link_info), S(ambit_time), S(ambit_vcpu_page),
	S(ambit_status), S(ambit_event), S(ambit_control), S(ambit_msg),
	S(ambit_desc), S(ambit_seg), S(ambit_grant), S(ambit_tail),
	S(ambit_copy_item), S(ambit_map_item), S(ambit_revoke_item),
	S(ambit_query_item), S(ambit_give_item),
	S(ambit_vcpu_counters), S(ambit_end_counters),
	S(ambit_counters_vm), S(ambit_counters),
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char *file_read(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = NULL;
	long size;

	if (!f)
		return NULL;
	if (!fseek(f, 0, SEEK_END) && (size = ftell(f)) >= 0) {
		rewind(f);
		text = calloc((size_t)size + 1, 1);
		if (text && fread(text, 1, (size_t)size, f) != (size_t)size) {
			free(text);
			text = NULL;
		}
	}
	fclose(f);
	return text;
}

/* The next line of *at in buf, without its end; false after the last one. */
static bool line_next(const char **at, char *buf)
{
	size_t n = strcspn(*at, "\n");

	if (!**at)
		return false;
	snprintf(buf, LINE, "%.*s", (int)n, *at);
	*at += n + ((*at)[n] == '\n');
	return true;
}

/* --- offset tables ------------------------------------------------------------ */

static const struct field *field_find(const char *structure, const char *name)
{
	for (size_t i = 0; i < COUNT(fields); i++)
		if (!strcmp(fields[i].structure, structure) &&
		    !strcmp(fields[i].name, name))
			return &fields[i];
	return NULL;
}

/* One row; *end is where the row before ended. */
static bool row_agrees(const char *structure, const char *row, size_t *end)
{
	unsigned int offset, size;
	const struct field *f;
	char name[NAME];

	if (sscanf(row, "| 0x%x | %u | `%63[a-z0-9_]` |", &offset, &size, name) != 3) {
		printf("# not a row of an offset table: %s\n", row);
		return false;
	}
	f = field_find(structure, name);
	if (!f || f->offset != offset || f->size != size || offset != *end) {
		printf("# %s.%s: table 0x%x, %u bytes, header 0x%zx, %zu bytes\n",
		       structure, name, offset, size, f ? f->offset : 0,
		       f ? f->size : 0);
		*end = f ? f->offset + f->size : *end;
		return false;
	}
	*end = offset + size;
	return true;
}

/* The table of a struct: heading with the size, then rows without a gap. */
static void structure_check(const char *doc, const char *name, size_t size)
{
	char heading[NAME * 2], line[LINE];
	size_t end = 0, rows = 0;
	bool good = true;
	const char *at;

	snprintf(heading, sizeof(heading), "Layout of `struct %s` (%zu bytes", name,
		 size);
	at = strstr(doc, heading);
	if (!ok(at, "%s: a table with its size of %zu bytes", name, size))
		return;
	line_next(&at, line);
	while (line_next(&at, line) && (!rows || line[0] == '|')) {
		if (line[0] != '|' || ++rows <= 2)	/* blank line, table head */
			continue;
		good &= row_agrees(name, line, &end);
	}
	ok(good && end == size, "%s: %zu fields agree and leave no gap", name,
	   rows - 2);
}

/* --- constants ------------------------------------------------------------------ */

/* A number, (-number) or (1u << number): false for anything else. */
static bool value_parse(const char *s, long long *value)
{
	char *end;
	int shift;

	if (sscanf(s, "(1u << %d)", &shift) == 1) {
		*value = 1ll << shift;
		return true;
	}
	if (*s == '(')
		s++;
	if (!isdigit((unsigned char)*s) && *s != '-')
		return false;
	*value = (long long)strtoull(s, &end, 0);
	if (*s == '-')
		*value = strtoll(s, &end, 0);
	return end != s;
}

/* Whether a table row "| value | `name` |" of the page has this value. */
static bool constant_documented(const char *doc, const char *name, long long value)
{
	char cell[NAME + 8], line[LINE];
	bool found = false;
	long long told;

	snprintf(cell, sizeof(cell), "| `%s` |", name);
	while (line_next(&doc, line)) {
		const char *second = line[0] == '|' ? strchr(line + 1, '|') : NULL;

		if (!second || strncmp(second, cell, strlen(cell)))
			continue;
		if (!value_parse(line + 2, &told) || told != value) {
			printf("# %s is %lld, the table says: %s\n", name, value, line);
			return false;
		}
		found = true;
	}
	if (!found)
		printf("# %s (%lld) stands in no table\n", name, value);
	return found;
}

/* Names of counts and version words, which tables do not have, and PVH's. */
static bool needs_no_row(const char *name)
{
	return !strcmp(name, "AMBIT_HC_COUNT") || !strncmp(name, "PVH_", 4);
}

static void constants_check(const char *doc, const char *path)
{
	char *text = file_read(path), line[LINE], name[NAME], rest[LINE];
	const char *at = text;
	unsigned int count = 0;
	bool good = true;
	long long value;

	while (text && line_next(&at, line)) {
		if (sscanf(line, "#define %63[A-Z0-9_] %1023[^\n]", name, rest) != 2 ||
		    needs_no_row(name) || !value_parse(rest, &value))
			continue;
		good &= constant_documented(doc, name, value);
		count++;
	}
	ok(text && good, "%s: %u constants stand in tables", path, count);
	free(text);
}

/* A struct that is new in a header must come into the lists above. */
static void structures_known(const char *path)
{
	char *text = file_read(path), line[LINE], name[NAME];
	const char *at = text;
	bool good = true;

	while (text && line_next(&at, line)) {
		bool known = false;

		if (sscanf(line, "struct %63[a-z0-9_] {", name) != 1 ||
		    !strchr(line, '{'))
			continue;
		for (size_t i = 0; i < COUNT(structures); i++)
			known |= !strcmp(structures[i].name, name);
		if (!known)
			printf("# struct %s is not checked\n", name);
		good &= known;
	}
	ok(text && good, "%s: all structs are checked", path);
	free(text);
}

int main(void)
{
	char *doc = file_read(DOC);
	glob_t headers;

	if (!ok(doc, DOC " can be read") ||
	    !ok(!glob("hv/abi/*.h", 0, NULL, &headers), "hv/abi has headers"))
		return done_testing();
	for (size_t i = 0; i < COUNT(structures); i++)
		structure_check(doc, structures[i].name, structures[i].size);
	for (size_t i = 0; i < headers.gl_pathc; i++) {
		constants_check(doc, headers.gl_pathv[i]);
		structures_known(headers.gl_pathv[i]);
	}
	ok_eq(AMBIT_ABI_VERSION, AMBIT_ABI_MAJOR << 16 | AMBIT_ABI_MINOR,
	      "the version word is major and minor");
	globfree(&headers);
	free(doc);
	return done_testing();
}
