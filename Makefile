# SPDX-License-Identifier: BSD-2-Clause
# The main makefile; `make help` lists the targets. Each folder names its
# objects in objects.mk; everything built goes to build/ (B=).

B := build
export B
CC := gcc
NASM := nasm
LD := ld
OBJCOPY := objcopy
NM := nm

# HOST=no leaves the back ends in the hypervisor out (vio/host.h).
HOST := yes

# COVERAGE=1 counts how often each piece of the hypervisor runs (docs/coverage.md).
COVERAGE :=

WARN := -Wall -Wextra -Werror -Wshadow -Wconversion -Wcast-qual -Wpointer-arith \
	-Wwrite-strings -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla \
	-Wimplicit-fallthrough
BASE := -std=gnu17 -O2 -g -m64 -ffreestanding -fno-pic -fno-common -mno-red-zone \
	-mgeneral-regs-only -fno-asynchronous-unwind-tables -fcf-protection=none \
	-fno-strict-aliasing -fno-delete-null-pointer-checks \
	"-ffile-prefix-map=$(CURDIR)=." -I. $(WARN)
HV_FLAGS := $(BASE) -mcmodel=kernel -fno-stack-protector -DAMBIT_HV \
	$(if $(DEBUG),-DAMBIT_DEBUG) $(if $(COVERAGE),-DAMBIT_COVERAGE) \
	$(if $(DEBUG)$(COVERAGE),-DAMBIT_FAULTS -fno-omit-frame-pointer) \
	$(if $(filter no,$(HOST)),,-DAMBIT_HOST)
# Every line and branch as it stands in the source, so nothing is optimised; which
# values a variable can have is not known then.
HV_COUNTED := $(if $(COVERAGE),-O0 -Wno-conversion -fdata-sections -fprofile-arcs \
	-ftest-coverage -fprofile-update=atomic -fprofile-info-section)
HV_CFLAGS := $(HV_FLAGS) -MMD -MP
GUEST_FLAGS := $(BASE) -fno-stack-protector -DAMBIT_GUEST
GUEST_CFLAGS := $(GUEST_FLAGS) -MMD -MP

# What a user may set for `make run`.
EMU := auto
CPUS := 1
MEM := 512
BOOT := direct
MANIFEST := guests/manifests/default.manifest
DISK :=
ATA :=
CAPTURE :=
TRACE :=
SCHEME :=
CPU_MODEL :=
V :=
DEBUG :=
WRITE :=

# Commands are shown with V=1 only.
ifeq ($(V),)
.SILENT:
MAKEFLAGS += --no-print-directory
endif

.DEFAULT_GOAL := all

.PHONY: help
help:
	echo 'make run           boot the default manifest in an emulator: one guest pings'
	echo '                   another, one reads a disk image that another serves'
	echo '    EMU=           tcg (QEMU, AMD-V), bochs (VT-x), kvm; default: what works'
	echo '    DISK=file      the disk image (default: a small ext2 file system)'
	echo '    ATA=file       image of a disk at the second ATA channel; it is written to'
	echo '    CAPTURE=file   frames of net links, for tshark or wireshark (docs/manifest.md)'
	echo '    MANIFEST=file  other VMs and links; docs/manifest.md has the format'
	echo '    TRACE=file     what the hypervisor did last, for tools/trace (docs/observing.md)'
	echo '    SCHEME=        page, direct, copy or grant, for every link'
	echo '    CPUS= MEM=     CPUs (1) and MiB of memory (512) of the machine'
	echo '    CPU_MODEL=     a CPU model of the emulator'
	echo '    BOOT=          direct, iso (GRUB, BIOS) or uefi (GRUB, UEFI)'
	echo 'make test          unit tests, models, some fuzzing, and all scenarios on both vendors'
	echo 'make unit          unit tests on the host; make scenarios: in emulators'
	echo 'make models        models of what runs at once, searched by SPIN'
	echo 'make fuzz          look for inputs that break parsers, calls and drivers, for'
	echo '    FUZZ_SECONDS=  all together (600); make test has a short run of the same'
	echo 'make coverage      lines and branches of the hypervisor that tests run, by folder'
	echo 'make faults        let each allocation and each CHECK fail, one in a boot'
	echo 'make soak          random calls, and many guests that die at random, with other'
	echo '    SOAK= SEED=    seeds for so many seconds (600), or from this seed on'
	echo 'make bench         measure on both vendors: build/bench.html, .md and .json'
	echo 'make matrix        the same for a comparison of the schemes on AMD-V alone'
	echo 'make report        build/bench.html again, and a look at it in chromium'
	echo 'make bench-compare OLD=file   what changed since that build/bench.json;'
	echo '    PERCENT=2      fails if a figure got worse by more'
	echo 'make cpu-models    try every CPU model of the emulators, into docs/cpu-models.md'
	echo 'make iso           build/ambit.iso, for BIOS and UEFI, with the manifest'
	echo 'make all           what make run boots; make images: all that tests boot'
	echo 'make clean         remove build/'
	echo 'make check-manifest MANIFEST=file   look for mistakes without booting'
	echo 'make check-headers  every header compiles alone'
	echo 'make lines         lines of the buffer model, its glue and the drivers;'
	echo '                   WRITE=yes puts the table into docs/buffer-model.md'
	echo 'make diagrams      draw docs/diagrams'
	echo 'make stack         how deep each stack of the hypervisor gets at most'
	echo 'make lint          static analysers: cppcheck, clang, gcc -fanalyzer, clang-tidy'
	echo 'make clang         build everything with clang and lld into build/clang'
	echo 'HOST=no builds a hypervisor without back ends of its own.'
	echo 'DEBUG=1 builds a hypervisor that checks more of itself. B= is the folder of the build.'
	echo 'V=1 shows the commands. Missing Debian packages are installed.'

