/* SPDX-License-Identifier: BSD-2-Clause */
/* The manifest against the machine: modules, CPUs, memory, windows. */
/* LINK: hv/manifest.c hv/manifest_vm.c hv/manifest_device.c hv/manifest_link.c hv/manifest_share.c hv/manifest_layout.c hv/manifest_check.c hv/manifest_text.c hv/printf.c */
#include "tests/unit/manifest_text.h"

static void test_check_windows(void)
{
	static const struct { const char *memory, *window; bool fits; } table[] = {
		{ "8M", "0 8M", true }, { "8M", "4K 8M", false }, { "8M", "8M 4K", false },
		{ "8M", "7M 1M", true }, { "4G", "3G 4K", false }, { "4G", "4G 1G", true },
		{ "4G", "0 5G", true }, { "4G", "5G 4K", false }, { "4G", "0 4G", false },
		{ "8M+modules", "9M 4K", true },
	};
	struct manifest_limits none = { 0 };
	char buf[256];

	for (uint32_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		snprintf(buf, sizeof(buf), "[vm a]\nimage = k\nmemory = %s\n" VM_B
			 "[link n]\nends = a b\nclass = raw\nwindow = %s\n",
			 table[i].memory, table[i].window);
		ok(!parse(buf) && !manifest_check(&m, "t", &none, error) == table[i].fits,
		   "window %s of %s %s", table[i].window, table[i].memory, error);
	}
	ok(!parse(NET("window = 4M 4K\nprivileged = front\n")) &&
	   manifest_check(&m, "t", &none, error), "a window beyond the RAM");
	ok_has(error, "t:10: link 'n': the window reaches out of the RAM of VM 'b', which "
	       "has 4 MiB", "is refused");
}

static void test_check_links(const struct manifest_module *module)
{
	struct manifest_limits limits = { .module = module, .module_count = 3 };
	static const char pool[] = "[vm a]\nimage = ping\nmemory = 8M\npool = 512 of 1024\n";

	ok(!parse("[vm a]\nimage = ping\nmemory = 8M\n"
		  "[link n]\nends = a hypervisor\nclass = block\nmodule = disk\n") &&
	   !manifest_check(&m, "t", &limits, error), "a disk that is there %s", error);
	limits.module_count = 1;
	ok(manifest_check(&m, "t", &limits, error), "and one that is not");
	ok_has(error, "t:7: link 'n': there is no boot module 'disk'; the modules are ping",
	       "is named");
	limits = (struct manifest_limits){ .memory = MIB(12) + KIB(64) };
	ok(!parse(pool) && !manifest_check(&m, "t", &limits, error), "a full pool fits");
	limits.memory--;
	ok(manifest_check(&m, "t", &limits, error), "and count");
	ok_has(error, "t:3: VM 'a': too little memory: all VMs and links together need 13 MiB",
	       "with its empty places, which gifts may fill");
	limits.memory = MIB(10);
	ok(!parse("[link n]\nends = a b\nclass = raw\nslots = 128\nbuffer = 64\n"
		  "[link o]\nends = b a\nclass = raw\nslots = 128\nbuffer = 8K\n"
		  "[link p]\nends = b a\nclass = raw\n" VM_A VM_B) &&
	   manifest_check(&m, "t", &limits, error), "links that do not fit");
	ok_has(error, "t:6: link 'o': too little memory: all VMs and links together need 13 MiB, "
	       "the machine has 10 MiB", "name the first of them");
	limits.memory = manifest_memory(&m, &limits);
	ok(!manifest_check(&m, "t", &limits, error), "to the byte %s", error);
	limits.memory--;
	ok(manifest_check(&m, "t", &limits, error), "one byte less is too little");
	ok_has(error, "t:11: link 'p': too little", "for the last one");
	test_check_windows();
}

#define DISK(keys) "[vm a]\nimage = big\nmemory = 8M\n" \
	"[link n]\nends = a hypervisor\nclass = block\nmodule = big\n" keys

