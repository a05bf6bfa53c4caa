# SPDX-License-Identifier: BSD-2-Clause
"""How to start each emulator. A machine here is the argparse result of
tools/run; what a function returns is the command and the text for its stdin. Its
first serial port is the file `serial`, or that terminal if somebody types there.
Everything a run makes lies in its own scratch directory, so that runs can be
parallel and leave nothing behind (a killed Bochs leaves lock files)."""

import os
import sys

import image

BOCHS_MODEL = "corei7_skylake_x"        # VT-x with everything Bochs has
OVMF = "/usr/share/OVMF/OVMF_CODE.fd"
BOOT_EPOCH = "2020-01-01"
BOOT_SECONDS = 1577836800

BOCHSRC = """\
cpu: model={model}, count={cpus}, ips={ips}, reset_on_triple_fault=0
memory: guest={mem}, host={host}
romimage: file=/usr/share/bochs/BIOS-bochs-latest, options=fastboot
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=disk, path={disk}, mode=flat
{more}boot: disk
display_library: rfb, options="timeout=0"
log: {work}/bochs.log
panic: action=fatal
error: action=report
com1: enabled=1, mode={mode}, dev={serial}
{com2}{debug_port}clock: sync={sync}, time0={time0}
sound: driver=dummy
speaker: enabled=0
"""


# The machine's own disk is where a PC has the first unit of its second channel:
# ports 0x170 to 0x177 and 0x376, interrupt 15.
BOCHS_ATA = """\
ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15
ata1-master: type=disk, path={path}, mode=flat
"""


BOCHS_COM2 = """\
com2: enabled=1, mode=file, dev={path}
"""


# What comes there is mixed with the debugger's own text on stdout.
BOCHS_DEBUG_PORT = """\
port_e9_hack: enabled=1
"""

# Each mark of a benchmark stops the debugger: every other one begins a window, of
# which all instructions are shown. They are far fewer than this.
BOCHS_SPLIT = """\
magic_break: enabled=1
"""
WINDOWS = 1000


BOCHS_NE2K = """\
pci: enabled=1, chipset=i440fx, slot2=ne2k
ne2k: enabled=1, mac=52:54:00:12:34:56, ethmod=null
"""


def qemu_option(path):
    """A comma ends a value in QEMU's options; two stand for one."""
    return path.replace(",", ",,")


def linked_modules(machine, work):
    """QEMU tells the guest a module's file name: link each under its name."""
    folder = os.path.join(work, "modules")
    os.mkdir(folder)
    paths = []
    for name, path in machine.modules:
        link = os.path.join(folder, name)
        os.symlink(os.path.abspath(path), link)
        paths.append(qemu_option(link))
    return ",".join(paths)


def qemu_boot(machine, work):
    """The part of the command line that says what to boot."""
    cmdline = (machine.cmdline + " poweroff=isa-debug-exit").strip()
    if machine.boot == "direct":
        command = ["-kernel", machine.kernel32, "-append", cmdline]
        if machine.modules:
            command += ["-initrd", linked_modules(machine, work)]
        return command
    iso = os.path.join(work, "ambit.iso")
    image.make_iso(iso, machine.kernel, cmdline, [("Ambit", machine.modules)], 0,
                   work)
    command = ["-cdrom", qemu_option(iso)]
    if machine.boot == "uefi":
        if not os.path.exists(OVMF):
            sys.exit("run: no %s (Debian package ovmf)" % OVMF)
        command += ["-M", "q35", "-drive",
                    "if=pflash,format=raw,readonly=on,file=" + OVMF]
    return command


