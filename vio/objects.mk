# SPDX-License-Identifier: BSD-2-Clause
vio-objs := vio/virq.o vio/user.o vio/link.o vio/place.o vio/area.o vio/grant.o vio/grant_map.o vio/revoke.o \
	vio/grant_life.o vio/give.o vio/window.o \
	vio/data.o vio/tail.o vio/slot.o vio/copy.o vio/capture.o \
	vio/audit_map.o vio/audit_link.o

# The hypervisor as a back end, with the guests' sources of the buffer model.
ifneq ($(HOST),no)
vio-objs += vio/host.o vio/host_console.o vio/host_block.o vio/host_switch.o \
	guests/drivers/mac_table.o guests/drivers/blk_back.o \
	$(patsubst %.c,%.o,$(filter-out guests/lib/bm_guest.c,$(wildcard guests/lib/bm*.c)))
endif
