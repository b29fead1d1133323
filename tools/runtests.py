#!/usr/bin/env python3
"""Every test of the tree, in six parts (tools/test installs what they need first).

unit  every test program, built with gcc, and the rules of the house (tidy.py)
e2e   the daemon against real clients and receivers, with 1 and with 8 workers
sanitize  the test programs built with clang, ASan and UBSan; TSan for suites named stress
lint  tidy.py, clang-format, clang-tidy but for its analyzer, which is slow
fuzz  every libFuzzer target on its kept corpus and then FUZZ_SECONDS of new input
analyze   clang-tidy's analyzer on what is installed

Each part writes its logs to its build directory. A program that is killed, a sanitizer
report of any process and a test that runs no case are failures.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
JOBS = int(os.environ.get("JOBS", os.cpu_count() or 1))
FUZZ_SECONDS = int(os.environ.get("FUZZ_SECONDS", "20"))
PARTS = ("unit", "e2e", "sanitize", "lint", "fuzz", "analyze")
SANITIZE = ["-Db_sanitize=address,undefined", "-Db_lundef=false"]
PRODUCT = ("policy", "queue", "relay", "tools")

passed = 0
failures = []


def count(good, name, detail=""):
    """One result; a bad one is printed at once and again in the summary."""
    global passed
    if good:
        passed += 1
        return
    failures.append(name)
    print(f"FAILED {name}" + (f"\n{detail.rstrip()}" if detail else ""), flush=True)


def say(text):
    print(f"== {text}", flush=True)


def run(argv, log, env=None, timeout=1800):
    """Run a program with its output in a log. Its exit status; 124 when it took too long."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as out:
        try:
            done = subprocess.run(argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                  env={**os.environ, **(env or {})}, timeout=timeout, check=False)
            return done.returncode
        except subprocess.TimeoutExpired:
            out.write(f"\nkilled after {timeout} s\n")
            return 124


def tail(log, lines=25):
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def complaints(log, lines=40):
    """What failed of a build, without the hundreds of lines that went well."""
    text = log.read_text(errors="replace").splitlines() if log.exists() else []
    bad = [line for line in text if not re.match(r"\[\d+/\d+\]|clang |gcc |cc ", line)]
    return "\n".join(bad[-lines:])


def configure(name, compiler, options):
    """Configure a build directory. None when that failed, which is one failure."""
    folder = ROOT / name
    if not (folder / "build.ninja").exists():
        shutil.rmtree(folder, ignore_errors=True)
        say(f"configure {name}")
        setup_log = ROOT / f"{name}-setup.log"
        status = run(["meson", "setup", name, *options], setup_log, {"CC": compiler})
        text = tail(setup_log)
        setup_log.unlink(missing_ok=True)
        if status != 0:
            count(False, f"{name}: configure", text)
            return None
    return folder


def compile_targets(folder, targets=()):
    """Build some targets, or all. Whether that went well, which is one result."""
    log = folder / "build.log"
    say(f"build {folder.name}")
    good = run(["ninja", "-k0", "-C", folder.name, f"-j{JOBS}", *targets], log) == 0
    count(good, f"{folder.name}: build", "" if good else complaints(log))
    return good


def build(name, compiler, options):
    """Configure and build all of one directory; None when that failed."""
    folder = configure(name, compiler, options)
    return folder if folder and compile_targets(folder) else None


def programs_of(folder, suite):
    """The targets that the tests of a suite run, for ninja."""
    listed = subprocess.run(["meson", "introspect", "--tests", folder.name], cwd=ROOT, text=True,
                            stdout=subprocess.PIPE, check=True).stdout
    return sorted({str(pathlib.Path(test["cmd"][0]).relative_to(folder)) for test in json.loads(listed)
                   if any(name.split(":")[-1] == suite for name in test["suite"])})


