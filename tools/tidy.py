#!/usr/bin/env python3
"""The rules of the house that no compiler knows (docs/testing.md lists them).

Prints FILE:LINE: what is wrong. Ends with 1 when anything is. `--selftest` breaks each
rule in a scratch tree and checks that it is noticed.
"""
import pathlib
import re
import sys
import tempfile

MAX_LINES = 500
CODE_FOLDERS = ("policy", "queue", "relay", "tools", "tests")
TESTED_FOLDERS = ("policy", "queue", "relay")
VAGUE_NAMES = {"util", "utils", "common", "misc", "helpers"}
LEFTOVER = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK")) + r")\b")

# Who may include whom: the first layer whose pattern matches a file's path is its layer.
# Each has the project headers and the third-party headers that it may include.
LIBC = re.compile(
    r"(sys|netinet|arpa|linux|net)/[\w.]+|"
    r"(aio|arpa|assert|ctype|dirent|endian|errno|fcntl|float|getopt|grp|ifaddrs|inttypes|limits|locale|math|"
    r"netdb|nmmintrin|poll|pwd|sched|signal|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|string|strings|"
    r"syslog|time|unistd|wchar|wctype|emmintrin|immintrin|smmintrin|tmmintrin|xmmintrin|cpuid|spawn|termios|"
    r"glob|libgen|langinfo|malloc|sysexits|fnmatch|setjmp|stdalign|stdnoreturn|uchar)\.h")
POLICY_LIBC = re.compile(r"(assert|ctype|errno|float|inttypes|limits|math|stdbool|stddef|stdint|string|strings)\.h")
ANY = re.compile(r".*")
NOTHING = re.compile(r"$^")
LAYERS = (
    ("policy/", re.compile(r"policy/"), NOTHING),
    ("queue/", re.compile(r"queue/"), re.compile(r"(pthread|semaphore)\.h")),  # both are POSIX threads
    ("relay/smtp/", re.compile(r"relay/smtp/|policy/reply\.h|relay/(limits|state|arena)\.h|queue/(errmsg|list)\.h"),
     NOTHING),
    ("relay/net/", re.compile(r"relay/|queue/|policy/reply\.h"), ANY),
    ("relay/web/", re.compile(r"relay/web/"), NOTHING),
    ("relay/", re.compile(r"relay/|queue/|policy/"), re.compile(r"(?!uv\.h|ares).*")),
    ("tools/bench/", re.compile(r"tools/|queue/|policy/|tests/sim/"), ANY),
    ("tools/qshow.c", re.compile(r"queue/|relay/(vault|entropy)\.h"), ANY),  # opens an encrypted queue
    # The users file has one reader and one writer: `mesura user` uses the daemon's.
    ("tools/mesura_user", re.compile(r"tools/|relay/(users|units)\.h"), ANY),
    ("tools/mesura_classify", re.compile(r"tools/|policy/|relay/config(_notes)?\.h"), ANY),
    ("tools/mesura_dkim", re.compile(r"tools/|relay/(dkim|textbuf)\.h"), ANY),
    ("tools/mesura_sendmail", re.compile(r"tools/|relay/addresslist\.h"), ANY),
    ("tools/", re.compile(r"tools/|queue/|policy/"), ANY),
    ("tests/", ANY, ANY),
)

BANNED = re.compile(
    r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|atoll|sleep|usleep|rand|srand|random|srandom|"
    r"localtime|gmtime|ctime|asctime|alloca|strdupa|tmpnam|mktemp|system|popen)\s*\(")
CLOCK = re.compile(r"\b(time|clock|clock_gettime|gettimeofday|timespec_get|uv_now|uv_hrtime|uv_clock_gettime)\s*\(")
DICE = re.compile(r"\b(getrandom|getentropy|arc4random\w*|drand48|random_r|randombytes\w*|RAND_bytes|uv_random)\s*\(")
MEMORY = re.compile(r"\b(malloc|calloc|realloc|reallocarray|free|strdup|strndup|asprintf)\s*\(")
GLOBAL = re.compile(r"^(static\s+)?(?!const\b)(?:unsigned|int|bool|char|long|size_t|u?int\d+_t|double|struct\s+\w+|"
                    r"enum\s+\w+)\s+\*?\w+(\[[^\]]*\])*\s*(=|;)")


