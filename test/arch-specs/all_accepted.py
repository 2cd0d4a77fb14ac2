"""Checks every spec in a folder under every energy profile: exit 0 and no diagnostics."""

import pathlib
import subprocess
import sys

folder = pathlib.Path(sys.argv[1])
specs = sorted(p for p in folder.glob("*.json") if p.name != "schema.json")
profiles = sorted(p.stem for p in (folder / "energy").glob("*.json") if p.name != "schema.json")
assert specs and profiles, f"nothing to check in {folder}"
for spec in specs:
    for profile in profiles:
        command = ["einsum-arch-check", str(spec), f"--energy-profile={profile}"]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode or run.stderr:
            sys.exit(f"{' '.join(command)}: exit {run.returncode}\n{run.stderr}")
