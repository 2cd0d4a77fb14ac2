#!/usr/bin/env python3
"""Runs small models of every family and compares them with reference.py.

    check_models.py [NAME...]

Each model is written by einsum-translate --hf-config-to-cascade and run by einsum-run in f64 on random weights. Three questions:

  reference   are the logits (or what the head delivers) those of the architecture?
  decode      is one token behind the cache of a sequence what the longer sequence gives for its last token?
  layers      (in counts.py) are parameters and operators the public ones?
"""
import json
import math
import os
import random
import re
import struct
import subprocess
import sys
import tempfile

import reference as ref
from reference import add, dot, each, layer_norm, rms_norm, scale, times

BATCH, SEQ = 2, 5


# --- Cascades and files ----------------------------------------------------------------------------------------------

def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(" ".join(command) + "\n" + done.stdout + done.stderr)
    return done.stdout


def write_npy(path, shape, values, kind="<f8"):
    header = "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }" % (kind, "".join(f"{n}," for n in shape))
    header += " " * (-(len(header) + 11) % 64) + "\n"
    code = "d" if kind == "<f8" else "q"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        file.write(struct.pack(f"<{len(values)}{code}", *values))


def read_npy(path):
    data = open(path, "rb").read()
    size = struct.unpack("<H", data[8:10])[0]
    shape = [int(n) for n in re.search(r"'shape': \(([^)]*)\)", data[10:10 + size].decode()).group(1).split(",") if n.strip()]
    values = struct.unpack(f"<{(len(data) - 10 - size) // 8}d", data[10 + size:])
    return nest(list(values), shape)


def nest(values, shape):
    if not shape:
        return values[0]
    step = len(values) // shape[0]
    return [nest(values[i * step:(i + 1) * step], shape[1:]) for i in range(shape[0])]


class Cascade:
    """The inputs of a cascade with their extents, and its outputs."""

    def __init__(self, text):
        self.text = text
        self.params = {name: int(value) for name, value in
                       re.findall(r"(\w+)=(\d+)", re.search(r"^cascade \w+\(([^)]*)\)", text, re.M).group(1))}
        self.ranks = dict(re.findall(r"^  rank (\w+) = (.+)$", text, re.M))
        self.inputs = {}
        for line in re.findall(r"^  (?:input|weight) (.*)$", text, re.M):
            for name, ranks, kind in re.findall(r"(\w+)\[([\w,]*)\](?: : (\w+))?", line):
                self.inputs[name] = ([r for r in ranks.split(",") if r], kind)
        self.outputs = re.search(r"^  output (.*)$", text, re.M).group(1).split(", ")

    def shape(self, name):
        return [self.extent(rank) for rank in self.inputs[name][0]]

    def extent(self, rank):
        """Of a parameter, or of the expression in a rank statement."""
        text = re.sub(r"(\w+) ceildiv (\w+)", r"-(-\1 // \2)", self.ranks.get(rank, rank.upper()))
        return eval(text, {}, self.params)


def convert(config, folder, *flags):
    path = os.path.join(folder, "config.json")
    with open(path, "w") as file:
        json.dump(config, file)
    return Cascade(run(["einsum-translate", "--hf-config-to-cascade", path, f"--batch={BATCH}", "--routing=masked", "--dtype=f64", *flags]))


def sample(name, shape, limit):
    """Numbers that depend on the name alone: a tensor is the same in every phase."""
    rng = random.Random(name)
    count = math.prod(shape)
    if limit:
        return [rng.randrange(limit) for _ in range(count)]
    return [rng.gauss(0, 0.5) for _ in range(count)]


def execute(cascade, folder, tensors):
    """Runs a cascade on `tensors` (nested lists); returns its outputs."""
    path = os.path.join(folder, "model.ein")
    with open(path, "w") as file:
        file.write(cascade.text)
    command = ["einsum-run", path, "--format", "f64",
               "--extent", ",".join(f"{name}={value}" for name, value in cascade.params.items())]
    for name, (ranks, kind) in cascade.inputs.items():
        file = os.path.join(folder, name + ".npy")
        write_npy(file, cascade.shape(name), ref.flat(tensors[name]), "<i8" if kind == "i32" else "<f8")
        command += ["--input", f"{name}={file}"]
    for name in cascade.outputs:
        command += ["--output-npy", f"{name}={os.path.join(folder, 'out_' + name + '.npy')}"]
    run(command)
    return {name: read_npy(os.path.join(folder, f"out_{name}.npy")) for name in cascade.outputs}


def angle(position, j, table):
    return position / ((7.0 if table else 100.0)**(j / 3.0))


def fill(cascade, cached=None, positions=range(SEQ), limits={}):
    """Values for every input: tables of angles, what was cached, the same random numbers otherwise."""
    tensors = {}
    for name, (ranks, _) in cascade.inputs.items():
        shape = cascade.shape(name)
        if cached and name in cached:
            tensors[name] = cached[name]
        elif name == "TEMP":
            rows = [1 + 0.1 * math.log(1 + p) for p in positions]
            tensors[name] = rows if shape else rows[0]
        elif name[:3] in ("COS", "SIN"):
            function = math.cos if name[:3] == "COS" else math.sin
            rows = [[function(angle(p, j, name[3:])) for j in range(shape[-1])] for p in positions]
            tensors[name] = rows if len(shape) > 1 else rows[0]
        else:
            tensors[name] = nest(sample(name, shape, limits.get(name)), shape)
    return tensors


def largest_difference(a, b):
    a, b = ref.flat(a), ref.flat(b)
    assert len(a) == len(b), (len(a), len(b))
    top = max(1e-30, max(abs(x) for x in b))
    return max(abs(x - y) for x, y in zip(a, b)) / top


# --- Weights at a layer -------------------------------------------------------------------------------------------------

def at_layer(cascade, tensors, places):
    """w(layer)(name): `places[layer]` is (suffix, step), step None where a layer is not repeated."""
    def layer(i):
        suffix, step = places[i]

        def weight(name):
            value = tensors[name + suffix]
            return value if step is None else value[step]
        return weight
    return layer


def heads_of(projected, bias=None):
    """[h][e] or [g][r][e] as a list of heads."""
    heads = projected
    while isinstance(heads[0][0], list):
        heads = [head for group in heads for head in group]
    if bias is None:
        return heads
    return [add(head, b) for head, b in zip(heads, heads_of(bias))]


def joined(weight):
    """[h][f][d] or [g][r][f][d] as [h*f][d]."""
    while isinstance(weight[0][0], list):
        weight = [row for part in weight for row in part]
    return weight


def as_heads(projected):
    return projected if isinstance(projected[0], list) else [projected]


# --- Families -----------------------------------------------------------------------------------------------------------

def embed(tensors, b, name="EMB"):
    return [list(row) for row in tensors[name][b]]