def qemu(machine, work, serial):
    """icount makes a run repeat to the instruction. By default it is on for
    one CPU only, as CPUs that take turns make a slow machine, and off for
    firmware and GRUB, which wait for a CD in virtual time."""
    command = ["qemu-system-x86_64", "-m", str(machine.mem),
               "-smp", str(machine.cpus)]
    if machine.emu == "kvm":
        command += ["-accel", "kvm", "-cpu", machine.cpu_model or "host"]
    else:
        command += ["-accel", "tcg", "-cpu", machine.cpu_model or "max"]
        alone = machine.cpus == 1 and machine.boot == "direct"
        if machine.icount == "on" or (machine.icount == "auto" and alone):
            # A disk or a person answers in real time: idle, the clock must not
            # run ahead.
            waits = machine.ata or machine.typed
            command += ["-icount", "shift=0" if waits else "shift=0,sleep=off"]
        command += ["-rtc", "base=%s,clock=vm" % BOOT_EPOCH]
    if machine.ata:
        command += ["-drive", "if=ide,index=2,format=raw,file=" +
                    qemu_option(machine.ata)]
    if machine.ne2k:
        command += ["-device", "ne2k_pci"]
    command += ["-no-" + part for part in machine.lacks]
    command += ["-display", "none", "-monitor", "none", "-nic", "none",
                "-no-reboot", "-serial",
                serial if machine.typed else "file:" + qemu_option(serial)]
    com2 = machine.capture or machine.trace
    if com2:
        command += ["-serial", "file:" + qemu_option(com2)]
    if machine.counts:
        command += ["-debugcon", "file:" + qemu_option(machine.counts)]
    command += ["-device", "isa-debug-exit,iobase=0xf4,iosize=1"]
    if machine.split:
        command += ["-plugin", "%s,out=%s" % (
            os.path.join(machine.build, "host/split.so"), machine.split)]
    return command + qemu_boot(machine, work), ""


def bochs(machine, work, serial):
    """Always from a hard-disk image: GRUB starts sooner from it than from a
    CD. The debugger in Debian's Bochs waits for its c (continue). What it
    prints then is the split."""
    if machine.boot != "direct":
        sys.exit("run: Bochs boots from its own disk image only, not by "
                 + machine.boot)
    disk = os.path.join(work, "hd.img")
    cmdline = (machine.cmdline + " poweroff=bochs").strip()
    image.make_disk(disk, machine.kernel, cmdline, machine.modules, work)
    more = BOCHS_NE2K if machine.ne2k else ""
    if machine.ata:
        # Under a name in the scratch directory, where its lock file may stay.
        path = os.path.join(work, "ata.img")
        os.symlink(os.path.abspath(machine.ata), path)
        more += BOCHS_ATA.format(path=path)
    if machine.split:
        more += BOCHS_SPLIT
    com2 = ""
    if machine.capture or machine.trace:
        # Bochs' configuration has no way to write every name.
        path = os.path.join(work, "capture")
        os.symlink(os.path.abspath(machine.capture or machine.trace),
                   path)
        com2 = BOCHS_COM2.format(path=path)
    config = os.path.join(work, "bochsrc")
    with open(config, "w") as f:
        f.write(BOCHSRC.format(model=machine.cpu_model or BOCHS_MODEL,
                               cpus=machine.cpus, ips=machine.ips,
                               mem=machine.mem, host=min(machine.mem, 1024),
                               disk=disk, more=more, work=work, serial=serial,
                               mode="term" if machine.typed else "file",
                               sync="none",
                               com2=com2,
                               debug_port=BOCHS_DEBUG_PORT if machine.counts else "",
                               time0=BOOT_SECONDS))
    windows = WINDOWS if machine.split else 0
    return (["bochs", "-q", "-f", config],
            "c\n" + windows * "trace on\nc\ntrace off\nc\n")


def portless(machine, work):
    """Whether Bochs ended as it found no port for its display, at which nobody looks:
    others of it may have had all 50 at that time."""
    path = os.path.join(work, "bochs.log")
    if machine.emu != "bochs" or not os.path.exists(path):
        return False
    with open(path, errors="replace") as f:
        return "could not bind any port" in f.read()


def complaints(machine, work, hung):
    """What the emulator itself said, for a run that went wrong."""
    with open(os.path.join(work, "emulator.txt"), errors="replace") as f:
        said = f.read().splitlines()
    if machine.emu == "bochs":
        # What holds a debugger's dialogue names the reason until the configuration is
        # read, then the log does.
        path, log = os.path.join(work, "bochs.log"), []
        if os.path.exists(path):
            with open(path, errors="replace") as f:
                log = [s.rstrip() for s in f]
        marked = [s for s in said + log if ">>PANIC<<" in s or
                  s[11:13] in ("p[", "e[")]
        return marked[-8:] or ([] if hung else said[-8:])
    return said[-8:]
