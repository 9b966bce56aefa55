#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a file includes a header that its module may not see.

usage: check_layers.py [ROOT]        the house is drawn in docs/architecture.md

Modules stand on floors. A module may include what stands on the floors below its own, less what
ONLY takes away. Files of a test binary (tests/unit/MODULE, tests/fuzz) obey the law of their
module, so that a test cannot reach around it either.
"""
import pathlib
import re
import sys

FLOORS = (
    ("base",),
    ("model", "proc"),
    ("config", "store", "git", "observe"),
    ("reuse", "audit", "plugin"),
    ("plan", "exec"),
    ("sched",),
    ("queue",),
    ("web",),
    ("cli",),
)
SIDES = ("reports", "plugins")

# Narrower laws than "everything below", each with its reason.
ONLY = {
    "proc": {"base"},
    "model": {"base"},
    "store": {"base", "model"},  # the only place that speaks SQL; it starts nothing
    "git": {"base", "proc"},
    "plan": {"base", "model"},  # pure
    "sched": {"base", "model", "proc", "config", "git", "plugin", "plan", "exec"},  # emits events; writes no results
    "queue": {"base", "model", "proc", "git", "reuse", "plan"},  # reaches sched through its driver, wired by cli
    "web": {"base", "model", "store", "queue"},  # reads the store and the event stream
    "reports": {"base", "model"},
    "plugins": {"base"},  # and plugins/sdk
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
FUZZ = re.compile(r"/\*\s*fuzz:\s*([a-z_]+)")


def allowed_below():
    """Module -> the modules it may include."""
    allowed, below = {}, set()
    for floor in FLOORS:
        for module in floor:
            allowed[module] = ONLY.get(module, below)
        below = below | set(floor)
    for side in SIDES:
        allowed[side] = ONLY[side]
    allowed["cli"] = allowed["cli"] | {"reports"}  # cli wires the report writers
    return allowed


def module_of(path, text):
    """The module whose law binds a file, or None for a file that may include anything."""
    parts = path.parts
    if parts[0] == "runner":
        return parts[1] if len(parts) > 2 else None
    if parts[0] in SIDES:
        return parts[0]
    if parts[:2] == ("tests", "unit") and len(parts) > 3:
        name = parts[2]
        return "plugins" if name == "sdk" or name.startswith("plugin_") else name
    if parts[:2] == ("tests", "fuzz"):
        found = FUZZ.search(text)
        name = found[1] if found else None
        return "plugins" if name and (name == "sdk" or name.startswith("plugin_")) else name
    return None


def target_of(path, quoted, name, modules):
    """What an include names: a module, or None for a neighbour, a library or a system header."""
    first = name.split("/")[0]
    if "/" not in name or not quoted or first not in modules:
        return None
    if path.parts[0] == "tests" and first == "plugins":
        return "plugins"
    return first


def complaint(module, target, name):
    if target not in ALLOWED.get(module, MODULES):
        return f"{module} must not include {target} ({name})"
    return None


def plugin_of(path, text):
    """Name of the plugin a file belongs to."""
    if path.parts[0] != "tests":
        return path.parts[1]
    found = FUZZ.search(text) if path.parts[1] == "fuzz" else None
    return (found[1] if found else path.parts[2]).removeprefix("plugin_")


def check_plugin(path, text, name):
    """A plugin sees plugins/sdk and itself, no other plugin."""
    parts = name.split("/")
    own = plugin_of(path, text)
    if parts[0] == "plugins" and len(parts) > 2 and parts[1] not in ("sdk", own):
        return f"plugin {own} must not include plugin {parts[1]} ({name})"
    return None


def check_file(path, text):
    module = module_of(path, text)
    if module is None:
        return
    for number, line in enumerate(text.splitlines(), 1):
        found = INCLUDE.match(line)
        if not found:
            continue
        name = found[2]
        if ".." in name.split("/"):
            yield number, f"write the path from runner/ or the root, without '..' ({name})"
            continue
        target = target_of(path, found[1] == '"', name, MODULES)
        if target is None:
            continue
        said = check_plugin(path, text, name) if module == "plugins" and target == "plugins" else None
        said = said or (complaint(module, target, name) if target != module else None)
        if said:
            yield number, said


ALLOWED = allowed_below()
MODULES = frozenset(ALLOWED)


def main(root):
    errors = files = 0
    for top in ("runner", "reports", "plugins", "tests"):
        for path in sorted((root / top).rglob("*.[ch]")):
            files += 1
            shown = path.relative_to(root)
            for number, said in check_file(shown, path.read_text(encoding="utf-8")):
                print(f"{shown}:{number}: {said}", file=sys.stderr)
                errors += 1
    if files == 0:
        print(f"check_layers: no C file below {root}", file=sys.stderr)
        return 1
    print(f"check_layers: {files} files, {errors} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
