# SPDX-License-Identifier: Apache-2.0
"""Runs the commands of pages and compares what they print with what the pages say.

usage: handbook.py SLUICE FOLDER PAGE...
       handbook.py --self-test

Each page has an empty folder, a HOME and a cache of its own, and one shell, in which its blocks
are run in their order:

    ```console                 each line after `$ ` is a command (a `\\` at its end: the next line too);
    $ command                  the lines below are all it prints, on both streams. `...` stands for
    what it prints             anything in a line, a line `...` for any lines.
    ```

    <!-- file: PATH -->        the next block is what that file holds
    <!-- run                   commands nobody needs to see; they must succeed
    ... -->

A command must succeed, unless `$ echo $?` follows and tells its exit code. A block of shell (`sh`, `bash`, no
name) that is no file would show commands that nobody runs: in the handbook and in docs/ci it is wrong, and so is
an indented command of sluice.
"""
import os
import pathlib
import re
import secrets
import signal
import subprocess
import sys
import tempfile

SECONDS = 120  # one command; the longest builds a small CMake project
FENCE = re.compile(r"^(\s*)```(\S*)\s*$")
SHELL = ("", "sh", "bash", "shell", "shell-session", "zsh", "fish")
INDENTED = re.compile(r"^(?: {4}|\t)\s*(?:\$ )?sluice ")  # outside of a block
COMMENT = re.compile(r"^<!-- (file|run)(?:: (\S+))?")


class Wrong(Exception):
    """The page says something that is not so."""


def steps(text):
    """(line, kind, what, expected) of a page: kind is run, file, shown or unseen (shell that is not run)."""
    lines = text.splitlines()
    at, target = 0, None
    while at < len(lines):
        comment, fence = COMMENT.match(lines[at]), FENCE.match(lines[at])
        start = at + 1
        if comment and comment[1] == "file":
            target = comment[2]
        elif comment:
            end = next((n for n in range(at, len(lines)) if "-->" in lines[n]), None)
            if end is None:
                raise Wrong(f"{start}: this comment has no end")
            hidden = "\n".join(lines[at + 1 : end] + [lines[end].split("-->")[0]])
            yield start, "run", hidden.strip(), []
            at = end
        elif fence:
            end = next((n for n in range(at + 1, len(lines)) if lines[n].strip() == "```"), None)
            if end is None:
                raise Wrong(f"{start}: this block has no end")
            body = [line.removeprefix(fence[1]) for line in lines[at + 1 : end]]
            if target:
                yield start, "file", target, body
                target = None
            elif fence[2] == "console":
                yield from commands(body, start + 1)
            elif fence[2] in SHELL:
                yield start, "unseen", body[0] if body else "", []
            at = end
        elif INDENTED.match(lines[at]):
            yield start, "unseen", lines[at].strip(), []
        at += 1


def commands(body, first):
    """The commands of a console block, each with the lines it prints."""
    at = 0
    while at < len(body):
        if not body[at].startswith("$ "):
            raise Wrong(f"{first + at}: a console block begins with a command: $ ...")
        start, words = at, [body[at][2:]]
        while words[-1].endswith("\\") and at + 1 < len(body):
            at += 1
            words.append(body[at])
        at += 1
        expected = []
        while at < len(body) and not body[at].startswith("$ "):
            expected.append(body[at])
            at += 1
        yield first + start, "shown", "\n".join(words), expected


def agrees(expected, printed):
    """Whether the lines are as the page says; `...` as told on top."""
    pattern = ""
    for line in expected:
        if line.strip() == "...":
            pattern += r"(?:.*\n)*?"
        else:
            pieces = re.split(r"\.{3,}", line.rstrip())
            pattern += ".*?".join(re.escape(piece) for piece in pieces) + r"[ \t]*\n"
    return re.fullmatch(pattern, "".join(line + "\n" for line in printed)) is not None


class Shell:
    """One shell for a page; it and what it started are gone afterwards."""

    def __init__(self, folder, environment):
        self.mark = f"@@{secrets.token_hex(8)}"
        inner, outer = os.pipe()
        loop = (
            f"while IFS= read -r -d '' -u {inner} command; do (exit \"${{status:-0}}\"); "
            f"eval \"$command\" </dev/null {inner}<&-; status=$?; "
            f"printf '\\n{self.mark} %s\\n' \"$status\"; done"
        )
        self.process = subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-c", loop],
            cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, pass_fds=[inner], start_new_session=True,
        )
        os.close(inner)
        self.pipe = outer

    def run(self, command):
        """(exit code, printed lines)"""
        os.write(self.pipe, command.encode() + b"\0")
        signal.alarm(SECONDS)
        printed = []
        for line in self.process.stdout:
            line = line.decode("utf-8", "replace").rstrip("\n")
            if line.startswith(self.mark):
                signal.alarm(0)
                if not printed[-1]:
                    printed.pop()  # the mark's own; else it ended a last line without end
                return int(line.split()[1]), printed
            printed.append(line)
        raise Wrong(f"the shell ended in: {command}")

    def close(self):
        os.close(self.pipe)
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