def gpt2(config, tensors, layer, b):
    eps, heads = 1e-5, config["n_head"]
    xs = [add(x, p) for x, p in zip(embed(tensors, b), tensors["WPE"])]
    e = config["n_embd"] // heads
    for i in range(config["n_layer"]):
        w = layer(i)
        ns = [layer_norm(x, w("GAN"), w("BAN"), eps) for x in xs]
        q, k, v = ([heads_of(times(n, w("W" + c)), w("B" + c)) for n in ns] for c in "QKV")
        o = ref.multi_head(q, k, v, joined(w("WO")), ref.causal(), 1 / math.sqrt(e))
        xs = [add(x, y, w("BO")) for x, y in zip(xs, o)]
        ns = [layer_norm(x, w("GFN"), w("BFN"), eps) for x in xs]
        hs = [each(ref.ACTIVATIONS["gelu_new"], add(times(n, w("WFU")), w("BFU"))) for n in ns]
        xs = [add(x, times(h, w("WFO")), w("BFO")) for x, h in zip(xs, hs)]
    x = layer_norm(xs[-1], tensors["GXN"], tensors["BXN"], eps)
    return [dot(x, row) for row in tensors["WTE"]]


def opt(config, tensors, layer, b):
    """Norms in front of each branch and one at the end, or one behind each branch and none; a table of any width."""
    eps, heads, is_before = 1e-5, config["num_attention_heads"], config["do_layer_norm_before"]
    e, is_narrow = config["hidden_size"] // heads, config["word_embed_proj_dim"] != config["hidden_size"]
    before = lambda x, w, name: layer_norm(x, w("G" + name), w("B" + name), eps) if is_before else x
    after = lambda x, w, name: x if is_before else layer_norm(x, w("G" + name), w("B" + name), eps)
    xs = [add(times(x, tensors["WIN"]) if is_narrow else x, tensors["WPE"][p + 2]) for p, x in enumerate(embed(tensors, b))]
    for i in range(config["num_hidden_layers"]):
        w = layer(i)
        ns = [before(x, w, "AN") for x in xs]
        q, k, v = ([heads_of(times(n, w("W" + c)), w("B" + c)) for n in ns] for c in "QKV")
        o = ref.multi_head(q, k, v, joined(w("WO")), ref.causal(), 1 / math.sqrt(e))
        xs = [after(add(x, y, w("BO")), w, "XA") for x, y in zip(xs, o)]
        hs = [each(ref.ACTIVATIONS["relu"], add(times(before(x, w, "FN"), w("WFU")), w("BFU"))) for x in xs]
        xs = [after(add(x, times(h, w("WFO")), w("BFO")), w, "XO") for x, h in zip(xs, hs)]
    x = before(xs[-1], lambda name: tensors[name], "XN")
    if is_narrow:
        x = times(x, tensors["WOUT"])
    return [dot(x, row) for row in tensors["WTE"]]


def bert(config, tensors, layer, b):
    eps, heads = config["layer_norm_eps"], config["num_attention_heads"]
    e = config["hidden_size"] // heads
    xs = [layer_norm(add(x, tensors["WPE"][p], tensors["WSE"][tensors["SEG"][b][p]]), tensors["GEN"], tensors["BEN"], eps)
          for p, x in enumerate(embed(tensors, b))]
    everything = lambda p: range(len(xs))
    for i in range(config["num_hidden_layers"]):
        w = layer(i)
        q, k, v = ([heads_of(times(x, w("W" + c)), w("B" + c)) for x in xs] for c in "QKV")
        o = ref.multi_head(q, k, v, joined(w("WO")), everything, 1 / math.sqrt(e))
        xs = [layer_norm(add(x, y, w("BO")), w("GXA"), w("BXA"), eps) for x, y in zip(xs, o)]
        hs = [each(ref.ACTIVATIONS["gelu"], add(times(x, w("WFU")), w("BFU"))) for x in xs]
        xs = [layer_norm(add(x, times(h, w("WFO")), w("BFO")), w("GXO"), w("BXO"), eps) for x, h in zip(xs, hs)]
    ys = [layer_norm(each(ref.ACTIVATIONS["gelu"], add(times(x, tensors["WH"]), tensors["BH"])), tensors["GHN"],
                     tensors["BHN"], eps) for x in xs]
    return [[dot(y, row) + c for row, c in zip(tensors["WTE"], tensors["BLM"])] for y in ys]


