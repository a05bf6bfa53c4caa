/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The run-time of guest.h in ring 3: start and stop, console, time, memory and
 * the one link that the kernel gave. What takes ring 0 is asked of the kernel.
 */
#include "guests/user/user.h"

#include "guests/lib/internal.h"
#include "guests/lib/time_page.h"

#define LINE_MAX	256
#define HEAP		(256 * 1024)

static const struct user_page *page;
static uint8_t heap[HEAP] __attribute__((aligned(4096)));
static size_t heap_used;
static char line[LINE_MAX];
static size_t line_len;

_Noreturn void user_start(const struct user_page *p);

_Noreturn void user_start(const struct user_page *p)
{
	page = p;
	cmdline_init(p->cmdline);
	guest_stop(guest_main());
}

_Noreturn void guest_stop(int status)
{
	console_flush();
	for (;;)
		user_call(USER_EXIT, (uint64_t)(int64_t)status, 0);
}

_Noreturn void guest_fail(const char *format, ...)
{
	__builtin_va_list args;

	__builtin_va_start(args, format);
	vprintf(format, args);
	__builtin_va_end(args);
	printf("\n");
	guest_stop(1);
}

/* --- console: a call for a line ----------------------------------------------------- */

void console_flush(void)
{
	user_call(USER_WRITE, (uint64_t)line, line_len);
	line_len = 0;
}

void vprintf(const char *format, __builtin_va_list args)
{
	char text[512];

	vsnprintf(text, sizeof(text), format, args);
	for (const char *p = text; *p; p++) {
		line[line_len++] = *p;
		if (*p == '\n' || line_len == sizeof(line))
			console_flush();
	}
}

void printf(const char *format, ...)
{
	__builtin_va_list args;

	__builtin_va_start(args, format);
	vprintf(format, args);
	__builtin_va_end(args);
}

/* --- time --------------------------------------------------------------------------- */

/* Where the TSC is not invariant only the hypervisor knows, and tells ring 0. */
uint64_t time_now(void)
{
	uint64_t ns;

	if (time_by_page((const struct ambit_time *)page->time, &ns))
		return ns;
	return (uint64_t)user_call(USER_TIME, 0, 0);
}

/* --- memory, the link ----------------------------------------------------------------- */

void *page_alloc(size_t n)
{
	uint8_t *p = heap + heap_used;

	if (n > (HEAP - heap_used) / PAGE_SIZE)
		return NULL;
	heap_used += n * PAGE_SIZE;
	return p;
}

void *page_alloc_bytes(size_t bytes)
{
	void *p = page_alloc((bytes + PAGE_MASK) / PAGE_SIZE);

	if (!p)
		guest_fail("out of memory: %zu KiB wanted, %u KiB are all",
			   (bytes + 1023) / 1024, HEAP / 1024);
	return p;
}

const struct ambit_info *vm_info(void)
{
	return &page->vm;
}

const struct ambit_link_info *link_info(uint32_t endpoint)
{
	if (endpoint != page->endpoint)
		guest_fail("endpoint %u is not this program's", endpoint);
	return &page->link;
}

int link_find(uint32_t from, uint8_t dev_class, const char *name)
{
	const struct ambit_link_info *l = &page->link;

	if (from > page->endpoint || l->dev_class != dev_class ||
	    (name && strncmp(l->name, name, sizeof(l->name))))
		return -1;
	return (int)page->endpoint;
}

uint32_t user_link(void)
{
	return page->endpoint;
}

const volatile struct user_counters *user_counters(void)
{
	return &page->counters;
}

/* --- threads --------------------------------------------------------------------------- */

struct thread {
	void (*fn)(void *);
	void *arg;
};

static _Noreturn void thread_run(struct thread *t)
{
	t->fn(t->arg);
	for (;;)
		user_call(USER_EXIT, 0, 0);
}

int user_thread(void (*fn)(void *), void *arg)
{
	struct thread *t = page_alloc_bytes(sizeof(*t));

	*t = (struct thread){ fn, arg };
	return (int)user_call(USER_THREAD, (uint64_t)thread_run, (uint64_t)t);
}
