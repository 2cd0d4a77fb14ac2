//===- WriteModel.cpp - A model as one cascade
//-----------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/HuggingFace/WriteModel.h"

#include "lib/Frontend/HuggingFace/Activations.h"
#include "lib/Frontend/HuggingFace/LayerWriter.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <algorithm>
#include <tuple>

using namespace einsum;
using namespace einsum::frontend;
using llvm::StringRef;

//===----------------------------------------------------------------------===//
// Runs
//===----------------------------------------------------------------------===//

/// How often the `period` kinds from `start` on follow each other.
static int64_t countRepeats(const std::vector<unsigned> &pattern, size_t start,
                            size_t period) {
  size_t end = start + period;
  while (end < pattern.size() && pattern[end] == pattern[end - period])
    ++end;
  return static_cast<int64_t>((end - start) / period);
}

std::vector<LayerRun>
einsum::frontend::findRuns(const std::vector<unsigned> &pattern) {
  constexpr size_t longest = 16;
  std::vector<LayerRun> runs;
  for (size_t at = 0; at < pattern.size();) {
    size_t best = 1;
    int64_t repeats = countRepeats(pattern, at, 1);
    for (size_t period = 2;
         period <= std::min(longest, (pattern.size() - at) / 2); ++period) {
      int64_t count = countRepeats(pattern, at, period);
      if (count > 1 && count * static_cast<int64_t>(period) >
                           repeats * static_cast<int64_t>(best)) {
        best = period;
        repeats = count;
      }
    }
    auto begin = pattern.begin() + static_cast<std::ptrdiff_t>(at);
    runs.push_back(
        {{begin, begin + static_cast<std::ptrdiff_t>(best)}, repeats});
    at += best * static_cast<size_t>(repeats);
  }
  return runs;
}

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

static int64_t imageTokens(const Patches &patches) {
  int64_t side = patches.image / patches.patch;
  return side * side + 1;
}

static bool checkLayers(const Stack &stack, const ModelOptions &options,
                        const SourceLocation &loc, Diagnostics &diags) {
  auto layers = static_cast<int64_t>(stack.pattern.size());
  if (options.lastLayer <= layers)
    return true;
  diags.error(
      loc, "--layers: there is no layer " + llvm::Twine(options.lastLayer - 1) +
               "; the model has layers 0 to " + llvm::Twine(layers - 1));
  return false;
}

bool einsum::frontend::checkOptions(const Model &model,
                                    const ModelOptions &options,
                                    const SourceLocation &loc,
                                    Diagnostics &diags) {
  unsigned errors = diags.errorCount();
  checkLayers(model.stack, options, loc, diags);
  if (model.encoder)
    checkLayers(*model.encoder, options, loc, diags);
  if (options.phase == Phase::Decode && !model.isCausal)
    diags.error(loc, "--phase: a '" + model.name +
                         "' model computes all tokens at once; it has the "
                         "phases prefill and train");
  if (options.phase == Phase::Train && model.head.kind == Head::Kind::None)
    diags.error(loc, "--phase: a model without a head has no loss to train on; "
                     "name an architecture with a head");
  if (options.phase == Phase::Train && model.head.kind == Head::Kind::Pooled)
    diags.error(loc, "--phase: a pooled output has no loss to train on; name "
                     "an architecture with a head");
  if (options.phase == Phase::Train && options.layersOnly)
    diags.error(loc, "--parts: a loss needs the head; leave it out with "
                     "--phase=train");
  if (options.target > 0 && !model.encoder)
    diags.error(loc,
                "--target-seq: a '" + model.name + "' model has one stack");
  for (const Layer &layer : model.stack.kinds)
    if (layer.attention && layer.attention->chunk > 0 &&
        options.sequence >=
            layer.attention->chunk + (options.phase == Phase::Decode ? 0 : 1)) {
      diags.error(loc, "--seq: tokens attend to those of their chunk of " +
                           llvm::Twine(layer.attention->chunk) +
                           "; a sequence of several chunks is not described");
      break;
    }
  int64_t needed = options.sequence + (options.phase == Phase::Decode ? 1 : 0) +
                   model.embedding.positionOffset;
  if (model.embedding.positions > 0 && needed > model.embedding.positions)
    diags.error(loc, "--seq: the model has positions for " +
                         llvm::Twine(model.embedding.positions -
                                     model.embedding.positionOffset) +
                         " tokens, not for " +
                         llvm::Twine(needed - model.embedding.positionOffset) +
                         "; give --seq=" +
                         llvm::Twine(options.sequence -
                                     (needed - model.embedding.positions)) +
                         " or less");
  return diags.errorCount() == errors;
}

