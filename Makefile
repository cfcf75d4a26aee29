# SPDX-License-Identifier: GPL-2.0
#
# make            sluice.ko for KDIR: the running kernel, else the newest whose
#                 headers are installed
# make install    where modprobe finds it
# make deb        Debian's packages, in build/deb
# make demo       show it in a VM: DEMO_SECONDS=20 ends it by itself
# make check      every test, on every supported kernel, in VMs, and a few of them on
#                 the kernel debug, which is built the first time
# make check-quick  style, unit tests and a build: what each commit has passed
# make check-debug  the network selftests on the kernels debug, kcsan and rt: hours
# make fuzz       look for broken promises of the pure files: FUZZ_SECONDS=600 for
#                 each of twelve targets, one per processor at a time
# make model      models of a connection that is lent, in all their states: also the
#                 larger ones, some minutes and 2 GiB
# make bench      counted figures of Documentation/results.rst, and pictures, for
#                 each of KERNELS (default 6.12): 10 to 35 minutes, as busy as the
#                 machine is
# make bench-time  its latencies and several processors, for a quiet machine:
#                 about 10 minutes

running := /lib/modules/$(shell uname -r)/build
newest  := $(lastword $(shell ls -dv /usr/src/linux-headers-*-amd64 \
				     /lib/modules/*/build 2>/dev/null))
KDIR    ?= $(if $(wildcard $(running)),$(running),$(newest))

modules modules_install: FORCE
	@test -d "$(KDIR)" || { echo "no kernel headers at KDIR='$(KDIR)';" \
		"expected the headers of the kernel to build for:" \
		"apt install linux-headers-amd64, or say KDIR=..." >&2; exit 1; }
	$(MAKE) -C $(KDIR) M=$(CURDIR) $@

.DEFAULT_GOAL := modules

# Debian's headers have no System.map, without which kbuild leaves depmod out.
install: modules modules_install
	depmod $(INSTALL_MOD_PATH:%=-b %) "$$(modinfo -F vermagic ./sluice.ko | cut -d" " -f1)"

deb: FORCE
	@scripts/deb

demo: FORCE
	@scripts/demo

check: FORCE
	@scripts/check

check-quick: FORCE
	@scripts/check quick

check-debug: FORCE
	@scripts/check debug

fuzz: FORCE
	@selftests/fuzz/run --seconds $(or $(FUZZ_SECONDS),600)

model: FORCE
	@selftests/model/run --long

results := bench/build
KERNELS ?= 6.12

bench: FORCE
	@mkdir -p $(results)
	@for k in $(KERNELS); do \
		bench/run --kernel $$k --icount --json $(results)/counted-$$k.json || exit; \
	done
	@bench/plot $(KERNELS:%=$(results)/counted-%.json) $(results)

bench-time: FORCE
	@mkdir -p $(results)
	@bench/run --loads 25,50,75,90 --cases 1k --servers sluice,nginx-copy,floor \
		--json $(results)/loads.json
	@for n in 1 2 4; do \
		bench/run --cpus $$n --cases 1k,1k-new --json $(results)/cpus-$$n.json \
			--servers sluice,nginx-sendfile,nginx-copy,floor || exit; \
	done
	@bench/plot $(results)/loads.json $(results)/cpus-*.json $(results)

clean: FORCE
	@test -d "$(KDIR)" && $(MAKE) -C $(KDIR) M=$(CURDIR) clean || true
	@$(MAKE) -s -C selftests/unit clean
	@$(MAKE) -s -C selftests/fuzz clean

help: FORCE
	@sed -n 's/^# \{0,1\}//; 2,/^$$/p' Makefile

.PHONY: modules modules_install install deb demo check check-quick check-debug fuzz model bench bench-time clean help
FORCE:
