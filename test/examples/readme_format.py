"""A lit test format: every README.md that shows commands is a test named after its path, run by run_readme.py."""
import glob
import os
import sys

import lit.formats
import lit.Test
import lit.util


class ReadmeFormat(lit.formats.TestFormat):
    def __init__(self, source_dir, build_dir):
        self.source_dir = source_dir
        self.command = [sys.executable, os.path.join(os.path.dirname(__file__), "run_readme.py"), "--build", build_dir]

    def getTestsInDirectory(self, suite, path_in_suite, lit_config, local_config):
        readmes = ["README.md"]
        examples = os.path.join(self.source_dir, "examples")
        if os.path.isdir(examples):
            readmes += [f"examples/{name}/README.md" for name in sorted(os.listdir(examples)) if name[:1].isdigit()]
        for folder in ("dialects", "lib", "tools", "mappings", "arch-specs"):
            for path in sorted(glob.glob(f"{self.source_dir}/{folder}/**/README.md", recursive=True)):
                with open(path, encoding="utf-8") as page:
                    if "```console" in page.read():
                        readmes.append(os.path.relpath(path, self.source_dir))
        for readme in readmes:
            if readme == "README.md" and not os.path.exists(os.path.join(self.source_dir, readme)):
                continue
            test = lit.Test.Test(suite, path_in_suite + tuple(readme.split("/")), local_config)
            test.readme = readme
            yield test

    def execute(self, test, lit_config):
        command = self.command + [os.path.join(self.source_dir, test.readme)]
        try:
            out, err, code = lit.util.executeCommand(
                command, env=test.config.environment, timeout=lit_config.maxIndividualTestTime or 0
            )
        except lit.util.ExecuteCommandTimeoutException as late:
            return lit.Test.TIMEOUT, f"{late.out}\n{late.err}\n{late.msg}"
        if code == 0:
            return lit.Test.PASS, ""
        return lit.Test.FAIL, out + err
