//===- WriteFeedForward.cpp - Feed-forward layers and experts
//--------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Dense layers, plain or gated, and mixtures of experts (Shazeer et al. 2017).
//
// The router is exact: probabilities, groups, the correction of DeepSeek-V3,
// and the choice of the largest ones as a recurrence over choices `t`, each of
// which leaves out what the one before has taken:
//
//   TR[t,x] = select(t == 0, RP[x], select(x == TI[t-1], -inf, TR[t-1,x]))
//   TV[t], TI[t] = argmax(x) TR[t,x]
//
// What follows would read the rows of W that TI names, and accesses are affine.
// Masked routing multiplies every expert's result by its gate, zero for most:
// the right values at count / chosen times the work. Balanced routing deals
// tokens out: choice t of the tokens in block y goes to expert t * Y + y, so
// that every expert gets chosen * tokens / count of them. That has the work and
// the traffic of a balanced batch, and the gates of the right choices, but not
// the experts that this input would choose.
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/HuggingFace/LayerWriter.h"

using namespace einsum::frontend;
using llvm::StringRef;

//===----------------------------------------------------------------------===//
// Dense
//===----------------------------------------------------------------------===//

/// letter + G, U, H: gate, up, and their product, of `source` with `lead` ranks
/// before the inner one.
void LayerWriter::writeGated(StringRef letter, StringRef source, StringRef lead,
                             StringRef weightLead, StringRef inner,
                             const FeedForward &feedForward) {
  std::string n = letter.str();
  std::string to = ("[{l}" + lead + inner + "]").str();
  std::string wg = ("[{l}" + weightLead + "d," + inner + "]").str();
  std::string bias = ("[{l}" + weightLead + inner + "]").str();
  line(n + "G" + to + " = " + source.str() + " * W" + n + "G" + wg);
  line(n + "U" + to + " = " + source.str() + " * W" + n + "U" + wg);
  std::string gate = n + "G" + to, up = n + "U" + to;
  bool isSum = feedForward.hasBias;
  if (isSum) {
    gate += " + B" + n + "G" + bias;
    up += " + B" + n + "U" + bias;
  }
  if (feedForward.limit > 0) {
    std::string most = writeNumber(feedForward.limit);
    gate = "min(" + gate + ", " + most + ")";
    up = "min(max(" + up + ", -" + most + "), " + most + ") + 1";
    isSum = true;
  }
  line(n + "H" + to + " = " + use(feedForward.activation) + "(" + gate +
       ") * " + (isSum ? "(" + up + ")" : up));
}

void LayerWriter::writeFeedForward(const FeedForward &feedForward) {
  std::string i = scope.text.rank("i", feedForward.inner);
  scope.set("i", i);
  std::string to = "[{l}{b}{s}{i}]";
  if (feedForward.isGated) {
    for (const char *part : {"FG", "FU"}) {
      scope.weight("W" + std::string(part) + "[{l}d,{i}]");
      if (feedForward.hasBias)
        scope.weight("B" + std::string(part) + "[{l}{i}]");
    }
    writeGated("F", "{n}{b}{s}d]", "{b}{s}", "", i, feedForward);
  } else {
    std::string f = use(feedForward.activation), value = "FU" + to;
    scope.weight("WFU[{l}d,{i}]");
    line("FU" + to + " = {n}{b}{s}d] * WFU[{l}d,{i}]");
    if (feedForward.hasBias) {
      scope.weight("BFU[{l}{i}]");
      value += " + BFU[{l}{i}]";
    }
    line("FH" + to + " = " + f + "(" + value + ")");
  }
  scope.weight("WFO[{l}{i},d]");
  line("FO[{l}{b}{s}d] = FH" + to + " * WFO[{l}{i},d]");
}

//===----------------------------------------------------------------------===//
// The router
//===----------------------------------------------------------------------===//

/// RGS, what the groups {v} of {w} experts are worth.
void LayerWriter::scoreGroups(const Experts &experts,
                              const std::string &choice) {
  if (experts.groupScore == Experts::GroupScore::Best) {
    line("RGS[{l}{b}{s}{v}] = max({w}) " + choice + "[{l}{b}{s}{vw}]");
    return;
  }
  scope.text.define("monoid top2((a, b), (c, d)) = (max(a, c), max(min(a, c), "
                    "max(b, d))) identity (-inf, -inf)");
  line("RGA[{l}{b}{s}{v}], RGB[{l}{b}{s}{v}] = top2({w}) (" + choice +
       "[{l}{b}{s}{vw}], -inf)");
  line("RGS[{l}{b}{s}{v}] = RGA[{l}{b}{s}{v}] + RGB[{l}{b}{s}{v}]");
}

