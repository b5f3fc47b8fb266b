#!/usr/bin/env python3
"""A manual page for each program, listed in the Makefile, and clean for mandoc;
what pages point to in the tree is there."""
import glob
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from tap import SOURCE, Tap

tap = Tap()

with open(SOURCE + "/Makefile.am", encoding="utf-8") as f:
    makefile = f.read()


def words(variable):
    found = []
    for m in re.finditer(rf"^{variable}\s*\+?=((?:.*\\\n)*.*)$", makefile, re.M):
        found += [w for w in m.group(1).replace("\\\n", " ").split() if not w.startswith("$")]
    return found


def page_of(program):
    here, name = os.path.split(program)
    if here.endswith("verbs"):
        return f"{here}/posthorn-{name}.8"
    if here == "bin":
        return f"{here}/{name}.1"
    own = f"{here}/{name}.8"
    return own if os.path.exists(f"{SOURCE}/{own}") else f"{here}/{name}/{name}.8"


programs = words("bin_PROGRAMS") + words("sbin_PROGRAMS") + words("phlibexec_PROGRAMS") + words("verbs_PROGRAMS")
bad = []
for p in programs:
    page = page_of(p)
    if not os.path.exists(f"{SOURCE}/{page}") and not os.path.exists(f"{SOURCE}/{os.path.dirname(p)}/{os.path.basename(p)}.8"):
        bad.append(f"{p} has no {page}")
tap.none(bad, f"each of {len(programs)} programs has a page")

pages = sorted(os.path.relpath(p, SOURCE) for pat in ("bin/*.[1-8]", "etc/*.[1-8]", "libexec/**/*.[1-8]", "lib/**/*.[1-8]", "share/**/*.[1-8]")
               for p in glob.glob(f"{SOURCE}/{pat}", recursive=True))
listed = words("dist_man_MANS") + words("man_MANS")
tap.none([f"{p} is not in dist_man_MANS" for p in pages if p not in listed] + [f"{p} is not there" for p in listed if p not in pages],
         "all pages are installed")

bad = []
for variable in sorted(set(re.findall(r"^(\w+_(?:PROGRAMS|LIBRARIES|MANS|DATA|SOURCES)|TESTFILES|EXTRA_DIST)\s*=", makefile, re.M))):
    have = words(variable)
    bad += [f"{variable} has {w} twice" for w in sorted(set(have)) if have.count(w) > 1]
tap.none(bad, "no list of the Makefile names a file twice (make install would refuse)")

mandoc = shutil.which("mandoc")
if mandoc is None:
    tap.skip("mandoc finds nothing to say", "no mandoc here")
else:
    r = subprocess.run([mandoc, "-T", "lint", "-W", "warning", *[f"{SOURCE}/{p}" for p in pages]], capture_output=True, text=True)
    tap.none([x for x in (r.stdout + r.stderr).split("\n") if x], "mandoc finds nothing to say")

names = {os.path.basename(p) for p in pages}
verbs = {os.path.basename(p) for p in words("verbs_PROGRAMS")}
bad = []
for p in pages:
    with open(f"{SOURCE}/{p}", encoding="utf-8") as f:
        text = f.read()
    for name, section in re.findall(r"^\.Xr (\S+) (\d)", text, re.M):
        ours = name.startswith("posthorn") or f"{name}.8" in names or f"{name}.5" in names
        if ours and f"{name}.{section}" not in names:
            bad.append(f"{p} points to {name}({section})")
tap.none(bad, "pages of ours that others point to are there")

with open(SOURCE + "/bin/posthorn.1", encoding="utf-8") as f:
    told = set(re.findall(r"^\.It Cm (\S+)", f.read(), re.M))
tap.none([f"{v} is not in posthorn(1)" for v in sorted(verbs - told)] + [f"{v} is not a verb" for v in sorted(told - verbs - {"help"})],
         "posthorn(1) lists the verbs")
tap.done()
