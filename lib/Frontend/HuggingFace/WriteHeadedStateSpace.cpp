//===- WriteHeadedStateSpace.cpp - State spaces with heads ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Mamba-2 (Dao & Gu 2024, section 7): one decay per head and token, a state of
// element times state extent, and inputs B and outputs C that the heads of a
// group share:
//
//   H[s,h,p,n] = exp(DT[s,h] * A[h]) * H[s-1,h,p,n] + DT[s,h] * B[s,g,n] *
//   X[s,h,p] Y[s,h,p]   = C[s,g,n] * H[s,h,p,n] + D[h] * X[s,h,p]
//
// The window goes over X, B and C. Chunks in which kernels compute this as
// products of matrices are another order of the same sums.
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/HuggingFace/LayerWriter.h"

using namespace einsum::frontend;
using llvm::StringRef;

void LayerWriter::writeHeadedStateSpace(const HeadedStateSpace &mixer) {
  CascadeText &text = scope.text;
  std::string group, head;
  if (mixer.groups > 1)
    group = text.rank("g", mixer.groups) + ",";
  head = group;
  if (mixer.heads > mixer.groups)
    head += text.rank("r", mixer.heads / mixer.groups) + ",";
  scope.set("g", group);
  scope.set("h", head);
  scope.set("i", head + text.rank("p", mixer.extent));
  scope.set("k", text.rank("n", mixer.state));
  std::string f = use(mixer.activation);
  text.define("def softplus(x) = log(1 + exp(x))");
  // Z gates, X, B and G (which the paper calls C) go through the window, T is
  // the step.
  auto project = [&](StringRef name, StringRef ranks) {
    std::string n = name.str(), to = ("[{l}{b}{s}" + ranks + "]").str();
    std::string w = ("W" + name + "[{l}d," + ranks + "]").str();
    scope.weight(w);
    line(n + (mixer.hasBias ? "0" : "") + to + " = {n}{b}{s}d] * " + w);
    if (!mixer.hasBias)
      return;
    std::string b = ("B" + name + "[{l}" + ranks + "]").str();
    scope.weight(b);
    line(n + to + " = " + n + "0" + to + " + " + b);
  };
  auto see = [&](StringRef name, StringRef letter, const std::string &ranks) {
    project(name, ranks);
    writeWindow(name, letter, ranks, mixer.window);
    std::string value = ("SV" + letter + "[{l}{b}{s}" + ranks + "]").str();
    if (mixer.hasWindowBias) {
      std::string bias = ("BSC" + letter + "[{l}" + ranks + "]").str();
      scope.weight(bias);
      value += " + " + bias;
    }
    line(("SU" + letter + "[{l}{b}{s}" + ranks + "] = " + f + "(" + value + ")")
             .str());
  };
  project("SZ", "{i}");
  see("SX", "X", scope.get("i"));
  see("SB", "B", scope.get("g") + scope.get("k"));
  see("SG", "G", scope.get("g") + scope.get("k"));
  project("ST", "{h}");
  scope.weight("BDT[{l}{h}]");
  std::string step = "softplus(ST[{l}{b}{s}{h}] + BDT[{l}{h}])";
  if (mixer.leastStep > 0)
    step = "max(" + step + ", " + writeNumber(mixer.leastStep) + ")";
  if (mixer.mostStep > 0)
    step = "min(" + step + ", " + writeNumber(mixer.mostStep) + ")";
  line("DT[{l}{b}{s}{h}] = " + step);
  scope.weight("ALOG[{l}{h}]");
  line("DA[{l}{b}{s}{h}] = exp(DT[{l}{b}{s}{h}] * (-exp(ALOG[{l}{h}])))");
  std::string input =
      "DT[{l}{b}{s}{h}] * SUB[{l}{b}{s}{g}{k}] * SUX[{l}{b}{s}{i}]";
  if (isDecoding()) {
    scope.input("HC[{l}{b}{i},{k}]");
    line("H[{l}{b}{i},{k}] = HC[{l}{b}{i},{k}] * DA[{l}{b}{h}] + " + input);
  } else {
    line("H[{l}{b}{s}{i},{k}] = H[{l}{b}" + stream.token +
         "-1,{i},{k}] * DA[{l}{b}{s}{h}] + " + input + " init 0");
  }
  line("SY[{l}{b}{s}{i}] = H[{l}{b}{s}{i},{k}] * SUG[{l}{b}{s}{g}{k}]");
  scope.weight("DSKIP[{l}{h}]");
  line("SH[{l}{b}{s}{i}] = (SY[{l}{b}{s}{i}] + DSKIP[{l}{h}] * "
       "SUX[{l}{b}{s}{i}]) * " +
       f + "(SZ[{l}{b}{s}{i}])");
  std::string result = "SH";
  if (mixer.norm) {
    scope.weight("GSH[{l}{i}]");
    line("SHQ[{l}{b}{s}] = SH[{l}{b}{s}{i}] * SH[{l}{b}{s}{i}]");
    line("SHN[{l}{b}{s}{i}] = SH[{l}{b}{s}{i}] * rsqrt(SHQ[{l}{b}{s}] / " +
         std::to_string(mixer.heads * mixer.extent) + " + " +
         writeNumber(mixer.norm.epsilon) + ") * GSH[{l}{i}]");
    result = "SHN";
  }
  scope.weight("WSO[{l}{i},d]");
  line("SO[{l}{b}{s}d] = " + result + "[{l}{b}{s}{i}] * WSO[{l}{i},d]");
  if (options.phase == Phase::Train)
    return;
  // What the next token needs: the state, and the inputs of the windows.
  if (options.phase == Phase::Prefill)
    line("HL[{l}{b}{i},{k}] = H[{l}{b}" + StringRef(stream.extent).str() +
         "-1,{i},{k}]");
  for (const char *kept :
       {options.phase == Phase::Prefill ? "HL" : "H", "SX", "SB", "SG"})
    scope.output(kept);
}
