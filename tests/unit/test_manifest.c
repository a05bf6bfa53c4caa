/* SPDX-License-Identifier: BSD-2-Clause */
/* The manifest: what each key means, and the message for every mistake. */
/* LINK: hv/manifest.c hv/manifest_vm.c hv/manifest_link.c hv/manifest_share.c hv/manifest_layout.c hv/manifest_check.c hv/manifest_text.c hv/printf.c */
#include <stdlib.h>

#include "hv/manifest.h"
#include "tests/unit/tap.h"

#define VM_A "[vm a]\nimage = k\nmemory = 4M\n"
#define VM_B "[vm b]\nimage = k\nmemory = 4M\n"
#define NET(keys) VM_A VM_B "[link n]\nends = a b\nclass = net\n" keys

static struct manifest m;
static char *text;		/* exactly as long as it is: the sanitizer watches */
static char error[MANIFEST_ERROR_MAX];

static int parse_bytes(const char *s, size_t len)
{
	free(m.vm);
	free(m.link);
	free(text);
	text = malloc(len);
	memcpy(text, s, len);
	manifest_count(text, len, &m.vm_max, &m.link_max);
	m.vm = calloc(m.vm_max, sizeof(*m.vm));
	m.link = calloc(m.link_max, sizeof(*m.link));
	memset(m.vm, 0x5a, m.vm_max * sizeof(*m.vm));
	error[0] = 0;
	return manifest_parse(&m, "t", text, len, error);
}

static int parse(const char *s)
{
	return parse_bytes(s, strlen(s));
}

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
	ok(!strcmp(vm->name, "alice") && vm->line == 11, "name and line");
	ok(is(vm->image, "ping"), "image, without the comment");
	ok(vm->memory == MIB(8) && vm->memory_plus_modules, "memory");
	ok(vm->vcpu_count == 3 && vm->cpu[0] == 0 && vm->cpu[1] == MANIFEST_CPU_AUTO &&
	   vm->cpu[2] == 2, "placement");
	ok(is(vm->cmdline, "count=3 size=56"), "command line");
	ok(vm->module_count == 2 && is(vm->module[0], "disk") && is(vm->module[1], "font"),
	   "modules");
	ok(vm->restart == RESTART_ON_CRASH && vm->strict && vm->service, "policy");
	ok(vm->link_count == 2, "endpoints are counted");
	ok(vm->key_line[VM_KEY_MEMORY] == 13, "lines of keys are kept");
	ok(manifest_controls(&m, 0, 1) && manifest_controls(&m, 0, 0), "rights");
	ok(!manifest_controls(&m, 1, 0), "no rights by default");
	vm = &m.vm[1];
	ok(is(vm->image, "pong") && vm->memory == GIB(2), "CR LF is tolerated");
	ok(vm->vcpu_count == 1 && vm->cpu[0] == MANIFEST_CPU_AUTO && !vm->module_count &&
	   !vm->cmdline.len && vm->restart == RESTART_NEVER && !vm->strict && !vm->service,
	   "defaults of a VM");
	link = &m.link[0];
	ok(!strcmp(link->name, "net0") && link->end[0].vm == 0 && link->end[1].vm == 1,
	   "ends");
	ok(link->dev_class == AMBIT_CLASS_NET && link->scheme == AMBIT_SCHEME_GRANT &&
	   link->slots == 64 && link->buffer_size == 10240 && link->seg_max == 4 &&
	   link->mtu == 9000, "a link's keys");
	ok(!memcmp(link->end[0].mac, "\2\0\0\0\0\1", 6), "a given address");
	ok(link->end[1].mac[0] == 2 && link->end[1].mac[5] == 2, "a derived one");
	link = &m.link[1];
	ok(link->end[0].vm == 1 && link->read_only && link->scheme == AMBIT_SCHEME_PAGE &&
	   link->slots == 32 && link->buffer_size == 16384 && link->seg_max == 1 &&
	   !link->mtu && !link->end[0].mac[0], "defaults of a link");
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
		NET("mac = auto auto\n"),
	};

	for (uint32_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(!parse(good[i]), "accepted %u %s", i, error);
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
	{ VM_A "ends = a b\n", "t:4: unknown key 'ends'; a VM has image, memory, vcpus" },
	{ VM_A "= 5\n", "t:4: unknown key ''; a VM has" },
	{ VM_A "Image = k\n", "did you mean 'image'?" },
	{ VM_A "memory = 4M\n", "t:4: memory: given already in line 3" },
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
	{ NET("slots = 48\n"), "t:10: slots: 48 is not a power of two" },
	{ NET("slots = 2048\n"), "2048 is not between 1 and 1024" },
	{ NET("buffer = 100\n"), "100 bytes are not a multiple of 64 from 64 to 1M" },
	{ NET("buffer = 2M\n"), "2097152 bytes are not a multiple" },
	{ NET("buffer = 1K\n"), "t:10: buffer: 1024 bytes cannot hold a frame of mtu 1500 + 14" },
	{ NET("buffer = x\n"), "'x' is not a size" },
	{ NET("segments = 17\n"), "17 is not between 1 and 16" },
	{ NET("mtu = 67\n"), "67 is not between 68 and 65520" },
	{ NET("read-only = yes\n"), "t:10: read-only: only a link of class block has it" },
	{ VM_A VM_B "[link n]\nends = a b\nclass = block\nmtu = 1500\n",
	  "t:10: mtu: only a link of class net has it" },
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
	ok(!parse(VM_A "control = *\n" VM_B), "control = *");
	ok(manifest_controls(&m, 0, 1), "is a right over all");
}

int main(void)
{
	test_full();
	test_accepted();
	test_cmdline();
	test_mistakes();
	test_mangled();
	test_many();
	test_check();
	free(m.vm);
	free(m.link);
	free(text);
	return done_testing();
}
