#!/usr/bin/env bash
# From a bare Debian 12 machine to a first mapping, in one command: ./setup.sh
#
# Installs missing packages (as root or through sudo), builds into build/, and maps softmax attention onto the FuseMax
# architecture. Safe to run again: it does only what is left to do. JOBS=N sets the number of compile jobs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
exec </dev/null

step() { printf '\n==> %s\n' "$*"; }

step "1/4 packages"
.ci/install-packages

step "2/4 configure build/"
werror=OFF
if [ "${CI:-}" = true ]; then werror=ON; fi
cmake --preset release -DEINSUM_WERROR="$werror"

jobs=$(.ci/jobs)
step "3/4 build with $jobs job(s); the first time takes some minutes"
cmake --build build --parallel "$jobs"

step "4/4 map softmax attention onto the FuseMax architecture"
job=(build/bin/einsum-compile examples/01-fusemax-attention/one-pass.ein
  --arch arch-specs/fusemax-cloud.json --mapping=fusemax --bind M=16384,P=16384)
printf '$ %s\n' "${job[*]}"
"${job[@]}"

step "ready. Next: ctest --test-dir build --output-on-failure"