include boot/objects.mk
include arch/objects.mk
include hv/objects.mk
include vio/objects.mk
include guests/objects.mk
include tests/unit.mk
include tests/fuzz.mk
include tests/bad.mk

# Debian packages, by what needs them.
NEED_BUILD := gcc libc6-dev make binutils nasm e2fsprogs
NEED_GRUB := grub-common grub-pc-bin mtools
NEED_ISO := $(NEED_GRUB) grub-efi-amd64-bin xorriso faketime
NEED_QEMU := qemu-system-x86
NEED_BOCHS := bochs bochs-term bochsbios vgabios $(NEED_GRUB)
NEED_RUN := $(NEED_BUILD) python3 \
	$(if $(filter bochs,$(EMU)),$(NEED_BOCHS),$(NEED_QEMU)) \
	$(if $(filter-out direct,$(BOOT)),$(NEED_ISO) ovmf)
NEED_MATRIX := $(NEED_BUILD) python3 gnuplot-nox $(NEED_QEMU)
NEED_FUZZ := clang libclang-rt-14-dev libzydis-dev
NEED_TEST := $(NEED_BUILD) python3 gnuplot-nox chromium perl spin tcc tshark ovmf $(NEED_QEMU) \
	$(NEED_BOCHS) $(NEED_ISO) $(NEED_FUZZ)

# Code that runs at boot, in reports and where VMs come and go is made small; the
# paths that guests take often stay fast.
cold-objs := boot/% hv/manifest%.o arch/acpi.o arch/platform.o arch/smp.o \
	arch/paging.o arch/time.o arch/screen.o arch/console.o arch/uart.o arch/power.o \
	arch/insn.o arch/guest_cpuid.o arch/vmx/caps.o arch/vmx/vmcs.o arch/vmx/vmx.o \
	arch/vmx/state.o arch/svm/caps.o arch/svm/vmcb.o arch/svm/svm.o arch/svm/probe.o \
	arch/svm/state.o hv/main.o hv/option.o hv/boot_alloc.o hv/console.o hv/printf.o hv/panic.o \
	hv/report.o hv/elf.o hv/elf_symbol.o hv/vm_table.o hv/vm_build.o hv/vm_unbuild.o hv/vm_life.o hv/vm_suspend.o hv/vm_save.o \
	hv/vm_start_info.o hv/vm_console.o hv/balance.o hv/end.o hv/frames%.o hv/exit.o vio/area.o \
	vio/window.o vio/place.o vio/grant_life.o vio/host%.o arch/ioapic.o arch/pci.o arch/dma.o \
	hv/audit%.o vio/audit%.o hv/counters_show.o hv/trace.o hv/trace_out.o hv/capture.o hv/pcapng.o vio/capture.o hv/monitor%.o

HV_OBJS := $(addprefix $(B)/hv/,$(boot-objs) $(arch-objs) $(hv-objs) $(vio-objs))

