/* SPDX-License-Identifier: BSD-2-Clause */
/* A sector has its number and its write's number in its first two words. */
#include "guests/disktest/sectors.h"

#include "guests/lib/guest.h"

#define DOUBTS	2u	/* writes in doubt, for one sector */
#define WORDS	(BLK_SECTOR / sizeof(uint64_t))
#define STEP	0x9e3779b97f4a7c15ull

struct sector {
	uint32_t settled;	/* number of the last write; 0: anything is right */
	uint32_t doubt[DOUBTS];	/* later ones that may have happened, 0: none */
	bool taken;
};

static struct sector *sector;
static uint32_t count;
static uint64_t seed;
struct sectors_stats sectors_stats;

void sectors_init(uint64_t number, uint32_t n)
{
	seed = number * STEP;
	count = n;
	sector = page_alloc_bytes(n * sizeof(*sector));
}

uint32_t sectors_count(void)
{
	return count;
}

bool sectors_take(uint32_t first, uint32_t n)
{
	for (uint32_t i = first; i < first + n; i++)
		if (sector[i].taken)
			return false;
	for (uint32_t i = first; i < first + n; i++)
		sector[i].taken = true;
	return true;
}

void sectors_release(uint32_t first, uint32_t n)
{
	for (uint32_t i = first; i < first + n; i++)
		sector[i].taken = false;
}

/* What follows the first two words: cheap, and other in each sector and write. */
static uint64_t word_of(uint64_t first, uint64_t second, uint32_t i)
{
	return (first ^ second << 32 ^ seed) + i * (STEP ^ second);
}

void sectors_fill(uint8_t *buf, uint32_t first, uint32_t n, uint32_t write)
{
	word_t *word = (word_t *)buf;

	for (uint32_t s = first; s < first + n; s++, word += WORDS) {
		word[0] = s ^ seed;
		word[1] = write;
		for (uint32_t i = 2; i < WORDS; i++)
			word[i] = word_of(s, write, i);
	}
}

static void settle(struct sector *s, uint32_t write)
{
	s->settled = write;
	for (uint32_t i = 0; i < DOUBTS; i++)
		s->doubt[i] = 0;
}

static bool may_be(const struct sector *s, uint64_t write)
{
	for (uint32_t i = 0; i < DOUBTS; i++)
		if (s->doubt[i] && s->doubt[i] == write)
			return true;
	return s->settled == write;
}

static bool wrong(uint32_t number, const word_t *word, const char *what)
{
	const struct sector *s = &sector[number];

	printf("sector %u: %s: it says sector %lu, write %lu; write %u%s was expected\n",
	       number, what, (uint64_t)word[0] ^ seed, (uint64_t)word[1], s->settled,
	       s->doubt[0] ? " or one in doubt" : "");
	return false;
}

static bool check_one(uint32_t number, const word_t *word)
{
	struct sector *s = &sector[number];
	uint64_t write = word[1];

	if (!s->settled)
		return true;
	if (word[0] != (number ^ seed) || !may_be(s, write))
		return wrong(number, word, "not what was written");
	for (uint32_t i = 2; i < WORDS; i++)
		if (word[i] != word_of(number, write, i))
			return wrong(number, word, "damaged");
	sectors_stats.checked++;
	if (s->doubt[0]) {
		sectors_stats.found_old += s->settled == write;
		sectors_stats.found_new += s->settled != write;
	}
	settle(s, (uint32_t)write);
	return true;
}

bool sectors_check(const uint8_t *buf, uint32_t first, uint32_t n)
{
	const word_t *word = (const word_t *)buf;

	for (uint32_t i = 0; i < n; i++)
		if (!check_one(first + i, word + i * WORDS))
			return false;
	return true;
}

void sectors_written(uint32_t first, uint32_t n, uint32_t write)
{
	for (uint32_t i = first; i < first + n; i++)
		settle(&sector[i], write);
}

bool sectors_in_doubt(uint32_t first, uint32_t n, uint32_t write)
{
	for (uint32_t i = first; i < first + n; i++)
		if (sector[i].doubt[DOUBTS - 1])
			return false;
	for (uint32_t i = first; i < first + n; i++)
		sector[i].doubt[sector[i].doubt[0] ? 1 : 0] = write;
	return true;
}

void sectors_forget(uint32_t first, uint32_t n)
{
	for (uint32_t i = first; i < first + n; i++)
		settle(&sector[i], 0);
}
