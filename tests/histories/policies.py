# SPDX-License-Identifier: Apache-2.0
"""Two weaker ways to reuse, on the data of the same history: how many units they would have run.

whole tree: a unit runs unless the very same tree was seen before.
by folder: a unit runs unless the folders it reads from, and those of the units whose products it reads, were seen before in
the very same state. What it reads is taken from what it was observed to read in the whole history: a declaration as good
as a person could write it. Each simplification favours the policy: looks at names and sizes (X, T) declare nothing, a
failure counts as answered, too, and no version is lost to a wrong declaration.
"""
import collections

from sources import git

# Questions for which somebody would declare an input: contents, listings, targets of links, subtrees.
DECLARED = "CDLR"


def folder_of(kind, path, depth):
    """What is declared for a question below the root: ("tree", folder) = all below, ("files", folder) = its files only."""
    folder = path if kind in "DR" else path.rpartition("/")[0]
    parts = folder.split("/") if folder else []
    if len(parts) >= depth:
        return ("tree", "/".join(parts[:depth]))
    return ("files", folder)


class Declarations:
    def __init__(self, evidence, units, build_dir, depth):
        self.direct = {}
        self.producers = {}
        edges = {"/src/%s/%s" % (build_dir, unit): (layer, unit) for layer, unit in units if layer == "build"}
        configure = ("build", "configure")
        for name in units:
            folders, producers = set(), set()
            for kind, path in evidence.asked.get(name, ()):
                if kind not in DECLARED or not (path + "/").startswith("/src/"):
                    continue
                if path.startswith("/src/%s/" % build_dir):
                    producers.add(edges.get(path, configure))
                else:
                    folders.add(folder_of(kind, path[len("/src/"):], depth))
            self.direct[name] = folders
            self.producers[name] = {p for p in producers if p != name and p in units}

    def of(self, name):
        """The folders of a unit and of all whose products it reads, however far away."""
        seen, waiting, folders = {name}, [name], set()
        while waiting:
            current = waiting.pop()
            folders |= self.direct[current]
            new = self.producers[current] - seen
            seen |= new
            waiting.extend(new)
        return frozenset(folders)


class Objects:
    """Ids of everything in one commit."""

    def __init__(self, repo, revision):
        self.root = git(repo, "rev-parse", revision + "^{tree}")
        self.ids = {"": self.root}
        self.files = collections.defaultdict(list)
        for line in git(repo, "ls-tree", "-r", "-t", "-z", revision).split("\0"):
            if not line:
                continue
            what, path = line.split("\t", 1)
            mode, kind, found = what.split()
            self.ids[path] = found
            if kind == "blob":
                self.files[path.rpartition("/")[0]].append((path, mode, found))

    def state(self, folder):
        kind, path = folder
        return self.ids.get(path) if kind == "tree" else tuple(sorted(self.files.get(path, ())))


def count_runs(versions, repo, declarations):
    """versions: [(revision, units)]: (runs with whole-tree equality, runs by folder)."""
    trees, keys = set(), set()
    whole = by_folder = 0
    declared = {}
    for revision, units in versions:
        objects = Objects(repo, revision)
        whole += 0 if objects.root in trees else len(units)
        trees.add(objects.root)
        for name in units:
            if name not in declared:
                declared[name] = sorted(declarations.of(name))
            key = (name, hash(tuple((folder, objects.state(folder)) for folder in declared[name])))
            by_folder += key not in keys
            keys.add(key)
    return whole, by_folder