//===----------------------------------------------------------------------===//
// The writer
//===----------------------------------------------------------------------===//

namespace {

class ModelWriter {
public:
  ModelWriter(const Model &model, const ModelOptions &options)
      : model(model), options(options) {}

  std::string write();

private:
  void numberRuns();
  std::string writeEncoder(const Stream &stream);
  void writeTwoStacks();
  void writeOneStack();
  bool isDecoding() const { return options.phase == Phase::Decode; }
  Stream makeStream(StringRef token, StringRef key, int64_t sequence);
  TextScope makeScope(StringRef suffix, const Stream &stream);

  std::string writeEmbedding(const Stream &stream, StringRef input);
  std::string writePatches(const Stream &stream);
  std::string writePositions(TextScope &scope, const Stream &stream);
  void writeRelativeBias(const Stack &stack, const Stream &stream,
                         StringRef letter, bool isCausal);

  std::vector<unsigned> selectLayers(const Stack &stack) const;
  std::string writeStack(const Stack &stack, const Stream &stream,
                         std::string x, StringRef letter, const Stream *other,
                         StringRef memory);
  std::string writeRun(const Stack &stack, const LayerRun &run,
                       const Stream &stream, std::string x, StringRef letter,
                       const Stream *other, StringRef memory);

  void writeHead(const Stream &stream, std::string x);
  std::string takeLast(TextScope &scope, const Stream &stream, std::string x);
  void writeLogits(TextScope &scope, StringRef x);
  void writeMaskedHead(TextScope &scope, const Stream &stream, StringRef x);
  void writePooler(TextScope &scope, StringRef x);
  void writeClassifier(TextScope &scope, StringRef x);
  void writeLoss(TextScope &scope);

  const Model &model;
  const ModelOptions &options;
  CascadeText text;
  unsigned bodies = 0, numBodies = 0, runs = 0, numRuns = 0;
};

} // namespace

Stream ModelWriter::makeStream(StringRef token, StringRef key,
                               int64_t sequence) {
  Stream stream;
  stream.batch = options.batch;
  stream.keys = sequence;
  stream.tokens = isDecoding() ? 1 : sequence;
  stream.key = key.str();
  if (isDecoding()) {
    text.param(key.upper(), sequence);
    stream.extent = key.upper();
    return stream;
  }
  stream.token = token.str();
  stream.extent = token.upper();
  text.param(stream.extent, sequence);
  text.rankAs(key, stream.extent);
  return stream;
}

TextScope ModelWriter::makeScope(StringRef suffix, const Stream &stream) {
  TextScope scope(text, suffix.str());
  scope.set("b", "b,");
  scope.set("l", "");
  scope.set("s", stream.token.empty() ? "" : stream.token + ",");
  return scope;
}

//===----------------------------------------------------------------------===//
// Embedding
//===----------------------------------------------------------------------===//

/// One row per patch, and one in front: a product with the patches, placed
/// behind the first row, a sum with the learned rows.
std::string ModelWriter::writePatches(const Stream &stream) {
  if (options.layersOnly)
    return writeEmbedding(stream, "EMB");
  const Patches &patches = *model.patches;
  TextScope scope = makeScope("", stream);
  int64_t side = patches.image / patches.patch;
  text.comment("Patches.");
  std::string p = std::to_string(patches.patch), n = std::to_string(side);
  for (auto [rank, extent] : {std::pair("c", patches.channels),
                              {"u", side},
                              {"v", side},
                              {"y", patches.patch},
                              {"z", patches.patch}})
    text.rank(rank, extent);
  text.param("IMAGE", patches.image);
  text.rankAs("iy", "IMAGE");
  text.rankAs("iz", "IMAGE");
  scope.input("IMG[b,c,iy,iz]");
  scope.weight("WP[d,c,y,z]");
  scope.weight("BP[d]");
  scope.weight("CLS[d]");
  scope.weight("WPE[s,d]");
  scope.line("P[b,u,v,d] = IMG[b,c,u*" + p + "+y,v*" + p + "+z] * WP[d,c,y,z]");
  scope.line("PS[b,s,d] = P[b,u,v,d] where s == u*" + n + " + v + 1");
  scope.line("X0[b,s,d] = PS[b,s,d] + select(s == 0, CLS[d], BP[d]) + "
             "WPE[s,d]");
  return "X0[";
}

