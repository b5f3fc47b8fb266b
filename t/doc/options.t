#!/usr/bin/env python3
"""Manual pages tell the truth about options, exit codes and configuration keys,
all of them and no others: getopt strings, EXIT_ names and the tables of
conf_table.c against the pages beside them."""
import glob
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from tap import BUILD, SOURCE, Tap

tap = Tap()


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def sources(page):
    """The files of a page's program: as the Makefile says, NAME.c, or all of NAME/; and admin.c where it is used."""
    name = os.path.basename(page).rsplit(".", 1)[0]
    here = os.path.dirname(page)
    verb = name.removeprefix("posthorn-")
    listed = re.search(rf"^libexec_verbs_{verb}_SOURCES\s*= ((?:.*\\\n)*.*)$", makefile, re.M)
    words = listed.group(1).split() if listed and here.endswith("verbs") else []
    # the first, and the parts named after the verb
    files = [f"{SOURCE}/{w}" for i, w in enumerate(words) if w.endswith(".c") and (i == 0 or f"/{verb}_" in w)]
    for stem in (name, name.removeprefix("posthorn-")):
        if not files and os.path.exists(f"{here}/{stem}.c"):
            files = [f"{here}/{stem}.c"] + (glob.glob(f"{here}/{stem}_*.c") if here.endswith("bin") else [])
    if not files and os.path.basename(here) == name:
        files = glob.glob(f"{here}/*.c")
    text = "".join(read(f) for f in files)
    for extra in ("admin", "conf_show"):
        if f'#include "{extra}.h"' in text:
            text += read(f"{here}/{extra}.c")
    return files, text


def options(text):
    """Letters of getopt strings, and names of getopt_long tables."""
    found = set()
    for s in re.findall(r'getopt(?:_long)?\([^"]*"([^"]*)"', text):
        found |= {"-" + c for c in s if c.isalnum()}
    for name in re.findall(r'\{ "([a-z-]+)", (?:no|required|optional)_argument', text):
        found.add("--" + name)
    return found


def flag(word):
    """"bs" and "oi" are -b and -o with what they take."""
    return "-" + (word if word.startswith("-") else word[0])


def no_meaning(text):
    """Options that are taken for the sake of others' callers: the synopsis says nothing of them."""
    return set().union(*(page_options(i + "\n") for i in re.findall(r"^(\.It Fl .*)\nHave a meaning elsewhere", text, re.M)))


def page_options(text):
    found = set()
    for line in re.findall(r"^\.It (Fl .*)$", text, re.M):
        for m in re.finditer(r"Fl (-?[A-Za-z0-9-]+)", line):
            found.add(flag(m.group(1)))
    return found


def section(text, name):
    part = re.search(rf"^\.Sh {name}\n(.*?)(?=^\.Sh |\Z)", text, re.S | re.M)
    return part.group(1) if part else ""


def named(text):
    return {flag(o) for o in re.findall(r"\bFl (-?[A-Za-z0-9][A-Za-z0-9-]*)", text)}


def exit_codes(text):
    return set(re.findall(r"\b(?:0|100|111)\b", section(text, "EXIT STATUS")))


sysexits = {n: getattr(os, n) for n in dir(os) if n.startswith("EX_")}
makefile = read(SOURCE + "/Makefile.am")
pages = sorted(glob.glob(SOURCE + "/bin/*.[18]") + glob.glob(SOURCE + "/libexec/**/*.8", recursive=True))
for page in pages:
    name = os.path.relpath(page, SOURCE)
    text = read(page)
    files, code = sources(page)
    if not files:
        tap.none([f"no source of it beside {name}"], f"{name}: has a program")
        continue
    want, told = options(code), page_options(text)
    described = named(text.replace(section(text, "SYNOPSIS"), ""))
    tap.none([f"{o} is not in the page" for o in sorted(want - described)] + [f"{o} is not an option" for o in sorted(told - want)],
             f"{name}: options are in the page, and no others")
    tap.none([f"{o} is not in the synopsis" for o in sorted(want - no_meaning(text) - named(section(text, "SYNOPSIS")))], f"{name}: options are in the synopsis")
    if "sysexits.h" in code:
        codes = set(re.findall(r"^\.It ([0-9 ,]+)$", section(text, "EXIT STATUS"), re.M))
        codes = set(" , ".join(codes).split(" , "))
        said = {str(sysexits[c]) for c in re.findall(r"\bEX_[A-Z]+\b", code)}
        tap.none([f"{c} is not in the page" for c in sorted(said - codes)] + [f"{c} is never said" for c in sorted(codes - said)],
                 f"{name}: exit codes, of sysexits.h")
        continue
    codes = exit_codes(text)
    missing = [f"{c} is not in the page" for c, e in (("100", "EXIT_PERM"), ("111", "EXIT_TEMP")) if e in code and c not in codes]
    extra = [f"{c} is never said" for c, e in (("100", "EXIT_PERM"), ("111", "EXIT_TEMP")) if e not in code and c in codes]
    tap.none(missing + extra + ([] if "0" in codes else ["0 is not in the page"]), f"{name}: exit codes")

# configuration keys: FILE, SECTION.KEY, type
keys = {}
env = dict(os.environ)
for line in subprocess.run([BUILD + "/libexec/verbs/config", "keys"], capture_output=True, text=True, check=True, env=env).stdout.split("\n"):
    if line:
        page, key, _ = line.split("\t")
        keys.setdefault(page, []).append(key)
for page, have in sorted(keys.items()):
    text = read(f"{SOURCE}/etc/{page}.5")
    part = re.search(r"^\.Ss Options\n(.*?)^\.Sh ", text, re.S | re.M).group(1)
    told, inside, depth = [], "", 0
    for line in part.split("\n"):
        if line.startswith(".Bl"):
            depth += 1
            inside = told[-1] if depth == 2 else ""
        elif line.startswith(".El"):
            depth -= 1
            inside = ""
        elif m := re.match(r"\.It Cm (\S+)", line):
            told.append(f"{inside}.{m.group(1)}" if inside else m.group(1))
    tap.none([f"{k} is not in the page" for k in have if k not in told] + [f"{k} is not an option" for k in told if k not in have],
             f"etc/{page}.5: every key is in the page, and no others")
    samples = {"posthorn.conf": "posthorn.conf.sample", "domain.conf": "domains/domain.conf.sample", "account.conf": "accounts/account.conf.sample"}
    sample = read(f"{SOURCE}/etc/{samples[page]}")
    words = set(re.findall(r"^\s*#?\s*([a-z-]+)(?= =| \{| \S+ \{)", sample, re.M)) | set(re.findall(r"\{ ([a-z-]+) =", sample))
    known = {k.split(".")[-1] for k in have}
    tap.none([f"{w} is not an option" for w in sorted(words) if w not in known and re.search(rf"^\s*#?{w} (=|\{{|\S+ \{{)", sample, re.M)],
             f"etc/{samples[page]}: holds no option that is not")
tap.done()
