//===- LayerWriter.cpp - One layer as Einsums
//------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Norms and branches. Attention is in WriteAttention.cpp, the rest in
// WriteFeedForward.cpp and WriteStateSpace.cpp.
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/HuggingFace/LayerWriter.h"

#include "lib/Frontend/HuggingFace/Activations.h"

#include <utility>

using namespace einsum::frontend;
using llvm::StringRef;

LayerWriter::LayerWriter(TextScope &scope, const ModelOptions &options,
                         const Stream &stream, std::string x)
    : scope(scope), options(options), stream(stream), x(std::move(x)) {
  scope.set("s", stream.token.empty() ? "" : stream.token + ",");
  scope.set("m", stream.key + ",");
}

void LayerWriter::setResult(StringRef name, bool isRecurrence) {
  result = name.str();
  resultTail = isRecurrence ? " init 0" : "";
}

std::string LayerWriter::use(StringRef activation) {
  const Activation *found = findActivation(activation);
  scope.text.define(("def " + found->function + "(x) = " + found->body).str());
  return found->function.str();
}

std::string LayerWriter::writeNorm(const Norm &norm, StringRef name,
                                   StringRef input, StringRef tail,
                                   StringRef tokens) {
  std::string n = name.str(), to = "[{l}{b}" + tokens.str();
  std::string from = input.str() + "{b}" + tokens.str();
  std::string gain = (norm.gainFromOne ? "(1 + G" : "G") + n + "[{l}d]" +
                     (norm.gainFromOne ? ")" : "");
  scope.weight("G" + n + "[{l}d]");
  std::string epsilon = writeNumber(norm.epsilon);
  if (norm.kind == Norm::Kind::Rms) {
    line(n + "Q" + to + "] = " + from + "d] * " + from + "d]");
    line(n + "R" + to + "] = rsqrt(" + n + "Q" + to + "] / D + " + epsilon +
         ")");
    line(n + to + "d] = " + from + "d] * " + n + "R" + to + "] * " + gain +
         tail.str());
  } else {
    bool hasBias = norm.kind == Norm::Kind::Layer;
    if (hasBias)
      scope.weight("B" + n + "[{l}d]");
    line(n + "S" + to + "] = " + from + "d]");
    line(n + "C" + to + "d] = " + from + "d] - " + n + "S" + to + "] / D");
    line(n + "V" + to + "] = " + n + "C" + to + "d] * " + n + "C" + to + "d]");
    line(n + "R" + to + "] = rsqrt(" + n + "V" + to + "] / D + " + epsilon +
         ")");
    line(n + to + "d] = " + n + "C" + to + "d] * " + n + "R" + to + "] * " +
         gain + (hasBias ? " + B" + n + "[{l}d]" : "") + tail.str());
  }
  return scope.own(n) + "[" + scope.get("l");
}

void LayerWriter::openBranch(const Branch &branch, StringRef letter) {
  scope.set("x", x);
  scope.set("n", branch.pre ? writeNorm(branch.pre, (letter + "N").str(), "{x}")
                            : x);
}

void LayerWriter::closeBranch(const Branch &branch, StringRef letter,
                              StringRef term, StringRef bias, bool isLast) {
  std::string name = isLast ? result : "X" + letter.str();
  std::string tail = isLast ? resultTail : "";
  std::string add = bias.empty() ? "" : " + " + bias.str();
  if (!bias.empty())
    scope.weight(bias);
  std::string sum = term.str() + add;
  if (branch.post) {
    std::string before = letter.str() + "P";
    // A norm reads one tensor.
    if (!bias.empty()) {
      line(before + "B[{l}{b}{s}d] = " + sum);
      sum = before + "B[{l}{b}{s}d]";
    }
    std::string input =
        StringRef(sum).drop_back(StringRef("{b}{s}d]").size()).str();
    writeNorm(branch.post, before, input);
    sum = before + "[{l}{b}{s}d]";
  }
  if (branch.scale != 1)
    sum = (bias.empty() || branch.post ? sum : "(" + sum + ")") + " * " +
          writeNumber(branch.scale);
  sum = "{x}{b}{s}d] + " + sum;
  if (branch.after) {
    line("Y" + letter.str() + "[{l}{b}{s}d] = " + sum);
    writeNorm(branch.after, name, "Y" + letter.str() + "[{l}", tail);
  } else {
    line(name + "[{l}{b}{s}d] = " + sum + tail);
  }
  x = scope.own(name) + "[" + scope.get("l");
  scope.set("x", x);
}

void LayerWriter::writeLayer(const Layer &layer, const Stream *other,
                             StringRef memory) {
  bool hasFeedForward = layer.feedForward.has_value();
  std::string before = x; // what parallel branches read
  if (layer.attention) {
    const Attention &a = *layer.attention;
    scope.text.comment("Attention.");
    openBranch(layer.attentionBranch, "A");
    if (a.latent)
      writeLatentAttention(a);
    else
      writeAttention(a);
    closeBranch(layer.attentionBranch, "A", "O[{l}{b}{s}d]",
                a.outputBias ? "BO[{l}d]" : "",
                !layer.cross && !hasFeedForward);
  }
  if (layer.cross) {
    scope.text.comment("Attention to the other stack.");
    openBranch(layer.crossBranch, "C");
    writeCrossAttention(*layer.cross, *other, memory);
    closeBranch(layer.crossBranch, "C", "CO[{l}{b}{s}d]", "", !hasFeedForward);
  }
  if (layer.stateSpace) {
    scope.text.comment("State space.");
    openBranch(layer.stateSpaceBranch, "S");
    writeStateSpace(*layer.stateSpace);
    closeBranch(layer.stateSpaceBranch, "S", "SO[{l}{b}{s}d]",
                layer.stateSpace->hasBias ? "BSO[{l}d]" : "", !hasFeedForward);
  }
  if (layer.headedStateSpace) {
    scope.text.comment("State space.");
    openBranch(layer.stateSpaceBranch, "S");
    writeHeadedStateSpace(*layer.headedStateSpace);
    closeBranch(layer.stateSpaceBranch, "S", "SO[{l}{b}{s}d]",
                layer.headedStateSpace->hasBias ? "BSO[{l}d]" : "",
                !hasFeedForward);
  }
  if (hasFeedForward) {
    const FeedForward &f = *layer.feedForward;
    scope.text.comment(f.experts ? "Experts." : "Feed-forward.");
    if (!layer.isParallel) {
      openBranch(layer.feedForwardBranch, "F");
    } else if (layer.feedForwardBranch.pre) {
      std::string sum = std::exchange(x, before);
      openBranch(layer.feedForwardBranch, "F");
      x = sum;
      scope.set("x", x);
    }
    if (f.experts)
      writeExperts(f);
    else
      writeFeedForward(f);
    closeBranch(layer.feedForwardBranch, "F",
                f.experts ? "MO[{l}{b}{s}d]" : "FO[{l}{b}{s}d]",
                f.hasBias && !f.experts ? "BFO[{l}d]" : "", true);
  }
}