/// The learned rows of positions, as an access to add; empty if there are none.
std::string ModelWriter::writePositions(TextScope &scope,
                                        const Stream &stream) {
  const Embedding &embedding = model.embedding;
  if (embedding.positions == 0)
    return "";
  text.param("POSITIONS", embedding.positions);
  text.rankAs("pos", "POSITIONS");
  scope.weight("WPE[pos,d]");
  int64_t offset = embedding.positionOffset;
  std::string row = isDecoding() ? stream.extent : stream.token;
  if (offset > 0)
    row += "+" + std::to_string(offset);
  if (isDecoding())
    return "WPE[" + row + ",d]";
  scope.line("PE[{s}d] = WPE[pos,d] where pos == " + row);
  return "PE[{s}d]";
}

std::string ModelWriter::writeEmbedding(const Stream &stream, StringRef input) {
  const Embedding &embedding = model.embedding;
  TextScope scope = makeScope("", stream);
  if (options.layersOnly) {
    scope.input("X0" + input.drop_front(3).str() + "[{b}{s}d]");
    return "X0" + input.drop_front(3).str() + "[";
  }
  std::string in = input.str();
  // The table itself, whose rows the input holds.
  std::string d = "d";
  if (embedding.width > 0)
    d = text.rank("w", embedding.width);
  text.rank("v", model.vocabulary);
  scope.weight("WTE[v," + d + "]");
  if (options.rows == EmbeddingRows::Gathered) {
    std::string tokens = "ID" + input.drop_front(3).str() + "[{b}{s}]";
    scope.input(tokens + " : i32");
    scope.line(in + "[{b}{s}" + d + "] = WTE[" + tokens + "," + d + "]");
  } else {
    scope.input(in + "[{b}{s}" + d + "]");
  }
  std::vector<std::string> terms;
  if (embedding.width > 0) {
    scope.weight("WIN[" + d + ",d]");
    scope.line("EIN[{b}{s}d] = " + in + "[{b}{s}" + d + "] * WIN[" + d + ",d]");
    terms.push_back("EIN[{b}{s}d]");
  } else {
    terms.push_back(in + "[{b}{s}d]");
  }
  if (embedding.scale != 1)
    terms[0] += " * " + writeNumber(embedding.scale);
  if (std::string row = writePositions(scope, stream); !row.empty())
    terms.push_back(row);
  if (embedding.segments > 0) {
    std::string z = text.rank("z", embedding.segments);
    scope.weight("WSE[" + z + ",d]");
    scope.input("SEG[{b}{s}] : i32");
    scope.line("SE[{b}{s}d] = select(SEG[{b}{s}] == " + z + ", WSE[" + z +
               ",d], 0)");
    terms.push_back("SE[{b}{s}d]");
  }
  if (terms.size() == 1 && embedding.scale == 1 && !embedding.norm)
    return embedding.width > 0 ? "EIN[" : in + "[";
  if (terms.size() == 1 && embedding.scale == 1 && embedding.width == 0) {
    LayerWriter writer(scope, options, stream, in + "[");
    return writer.writeNorm(embedding.norm, "EN", in + "[");
  }
  std::string name = embedding.norm ? "E0" : "X0";
  if (in != "EMB")
    name += in.substr(3);
  scope.line(name + "[{b}{s}d] = " + llvm::join(terms, " + "));
  if (!embedding.norm)
    return name + "[";
  LayerWriter writer(scope, options, stream, name + "[");
  return writer.writeNorm(embedding.norm, "EN", name + "[");
}