def meson_results(folder, label):
    """Count what `meson test` wrote down; each subtest of a TAP program is one."""
    path = folder / "meson-logs" / f"testlog-{label}.json"
    ran = 0
    for line in path.read_text().splitlines() if path.exists() else []:
        test = json.loads(line)
        name = f"{folder.name}: {test['name']}"
        ran += 1
        output = (test.get("stdout") or "") + (test.get("stderr") or "")
        oks = len(re.findall(r"^ok\b", output, re.M))
        if test["result"] != "OK":
            count(False, f"{name} ({test['result']})", "\n".join(output.splitlines()[-25:]))
        elif "--tap=-" in test["command"]:
            count(oks > 0, f"{name} ran no case")
            for _ in range(oks - 1):
                count(True, name)
        else:
            count(True, name)
    return ran


def meson_test(folder, label, selection, env=None):
    say(f"run the tests of {folder.name}")
    run(["meson", "test", "-C", folder.name, "--no-rebuild", f"--num-processes={JOBS}", "--logbase",
         f"testlog-{label}", *selection], folder / f"{label}.log", env)
    return meson_results(folder, label)


def sanitizer_env(folder):
    """Sanitizers write to files, because a test may eat what its child prints."""
    reports = folder / "reports"
    shutil.rmtree(reports, ignore_errors=True)
    reports.mkdir(parents=True)
    base = f"log_path={reports}/report"
    return reports, {
        "ASAN_OPTIONS": f"{base}:detect_leaks=1:abort_on_error=1:allocator_may_return_null=1",
        "UBSAN_OPTIONS": f"{base}:print_stacktrace=1",
        "TSAN_OPTIONS": f"{base}:halt_on_error=1:second_deadlock_stack=1",
    }


def no_reports(reports):
    """A test that asks for the impossible on purpose gets a warning, which is none."""
    texts = [re.sub(r"==\d+==WARNING: AddressSanitizer failed to allocate.*\n", "", path.read_text(errors="replace"))
             for path in sorted(reports.iterdir())]
    found = [text for text in texts if text.strip()]
    count(not found, f"{reports.parent.name}: no sanitizer report", "\n".join(text[:3000] for text in found[:3]))


def unit():
    if folder := build("build", "gcc", []):
        count(meson_test(folder, "unit", []) > 0, "build: some test ran")


def sanitize():
    if folder := build("build-asan", "clang", SANITIZE):
        reports, env = sanitizer_env(folder)
        patient = ["--no-suite", "lint", "--timeout-multiplier", "5"]
        count(meson_test(folder, "unit", patient, env) > 0, "build-asan: some test ran")
        no_reports(reports)
    folder = configure("build-tsan", "clang", ["-Db_sanitize=thread", "-Db_lundef=false"])
    if folder and compile_targets(folder, programs_of(folder, "stress")):
        reports, env = sanitizer_env(folder)
        count(meson_test(folder, "stress", ["--suite", "stress"], env) > 0, "build-tsan: some stress program ran")
        no_reports(reports)


