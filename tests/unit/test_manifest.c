/* SPDX-License-Identifier: BSD-2-Clause */
/* The manifest: what each key means, and the message for every mistake. */
/* LINK: hv/manifest.c hv/manifest_vm.c hv/manifest_device.c hv/manifest_link.c hv/manifest_share.c hv/manifest_layout.c hv/manifest_check.c hv/manifest_text.c hv/printf.c */
#include "tests/unit/manifest_text.h"

static bool is(struct manifest_str s, const char *want)
{
	return s.len == strlen(want) && !memcmp(s.p, want, s.len);
}

static void test_full(void)
{
	const struct manifest_vm *vm;
	const struct manifest_link *link;

	ok_eq(parse("# a comment\n"
		    "[link net0]	# stands before its VMs\n"
		    "ends    = alice bob\n"
		    "class   = net\n"
		    "scheme  = grant\n"
		    "slots   = 64\n"
		    "buffer  = 10K\n"
		    "segments= 4\n"
		    "mtu     = 9000\n"
		    "mac     = 02:00:00:00:00:01 auto\n"
		    "capture = yes\n"
		    "[ vm  alice ]\n"
		    "image   = ping               # module name\n"
		    "memory  = 8M + modules\n"
		    "vcpus   = 3\n"
		    "cpus    = 0, auto 2\n"
		    "cmdline = count=3 size=56    # to the end\n"
		    "modules = disk,font\n"
		    "control = bob, alice\n"
		    "restart = on-crash\n"
		    "strict  = yes\n"
		    "service = yes\n"
		    "start   = yes\n"
		    "[vm bob]\r\n"
		    "image=pong\r\n"
		    "memory=2G\r\n"
		    "[link d]\n"
		    "ends = bob, alice\n"
		    "class = block\n"
		    "read-only = yes"), 0, "a full manifest parses");
	ok_has(error, "", "%s", error);
	ok(m.vm_count == 2 && m.link_count == 2, "two VMs, two links");
	vm = &m.vm[0];
	ok(!strcmp(vm->name, "alice") && vm->line == 12, "name and line");
	ok(is(vm->image, "ping"), "image, without the comment");
	ok(vm->memory == MIB(8) && vm->memory_plus_modules, "memory");
	ok(vm->vcpu_count == 3 && vm->cpu[0] == 0 && vm->cpu[1] == MANIFEST_CPU_AUTO &&
	   vm->cpu[2] == 2, "placement");
	ok(is(vm->cmdline, "count=3 size=56"), "command line");
	ok(vm->module_count == 2 && is(vm->module[0], "disk") && is(vm->module[1], "font"),
	   "modules");
	ok(vm->restart == RESTART_ON_CRASH && vm->strict && vm->service && vm->start, "policy");
	ok(vm->link_count == 2, "endpoints are counted");
	ok(vm->key_line[VM_KEY_MEMORY] == 14, "lines of keys are kept");
	ok(manifest_controls(&m, 0, 1) && manifest_controls(&m, 0, 0), "rights");
	ok(!manifest_controls(&m, 1, 0), "no rights by default");
	vm = &m.vm[1];
	ok(is(vm->image, "pong") && vm->memory == GIB(2), "CR LF is tolerated");
	ok(vm->vcpu_count == 1 && vm->cpu[0] == MANIFEST_CPU_AUTO && !vm->module_count &&
	   !vm->cmdline.len && vm->restart == RESTART_NEVER && !vm->strict && !vm->service &&
	   vm->start,
	   "defaults of a VM");
	link = &m.link[0];
	ok(!strcmp(link->name, "net0") && link->end[0].vm == 0 && link->end[1].vm == 1,
	   "ends");
	ok(link->dev_class == AMBIT_CLASS_NET && link->scheme == AMBIT_SCHEME_GRANT &&
	   link->slots == 64 && link->buffer_size == 10240 && link->seg_max == 4 &&
	   link->mtu == 9000 && link->capture, "a link's keys");
	ok(!memcmp(link->end[0].mac, "\2\0\0\0\0\1", 6), "a given address");
	ok(link->end[1].mac[0] == 2 && link->end[1].mac[5] == 2, "a derived one");
	link = &m.link[1];
	ok(link->end[0].vm == 1 && link->read_only && link->scheme == AMBIT_SCHEME_PAGE &&
	   link->slots == 32 && link->buffer_size == 16384 && link->seg_max == 1 &&
	   !link->mtu && !link->end[0].mac[0] && !link->capture, "defaults of a link");
}

