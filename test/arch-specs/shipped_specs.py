"""Checks that what arch-specs/ ships is in step with the reader and with itself."""

import json
import pathlib
import re
import subprocess
import sys

folder = pathlib.Path(sys.argv[1])
specs = sorted(p for p in folder.glob("*.json") if p.name != "schema.json")
profiles = sorted(p for p in (folder / "energy").glob("*.json") if p.name != "schema.json")
schema = json.loads((folder / "schema.json").read_text())


def check(*arguments, text=None):
    return subprocess.run(
        ["einsum-arch-check", *map(str, arguments)], input=text, capture_output=True, text=True, cwd=folder
    )


def accepted(run):
    wrong = [line for line in run.stderr.splitlines() if re.search(r"(error|warning):", line)]
    assert run.returncode == 0 and not wrong, f"{run.args}: exit {run.returncode}\n{run.stderr}"


def every_spec_is_accepted():
    assert len(specs) >= 24 and profiles
    for spec in specs:
        accepted(check(spec))


def machines_of_one_datatype_are_accepted_under_every_profile():
    for spec in ("fusemax-cloud", "flat-cloud", "flat-edge"):
        for profile in profiles:
            accepted(check(f"{spec}.json", f"--energy-profile={profile.stem}"))


def the_example_of_the_readme_is_accepted():
    readme = (folder / "README.md").read_text()
    accepted(check("-", text=re.search(r"```json\n(.*?)```", readme, re.DOTALL).group(1)))


def all_profiles_name_the_same_memories():
    names = {p.stem: sorted(json.loads(p.read_text())["memories"]) for p in profiles}
    assert len(set(map(tuple, names.values()))) == 1, names


def the_readme_is_up_to_date():
    run = subprocess.run([sys.executable, folder / "readme.py"], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def the_reader_knows_every_key_of_the_schema():
    defs = schema["$defs"]
    keys = lambda of: {key: None for key in of["properties"]}
    op = keys(defs["op"]) | {"datatypes": {"f16": keys(defs["opNumbers"])}}
    fanout = keys(defs["fanout"])
    dims = {"x": keys(defs["dimension"])}
    link = keys(defs["link"])
    array = keys(defs["array"]) | {"ops": {"mac": op}, "reduction": fanout, "shape": dims, "link": link}
    energy = keys(defs["level"]["properties"]["energy"])
    level = keys(defs["level"]) | {"energy": energy, "multicast": fanout, "instances": dims, "link": link}
    technology = keys(defs["technology"])
    technology["scaling"] = keys(defs["technology"]["properties"]["scaling"]["oneOf"][1])
    spec = keys(schema) | {"levels": [level], "arrays": [array], "technology": technology}
    spec |= {"engines": [keys(defs["engine"])], "accounting": keys(defs["accounting"])}
    errors = check("-", text=json.dumps(spec)).stderr
    assert "error" in errors and "unknown key" not in errors, errors


def the_reader_knows_every_key_of_a_constraint():
    subjects = {
        "level": {"level": "L1"},
        "array": {"array": "pe", "dimension": "col"},
        "arrays": {"arrays": ["pe"]},
    }
    own = {
        "level": ["must_keep", "may_keep", "order", "tile"],
        "array": ["reuse", "ranks", "min_utilization", "if_unreachable"],
        "arrays": [],
    }
    of_all = ["einsums", "operators", "operands", "copies"]
    described = schema["$defs"]["constraint"]["properties"].keys()
    assert described == {*subjects, "dimension", *of_all, *sum(own.values(), [])}
    level = {"name": "L1", "access": "2 B"}
    array = {"name": "pe", "level": "L1", "shape": {"col": 4}, "ops": {}}
    for subject, words in subjects.items():
        constraint = words | {key: None for key in own[subject] + of_all}
        spec = {"levels": [level], "arrays": [array], "constraints": [constraint]}
        errors = check("-", text=json.dumps(spec)).stderr
        assert "error" in errors and "unknown key" not in errors, errors


def the_schema_knows_every_key_of_the_specs():
    defs = schema["$defs"]
    for path in specs:
        spec = json.loads(path.read_text())
        described = [(spec, schema)]
        described += [(level, defs["level"]) for level in spec["levels"]]
        described += [(array, defs["array"]) for array in spec["arrays"]]
        described += [(op, defs["op"]) for array in spec["arrays"] for op in array["ops"].values()]
        for json_object, description in described:
            missing = json_object.keys() - description["properties"].keys()
            assert not missing, f"{path.name}: the schema does not describe {missing}"


every_spec_is_accepted()
machines_of_one_datatype_are_accepted_under_every_profile()
the_example_of_the_readme_is_accepted()
all_profiles_name_the_same_memories()
the_readme_is_up_to_date()
the_reader_knows_every_key_of_the_schema()
the_reader_knows_every_key_of_a_constraint()
the_schema_knows_every_key_of_the_specs()
