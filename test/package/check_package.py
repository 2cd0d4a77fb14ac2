#!/usr/bin/env python3
"""Makes the Debian package of the tools and checks that it works where nothing of the source or build tree is.

    check_package.py --source DIR --build DIR [--cpack CPACK]

1. No file of the package contains the path of the source or build tree.
2. Its dependencies are Debian packages that are installed here, and have every shared library that the tools need.
3. Unpacked with dpkg-deb into a folder, the tools print what the front page says, find architectures by name, and know their
   version; their pages and schemas are there.
4. As root: installed with `dpkg --root` into a bare chroot that holds the files of the dependencies and nothing else, the
   same again. Without /proc, so that finding what is beside the tools does not rest on it.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def run(command, **how):
    how.setdefault("check", True)
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace", **how)


def check(is_right, what):
    print(("ok      " if is_right else "WRONG   ") + what, flush=True)
    if not is_right:
        sys.exit(1)


def make_package(options, work):
    command = [options.cpack, "--config", str(options.build / "CPackConfig.cmake"), "-B", str(work / "packages"), "-D", "CPACK_COMPONENTS_ALL=tools"]
    done = run(command, cwd=work, check=False)
    if done.returncode:
        print(done.stdout)
    packages = list((work / "packages").glob("*.deb"))
    check(done.returncode == 0 and len(packages) == 1, f"cpack makes one package: {[p.name for p in packages]}")
    return packages[0]


def check_no_paths(folder, options):
    wrong = [
        f"{file.relative_to(folder)} names {place}"
        for file in folder.rglob("*") if file.is_file() and not file.is_symlink()
        for place in (options.source, options.build) if os.fsencode(f"{place}/") in file.read_bytes()
    ]
    check(not wrong, f"no installed file names the source or build tree {wrong or ''}")


def dependencies(package):
    field = run(["dpkg-deb", "-f", str(package), "Depends"]).stdout
    return [re.split(r"[ (|]", part.strip())[0] for part in field.split(",") if part.strip()]


def virtual_packages():
    """Which installed packages provide a name that no package has, such as libspdlog1.10-fmt9."""
    providers = {}
    for line in run(["dpkg-query", "-W", "-f", "${Package}\t${Provides}\n"]).stdout.splitlines():
        package, _, names = line.partition("\t")
        for name in filter(None, names.split(",")):
            providers.setdefault(re.split(r"[ (:]", name.strip())[0], []).append(package)
    return providers


def installed_files(names):
    """Files of Debian packages and of all that they depend on, as installed here."""
    todo, seen, files = list(names), set(), set()
    providers = virtual_packages()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        status = run(["dpkg-query", "-W", "-f", "${db:Status-Status}\n${Depends},${Pre-Depends}", name], check=False)
        if not status.stdout.startswith("installed"):
            todo += providers.get(name, [])  # virtual, or one of several that would do
            continue
        files.update(run(["dpkg", "-L", name]).stdout.splitlines())
        todo += [re.split(r"[ (:]", part.strip())[0] for part in re.split(r"[,|\n]", status.stdout) if part.strip()]
    return files


def build_chroot(root, names):
    """A root file system of the shared libraries among those files."""
    (root / "usr/lib").mkdir(parents=True)
    for merged in ("lib", "lib64", "bin", "sbin"):
        (root / "usr" / merged).mkdir(exist_ok=True)
        (root / merged).symlink_to(f"usr/{merged}")
    for file in sorted(installed_files(names)):
        if not re.search(r"\.so(\.|$)", file) or not os.path.isfile(file):
            continue
        for place in {file, os.path.realpath(file)}:
            target = root / os.path.normpath(place).lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            if os.path.lexists(target):
                continue
            if os.path.islink(place):
                target.symlink_to(os.readlink(place))
            else:
                shutil.copy2(place, target)


def first_example(readme):
    """The first cascade of the front page, and what the page says einsum-compile prints about it."""
    text = readme.read_text(encoding="utf-8")
    cascade = text[text.index("\ncascade ") + 1:]
    cascade = cascade[: cascade.index("```")]
    said = re.search(r"\$ einsum-compile softmax.ein --analyze-only\n(.*?)\n```", text, re.S).group(1)
    return cascade, said.rstrip("\n")


def check_tools(prefix, start, options, where):
    """`start`: how a tool is called, `prefix`: where its files are."""
    cascade, said = first_example(options.source / "README.md")
    how = {"input": cascade, "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}, "cwd": "/", "check": False}
    shown = run(start("einsum-compile") + ["-", "--analyze-only"], **how)
    check(shown.returncode == 0 and shown.stdout.rstrip("\n") == said, f"{where}: the first example of the front page prints what the page says")
    mapped = run(start("einsum-compile") + ["-", "--arch=fusemax-cloud", "--mapping=streamed"], **how)
    check(mapped.returncode == 0 and "arch      fusemax-cloud, energy profile fusemax45" in mapped.stdout, f"{where}: an architecture is found by its name")
    if mapped.returncode:
        print(mapped.stdout)
    for tool in sorted(path.name for path in (prefix / "bin").glob("einsum-*")):
        version = run(start(tool) + ["--version"], **how).stdout
        check(re.match(rf"{tool} \d+\.\d+\.\d+ \(MLIR 19", version), f"{where}: {tool} knows its version")
        page = run(start(tool) + ["--help"], **how).stdout
        check(page.startswith(f"NAME\n    {tool} - ") and "\nEXIT STATUS\n" in page, f"{where}: {tool} --help is a page")


def check_contents(prefix):
    for place in (
        "share/einsum-cascade/arch-specs/eyeriss.json", "share/einsum-cascade/arch-specs/energy/fusemax45.json",
        "share/einsum-cascade/schemas/arch.schema.json", "share/einsum-cascade/schemas/result.schema.json",
        "share/einsum-cascade/mappings/fusemax2024/FuseMax.cpp", "share/doc/einsum-cascade/README.md",
        "share/man/man1/einsum-compile.1", "share/doc/einsum-cascade/docs/dialects/EinsumDialect.md",
    ):
        there = (prefix / place).exists() or (prefix / f"{place}.gz").exists()
        check(there, f"the package has {place}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--cpack", default="cpack")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="einsum-package-") as folder:
        work = Path(folder)
        package = make_package(options, work)

        unpacked = work / "unpacked"
        run(["dpkg-deb", "-x", str(package), str(unpacked)])
        check_no_paths(unpacked, options)
        check_contents(unpacked / "usr")
        depends = dependencies(package)
        check({"libmlir-19", "libllvm19"} <= set(depends), f"it depends on {', '.join(depends)}")
        check_tools(unpacked / "usr", lambda tool: [str(unpacked / "usr/bin" / tool)], options, "in a folder")

        if os.geteuid() != 0:
            print("not root: the chroot is left out")
            return
        root = work / "root"
        build_chroot(root, depends)
        for place in ("var/lib/dpkg/updates", "var/lib/dpkg/info", "var/lib/dpkg/triggers", "tmp"):
            (root / place).mkdir(parents=True, exist_ok=True)
        (root / "var/lib/dpkg/status").touch()
        done = run(["dpkg", f"--root={root}", "--force-depends", "--force-script-chrootless", "-i", str(package)], check=False)
        if done.returncode:
            print(done.stdout)
        check(done.returncode == 0, "dpkg -i installs it into a bare chroot")
        check(not (root / "proc").exists() and not (root / str(options.source).lstrip("/")).exists(), "the chroot has no /proc and no source tree")
        check_tools(root / "usr", lambda tool: [shutil.which("chroot") or "/usr/sbin/chroot", str(root), f"/usr/bin/{tool}"], options, "in a chroot")


if __name__ == "__main__":
    main()
