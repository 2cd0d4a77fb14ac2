#!/usr/bin/env python3
"""Random workloads through all tools, as a user would put them together.

A case is a cascade, a machine and options, drawn from a seed. Each goes

  einsum-compile W --arch=M ...      searched for a moment, or a mapping by name; files of all kinds
  einsum-run W --schedule=S          simulator, interpreter and cost model agree
  einsum-compile W --mapping=S       the schedule read back, from JSON and from IR: the same numbers and bytes
  einsum-run W --replay=COMMANDS     the command stream does the same
  einsum-translate --schedule-to-... the notations of other tools

and fails where a tool crashes, takes too long, ends with an exit code that its page does not name or without a word, or
where two of them differ. The commands of a case that fails are printed, and can be run by hand: files are kept in --work.

  end_to_end.py --bin build/bin                       20 cases from seed 1
  end_to_end.py --bin build/bin --seed 17 --cases 1   one again, by the seed that it printed
  end_to_end.py --bin build/bin --files X.ein ...     given cascades on --machines, with each set of options

Cascades are those of einsum-agreement (test/agreement/Generate.cpp), which vary more, and those of cascades/, which have
more operators, in a type that the machine has.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import random
import re
import shlex
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
CASCADES = pathlib.Path(__file__).with_name("cascades")
OUTPUTS = ("json", "csv", "html", "trace")
# Numbers of a result that depend on how it was found, not on what was found.
SEARCHED = ("mapper", "mapping", "search", "quantisation", "rewrite", "workload", "provenance")


class Failed(Exception):
    pass


class Case:
    """The commands of one case, in its own folder."""

    def __init__(self, options, work, name):
        self.options, self.folder, self.name = options, work / name, name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.commands, self.notes = [], []

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def read(self, name):
        return (self.folder / name).read_bytes()

    def run(self, tool, *arguments, allowed=(0,)):
        """The exit code; its output is in `self.output`."""
        command = [str(self.options.bin / tool), *arguments]
        self.commands.append(f"{tool} {shlex.join(arguments)}")
        try:
            done = subprocess.run(command, cwd=self.folder, capture_output=True, timeout=self.options.timeout)
        except subprocess.TimeoutExpired:
            raise Failed(f"takes more than {self.options.timeout} s")
        out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        self.output = out + err
        if done.returncode < 0:
            raise Failed(f"ends with {signal.Signals(-done.returncode).name}\n{err[-2000:]}")
        if done.returncode not in allowed:
            raise Failed(f"exits with {done.returncode}, not {' or '.join(map(str, allowed))}\n{self.output[-3000:]}")
        if done.returncode in (1, 2) and ": error: " not in err:
            raise Failed(f"exits with {done.returncode} and says no error\n{self.output[-2000:]}")
        if "internal error" in self.output:
            raise Failed(f"has an internal error\n{self.output[-2000:]}")
        return done.returncode

    def require_same(self, a, b):
        if self.read(a) != self.read(b):
            raise Failed(f"{a} and {b} differ")


def take_numbers(result):
    """What a result says of a schedule, without how it was found."""
    return {key: value for key, value in result.items() if key not in SEARCHED}


def find_difference(a, b, path=""):
    if type(a) is not type(b):
        return f"{path}: {a!r} and {b!r}"
    if isinstance(a, dict):
        for key in a.keys() | b.keys():
            if key not in a or key not in b:
                return f"{path}.{key}: only in one"
            if found := find_difference(a[key], b[key], f"{path}.{key}"):
                return found
    elif isinstance(a, list):
        if len(a) != len(b):
            return f"{path}: {len(a)} and {len(b)} elements"
        for i, (x, y) in enumerate(zip(a, b)):
            if found := find_difference(x, y, f"{path}[{i}]"):
                return found
    elif a != b:
        return f"{path}: {a!r} and {b!r}"
    return ""


def compile_again(case, arch, source, suffix):
    """Reads a schedule back; it has to be worth what it was."""
    again = f"again.{suffix}.json"
    case.run("einsum-compile", "w.ein", *arch, f"--mapping={source}", f"--schedule=s.{suffix}.json", f"--json={again}")
    case.require_same("s.json", f"s.{suffix}.json")
    numbers = [take_numbers(json.loads(case.read(name))) for name in ("r.json", again)]
    if found := find_difference(*numbers):
        raise Failed(f"the schedule read back has other numbers: {found}")


def gathers(cascade):
    """Whether a coordinate is data: `A[I[k], n]`."""
    return re.search(r"\[[^]=]*\w\[", cascade) is not None


def check_case(case, cascade, arch, options):
    """What became of it, as a word."""
    case.write("w.ein", cascade)
    files = [f"--{kind}=r.{'json' if kind in ('json', 'trace') else kind}" for kind in OUTPUTS]
    files[-1] = "--trace=trace.json"
    code = case.run("einsum-compile", "w.ein", *arch, *options, *files, "--schedule=s.json", allowed=(0, 1, 2, 3))
    if code == 1:
        # Formats and constraints may be refused, and reads of elements that may be absent; what else a cascade says may not.
        is_optional = any(option.startswith(("--quantize", "--space", "--rewrite")) for option in options)
        if not is_optional and " absent" not in case.output:
            raise Failed(f"a valid workload is refused\n{case.output[-2000:]}")
        case.notes.append(re.search(r"error: (.*)", case.output)[1])
        return "refused"
    if code == 2:
        case.notes.append(re.search(r"error: (.*)", case.output)[1])
        return "infeasible"
    if not (case.folder / "s.json").exists():
        if code == 3:
            return "nothing found in time"
        raise Failed("writes no schedule")
    code = case.run("einsum-run", "w.ein", *arch, "--schedule=s.json", "--commands=c.json", "--json=run.json",
                    allowed=(0, 1, 3) if gathers(cascade) else (0, 3))
    if code == 3:
        return "too large to execute"
    if code == 1:
        if "keeps all coordinates" not in case.output:
            raise Failed(f"a schedule is not executed\n{case.output[-2000:]}")
        return "no data to execute"
    case.run("einsum-run", "w.ein", *arch, "--schedule=s.json", "--replay=c.json")
    compile_again(case, arch, "s.json", "json")
    case.run("einsum-translate", "--schedule-to-mlir", "s.json", "-o", "s.mlir")
    case.run("einsum-run", "w.ein", *arch, "--schedule=s.mlir")
    case.run("einsum-translate", "--schedule-to-text", *arch, "s.json", "-o", "s.txt")
    for notation in ("timeloop", "accelforge"):
        case.run("einsum-translate", f"--schedule-to-{notation}", *arch, "s.json", "-o", f"{notation}.yaml")
    return "given" if any(o.startswith("--mapping") for o in options) else "searched"


def draw_options(random, tensors, limit):
    """Of einsum-compile, for a cascade with these inputs."""
    if random.random() < 0.15:
        return ["--mapping=streamed", *random.choice([[], ["--evict"]])]
    options = ["--threads=1", f"--time-limit={limit}"]
    options += random.choice([[], ["--objective=energy"], ["--objective=edp"], ["--objective=traffic"]])
    if random.random() < 0.3:
        options += [f"--rewrite={random.choice(['none', 'auto'])}"]
    words = ["shared-loops=1", "shared-loops-per-rank=1", "perfect-tiles", "no-fusion", "no-pipelines", "no-reorder",
             "no-shared-holders", "no-recompute", "no-retain"]
    if random.random() < 0.4:
        options += [f"--space={','.join(random.sample(words, random.randint(1, 3)))}"]
    if random.random() < 0.4:
        options += [f"--quantize={draw_formats(random, tensors)}"]
    return options


def draw_formats(random, tensors):
    if random.random() < 0.3:
        return f"auto,max-error={random.choice(['1e-1', '1e-2', '1e-3'])}"
    formats = ["int8", "int4", "fp8", "bfp(mantissa=4) block(2)", "int8 group(2)", "int8 explicit", "int8 group(2) explicit",
               "int8(asym) explicit", "fp8 explicit", "int8 explicit online"]
    return ",".join(f"{tensor}={random.choice(formats)}"
                    for tensor in random.sample(tensors, min(len(tensors), random.randint(1, 2))))


def list_types(machine):
    """Floats that the machine has by name; any, where it has none."""
    text = (ROOT / "arch-specs" / f"{machine}.json").read_text()
    return [name for name in ("f16", "bf16", "f32", "f64") if f'"{name}"' in text] or ["f16", "f32"]


def adapt(cascade, machine, random):
    """The same in a type of the machine, mostly."""
    types = list_types(machine) if random.random() < 0.95 else ["f16", "f32"]
    return re.sub(r"^(cascade .*\) : )\w+$", lambda found: found[1] + random.choice(types), cascade, flags=re.M)


def draw_cascade(options, seed, random):
    if random.random() < 0.5:
        return random.choice(sorted(CASCADES.glob("*.ein"))).read_text()
    focus = random.choice([[], ["--focus", "recurrences"], ["--focus", "masks"], ["--focus", "halos"], ["--focus", "formats"],
                           ["--focus", "gathers"]])
    text = subprocess.run([options.bin / "einsum-agreement", *focus, "--print", str(seed)], capture_output=True, text=True,
                          check=True).stdout
    return text[text.index("cascade "):text.index("// case.mlir")]


def list_inputs(cascade):
    lines = re.findall(r"^\s*(?:input|weight) (.*)$", cascade, re.M)
    return re.findall(r"(\w+)\[", re.sub(r"\[[^\]]*\]", "[", " ".join(lines)))


def list_machines():
    return sorted(path.stem for path in (ROOT / "arch-specs").glob("*.json") if path.stem != "schema")


def run_seed(options, seed):
    drawn = random.Random(seed)
    case = Case(options, options.work, str(seed))
    machine = drawn.choice(options.machines)
    cascade = adapt(draw_cascade(options, seed, drawn), machine, drawn)
    chosen = draw_options(drawn, list_inputs(cascade) or ["X"], options.time_limit)
    return attempt(case, cascade, machine, chosen)


def run_file(options, path, machine, number, chosen):
    case = Case(options, options.work, f"{pathlib.Path(path).stem}.{machine}.{number}")
    limit = ["--threads=1", f"--time-limit={options.time_limit}"]
    chosen = chosen if any(o.startswith("--mapping") for o in chosen) else chosen + limit
    cascade = adapt(pathlib.Path(path).read_text(), machine, random.Random(case.name))
    return attempt(case, cascade, machine, chosen)


def attempt(case, cascade, machine, chosen):
    try:
        return case, machine, check_case(case, cascade, [f"--arch={ROOT / 'arch-specs' / machine}.json"], chosen), ""
    except Failed as failure:
        return case, machine, "failed", str(failure)


def report(results, options):
    counts, notes, failures = collections.Counter(), collections.Counter(), 0
    for case, machine, word, failure in results:
        counts[word] += 1
        for note in case.notes:
            notes[re.sub(r"'[^']*'|\d[\d.]*", "_", note)] += 1
        if failure:
            failures += 1
            print(f"case {case.name} on {machine}, in {case.folder}:", *case.commands, sep="\n  ")
            print(f"the last one {failure}", flush=True)
    print(", ".join(f"{count} {word}" for word, count in sorted(counts.items())))
    if options.explain:
        for note, count in notes.most_common():
            print(f"{count:5} {note}")
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--time-limit", default="0.3", help="of each search, in seconds")
    parser.add_argument("--timeout", type=float, default=60, help="of each command, in seconds")
    parser.add_argument("--machines", type=lambda text: text.split(","), default=list_machines())
    parser.add_argument("--files", nargs="*", default=[])
    parser.add_argument("--options", action="append", help="with --files: of einsum-compile; may be repeated")
    parser.add_argument("--work", type=pathlib.Path, help="a folder to keep files in")
    parser.add_argument("--explain", action="store_true", help="count what was refused, and why")
    options = parser.parse_args()
    options.bin = options.bin.resolve()
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        options.work = (options.work or pathlib.Path(folder)).resolve()
        if options.files:
            tasks = [pool.submit(run_file, options, path, machine, number, shlex.split(chosen))
                     for path in options.files for machine in options.machines
                     for number, chosen in enumerate(options.options or [""])]
        else:
            tasks = [pool.submit(run_seed, options, options.seed + i) for i in range(options.cases)]
        failures = report((task.result() for task in tasks), options)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
