"""The architectures once more, written as their papers print them: one token at a time, over nested lists.

Nothing here knows how the compiler writes a cascade; weights come by name from a function `w(name)` that already stands at the
right layer. The judge of lib/Frontend/HuggingFace at small sizes, see check_models.py.
"""
import math


# --- Vectors -------------------------------------------------------------------------------------------------------

def add(*vectors):
    return [sum(values) for values in zip(*vectors)]


def scale(factor, vector):
    return [factor * value for value in vector]


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def times(x, matrix):
    """x[d] * matrix[d][...], whatever stands below d."""
    if isinstance(matrix[0], list):
        return [times(x, [row[i] for row in matrix]) for i in range(len(matrix[0]))]
    return dot(x, matrix)


def flat(nested):
    return [value for part in nested for value in flat(part)] if isinstance(nested, list) else [nested]


def each(function, vector):
    return [function(value) for value in vector]


# --- Scalar functions ------------------------------------------------------------------------------------------------

def sigmoid(x):
    return 1 / (1 + math.exp(-x))


ACTIVATIONS = {
    "silu": lambda x: x * sigmoid(x),
    "relu": lambda x: max(x, 0.0),
    "gelu": lambda x: x * 0.5 * (1 + math.erf(x / math.sqrt(2))),
    "gelu_new": lambda x: 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
}
ACTIVATIONS["gelu_pytorch_tanh"] = ACTIVATIONS["gelu_new"]


def softmax(scores):
    top = max(scores)
    parts = [math.exp(score - top) for score in scores]
    return scale(1 / sum(parts), parts)


# --- Norms and positions -----------------------------------------------------------------------------------------------

def rms_norm(x, gain, epsilon, from_one=False):
    factor = 1 / math.sqrt(dot(x, x) / len(x) + epsilon)
    return [factor * value * (g + (1 if from_one else 0)) for value, g in zip(x, gain)]


def layer_norm(x, gain, bias, epsilon):
    mean = sum(x) / len(x)
    centred = [value - mean for value in x]
    factor = 1 / math.sqrt(dot(centred, centred) / len(x) + epsilon)
    return [factor * value * g + b for value, g, b in zip(centred, gain, bias)]


def rotate(x, angles):
    """Rotary positions over halves: element j with element j + n/2."""
    half = len(x) // 2
    result = [0.0] * len(x)
    for j, angle in enumerate(angles):
        c, s = math.cos(angle), math.sin(angle)
        result[j] = x[j] * c - x[j + half] * s
        result[j + half] = x[j + half] * c + x[j] * s
    return result


def rotate_pairs(x, angles):
    """Rotary positions over neighbours: element 2j with element 2j + 1."""
    result = [0.0] * len(x)
    for j, angle in enumerate(angles):
        c, s = math.cos(angle), math.sin(angle)
        result[2 * j] = x[2 * j] * c - x[2 * j + 1] * s
        result[2 * j + 1] = x[2 * j + 1] * c + x[2 * j] * s
    return result


# --- Attention -----------------------------------------------------------------------------------------------------------

def attend(query, keys, values, factor, cap=None, bias=None):
    scores = [factor * dot(query, key) for key in keys]
    if cap:
        scores = [cap * math.tanh(score / cap) for score in scores]
    if bias:
        scores = add(scores, bias)
    weights = softmax(scores)
    return [dot(weights, [value[f] for value in values]) for f in range(len(values[0]))]


def multi_head(queries, keys, values, output, visible, factor, cap=None, bias=None):
    """queries[token][head], keys[token][key head]; `visible(p)` lists the keys of query p."""
    results = []
    for p, heads in enumerate(queries):
        joined = []
        for h, query in enumerate(heads):
            g = h * len(keys[0]) // len(heads)
            seen = visible(p)
            joined += attend(query, [keys[m][g] for m in seen], [values[m][g] for m in seen], factor, cap,
                             [bias(h, p, m) for m in seen] if bias else None)
        results.append(times(joined, output))
    return results


def causal(window=None):
    return lambda p: list(range(0 if window is None else max(0, p - window + 1), p + 1))


# --- Feed-forward ----------------------------------------------------------------------------------------------------------

def gated(x, gate, up, down, activation):
    g, u = times(x, gate), times(x, up)
    return times([ACTIVATIONS[activation](a) * b for a, b in zip(g, u)], down)


def choose(scores, count):
    return sorted(range(len(scores)), key=lambda i: (-scores[i], i))[:count]