static void test_accepted(void)
{
	static const char *const good[] = {
		VM_A,
		"[vm a]\nimage = k\nmemory = 4M",
		"\xef\xbb\xbf" VM_A,
		"\n\n# only\n  [vm a]  # note\n\timage =\tk \n memory=4194304\n",
		VM_A "# comment at the end, without newline",
		VM_A "control =\nmodules =\ncmdline =\n",
		VM_A "vcpus = 4\ncpus = auto\n",
		VM_A "vcpus = 64\n",
		"[vm A-b_c.9]\nimage = k\nmemory = 6m\n",
		"[vm abcdefghijklmnopqrstuvw]\nimage = k\nmemory = 1T\n",
		VM_A VM_B "[link a]\nends = a b\nclass = raw\nslots = 1\nbuffer = 64\n",
		NET("mtu = 65520\n"),
		NET("mtu = 65520\nbuffer = 2K\nslots = 32\n"),
		NET("mtu = 9000\nbuffer = 2K\nslots = 8\n"),
		NET("mac = auto auto\n"),
		NET("window = 16777215T 4K\n"),
		NET("slots = 1024\nbuffer = 512K\n"),
		NET("slots = 1024\nbuffer = 1M\nscheme = copy\n"),
		NET("slots = 1024\nbuffer = 1M\nscheme = grant\n"),
		VM_A "maps = 8388608\n",
		VM_A "start = no\n" VM_B "control = a\n",
		VM_B "control = *\n" VM_A "start = no\n",
	};

	for (uint32_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(!parse(good[i]), "accepted %u %s", i, error);
}

/* Keys of one scheme are legal with every scheme, and keep their values. */
static void test_schemes(void)
{
	static const char *const scheme[] = { "page", "direct", "copy", "grant" };
	const struct manifest_link *l;
	char buf[512];

	for (uint32_t i = 0; i < 4; i++) {
		snprintf(buf, sizeof(buf), NET("scheme = %s\nprivileged = front\n"
			 "window = 1M, 8K\nwindow-rights = read\ngrants = 65536\n"
			 "map-window = 7\n"), scheme[i]);
		ok(!parse(buf), "all keys of all schemes, %s %s", scheme[i], error);
		l = &m.link[0];
		ok(l->scheme == AMBIT_SCHEME_PAGE + i && !l->privileged &&
		   l->window_base == MIB(1) && l->window_size == KIB(8) &&
		   !l->window_write && l->grants == 65536 && l->map_window == 7,
		   "and what they say");
		ok_eq(m.vm[1].maps, i == 3 ? 7 : 0, "only map windows that exist count");
	}
	ok(!parse(NET("window = all\nbuffer = 10K\nsegments = 4\nslots = 64\n")),
	   "defaults %s", error);
	l = &m.link[0];
	ok(l->privileged && l->window_write && !l->window_base && !l->window_size,
	   "the back is privileged, all RAM, writable");
	ok(l->grants == 64 * (3 + 4) && l->map_window == l->grants,
	   "grants for all pages of all buffers");
	ok(!parse(NET("buffer = 1M\nslots = 1024\nscheme = grant\nsegments = 16\n")) &&
	   m.link[0].grants == 65536 && m.link[0].map_window == 65536, "but not more than there can be %s",
	   error);
	ok(!parse(NET("scheme = grant\nmap-window = 10\n")
		  "[vm c]\nimage = k\nmemory = 4M\nmaps = 5\n"
		  "[link o]\nends = c b\nclass = raw\nscheme = grant\nmap-window = 20\n"
		  "grants = 8\n"), "quotas %s", error);
	ok(m.vm[0].maps == 10 && m.vm[1].maps == 30 && m.vm[2].maps == 5,
	   "as many mappings as all map windows have pages, or what is given");
}

static void test_pool(void)
{
	static const struct { const char *keys; uint32_t pages, places, gifts; } table[] = {
		{ "", 0, 0, 64 },
		{ "pool = 16\ngifts = 0\n", 16, 16, 0 },
		{ "pool = 16 of 64\ngifts = 65536\n", 16, 64, 65536 },
		{ "pool = 0 of 65536\n", 0, 65536, 64 },
		{ "pool = 7  of  7\n", 7, 7, 64 },
	};
	char buf[256];

	for (uint32_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		snprintf(buf, sizeof(buf), VM_A "%s", table[i].keys);
		ok(!parse(buf) && m.vm[0].pool_pages == table[i].pages &&
		   m.vm[0].pool_places == table[i].places && m.vm[0].gifts == table[i].gifts,
		   "pool %u %s", i, error);
	}
}

static void test_devices(void)
{
	const struct manifest_vm *vm;

	ok(!parse(VM_A "ports = 0x170-0x177 0x376, 24-31\nirqs = 15 7,1023\n"
		  VM_B "ports = 0XFFFF 0x178\nirqs = 16\n"), "two VMs with devices %s", error);
	vm = &m.vm[0];
	ok(vm->port_count == 3 && vm->ports[0].first == 0x170 && vm->ports[0].last == 0x177 &&
	   vm->ports[1].first == 0x376 && vm->ports[1].last == 0x376 &&
	   vm->ports[2].first == 24 && vm->ports[2].last == 31, "ranges and single ports");
	ok(vm->irq_count == 3 && vm->irq[0] == 15 && vm->irq[1] == 7 && vm->irq[2] == 1023,
	   "interrupts in their order");
	vm = &m.vm[1];
	ok(vm->port_count == 2 && vm->ports[0].first == 0xffff && vm->ports[1].last == 0x178 &&
	   vm->irq_count == 1, "of the other VM");
	ok(!parse(VM_A) && !m.vm[0].port_count && !m.vm[0].irq_count, "none by default");
}

/* Each of the hypervisor's ports is refused, and the ones beside them are not. */
static void test_owned_ports(void)
{
	static const struct { uint16_t first, last; } owned[] = {
		{ 0x00, 0x0f }, { 0x20, 0x23 }, { 0x40, 0x43 }, { 0x60, 0x64 },
		{ 0x70, 0x71 }, { 0x80, 0x8f }, { 0x92, 0x92 }, { 0xa0, 0xa1 },
		{ 0xb2, 0xb3 }, { 0xc0, 0xdf }, { 0xf4, 0xf4 }, { 0x2f8, 0x2ff },
		{ 0x3b0, 0x3df }, { 0x3f8, 0x3ff }, { 0x4d0, 0x4d1 }, { 0x510, 0x51b },
		{ 0xcf8, 0xcff }, { 0x8900, 0x8900 },
	};
	uint32_t k = 0, wrong = 0;
	char buf[128];

	for (uint32_t port = 0; port <= 0xffff; port++) {
		bool mine = k < sizeof(owned) / sizeof(owned[0]) && port >= owned[k].first;

		snprintf(buf, sizeof(buf), VM_A "ports = %u\n", port);
		wrong += (parse(buf) != 0) != mine;
		k += mine && port == owned[k].last;
	}
	ok_eq(wrong, 0, "all ports, one by one");
}

static void test_many_irqs(void)
{
	char s[4096];
	size_t n = 0;

	for (uint32_t i = 0; i < 8; i++)
		n += (size_t)snprintf(s + n, sizeof(s) - n, "[vm v%u]\nimage = k\nmemory = 4M\n"
				      "irqs = %u %u %u %u %u %u %u %u\n", i, 16 + i, 32 + i,
				      48 + i, 64 + i, 80 + i, 96 + i, 112 + i, 128 + i);
	ok(!parse(s), "64 interrupts in all %s", error);
	snprintf(s + n, sizeof(s) - n, "[vm w]\nimage = k\nmemory = 4M\nirqs = 1\n");
	ok(parse(s) && strstr(error, "t:36: irqs: more than 64 interrupts in all"),
	   "not 65: %s", error);
}

static void test_hypervisor(void)
{
	static const char *const scheme[] = { "page", "direct", "copy", "grant" };
	char buf[512];

	for (uint32_t i = 0; i < 4; i++) {
		snprintf(buf, sizeof(buf), HOST("block", "module = disk\nread-only = yes\n"
			 "privileged = back\nwindow-rights = read\nscheme = %s\n"), scheme[i]);
		ok(!parse(buf) && m.link[0].end[1].vm == MANIFEST_HYPERVISOR &&
		   is(m.link[0].module, "disk") && m.vm[0].link_count == 1,
		   "a disk of the hypervisor, %s %s", scheme[i], error);
	}
	ok(!parse(HOST("net", "")) && is(m.link[0].net_switch, "switch0") &&
	   m.link[0].end[0].mac[0] == 2, "the usual switch %s", error);
	ok(!parse(HOST("net", "switch = lan-2\n")) && is(m.link[0].net_switch, "lan-2"),
	   "a switch by name %s", error);
	ok(!parse(HOST("console", "")) && !m.link[0].net_switch.len, "a console %s", error);
}

static void test_layout(void)
{
	struct manifest_layout l;

	ok(!parse(NET("buffer = 4K\nslots = 8\ngrants = 24\nmap-window = 600\n"
		      "segments = 2\n")), "a link %s", error);
	for (m.link[0].scheme = AMBIT_SCHEME_PAGE;
	     m.link[0].scheme <= AMBIT_SCHEME_GRANT; m.link[0].scheme++) {
		bool bays = m.link[0].scheme <= AMBIT_SCHEME_DIRECT;
		bool grant = m.link[0].scheme == AMBIT_SCHEME_GRANT;

		manifest_link_layout(&m.link[0], &l);
		ok(l.ring_size == 16 && l.ring_offset == 128 && l.desc_offset == 128 + 512 &&
		   l.seg_offset == 640 + 8 * 16 && l.grant_offset == 768 + 16 * 16 &&
		   l.control_size == 4096 && l.status_size == 4096 &&
		   l.data_size == (bays ? 65536 : 0) && l.grant_count == (grant ? 24 : 0) &&
		   l.map_pages == (grant ? 600 : 0), "scheme %u: sizes", m.link[0].scheme);
		ok_eq(manifest_link_memory(&m.link[0]),
		      2 * (3 * 4096 + (bays ? 65536 : 0) + (grant ? 24 * 32 + 600 * 12 : 0)),
		      "of both ends");
	}
}

static void test_cmdline(void)
{
	static const struct { const char *given, *want; } table[] = {
		{ "a b", "a b" },
		{ "  a   b\t", "a   b" },
		{ "\"a # b \" # c", "a # b " },
		{ "x=\"1 # 2\" y # z", "x=\"1 # 2\" y" },
		{ "\"a\" \"b\"", "\"a\" \"b\"" },
		{ "a#b", "a#b" },
		{ "root=/dev/vda=1 [x]", "root=/dev/vda=1 [x]" },
		{ "\"\"", "" },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
	};
	char buf[256];

	for (uint32_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		snprintf(buf, sizeof(buf), VM_A "cmdline = %s\n", table[i].given);
		ok(!parse(buf) && is(m.vm[0].cmdline, table[i].want), "cmdline %s -> %.*s %s",
		   table[i].given, (int)m.vm[0].cmdline.len, m.vm[0].cmdline.p, error);
	}
}

static const struct { const char *text, *want; } mistakes[] = {
	{ "", "t:1: there is no [vm NAME] section" },
	{ "\n# nothing\n", "t:1: there is no [vm NAME] section" },
	{ "image = k\n", "t:1: 'image = k' stands before the first section" },
	{ "[vm]\n", "t:1: a section is written [vm NAME] or [link NAME]" },
	{ "[]\n", "t:1: a section is written" },
	{ "[vm a b]\n", "t:1: a section has one name" },
	{ "[vm a\n", "t:1: the section's ']' is missing" },
	{ "[vm a] x\n", "t:1: there is text after ']'" },
	{ "[cpu a]\n", "t:1: unknown section 'cpu': it is vm or link" },
	{ "[vm a/b]\n", "t:1: the name 'a/b' may have letters" },
	{ "[vm abcdefghijklmnopqrstuvwx]\n", "is too long, 23 characters are the most" },
	{ "[vm *]\n", "t:1: the name '*' may have" },
	{ "[vm \x1b[2J]\n", "t:1: byte 0x1b at column 5 is no text" },
	{ "[vm gr\xc3\xbc]\n", "t:1: the name 'gr?" "?' may have" },
	{ VM_A VM_A, "t:4: a VM 'a' stands in line 1 already" },
	{ VM_A "[vm b]\n", "t:4: VM 'b' lacks the key 'image'" },
	{ "[vm b]\nimage = k\n" VM_A, "t:1: VM 'b' lacks the key 'memory'" },
	{ VM_A "nonsense\n", "t:4: 'nonsense' is neither 'key = value' nor a section" },
	{ VM_A "memroy = 5M\n", "t:4: unknown key 'memroy', did you mean 'memory'?" },
	{ VM_A "vcpu = 5\n", "did you mean 'vcpus'?" },
	{ VM_A "foo = 5\n", "t:4: unknown key 'foo'; a VM has image, memory, vcpus" },
	{ VM_A "ends = a b\n", "t:4: unknown key 'ends'; a VM has image, memory, vcpus" },
	{ VM_A "= 5\n", "t:4: unknown key ''; a VM has" },
	{ VM_A "Image = k\n", "did you mean 'image'?" },
	{ VM_A "memory = 4M\n", "t:4: memory: given already in line 3" },
	{ VM_A "start = never\n", "t:4: start: 'never' is none of yes, no" },
	{ VM_A "start = no\ncontrol = a\n",
	  "t:4: start: no other VM has 'control' of 'a', so none could start it" },
	{ VM_A "start = no\n" VM_B "control = b\n", "t:4: start: no other VM" },
	{ VM_A "vcpus =\n", "t:4: vcpus: the value is missing" },
	{ VM_A "vcpus = # 3\n", "t:4: vcpus: the value is missing" },
	{ VM_A "vcpus = 0\n", "t:4: vcpus: 0 is not between 1 and 64" },
	{ VM_A "vcpus = 65\n", "65 is not between 1 and 64" },
	{ VM_A "vcpus = -1\n", "'-1' is not a number" },
	{ VM_A "vcpus = two\n", "'two' is not a number" },
	{ VM_A "vcpus = 18446744073709551617\n", "'18446744073709551617' is not a number" },
	{ VM_A "vcpus = 2\ncpus = 0 1 2\n", "t:5: cpus: 3 pCPUs are named for 2 vCPUs" },
	{ VM_A "cpus = 1 2\nvcpus = 4\n", "t:4: cpus: 2 pCPUs are named for 4 vCPUs" },
	{ VM_A "cpus = x\n", "t:4: cpus: 'x' is not a number" },
	{ VM_A "cpus = 65535\n", "t:4: cpus: 65535 is not between" },
	{ VM_A "cmdline = \"a\n", "t:4: a quote (\") is not closed" },
	{ VM_A "cmdline = a\x01\n", "t:4: byte 0x1 at column 12 is no text" },
	{ VM_A "cmdline = a\rb\n", "t:4: byte 0xd at column 12 is no text" },
	{ VM_A "modules = a b c d e\n", "t:4: modules: a VM takes at most 4 modules" },
	{ VM_A "modules = abcdefghijklmnopqrstuvwxyz0123456\n", "too long for a module name" },
	{ VM_A "control = a, bob\n", "t:4: control: there is no VM 'bob'; the VMs are a" },
	{ VM_A "counters = bob\n", "t:4: counters: there is no VM 'bob'; the VMs are a" },
	{ VM_A "control = * a\n", "t:4: control: there is no VM '*'" },
	{ VM_A "restart = sometimes\n", "'sometimes' is none of never, on-crash, always" },
	{ VM_A "strict = true\n", "t:4: strict: 'true' is none of yes, no" },
	{ "[vm a]\nimage = k l\n", "t:2: image: 'k l' is not one module name" },
	{ "[vm a]\nmemory = 3M\n", "t:2: memory: 3145728 bytes are too little, 4M" },
	{ "[vm a]\nmemory = 8\n", "t:2: memory: 8 bytes are too little" },
	{ "[vm a]\nmemory = 5M\n", "t:2: memory: '5M' is not a multiple of 2M" },
	{ "[vm a]\nmemory = 8MB\n", "t:2: memory: '8MB' is not a size, as in 8M" },
	{ "[vm a]\nmemory = M\n", "'M' is not a size" },
	{ "[vm a]\nmemory = 17592186044417M\n", "is not a size" },
	{ "[vm a]\nmemory = 99999T\n", "is not a size" },
	{ "[vm a]\nmemory = 8M+disk\n", "after '+' stands 'modules', not 'disk'" },
	{ "[vm a]\nmemory = +modules\n", "'+modules' is not a size" },
	{ VM_A "[link n]\nends = a c\n", "t:5: ends: there is no VM 'c'; the VMs are a" },
	{ VM_A "[link n]\nends = a a\n", "t:5: ends: 'a' cannot be linked to itself" },
	{ VM_A "[link n]\nends = a\n", "t:5: ends: 'a' is not two VMs, front and back" },
	{ VM_A VM_B "[link n]\nends = a b a\n", "t:8: ends: 'a b a' is not two VMs" },
	{ VM_A VM_B "[link n]\nclass = net\n", "t:7: link 'n' lacks the key 'ends'" },
	{ VM_A VM_B "[link n]\nends = a b\n", "t:7: link 'n' lacks the key 'class'" },
	{ NET("[link n]\n"), "t:10: a link 'n' stands in line 7 already" },
	{ NET("memory = 4M\n"), "t:10: unknown key 'memory'; a link has ends, class" },
	{ NET("class = net\n"), "t:10: class: given already in line 9" },
	{ VM_A VM_B "[link n]\nclass = nett\n", "'nett' is none of net, block, raw, console" },
	{ NET("scheme = pages\n"), "'pages' is none of page, direct, copy, grant" },
	{ VM_A "maps = 8388609\n", "t:4: maps: 8388609 is not between 0 and 8388608" },
	{ VM_A "gifts = 65537\n", "t:4: gifts: 65537 is not between 0 and 65536" },
	{ VM_A "pool = 65537\n", "t:4: pool: 65537 is not between 0 and 65536" },
	{ VM_A "pool = 8 of 7\n", "t:4: pool: 8 is not between 0 and 7" },
	{ VM_A "pool = 8 7\n", "t:4: pool: '8 7' is neither a number of pages nor "
	  "PAGES of PLACES, as in 16 of 64" },
	{ VM_A "pool = 8 of\n", "'8 of' is neither" },
	{ VM_A "pool = 8 of 9 10\n", "'8 of 9 10' is neither" },
	{ VM_A "pool = 8K\n", "'8K' is not a number" },
	{ VM_A "pool = ,\n", "'' is not a number" },
	{ VM_A "ports =\n", "t:4: ports: the value is missing" },
	{ VM_A "ports = 0x\n", "t:4: ports: '0x' is neither a port nor a range of ports, as in "
	  "0x170-0x177" },
	{ VM_A "ports = 0x170-\n", "'0x170-' is neither a port" },
	{ VM_A "ports = -0x170\n", "'-0x170' is neither a port" },
	{ VM_A "ports = 0x170-0x17g\n", "'0x170-0x17g' is neither a port" },
	{ VM_A "ports = 1f0\n", "'1f0' is neither a port" },
	{ VM_A "ports = 65536\n", "'65536' is neither a port" },
	{ VM_A "ports = 0x10000000000000170\n", "'0x10000000000000170' is neither a port" },
	{ VM_A "ports = 0x177-0x170\n", "t:4: ports: '0x177-0x170' ends before it begins" },
	{ VM_A "ports = 0x170 0x1f0 0x3f6-0x400\n", "t:4: ports: 0x3f6-0x400: port 0x3f8 is the "
	  "hypervisor's: COM1, the console" },
	{ VM_A "ports = 0x0-0xffff\n", "port 0x0 is the hypervisor's: the ISA DMA controller" },
	{ VM_A "ports = 0xcfc\n", "port 0xcfc is the hypervisor's: PCI configuration" },
	{ VM_A "ports = 0x170-0x177 0x177\n", "t:4: ports: 0x177 overlaps 0x170-0x177, which "
	  "VM 'a' has by line 4" },
	{ VM_A "ports = 0x170-0x177\n" VM_B "ports = 0x160-0x170\n", "t:8: ports: 0x160-0x170 "
	  "overlaps 0x170-0x177, which VM 'a' has by line 4" },
	{ VM_A "ports = 500 502 504 506 508 510 512 514 516\n", "t:4: ports: a VM has at most 8 "
	  "ranges of ports" },
	{ VM_A "irqs = x\n", "t:4: irqs: 'x' is not a number" },
	{ VM_A "irqs = 1024\n", "t:4: irqs: 1024 is not between 0 and 1023" },
	{ VM_A "irqs = 5 0\n", "t:4: irqs: interrupt 0 is the hypervisor's: the PIT" },
	{ VM_A "irqs = 2\n", "interrupt 2 is the hypervisor's: the cascade" },
	{ VM_A "irqs = 8\n", "interrupt 8 is the hypervisor's: the RTC" },
	{ VM_A "irqs = 15 15\n", "t:4: irqs: interrupt 15 is given to VM 'a' by line 4" },
	{ VM_A "irqs = 15\n" VM_B "irqs = 14 15\n", "t:8: irqs: interrupt 15 is given to VM 'a' "
	  "by line 4" },
	{ VM_A "irqs = 16 17 18 19 20 21 22 23 24\n", "a VM has at most 8 interrupts" },
	{ "[vm hypervisor]\n", "t:1: a VM cannot be named 'hypervisor', which means the "
	  "hypervisor itself" },
	{ "[vm ambit]\n", "t:1: a VM cannot be named 'ambit', which stands before the "
	  "hypervisor's own lines on the console" },
	{ VM_A "[link n]\nends = hypervisor a\n",
	  "t:5: ends: the hypervisor can be the back end only, the second one" },
	{ VM_A "[link n]\nends = hypervisor hypervisor\n", "the back end only" },
	{ HOST("raw", ""), "t:6: class: the hypervisor has back ends for net, block and "
	  "console only" },
	{ HOST("block", ""), "t:4: link 'n' lacks the key 'module', the image that the "
	  "hypervisor serves" },
	{ HOST("block", "module = a b\n"), "t:7: module: 'a b' is not one module name" },
	{ HOST("net", "module = a\n"), "t:7: module: only a block link to the hypervisor "
	  "has it" },
	{ NET("module = a\n"), "t:10: module: only a block link to the hypervisor has it" },
	{ NET("switch = s\n"), "t:10: switch: only a net link to the hypervisor has it" },
	{ HOST("block", "module = a\nswitch = s\n"), "t:8: switch: only a net link" },
	{ HOST("net", "switch = a b\n"), "t:7: switch: 'a b' is not one name" },
	{ HOST("net", "switch = abcdefghijklmnopqrstuvwx\n"),
	  "t:7: switch: the name 'abcdefghijklmnopqrstuvwx' is too long, 23" },
	{ HOST("net", "privileged = front\n"), "t:7: privileged: beside the hypervisor no "
	  "VM can be the privileged end" },
	{ HOST("net", "window = 0 4K\n"), "t:7: window: the hypervisor needs none" },
	{ HOST("net", "scheme = grant\ngrants = 63\n"), "t:8: grants: the hypervisor's "
	  "back ends need an entry for each page of each slot, 64" },
	{ HOST("net", "slots = 1024\nbuffer = 1M\nscheme = grant\n"), "t:4: grants: the "
	  "hypervisor's back ends need an entry for each page of each slot, 263168" },
	{ NET("privileged = a\n"), "t:10: privileged: 'a' is none of front, back" },
	{ NET("window = 4K\n"), "t:10: window: '4K' is neither all nor an address and a "
	  "size, as in 1M 512K" },
	{ NET("window = 4K 4K 4K\n"), "is neither all nor" },
	{ NET("window = 4K x\n"), "'4K x' is neither all nor" },
	{ NET("window = 0x1000 4K\n"), "'0x1000 4K' is neither all nor" },
	{ NET("window = 1 4K\n"), "t:10: window: '1 4K' is not a multiple of 4K" },
	{ NET("window = 4K 6K\n"), "'4K 6K' is not a multiple of 4K" },
	{ NET("window = 4K 0\n"), "t:10: window: its size is zero" },
	{ NET("window = 16777215T 1T\n"), "t:10: window: '16777215T 1T' ends beyond 64 bits" },
	{ NET("window-rights = rw\n"), "t:10: window-rights: 'rw' is none of read, write" },
	{ NET("grants = 0\n"), "t:10: grants: 0 is not between 1 and 65536" },
	{ NET("map-window = 65537\n"), "t:10: map-window: 65537 is not between 1 and 65536" },
	{ NET("slots = 1024\nbuffer = 1M\n"), "t:11: link 'n': each end's 1024 slots of "
	  "1048576 bytes need 2048 MiB in one piece, 1024 MiB are the most" },
	{ NET("slots = 1024\nbuffer = 1M\nscheme = direct\n"), "t:11: link 'n': each end's" },
	{ NET("slots = 48\n"), "t:10: slots: 48 is not a power of two" },
	{ NET("slots = 2048\n"), "2048 is not between 1 and 1024" },
	{ NET("buffer = 100\n"), "100 bytes are not a multiple of 64 from 64 to 1M" },
	{ NET("buffer = 2M\n"), "2097152 bytes are not a multiple" },
	{ NET("slots = 1\nbuffer = 1K\n"),
	  "t:11: buffer: 1 buffers of 1024 bytes cannot hold a frame of mtu 1500 + 14" },
	{ NET("mtu = 9000\nbuffer = 256\n"),
	  "t:11: buffer: 32 buffers of 256 bytes cannot hold a frame of mtu 9000 + 14" },
	{ NET("buffer = x\n"), "'x' is not a size" },
	{ NET("segments = 17\n"), "17 is not between 1 and 16" },
	{ NET("mtu = 67\n"), "67 is not between 68 and 65520" },
	{ NET("read-only = yes\n"), "t:10: read-only: only a link of class block has it" },
	{ VM_A VM_B "[link n]\nends = a b\nclass = block\nmtu = 1500\n",
	  "t:10: mtu: only a link of class net has it" },
	{ VM_A VM_B "[link n]\nends = a b\nclass = block\ncapture = yes\n",
	  "t:10: capture: only a link of class net has it" },
	{ VM_A VM_B "[link n]\ncapture = no\nends = a b\nclass = raw\n",
	  "t:8: capture: only a link of class net has it" },
	{ NET("capture = maybe\n"), "t:10: capture: " },
	{ NET("mac = 02:00:00:00:00:01\n"), "is not two addresses" },
	{ NET("mac = 02:00:00:00:00:0g auto\n"), "'02:00:00:00:00:0g' is no MAC address" },
	{ NET("mac = 02-00-00-00-00-01 auto\n"), "is no MAC address" },
	{ NET("mac = 03:00:00:00:00:01 auto\n"), "03:00:00:00:00:01 is a multicast address" },
	{ NET("mac = ff:ff:ff:ff:ff:ff auto\n"), "is a multicast address" },
	{ NET("mac = 00:00:00:00:00:00 auto\n"), "an address of zeros" },
	{ NET("mac = 02:00:00:00:00:01 02:00:00:00:00:01\n"),
	  "t:10: mac: the back end has the address of the front end of link 'n'" },
	{ NET("mac = 02:00:00:00:00:01 auto\n[link o]\nclass = net\nends = b a\n"
	      "mac = auto 02:00:00:00:00:01\n"),
	  "t:14: mac: the back end has the address of the front end of link 'n' (line 7)" },
};

static void test_mistakes(void)
{
	for (uint32_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		ok_eq(parse(mistakes[i].text), -1, "refused: %s", mistakes[i].want);
		ok_has(error, mistakes[i].want, "and told so");
		ok_eq(parse(mistakes[i].text), -1, "twice the same");
	}
	ok(parse_bytes("[vm a]\nimage = a\0b\n", 19) &&
	   strstr(error, "t:2: byte 0x0 at column 10 is no text (a NUL byte)"),
	   "NUL byte: %s", error);
}

/* Whatever is cut or changed: a clean refusal or a parse, never a stray read. */
static void test_mangled(void)
{
	static const char base[] = NET("mac = 02:00:00:00:00:01 auto\nmtu = 1400\n")
		"[vm c]\ncmdline = \"x # y\" # z\nimage = k\nmemory = 8M+modules\ncpus = 0\n";
	static const char odd[] = "\0\n\r\"#[]= ,*9\xff";
	char copy[sizeof(base)];
	uint32_t bad = 0;

	for (size_t len = 0; len < sizeof(base) - 1; len++) {
		bad += parse_bytes(base, len) && strncmp(error, "t:", 2);
		for (size_t i = 0; i < sizeof(odd) - 1; i++) {
			memcpy(copy, base, sizeof(base));
			copy[len] = odd[i];
			bad += parse_bytes(copy, sizeof(base) - 1) && strncmp(error, "t:", 2);
		}
	}
	ok_eq(bad, 0, "mangled manifests are refused with a place");
}

static void test_many(void)
{
	size_t size = 1 << 20, n = 0;
	char *s = malloc(size);

	for (uint32_t i = 0; i < 200; i++)
		n += (size_t)snprintf(s + n, size - n,
				      "[vm v%u]\nimage = k\nmemory = 4M\n", i);
	for (uint32_t i = 0; i < 128; i++)
		n += (size_t)snprintf(s + n, size - n,
				      "[link l%u]\nends = v0 v%u\nclass = net\n", i, i + 1);
	ok(!parse(s) && m.vm_count == 200 && m.link_count == 128 &&
	   m.vm[0].link_count == 128, "200 VMs, 128 links of one VM %s", error);
	snprintf(s + n, size - n, "[link l128]\nends = v199 v0\nclass = raw\n");
	ok(parse(s) && strstr(error, "VM 'v0' has more than 128 links"), "not 129: %s", error);
	m.vm_max = 3;
	ok(manifest_parse(&m, "t", text, strlen(s), error) &&
	   !strcmp(error, "t:10: too many VMs, 3 are the most"), "room for 3: %s", error);
	m.vm_max = 200;
	m.link_max = 5;
	ok(manifest_parse(&m, "t", text, strlen(s), error) &&
	   !strcmp(error, "t:616: too many links, 5 are the most"), "room for 5: %s", error);
	parse("[vm a]\nimage = k\nmemory = 4M\ncontrol = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
	      "[vm bbbbbbbbbbbbbbbbbbbbbbb]\n[vm ccccccccccccccccccccccc]\n"
	      "[vm ddddddddddddddddddddddd]\n[vm eeeeeeeeeeeeeeeeeeeeeee]\n"
	      "[vm fffffffffffffffffffffff]\n");
	ok(strlen(error) == MANIFEST_ERROR_MAX - 1 &&
	   !strcmp(error + strlen(error) - 3, "..."), "a long message ends in dots: %s", error);
	free(s);
}

static void test_large(void)
{
	char s[4096] = VM_A "cpus =";

	for (uint32_t i = 0; i < 65; i++)
		strcat(s, " auto");
	ok(parse(s) && strstr(error, "t:4: cpus: more than 64 pCPUs"), "65 places: %s", error);
	snprintf(s, sizeof(s), VM_A "cmdline = %02048d\n", 1);
	ok(parse(s) && strstr(error, "t:4: cmdline: 2048 bytes are too long, 2047 are the most"),
	   "a long command line: %s", error);
	ok(parse(VM_A "abcdefghijklmnopqrstuvwxyz = 1\n") &&
	   strstr(error, "unknown key 'abcdefghijklmnopqrstuvwxyz'") && !strchr(error, '?'),
	   "a key longer than any is no typo: %s", error);
	ok(manifest_parse(&m, "t", text, UINT32_MAX + 1ul, error) &&
	   !strcmp(error, "t:1: the file is 4 GiB or larger"), "no line of a huge file is read");
}

int main(void)
{
	test_full();
	test_accepted();
	test_schemes();
	test_pool();
	test_devices();
	test_owned_ports();
	test_many_irqs();
	test_hypervisor();
	test_layout();
	test_cmdline();
	test_mistakes();
	test_mangled();
	test_many();
	test_large();
	parse_end();
	return done_testing();
}
