"""Multiplications of some models against closed formulas: counts.py FOLDER.

A product with a matrix of weights has tokens * elements of the matrix multiplications; attention has, per head and layer, one
product of the head's extent for each pair of a query and a key that it sees, for the scores and again for the values.
"""
import json
import subprocess
import sys


def analyse(path, phase, seq, *flags):
    command = ["einsum-compile", path, f"--phase={phase}", "--analyze-only", "--json=-", *flags] + ([f"--seq={seq}"] if seq else [])
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["cascade"]


def split(cascade):
    """mac of products with weights, and of attention: told by what the Einsums iterate over."""
    weights = attention = 0
    for einsum in cascade["einsums"]:
        macs = einsum["ops"].get("mac", 0)
        name = einsum["name"].split("_")[0]
        if name in ("QK", "QKE", "QKP", "LV", "AL") or (name == "AV" and einsum["reduced"] == ["m"]):
            attention += macs
        elif len(einsum["reduced"]) >= 1 and not name.endswith(("NQ", "NV")) and name not in ("CQQ", "CKQ", "RX", "MO", "ME", "QO", "QOE", "QOP"):
            weights += macs
    return weights, attention


def check(folder, name, phase, seq, weights, attention, *flags):
    got = split(analyse(f"{folder}/{name}.json", phase, seq, *flags))
    assert got == (weights, attention), (name, phase, got, (weights, attention))
    print(f"{name} {phase}: {got[0]} mac by weights, {got[1]} in attention")


folder, S = sys.argv[1], 512
pairs = S * (S + 1) // 2
layer = 4 * 4096**2 + 3 * 4096 * 11008
check(folder, "llama-2-7b", "prefill", S, 32 * S * layer + 32000 * 4096, 2 * 32 * 4096 * pairs)
check(folder, "llama-2-7b", "decode", S, 32 * layer + 32000 * 4096, 2 * 32 * 4096 * S)
layer = 2 * 4096**2 + 2 * 4096 * 1024 + 3 * 4096 * 14336
# A window of 4096 behind 8192 tokens: 4095 rows of the cache are left.
check(folder, "mistral-7b", "decode", 8192, 32 * layer + 32000 * 4096, 2 * 32 * 4096 * 4095)
layer = 2 * 4096**2 + 2 * 4096 * 1024 + 8 * 4096 + 2 * 3 * 4096 * 14336
check(folder, "mixtral-8x7b", "prefill", S, 32 * S * layer + 32000 * 4096, 2 * 32 * 4096 * pairs)
check(folder, "mixtral-8x7b", "decode", S, 32 * layer + 32000 * 4096, 2 * 32 * 4096 * S)
masked = 2 * 4096**2 + 2 * 4096 * 1024 + 8 * 4096 + 8 * 3 * 4096 * 14336
check(folder, "mixtral-8x7b", "decode", S, 32 * masked + 32000 * 4096, 2 * 32 * 4096 * S, "--routing=masked")
# Latent attention: the query is multiplied by W(UK), the result by W(UV); keys are rows of 512 + 64.
latent = 7168 * 1536 + 1536 * 128 * 192 + 7168 * 576 + 128 * 128 * 512 * 2 + 128 * 128 * 7168
dense, sparse = 3 * 7168 * 18432, 7168 * 256 + 9 * 3 * 7168 * 2048
check(folder, "deepseek-v3", "decode", S, 61 * latent + 3 * dense + 58 * sparse + 129280 * 7168,
      61 * 128 * S * (512 + 64 + 512))
layer = 4 * 768**2 + 2 * 768 * 3072
check(folder, "vit-b-16", "prefill", None, 12 * 197 * layer + 196 * 768 * 768 + 768 * 1000, 12 * 2 * 768 * 197**2)
