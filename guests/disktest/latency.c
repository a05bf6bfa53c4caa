/* SPDX-License-Identifier: BSD-2-Clause */
/* Samples are nanoseconds in 32 bits: 4 seconds stand for all that is longer. */
#include "guests/disktest/latency.h"

#include "guests/lib/guest.h"
#include "guests/lib/sort.h"

static uint32_t *sample;
static uint32_t room, kept;
static uint64_t count, sum, least = UINT64_MAX, most;

void latency_init(uint32_t n)
{
	room = n;
	sample = page_alloc_bytes(n * sizeof(*sample));
}

void latency_add(uint64_t ns)
{
	if (kept < room)
		sample[kept++] = (uint32_t)MIN(ns, (uint64_t)UINT32_MAX);
	count++;
	sum += ns;
	least = MIN(least, ns);
	most = MAX(most, ns);
}

static void print_us(const char *between, uint64_t ns)
{
	printf("%s%lu.%lu", between, ns / 1000, ns % 1000 / 100);
}

void latency_print(void)
{
	if (!count)
		return;
	sort_u32(sample, kept);
	printf("latency min/avg/p50/p99/max = ");
	print_us("", least);
	print_us("/", sum / count);
	print_us("/", sample[kept / 2]);
	print_us("/", sample[(uint64_t)kept * 99 / 100]);
	print_us("/", most);
	printf(" us\n");
}
