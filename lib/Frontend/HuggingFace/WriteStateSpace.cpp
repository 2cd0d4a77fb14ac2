//===- WriteStateSpace.cpp - Selective state spaces as Einsums
//-------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Mamba (Gu & Dao 2023, section 3): a depthwise window over the tokens, step
// sizes and projections that depend on the token, and a recurrence
//
//   H[s] = exp(DT[s] * A) * H[s-1] + DT[s] * B[s] * X[s]
//
// which while decoding is one step from the state that is kept. The first
// tokens see a window of zeros: points beyond the sequence are no points.
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/HuggingFace/LayerWriter.h"

using namespace einsum::frontend;
using llvm::StringRef;

/// Element w of the weight is for w tokens back.
void LayerWriter::writeWindow(StringRef source, StringRef letter,
                              StringRef ranks, int64_t window) {
  std::string w = scope.text.rank("w", window), x = source.str();
  std::string v = ("SV" + letter).str(), c = ("WSC" + letter).str();
  scope.set("w", w);
  scope.set("ranks", ranks);
  scope.weight(c + "[{l}{ranks},{w}]");
  if (!isDecoding()) {
    line(v + "[{l}{b}{s}{ranks}] = " + x + "[{l}{b}" + stream.token +
         "-{w},{ranks}] * " + c +
         "[{l}{ranks},{w}] where {w} <= " + stream.token);
    return;
  }
  std::string value = x + "[{l}{b}{ranks}] * " + c + "[{l}{ranks},0]";
  if (window > 1) {
    scope.set("c", scope.text.rank("c", window - 1));
    scope.input(x + "C[{l}{b}{c},{ranks}]");
    line(v + "C[{l}{b}{ranks}] = " + x + "C[{l}{b}{c},{ranks}] * " + c +
         "[{l}{ranks},{c}+1]");
    value = v + "C[{l}{b}{ranks}] + " + value;
  }
  line(v + "[{l}{b}{ranks}] = " + value);
}

void LayerWriter::writeStateSpace(const StateSpace &mixer) {
  CascadeText &text = scope.text;
  scope.set("i", text.rank("i", mixer.inner));
  scope.set("k", text.rank("n", mixer.state));
  scope.set("r", text.rank("r", mixer.stepRank));
  std::string f = use(mixer.activation), gate = "SZ[{l}{b}{s}{i}]";
  text.define("def softplus(x) = log(1 + exp(x))");
  for (const char *name : {"SX", "SZ"}) {
    std::string n = name, w = "W" + n + "[{l}d,{i}]";
    std::string raw = n + (mixer.hasBias ? "0" : "");
    scope.weight(w);
    line(raw + "[{l}{b}{s}{i}] = {n}{b}{s}d] * " + w);
    if (mixer.hasBias) {
      scope.weight("B" + n + "[{l}{i}]");
      line(n + "[{l}{b}{s}{i}] = " + raw + "[{l}{b}{s}{i}] + B" + n +
           "[{l}{i}]");
    }
  }
  writeWindow("SX", "", scope.get("i"), mixer.window);
  std::string window = "SV[{l}{b}{s}{i}]";
  if (mixer.hasWindowBias) {
    scope.weight("BSC[{l}{i}]");
    window += " + BSC[{l}{i}]";
  }
  line("SU[{l}{b}{s}{i}] = " + f + "(" + window + ")");
  scope.weight("WSD[{l}{i},{r}]");
  scope.weight("WSB[{l}{i},{k}]");
  scope.weight("WSG[{l}{i},{k}]");
  line("SD[{l}{b}{s}{r}] = SU[{l}{b}{s}{i}] * WSD[{l}{i},{r}]");
  line("SB[{l}{b}{s}{k}] = SU[{l}{b}{s}{i}] * WSB[{l}{i},{k}]");
  line("SG[{l}{b}{s}{k}] = SU[{l}{b}{s}{i}] * WSG[{l}{i},{k}]");
  scope.weight("WST[{l}{r},{i}]");
  scope.weight("BST[{l}{i}]");
  line("ST[{l}{b}{s}{i}] = SD[{l}{b}{s}{r}] * WST[{l}{r},{i}]");
  line("DT[{l}{b}{s}{i}] = softplus(ST[{l}{b}{s}{i}] + BST[{l}{i}])");
  scope.weight("ALOG[{l}{i},{k}]");
  line("DA[{l}{b}{s}{i},{k}] = exp(DT[{l}{b}{s}{i}] * "
       "(-exp(ALOG[{l}{i},{k}])))");
  std::string input = "DT[{l}{b}{s}{i}] * SB[{l}{b}{s}{k}] * SU[{l}{b}{s}{i}]";
  if (isDecoding()) {
    scope.input("HC[{l}{b}{i},{k}]");
    line("H[{l}{b}{i},{k}] = HC[{l}{b}{i},{k}] * DA[{l}{b}{i},{k}] + " + input);
  } else {
    line("H[{l}{b}{s}{i},{k}] = H[{l}{b}" + stream.token +
         "-1,{i},{k}] * DA[{l}{b}{s}{i},{k}] + " + input + " init 0");
  }
  line("SY[{l}{b}{s}{i}] = H[{l}{b}{s}{i},{k}] * SG[{l}{b}{s}{k}]");
  scope.weight("DSKIP[{l}{i}]");
  line("SH[{l}{b}{s}{i}] = (SY[{l}{b}{s}{i}] + DSKIP[{l}{i}] * "
       "SU[{l}{b}{s}{i}]) * " +
       f + "(" + gate + ")");
  scope.weight("WSO[{l}{i},d]");
  line("SO[{l}{b}{s}d] = SH[{l}{b}{s}{i}] * WSO[{l}{i},d]");
  // What the next token needs: the state, and the inputs of the window.
  if (options.phase == Phase::Decode) {
    scope.output("H");
    scope.output("SX");
  } else if (options.phase == Phase::Prefill) {
    std::string last = StringRef(stream.extent).str() + "-1";
    line("HL[{l}{b}{i},{k}] = H[{l}{b}" + last + ",{i},{k}]");
    scope.output("HL");
    scope.output("SX");
  }
}