/// One row of biases per distance between tokens, from a table by buckets.
void ModelWriter::writeRelativeBias(const Stack &stack, const Stream &stream,
                                    StringRef letter, bool isCausal) {
  if (stack.buckets == 0)
    return;
  const Attention *attention = nullptr;
  for (const Layer &layer : stack.kinds)
    if (layer.attention && layer.attention->hasRelativeBias)
      attention = &*layer.attention;
  if (!attention)
    return;
  TextScope scope = makeScope("", stream);
  std::string u = text.rank("u", stack.buckets);
  std::string h = text.rank("h", attention->heads);
  int64_t distances =
      isCausal ? stream.keys + (isDecoding() ? 1 : 0) : 2 * stream.keys - 1;
  std::string w = text.rank("w", distances), n = letter.str();
  text.comment("Bias by distance, which falls into buckets.");
  scope.input("BK" + n + "[" + w + "] : i32");
  scope.weight("REL" + n + "[" + u + "," + h + "]");
  scope.line("PB" + n + "[" + w + "," + h + "] = select(BK" + n + "[" + w +
             "] == " + u + ", REL" + n + "[" + u + "," + h + "], 0)");
}

//===----------------------------------------------------------------------===//
// Stacks
//===----------------------------------------------------------------------===//

std::vector<unsigned> ModelWriter::selectLayers(const Stack &stack) const {
  if (options.lastLayer == 0)
    return stack.pattern;
  return {stack.pattern.begin() + options.firstLayer,
          stack.pattern.begin() + options.lastLayer};
}

std::string ModelWriter::writeRun(const Stack &stack, const LayerRun &run,
                                  const Stream &stream, std::string x,
                                  StringRef letter, const Stream *other,
                                  StringRef memory) {
  bool isRepeated = run.repeats > 1;
  std::string l;
  if (isRepeated)
    l = text.rank(numRuns > 1 ? "l" + std::to_string(++runs) : "l",
                  run.repeats);
  unsigned first = bodies;
  auto suffixOf = [&](unsigned body) {
    return numBodies > 1 ? "_" + std::to_string(body) : std::string();
  };
  unsigned last = first + run.kinds.size() - 1;
  for (unsigned kind : run.kinds) {
    TextScope scope = makeScope(suffixOf(bodies), stream);
    scope.set("l", isRepeated ? l + "," : "");
    scope.set("pb", ("PB" + letter + "[").str());
    if (isRepeated && bodies == first) {
      scope.set("x", x);
      scope.set("last", "XO" + suffixOf(last) + "[" + l + "-1,");
      scope.line("XI[{l}{b}{s}d] = select(" + l +
                 " == 0, {x}{b}{s}d], "
                 "{last}{b}{s}d])");
      x = scope.own("XI") + "[" + l + ",";
    }
    LayerWriter writer(scope, options, stream, x);
    writer.setResult("XO", isRepeated && bodies == last);
    writer.writeLayer(stack.kinds[kind], other, memory);
    x = writer.getX();
    ++bodies;
  }
  return isRepeated ? "XO" + suffixOf(last) + "[" + StringRef(l).upper() + "-1,"
                    : x;
}

std::string ModelWriter::writeStack(const Stack &stack, const Stream &stream,
                                    std::string x, StringRef letter,
                                    const Stream *other, StringRef memory) {
  for (const LayerRun &run : findRuns(selectLayers(stack)))
    x = writeRun(stack, run, stream, std::move(x), letter, other, memory);
  return x;
}

//===----------------------------------------------------------------------===//
// Head
//===----------------------------------------------------------------------===//

/// While tokens are only read, the logits of the last one are asked for.
std::string ModelWriter::takeLast(TextScope &scope, const Stream &stream,
                                  std::string x) {
  if (options.phase != Phase::Prefill || !model.isCausal)
    return x;
  scope.set("x", x);
  scope.line("XL[b,d] = {x}b," + stream.extent + "-1,d]");
  scope.set("s", "");
  return "XL[";
}

void ModelWriter::writeLogits(TextScope &scope, StringRef x) {
  const Head &head = model.head;
  std::string v = text.rank("v", model.vocabulary), d = "d";
  std::string source = x.str();
  scope.set("x", source);
  if (model.embedding.width > 0) {
    d = text.rank("w", model.embedding.width);
    scope.weight("WOUT[d," + d + "]");
    scope.line("EOUT[{b}{s}" + d + "] = {x}{b}{s}d] * WOUT[d," + d + "]");
    scope.set("x", "EOUT[");
  }
  if (head.scale != 1) {
    scope.line("XH[{b}{s}d] = {x}{b}{s}d] * " + writeNumber(head.scale));
    scope.set("x", "XH[");
  }
  std::string table = head.isTied ? "WTE" : "WLM";
  scope.weight(table + "[" + v + "," + d + "]");
  std::string name = head.softcap != 0 || head.hasBias ? "LR" : "LG";
  scope.line(name + "[{b}{s}" + v + "] = {x}{b}{s}" + d + "] * " + table + "[" +
             v + "," + d + "]");
  if (head.hasBias) {
    scope.weight("BLM[" + v + "]");
    scope.line("LG[{b}{s}" + v + "] = LR[{b}{s}" + v + "] + BLM[" + v + "]");
  }
  if (head.softcap == 0)
    return;
  std::string cap = writeNumber(head.softcap);
  scope.line("LG[{b}{s}" + v + "] = tanh(LR[{b}{s}" + v + "] / " + cap +
             ") * " + cap);
}

