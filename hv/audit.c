/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of the audit in turn, and what they have to say. */
#include "hv/audit.h"

#include <stdarg.h>

#include "hv/console.h"
#include "hv/printf.h"
#include "hv/vm.h"
#include "vio/link.h"

#define LINES_MAX 10u

static uint32_t wrong;
static uint64_t entries;	/* of page tables, seen */

void audit_wrong(const char *fmt, ...)
{
	char line[128];
	va_list ap;

	if (wrong++ >= LINES_MAX)
		return;
	va_start(ap, fmt);
	hv_vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	hv_log("audit: %s", line);
}

bool audit_check(void)
{
	wrong = 0;
	entries = 0;
	for (uint32_t i = 0; i < vm_count; i++)
		entries += audit_map(&vm_table[i]);
	audit_links();
	audit_sched();
	return !wrong;
}

bool audit_report(void)
{
	if (audit_check())
		hv_log("audit: %lu entries of page tables, %u links, all sound",
		       entries, link_count);
	else
		hv_log("audit: %u things are wrong", wrong);
	audit_steps_report();
	return !wrong;
}
