# SPDX-License-Identifier: BSD-2-Clause
hv-objs := hv/main.o hv/option.o hv/boot_alloc.o hv/frames.o hv/frames_early.o \
	hv/console.o hv/printf.o hv/panic.o hv/symbol.o hv/memory.o hv/string.o \
	hv/manifest.o hv/manifest_vm.o hv/manifest_device.o hv/manifest_link.o hv/manifest_share.o \
	hv/manifest_layout.o hv/manifest_text.o \
	hv/manifest_check.o hv/elf.o hv/elf_symbol.o hv/time.o hv/heap.o hv/sched.o hv/timers.o hv/work.o hv/sync.o hv/exit.o \
	hv/hypercall.o hv/p2m.o hv/guest_mem.o hv/vm_table.o hv/vm_build.o hv/vm_unbuild.o hv/vm_suspend.o hv/vm_save.o hv/vm_image.o \
	hv/pool.o hv/device.o hv/vm_start_info.o hv/vm_life.o hv/vm_console.o hv/sink.o hv/report.o hv/balance.o hv/end.o \
	hv/trace.o hv/trace_out.o hv/counters.o hv/counters_show.o hv/audit.o hv/audit_sched.o $(if $(DEBUG),hv/audit_round.o hv/audit_moved.o) $(if $(DEBUG)$(COVERAGE),hv/fault.o) hv/capture.o hv/pcapng.o \
	hv/monitor.o hv/monitor_line.o hv/monitor_out.o hv/monitor_find.o hv/monitor_help.o \
	hv/monitor_list.o hv/monitor_vm.o hv/monitor_top.o