class Tree:
    """One source tree and what is wrong with it."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.faults = []

    def say(self, path, line, what):
        self.faults.append(f"{path.relative_to(self.root)}:{line}: {what}")

    def files(self, *suffixes):
        for path in sorted(self.root.rglob("*")):
            parts = path.relative_to(self.root).parts
            hidden = any(part.startswith(".") and part != ".ci" for part in parts)
            if hidden or parts[0].startswith("build") or "__pycache__" in parts or not path.is_file():
                continue
            if not suffixes or path.suffix in suffixes:
                yield path

    def name(self, path):
        return path.relative_to(self.root).as_posix()


def blank(text):
    """Comments, strings and character constants as spaces; lines keep their numbers."""
    token = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return token.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def check_includes(tree, path, lines):
    name = tree.name(path)
    _, project, third = next(layer for layer in LAYERS if name.startswith(layer[0]))
    system = POLICY_LIBC if name.startswith("policy/") else LIBC
    for number, line in enumerate(lines, 1):
        if match := re.match(r'\s*#\s*include\s+"([^"]+)"', line):
            if "/" not in match[1]:
                tree.say(path, number, f'include "{match[1]}" as "folder/file.h"')
            elif not project.match(match[1]):
                tree.say(path, number, f"{name.rsplit('/', 1)[0]} may not know {match[1]}")
        elif match := re.match(r"\s*#\s*include\s+<([^>]+)>", line):
            if not system.fullmatch(match[1]) and not third.fullmatch(match[1]):
                tree.say(path, number, f"{name.rsplit('/', 1)[0]} may not include <{match[1]}>")


def check_calls(tree, path, code):
    name = tree.name(path)
    daemon = name.startswith(TESTED_FOLDERS)
    for number, line in enumerate(code, 1):
        if match := BANNED.search(line):
            tree.say(path, number, f"{match[1]}() is banned")
        if daemon and name != "relay/now.c" and (match := CLOCK.search(line)):
            tree.say(path, number, f"{match[1]}(): relay/now.c alone reads clocks")
        if daemon and name != "relay/entropy.c" and (match := DICE.search(line)):
            tree.say(path, number, f"{match[1]}(): relay/entropy.c alone throws dice")
        if re.match(r"\s*#\s*if\s+0\b", line):
            tree.say(path, number, "code that is switched off: remove it")
        if name.startswith("policy/"):
            if match := MEMORY.search(line):
                tree.say(path, number, f"policy allocates nothing: {match[1]}()")
            if path.suffix == ".c" and GLOBAL.match(line):
                tree.say(path, number, "policy has no variables of its own")


def check_length(tree, path, lines):
    if len(lines) > MAX_LINES:
        tree.say(path, MAX_LINES + 1, f"{len(lines)} lines; at most {MAX_LINES}")


def check_text(tree, path, text, lines):
    for number, line in enumerate(lines, 1):
        if match := LEFTOVER.search(line):
            tree.say(path, number, f"leftover work: {match[1]}")
        if line != line.rstrip() and path.suffix != ".md":
            tree.say(path, number, "blanks at the end of the line")
        if "\t" in line and path.suffix in (".c", ".h", ".py", ".build"):
            tree.say(path, number, "a tab")
    if text and not text.endswith("\n"):
        tree.say(path, len(lines), "no newline at the end")


def check_module(tree, path, seen):
    """A .c of the daemon: its test, its line in the README, a name of its own."""
    name = tree.name(path)
    folder, stem = name.rsplit("/", 1)[0], path.stem
    if stem in VAGUE_NAMES:
        tree.say(path, 1, f"'{stem}' says nothing: a small helper lives with its first owner")
    if name.startswith(TESTED_FOLDERS + ("tools",)) and not name.startswith("tools/bench/"):
        if other := seen.get(stem):
            tree.say(path, 1, f"{other} has the same module name")
        seen[stem] = name
        readme = path.parent / "README.md"
        if not readme.exists():
            tree.say(path, 1, f"no {folder}/README.md")
        elif not re.search(rf"\b{re.escape(stem)}(\.c|\.h|`| |,|\.\[hc\])", readme.read_text(errors="replace")):
            tree.say(path, 1, f"{folder}/README.md does not name it")
    if name.startswith(TESTED_FOLDERS):
        test = tree.root / "tests" / folder / f"test_{stem}.c"
        head = "\n".join(path.read_text(errors="replace").splitlines()[:12])
        if not test.exists() and "No test of its own:" not in head:
            tree.say(path, 1, f"no tests/{folder}/test_{stem}.c")


def check_tests(tree, path, lines):
    """TEST and not Test, with a sentence above it that says what must hold."""
    for number, line in enumerate(lines, 1):
        if re.match(r"\s*(Test|ParameterizedTest|Theory)\(", line) and path.name != "test.h":
            tree.say(path, number, "use TEST of tests/support/test.h: it sees leaks")
        if re.match(r"TEST\(", line):
            above = lines[number - 2].rstrip() if number > 1 else ""
            inside = "".join(lines[number:number + 2]).replace(" ", "")
            if not above.endswith("*/") and not inside.startswith("{/*"):
                tree.say(path, number, "a test begins with a sentence: what must hold")


def check_python(tree, path, lines):
    for number, line in enumerate(lines, 1):
        code = line.split("#", 1)[0]
        if re.search(r"\btime\.sleep\(", code) and path.name not in ("patience.py", "tidy.py"):
            tree.say(path, number, "time.sleep(): wait for a condition (tests/e2e/patience.py)")


def check(root):
    tree = Tree(root)
    seen = {}
    for path in tree.files():
        name = tree.name(path)
        is_code = path.suffix in (".c", ".h") and name.startswith(tuple(f + "/" for f in CODE_FOLDERS))
        is_script = path.suffix == ".py" or (name.startswith(("tools/", ".ci/")) and path.suffix == "")
        if not is_code and not is_script and path.suffix not in (".md", ".build", ".conf", ".html"):
            continue
        if "/corpus/" in name:
            continue
        text = path.read_text(errors="replace")
        lines = text.splitlines()
        check_text(tree, path, text, lines)
        if is_code:
            code = blank(text).splitlines()
            check_length(tree, path, lines)
            check_includes(tree, path, lines)
            check_calls(tree, path, code)
            if path.suffix == ".c" and not name.startswith("tests/"):
                check_module(tree, path, seen)
            if name.startswith("tests/"):
                check_tests(tree, path, lines)
        if path.suffix == ".py":
            check_length(tree, path, lines)
            check_python(tree, path, lines)
    return tree.faults


# Each row breaks one rule: the file, its content, and words of the complaint.
BROKEN = (
    ("policy/a.c", '#include "queue/x.h"\n', "may not know queue/x.h"),
    ("policy/b.c", "#include <stdio.h>\n", "may not include <stdio.h>"),
    ("policy/c.c", "void *f(void) { return malloc(1); }\n", "allocates nothing"),
    ("policy/d.c", "static int counter = 0;\n", "no variables"),
    ("queue/e.c", "#include <uv.h>\n", "may not include <uv.h>"),
    ("relay/smtp/f.c", "#include <openssl/ssl.h>\n", "may not include <openssl/ssl.h>"),
    ("relay/smtp/g.c", '#include "relay/config.h"\n', "may not know relay/config.h"),
    ("relay/h.c", "#include <uv.h>\n", "may not include <uv.h>"),
    ("tools/i.c", '#include "relay/config.h"\n', "may not know relay/config.h"),
    ("relay/j.c", '#include "limits.h"\n', "folder/file.h"),
    ("relay/k.c", "long f(void) { return time(0); }\n", "alone reads clocks"),
    ("relay/l.c", "int f(void *p) { return getrandom(p, 1, 0); }\n", "alone throws dice"),
    ("tools/m.c", "void f(char *a, char *b) { strcpy(a, b); }\n", "banned"),
    ("relay/n.c", "int a;\n" * (MAX_LINES + 1), "at most"),
    ("relay/o.c", "int a;\n", "no tests/relay/test_o.c"),
    ("relay/p.c", "int a;\n", "does not name it"),
    ("relay/util.c", "int a;\n", "says nothing"),
    ("relay/q.c", "/* " + "TO" + "DO: later */\n", "leftover"),
    ("relay/r.c", "#if 0\n#endif\n", "switched off"),
    ("relay/s.c", "int a; \n", "blanks at the end"),
    ("relay/t.c", "\tint a;\n", "a tab"),
    ("relay/u.c", "int a;", "no newline"),
    ("tests/relay/test_v.c", "/* It holds. */\nTest(a, b)\n", "use TEST"),
    ("tests/relay/test_w.c", "int a;\nTEST(a, b)\n", "begins with a sentence"),
    ("tests/e2e/test_x.py", "import time\ntime.sleep(1)\n", "wait for a condition"),
)
SOUND = (
    ("relay/good.c", '#include "relay/limits.h"\n/* strcpy( and time( in a comment */\n'
     'static const char text[] = "strcpy(";\n'),
    ("tests/relay/test_good.c", "/* It is good. */\nTEST(good, is_good)\n"),
    ("policy/fine.c", "#include <stdint.h>\nstatic const int table[] = {1};\nstatic int f(void);\n"),
    ("tests/policy/test_fine.c", "/* It is fine. */\nTEST(fine, is_fine)\n"),
)


def write(root, name, content):
    path = pathlib.Path(root) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def selftest():
    missed = []
    for name, content, words in BROKEN:
        with tempfile.TemporaryDirectory() as root:
            write(root, name, content)
            write(root, str(pathlib.Path(name).parent / "README.md"), "nobody\n")
            if not any(words in fault for fault in check(root)):
                missed.append(f"{name}: '{words}' was not noticed")
    with tempfile.TemporaryDirectory() as root:
        for name, content in SOUND:
            write(root, name, content)
        write(root, "relay/README.md", "`good.c` is good\n")
        write(root, "policy/README.md", "`fine.c` is fine\n")
        missed += [f"sound, but: {fault}" for fault in check(root)]
    return missed


def main():
    if sys.argv[1:] == ["--selftest"]:
        faults = selftest()
    elif len(sys.argv) <= 2:
        faults = check(sys.argv[1] if len(sys.argv) == 2 else pathlib.Path(__file__).resolve().parent.parent)
    else:
        sys.exit("usage: tidy.py [--selftest | ROOT]")
    if faults:
        print("\n".join(faults))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
