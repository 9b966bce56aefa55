#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random states of a repository: a run with reuse must say what a run without it says in a fresh copy.

usage: git_states.py SLUICE [--rounds N] [--seed S] [--keep DIR]

Where replay.py asks what programs do, this asks what git does: index flags, sparse checkouts, conversions by
attribute files and settings, ignore files, submodules, stashes, merges that are not finished, edits that keep size and
time, exposed folders and links. One tree and one store live through all of it, so that checkouts and kept
indexes are old ones. The copy has neither: what a checkout keeps wrongly cannot be wrong in both.
"""
import argparse
import json
import mmap
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

import outcomes

# Programs that look at the tree in different ways: name -> command, what is exposed to it.
UNITS = {
    "content": ("cat a 2>&1 | od -c", []),
    "contents": ("cat d/* 2>&1 | od -c", []),
    "listing": ("ls -F d e 2>&1", []),
    "find": ("find . -path ./.sluice -prune -o -printf '%y %m %p %l\\n' | LC_ALL=C sort", []),
    "sizes": ("stat -c '%s %A %F' a b d/* x.sh 2>&1", []),
    "links": ("readlink l m; cat l m/f 2>&1", []),
    "run": ("./x.sh 2>&1; PATH=/src/p1:/src/p2:$PATH tool 2>&1", []),
    "ignored": ("cat ignored.txt ign/f 2>&1; ls *.o 2>&1", []),
    "exposed": ("find vend -printf '%y %m %P %l %s\\n' 2>&1 | LC_ALL=C sort; cat vend/f vend/l/f 2>&1", ["vend"]),
    "exposed_file": ("cat vend/f 2>&1", ["vend"]),
    "exposed_link": ("cat exlink/f 2>&1", ["exlink"]),
    "search": ("grep -rn x d e sub 2>&1 | LC_ALL=C sort", []),
    "submodule": ("cat sub/s 2>&1; ls -a sub 2>&1", []),
    "odd_names": ("for f in o*; do printf '%s\\n' \"$f\"; cat \"$f\"; done 2>&1", []),
    "absent": ("test -e n/o/p && cat n/o/p; ls q 2>&1", []),
    "repository": ("ls -a .git 2>&1; git rev-parse HEAD 2>&1", []),
    "detours": ("cat d/../a e/../b 2>&1", []),
    "writes": ("echo x >>a; cat a | od -c; mv d dd 2>&1; find dd -type f | LC_ALL=C sort | xargs cat 2>&1 | od -c", []),
}
FILES = ["a", "b", "d/1", "d/2", "d/3", "e/f", "e/2", "x.sh", "p1/tool", "p2/tool", "n/o/p", "n/o", "n", "q/r", "q",
         "ignored.txt", "ign/f", "k.o"]
NAMES = FILES + ["l", "m", "o\nne", "e", "d"]
TEXTS = ["1\n", "2\n", "33\n", "x\r\ny\r\n", "x\ny\n", "$Id$\n", ""]
ATTRIBUTES = ["", "* text=auto\n", "a text eol=crlf\n", "* eol=crlf\n", "* ident\n", "b ident\n", "d/* text eol=crlf\n",
              "a working-tree-encoding=UTF-16\n", "[attr]foo eol=crlf\na foo\n", "a -text\n", "1 filter=up\n", "a filter=up\n"]
IGNORES = ["/vend\n/exlink\n" + rest for rest in ("ign*\n*.o\n", "*.o\n", "ign/\n!k.o\n", "d\n", "/a\n/q\n", "*\n!e\n")]
SETTINGS = ["core.autocrlf true", "core.autocrlf false", "core.autocrlf input", "core.eol crlf", "core.eol lf",
            "core.fileMode false", "core.fileMode true", "core.symlinks false", "core.symlinks true", "core.trustctime false",
            "core.checkStat minimal", "core.untrackedCache true", "core.splitIndex true", "core.ignoreCase true",
            "core.excludesFile TOP/excludes", "core.attributesFile TOP/attributes", "filter.up.smudge 'tr a-z A-Z'",
            "filter.up.smudge cat", "filter.up.clean 'tr A-Z a-z'", "--unset core.autocrlf", "--unset core.eol",
            "index.sparse true", "feature.manyFiles true"]
GIT = ["git add -A", "git add -A; git commit -qm x", "git stash -qu", "git stash pop -q", "git checkout -qf HEAD~1",
       "git checkout -qf main", "git reset -q --hard", "git reset -q", "git rm -rq --cached e d", "git rm -rq --cached .",
       "git merge --abort", "git gc -q --prune=now", "rm -f .git/index", "git commit -q --allow-empty -m e",
       "git update-index --refresh", "git checkout -q -- .", "git clean -fdq", "git read-tree HEAD",
       "git add --renormalize .", "git update-index --split-index", "git add a --chmod=+x", "git init -q d",
       "git init -q d; cd d; git add -A; git commit -qm d", "rm -rf d/.git", ": >.git/index.lock", "rm -f .git/index.lock",
       "git sparse-checkout set --no-cone /a /e /sluice.yml", "git sparse-checkout disable", "git sparse-checkout set --cone d",
       "git submodule add -q TOP/module sub", "cd sub && git checkout -q HEAD~1", "cd sub && git checkout -q main",
       "cd sub && echo dirty >>s", "cd sub && git checkout -q s", "cd sub && echo u >untracked", "rm -rf sub",
       "git submodule update -q --init --force", "git submodule deinit -qf sub",
       "git stash -qu; git checkout -qf -B side; echo $RANDOM >a; git add -A; git commit -qm side; git checkout -q main; "
       "echo $RANDOM >a; git add -A; git commit -qm main; git merge side"]
FLAGS = ["--assume-unchanged", "--no-assume-unchanged", "--skip-worktree", "--no-skip-worktree"]


class World:
    """A tree that is edited, and what lies beside it."""

    def __init__(self, top, rng):
        self.top, self.rng = top, rng
        self.tree, self.beside, self.home = top / "tree", top / "beside", top / "home"
        for folder in (self.tree, self.beside, self.home):
            folder.mkdir(parents=True)
        self.env = {"PATH": os.environ["PATH"], "HOME": str(self.home), "GIT_CONFIG_NOSYSTEM": "1", "TERM": "dumb"}
        self.git("git config --global user.email a@b; git config --global user.name n; "
                 "git config --global protocol.file.allow always; git config --global init.defaultBranch main; git init -q")
        layers = {name: {"uses": "command", "with": {"run": run}, **({"expose": expose} if expose else {})}
                  for name, (run, expose) in UNITS.items()}
        self.pipeline = json.dumps({"version": 1, "layers": layers})
        for name, text in (("a", "a1\n"), ("b", "b1\n"), ("x.sh", "#!/bin/sh\ncat b\n"), (".gitignore", IGNORES[0]),
                           ("d/1", "x1\n"), ("d/2", "x2\n"), ("e/f", "xf\n"), ("e/2", "x2\n"), ("p2/tool", "echo tool\n"),
                           ("vend/f", "xf\n"), ("vend/l2/f", "xl\n"), ("o\nne", "nl"), ("sluice.yml", self.pipeline)):
            self.put(name, text)
        (pathlib.Path(os.fsdecode(os.fsencode(self.tree) + b"/o\xe9"))).write_text("latin")
        for name in ("x.sh", "p2/tool"):
            (self.tree / name).chmod(0o755)
        for name, target in (("l", "a"), ("m", "e"), ("vend/l", "l2"), ("exlink", self.beside)):
            (self.tree / name).symlink_to(target)
        (self.beside / "f").write_text("beside\n")
        self.git("git add -A; git commit -qm one; mkdir ../module; cd ../module; git init -q; echo s1 >s; git add -A; "
                 "git commit -qm s; echo s2 >s; git commit -qam s2")

    def git(self, script):
        subprocess.run(["bash", "-c", script.replace("TOP", str(self.top))], cwd=self.tree, env=self.env,
                       capture_output=True, check=False)

    def remove(self, name):
        path = self.tree / name
        if path.is_symlink() or path.is_file():
            path.unlink()
        elif path.is_dir():
            shutil.rmtree(path)

    def put(self, name, text, mode=None):
        path = self.tree / name
        for parent in list(path.relative_to(self.tree).parents)[:-1][::-1]:
            full = self.tree / parent
            if full.is_file() or (full.is_symlink() and not full.is_dir()):
                full.unlink()
        if path.is_symlink() or path.is_dir():
            self.remove(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, newline="")
        if mode:
            path.chmod(mode)

    # ---- edits: each returns what it did ----

    def edit(self):
        name = self.rng.choice(FILES)
        self.put(name, self.rng.choice(TEXTS), self.rng.choice([None, None, 0o755, 0o644]))
        return "edit " + name

    def edit_unseen(self):
        """Size and modification time stay."""
        path = self.tree / self.rng.choice(["a", "b", "d/1", "e/f"])
        how = self.rng.choice(["in place", "by rename", "by mmap"])
        if not path.is_file() or path.is_symlink() or path.stat().st_size == 0:
            return "nothing"
        stat, first = path.stat(), bytes([self.rng.choice(b"0123456789")])
        if how == "by rename":
            other = path.with_name("other")
            other.write_bytes(first + path.read_bytes()[1:])
            other.chmod(stat.st_mode & 0o777)
            other.rename(path)
        else:
            with open(path, "r+b") as file:
                if how == "by mmap":
                    with mmap.mmap(file.fileno(), 0) as memory:
                        memory[0:1] = first
                else:
                    file.write(first)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        return "edit %s %s, same size and time" % (path.name, how)

    def remove_some(self):
        name = self.rng.choice(NAMES)
        self.remove(name)
        return "remove %r" % name

    def link(self):
        name = self.rng.choice(["l", "m", "a", "d", "e", "d/1", "n", "q", "x.sh", "p1", "p2"])
        target = self.rng.choice(["a", "b", "e", "d", "p2", "../e", "/src/a", "l", "/etc/hostname", "nowhere", "e/f", "e/../b"])
        self.remove(name)
        (self.tree / name).parent.mkdir(parents=True, exist_ok=True)
        (self.tree / name).symlink_to(target)
        return "link %s to %s" % (name, target)

    def rename(self):
        name, to = self.rng.sample(NAMES, 2)
        if not os.path.lexists(self.tree / name):
            return "nothing"
        self.remove(to)
        (self.tree / to).parent.mkdir(parents=True, exist_ok=True)
        (self.tree / name).rename(self.tree / to)
        return "rename %r to %r" % (name, to)

    def permissions(self):
        path = self.tree / self.rng.choice(["a", "d/1", "x.sh", "vend/f", "d", "vend"])
        mode = self.rng.choice([0o644, 0o755, 0o600, 0o700])
        path.chmod(mode | 0o100 if path.is_dir() else mode)
        return "chmod %o %s" % (mode, path.name)

    def flag(self):
        tracked = subprocess.run(["git", "ls-files", "-z"], cwd=self.tree, env=self.env, capture_output=True, check=False)
        names = [os.fsdecode(name) for name in tracked.stdout.split(b"\0") if name]
        name, flag = self.rng.choice(names or ["a"]), self.rng.choice(FLAGS)
        subprocess.run(["git", "update-index", flag, name], cwd=self.tree, env=self.env, capture_output=True, check=False)
        return "%s %r" % (flag, name)

    def intend(self):
        name = self.rng.choice(FILES)
        self.git("git add -N -- '%s'" % name)
        return "git add -N " + name

    def rules(self):
        """An attribute or ignore file."""
        names, texts = self.rng.choice([([".gitattributes", ".git/info/attributes", "d/.gitattributes"], ATTRIBUTES),
                                        ([".gitignore", ".git/info/exclude", "d/.gitignore"], IGNORES)])
        name, text = self.rng.choice(names), self.rng.choice(texts)
        self.put(name, text)
        return "%s: %r" % (name, text)

    def setting(self):
        setting = self.rng.choice(["", "--global "]) + self.rng.choice(SETTINGS)
        self.git("git config " + setting)
        return "git config " + setting

    def global_rules(self):
        name, texts = self.rng.choice([("excludes", ["", "q\n"]), ("attributes", ["", "a eol=crlf\n", "b ident\n"])])
        (self.top / name).write_text(self.rng.choice(texts))
        return "global " + name

    def exposed(self):
        what = self.rng.choice(["put", "put", "remove", "link", "replace", "beside", "turn"])
        if what == "remove":
            self.remove(self.rng.choice(["vend/f", "vend/l2/f", "vend/new", "vend/l2"]))
        elif what == "link":
            self.remove("vend/l")
            (self.tree / "vend/l").symlink_to(self.rng.choice(["l2", "../e", "f"]))
        elif what == "replace":
            self.remove("vend")
            self.put("vend/f", "new")
            self.put("vend/l2/f", "new")
        elif what == "beside":
            (self.beside / "f").write_text(self.rng.choice("12"))
        elif what == "turn":
            other = self.top / "other"
            other.mkdir(exist_ok=True)
            (other / "f").write_text(self.rng.choice("13"))
            self.remove("exlink")
            (self.tree / "exlink").symlink_to(self.rng.choice([self.beside, other]))
        else:
            self.put(self.rng.choice(["vend/f", "vend/l2/f", "vend/new"]), self.rng.choice(["1", "2", "22"]))
        return "exposed: " + what

    def touch(self):
        path = self.tree / self.rng.choice(["a", "b", "d/1", "vend/f"])
        os.utime(path, (self.rng.choice([0, 10**9, 4 * 10**9]),) * 2)
        return "touch " + path.name

    def ask_git(self):
        script = self.rng.choice(GIT)
        self.git(script)
        return script

    def change(self):
        edits = [self.edit] * 5 + [self.edit_unseen] * 4 + [self.remove_some] * 2 + [self.link] * 3 + [self.rename] * 3
        edits += [self.permissions] * 2 + [self.flag] * 2 + [self.intend] + [self.rules] * 5 + [self.setting] * 2
        edits += [self.global_rules] + [self.exposed] * 5 + [self.touch] * 2 + [self.ask_git] * 22
        done = []
        for _ in range(self.rng.choice([1, 1, 1, 2, 3])):
            edit = self.rng.choice(edits)
            try:
                done.append(edit())
            except OSError as error:
                done.append("%s: %s" % (edit.__name__, error.strerror))
        if not (self.tree / "sluice.yml").exists():
            (self.tree / "sluice.yml").write_text(self.pipeline)
        return done


def run(sluice, world, tree, cache, *options):
    """What outcomes.read() says of the layers; None when nothing was run. And words."""
    events = world.top / "events.ndjson"
    events.unlink(missing_ok=True)
    done = subprocess.run([sluice, "run", "--quiet", "--events", str(events), *options], cwd=tree, capture_output=True, text=True,
                          errors="replace", env=dict(world.env, SLUICE_CACHE=str(cache)), check=False)
    if done.returncode not in (0, 1):
        return None, done.stderr
    return outcomes.read(events, tree, "layer"), done.stderr


def compare(state, history, with_reuse, fresh):
    """How many units differ, which are told."""
    wrong = 0
    for layer in sorted(set(with_reuse) | set(fresh)):
        one, other = with_reuse.get(layer), fresh.get(layer)
        if one is None or other is None or one[:3] != other[:3]:
            wrong += 1
            print("DIFFERENT in state %d after %s\n%s: with reuse %s\nin a fresh copy %s" % (state, history[-6:], layer, one, other))
    return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("sluice")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", help="leave the trees here for a look")
    options = parser.parse_args()
    sluice = str(pathlib.Path(options.sluice).resolve())
    top = pathlib.Path(options.keep or tempfile.mkdtemp(prefix="sluice-states-")).resolve()
    world = World(top, random.Random(options.seed))
    copy = top / "copy"
    decisions = reused = wrong = refused = 0
    history = []
    for state in range(options.rounds):
        history += world.change()
        shutil.rmtree(copy, ignore_errors=True)
        with_reuse, words = run(sluice, world, world.tree, top / "cache")
        subprocess.run(["cp", "-a", world.tree, copy], check=True)
        shutil.rmtree(copy / ".sluice", ignore_errors=True)
        fresh, other_words = run(sluice, world, copy, top / "other-cache", "--no-reuse")
        if with_reuse is None or fresh is None:  # both refuse such a state: an unfinished merge, say
            refused += 1
            if (with_reuse is None) != (fresh is None):
                wrong += 1
                print("ENDED DIFFERENTLY in state %d after %s:\n%s\n%s" % (state, history[-6:], words, other_words))
            world.git("rm -f .git/index.lock; git merge --abort || git reset -q --hard")
            continue
        decisions += len(with_reuse)
        reused += sum(result[3] for result in with_reuse.values())
        wrong += compare(state, history, with_reuse, fresh)
    if not options.keep:
        shutil.rmtree(top, ignore_errors=True)
    print("%d decisions in %d states: %d reused, %d wrong; %d states were refused" % (
        decisions, options.rounds, reused, wrong, refused))
    sys.exit(1 if wrong or reused == 0 else 0)


if __name__ == "__main__":
    main()