# One build, with what the scenarios of it need besides guests.
.PHONY: all need-build FORCE
all: $(B)/ambit.elf $(B)/ambit32.elf guests $(B)/manifest-check $(B)/guests/disk \
	$(B)/guests/files

need-build:
	tools/need $(NEED_BUILD)

# The options that a folder's objects depend on: they are all compiled anew when that
# changes, and not before the compiler is there.
options :=
$(B)/hv/config: options = HOST=$(filter no,$(HOST)) DEBUG=$(if $(DEBUG),1) \
	COVERAGE=$(if $(COVERAGE),1)
$(B)/unit-obj/config: options = COVERAGE=$(if $(COVERAGE),1)
$(patsubst %,$(B)/%/config,hv guests/obj host unit-obj badboot-obj): FORCE | need-build
	@mkdir -p $(@D)
	echo 'CC=$(CC) $(options)' | cmp -s - $@ || echo 'CC=$(CC) $(options)' >$@

$(B)/hv/%.o: %.c Makefile $(B)/hv/config
	@mkdir -p $(@D)
	echo "  CC  $<"
	$(CC) $(HV_CFLAGS) $(HV_COUNTED) -c -o $@ $<

# Without -g: NASM would put the folder's name into the image, and two builds would
# differ. C code has "." for it.
$(B)/hv/%.o: %.asm Makefile $(B)/hv/config
	@mkdir -p $(@D)
	echo "  ASM $<"
	$(NASM) -f elf64 -I. -MD $(@:.o=.d) -o $@ $<

$(filter $(addprefix $(B)/hv/,$(cold-objs)),$(HV_OBJS)): HV_CFLAGS += -Os

# Linked twice: the second has a table of the functions in the first, which lie
# where they were.
link-hv = $(LD) -n -z noexecstack -T linker.ld $(if $(COVERAGE),--defsym=__gcov_merge_add=0) \
	$(if $(DEBUG),--wrap=memcpy --wrap=memmove --wrap=memset) \
	-o $(1) $(HV_OBJS) $(2)
$(B)/ambit.elf: $(HV_OBJS) linker.ld tools/symbols
	echo "  LD  $@"
	tools/symbols </dev/null >$(B)/hv/symbols.asm
	$(NASM) -f elf64 -o $(B)/hv/symbols.o $(B)/hv/symbols.asm
	$(call link-hv,$(B)/hv/first.elf,$(B)/hv/symbols.o)
	$(NM) -n $(B)/hv/first.elf | tools/symbols >$(B)/hv/symbols.asm
	$(NASM) -f elf64 -o $(B)/hv/symbols.o $(B)/hv/symbols.asm
	$(call link-hv,$@.new,$(B)/hv/symbols.o)
	$(NM) -n $@.new | tools/symbols | cmp - $(B)/hv/symbols.asm
	mv $@.new $@

# What `qemu -kernel` takes: the same image in an ELF32 wrapper.
$(B)/ambit32.elf: $(B)/ambit.elf
	$(OBJCOPY) -S -O elf32-i386 $< $@

-include $(HV_OBJS:.o=.d)

