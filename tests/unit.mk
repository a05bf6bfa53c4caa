# SPDX-License-Identifier: BSD-2-Clause
# Host programs: the unit tests and the manifest checker. Each tests/unit/test_*.c
# is one program; its comment line "LINK: a.c b.c" names the hypervisor's sources
# that it tests. What these need besides comes from tests/fake/.

HOSTCC := $(CC)
HOST_CFLAGS := -std=gnu17 -g -I. -MMD -MP $(WARN)
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover
UNIT_CFLAGS := $(HOST_CFLAGS) -O1 -fno-omit-frame-pointer -fno-common $(SANITIZE) -DAMBIT_HOST
# With COVERAGE=1 the same branches are counted as in the hypervisor.
ifneq ($(COVERAGE),)
SANITIZE := --coverage
UNIT_CFLAGS := $(HOST_CFLAGS) -O0 -fno-common -fprofile-update=atomic $(SANITIZE) -DAMBIT_HOST
endif

unit-tests := $(sort $(basename $(notdir $(wildcard tests/unit/test_*.c))))
unit-fake := $(patsubst %.c,$(B)/unit-obj/%.o,$(wildcard tests/fake/*.c))
# The objects of one test: $(call unit-objs,test_x)
unit-objs = $(patsubst %.c,$(B)/unit-obj/%.o,tests/unit/$(1).c \
	$(shell sed -n 's/.*LINK: *\([^*]*\).*/\1/p' tests/unit/$(1).c))

$(B)/unit-obj/%.o: %.c Makefile tests/unit.mk $(B)/unit-obj/config
	@mkdir -p $(@D)
	echo "  CC  $< (unit)"
	$(HOSTCC) $(UNIT_CFLAGS) -c -o $@ $<

# On a CPU whose registers a test makes up.
$(addprefix $(B)/unit-obj/,arch/vmx/caps.o arch/svm/caps.o tests/unit/test_caps.o): \
	UNIT_CFLAGS += -iquote tests/fake/cpu

# On ports that a test makes up.
$(addprefix $(B)/unit-obj/,arch/uart.o tests/unit/test_uart.o): \
	UNIT_CFLAGS += -iquote tests/fake/port

# An archive, so that a test takes only what it lacks and may bring its own.
$(B)/unit-obj/fake.a: $(unit-fake)
	@rm -f $@
	ar rcs $@ $^

define unit-rule
$(B)/unit/$(1): $$(call unit-objs,$(1)) $(B)/unit-obj/fake.a
	@mkdir -p $$(@D)
	$(HOSTCC) $(SANITIZE) -pthread -o $$@ $$^
endef
$(foreach t,$(unit-tests),$(eval $(call unit-rule,$(t))))

.PHONY: unit
unit: $(addprefix $(B)/unit/,$(unit-tests))
	prove --exec '' $^

manifest-objs := tools/manifest-check.o hv/manifest.o hv/manifest_vm.o \
	hv/manifest_device.o hv/manifest_link.o hv/manifest_share.o hv/manifest_layout.o \
	hv/manifest_check.o hv/manifest_text.o hv/elf.o hv/printf.o

$(B)/host/%.o: %.c Makefile tests/unit.mk $(B)/host/config
	@mkdir -p $(@D)
	echo "  CC  $< (host)"
	$(HOSTCC) $(HOST_CFLAGS) -O2 -c -o $@ $<

$(B)/manifest-check: $(addprefix $(B)/host/,$(manifest-objs))
	$(HOSTCC) -o $@ $^

-include $(addprefix $(B)/host/,$(manifest-objs:.o=.d))
-include $(shell find $(B)/unit-obj -name '*.d' 2>/dev/null)
