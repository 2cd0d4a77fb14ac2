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
        elif len(einsum["reduced"]) >= 1 and not name.endswith(("NQ", "NV", "RQ")) and name not in ("CQQ", "CKQ", "RX", "MO", "ME", "QO", "QOE", "QOP"):
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
# Heads of 80 elements of which 32 turn: two products, as many multiplications as one.
layer = 4 * 2560**2 + 2 * 2560 * 10240
check(folder, "phi-2", "prefill", S, 32 * S * layer + 51200 * 2560, 2 * 32 * 2560 * pairs)
check(folder, "phi-2", "decode", S, 32 * layer + 51200 * 2560, 2 * 32 * 2560 * S)
# One key head of 64 elements for 71 heads of queries.
layer = 2 * 4544**2 + 2 * 4544 * 64 + 8 * 4544**2
check(folder, "falcon-7b", "decode", S, 32 * layer + 65024 * 4544, 2 * 32 * 4544 * S)
# Four of 32 experts, and a window of 128 in every other layer: 127 rows of the cache are left there.
layer = 2 * 2880 * 4096 + 2 * 2880 * 512 + 32 * 2880 + 4 * 3 * 2880**2
check(folder, "gpt-oss-20b", "decode", S, 24 * layer + 201088 * 2880, 2 * 12 * 4096 * (S + 127))
# One of 16 experts and a shared one.
layer = 2 * 5120**2 + 2 * 5120 * 1024 + 16 * 5120 + 2 * 3 * 5120 * 8192
check(folder, "llama-4-scout", "decode", S, 48 * layer + 202048 * 5120, 2 * 48 * 5120 * S)
