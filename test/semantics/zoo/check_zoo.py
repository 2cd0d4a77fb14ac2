#!/usr/bin/env python3
"""Runs the cascades of examples/04-zoo at small extents and compares them with plain loops.

    check_zoo.py [NAME...]

Every file of the folder must have a function of its name here.
"""
import math
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "models"))
import reference as ref  # noqa: E402
from check_models import Cascade, execute, largest_difference, nest, sample  # noqa: E402

ZOO = Path(__file__).resolve().parents[3] / "examples" / "04-zoo"
CHECKS = {}


def at(limits={}, **extents):
    """Registers a reference: a function of the inputs and extents that returns the outputs."""
    def register(function):
        CHECKS[function.__name__.replace("_", "-").removeprefix("x-")] = (function, extents, limits)
        return function
    return register


def attention(q, keys, values):
    return ref.attend(q, keys, values, 1)


@at(P=6, M=8, E=3, F=2, P0=3, M0=4)
def flash_attention_2(t, n):
    rows = [attention(q, t["K"], t["V"]) for q in t["Q"]]
    return {"AV": nest(ref.flat(rows), [2, 3, 2])}


@at(P=3, M=8, E=3, F=2, M0=4)
def attention_unified_max(t, n):
    return {"AV": [attention(q, t["K"], t["V"]) for q in t["Q"]]}


@at(B=2, H=3, P=2, M=5, E=3, F=2)
def attention_mqa(t, n):
    return {"AV": [[[attention(q, t["K"][b], t["V"][b]) for q in head] for head in t["Q"][b]] for b in range(n["B"])]}


@at(X=5, W=3, S=3, E=2, F=2)
def attention_block_sparse(t, n):
    result = []
    for x in range(n["X"]):
        seen = range(x, -1, -2)
        keys = [row for y in seen for row in t["K"][y]]
        values = [row for y in seen for row in t["V"][y]]
        result.append([attention(q, keys, values) for q in t["Q"][x]])
    return {"AV": result}


@at(N=3, H=7)
def layer_norm_welford(t, n):
    return {"Y": [ref.layer_norm(x, t["G"], t["B"], 1e-5) for x in t["X"]]}


@at(T=4, D=3, X=5, C=2, F=4)
def moe_routing(t, n):
    result = []
    for token in t["TOK"]:
        scores = ref.softmax([ref.dot(token, w) for w in t["WR"]])
        chosen = ref.choose(scores, n["C"])
        total = sum(scores[i] for i in chosen)
        outputs = []
        for i in chosen:
            hidden = [max(ref.dot(token, w), 0.0) for w in t["W1"][i]]
            outputs.append([scores[i] / total * ref.dot(hidden, w) for w in t["W2"][i]])
        result.append(ref.add(*outputs))
    return {"Y": result}


def pixel(image, y, x):
    return image[y][x] if 0 <= y < len(image) and 0 <= x < len(image[0]) else 0.0


def filtered(image, weight, p, q, stride=1):
    """3 x 3, with a border of zeros."""
    return sum(pixel(image, stride * p + r - 1, stride * q + s - 1) * weight[r][s] for r in range(3) for s in range(3))


@at(N=2, C=2, K=3, Y=5, X=6, R=3, S=3)
def convolution_strided(t, n):
    return {"O": [[[[sum(filtered(image[c], w[c], p, q, 2) for c in range(n["C"])) for q in range(3)] for p in range(3)]
                   for w in t["W"]] for image in t["I"]]}


@at(N=2, C=3, Y=4, X=5, R=3, S=3)
def convolution_depthwise(t, n):
    return {"O": [[[[filtered(channel, w, p, q) for q in range(n["X"])] for p in range(n["Y"])]
                   for channel, w in zip(image, t["W"])] for image in t["I"]]}


@at(N=1, C=2, K=4, Y=4, X=3, R=3, S=3)
def inverted_residual(t, n):
    relu6 = lambda x: min(max(x, 0.0), 6.0)
    places = [(y, x) for y in range(n["Y"]) for x in range(n["X"])]
    result = []
    for image in t["I"]:
        wide = [[[relu6(sum(image[c][y][x] * t["W1"][k][c] for c in range(n["C"])) + t["B1"][k]) for x in range(n["X"])]
                 for y in range(n["Y"])] for k in range(n["K"])]
        wide = [[[relu6(filtered(wide[k], t["W2"][k], y, x) + t["B2"][k]) for x in range(n["X"])] for y in range(n["Y"])]
                for k in range(n["K"])]
        result.append(nest([image[d][y][x] + sum(wide[k][y][x] * t["W3"][d][k] for k in range(n["K"])) + t["B3"][d]
                            for d in range(n["C"]) for y, x in places], [n["C"], n["Y"], n["X"]]))
    return {"Y1": result}


@at({"OY": 3, "OX": 3}, C=2, K=2, Y=6, X=7, R=3, S=3)
def convolution_deformable(t, n):
    # Offsets are sampled from 0 to 2; the last two rows of the window are reached by 0 and 1 alone.
    def tap(c, p, q, r, s):
        u, v = t["OY"][p][q][r][s] + 1, t["OX"][p][q][r][s] + 1
        return t["I"][c][p + r + u][q + s + v] if u < 3 and v < 3 else 0.0
    rows, columns = n["Y"] - 4, n["X"] - 4
    return {"O": [[[sum(tap(c, p, q, r, s) * w[c][r][s] for c in range(n["C"]) for r in range(3) for s in range(3))
                    for q in range(columns)] for p in range(rows)] for w in t["W"]]}


