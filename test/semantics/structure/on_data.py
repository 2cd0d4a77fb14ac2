"""Runs structural rewrites on example cascades and compares the results with the originals on adversarial data."""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

EXAMPLES = Path(sys.argv[1])
DATA = "normal,ties,equal,increasing,decreasing,zero-crossing,offset,large"
PASSES = {
    "einsum-fuse-maps=duplicate": ["attention", "attention-causal", "layer-norm-gemm", "moe-top1", "attention-one-pass"],
    "einsum-unfuse-maps": ["attention-alibi", "layer-norm", "softmax-pairs", "attention-one-pass", "variance-welford"],
    "einsum-recompute": ["attention", "correlation", "attention-backward-saved"],
    "einsum-split-reduction=rank=m chunk=3": ["attention", "attention-causal", "attention-gqa", "log-sum-exp"],
    "einsum-split-reduction=rank=x chunk=4": ["moe-top1", "moe-top2"],
    "einsum-local-reductions=tile=3": ["attention", "attention-causal", "attention-sliding-window", "attention-sinks",
                                      "attention-differential", "softmax-gemm", "cross-entropy-softmax"],
    "einsum-reassociate": ["attention-linear", "attention-hashed", "gemm-chain", "attention-mla"],
    "einsum-interchange=always": ["gemm-chain", "attention-mla"],
}
EXTREME = {  # what only exact arithmetic allows is run on tame data
    "einsum-drop-max": ["attention", "log-sum-exp", "attention-causal"],
    "einsum-unified-max=value=2": ["attention", "log-softmax"],
    "einsum-raw-moments": ["variance", "layer-norm-gemm", "correlation"],
}


def check(rewrite, name, data, scratch):
    source = EXAMPLES / (name + ".ein")
    derived = Path(scratch) / "derived.mlir"
    subprocess.run(["einsum-opt", "--" + rewrite, source, "-o", derived], check=True, stderr=subprocess.DEVNULL)
    before = subprocess.run(["einsum-opt", source], check=True, capture_output=True, text=True).stdout
    assert before != derived.read_text(), f"{rewrite} leaves {name} alone"
    extents = re.search(r"Checked at ([\w=, -]+)", source.read_text()).group(1).replace(" ", "")
    new = set(re.findall(r"\b([A-Z]\w*) = 3\b", derived.read_text())) - set(re.findall(r"(\w+)=", extents))
    extents += "".join(f",{parameter}=3" for parameter in sorted(new))
    ran = subprocess.run(["einsum-run", source, "--against", derived, "--extent", extents, "--data", data,
                          "--trials", str(data.count(",") + 1), "--seed", "7"], capture_output=True, text=True)
    if ran.returncode:
        sys.exit(f"{rewrite} on {name}:\n{ran.stdout}{ran.stderr}")


with tempfile.TemporaryDirectory() as scratch:
    for rewrite, names in PASSES.items():
        for name in names:
            check(rewrite, name, DATA, scratch)
    for rewrite, names in EXTREME.items():
        for name in names:
            check(rewrite, name, "normal,ties", scratch)