/// Of BERT and its kin: a dense layer, a norm, the table and a bias.
void ModelWriter::writeMaskedHead(TextScope &scope, const Stream &stream,
                                  StringRef x) {
  std::string d2 = text.rank("dd", model.hidden);
  const Activation *activation = findActivation(model.head.activation);
  scope.set("x", x);
  text.define(
      ("def " + activation->function + "(x) = " + activation->body).str());
  scope.weight("WH[" + d2 + ",d]");
  if (model.head.hasDenseBias)
    scope.weight("BH[d]");
  scope.line("HD[{b}{s}d] = {x}{b}{s}" + d2 + "] * WH[" + d2 + ",d]");
  scope.line("HA[{b}{s}d] = " + activation->function.str() + "(HD[{b}{s}d]" +
             (model.head.hasDenseBias ? " + BH[d])" : ")"));
  LayerWriter writer(scope, options, stream, "HA[");
  std::string normed = writer.writeNorm(model.head.norm, "HN", "HA[");
  std::string table = model.head.isTied ? "WTE" : "WLM";
  scope.weight(table + "[v,d]");
  scope.weight("BLM[v]");
  scope.line("LR[{b}{s}v] = " + normed + "{b}{s}d] * " + table + "[v,d]");
  scope.line("LG[{b}{s}v] = LR[{b}{s}v] + BLM[v]");
}

void ModelWriter::writePooler(TextScope &scope, StringRef x) {
  std::string d2 = text.rank("dd", model.hidden);
  scope.set("x", x);
  scope.weight("WPOOL[" + d2 + ",d]");
  scope.weight("BPOOL[d]");
  scope.line("PD[b,d] = {x}b,0," + d2 + "] * WPOOL[" + d2 + ",d]");
  scope.line("POOL[b,d] = tanh(PD[b,d] + BPOOL[d])");
  scope.line("Y[b,s,d] = {x}b,s,d]");
  text.output("Y");
  text.output("POOL");
}

void ModelWriter::writeClassifier(TextScope &scope, StringRef x) {
  std::string v = text.rank("n", model.head.classes);
  scope.set("x", x);
  scope.weight("WCLS[d," + v + "]");
  scope.weight("BCLS[" + v + "]");
  scope.line("LR[b," + v + "] = {x}b,0,d] * WCLS[d," + v + "]");
  scope.line("LG[b," + v + "] = LR[b," + v + "] + BCLS[" + v + "]");
  scope.set("s", "");
}

/// Cross-entropy with the labels LAB, averaged.
void ModelWriter::writeLoss(TextScope &scope) {
  std::string v = model.head.kind == Head::Kind::Classes
                      ? text.rank("n", model.head.classes)
                      : text.rank("v", model.vocabulary);
  text.comment("Loss.");
  scope.input("LAB[{b}{s}] : i32");
  scope.line("LX[{b}{s}] = max(" + v + ") LG[{b}{s}" + v + "]");
  scope.line("LE[{b}{s}" + v + "] = exp(LG[{b}{s}" + v + "] - LX[{b}{s}])");
  scope.line("LS[{b}{s}] = LE[{b}{s}" + v + "]");
  scope.line("LT[{b}{s}] = select(" + v + " == LAB[{b}{s}], LG[{b}{s}" + v +
             "], 0)");
  std::string count = "B";
  if (std::string s = scope.get("s"); !s.empty())
    count += " * " + StringRef(s).drop_back().upper();
  scope.line("LOSS[] = (log(LS[{b}{s}]) + LX[{b}{s}] - LT[{b}{s}]) / (" +
             count + ")");
  text.output("LOSS");
}

