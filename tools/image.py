# SPDX-License-Identifier: BSD-2-Clause
"""Boot media with GRUB, made without root: a hard-disk image (BIOS, multiboot
1) and a hybrid ISO (BIOS and UEFI, multiboot 2). Modules are pairs of name and
path; the media call them m0, m1 ... and pass the name as the first word.

    image.py iso OUT KERNEL CMDLINE NAME=PATH...
"""

import os
import re
import shutil
import subprocess
import sys

GRUB_PC = "/usr/lib/grub/i386-pc"
EPOCH = "1577836800"            # 2020-01-01, for what file systems date
EPOCH_DATE = "2020-01-01 00:00:00"
SECTOR = 512
PARTITION_START = 2048          # sectors; the GRUB core lies before it
MIB = 1 << 20


def call(*command, **options):
    """Run a command; what it says appears only when it fails."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          **options)
    if done.returncode:
        sys.exit("%s failed:\n%s" % (command[0], done.stdout))


def strip(kernel, out):
    """GRUB would load the debug information too."""
    call("objcopy", "--strip-all", kernel, out)


def partition_entry(sectors):
    """MBR entry: active, type 0x0e (FAT16, LBA), addressed by LBA only."""
    return (bytes([0x80, 1, 1, 0, 0x0e, 0xff, 0xff, 0xff]) +
            PARTITION_START.to_bytes(4, "little") +
            sectors.to_bytes(4, "little"))


def make_disk(out, kernel, cmdline, modules, work):
    """Write a hard-disk image to out; work is a scratch directory."""
    stripped = os.path.join(work, "ambit.elf")
    strip(kernel, stripped)
    payload = os.path.getsize(stripped)
    payload += sum(os.path.getsize(path) for _, path in modules)
    # FAT16 at least: 8 MiB of slack also covers the FATs of large volumes.
    sectors = (payload + payload // 64 + 8 * MIB) // SECTOR
    sectors -= sectors % (16 * 63)

    config = os.path.join(work, "embedded.cfg")
    with open(config, "w") as f:
        f.write("multiboot (hd0,msdos1)/ambit.elf %s\n" % cmdline)
        for i, (name, _) in enumerate(modules):
            f.write("module (hd0,msdos1)/m%d %s\n" % (i, name))
        f.write("boot\n")
    core = os.path.join(work, "core.img")
    call("grub-mkimage", "-O", "i386-pc", "-c", config, "-o", core,
         "-p", "(hd0,msdos1)/",
         "biosdisk", "part_msdos", "fat", "multiboot")

    with open(out, "wb") as disk, open(core, "rb") as c, \
            open(GRUB_PC + "/boot.img", "rb") as boot:
        disk.truncate((PARTITION_START + sectors) * SECTOR)
        disk.write(boot.read(440))
        disk.seek(446)
        disk.write(partition_entry(sectors))
        disk.seek(510)
        disk.write(b"\x55\xaa" + c.read())
        if disk.tell() > PARTITION_START * SECTOR:
            sys.exit("image: the GRUB core does not fit before the partition")

    volume = "%s@@%d" % (out, PARTITION_START * SECTOR)
    env = dict(os.environ, MTOOLS_SKIP_CHECK="1", SOURCE_DATE_EPOCH=EPOCH)
    call("mformat", "-i", volume, "-T", str(sectors), "-h", "16", "-s", "63",
         "-N", "a3b17001", "::", env=env)
    call("mcopy", "-i", volume, stripped, "::ambit.elf", env=env)
    for i, (_, path) in enumerate(modules):
        call("mcopy", "-i", volume, path, "::m%d" % i, env=env)


def date_all(folder):
    """Give everything there the same date, as an ISO tells it."""
    for path, folders, files in os.walk(folder):
        for name in folders + files:
            os.utime(os.path.join(path, name), (int(EPOCH), int(EPOCH)))


def entry_lines(block, title, cmdline, modules):
    """One entry of the menu; modules are pairs of name and place on the medium."""
    for line in block.splitlines():
        line = line.replace("@CMDLINE@", cmdline).replace("@TITLE@", title)
        if "@MODULE@" not in line:
            yield line
            continue
        for name, place in modules:
            yield line.replace("@MODULE@", "%s %s" % (place, name))


def menu(template, cmdline, entries, timeout):
    """boot/grub.cfg with its words filled in; entries are pairs of title and
    modules."""
    text = re.sub(r"(?m)^#.*\n", "", template)
    head, *blocks = re.split(r"(?m)^(?=menuentry )", text)
    lines = [head.replace("@TIMEOUT@", str(timeout)).rstrip(), ""]
    for block in blocks:
        for title, modules in entries if "@TITLE@" in block else entries[:1]:
            lines += entry_lines(block, title, cmdline, modules)
    return "\n".join(lines) + "\n"


def make_iso(out, kernel, cmdline, entries, timeout, work):
    """Write a hybrid ISO to out; work is a scratch directory. entries are the
    menu's: pairs of title and modules. A file that several have is there once."""
    root = os.path.join(work, "iso")
    os.makedirs(root + "/boot/grub")
    strip(kernel, root + "/boot/ambit.elf")
    places = {}
    for _, modules in entries:
        for _, path in modules:
            places.setdefault(path, "/boot/m%d" % len(places))
    for path, place in places.items():
        shutil.copyfile(path, root + place)
    placed = [(title, [(name, places[path]) for name, path in modules])
              for title, modules in entries]
    source = os.path.dirname(os.path.abspath(__file__)) + "/../boot/grub.cfg"
    with open(source) as f, open(root + "/boot/grub/grub.cfg", "w") as cfg:
        cfg.write(menu(f.read(), cmdline, placed, timeout))
    date_all(root)
    # grub-mkrescue takes identifiers from the time of day.
    env = dict(os.environ, SOURCE_DATE_EPOCH=EPOCH, TZ="UTC")
    call("faketime", "-f", EPOCH_DATE, "grub-mkrescue", "-o", out, root, env=env)