/// Scores of the experts in the best groups, zero elsewhere.
std::string LayerWriter::limitGroups(const Experts &experts,
                                     const std::string &choice) {
  CascadeText &text = scope.text;
  std::string v = text.rank("v", experts.groups);
  std::string w = text.rank("w", experts.count / experts.groups);
  std::string o = text.rank("o", experts.chosenGroups);
  std::string size = StringRef(w).upper();
  scope.set("v", v), scope.set("w", w), scope.set("o", o);
  scope.set("vw", v + "*" + size + "+" + w);
  scoreGroups(experts, choice);
  line("RGR[{l}{b}{s}{o},{v}] = select({o} == 0, RGS[{l}{b}{s}{v}], "
       "select({v} == RGI[{l}{b}{s}{o}-1], -inf, RGR[{l}{b}{s}{o}-1,{v}])) "
       "init 0");
  line("RGV[{l}{b}{s}{o}], RGI[{l}{b}{s}{o}] = argmax({v}) "
       "RGR[{l}{b}{s}{o},{v}] init 0, 0");
  line("RGM[{l}{b}{s}{v}] = select({v} == RGI[{l}{b}{s}{o}], 1, 0)");
  line("RX[{l}{b}{s}x] = RGM[{l}{b}{s}{v}] * " + choice +
       "[{l}{b}{s}x] where x == {v}*" + size + " + {w}");
  return "RX";
}

/// Leaves TI, the chosen expert, and TW, its gate.
void LayerWriter::writeRouter(const Experts &experts) {
  CascadeText &text = scope.text;
  text.rank("x", experts.count);
  text.rank("t", experts.chosen);
  scope.weight("WR[{l}d,x]");
  std::string logits = experts.hasRouterBias ? "RL0" : "RL";
  line(logits + "[{l}{b}{s}x] = {n}{b}{s}d] * WR[{l}d,x]");
  if (experts.hasRouterBias) {
    scope.weight("BRL[{l}x]");
    line("RL[{l}{b}{s}x] = RL0[{l}{b}{s}x] + BRL[{l}x]");
  }
  if (experts.isSigmoid) {
    line("RP[{l}{b}{s}x] = 1 / (1 + exp(-RL[{l}{b}{s}x]))");
  } else {
    line("RM[{l}{b}{s}] = max(x) RL[{l}{b}{s}x]");
    line("RE[{l}{b}{s}x] = exp(RL[{l}{b}{s}x] - RM[{l}{b}{s}])");
    line("RD[{l}{b}{s}] = RE[{l}{b}{s}x]");
    line("RP[{l}{b}{s}x] = RE[{l}{b}{s}x] / RD[{l}{b}{s}]");
  }
  std::string choice = "RP", gate = "TV";
  if (experts.hasCorrection) {
    scope.weight("BR[{l}x]");
    line("RC[{l}{b}{s}x] = RP[{l}{b}{s}x] + BR[{l}x]");
    choice = "RC";
  }
  if (experts.groups > 1)
    choice = limitGroups(experts, choice);
  line("TR[{l}{b}{s}t,x] = select(t == 0, " + choice +
       "[{l}{b}{s}x], select(x == TI[{l}{b}{s}t-1], -inf, "
       "TR[{l}{b}{s}t-1,x])) init 0");
  line("TV[{l}{b}{s}t], TI[{l}{b}{s}t] = argmax(x) TR[{l}{b}{s}t,x] init 0, 0");
  if (experts.hasCorrection) { // which is not part of the gate
    line("TG[{l}{b}{s}t] = select(x == TI[{l}{b}{s}t], RP[{l}{b}{s}x], 0)");
    gate = "TG";
  }
  std::string value = gate + "[{l}{b}{s}t]";
  if (experts.isNormalised) {
    line("TS[{l}{b}{s}] = " + value);
    value += " / TS[{l}{b}{s}]";
  }
  if (experts.scale != 1)
    value += " * " + writeNumber(experts.scale);
  line("TW[{l}{b}{s}t] = " + value);
}

//===----------------------------------------------------------------------===//
// Experts
//===----------------------------------------------------------------------===//

