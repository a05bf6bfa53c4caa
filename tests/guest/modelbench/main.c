/* SPDX-License-Identifier: BSD-2-Clause */
/* modelbench: the list. The one with "lead" on its command line prints. */
#include "modelbench.h"

#include "tests/guest/lib/check.h"

uint32_t sample[RUNS];
uint8_t *bytes;

static struct transfer plan[PLAN_MAX];
static struct spread model[PLAN_MAX], raw[PLAN_MAX];

void quiet(void)
{
	time_sleep_until(time_now() + MEASURE_QUIET);
}

/* The others have transfers to be compared or told apart, none with a line. */
static bool swept(const struct ambit_link_info *l)
{
	return l->slots == 2 || l->slots == 64;
}

uint32_t plan_make(const struct ambit_link_info *l, struct transfer t[PLAN_MAX])
{
	uint32_t count = 0;

	if (!swept(l)) {
		t[count++] = (struct transfer){ BM_IN, 1, LARGE, RUNS };
		t[count++] = (struct transfer){ BM_IN, 1, PAGE, RUNS_MANY };
		t[count++] = (struct transfer){ BM_IN, 1, SIZE_MIN, RUNS_MANY };
		t[count++] = (struct transfer){ BM_OUT, 1, SIZE_MIN, RUNS_MANY };
		t[count++] = (struct transfer){ BM_IN, DEPTH, SIZE_MIN, RUNS_MANY };
		return count;
	}
	for (int dir = 0; dir < 2; dir++) {
		enum bm_dir d = dir ? BM_OUT : BM_IN;

		for (uint32_t len = SIZE_MIN; l->slots == 2 && len <= BYTES; len *= 4)
			t[count++] = (struct transfer){ d, 1, len, RUNS_MANY };
		for (uint32_t n = 2; l->slots == 64 && n <= 64; n *= 2) {
			t[count++] = (struct transfer){ d, n, SIZE_MIN, RUNS_MANY };
			t[count++] = (struct transfer){ d, n, PAGE, RUNS_MANY };
		}
	}
	return count;
}

/* In memory that the next call uses again. */
static const char *transfer_name(const char *scheme, const char *way,
				 const struct transfer *t)
{
	static char name[80];

	snprintf(name, sizeof(name), "move,scheme=%s,way=%s,dir=%s,size=%u,batch=%u",
		 scheme, way, t->dir == BM_IN ? "in" : "out", t->len, t->n);
	return name;
}

void transfer_window(const struct ambit_link_info *l, const char *way,
		     const struct transfer *t)
{
	if (!cmdline_has("split"))
		return;
	measure_window(transfer_name(link_scheme_name(l->scheme), way, t));
	quiet();
}

static void lead(uint32_t endpoint, uint32_t count)
{
	const char *scheme = link_scheme_name(link_info(endpoint)->scheme);
	char name[32];

	model_lead(endpoint, plan, count, model);
	raw_lead(endpoint + 1, plan, count, raw);
	for (uint32_t i = 0; swept(link_info(endpoint)) && i < count; i++) {
		measure_spread_line(transfer_name(scheme, "model", &plan[i]), model[i], 0);
		measure_spread_line(transfer_name(scheme, "raw", &plan[i]), raw[i], 0);
	}
	if (swept(link_info(endpoint)))
		return;
	/* In hundredths, so that a limit of 10% can be told from 11%. */
	snprintf(name, sizeof(name), "model-over-raw,scheme=%s", scheme);
	measure_line(name, 10000ull * model[0].median / raw[0].median, "per-10000", 11000);
}

int guest_main(void)
{
	bytes = page_alloc_bytes(BYTES);
	for (uint32_t i = 0; i + 1 < vm_info()->link_count; i += 2) {
		uint32_t count = plan_make(link_info(i), plan);

		if (cmdline_has("lead")) {
			lead(i, count);
		} else {
			model_partner(i);
			raw_partner(i + 1, plan, count);
		}
	}
	return 0;
}
