/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The capture ring over a port that takes as much as the test lets it: what comes
 * out is one file of whole blocks, with every frame or its place in a count.
 */
/* LINK: hv/capture.c hv/pcapng.c hv/printf.c */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hv/abi/errno.h"
#include "hv/capture.h"
#include "hv/console.h"
#include "hv/time.h"
#include "hv/work.h"
#include "tests/fake/fake.h"
#include "tests/unit/tap.h"
#include "vio/link.h"

#define LINKS	3u
#define FILE_MAX (8u << 20)

static struct link links[LINKS];
static struct manifest_link configs[LINKS];
static struct manifest_vm vm_config = { .name = "alice" };
static struct vm vm = { .config = &vm_config };

struct link *link_table = links;
uint32_t link_count;

static uint8_t *file;
static uint32_t file_len, port_takes;	/* bytes; room in the port's FIFO */
static bool port_there = true;
static struct work *queued, *later;
static uint64_t now;
static char logged[4096];

bool arch_com2_init(void) { return port_there; }

void arch_com2_write_sync(const void *p, size_t n)
{
	memcpy(file + file_len, p, n);
	file_len += (uint32_t)n;
}

size_t arch_com2_write(const void *p, size_t n)
{
	n = MIN(n, port_takes);
	port_takes -= (uint32_t)n;
	arch_com2_write_sync(p, n);
	return n;
}

void work_add(uint32_t pcpu, struct work *w) { queued = pcpu ? NULL : w; }
void work_add_later(struct work *w, uint64_t tsc) { later = tsc ? w : NULL; }
uint64_t time_now(void) { return now += 3; }
uint64_t time_ns_to_ticks(uint64_t ns) { return ns; }

void hv_log(const char *fmt, ...)
{
	size_t n = strlen(logged);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(logged + n, sizeof(logged) - n, fmt, ap);
	va_end(ap);
}

/* The port takes so many bytes; whether the drain was through before. */
static bool drain(uint32_t bytes)
{
	struct work *w = queued ? queued : later;

	port_takes = bytes;
	queued = later = NULL;
	while (w && !w->run(w))
		;
	return !later;
}

/* Bytes of frame number i of its link, by rule. */
static uint8_t byte_of(uint32_t link, uint32_t i, uint32_t at)
{
	return (uint8_t)(link * 77 + i * 5 + at);
}

static uint32_t frames[LINKS], left_out[LINKS];

static int show(uint32_t link, uint32_t len, uint32_t pieces)
{
	static uint8_t bytes[20000];
	struct capture_piece piece[16] = { { NULL, 0 } };
	uint32_t at = 0;
	int r;

	for (uint32_t i = 0; i < len; i++)
		bytes[i] = byte_of(link, frames[link], i);
	for (uint32_t i = 0; i < pieces; i++) {
		uint32_t n = i == pieces - 1 ? len - at : len / pieces;

		/* Memory of exactly that size: the sanitizer watches. */
		piece[i] = (struct capture_piece){ memcpy(malloc(n), bytes + at, n), n };
		at += n;
	}
	r = capture_frame(links[link].capture, PCAPNG_OUT, piece, pieces, len);
	for (uint32_t i = 0; i < pieces; i++)
		free((void *)(uintptr_t)piece[i].p);
	frames[link] += r == AMBIT_OK;
	left_out[link] += r == AMBIT_EAGAIN;
	return r;
}

static uint32_t word(uint32_t at)
{
	uint32_t v;

	memcpy(&v, file + at, sizeof(v));
	return v;
}

/* --- reading the file ------------------------------------------------------------- */

static struct {
	uint32_t sections, interfaces, packets[LINKS], statistics, told[LINKS];
	uint64_t last_ns;
	bool whole, right, ordered;
} seen;

/* The count of those left out: behind the flags, if any. */
static uint64_t told_by(uint32_t at, uint32_t captured)
{
	uint32_t option = at + PCAPNG_HEAD + ALIGN_UP(captured, 4u) + 8;

	return (word(option) & 0xffff) == 4 ? word(option + 4) : 0;
}

static void packet_read(uint32_t at)
{
	uint64_t ns = (uint64_t)word(at + 12) << 32 | word(at + 16);
	uint32_t link = word(at + 8) ? 2 : 0;	/* the second interface is the third link */
	uint32_t captured = word(at + 20);

	seen.ordered &= ns > seen.last_ns;
	seen.last_ns = ns;
	seen.right &= captured == MIN(word(at + 24), CAPTURE_SNAP);
	for (uint32_t i = 0; i < captured; i++)
		seen.right &= file[at + PCAPNG_HEAD + i] ==
			      byte_of(link, seen.packets[link], i);
	seen.packets[link]++;
	seen.told[link] += (uint32_t)told_by(at, captured);
}