void LayerWriter::writeExperts(const FeedForward &feedForward) {
  const Experts &experts = *feedForward.experts;
  writeRouter(experts);
  std::string a = scope.text.rank("a", experts.inner);
  scope.set("a", a);
  scope.weight("WEG[{l}x,d,{a}]");
  scope.weight("WEU[{l}x,d,{a}]");
  scope.weight("WEO[{l}x,{a},d]");
  if (feedForward.hasBias) {
    scope.weight("BEG[{l}x,{a}]");
    scope.weight("BEU[{l}x,{a}]");
    scope.weight("BEO[{l}x,d]");
  }
  bool isShared = experts.sharedInner > 0;
  scope.set("mo", isShared ? scope.own("ME") : scope.own("MO"));
  if (options.routing == Routing::Masked)
    writeMaskedExperts(feedForward);
  else
    writeBalancedExperts(feedForward);
  if (isShared)
    addShared(feedForward);
}

/// Experts that every token takes, as one.
void LayerWriter::addShared(const FeedForward &feedForward) {
  const Experts &experts = *feedForward.experts;
  std::string i = scope.text.rank("i", experts.sharedInner);
  scope.set("i", i);
  scope.weight("WSG[{l}d,{i}]");
  scope.weight("WSU[{l}d,{i}]");
  scope.weight("WSO[{l}{i},d]");
  writeGated("S", "{n}{b}{s}d]", "{b}{s}", "", i, feedForward);
  line("SX[{l}{b}{s}d] = SH[{l}{b}{s}{i}] * WSO[{l}{i},d]");
  std::string result = "SX[{l}{b}{s}d]";
  if (experts.isSharedGated) {
    scope.weight("WSR[{l}d]");
    line("SL[{l}{b}{s}] = {n}{b}{s}d] * WSR[{l}d]");
    result += " / (1 + exp(-SL[{l}{b}{s}]))";
  }
  line("MO[{l}{b}{s}d] = ME[{l}{b}{s}d] + " + result);
}

void LayerWriter::writeMaskedExperts(const FeedForward &feedForward) {
  const Experts &experts = *feedForward.experts;
  line("EW[{l}{b}{s}x] = select(x == TI[{l}{b}{s}t], TW[{l}{b}{s}t], 0)");
  std::string source = "{n}{b}{s}d]", gate = "EW[{l}{b}{s}x] * ";
  if (experts.isInputScaled) { // an expert makes nothing of nothing
    line("EX[{l}{b}{s}x,d] = {n}{b}{s}d] * EW[{l}{b}{s}x]");
    source = "EX[{l}{b}{s}x,d]";
    gate = "";
  }
  writeGated("E", source, "{b}{s}x,", "x,", scope.get("a"), feedForward);
  line("EO[{l}{b}{s}x,d] = EH[{l}{b}{s}x,{a}] * WEO[{l}x,{a},d]");
  std::string result = "EO[{l}{b}{s}x,d]";
  if (feedForward.hasBias)
    result = "(" + result + " + BEO[{l}x,d])";
  line("{mo}[{l}{b}{s}d] = " + gate + result);
}

/// Tokens are dealt out along the sequence, or along the batch if each sequence
/// has one.
void LayerWriter::writeBalancedExperts(const FeedForward &feedForward) {
  const Experts &experts = *feedForward.experts;
  CascadeText &text = scope.text;
  int64_t perChoice = std::max<int64_t>(1, experts.count / experts.chosen);
  bool isBatch = isDecoding();
  int64_t tokens = isBatch ? stream.batch : stream.tokens;
  int64_t blocks = std::min(perChoice, tokens);
  std::string y = text.rank("k", blocks);
  std::string c = text.rank("n", (tokens + blocks - 1) / blocks);
  std::string row = y + "*" + StringRef(c).upper() + "+" + c;
  std::string token = isBatch ? "b" : stream.token;
  std::string lead = (isBatch ? "" : scope.get("b")) + "t," + y + "," + c + ",";
  std::string source = isBatch ? "{n}" + row + ",d]" : "{n}{b}" + row + ",d]";
  std::string expert = "t*" + std::to_string(perChoice) + "+" + y + ",";
  std::string gate = "TW[{l}{b}{s}t] * ";
  if (experts.isInputScaled) {
    line("EX[{l}" + lead + "d] = " + source + " * TW[{l}" +
         (isBatch ? row + ",t]" : "{b}" + row + ",t]"));
    source = "EX[{l}" + lead + "d]";
    gate = "";
  }
  writeGated("E", source, lead, expert, scope.get("a"), feedForward);
  line("EO[{l}" + lead + "d] = EH[{l}" + lead + "{a}] * WEO[{l}" + expert +
       "{a},d]");
  std::string result = "EO[{l}" + lead + "d]";
  if (feedForward.hasBias)
    result = "(" + result + " + BEO[{l}" + expert + "d])";
  line("{mo}[{l}{b}{s}d] = " + gate + result + " where " + token +
       " == " + row);
}
