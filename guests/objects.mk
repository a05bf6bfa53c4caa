# SPDX-License-Identifier: BSD-2-Clause
# Guest programs: every folder here or in tests/guest/ that has a main.c is
# one, linked with the guest library into build/guests/<folder>, those of
# tests/attack/ into build/guests/attack-<folder>; those in user-dirs are (also)
# linked for ring 3, into build/guests/<folder>.user.

guest-lib-src := $(sort $(wildcard guests/lib/*.c guests/drivers/*.c tests/guest/lib/*.c \
	tests/attack/lib/*.c))
guest-asm-src := guests/lib/entry.asm
guest-mains := $(sort $(wildcard guests/*/main.c tests/guest/*/main.c \
	tests/attack/*/main.c))
user-dirs := guests/talk guests/ping guests/pong \
	$(addprefix tests/guest/user,attack flip trip)
user-only := guests/talk $(addprefix tests/guest/user,attack flip)
guest-dirs := $(filter-out $(user-only),$(patsubst %/main.c,%,$(guest-mains)))
# $(1): folder of a program
guest-name = $(if $(filter tests/attack/%,$(1)),attack-)$(notdir $(1))
guest-bins := $(addprefix $(B)/guests/,$(foreach d,$(guest-dirs),$(call guest-name,$(d))) \
	$(addsuffix .user,$(notdir $(user-dirs))))

GUEST_OBJ := $(B)/guests/obj
guest-lib-obj := $(guest-lib-src:%.c=$(GUEST_OBJ)/%.o)
guest-asm-obj := $(guest-asm-src:%.asm=$(GUEST_OBJ)/%.o)

.PHONY: guests
guests: $(guest-bins)

$(GUEST_OBJ)/%.o: %.c Makefile guests/objects.mk $(GUEST_OBJ)/config
	@mkdir -p $(@D)
	$(CC) $(GUEST_CFLAGS) -c -o $@ $<

$(GUEST_OBJ)/%.o: %.asm Makefile guests/objects.mk $(GUEST_OBJ)/config
	@mkdir -p $(@D)
	$(NASM) -f elf64 -I. -MD $(@:.o=.d) -o $@ $<

$(GUEST_OBJ)/libguest.a: $(guest-lib-obj)
	rm -f $@
	ar rcs $@ $^

# Functions of the library that a program puts its own __wrap_ in place of.
guest-wrap-modelbench := bm_sys_notify bm_sys_wait bm_sys_notify_wait bm_sys_settle \
	bm_sys_data

# $(1): folder of the program, whose C files are linked together
define guest-rule
guest-$(1)-obj := $$(patsubst %.c,$(GUEST_OBJ)/%.o,$$(wildcard $(1)/*.c)) \
	$$(patsubst %.asm,$(GUEST_OBJ)/%.o,$$(wildcard $(1)/*.asm))
$(B)/guests/$(guest-name): $$(guest-$(1)-obj) $(guest-asm-obj) \
		$(GUEST_OBJ)/libguest.a guests/guest.ld
	$(LD) -z noexecstack -z max-page-size=4096 -T guests/guest.ld -o $$@ \
		$(addprefix --wrap=,$(guest-wrap-$(guest-name))) $$(guest-$(1)-obj) $(guest-asm-obj) $(GUEST_OBJ)/libguest.a
-include $$(guest-$(1)-obj:.o=.d)
endef
$(foreach d,$(guest-dirs),$(eval $(call guest-rule,$(d))))

# Ring 3 (guests/user): a run-time of its own, and what of the library takes no
# more rights than a program has there. The objects are the same.
user-src := $(sort $(wildcard guests/user/*.c)) \
	$(filter-out %/bm_guest.c,$(wildcard guests/lib/bm*.c)) \
	$(addprefix guests/lib/,str.c format.c cmdline.c peer.c sort.c status.c \
		suspend.c) \
	$(wildcard guests/drivers/*.c) \
	$(addprefix tests/guest/lib/,check.c measure.c)
user-obj := $(user-src:%.c=$(GUEST_OBJ)/%.o)
user-start := $(GUEST_OBJ)/guests/user/start.o

$(GUEST_OBJ)/libuser.a: $(user-obj)
	rm -f $@
	ar rcs $@ $^

define user-rule
user-$(1)-obj := $$(patsubst %.c,$(GUEST_OBJ)/%.o,$$(wildcard $(1)/*.c))
$(B)/guests/$(notdir $(1)).user: $$(user-$(1)-obj) $(user-start) \
		$(GUEST_OBJ)/libuser.a guests/user/user.ld
	$(LD) -z noexecstack -z max-page-size=4096 -T guests/user/user.ld -o $$@ \
		$(user-start) $$(user-$(1)-obj) $(GUEST_OBJ)/libuser.a
-include $$(user-$(1)-obj:.o=.d)
endef
$(foreach d,$(user-dirs),$(eval $(call user-rule,$(d))))
-include $(user-obj:.o=.d) $(user-start:.o=.d)

-include $(guest-lib-obj:.o=.d) $(guest-asm-obj:.o=.d)