def vit(config, tensors, layer, b):
    eps, heads = config["layer_norm_eps"], config["num_attention_heads"]
    e, n, image = config["hidden_size"] // heads, config["patch_size"], tensors["IMG"][b]
    xs = [list(tensors["CLS"])]
    for u in range(config["image_size"] // n):
        for v in range(config["image_size"] // n):
            patch = [image[c][u * n + y][v * n + z] for c in range(len(image)) for y in range(n) for z in range(n)]
            xs.append([dot(patch, ref.flat(w)) + c for w, c in zip(tensors["WP"], tensors["BP"])])
    xs = [add(x, p) for x, p in zip(xs, tensors["WPE"])]
    everything = lambda p: range(len(xs))
    for i in range(config["num_hidden_layers"]):
        w = layer(i)
        ns = [layer_norm(x, w("GAN"), w("BAN"), eps) for x in xs]
        q, k, v = ([heads_of(times(x, w("W" + c)), w("B" + c)) for x in ns] for c in "QKV")
        o = ref.multi_head(q, k, v, joined(w("WO")), everything, 1 / math.sqrt(e))
        xs = [add(x, y, w("BO")) for x, y in zip(xs, o)]
        ns = [layer_norm(x, w("GFN"), w("BFN"), eps) for x in xs]
        hs = [each(ref.ACTIVATIONS["gelu"], add(times(x, w("WFU")), w("BFU"))) for x in ns]
        xs = [add(x, times(h, w("WFO")), w("BFO")) for x, h in zip(xs, hs)]
    x = layer_norm(xs[0], tensors["GXN"], tensors["BXN"], eps)
    return add(times(x, tensors["WCLS"]), tensors["BCLS"])


def experts_of(config, w, x):
    """Mixtral and Qwen3: softmax over all, the largest ones, made to add up to 1."""
    scores = ref.softmax(times(x, w("WR")))
    chosen = ref.choose(scores, config["num_experts_per_tok"])
    total = sum(scores[i] for i in chosen)
    return add(*[scale(scores[i] / total, ref.gated(x, w("WEG")[i], w("WEU")[i], w("WEO")[i], "silu")) for i in chosen])


def llama(config, tensors, layer, b):
    """Llama, Mistral, Mixtral, Qwen3-MoE and both Gemmas."""
    eps = config["rms_norm_eps"]
    is_gemma = config["model_type"].startswith("gemma")
    activation = config.get("hidden_activation") or config["hidden_act"]
    cap = config.get("attn_logit_softcapping")
    e = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    factor = 1 / math.sqrt(config.get("query_pre_attn_scalar", e))
    norm = lambda x, gain: rms_norm(x, gain, eps, from_one=is_gemma)
    xs = embed(tensors, b)
    if is_gemma:
        xs = [scale(math.sqrt(config["hidden_size"]), x) for x in xs]
    for i in range(config["num_hidden_layers"]):
        w = layer(i)
        period = {"gemma2": 2, "gemma3_text": config.get("sliding_window_pattern")}.get(config["model_type"])
        windowed = config.get("sliding_window") and not (period and (i + 1) % period == 0)
        if "use_sliding_window" in config:
            windowed = config["use_sliding_window"] and i >= config["max_window_layers"]
        table = "L" if config["model_type"] == "gemma3_text" and windowed else ""
        turn = lambda x, p: ref.rotate(x, [angle(p, j, table) for j in range(e // 2)])
        ns = [norm(x, w("GAN")) for x in xs]
        q, k, v = ([heads_of(as_heads(times(x, w("W" + c)))) for x in ns] for c in "QKV")
        if config["model_type"] in ("qwen3", "qwen3_moe", "gemma3_text"):
            q = [[norm(head, w("GQ")) for head in heads] for heads in q]
            k = [[norm(head, w("GK")) for head in heads] for heads in k]
        q, k = ([[turn(head, p) for head in heads] for p, heads in enumerate(x)] for x in (q, k))
        seen = ref.causal(config["sliding_window"] if windowed else None)
        o = ref.multi_head(q, k, v, joined(w("WO")), seen, factor, cap)
        if is_gemma and config["model_type"] != "gemma":
            o = [norm(y, w("GAP")) for y in o]
        xs = [add(x, y) for x, y in zip(xs, o)]
        ns = [norm(x, w("GFN")) for x in xs]
        if config.get("num_experts_per_tok"):
            o = [experts_of(config, w, x) for x in ns]
        else:
            o = [ref.gated(x, w("WFG"), w("WFU"), w("WFO"), activation) for x in ns]
        if is_gemma and config["model_type"] != "gemma":
            o = [norm(y, w("GFP")) for y in o]
        xs = [add(x, y) for x, y in zip(xs, o)]
    x = norm(xs[-1], tensors["GXN"])
    logits = [dot(x, row) for row in tensors["WTE" if is_gemma else "WLM"]]
    final = config.get("final_logit_softcapping")
    return [final * math.tanh(y / final) for y in logits] if final else logits


def softmax_experts(config, w, x):
    """DeepSeek-V2: the largest of all, or of the groups whose best is largest; gates as they are."""
    scores = ref.softmax(times(x, w("WR")))
    choice = scores
    if config["topk_method"] == "group_limited_greedy":
        size = len(scores) // config["n_group"]
        best = ref.choose([max(scores[g * size:(g + 1) * size]) for g in range(config["n_group"])], config["topk_group"])
        choice = [value if i // size in best else 0.0 for i, value in enumerate(scores)]
    chosen = ref.choose(choice, config["num_experts_per_tok"])
    routed = [scale(config["routed_scaling_factor"] * scores[i],
                    ref.gated(x, w("WEG")[i], w("WEU")[i], w("WEO")[i], "silu")) for i in chosen]
    return add(*routed, ref.gated(x, w("WSG"), w("WSU"), w("WSO"), "silu"))


def deepseek_experts(config, w, x):
    if config["model_type"] == "deepseek_v2":
        return softmax_experts(config, w, x)
    scores = each(ref.sigmoid, times(x, w("WR")))
    choice = add(scores, w("BR"))
    size = len(choice) // config["n_group"]
    groups = [sum(sorted(choice[g * size:(g + 1) * size])[-2:]) for g in range(config["n_group"])]
    best = ref.choose(groups, config["topk_group"])
    choice = [value if i // size in best else 0.0 for i, value in enumerate(choice)]
    chosen = ref.choose(choice, config["num_experts_per_tok"])
    total = sum(scores[i] for i in chosen)
    routed = [scale(config["routed_scaling_factor"] * scores[i] / total,
                    ref.gated(x, w("WEG")[i], w("WEU")[i], w("WEO")[i], "silu")) for i in chosen]
    return add(*routed, ref.gated(x, w("WSG"), w("WSU"), w("WSO"), "silu"))


def deepseek(config, tensors, layer, b):
    eps, e, p_extent = config["rms_norm_eps"], config["qk_nope_head_dim"], config["qk_rope_head_dim"]
    inner = 1e-6  # of the norms within attention, whatever the config says
    stretch = 0.1 * math.log(config["rope_scaling"]["factor"]) * config["rope_scaling"]["mscale_all_dim"] + 1
    factor = stretch**2 / math.sqrt(e + p_extent)
    turn = lambda x, p: ref.rotate_pairs(x, [angle(p, j, "") for j in range(p_extent // 2)])
    xs = embed(tensors, b)
    for i in range(config["num_hidden_layers"]):
        w = layer(i)
        ns = [rms_norm(x, w("GAN"), eps) for x in xs]
        cq = [rms_norm(times(n, w("WDQ")), w("GUQ"), inner) for n in ns] if config["q_lora_rank"] else ns
        q = [[plain + turn(turned, p) for plain, turned in zip(times(c, w("WQ")), times(c, w("WQP")))]
             for p, c in enumerate(cq)]
        ckv = [rms_norm(times(n, w("WDK")), w("GCN"), inner) for n in ns]
        shared = [turn(times(n, w("WKP")), p) for p, n in enumerate(ns)]
        k = [[plain + s for plain in times(c, w("WUK"))] for c, s in zip(ckv, shared)]
        v = [times(c, w("WUV")) for c in ckv]
        o = ref.multi_head(q, k, v, joined(w("WO")), ref.causal(), factor)
        xs = [add(x, y) for x, y in zip(xs, o)]
        ns = [rms_norm(x, w("GFN"), eps) for x in xs]
        if i < config["first_k_dense_replace"]:
            o = [ref.gated(x, w("WFG"), w("WFU"), w("WFO"), "silu") for x in ns]
        else:
            o = [deepseek_experts(config, w, x) for x in ns]
        xs = [add(x, y) for x, y in zip(xs, o)]
    x = rms_norm(xs[-1], tensors["GXN"], eps)
    return [dot(x, row) for row in tensors["WLM"]]


def mamba(config, tensors, layer, b):
    eps, kernel = config["layer_norm_epsilon"], config["conv_kernel"]
    silu = ref.ACTIVATIONS["silu"]
    xs = embed(tensors, b)
    for i in range(config["num_hidden_layers"]):
        w = layer(i)
        a = [each(lambda x: -math.exp(x), row) for row in w("ALOG")]
        inner, state = len(a), [[0.0] * len(row) for row in a]
        past, results = [], []
        for x in xs:
            n = rms_norm(x, w("GSN"), eps)
            past.append(times(n, w("WSX")))
            z = times(n, w("WSZ"))
            # Element 0 of the weight is for the token itself.
            u = [silu(sum(past[-1 - t][j] * w("WSC")[j][t] for t in range(min(kernel, len(past)))) + w("BSC")[j])
                 for j in range(inner)]
            step = each(lambda y: math.log(1 + math.exp(y)), add(times(times(u, w("WSD")), w("WST")), w("BST")))
            into, out = times(u, w("WSB")), times(u, w("WSG"))
            state = [[h * math.exp(step[j] * a[j][k]) + step[j] * into[k] * u[j] for k, h in enumerate(row)]
                     for j, row in enumerate(state)]
            y = [(dot(row, out) + w("DSKIP")[j] * u[j]) * silu(z[j]) for j, row in enumerate(state)]
            results.append(add(x, times(y, w("WSO"))))
        xs = results
    x = rms_norm(xs[-1], tensors["GXN"], eps)
    return [dot(x, row) for row in tensors["WTE"]]


def mamba2(config, tensors, layer, b):
    """One decay per head; heads of a group share what writes and reads the state."""
    eps, kernel, groups = config["layer_norm_epsilon"], config["conv_kernel"], config["n_groups"]
    silu = ref.ACTIVATIONS["silu"]
    grouped = lambda x: x if groups > 1 else [x]
    xs = embed(tensors, b)
    for i in range(config["num_hidden_layers"]):
        w = layer(i)
        past, results, state = {name: [] for name in "XBG"}, [], None

        def see(name, n):
            raw = times(n, w("WS" + name))
            past[name].append(ref.flat(raw))
            weight = [row for row in flat_rows(w("WSC" + name))]
            bias = ref.flat(w("BSC" + name))
            values = [silu(sum(past[name][-1 - t][j] * weight[j][t] for t in range(min(kernel, len(past[name])))) + bias[j])
                      for j in range(len(bias))]
            return nest(values, shape_of(raw))

        for x in xs:
            n = rms_norm(x, w("GSN"), eps)
            u, into, out = (see(name, n) for name in "XBG")
            u, into, out = grouped(u), grouped(into), grouped(out)
            steps = grouped(times(n, w("WST")))
            low, high = config["time_step_limit"]
            limited = [[min(max(math.log(1 + math.exp(s + c)), low), high) for s, c in zip(*rows)]
                       for rows in zip(steps, grouped(w("BDT")))]
            state = state or [[[[0.0] * len(into[0]) for _ in head] for head in heads] for heads in u]
            ys = []
            for g, heads in enumerate(u):
                for h, head in enumerate(heads):
                    step = limited[g][h]
                    decay = math.exp(-step * math.exp(grouped(w("ALOG"))[g][h]))
                    for p, value in enumerate(head):
                        row = state[g][h][p] = [decay * s + step * k * value for s, k in zip(state[g][h][p], into[g])]
                        ys.append(dot(row, out[g]) + grouped(w("DSKIP"))[g][h] * value)
            ys = [y * silu(z) for y, z in zip(ys, ref.flat(times(n, w("WSZ"))))]
            ys = rms_norm(ys, ref.flat(w("GSH")), eps)
            results.append(add(x, times(ys, flat_rows(w("WSO")))))
        xs = results
    x = rms_norm(xs[-1], tensors["GXN"], eps)
    return [dot(x, row) for row in tensors["WLM"]]


def shape_of(rows):
    return [len(rows), *shape_of(rows[0])] if isinstance(rows, list) else []


def flat_rows(rows):
    """All ranks but the last as one."""
    return [row for part in rows for row in flat_rows(part)] if isinstance(rows[0][0], list) else rows


def t5(config, tensors, layer, b):
    eps = config["layer_norm_epsilon"]
    relu = ref.ACTIVATIONS["relu"]

    def stack(xs, layers, suffix, is_causal, memory):
        bias = tensors["BK" + suffix]
        table = tensors["REL" + suffix]
        row = lambda p, m: p - m if is_causal else m - p + len(xs) - 1
        for i in layers:
            w = layer(i)
            ns = [rms_norm(x, w("GAN"), eps) for x in xs]
            q, k, v = ([heads_of(times(x, w("W" + c))) for x in ns] for c in "QKV")
            seen = ref.causal() if is_causal else lambda p: range(len(xs))
            o = ref.multi_head(q, k, v, joined(w("WO")), seen, 1, bias=lambda h, p, m: table[bias[row(p, m)]][h])
            xs = [add(x, y) for x, y in zip(xs, o)]
            if memory:
                q = [heads_of(times(rms_norm(x, w("GCN"), eps), w("WCQ"))) for x in xs]
                k, v = ([heads_of(times(x, w("WC" + c))) for x in memory] for c in "KV")
                o = ref.multi_head(q, k, v, joined(w("WCO")), lambda p: range(len(memory)), 1)
                xs = [add(x, y) for x, y in zip(xs, o)]
            hs = [each(relu, times(rms_norm(x, w("GFN"), eps), w("WFU"))) for x in xs]
            xs = [add(x, times(h, w("WFO"))) for x, h in zip(xs, hs)]
        return xs

    count = config["num_layers"]
    memory = [rms_norm(x, tensors["GEN"], eps) for x in stack(embed(tensors, b), range(count), "E", False, None)]
    xs = stack(embed(tensors, b, "EMBD"), range(count, 2 * count), "D", True, memory)
    x = scale(1 / math.sqrt(config["d_model"]), rms_norm(xs[-1], tensors["GXN"], eps))
    return [dot(x, row) for row in tensors["WTE"]]


# --- Decoders with layer norms, and other relatives of Llama --------------------------------------------------------

def turn_some(x, angles, count, turn):
    """The first elements turn, the rest stays."""
    return turn(x[:count], angles[:count // 2]) + x[count:]


def project(w, x, name):
    """Heads of a query, key or value, with a bias where there is one."""
    heads = heads_of(as_heads(times(x, w("W" + name))))
    return [add(head, c) for head, c in zip(heads, heads_of(as_heads(w("B" + name))))] if w.has("B" + name) else heads


def sequence(config, tensors, layer, b, traits):
    """A decoder by what its paper says of it; `traits` has what differs from Llama."""
    get = lambda name, default=None: traits.get(name, default)
    norm_at = lambda w, name: (lambda x: get("norm")(x, w, name))
    xs = [scale(get("embedding", 1), x) for x in embed(tensors, b)]
    if get("embedding_norm"):
        top = weights_of(None, lambda _: (lambda name: tensors[name]))(0)
        xs = [norm_at(top, "EN")(x) for x in xs]
    for i in range(traits["layers"]):
        w = layer(i)
        before = [norm_at(w, "AN")(x) for x in xs] if not get("post") and not (i == 0 and get("first_bare")) else xs
        q, k, v = ([project(w, x, name) for x in before] for name in "QKV")
        shape = get("heads", lambda i: {})(i)
        if shape.get("prepare"):
            q, k = shape["prepare"](w, q, "Q"), shape["prepare"](w, k, "K")
        if shape.get("temper"):
            q = [[scale(tensors["TEMP"][p], head) for head in heads] for p, heads in enumerate(q)]
        if shape.get("turn"):
            q, k = ([[shape["turn"](head, p) for head in heads] for p, heads in enumerate(side)] for side in (q, k))
        if shape.get("finish"):
            q, k = ([[shape["finish"](head) for head in heads] for heads in side] for side in (q, k))
        seen = shape.get("seen") or ref.causal()
        factor = get("factor") or 1 / math.sqrt(len(q[0][0]))
        if get("sinks"):
            sinks = ref.flat(w("BSINK"))
            o = []
            for p, heads in enumerate(q):
                row = []
                for h, query in enumerate(heads):
                    g = h * len(k[0]) // len(heads)
                    scores = ref.softmax([factor * dot(query, k[m][g]) for m in seen(p)] + [sinks[h]])
                    row += [dot(scores[:-1], [v[m][g][f] for m in seen(p)]) for f in range(len(v[0][g]))]
                o.append(times(row, joined(w("WO"))))
        else:
            slopes = scale(get("slope", 1), ref.flat(tensors["SLOPE"])) if "SLOPE" in tensors else None
            o = ref.multi_head(q, k, v, joined(w("WO")), seen, factor,
                               bias=slopes and (lambda h, p, m: slopes[h] * (m - p)))
        if w.has("BO"):
            o = [add(y, w("BO")) for y in o]
        if get("post"):
            o = [norm_at(w, "AP")(y) for y in o]
        branch = get("branch", 1)
        after = [add(x, scale(branch, y)) for x, y in zip(xs, o)]
        if get("parallel") == "shared":
            inner = before
        else:
            source = xs if get("parallel") else after
            inner = source if get("post") else [norm_at(w, "FN")(x) for x in source]
        o = [get("feed")(w, x) for x in inner]
        if get("post"):
            o = [norm_at(w, "FP")(y) for y in o]
        xs = [add(x, scale(branch, y)) for x, y in zip(after, o)]
    return xs


def weights_of(cascade_names, layer):
    """w(name) that can be asked whether there is such a weight."""
    def at(i):
        inner = layer(i)

        class Weights:
            def __call__(self, name):
                return inner(name)

            def has(self, name):
                try:
                    inner(name)
                    return True
                except KeyError:
                    return False
        return Weights()
    return at


def two_matrices(activation):
    def feed(w, x):
        h = times(x, w("WFU"))
        h = add(h, w("BFU")) if w.has("BFU") else h
        y = times(each(ref.ACTIVATIONS[activation], h), w("WFO"))
        return add(y, w("BFO")) if w.has("BFO") else y
    return feed


def gated_feed(activation):
    return lambda w, x: ref.gated(x, w("WFG"), w("WFU"), w("WFO"), activation)


def oss_experts(config):
    """Scores have a bias, the gates are a softmax over the chosen ones; an expert has biases and clamps."""
    def feed(w, x):
        logits = add(times(x, w("WR")), w("BRL"))
        chosen = ref.choose(logits, config["num_experts_per_tok"])
        gates = ref.softmax([logits[i] for i in chosen])
        limit, outs = config["swiglu_limit"], []
        for gate, i in zip(gates, chosen):
            g = [min(y, limit) for y in add(times(x, w("WEG")[i]), w("BEG")[i])]
            u = [max(-limit, min(y, limit)) for y in add(times(x, w("WEU")[i]), w("BEU")[i])]
            h = [a * ref.sigmoid(1.702 * a) * (c + 1) for a, c in zip(g, u)]
            outs.append(scale(gate, add(times(h, w("WEO")[i]), w("BEO")[i])))
        return add(*outs)
    return feed


def olmoe_experts(config):
    def feed(w, x):
        scores = ref.softmax(times(x, w("WR")))
        return add(*[scale(scores[i], ref.gated(x, w("WEG")[i], w("WEU")[i], w("WEO")[i], "silu"))
                     for i in ref.choose(scores, config["num_experts_per_tok"])])
    return feed


def qwen2_experts(config):
    def feed(w, x):
        shared = ref.gated(x, w("WSG"), w("WSU"), w("WSO"), "silu")
        return add(olmoe_experts(config)(w, x), scale(ref.sigmoid(dot(x, w("WSR"))), shared))
    return feed


def llama4_feed(config):
    def feed(w, x):
        if not w.has("WR"):
            return gated_feed("silu")(w, x)
        logits = times(x, w("WR"))
        outs = [ref.gated(x, w("WSG"), w("WSU"), w("WSO"), "silu")]
        for i in ref.choose(logits, config["num_experts_per_tok"]):
            y = scale(ref.sigmoid(logits[i]), x)
            outs.append(ref.gated(y, w("WEG")[i], w("WEU")[i], w("WEO")[i], "silu"))
        return add(*outs)
    return feed


def row_norm(eps):
    """A norm over all heads of a token."""
    def prepare(w, side, name):
        gain = ref.flat(w("G" + name))
        return [nest(rms_norm(ref.flat(heads), gain, eps), shape_of(heads)) for heads in side]
    return prepare


def head_norm(eps):
    """A norm without bias of each head, with its own gains."""
    def prepare(w, side, name):
        gains = heads_of(as_heads(w("G" + name)))
        return [[layer_norm(head, gain, [0.0] * len(head), eps) for head, gain in zip(heads, gains)] for heads in side]
    return prepare


def describe(config):
    """What a family differs in, by its public description."""
    kind = config["model_type"]
    eps = next((config[name] for name in ("layer_norm_eps", "layer_norm_epsilon", "norm_epsilon", "norm_eps", "rms_norm_eps")
                if name in config))
    rms = lambda x, w, name: rms_norm(x, w("G" + name), eps)
    full = lambda x, w, name: layer_norm(x, w("G" + name), w("B" + name), eps)
    centred = lambda x, w, name: layer_norm(x, w("G" + name), [0.0] * len(x), eps)
    angles = lambda p, table="": [angle(p, j, table) for j in range(16)]
    part = lambda count, turn=ref.rotate: (lambda x, p: turn_some(x, angles(p), count, turn))
    whole = lambda turn=ref.rotate, table="": (lambda x, p: turn_some(x, angles(p, table), len(x), turn))
    same_heads = lambda **shape: (lambda i: shape)
    layers = config.get("num_hidden_layers") or config.get("n_layer") or config["n_layers"]
    hidden = next(config[name] for name in ("hidden_size", "n_embd", "n_embed", "d_model") if name in config)
    extent = config.get("head_dim") or hidden // next(
        config[name] for name in ("num_attention_heads", "n_head", "n_heads") if name in config)
    some = int(extent * config.get("partial_rotary_factor", config.get("rotary_pct", 1)))
    every = lambda n: (lambda i: (i + 1) % n == 0)
    silu = gated_feed("silu")
    window = lambda i, n: ref.causal(config["sliding_window"]) if not every(n)(i) else None
    if kind == "phi":
        return dict(layers=layers, norm=full, parallel="shared", heads=same_heads(turn=part(some)), feed=two_matrices("gelu_new"))
    if kind == "phi3":
        return dict(layers=layers, norm=rms, heads=same_heads(turn=part(some)), feed=silu)
    if kind == "gpt_neox":
        return dict(layers=layers, norm=full, parallel=config["use_parallel_residual"], heads=same_heads(turn=part(some)),
                    feed=two_matrices("gelu"))
    if kind == "gptj":
        return dict(layers=layers, norm=full, parallel="shared", heads=same_heads(turn=part(config["rotary_dim"], ref.rotate_pairs)),
                    feed=two_matrices("gelu_new"))
    if kind == "bloom":
        return dict(layers=layers, norm=full, embedding_norm=True, feed=two_matrices("gelu_new"))
    if kind == "mpt":
        return dict(layers=layers, norm=centred, feed=two_matrices("gelu"))
    if kind == "falcon" and config.get("alibi"):
        return dict(layers=layers, norm=full, feed=two_matrices("gelu"), slope=1 / math.sqrt(extent))
    if kind == "falcon":
        return dict(layers=layers, norm=full, parallel="own" if config.get("new_decoder_architecture") else "shared",
                    heads=same_heads(turn=whole()), feed=two_matrices("gelu"))
    if kind == "stablelm":
        return dict(layers=layers, norm=full, feed=silu, parallel=config.get("use_parallel_residual") and "shared",
                    heads=same_heads(turn=part(some), prepare=head_norm(eps) if config.get("qk_layernorm") else None))
    if kind == "starcoder2":
        return dict(layers=layers, norm=full, heads=same_heads(turn=whole(), seen=ref.causal(config["sliding_window"])),
                    feed=two_matrices("gelu_new"))
    if kind == "cohere":
        return dict(layers=layers, norm=centred, parallel="shared", feed=silu,
                    heads=same_heads(turn=whole(ref.rotate_pairs), prepare=head_norm(eps) if config.get("use_qk_norm") else None))
    if kind == "cohere2":
        period = config["sliding_window_pattern"]
        return dict(layers=layers, norm=centred, parallel="shared", feed=silu,
                    heads=lambda i: {} if every(period)(i) else dict(turn=whole(ref.rotate_pairs), seen=window(i, period)))
    if kind == "granite":
        return dict(layers=layers, norm=rms, heads=same_heads(turn=whole()), feed=silu, factor=config["attention_multiplier"],
                    branch=config["residual_multiplier"], embedding=config["embedding_multiplier"])
    if kind == "olmo2":
        return dict(layers=layers, norm=rms, post=True, heads=same_heads(prepare=row_norm(eps), turn=whole()), feed=silu)
    if kind == "olmoe":
        return dict(layers=layers, norm=rms, heads=same_heads(prepare=row_norm(eps), turn=whole()), feed=olmoe_experts(config))
    if kind == "qwen2_moe":
        return dict(layers=layers, norm=rms, heads=same_heads(turn=whole()), feed=qwen2_experts(config))
    if kind == "smollm3":
        return dict(layers=layers, norm=rms, feed=silu,
                    heads=lambda i: {} if every(config["no_rope_layer_interval"])(i) else dict(turn=whole()))
    if kind == "gpt_oss":
        return dict(layers=layers, norm=rms, sinks=True, feed=oss_experts(config),
                    heads=lambda i: dict(turn=whole(), seen=window(i, 2)))
    if kind == "llama4_text":
        bare = lambda x: rms_norm(x, [1.0] * len(x), eps)
        return dict(layers=layers, norm=rms, feed=llama4_feed(config),
                    heads=lambda i: dict(temper=True) if every(4)(i) else dict(turn=whole(ref.rotate_pairs), finish=bare))
    if kind == "modernbert":
        near = config["local_attention"] // 2
        everything = lambda p: range(SEQ)
        local = lambda p: [m for m in range(SEQ) if abs(m - p) <= near]
        wide = lambda i: i % 3 == 0
        return dict(layers=layers, norm=centred, first_bare=True, feed=gated_feed("gelu"),
                    heads=lambda i: dict(turn=whole(ref.rotate, "" if wide(i) else "L"), seen=everything if wide(i) else local))
    raise KeyError(kind)


def decoder(config, tensors, layer, b):
    traits = describe(config)
    top = weights_of(None, lambda _: (lambda name: tensors[name]))(0)
    xs = sequence(config, tensors, weights_of(None, layer), b, traits)
    x = traits["norm"](xs[-1], top, "XN")
    logits = [dot(x, row) for row in tensors["WLM" if "WLM" in tensors else "WTE"]]
    if "BLM" in tensors:
        logits = add(logits, tensors["BLM"])
    return scale(config.get("logit_scale", 1) / config.get("logits_scaling", 1), logits)


def modern_bert(config, tensors, layer, b):
    traits = describe(config)
    top = weights_of(None, lambda _: (lambda name: tensors[name]))(0)
    rows = dict(tensors, EMB=[[traits["norm"](x, top, "EN") for x in sentence] for sentence in tensors["EMB"]])
    xs = [traits["norm"](x, top, "XN") for x in sequence(config, rows, weights_of(None, layer), b, traits)]
    ys = [traits["norm"](each(ref.ACTIVATIONS["gelu"], times(x, tensors["WH"])), top, "HN") for x in xs]
    return [[dot(y, row) + c for row, c in zip(tensors["WTE"], tensors["BLM"])] for y in ys]


# --- Models of every family, small --------------------------------------------------------------------------------------

LLAMA = dict(vocab_size=11, hidden_size=8, intermediate_size=7, num_attention_heads=4, num_key_value_heads=2, hidden_act="silu",
             rms_norm_eps=1e-5, num_hidden_layers=3)
GEMMA = dict(LLAMA, head_dim=6, hidden_activation="gelu_pytorch_tanh", query_pre_attn_scalar=9)
DEEPSEEK_V2 = dict(model_type="deepseek_v2", vocab_size=11, hidden_size=8, intermediate_size=9, moe_intermediate_size=5,
                   num_hidden_layers=2, num_attention_heads=3, kv_lora_rank=5, qk_nope_head_dim=4, qk_rope_head_dim=6,
                   v_head_dim=3, n_routed_experts=8, n_shared_experts=2, num_experts_per_tok=3, routed_scaling_factor=1.0,
                   first_k_dense_replace=1, rms_norm_eps=1e-6, norm_topk_prob=False, scoring_func="softmax",
                   rope_scaling=dict(type="yarn", factor=40, mscale=0.707, mscale_all_dim=0.707))
TURNING = dict(vocab_size=11, hidden_size=12, intermediate_size=7, num_attention_heads=2, num_hidden_layers=2)
same = lambda count: [("", i) for i in range(count)]
in_turns = [("_0", 0), ("_1", 0), ("_0", 1), ("_1", 1)]

MODELS = {
    "gpt2": (gpt2, same(2), dict(model_type="gpt2", vocab_size=11, n_positions=16, n_embd=6, n_layer=2, n_head=3)),
    "opt": (opt, same(2), dict(model_type="opt", vocab_size=11, hidden_size=6, ffn_dim=10, num_hidden_layers=2,
                               num_attention_heads=2, max_position_embeddings=16, word_embed_proj_dim=4,
                               do_layer_norm_before=False)),
    "opt-before": (opt, same(2), dict(model_type="opt", vocab_size=11, hidden_size=6, ffn_dim=10, num_hidden_layers=2,
                                      num_attention_heads=2, max_position_embeddings=16, word_embed_proj_dim=6,
                                      do_layer_norm_before=True)),
    "bert": (bert, same(2), dict(model_type="bert", architectures=["BertForMaskedLM"], vocab_size=11, hidden_size=6,
                                 num_hidden_layers=2, num_attention_heads=2, intermediate_size=9, max_position_embeddings=16,
                                 type_vocab_size=2, layer_norm_eps=1e-12)),
    "vit": (vit, same(2), dict(model_type="vit", architectures=["ViTForImageClassification"], hidden_size=6,
                               num_hidden_layers=2, num_attention_heads=2, intermediate_size=9, image_size=6, patch_size=3,
                               num_channels=2, layer_norm_eps=1e-12, num_labels=7)),
    "t5": (t5, [("_0", 0), ("_0", 1), ("_1", 0), ("_1", 1)],
           dict(model_type="t5", vocab_size=11, d_model=6, d_kv=4, d_ff=9, num_layers=2, num_heads=3, layer_norm_epsilon=1e-6,
                relative_attention_num_buckets=5)),
    "llama": (llama, same(3), dict(LLAMA, model_type="llama")),
    "llama-one-layer": (llama, [("", None)], dict(LLAMA, model_type="llama", num_hidden_layers=1)),
    "mistral": (llama, same(3), dict(LLAMA, model_type="mistral", sliding_window=3)),
    "mixtral": (llama, same(3), dict(LLAMA, model_type="mixtral", num_local_experts=5, num_experts_per_tok=2)),
    "qwen3-moe": (llama, same(3), dict(LLAMA, model_type="qwen3_moe", head_dim=6, num_experts=6, num_experts_per_tok=3,
                                       moe_intermediate_size=5, norm_topk_prob=True)),
    "qwen3": (llama, [("_0", None), ("_1", 0), ("_1", 1)],
              dict(LLAMA, model_type="qwen3", head_dim=6, use_sliding_window=True, max_window_layers=1, sliding_window=2)),
    "gemma2": (llama, [("_0", 0), ("_1", 0), ("_0", 1), ("_1", 1)],
               dict(GEMMA, model_type="gemma2", num_hidden_layers=4, attn_logit_softcapping=2.0, final_logit_softcapping=3.0,
                    sliding_window=3)),
    "gemma3": (llama, [("_0", 0), ("_0", 1), ("_1", None), ("_2", None)],
               dict(GEMMA, model_type="gemma3_text", num_hidden_layers=4, num_key_value_heads=1, sliding_window=3,
                    sliding_window_pattern=3)),
    "deepseek-v3": (deepseek, [("_0", None), ("_1", 0), ("_1", 1)],
                    dict(model_type="deepseek_v3", vocab_size=11, hidden_size=8, intermediate_size=9, moe_intermediate_size=5,
                         num_hidden_layers=3, num_attention_heads=3, q_lora_rank=7, kv_lora_rank=5, qk_nope_head_dim=4,
                         qk_rope_head_dim=6, v_head_dim=3, n_routed_experts=8, n_shared_experts=2, num_experts_per_tok=2,
                         n_group=4, topk_group=2, routed_scaling_factor=2.5, first_k_dense_replace=1, rms_norm_eps=1e-3,
                         rope_scaling=dict(type="yarn", factor=40, mscale_all_dim=1.0))),
    "deepseek-v2-lite": (deepseek, [("_0", None), ("_1", None)],
                         dict(DEEPSEEK_V2, q_lora_rank=None, topk_method="greedy", n_group=1, topk_group=1)),
    "deepseek-v2": (deepseek, [("_0", None), ("_1", None)],
                    dict(DEEPSEEK_V2, q_lora_rank=7, topk_method="group_limited_greedy", n_group=4, topk_group=2,
                         routed_scaling_factor=16.0)),
    "phi": (decoder, same(2), dict(TURNING, model_type="phi", partial_rotary_factor=0.7, layer_norm_eps=1e-5)),
    "phi-4-mini": (decoder, same(3), dict(LLAMA, model_type="phi3", head_dim=8, partial_rotary_factor=0.75, rms_norm_eps=1e-5)),
    "pythia": (decoder, same(2), dict(TURNING, model_type="gpt_neox", rotary_pct=0.34, layer_norm_eps=1e-5,
                                      use_parallel_residual=True)),
    "gpt-neox-in-turn": (decoder, same(2), dict(TURNING, model_type="gpt_neox", rotary_pct=1.0, layer_norm_eps=1e-5,
                                                use_parallel_residual=False)),
    "gptj": (decoder, same(2), dict(model_type="gptj", vocab_size=11, n_embd=12, n_layer=2, n_head=2, rotary_dim=4,
                                    layer_norm_epsilon=1e-5)),
    "falcon": (decoder, same(2), dict(model_type="falcon", vocab_size=11, hidden_size=12, num_attention_heads=3,
                                      num_hidden_layers=2, layer_norm_epsilon=1e-5)),
    "falcon-40b": (decoder, same(2), dict(model_type="falcon", vocab_size=11, hidden_size=16, num_attention_heads=4,
                                          num_kv_heads=2, num_hidden_layers=2, new_decoder_architecture=True,
                                          layer_norm_epsilon=1e-5)),
    "falcon-rw": (decoder, same(2), dict(model_type="falcon", vocab_size=11, hidden_size=12, num_attention_heads=3,
                                         num_hidden_layers=2, alibi=True, bias=True, multi_query=False, parallel_attn=False,
                                         layer_norm_epsilon=1e-5)),
    "bloom": (decoder, same(2), dict(model_type="bloom", vocab_size=11, n_embed=12, num_attention_heads=3, n_layer=2,
                                     layer_norm_epsilon=1e-5)),
    "mpt": (decoder, same(2), dict(model_type="mpt", vocab_size=11, d_model=12, n_heads=3, n_layers=2, expansion_ratio=2,
                                   layer_norm_epsilon=1e-5,
                                   attn_config=dict(alibi=True, alibi_bias_max=8, attn_type="multihead_attention"))),
    "stablelm-2-12b": (decoder, same(2), dict(TURNING, model_type="stablelm", num_key_value_heads=1, layer_norm_eps=1e-5,
                                              partial_rotary_factor=0.34, qk_layernorm=True, use_parallel_residual=True)),
    "command-r-plus": (decoder, same(2), dict(TURNING, model_type="cohere", logit_scale=0.25, layer_norm_eps=1e-5,
                                              num_attention_heads=3, use_qk_norm=True)),
    "stablelm": (decoder, same(2), dict(TURNING, model_type="stablelm", partial_rotary_factor=0.34, layer_norm_eps=1e-5,
                                        use_qkv_bias=True)),
    "starcoder2": (decoder, same(2), dict(TURNING, model_type="starcoder2", num_key_value_heads=1, sliding_window=3,
                                          norm_epsilon=1e-5)),
    "cohere": (decoder, same(2), dict(TURNING, model_type="cohere", logit_scale=0.25, layer_norm_eps=1e-5)),
    "cohere2": (decoder, in_turns, dict(TURNING, model_type="cohere2", num_hidden_layers=4, sliding_window=3,
                                        sliding_window_pattern=2, logit_scale=0.25, layer_norm_eps=1e-5)),
    "granite": (decoder, same(3), dict(LLAMA, model_type="granite", attention_multiplier=0.3, embedding_multiplier=1.5,
                                       residual_multiplier=0.4, logits_scaling=2.0)),
    "olmo2": (decoder, same(3), dict(LLAMA, model_type="olmo2")),
    "olmoe": (decoder, same(3), dict(LLAMA, model_type="olmoe", num_experts=5, num_experts_per_tok=2)),
    "qwen2-moe": (decoder, same(3), dict(LLAMA, model_type="qwen2_moe", num_experts=5, num_experts_per_tok=2,
                                         moe_intermediate_size=4, shared_expert_intermediate_size=6)),
    "smollm3": (decoder, in_turns, dict(LLAMA, model_type="smollm3", num_hidden_layers=4, no_rope_layer_interval=2)),
    "gpt-oss": (decoder, in_turns, dict(LLAMA, model_type="gpt_oss", head_dim=4, num_hidden_layers=4, num_local_experts=5,
                                        num_experts_per_tok=2, sliding_window=3, swiglu_limit=0.6)),
    "llama4": (decoder, [(f"_{i}", None) for i in range(4)],
               dict(LLAMA, model_type="llama4_text", head_dim=4, num_hidden_layers=4, num_local_experts=3, num_experts_per_tok=1,
                    intermediate_size_mlp=9, interleave_moe_layer_step=2)),
    "modernbert": (modern_bert, [("_0", None), ("_1", 0), ("_1", 1), ("_2", None)],
                   dict(TURNING, model_type="modernbert", architectures=["ModernBertForMaskedLM"], num_hidden_layers=4,
                        local_attention=2, norm_eps=1e-5)),
    "mamba2": (mamba2, same(2), dict(model_type="mamba2", vocab_size=11, hidden_size=6, num_heads=4, head_dim=3, n_groups=2,
                                     state_size=3, conv_kernel=4, num_hidden_layers=2, layer_norm_epsilon=1e-5,
                                     time_step_limit=[0.5, 1.5])),
    "mamba2-one-group": (mamba2, same(2), dict(model_type="mamba2", vocab_size=11, hidden_size=6, num_heads=4, head_dim=3,
                                               n_groups=1, state_size=2, conv_kernel=3, num_hidden_layers=2,
                                               layer_norm_epsilon=1e-5, time_step_limit=[0.0, math.inf])),
    "mamba": (mamba, same(2), dict(model_type="mamba", vocab_size=11, hidden_size=6, intermediate_size=8, num_hidden_layers=2,
                                   state_size=3, conv_kernel=4, time_step_rank=2, layer_norm_epsilon=1e-5)),
}


def check_reference(name, folder):
    function, places, config = MODELS[name]
    flags = [] if name == "vit" else [f"--seq={SEQ}"]
    if name == "t5":
        flags.append("--target-seq=4")
    cascade = convert(config, folder, *flags)
    tensors = fill(cascade, limits={"SEG": 2, "BKE": 5, "BKD": 5})
    got = execute(cascade, folder, tensors)["LG"]
    layer = at_layer(cascade, tensors, places)
    return largest_difference(got, [function(config, tensors, layer, b) for b in range(BATCH)])


# --- Decoding ---------------------------------------------------------------------------------------------------------

def without_last(rows, depth):
    """Drops the last entry of the rank at `depth`."""
    return rows[:-1] if depth == 0 else [without_last(row, depth - 1) for row in rows]


def at_index(rows, depth, index):
    return rows[index] if depth == 0 else [at_index(row, depth - 1, index) for row in rows]


def last_rows(rows, depth, count, reverse=False):
    if depth:
        return [last_rows(row, depth - 1, count, reverse) for row in rows]
    kept = rows[-count:]
    return kept[::-1] if reverse else kept


def caches(decode, before):
    """What decoding finds, from what prefill of the tokens before delivered."""
    found = {}
    for name, (ranks, _) in decode.inputs.items():
        match = re.fullmatch(r"(KC|KTC|VC|CNC|KPC|CK|CV|HC|SXC|SBC|SGC)(_\d+)?", name)
        if not match:
            continue
        base, suffix = match.group(1), match.group(2) or ""
        sources = {"KC": ["KRN", "KNR", "KBR", "KR", "KB", "K"], "KTC": ["KNT", "KBT", "KT"], "VC": ["VB", "V"], "CNC": ["CN"], "KPC": ["KPR"], "HC": ["HL"],
                   "SXC": ["SX"], "SBC": ["SB"], "SGC": ["SG"]}.get(base, [base])
        source = next(before[s + suffix] for s in sources if s + suffix in before)
        shape = decode.shape(name)
        depth = next((d for d, r in enumerate(ranks) if r in ("n", "m", "n2", "m2") or (base in ("SXC", "SBC", "SGC") and r == "c")), None)
        if base == "HC":
            found[name] = source
        else:
            found[name] = last_rows(source, depth, shape[depth], reverse=base in ("SXC", "SBC", "SGC"))
    return found


def check_decode(name, folder):
    """Tokens 0 to SEQ-1 and then token SEQ, against all SEQ+1 at once."""
    _, _, config = MODELS[name]
    flags = lambda n: ["--seq=4", f"--target-seq={n}"] if name == "t5" else [f"--seq={n}"]
    limits = {"BKE": 5, "BKD": 5}
    whole = convert(config, folder, *flags(SEQ + 1))
    tensors = fill(whole, positions=range(SEQ + 1), limits=limits)
    rows = "EMBD" if name == "t5" else "EMB"
    wanted = execute(whole, folder, tensors)["LG"]
    shared = {n: t for n, t in tensors.items() if n != rows}
    shared[rows] = [sequence[:-1] for sequence in tensors[rows]]
    if name == "t5":
        shared["BKD"] = tensors["BKD"][:SEQ]
    first = convert(config, folder, *flags(SEQ))
    fixed = {n: t for n, t in shared.items() if n[:3] not in ("COS", "SIN") and n != "TEMP"}
    before = execute(first, folder, fill(first, cached=fixed))
    second = convert(config, folder, "--phase=decode", *flags(SEQ))
    cached = dict(fixed, **caches(second, before))
    cached[rows] = [sequence[-1] for sequence in tensors[rows]]
    if name == "t5":
        cached["BKD"] = tensors["BKD"]
    got = execute(second, folder, fill(second, cached=cached, positions=[SEQ]))["LG"]
    return largest_difference(got, wanted)


# --- Gradients --------------------------------------------------------------------------------------------------------

def check_gradient(name, folder):
    """The derivative along a random direction of all weights, against a central difference of the loss."""
    _, _, config = MODELS[name]
    flags = [] if name == "vit" else [f"--seq={SEQ}"]
    if name == "t5":
        flags.append("--target-seq=4")
    if name == "bert":
        config = dict(config, architectures=["BertForMaskedLM"])
    cascade = convert(config, folder, "--phase=train", "--optimizer=none", *flags)
    labels = config.get("num_labels", 11)
    tensors = fill(cascade, limits={"SEG": 2, "BKE": 5, "BKD": 5, "LAB": labels})
    results = execute(cascade, folder, tensors)
    weights = [name for line in re.findall(r"^  weight (.*)$", cascade.text, re.M) for name in re.findall(r"(\w+)\[", line)]
    adjoints = {w: next((n for n in (f"D{w}", f"D{w}_2") if n in results), None) for w in weights}
    # A table that only a gather reads has no adjoint in the cascade.
    missing = [w for w, n in adjoints.items() if n is None and w[:3] not in ("WTE", "WSE", "BR_")]  # nor has a bias that only chooses
    assert not missing, missing
    assert adjoints.get("WTE") or "WLM" in weights or name == "vit"
    step, slope, losses = 1e-5, 0.0, []
    directions = {w: [random.Random("to " + w).gauss(0, 1) for _ in range(math.prod(cascade.shape(w)))]
                  for w in weights if adjoints[w]}
    for w, direction in directions.items():
        slope += dot(ref.flat(results[adjoints[w]]), direction)
    forward = Cascade(re.sub(r"^  output .*$", "  output LOSS", cascade.text, flags=re.M))
    for sign in (1, -1):
        moved = dict(tensors)
        for w, direction in directions.items():
            values = [x + sign * step * d for x, d in zip(ref.flat(tensors[w]), direction)]
            moved[w] = nest(values, cascade.shape(w))
        losses.append(execute(forward, folder, moved)["LOSS"])
    return abs((losses[0] - losses[1]) / (2 * step) - slope) / abs(slope) * 1e-7  # 1e-12 stands for five digits


def main():
    names = sys.argv[1:] or list(MODELS)
    bad = 0
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            results = {"reference": check_reference(name, folder)}
            results["gradient"] = check_gradient(name, folder)
            if name not in ("bert", "modernbert", "vit"):
                results["decode"] = check_decode(name, folder)
        for what, error in results.items():
            good = error < 1e-12
            bad += not good
            print(f"{name}: {what} {'agrees' if good else 'DIFFERS'}" + ("" if good else f" by {error:.2g}"))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
