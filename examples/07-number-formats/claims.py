#!/usr/bin/env python3
"""What is said of number formats, tried on sampled data: each line is one measurement and whether it bears the claim out."""
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
TOOL = os.environ.get("EINSUM_COMPILE", "einsum-compile")


def measure(workload, formats, data, tensor):
    """Bits per element, and the signal over the noise of storing, of one tensor."""
    command = [TOOL, str(HERE / workload), "--analyze-only", f"--quantize={formats}", "--error", f"--error-data={data}",
               "--json=-"]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{result.stderr}")
    found = json.loads(result.stdout)["quantisation"]
    error = next(e for e in found["error"]["tensors"] if e["tensor"] == tensor)
    bits = next(t for t in found["tensors"] if t["name"] == tensor)["bits_per_element"]
    return bits, error["sqnr_db"], found["error"]["outputs"][0]["sqnr_db"]


def compare(what, data, workload, tensor, better, worse, also=""):
    """Whether `better` has no more noise than `worse`."""
    a_bits, a, a_out = measure(workload, f"{tensor}={better}", data, tensor)
    b_bits, b, b_out = measure(workload, f"{tensor}={worse}", data, tensor)
    verdict = "yes" if a >= b and a_out >= b_out else "NO"
    print(f"{verdict:3}  {what}, {data.split('=')[-1]}: {better} ({a_bits:.3f} bits) {a:.2f} dB, output {a_out:.2f};"
          f" {worse} ({b_bits:.3f} bits) {b:.2f} dB, output {b_out:.2f}{also}")
    return a_bits / b_bits


def main():
    for data in ["normal", "laplace"]:
        for bits in [4, 3]:
            compare(f"BitMoD-{bits} below int{bits}", data, "gemm.ein", "W", f"bitmod{bits} group(128)",
                    f"int{bits} group(128)")
    compare("GEAR below 4 bits alone", "W=outliers", "gemm.ein", "W", "gear(bits=4,group=64) matrix k n",
            "int4(asym) group(64) n")
    for data in ["KC=offset-channels", "KC=scaled-channels", "KC=outliers"]:
        eight = measure("keys.ein", "KC=int8", data, "KC")[0]
        for word, blocks in [("rearranged", [32]), ("balanced", [8, 16, 32, 64])]:
            for block in blocks:
                narrow = f"bfp(mantissa=4) block({block})"
                four = measure("keys.ein", f"KC={narrow}", data, "KC")[0]
                compare(f"{word} for one bit", data, "keys.ein", "KC", f"{narrow} {word}",
                        f"bfp(mantissa=5) block({block})", f"; {four / eight:.3f} of the bytes of int8")


if __name__ == "__main__":
    main()
