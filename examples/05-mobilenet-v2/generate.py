#!/usr/bin/env python3
"""Writes MobileNetV2 (Sandler et al. 2018) as one cascade.

    generate.py [--image 224] [--classes 1000] [--border padded|skipped] > mobilenet-v2.ein

Integers as they are deployed: activations and weights of 8 bits, sums of 32 bits, and a scale per channel that brings a sum
back to 8 bits. Batch norms are folded into scales and biases. A window that reaches over the border of an image reads zeros that
were written around it, or, skipped, nothing: the usual count of multiplications includes the zeros.
"""
import argparse

# Table 2 of the paper: expansion, channels, repeats, stride.
BLOCKS = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]


class Network:
    def __init__(self, image, is_padded):
        self.is_padded = is_padded
        self.ranks, self.weights, self.lines = {}, [], []
        self.x, self.channels, self.side = "IMG", 3, image

    def rank(self, kind, extent):
        name = f"{kind}{extent}"
        self.ranks[name] = extent
        return name

    def plane(self, side):
        return self.rank("y", side), self.rank("x", side)

    def requantised(self, name, channels, ranks, clamp):
        """A sum as 8 bits: scaled, with a bias, and cut off where the activation is."""
        c = self.rank("c", channels)
        self.weights += [f"B{name}[{c}] : i32", f"S{name}[{c}] : f32"]
        value = f"round((A{name}[{ranks}] + B{name}[{c}]) * S{name}[{c}])"
        low = 0 if clamp else -128
        self.lines.append(f"{name}[{ranks}] : i8 = min(max({value}, {low}), 127)")

    def convolution(self, name, channels, size, stride, clamp=True, depthwise=False):
        c, k = self.rank("c", self.channels), self.rank("c" if depthwise else "k", channels)
        out = -(-self.side // stride)
        y, x = self.plane(out)
        w = f"W{name}[{k}" + ("" if depthwise else f",{c}") + (",r,s]" if size > 1 else "]")
        self.weights.append(w)
        if size > 1:
            self.rank("r", ""), self.rank("s", "")
            rows, columns = (f"{stride}*{v}" if stride > 1 else v for v in (y, x))
            place, where = self.window(name, c, rows, columns)
        else:
            place, where = f"{y},{x}", ""
        channel = k if depthwise else c
        self.lines.append(f"A{name}[{k},{y},{x}] : i32 = {self.x}[{channel},{place}] * {w}{where}")
        c = self.rank("c", channels)
        self.requantised(name, channels, f"{c},{y},{x}", clamp)
        self.x, self.channels, self.side = name, channels, out

    def window(self, name, c, rows, columns):
        """Indices of a 3 x 3 window around a place, and what keeps them inside."""
        if not self.is_padded:
            return (f"{rows}+r-1,{columns}+s-1", f" where {rows} + r >= 1, {columns} + s >= 1, "
                    f"{rows} + r <= {self.side}, {columns} + s <= {self.side}")
        (y, x), (u, v) = self.plane(self.side), (self.rank(kind, self.side + 2) for kind in "uv")
        self.lines.append(f"Z{name}[{c},{u},{v}] = {self.x}[{c},{y},{x}] where {u} == {y} + 1, {v} == {x} + 1")
        self.x = f"Z{name}"
        return f"{rows}+r,{columns}+s", ""

    def block(self, name, expansion, channels, stride):
        before, ranks = self.x, (self.channels, self.side)
        self.lines += ["", f"// {name}: expansion {expansion}, {channels} channels, stride {stride}."]
        if expansion > 1:
            self.convolution(f"E{name}", expansion * self.channels, 1, 1)
        self.convolution(f"D{name}", self.channels, 3, stride, depthwise=True)
        self.convolution(f"P{name}", channels, 1, 1, clamp=False)
        if ranks == (self.channels, self.side):
            c, (y, x) = self.rank("c", channels), self.plane(self.side)
            place = f"[{c},{y},{x}]"
            self.lines.append(f"R{name}{place} : i8 = {before}{place} + {self.x}{place}")
            self.x = f"R{name}"

    def head(self, classes):
        self.lines += ["", "// Head."]
        self.convolution("H", 1280, 1, 1)
        c, n, (y, x) = self.rank("c", 1280), self.rank("n", classes), self.plane(self.side)
        self.weights += [f"WFC[{n},{c}]", f"BFC[{n}] : i32"]
        self.lines += [f"G[{c}] : i32 = H[{c},{y},{x}]",
                       f"M[{c}] : i8 = round(G[{c}] / {self.side**2} as f32)",
                       f"AFC[{n}] : i32 = M[{c}] * WFC[{n},{c}]", f"Y[{n}] : i32 = AFC[{n}] + BFC[{n}]"]


def write(items, keyword):
    line, lines = "", []
    for item in items:
        if line and len(line) + len(item) > 100:
            lines.append(line)
            line = ""
        line += (", " if line else f"  {keyword} ") + item
    return lines + [line]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", type=int, default=224)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--border", choices=["padded", "skipped"], default="padded")
    arguments = parser.parse_args()
    net = Network(arguments.image, arguments.border == "padded")
    image = f"IMG[{net.rank('c', 3)},{','.join(net.plane(net.side))}]"
    net.convolution("I", 32, 3, 2)
    for number, (expansion, channels, repeats, stride) in enumerate(BLOCKS, 1):
        for repeat in range(repeats):
            net.block(f"{number}{'abcd'[repeat]}", expansion, channels, stride if repeat == 0 else 1)
    net.head(arguments.classes)
    print("// MobileNetV2 in integers, written by generate.py.")
    print("cascade mobilenet_v2(R=3, S=3) : i8")
    for name, extent in net.ranks.items():
        if extent:
            print(f"  rank {name} = {extent}")
    print("\n".join(write([image], "input") + write(net.weights, "weight")))
    print("\n".join("  " + line if line else "" for line in net.lines))
    print("  output Y")


if __name__ == "__main__":
    main()