# The module `disk` when no other is given, with some text in it. It lies where
# tools/run looks for what a manifest names.
disk-files := $(sort $(wildcard hv/*.[ch]))
$(B)/guests/disk: $(disk-files) tools/make-ext2 | need-build
	@mkdir -p $(@D)
	tools/make-ext2 $@ ambit 2M $(disk-files)

# A file system for tests, of files that are here to be compared with.
$(B)/guests/files: $(wildcard hv/abi/*.h) tools/make-ext2 | need-build
	@mkdir -p $(@D)
	tools/make-ext2 $@ files 1M $(sort $(wildcard hv/abi/*.h))

.PHONY: run iso check-manifest
run:
	tools/need $(NEED_RUN)
	$(MAKE) all
	tools/run --build $(B) --emu $(EMU) --cpus $(CPUS) --mem $(MEM) --boot $(BOOT) \
		--manifest '$(MANIFEST)' $(if $(DISK),--module 'disk=$(DISK)') \
		$(if $(ATA),--ata '$(ATA)') $(if $(CAPTURE),--capture '$(CAPTURE)') \
		$(if $(TRACE),--trace '$(TRACE)') \
		$(if $(SCHEME),--scheme $(SCHEME)) $(if $(V),--verbose) \
		$(if $(CPU_MODEL),--cpu-model $(CPU_MODEL))

# As strict as `make run` with the same variables.
check-manifest:
	tools/need $(NEED_BUILD) python3
	$(MAKE) all
	tools/run --build $(B) --check --cpus $(CPUS) --mem $(MEM) \
		--manifest '$(MANIFEST)' $(if $(DISK),--module 'disk=$(DISK)') \
		$(if $(SCHEME),--scheme $(SCHEME))

# Besides $(MANIFEST): what needs no disk of the machine's, and the benchmarks.
ISO_MENU := $(addprefix guests/manifests/,default.manifest ping.manifest \
	disk.manifest udp.manifest switch.manifest restart.manifest \
	parrot.manifest userspace.manifest) $(sort $(wildcard tests/scenarios/bench*.manifest))

iso:
	tools/need $(NEED_BUILD) $(NEED_ISO) python3
	$(MAKE) all
	tools/run --build $(B) --iso $(B)/ambit.iso --manifest '$(MANIFEST)' \
		$(addprefix --menu ,$(filter-out $(MANIFEST),$(ISO_MENU))) \
		$(if $(DISK),--module 'disk=$(DISK)') \
		$(if $(SCHEME),--scheme $(SCHEME))
	echo "$(B)/ambit.iso is ready: write it to a USB stick with dd, or boot it as a CD"

.PHONY: need-unit need-test test scenarios bench
need-unit:
	tools/need $(NEED_BUILD) perl
unit: | need-unit

need-test:
	tools/need $(NEED_TEST)

# All that tests boot: a second build has no back ends in the hypervisor, a third one
# checks itself all the time.
.PHONY: images no-host debug
images: all no-host debug bad
no-host:
	$(MAKE) HOST=no B=$(B)/no-host all
debug:
	$(MAKE) DEBUG=1 B=$(B)/debug all

test: need-test
	$(MAKE) images $(addprefix $(B)/unit/,$(unit-tests)) $(fuzz-programs)
	tests/suite $(addprefix $(B)/unit/,$(unit-tests)) tests/lines \
		tests/names tests/reading-order tests/stack tests/trace-sites tests/diagrams \
		tests/release tests/menu tests/tutorial tests/bench-tools tests/models/run \
		tests/fuzz/run tests/last-frame tests/refusals tests/terminal tests/monitor tests/faults \
		tests/run

# Not part of `make test`: how much of the hypervisor runs, in a build that counts.
.PHONY: coverage faults
coverage: need-test
	$(MAKE) COVERAGE=1 B=$(B)/coverage all $(addprefix $(B)/coverage/unit/,$(unit-tests))
	$(MAKE) bad
	tools/coverage run

# Nor this: every allocation fails once; `make test` has a few of them.
faults: need-test
	$(MAKE) debug
	prove -v --exec '' tests/faults :: --all

# Not part of `make test`: more of its random calls and deaths, for as long as wanted.
SOAK := 600
SEED :=
.PHONY: soak
soak: need-test
	$(MAKE) all debug
	tests/soak $(SOAK) $(SEED)

scenarios: need-test
	$(MAKE) images
	tests/suite tests/terminal tests/monitor tests/run

.PHONY: models
models:
	tools/need gcc libc6-dev perl python3 spin tcc
	tests/suite tests/models/run

# A plugin of QEMU for tools/bench.
$(B)/host/split.so: tools/split_plugin.c Makefile $(B)/host/config
	@mkdir -p $(@D)
	$(HOSTCC) $(HOST_CFLAGS) -O2 -shared -fPIC -o $@ $<

bench: need-test
	$(MAKE) all $(B)/host/split.so
	tools/bench

# The part of it that compares the schemes, on one vendor: less than a minute, and fewer packages.
.PHONY: matrix report
matrix:
	tools/need $(NEED_MATRIX)
	$(MAKE) all
	tools/bench matrix

# The pages look right in a browser: a check that wants one.
report:
	tools/need python3 gnuplot-nox chromium
	tools/bench-report $(B)/bench.json $(B)/bench.html
	tests/report-browser $(B)/bench.html

# What changed against an earlier build/bench.json; fails if something got worse.
PERCENT := 2
.PHONY: bench-compare
bench-compare:
	tools/need python3
	tools/bench-compare '$(OLD)' $(B)/bench.json $(PERCENT)

# The table of what every CPU model of the emulators does.
.PHONY: cpu-models
cpu-models: need-test
	$(MAKE) all
	tools/cpu-models docs/cpu-models.md

.PHONY: stack
stack: need-build
	tools/need python3
	$(MAKE) $(B)/ambit.elf
	tools/stack $(B)/ambit.elf

.PHONY: lines
lines:
	tools/need python3
	tools/lines $(if $(WRITE),--write)

.PHONY: diagrams
diagrams:
	tools/need graphviz
	tools/diagrams

# Every header alone: the hypervisor's and the guests' with both compilers,
# what a guest may include also as C11 and C++.
HEADERS_HV := $(wildcard boot/*.h arch/*.h arch/*/*.h hv/*.h vio/*.h)
HEADERS_GUEST := $(wildcard guests/*/*.h tests/guest/*/*.h tests/attack/*/*.h)
HEADERS_ABI := $(wildcard hv/abi/*.h)
SYNTAX := -fsyntax-only -Wno-unused-function -I.
ABI_FLAGS := -ffreestanding -Wall -Wextra -Werror $(SYNTAX)
# The declaration keeps a header of macros alone from being an empty program.
include-of = printf '\#include "%s"\nextern int x;\n' $$h

.PHONY: check-headers lint clang
check-headers:
	tools/need gcc g++ clang
	set -e; for cc in gcc clang; do \
		for h in $(HEADERS_HV); do \
			$(include-of) | $$cc $(HV_FLAGS) $(SYNTAX) -x c -; done; \
		for h in $(HEADERS_GUEST); do \
			$(include-of) | $$cc $(GUEST_FLAGS) $(SYNTAX) -x c -; done; \
		for h in $(HEADERS_ABI); do \
			$(include-of) | $$cc $(ABI_FLAGS) -std=c11 -pedantic -x c -; \
			$(include-of) | $$cc $(ABI_FLAGS) -std=c++14 -x c++ -; done; \
	done
	echo "check-headers: $(words $(HEADERS_HV) $(HEADERS_GUEST) $(HEADERS_ABI))" \
		"headers compile alone, with gcc and clang"

LINT_HV := $(wildcard boot/*.c arch/*.c arch/*/*.c hv/*.c vio/*.c)
LINT_GUEST := $(wildcard guests/*/*.c tests/guest/*/*.c tests/attack/*/*.c)
# Suppressed: symbols of the linker script are not arrays of their own, &s.p[i]
# is not the address of p, a panic never comes to its va_end, formats are what
# -Wformat checks, and an asm goto's output is not seen as one.
CPPCHECK := cppcheck --quiet --error-exitcode=1 --std=c11 --platform=unix64 -I. \
	--enable=warning,portability '-D_Noreturn=__attribute__((noreturn))' \
	--suppress=comparePointers --suppress=subtractPointers \
	--suppress=objectIndex --suppress=va_end_missing \
	--suppress=invalidPrintfArgType_uint --suppress=invalidPrintfArgType_sint \
	--suppress=legacyUninitvar:hv/types.h
ANALYZE := --analyze --analyzer-output text -Xclang -analyzer-werror -o /dev/null

# clang-tidy's checks are in .clang-tidy. sparse is not used: without annotations
# of its own kind it finds nothing here.
TIDY := clang-tidy --quiet
FANALYZE := gcc -fanalyzer -c -o /dev/null

# For each of $(1): the analysers of both compilers, and clang-tidy, with flags $(2).
analyse = printf '%s\n' $(1) | xargs -P 2 -I FILE sh -c \
	'clang $(2) $(ANALYZE) FILE && $(FANALYZE) $(2) FILE && \
	 $(TIDY) FILE -- $(2) 2>/dev/null'

lint:
	tools/need cppcheck clang clang-tidy gcc
	$(CPPCHECK) -DAMBIT_HV $(LINT_HV)
	$(CPPCHECK) -DAMBIT_GUEST $(LINT_GUEST)
	$(call analyse,$(LINT_HV),$(HV_FLAGS) -DAMBIT_DEBUG -DAMBIT_COVERAGE -DAMBIT_FAULTS)
	$(call analyse,$(LINT_GUEST),$(GUEST_FLAGS))
	echo "lint: clean"

clang:
	tools/need $(NEED_BUILD) clang lld
	$(MAKE) B=$(B)/clang CC=clang LD=ld.lld all
	echo "clang: $(B)/clang/ambit.elf and the guests are built"

.PHONY: clean
clean:
	rm -rf $(B)