void ModelWriter::writeHead(const Stream &stream, std::string x) {
  TextScope scope = makeScope("", stream);
  if (options.layersOnly) {
    scope.set("x", x);
    scope.line("Y[{b}{s}d] = {x}{b}{s}d]");
    text.output("Y");
    return;
  }
  text.comment("Head.");
  x = takeLast(scope, stream, std::move(x));
  if (model.stack.final) {
    LayerWriter writer(scope, options, stream, x);
    if (StringRef(x) == "XL[")
      scope.set("s", "");
    x = writer.writeNorm(model.stack.final, "XN", x);
  }
  switch (model.head.kind) {
  case Head::Kind::None:
    scope.set("x", x);
    scope.line("Y[{b}{s}d] = {x}{b}{s}d]");
    text.output("Y");
    return;
  case Head::Kind::Language:
    writeLogits(scope, x);
    break;
  case Head::Kind::Masked:
    writeMaskedHead(scope, stream, x);
    break;
  case Head::Kind::Pooled:
    return writePooler(scope, x);
  case Head::Kind::Classes:
    writeClassifier(scope, x);
    break;
  }
  if (options.phase == Phase::Train)
    writeLoss(scope);
  else
    text.output("LG");
}

//===----------------------------------------------------------------------===//
// The whole
//===----------------------------------------------------------------------===//

/// Bodies and ranks of runs are numbered through the model, whichever of its
/// stacks a phase computes.
void ModelWriter::numberRuns() {
  auto count = [&](const Stack &stack) {
    std::pair<unsigned, unsigned> counts;
    for (const LayerRun &run : findRuns(selectLayers(stack))) {
      counts.first += run.kinds.size();
      counts.second += run.repeats > 1;
    }
    return counts;
  };
  std::tie(numBodies, numRuns) = count(model.stack);
  if (!model.encoder)
    return;
  auto [encoderBodies, encoderRuns] = count(*model.encoder);
  numBodies += encoderBodies;
  numRuns += encoderRuns;
  if (isDecoding()) {
    bodies = encoderBodies;
    runs = encoderRuns;
  }
}

/// The encoder, if this phase computes it; returns the access to its result.
std::string ModelWriter::writeEncoder(const Stream &stream) {
  if (isDecoding())
    return "";
  writeRelativeBias(*model.encoder, stream, "E", /*isCausal=*/false);
  std::string x = writeEmbedding(stream, "EMB");
  x = writeStack(*model.encoder, stream, x, "E", nullptr, "");
  TextScope scope = makeScope("", stream);
  LayerWriter writer(scope, options, stream, x);
  return writer.writeNorm(model.encoder->final, "EN", x);
}

void ModelWriter::writeTwoStacks() {
  Stream other = makeStream("s", "m", options.sequence);
  std::string memory = writeEncoder(other);
  int64_t target = options.target                    ? options.target
                   : options.phase == Phase::Prefill ? 1
                                                     : options.sequence;
  Stream stream = makeStream("p", "n", target);
  writeRelativeBias(model.stack, stream, "D", /*isCausal=*/true);
  std::string x = writeEmbedding(stream, "EMBD");
  writeHead(stream, writeStack(model.stack, stream, x, "D", &other, memory));
}

void ModelWriter::writeOneStack() {
  Stream stream = makeStream(
      "s", "m", model.patches ? imageTokens(*model.patches) : options.sequence);
  writeRelativeBias(model.stack, stream, "", model.isCausal);
  std::string x =
      model.patches ? writePatches(stream) : writeEmbedding(stream, "EMB");
  writeHead(stream, writeStack(model.stack, stream, x, "", nullptr, ""));
}

std::string ModelWriter::write() {
  text.param("B", options.batch);
  text.param("D", model.hidden);
  numberRuns();
  if (model.encoder)
    writeTwoStacks();
  else
    writeOneStack();
  const char *phase = options.phase == Phase::Prefill  ? "prefill"
                      : options.phase == Phase::Decode ? "decode"
                                                       : "train";
  std::string datatype =
      options.datatype.empty() ? model.datatype : options.datatype;
  return text.print(model.name + "_" + phase, datatype, "");
}

std::string einsum::frontend::writeModel(const Model &model,
                                         const ModelOptions &options) {
  return ModelWriter(model, options).write();
}
