# SPDX-License-Identifier: Apache-2.0
"""Histories as git repositories: commits of a repository that is there, or releases of an npm package, each made a commit.

What is fetched and made lies in the work folder (build/histories), never in the tree, and is used again.
"""
import hashlib
import json
import pathlib
import re
import shutil
import subprocess
import tarfile

HERE = pathlib.Path(__file__).resolve().parent
PROJECTS = HERE / "projects"

# npm is asked for this many tarballs at a time: a command line of a few kilobytes.
FETCH_AT_ONCE = 10


class Unreachable(Exception):
    """The registry does not answer, or not with what is needed."""


def git(folder, *args, **more):
    done = subprocess.run(["git", "-C", str(folder), *args], check=True, stdout=subprocess.PIPE, text=True, **more)
    return done.stdout.strip()


def load(name):
    """A project: its settings, pipeline text, and the folder laid over each version (may be absent)."""
    folder = PROJECTS / name
    project = json.loads((folder / "project.json").read_text())
    project["name"] = name
    project["pipeline"] = (folder / "pipeline.yml").read_text()
    project["overlay"] = folder / "tree"
    return project


def names():
    return sorted(p.parent.name for p in PROJECTS.glob("*/project.json"))


def release_order(version):
    """Sorts as semantic versioning says: a prerelease before its release."""
    numbers, _, pre = version.partition("+")[0].partition("-")
    parts = [(0, int(w), "") if w.isdigit() else (1, 0, w) for w in re.split(r"[.-]", pre)] if pre else [(2, 0, "")]
    return [int(n) for n in numbers.split(".")], parts


def npm(*args, **more):
    try:
        return subprocess.run(["npm", "--loglevel=error", *args], check=True, capture_output=True, text=True,
                              timeout=600, **more).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise Unreachable("npm %s: %s" % (args[0], error)) from error


def releases(project, work):
    """All releases from the first usable one, oldest first. The list is kept: a history does not grow between runs."""
    kept = work / "versions.json"
    if not kept.exists():
        listed = npm("view", project["npm"], "versions", "--json")
        kept.write_text(listed)
    versions = sorted(json.loads(kept.read_text()), key=release_order)
    first = release_order(project["from"])
    return [v for v in versions if release_order(v) >= first]


def tarball(project, version, store):
    return store / ("%s-%s.tgz" % (project["npm"], version))


def fetch(project, versions, store):
    store.mkdir(parents=True, exist_ok=True)
    missing = [v for v in versions if not tarball(project, v, store).exists()]
    for at in range(0, len(missing), FETCH_AT_ONCE):
        some = missing[at:at + FETCH_AT_ONCE]
        part = store / "part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        npm("pack", "--silent", "--pack-destination", str(part), *["%s@%s" % (project["npm"], v) for v in some], cwd=store)
        for version in some: # whole or not at all
            (part / tarball(project, version, store).name).rename(tarball(project, version, store))
        shutil.rmtree(part)


def wanted(project, name):
    keep = project.get("keep")
    return keep is None or any(name.startswith(k) for k in keep)


def steady(name, data):
    """package.json without the number that only publishing writes: otherwise no two versions would share it."""
    if name != "package.json":
        return data
    fields = json.loads(data)
    for field in ("version", "gitHead", "_id", "_from", "_resolved", "_shasum"):
        fields.pop(field, None)
    return (json.dumps(fields, indent=2) + "\n").encode()


def unpack(project, archive, folder):
    """Writes the files of a release; links and anything that leads out of the folder are left out."""
    with tarfile.open(archive) as tar:
        for member in tar:
            name = member.name.partition("/")[2]
            if not member.isfile() or not wanted(project, name) or ".." in name.split("/") or name.startswith("/"):
                continue
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(steady(name, tar.extractfile(member).read()))
            path.chmod(0o755 if member.mode & 0o100 else 0o644)


def clear(folder):
    for entry in folder.iterdir():
        if entry.name == ".git":
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def overlay_digest(project):
    digest = hashlib.sha256(json.dumps([project.get("keep"), project.get("npm")]).encode())
    for path in sorted(p for p in project["overlay"].rglob("*") if p.is_file()):
        digest.update(str(path.relative_to(project["overlay"])).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def commit_release(project, version, archive, repo):
    clear(repo)
    unpack(project, archive, repo)
    shutil.copytree(project["overlay"], repo, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    git(repo, "add", "--all", "--force")
    git(repo, "-c", "user.name=histories", "-c", "user.email=histories@example.invalid", "commit", "--quiet",
        "--allow-empty", "--message", version)
    git(repo, "tag", "--force", "v" + version)


def npm_history(project, work, count):
    """A repository with a commit and a tag for each of the last `count` releases: (repo, [(name, revision)])."""
    versions = releases(project, work)[-count:]
    repo, stamp = work / "repo", work / "repo.stamp"
    made = json.dumps([versions, overlay_digest(project)])
    if not stamp.exists() or stamp.read_text() != made:
        fetch(project, versions, work / "releases")
        shutil.rmtree(repo, ignore_errors=True)
        repo.mkdir()
        git(repo, "init", "--quiet")
        git(repo, "config", "core.autocrlf", "false")
        for version in versions:
            commit_release(project, version, tarball(project, version, work / "releases"), repo)
        stamp.write_text(made)
    return repo, [(v, "v" + v) for v in versions]


def git_history(project, root, count):
    """The last `count` commits that have all that the pipeline needs: (repo, [(name, revision)])."""
    repo = (root / project["git"]).resolve()
    commits = []
    for line in git(repo, "log", "--first-parent", "--format=%H %h").splitlines():
        revision, short = line.split()
        if all(subprocess.run(["git", "-C", str(repo), "cat-file", "-e", "%s:%s" % (revision, path)],
                              stderr=subprocess.DEVNULL, check=False).returncode == 0 for path in project["needs"]):
            commits.append((short, revision))
        if len(commits) == count:
            break
    return repo, commits[::-1]


def history(project, root, work, count):
    work.mkdir(parents=True, exist_ok=True)
    if "npm" in project:
        return npm_history(project, work, count)
    return git_history(project, root, count)
