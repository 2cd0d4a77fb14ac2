# How a test file becomes a test: its RUN lines are executed with our tools and LLVM's on the path.
#
# Substitutions beside lit's own (%s, %t, ...):
#   %arch-specs %examples %mappings   those folders of the source tree
#   %src %build                       the source root, the build root
#   %python                           the interpreter that runs lit
#   %adversarial                      options of einsum-run: data that break careless algebra, one trial each
#   %exits N COMMAND                  succeeds if the command ends with exit code N
# Features for REQUIRES:/UNSUPPORTED:/%if:
#   z3        the mapper is built with Z3
#   sanitizer the tools run under AddressSanitizer
#   chromium  a browser is installed, in which HTML reports are opened
#   slow      asked for with `einsum-lit -Dslow=1`; tests that take over ten seconds carry `REQUIRES: slow`
import os
import shutil

import lit.formats

config.name = "einsum"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".ein", ".test"]
config.excludes = ["Inputs", "unit", "layering", "benchmark", "fuzz", "__pycache__"]
config.test_source_root = os.path.join(config.einsum_source_dir, "test")
config.test_exec_root = os.path.join(config.einsum_build_dir, "test")

# The same test gives the same answer on every machine: no locale, no terminal, no home directory.
config.environment["PATH"] = os.pathsep.join(
    [config.einsum_tools_dir, config.llvm_tools_dir, "/usr/bin", "/bin"]
)
config.environment["LC_ALL"] = "C.UTF-8"
config.environment["TERM"] = "dumb"
config.environment.pop("HOME", None)

# lit tries these before its own, so %src is not read as %s followed by "rc".
for name, path in [
    ("%arch-specs", "arch-specs"),
    ("%examples", "examples"),
    ("%mappings", "mappings"),
    ("%src", ""),
]:
    config.substitutions.append(
        (name, os.path.join(config.einsum_source_dir, path).rstrip("/"))
    )
config.substitutions.append(("%build", config.einsum_build_dir))
config.substitutions.append(("%python", config.python))
# What einsum-run --against draws to break careless algebra: overflow, equal maxima, cancellation.
config.substitutions.append(
    (
        "%adversarial",
        "--data normal,large,ties,equal,increasing,decreasing,zero-crossing,offset",
    )
)
exits = os.path.join(config.einsum_source_dir, "test", "exits.py")
config.substitutions.append(("%exits", f"{config.python} {exits}"))

if config.einsum_has_z3:
    config.available_features.add("z3")
if config.einsum_sanitized:
    config.available_features.add("sanitizer")
    # As test/CMakeLists.txt sets them for ctest.
    config.environment.setdefault("ASAN_OPTIONS", config.einsum_asan_options)
    config.environment.setdefault("UBSAN_OPTIONS", config.einsum_ubsan_options)
if shutil.which("chromium"):
    config.available_features.add("chromium")
if lit_config.params.get("slow"):
    config.available_features.add("slow")

# A test that hangs is a failure with a name. lit needs the psutil module to enforce the limit.
if lit_config.maxIndividualTestTimeIsSupported[0]:
    lit_config.maxIndividualTestTime = 1200 if config.einsum_sanitized else 300