static void test_check_disks(void)
{
	struct manifest_module module = { "big", MIB(5) + 1 };
	struct manifest_limits limits = { .module = &module, .module_count = 1 };
	uint64_t served;

	ok(!parse(DISK("read-only = yes\n")), "a disk that is not to be written");
	served = manifest_memory(&m, &limits);
	module.size = GIB(3);
	ok(!manifest_check(&m, "t", &limits, error) && manifest_memory(&m, &limits) == served,
	   "is the module itself, however large");
	ok(!parse(DISK("")), "one that can be");
	ok(manifest_check(&m, "t", &limits, error), "has a limit");
	ok_has(error, "t:7: link 'n': 'big' has 3072 MiB, a disk that can be written 1024 at "
	       "most; read-only = yes has no limit", "which is told");
	module.size = GIB(1);
	ok(!manifest_check(&m, "t", &limits, error), "and fits up to that");
	ok_eq(manifest_memory(&m, &limits), served + GIB(1), "as a copy, which counts");
	module.size = MIB(5) + 1;
	limits.memory = served + MIB(5) + PAGE_SIZE;
	ok(!manifest_check(&m, "t", &limits, error), "in whole pages");
	limits.memory--;
	ok(manifest_check(&m, "t", &limits, error), "one byte less is too little");
	ok_has(error, "t:4: link 'n': too little memory", "for the disk's link");
}

static void test_check(void)
{
	static const struct manifest_module module[] = {
		{ "ping", 5000 }, { "disk", MIB(5) + 1 }, { "big", MIB(64) },
	};
	struct manifest_limits limits = { .module = module, .module_count = 3,
					  .memory = MIB(40), .pcpu_count = 2 };
	struct manifest_limits none = { 0 };

	ok(!parse("[vm a]\nimage = ping\nmemory = 8M+modules\nmodules = disk\ncpus = 1\n"
		  "[vm b]\nimage = ping\nmemory = 24M\n"), "a manifest to check");
	ok(!manifest_check(&m, "t", &limits, error), "it fits");
	ok_eq(manifest_vm_memory(&m.vm[0], &limits), MIB(14), "modules count, rounded up");
	ok_eq(manifest_vm_memory(&m.vm[0], &none), MIB(8), "not if none are known");
	limits.memory = MIB(38);
	ok(!manifest_check(&m, "t", &limits, error), "it fits to the byte");
	limits.memory = MIB(38) - 1;
	ok(manifest_check(&m, "t", &limits, error), "one byte less is too little");
	ok_has(error, "t:8: VM 'b': too little memory: all VMs and links together need 38 MiB, "
	       "the machine has 37 MiB", "both numbers are named");
	limits.memory = 0;
	limits.pcpu_count = 1;
	ok(manifest_check(&m, "t", &limits, error), "a pCPU that is not there");
	ok_has(error, "t:5: VM 'a': there is no pCPU 1, the machine has 1 (0 to 0)", "is named");
	ok(!manifest_check(&m, "t", &none, error), "nothing known, nothing checked");
	limits = (struct manifest_limits){ .module = module, .module_count = 3 };
	ok(!parse("[vm a]\nimage = pong\nmemory = 8M\n"), "a wrong image");
	ok(manifest_check(&m, "t", &limits, error), "is refused");
	ok_has(error, "t:2: VM 'a': there is no boot module 'pong'; the modules are ping, disk, big",
	       "with the modules there are");
	ok(!parse("[vm a]\nimage = ping\nmodules = disc\nmemory = 8M\n"), "a wrong module");
	ok(manifest_check(&m, "t", &limits, error), "is refused");
	ok_has(error, "t:3: VM 'a': there is no boot module 'disc'", "with its line");
	ok(!parse("[vm a]\nimage = ping\nmodules = big\nmemory = 8M\n"), "a small VM");
	ok(manifest_check(&m, "t", &limits, error), "with a large module is refused");
	ok_has(error, "t:4: VM 'a': its modules take 64 MiB of its 8 MiB; give it more, or "
	       "write memory = 8M+modules", "and told the remedy");
	limits.module_count = 0;
	ok(manifest_check(&m, "t", &limits, error), "no module at all");
	ok_has(error, "there is no boot module 'ping', nor any other", "is told as well");
	test_check_links(module);
	ok(!parse(VM_A "control = *\n" VM_B), "control = *");
	ok(manifest_controls(&m, 0, 1), "is a right over all");
	ok(!manifest_watches(&m, 0, 1), "but to their counters");
	ok(!parse(VM_A "counters = a\n" VM_B "counters = *\n"), "counters");
	ok(manifest_watches(&m, 0, 0) && !manifest_watches(&m, 0, 1) &&
	   manifest_watches(&m, 1, 0) && manifest_watches(&m, 1, 1) &&
	   !manifest_controls(&m, 1, 0), "are a right by name, or to all");
}

int main(void)
{
	test_check();
	test_check_disks();
	parse_end();
	return done_testing();
}