static void file_read(void)
{
	uint32_t at = 0;

	memset(&seen, 0, sizeof(seen));
	seen.right = seen.ordered = true;
	while (at + 12 <= file_len && word(at + 4) >= 12 && at + word(at + 4) <= file_len &&
	       word(at + word(at + 4) - 4) == word(at + 4)) {
		seen.sections += word(at) == 0x0a0d0d0a;
		seen.interfaces += word(at) == 1;
		seen.statistics += word(at) == 5;
		if (word(at) == 6)
			packet_read(at);
		at += word(at + 4);
	}
	seen.whole = at == file_len;
}

/* --- tests --------------------------------------------------------------------------- */

static void begin(void)
{
	static const char *const name[LINKS] = { "first", "second", "third" };

	memset(links, 0, sizeof(links));
	memset(frames, 0, sizeof(frames));
	memset(left_out, 0, sizeof(left_out));
	logged[0] = 0;
	file_len = 0;
	link_count = LINKS;
	for (uint32_t i = 0; i < LINKS; i++) {
		snprintf(configs[i].name, sizeof(configs[i].name), "%s", name[i]);
		links[i].config = &configs[i];
		links[i].end[0].vm = &vm;
		configs[i].capture = i != 1;
	}
	capture_init();
}

static void test_none(void)
{
	port_there = false;
	begin();
	port_there = true;
	ok(!links[0].capture && !links[2].capture && !file_len &&
	   strstr(logged, "no second serial port"), "without a port nothing is captured");
	capture_end();
	ok(!file_len, "and nothing is said of it at the end");
}

static void test_begin(void)
{
	begin();
	file_read();
	ok(seen.whole && seen.sections == 1 && seen.interfaces == 2,
	   "a file begins with its interfaces");
	ok(links[0].capture && !links[1].capture && links[2].capture,
	   "two links are captured");
}

/* Frames of all lengths, from links in turn, while the port takes odd amounts. */
static void test_stream(void)
{
	begin();
	for (uint32_t i = 0; i < 4000; i++) {
		show(i % 3 ? 2 : 0, 1 + i * 7 % 1600, 1 + i % 5 % (1 + i * 7 % 1600));
		drain(i * 13 % 4099);
	}
	while (!drain(1000))
		;
	file_read();
	ok(seen.whole && seen.packets[0] == frames[0] && seen.packets[2] == frames[2],
	   "%u frames come out", seen.packets[0] + seen.packets[2]);
	ok(!left_out[0] && !left_out[2] && file_len > 10 * (256u << 10),
	   "all of them, many times around the ring");
	ok(seen.right && seen.ordered, "as they went in, in the order of their times");
}

static void test_full(void)
{
	uint32_t lost, small;
	char line[64];

	begin();
	while (show(0, 1500, 1) == AMBIT_OK)
		;
	ok(frames[0] > 160 && show(2, 1500, 2) == AMBIT_EAGAIN && left_out[0] == 1,
	   "%u frames fill the ring", frames[0]);
	ok(show(2, 14, 1) == AMBIT_OK, "a small one may still fit");
	while (show(2, 1, 1) == AMBIT_OK)
		;
	small = left_out[2];
	for (int i = 0; i < 5; i++)
		show(0, 1500, 1);
	drain(4000);
	ok(show(0, 1500, 1) == AMBIT_OK, "what is sent makes room");
	while (show(0, 1500, 1) == AMBIT_OK)
		;
	lost = left_out[0];
	while (!drain(5000))
		;
	show(2, 100, 1);
	capture_end();
	file_read();
	ok(seen.whole && seen.right && seen.packets[0] == frames[0] &&
	   seen.packets[2] == frames[2], "what went in comes out");
	ok(seen.told[0] == lost - 1 && seen.told[2] == small,
	   "the next frame tells how many are missing");
	snprintf(line, sizeof(line), "third: %u frames, %u more left out", frames[2], small);
	ok(seen.statistics == 2 && strstr(logged, line),
	   "and so does the end");
}

static void test_long(void)
{
	begin();
	ok(show(0, 9018, 3) == AMBIT_OK && show(0, 9019, 16) == AMBIT_OK &&
	   show(0, 20000, 16) == AMBIT_OK && show(0, 1, 1) == AMBIT_OK, "long frames");
	capture_end();
	file_read();
	ok(seen.whole && seen.right && seen.packets[0] == 4, "are cut, and shown as cut");
}

int main(void)
{
	file = malloc(FILE_MAX);
	test_none();
	test_begin();
	test_stream();
	test_full();
	test_long();
	free(file);
	return done_testing();
}
