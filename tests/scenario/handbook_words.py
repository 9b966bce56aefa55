# SPDX-License-Identifier: Apache-2.0
"""Every message that a page quotes is one of the sources, and every command that a page names is one of the program.

usage: handbook_words.py SLUICE REPOSITORY

A message stands on a page as **`words`**, with `...` for what a conversion such as %s puts there. It must be a
piece of one string in the C sources, of which adjacent pieces are joined as the compiler does.
"""
import pathlib
import re
import shlex
import subprocess
import sys

STRING = r'"(?:[^"\\\n]|\\.)*"'
TOKEN = re.compile(rf"/\*.*?\*/|//[^\n]*|(?P<strings>{STRING}(?:\s*(?:PRI\w+\s*)?{STRING})*)|'(?:[^'\\]|\\.)+'", re.S)
CONVERSION = re.compile(r"%[-+ #0]*(?:\*|\d+)?(?:\.(?:\*|\d+))?(?:hh|h|ll|l|j|z|t)?[a-zA-Z]")
QUOTED = re.compile(r"\*\*`([^`]+)`\*\*")
LINE = re.compile(r"^ *(sluice [a-z].*)$", re.M)
BLOCK = re.compile(r"^ *```(?!console)\S+\n(.*?)^ *```$|((?:^    [^\n]*\n)+)", re.S | re.M)
SPAN = re.compile(r"`(sluice [^`]+)`")
PLAIN = {'\\"': '"', "\\\\": "\\", "\\n": "\n", "\\t": "\t"}
STAND_IN = {"I/N": "1/2", "N": "5", "KIND=PATH": "junit=report.xml"}
INSIDE = ("decisions", "architecture.md")  # pages for those who change sluice name `sluice slot`, too
SHORTEST = 10  # characters, without `...`: less is said by anything


def plain(text):
    """A C string, or a message of a page, with its variable parts as one `...` each, quotes around them gone."""
    text = re.sub(r"\\.", lambda found: PLAIN.get(found[0], found[0]), text)
    text = CONVERSION.sub("...", text.replace("%%", "\x01")).replace("\x01", "%")
    text = re.sub(r'["`\']\.\.\.["`\']', "...", text)
    return re.sub(r"(?:\.\.\.)+", "...", text)


def strings(source):
    """The strings of a C source, adjacent ones joined."""
    for token in TOKEN.finditer(source):
        if token["strings"]:
            joined = re.sub(r'%[-+ #0-9.*]*"\s*PRI\w+\s*"', "...", token["strings"])
            yield plain("".join(piece[1:-1] for piece in re.findall(STRING, joined)))


def known(message, texts):
    """Whether one of the strings has these words; a `...` at either end stands for whatever is there."""
    words = plain(message)
    words = words.removeprefix("...").removesuffix("...").strip()
    return len(words.replace("...", "")) >= SHORTEST and any(words in text for text in texts)


def commands_of(text):
    """Commands of sluice in inline code, and lines of other blocks than console (these are run)."""
    prose = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.S | re.M)
    blocks = "\n".join("".join(found) for found in BLOCK.findall(text))
    lines = (re.split(r" +#| \|\|? |\\$", line)[0] for line in LINE.findall(blocks))
    return set(SPAN.findall(prose.replace("\\|", "|"))) | set(lines)


def accepted(sluice, command):
    """Whether the program takes these words, or explains them."""
    words = [word for word in shlex.split(command.replace("[RUN|", "").split(" | ")[0])[1:] if word != "..."]
    words = [STAND_IN.get(word, word) for word in words]
    done = subprocess.run([sluice, *words, "--help"], capture_output=True, stdin=subprocess.DEVNULL, check=False)
    return done.returncode == 0


def self_test(sluice):
    """This judge sees what is wrong."""
    source = '/* "not this one" */ err_set(err, "%s: cannot \\"open\\" the "\n  "file %zu of %" PRIu64 " now"); char c = \'"\';'
    texts = list(strings(source))
    assert texts == ['...: cannot "open" the file ... of ... now'], texts
    assert known('cannot "open" the file ... of ...', texts) and known("the file ... of ... now", texts)
    assert not known("cannot open the file", texts) and not known("now", texts) and not known("not this one", texts)
    assert accepted(sluice, "sluice run --quiet --shard I/N") and not accepted(sluice, "sluice run --no-such-option")


def main(sluice, repository):
    root = pathlib.Path(repository)
    self_test(sluice)
    texts = [
        text
        for folder in ("runner", "plugins", "reports")
        for path in sorted((root / folder).rglob("*.[ch]"))
        for text in strings(path.read_text(encoding="utf-8"))
    ]
    messages = named = 0
    wrong = []
    for page in [root / "README.md", *sorted((root / "docs").rglob("*.md"))]:
        text = page.read_text(encoding="utf-8")
        for message in QUOTED.findall(text) if page.parent.name == "handbook" else []:
            messages += 1
            if not known(message, texts):
                wrong.append(f"{page}: nothing in the sources says: {message}")
        inside = any(part in INSIDE for part in page.relative_to(root).parts)
        for command in [] if inside else sorted(commands_of(text)):
            named += 1
            if not accepted(sluice, command):
                wrong.append(f"{page}: sluice does not take: {command}")
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"{messages} messages and {named} commands in prose, {len(wrong)} wrong")
    return 1 if wrong or messages < 40 or named < 40 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