def clang_tidy(checks, folders):
    """The checks named, beyond those of .clang-tidy, on every file of ours in these folders."""
    folder = configure("build-clang", "clang", [])
    if not folder:
        return
    known = json.loads((folder / "compile_commands.json").read_text())
    paths = {(pathlib.Path(entry["directory"]) / entry["file"]).resolve() for entry in known}
    own = sorted(path for path in paths
                 if path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in folders)

    def one(path):
        done = subprocess.run(["clang-tidy", "--quiet", "-p", folder.name, f"--checks={checks}", str(path)], cwd=ROOT,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
        return path, done.returncode, done.stdout
    say(f"clang-tidy, {len(own)} files")
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for path, status, output in pool.map(one, own):
            count(status == 0, f"clang-tidy {path.relative_to(ROOT)}", output[-3000:])


def lint():
    for arguments in ([], ["--selftest"]):
        log = ROOT / "build-lint" / f"tidy{''.join(arguments)}.log"
        good = run([sys.executable, "tools/tidy.py", *arguments], log) == 0
        count(good, " ".join(["tidy.py", *arguments]), tail(log, 60))
    log = ROOT / "build-lint" / "format.log"
    count(run(["tools/format", "--check"], log) == 0, "clang-format", tail(log))
    clang_tidy("-clang-analyzer-*", (*PRODUCT, "tests"))


def analyze():
    clang_tidy("-*,clang-analyzer-*,-clang-analyzer-optin.performance.Padding,"
               "-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling", PRODUCT)


def fuzz_one(program, folder):
    """The kept corpus first, once; then new input into a scratch directory."""
    name = program.name.removeprefix("fuzz_")
    kept = ROOT / "tests" / "fuzz" / "corpus" / name
    work = folder / "found" / name
    work.mkdir(parents=True, exist_ok=True)
    env = {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=1", "UBSAN_OPTIONS": "print_stacktrace=1"}
    results = []
    inputs = sorted(kept.iterdir()) if kept.is_dir() else []
    log = folder / "logs" / f"{name}-kept.log"
    status = run([str(program), *map(str, inputs)], log, env) if inputs else 1
    results.append((status == 0, f"fuzz_{name} on its corpus of {len(inputs)}", tail(log)))
    log = folder / "logs" / f"{name}-new.log"
    status = run([str(program), f"-max_total_time={FUZZ_SECONDS}", "-timeout=10", "-rss_limit_mb=2048",
                  f"-artifact_prefix={work}/", "-print_final_stats=1", str(work), str(kept)], log, env,
                 FUZZ_SECONDS + 300)
    results.append((status == 0, f"fuzz_{name} for {FUZZ_SECONDS} s", tail(log)))
    return results


def fuzzers_of(folder):
    listed = subprocess.run(["meson", "introspect", "--targets", folder.name], cwd=ROOT, text=True,
                            stdout=subprocess.PIPE, check=True).stdout
    return sorted(str(pathlib.Path(target["filename"][0]).relative_to(folder)) for target in json.loads(listed)
                  if target["name"].startswith("fuzz_"))


def fuzz():
    folder = configure("build-fuzz", "clang", ["-Dfuzz=true", *SANITIZE])
    if not folder or not compile_targets(folder, fuzzers_of(folder)):
        return
    programs = sorted(path for path in (folder / "tests" / "fuzz").glob("fuzz_*")
                      if path.is_file() and os.access(path, os.X_OK))
    count(bool(programs), "some fuzzer was built")
    say(f"{len(programs)} fuzzers, {FUZZ_SECONDS} s each")
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for results in pool.map(lambda program: fuzz_one(program, folder), programs):
            for result in results:
                count(*result)


def e2e():
    if not build("build", "gcc", []):
        return
    for workers in (1, 8):
        say(f"end to end, {workers} worker{'s' if workers > 1 else ''}")
        folder = ROOT / "build" / "e2e" / f"workers{workers}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        junit = folder / "junit.xml"
        log = folder / "pytest.log"
        status = run([sys.executable, "-m", "pytest", "-q", "-x" if os.environ.get("FAIL_FAST") else "-q",
                      "-p", "no:cacheprovider", "-n", "4", f"--junitxml={junit}", "tests/e2e"], log,
                     {"MESURA_WORKERS": str(workers), "MESURA_BUILD": str(ROOT / "build"),
                      "MESURA_LOGS": str(folder)}, 3600)
        cases = list(xml.etree.ElementTree.parse(junit).iter("testcase")) if junit.exists() else []
        for case in cases:
            bad = [part for part in case if part.tag in ("failure", "error", "skipped")]
            count(not bad, f"e2e {workers}: {case.get('classname')}.{case.get('name')}",
                  (bad[0].text or bad[0].get("message") or "")[-3000:] if bad else "")
        count(bool(cases) and status in (0, 1), f"e2e {workers}: pytest ran", tail(log))


def main():
    wanted = sys.argv[1:] or list(PARTS)
    if unknown := [part for part in wanted if part not in PARTS]:
        sys.exit(f"no part '{unknown[0]}'; parts: {' '.join(PARTS)}")
    start = time.monotonic()
    for part in PARTS:
        if part in wanted:
            before = time.monotonic()
            {"unit": unit, "e2e": e2e, "sanitize": sanitize, "lint": lint, "fuzz": fuzz, "analyze": analyze}[part]()
            say(f"{part} took {time.monotonic() - before:.0f} s")
    print(f"\nall of it took {time.monotonic() - start:.0f} s")
    for name in failures:
        print(f"FAILED {name}")
    print(f"{passed} passed, {len(failures)} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
