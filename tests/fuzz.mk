# SPDX-License-Identifier: BSD-2-Clause
# Fuzzing with libFuzzer. Each tests/fuzz/*.c is one program; its comment lines
# name the hypervisor's sources that it runs ("LINK:", as unit tests have it),
# libraries ("LIBS:") and the inputs of a short run ("RUNS:").

FUZZ_CC := clang
# All of one long run, shared by the targets.
FUZZ_SECONDS := 600
FUZZ_CFLAGS := $(HOST_CFLAGS) -O1 -fno-omit-frame-pointer -fno-common \
	-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -DAMBIT_HOST

fuzz-targets := $(sort $(basename $(notdir $(wildcard tests/fuzz/*.c))))
fuzz-programs := $(addprefix $(B)/fuzz/,$(fuzz-targets))
fuzz-fake := $(patsubst %.c,$(B)/fuzz-obj/%.o,$(wildcard tests/fake/*.c))
# What a comment line of a target says: $(call fuzz-says,target,LINK)
fuzz-says = $(shell sed -n 's/.*$(2): *\([^*]*\).*/\1/p' tests/fuzz/$(1).c)
fuzz-objs = $(patsubst %.c,$(B)/fuzz-obj/%.o,tests/fuzz/$(1).c $(call fuzz-says,$(1),LINK))

$(B)/fuzz-obj/%.o: %.c Makefile tests/unit.mk tests/fuzz.mk
	@mkdir -p $(@D)
	echo "  CC  $< (fuzz)"
	$(FUZZ_CC) $(FUZZ_CFLAGS) -c -o $@ $<

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