@at({"DH": 3, "DW": 3}, C=2, K=2, P=3, Q=4, R=3, S=3, H=7, W=8)
def convolution_deformable_gather(t, n):
    def tap(c, p, q, r, s):
        return t["X"][c][p + r + t["DH"][r][s][p][q]][q + s + t["DW"][r][s][p][q]]
    return {"Y": [[[sum(tap(c, p, q, r, s) * w[c][r][s] for c in range(n["C"]) for r in range(3) for s in range(3))
                    for q in range(n["Q"])] for p in range(n["P"])] for w in t["F"]]}


@at({"ID": 7}, B=2, T=3, V=7, D=4)
def embedding(t, n):
    return {"X": [[ref.add(t["WT"][token], place) for token, place in zip(row, t["WP"])] for row in t["ID"]]}


@at({"PT": 5}, B=2, H=2, J=3, S=2, E=3, F=2, N=5)
def attention_paged(t, n):
    def rows(pool, b, h):
        return [slot[h] for page in t["PT"][b] for slot in pool[page]]
    return {"AV": [[attention(q, rows(t["K"], b, h), rows(t["V"], b, h)) for h, q in enumerate(heads)]
                   for b, heads in enumerate(t["Q"])]}


@at({"EX": 4}, T=3, K=2, X=4, D=3, F=2)
def moe_dispatch(t, n):
    def expert(token, x):
        hidden = [max(sum(token[d] * t["W1"][x][d][f] for d in range(n["D"])), 0.0) for f in range(n["F"])]
        return [sum(hidden[f] * t["W2"][x][f][d] for f in range(n["F"])) for d in range(n["D"])]
    return {"Y": [ref.add(*[[gate * y for y in expert(token, x)] for x, gate in zip(chosen, gates)])
                  for token, chosen, gates in zip(t["TOK"], t["EX"], t["G"])]}


@at(Q=3, N=5, D=2, F=2)
def neighbours_fetch(t, n):
    distance = lambda x, y: sum((a - b)**2 for a, b in zip(x, y))
    nearest = [min(range(n["N"]), key=lambda i: distance(x, t["Y"][i])) for x in t["X"]]
    return {"R": [t["V"][i] for i in nearest]}


@at({"IDX": 4}, M=3, N=4, G=3, J=2)
def spmm_2_4(t, n):
    return {"C": [[sum(t["VAL"][c][g][j] * row[g][t["IDX"][c][g][j]] for g in range(n["G"]) for j in range(n["J"]))
                   for c in range(n["N"])] for row in t["B"]]}


@at(Q=3, N=9, D=2, K=3)
def nearest_neighbours(t, n):
    distances = [[sum((x - y)**2 for x, y in zip(a, b)) for b in t["B"]] for a in t["A"]]
    chosen = [sorted(range(n["N"]), key=lambda i: row[i])[:n["K"]] for row in distances]
    return {"V": [[row[i] for i in nearest] for row, nearest in zip(distances, chosen)]}


@at(Q=4, N=5, D=3)
def svm(t, n):
    result = []
    for x in t["X"]:
        result.append(sum(a * math.exp(-0.5 * sum((p - q)**2 for p, q in zip(x, v))) for a, v in zip(t["ALPHA"], t["SV"])))
    return {"F": result, "Y": [1.0 if f + t["BIAS"] > 0 else -1.0 for f in result]}


def adam_step(g, m, v, cm, cv):
    m1, v1 = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    return m1, v1, m1 * cm / (math.sqrt(v1 * cv) + 1e-8)


@at({"V": "square", "CV": "square"}, N=5)
def adam(t, n):
    steps = [adam_step(g, m, v, t["CM"], t["CV"]) for g, m, v in zip(t["G"], t["M"], t["V"])]
    return {"M1": [s[0] for s in steps], "V1": [s[1] for s in steps], "W1": [w - 0.001 * s[2] for w, s in zip(t["W"], steps)]}


@at({"V": "square"}, D=4, N=3, R=2)
def adam_low_rank(t, n):
    low = [[sum(t["P"][d][r] * t["G"][d][c] for d in range(n["D"])) for c in range(n["N"])] for r in range(n["R"])]
    steps = [[adam_step(low[r][c], t["M"][r][c], t["V"][r][c], 1, 1) for c in range(n["N"])] for r in range(n["R"])]
    back = lambda d, c: sum(t["P"][d][r] * steps[r][c][2] for r in range(n["R"]))
    return {"M1": [[s[0] for s in row] for row in steps], "V1": [[s[1] for s in row] for row in steps],
            "W1": [[t["W"][d][c] - 0.001 * back(d, c) for c in range(n["N"])] for d in range(n["D"])]}


def check(name, folder):
    function, extents, limits = CHECKS[name]
    # Numbers in the text are rounded to the element type: f64 leaves them alone.
    text = (ZOO / (name + ".ein")).read_text().replace(") : f32\n", ") : f64\n").replace(") : f16\n", ") : f64\n")
    cascade = Cascade(text)
    cascade.params.update(extents)
    tensors = {}
    for tensor, (ranks, kind) in cascade.inputs.items():
        limit = limits.get(tensor)
        values = sample(tensor, cascade.shape(tensor), limit if kind == "i32" else None)
        tensors[tensor] = nest([x * x for x in values] if limit == "square" else values, cascade.shape(tensor))
    got = execute(cascade, folder, tensors)
    wanted = function(tensors, cascade.params)
    return max(largest_difference(got[output], value) for output, value in wanted.items())


def main():
    files = sorted(path.stem for path in ZOO.glob("*.ein"))
    missing = [name for name in files if name not in CHECKS]
    assert not missing, f"no reference for {missing}"
    bad = 0
    for name in sys.argv[1:] or files:
        with tempfile.TemporaryDirectory() as folder:
            error = check(name, folder)
        good = error < 1e-12
        bad += not good
        print(f"{name}: {'agrees' if good else f'DIFFERS by {error:.2g}'}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