def run_page(steps_of_page, shell, folder):
    """Runs one page to its end; returns how many commands were shown, or raises all that is wrong."""
    todo = list(steps_of_page)
    shown, wrong = 0, []
    for number, (line, kind, what, expected) in enumerate(todo):
        if kind == "file":
            path = folder / what
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(expected) + "\n", encoding="utf-8")
            continue
        status, printed = shell.run(what)
        shown += kind == "shown"
        told = number + 1 < len(todo) and todo[number + 1][2] == "echo $?"
        if status != 0 and not told:
            wrong.append(f"{line}: exit code {status}: {what}\n" + "\n".join(printed))
        elif kind == "shown" and not agrees(expected, printed):
            wrong.append(
                f"{line}: {what}\n--- the page says:\n" + "\n".join(expected)
                + "\n--- it printed:\n" + "\n".join(printed)
            )
    if wrong:
        raise Wrong("\n".join(wrong))
    return shown


def environment_of(home, sluice):
    """What commands of a page see: nothing of the user's but where programs are."""
    kept = {name: os.environ[name] for name in ("RUSTUP_HOME", "TMPDIR") if name in os.environ}
    rustup = pathlib.Path(os.environ.get("HOME", "/nonexistent")) / ".rustup"
    if rustup.is_dir():
        kept.setdefault("RUSTUP_HOME", str(rustup))
    return kept | {
        "PATH": f"{pathlib.Path(sluice).resolve().parent}:{os.environ['PATH']}",
        "HOME": str(home), "LC_ALL": "C.UTF-8", "TZ": "UTC", "TERM": "dumb",
        "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
    }


def all_run(found, is_handbook):
    """The steps that are run, or raises what shows a command that is not."""
    unseen = [f"{line}: nobody runs this; make it a console block: {what}" for line, kind, what, _ in found if kind == "unseen"]
    if unseen and is_handbook:
        raise Wrong("\n".join(unseen))
    return [step for step in found if step[1] != "unseen"]


def prove(page, sluice, work):
    """Runs the page in folders of its own below `work`."""
    is_handbook = page.resolve().parent.name in ("handbook", "ci")
    found = all_run(list(steps(page.read_text(encoding="utf-8"))), is_handbook)
    if not any(kind in ("shown", "run") for _, kind, _, _ in found):
        return 0
    base = pathlib.Path(tempfile.mkdtemp(prefix=page.stem + ".", dir=work))
    home, tree = base / "home", base / "project"
    home.mkdir()
    tree.mkdir()
    (home / ".gitconfig").write_text(
        "[user]\n\tname = You\n\temail = you@example.org\n[init]\n\tdefaultBranch = main\n",
        encoding="utf-8",
    )
    shell = Shell(tree, environment_of(home, sluice))
    try:
        return run_page(found, shell, tree)
    finally:
        shell.close()


def self_test():
    """This judge sees what is wrong."""
    assert agrees(["a ... c", "..."], ["a b c", "x", "y"]) and agrees(["..."], [])
    assert agrees(["in ...s"], ["in 0.5s  "]) and not agrees(["in ...s"], ["in 0.5s", "more"])
    assert not agrees([], ["x"]) and not agrees(["x"], []) and not agrees(["a"], ["ab"])
    with tempfile.TemporaryDirectory() as name:
        for text, good in (
            ("```console\n$ false\n$ echo $?\n1\n$ X=1; cd /\n$ echo $X $PWD\n1 /\n```", True),
            ("<!-- file: d/f -->\n```text\nhello\n```\n```console\n$ cat d/f; printf end\nhello\nend\n```", True),
            ("<!-- run\necho unseen\n-->\n```console\n$ echo a \\\n  b >&2\na b\n```", True),
            ("```console\n$ false\n```", False), ("```console\n$ echo a\nb\n```", False),
            ("<!-- run\nfalse\n-->", False), ("```console\n$ true\n$ echo $?\n1\n```", False),
            ("```console\n$ exit 3\n```", False),
        ):
            shell = Shell(name, dict(os.environ))
            try:
                run_page(steps(text), shell, pathlib.Path(name))
                right = good
            except Wrong:
                right = not good
            finally:
                shell.close()
            assert right, text
    for text in ("```sh\nsluice run\n```", "```\nsluice run\n```", "so:\n\n    $ sluice run\n"):
        try:
            all_run(list(steps(text)), True)
            assert False, text
        except Wrong:
            assert all_run(list(steps(text)), False) == []
    assert all_run(list(steps("<!-- file: a -->\n```sh\nsluice run\n```")), True)
    print("ok: the judge of the handbook sees what is wrong")


def on_alarm(_signal, _frame):
    raise Wrong(f"a command took longer than {SECONDS} s")


def main(arguments):
    signal.signal(signal.SIGALRM, on_alarm)
    if arguments == ["--self-test"]:
        return self_test()
    sluice, work, pages = arguments[0], arguments[1], arguments[2:]
    total = wrong = 0
    for page in map(pathlib.Path, pages):
        try:
            shown = prove(page, sluice, work)
        except Wrong as error:
            print(f"FAILED: {page}:{error}", file=sys.stderr)
            wrong += 1
            continue
        total += shown
        if shown:
            print(f"ok: {page.name}: {shown} commands")
    print(f"{total} commands in {len(pages)} pages, {wrong} pages wrong")
    return 1 if wrong or not total else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
