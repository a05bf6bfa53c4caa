/* SPDX-License-Identifier: BSD-2-Clause */
/* modelbench: the list. The one with "lead" on its command line prints. */
#include "modelbench.h"

#include "tests/guest/lib/measure.h"

uint32_t sample[RUNS];

static void lead(uint32_t endpoint)
{
	const char *scheme = link_scheme_name(link_info(endpoint)->scheme);
	uint32_t model = model_lead(endpoint), raw = raw_lead(endpoint + 1);
	char name[32];

	snprintf(name, sizeof(name), "transfer-64k-model-%s", scheme);
	measure_line(name, model, "instructions", 0);
	snprintf(name, sizeof(name), "transfer-64k-raw-%s", scheme);
	measure_line(name, raw, "instructions", 0);
	/* In hundredths, so that a limit of 10% can be told from 11%. */
	snprintf(name, sizeof(name), "model-over-raw-%s", scheme);
	measure_line(name, 10000ull * model / raw, "per-10000", 11000);
}

int guest_main(void)
{
	for (uint32_t i = 0; i + 1 < vm_info()->link_count; i += 2) {
		if (cmdline_has("lead")) {
			lead(i);
		} else {
			model_partner(i);
			raw_partner(i + 1);
		}
	}
	return 0;
}
