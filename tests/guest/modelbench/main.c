/* SPDX-License-Identifier: BSD-2-Clause */
/* modelbench: the list. The one with "lead" on its command line prints. */
#include "modelbench.h"

#include "tests/guest/lib/measure.h"

uint32_t sample[RUNS];

static void line(const char *what, uint32_t endpoint, struct spread ticks)
{
	char name[48];

	snprintf(name, sizeof(name), "%s,scheme=%s", what,
		 link_scheme_name(link_info(endpoint)->scheme));
	measure_spread_line(name, ticks, 0);
}

static void lead(uint32_t endpoint)
{
	struct spread model = model_lead(endpoint), raw = raw_lead(endpoint + 1);
	char name[32];

	line("transfer-64k-model", endpoint, model);
	line("transfer-64k-raw", endpoint, raw);
	/* In hundredths, so that a limit of 10% can be told from 11%. */
	snprintf(name, sizeof(name), "model-over-raw,scheme=%s",
		 link_scheme_name(link_info(endpoint)->scheme));
	measure_line(name, 10000ull * model.median / raw.median, "per-10000", 11000);
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
