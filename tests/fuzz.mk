# SPDX-License-Identifier: BSD-2-Clause
# Fuzzing with libFuzzer. Each tests/fuzz/*.c is one program; its comment lines
# name the hypervisor's sources that it runs ("LINK:", as unit tests have it),
# libraries ("LIBS:") and the inputs of a short run ("RUNS:").

FUZZ_CC := clang
# All of one long run, shared by the targets.
FUZZ_SECONDS := 600
FUZZ_CFLAGS := $(HOST_CFLAGS) -O1 -fno-omit-frame-pointer -fno-common \
	-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -DAMBIT_HOST

# Not for the targets themselves: what they run can be put back to where it was,
# its copies are watched, and memory may change before each of its loads.
FUZZ_STATE := -include tests/fuzz/state.h
FUZZ_TESTED := $(FUZZ_STATE) -Itests/fuzz/shadow -fsanitize-coverage=trace-loads
$(B)/fuzz-obj/tests/fake/%.o: FUZZ_TESTED := $(FUZZ_STATE)
$(B)/fuzz-obj/tests/fuzz/%.o: FUZZ_TESTED :=
# Long loops over tables, whose comparisons teach nothing.
$(addprefix $(B)/fuzz-obj/,hv/p2m.o hv/frames.o hv/balance.o tests/fake/memory.o): \
	FUZZ_TESTED += -fno-sanitize-coverage=trace-cmp

fuzz-targets := $(sort $(basename $(notdir $(wildcard tests/fuzz/*.c))))
fuzz-programs := $(addprefix $(B)/fuzz/,$(fuzz-targets))
fuzz-fake := $(patsubst %.c,$(B)/fuzz-obj/%.o,$(wildcard tests/fake/*.c))
# What a comment line of a target says: $(call fuzz-says,target,LINK)
fuzz-says = $(shell sed -n 's/.*$(2): *\([^*]*\).*/\1/p' tests/fuzz/$(1).c)
# In LINK: all of hv/ and vio/ but what tests/fake/ has in its place.
fuzz-hypervisor := $(patsubst %.o,%.c,$(filter-out hv/main.o hv/memory.o hv/panic.o hv/symbol.o, \
	$(hv-objs) $(vio-objs)))
fuzz-objs = $(patsubst %.c,$(B)/fuzz-obj/%.o,tests/fuzz/$(1).c \
	$(subst HYPERVISOR,$(fuzz-hypervisor),$(call fuzz-says,$(1),LINK)))

$(B)/fuzz-obj/%.o: %.c Makefile tests/unit.mk tests/fuzz.mk
	@mkdir -p $(@D)
	echo "  CC  $< (fuzz)"
	$(FUZZ_CC) $(FUZZ_TESTED) $(FUZZ_CFLAGS) -c -o $@ $<

$(B)/fuzz-obj/fake.a: $(fuzz-fake)
	@rm -f $@
	ar rcs $@ $^

define fuzz-rule
$(B)/fuzz/$(1): $$(call fuzz-objs,$(1)) $(B)/fuzz-obj/fake.a
	@mkdir -p $$(@D)
	$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -o $$@ $$^ $$(call fuzz-says,$(1),LIBS)
endef
$(foreach t,$(fuzz-targets),$(eval $(call fuzz-rule,$(t))))

.PHONY: fuzz
fuzz:
	tools/need $(NEED_BUILD) $(NEED_FUZZ) perl
	$(MAKE) $(fuzz-programs)
	prove -v --exec '' tests/fuzz/run :: --seconds $(FUZZ_SECONDS)

-include $(shell find $(B)/fuzz-obj -name '*.d' 2>/dev/null)
