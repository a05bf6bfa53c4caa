# SPDX-License-Identifier: BSD-2-Clause
vio-objs := vio/virq.o vio/link.o vio/area.o vio/grant.o vio/grant_map.o vio/revoke.o \
	vio/grant_life.o vio/give.o \
	vio/data.o vio/tail.o vio/slot.o vio/copy.o
