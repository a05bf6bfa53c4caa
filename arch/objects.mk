# SPDX-License-Identifier: BSD-2-Clause
arch-objs := arch/entry.o arch/desc.o arch/trap.o arch/cpu.o arch/copy.o arch/paging.o \
	arch/mmio.o arch/trampoline.o arch/smp.o arch/apic.o arch/ioapic.o arch/acpi.o \
	arch/pci.o arch/dma.o arch/platform.o arch/time.o arch/uart.o arch/screen.o arch/font.o \
	arch/console.o arch/power.o
arch-objs += arch/hvm.o arch/xstate.o arch/vmx/vmx.o arch/vmx/caps.o arch/vmx/vcpu.o \
	arch/vmx/vmcs.o arch/vmx/exit.o arch/vmx/state.o arch/vmx/entry.o
arch-objs += arch/guest_cpuid.o arch/guest_msr.o arch/insn.o arch/svm/svm.o arch/svm/caps.o \
	arch/svm/vcpu.o arch/svm/vmcb.o arch/svm/exit.o arch/svm/state.o \
	arch/svm/probe.o arch/svm/debug.o arch/svm/entry.o
# Tells how often each piece ran, and has itself no counters.
arch-objs += $(if $(COVERAGE),arch/coverage.o)
$(B)/hv/arch/coverage.o: HV_COUNTED :=
