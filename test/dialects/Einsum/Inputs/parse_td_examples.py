"""Prints, as one .mlir file, every `Example:` of the dialect's .td files, each in the smallest cascade that gives it meaning.

A fenced example is a whole cascade. An inline one is an op of a cascade, an op of a map, a type or an attribute; the table below says
what stands around it. An example that nothing here fits is an error, so a new op brings its context along.
"""
import re
import sys
from pathlib import Path

CASCADE = """einsum.cascade @example{n}(B = 2, H = 2, P = 8, M = 1024, E = 64, F = 4) : f32 {{
  einsum.rank @b [B] = B
  einsum.rank @h [H] = H
  einsum.rank @p [P] = P
  einsum.rank @m [M] = M
  einsum.rank @e [E] = E
  einsum.rank @f [F] = F
  einsum.function @square {{
  ^bb0(%x: f32):
    %0 = arith.mulf %x, %x : f32
    einsum.yield %0 : f32
  }}
{body}
}}
"""
MAP = """  %Z = einsum.compute "Z" over [m] : [m] = () {{
    %0 = arith.constant 1.0 : f32
    %x = arith.constant 1.0 : f32
    {op}
    einsum.yield %0 : f32
  }} : () -> !einsum.tensor<[m], f32>"""
YIELD = """  %Z = einsum.compute "Z" over [m] : [m] = () {{
    %0 = arith.constant 1.0 : f32
    {op}
  }} : () -> !einsum.tensor<[m], f32>"""
# What an op of a cascade needs beside the ranks above.
BESIDE = {
    "einsum.rank": "",
    "einsum.input": "",
    "einsum.split": "  einsum.rank @m1 [M] = M ceildiv 256\n  einsum.rank @m0 = 256\n",
    "einsum.output": '  %AV = einsum.input "AV" : !einsum.tensor<[b, h, p, f], f16>\n',
}
IN_MAP = ["einsum.index", "einsum.param", "einsum.apply", "einsum.sigmoid"]


def in_context(example: str) -> str:
    if example.startswith("!einsum.tensor"):
        return f'  %T = einsum.input "T" : {example}'
    if example.startswith("!einsum."):
        return f'  %T = einsum.input "T" : !einsum.tensor<[e], {example}>'
    if example.startswith("#einsum."):
        return f"  einsum.rank @r = 4 {{example = {example}}}"
    op = re.search(r"einsum\.\w+", example).group()
    if op == "einsum.yield":
        return YIELD.format(op=example)
    if op in IN_MAP:
        return MAP.format(op=example)
    if op in BESIDE:
        return BESIDE[op] + "  " + example
    sys.exit(f"no context for the example `{example}`: add it to {Path(__file__).name}")


def main() -> None:
    text = "\n".join(path.read_text() for path in sorted(Path(sys.argv[1]).glob("*.td")))
    examples = re.findall(r"Example:\s*(?:```mlir\n(.*?)```|`([^`]+)`)", text, re.DOTALL)
    if len(examples) != text.count("Example:"):
        sys.exit(f"{text.count('Example:')} examples, but only {len(examples)} are fenced as mlir or inline")
    for n, (fenced, inline) in enumerate(examples):
        print(fenced if fenced else CASCADE.format(n=n, body=in_context(inline)))


if __name__ == "__main__":
    main()
