//===- LayerWriter.h - One layer as Einsums ---------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Writes the branches of a layer. The residual stream is `x`, an access without
// its ranks after {l}: "EMB[" before the first layer, "XO[L-1," after a stack
// of repeated ones. Each branch reads it and leaves another one.
//
// Names, alike in all families: AN a normed input of the branch A (attention),
// C (cross attention), S (state space) or F (feed-forward); W... a weight, B...
// a bias, G... a gain; Q, K, V and what follows from them by letters behind
// (QB with bias, QN normed, QR with rotary positions, QS scaled).
//
//===----------------------------------------------------------------------===//

#ifndef LIB_FRONTEND_HUGGINGFACE_LAYERWRITER_H
#define LIB_FRONTEND_HUGGINGFACE_LAYERWRITER_H

#include "lib/Frontend/HuggingFace/CascadeText.h"
#include "lib/Frontend/HuggingFace/HuggingFace.h"
#include "lib/Frontend/HuggingFace/Model.h"

namespace einsum::frontend {

/// Tokens that go through a stack.
struct Stream {
  std::string token; ///< rank of the tokens computed; empty if there is one
  std::string key;   ///< rank of the tokens attended to
  int64_t tokens = 0, keys = 0;
  std::string extent; ///< parameter that is `tokens`
  int64_t batch = 1;
};

class LayerWriter {
public:
  LayerWriter(TextScope &scope, const ModelOptions &options,
              const Stream &stream, std::string x);

  void writeLayer(const Layer &layer, const Stream *other,
                  llvm::StringRef memory);
  /// The norm of `input` (an access up to {b}) as tensor `name`; returns the
  /// access to it. `tail` ends the last statement.
  std::string writeNorm(const Norm &norm, llvm::StringRef name,
                        llvm::StringRef input, llvm::StringRef tail = "",
                        llvm::StringRef tokens = "{s}");
  /// The last branch of the layer writes this tensor, as a recurrence.
  void setResult(llvm::StringRef name, bool isRecurrence);

  const std::string &getX() const { return x; }

private:
  bool isDecoding() const { return stream.token.empty(); }
  void line(llvm::StringRef pattern) { scope.line(pattern); }

  // Branches.
  void openBranch(const Branch &branch, llvm::StringRef letter);
  /// Adds `term`, an expression, to the stream.
  void closeBranch(const Branch &branch, llvm::StringRef letter,
                   llvm::StringRef term, llvm::StringRef bias, bool isLast);

  // Attention.
  void setHeads(const Attention &attention);
  std::string project(llvm::StringRef name, llvm::StringRef source,
                      llvm::StringRef heads, llvm::StringRef token,
                      llvm::StringRef element, bool hasBias);
  /// A query or key: {z} are the last ranks of `turned`, {t} that of `rest`,
  /// the elements that do not turn; empty if there are none.
  struct Projected {
    std::string turned, rest;
  };
  Projected finish(const Attention &attention, std::string name,
                   llvm::StringRef heads, llvm::StringRef token, double scale);
  std::string normHeads(const Attention &attention, const std::string &name,
                        llvm::StringRef heads, llvm::StringRef token,
                        const std::string &element, const std::string &extent);
  std::string temper(const std::string &name, llvm::StringRef heads,
                     llvm::StringRef token, llvm::StringRef element);
  std::string turn(const Rotary &rotary, llvm::StringRef name,
                   llvm::StringRef heads, llvm::StringRef token, double scale,
                   int64_t extent, int64_t whole);
  std::string scaled(llvm::StringRef name, llvm::StringRef heads,
                     llvm::StringRef token, double scale);
  std::string keyFilter(const Attention &attention) const;
  std::string adjustScores(const Attention &attention, std::string scores,
                           llvm::StringRef ranks, llvm::StringRef distance);
  void writeSlopes(const Attention &attention, llvm::StringRef name,
                   llvm::StringRef key);
  void writeScores(llvm::StringRef name, llvm::StringRef ranks,
                   const Projected &query, llvm::StringRef queryToken,
                   const Projected &key, llvm::StringRef keyToken,
                   llvm::StringRef filter);
  void writeSoftmax(const Attention &attention, llvm::StringRef scores);
  void writeJointSoftmax(const Attention &attention, llvm::StringRef cached,
                         llvm::StringRef own);
  void writeAttention(const Attention &attention);
  void attendToAll(const Attention &attention, const Projected &query);
  void attendToCache(const Attention &attention, const Projected &query);
  void writeCrossAttention(const Attention &attention, const Stream &other,
                           llvm::StringRef memory);
  void writeLatentAttention(const Attention &attention);
  void attendToLatent(const Attention &attention);
  void attendToLatentCache(const Attention &attention);
  std::string writeLatentQuery(const Attention &attention);

  // Feed-forward and state space.
  void writeFeedForward(const FeedForward &feedForward);
  void writeGated(llvm::StringRef letter, llvm::StringRef source,
                  llvm::StringRef lead, llvm::StringRef weightLead,
                  llvm::StringRef inner, const FeedForward &feedForward);
  void writeExperts(const FeedForward &feedForward);
  void writeRouter(const Experts &experts);
  void scoreGroups(const Experts &experts, const std::string &choice);
  std::string limitGroups(const Experts &experts, const std::string &choice);
  void writeMaskedExperts(const FeedForward &feedForward);
  void writeBalancedExperts(const FeedForward &feedForward);
  void addShared(const FeedForward &feedForward);
  void writeStateSpace(const StateSpace &mixer);
  void writeHeadedStateSpace(const HeadedStateSpace &mixer);
  /// SV + letter, the causal window over `source`[token, ranks]; the rows
  /// before this token are the input source + C while decoding.
  void writeWindow(llvm::StringRef source, llvm::StringRef letter,
                   llvm::StringRef ranks, int64_t window);
  std::string use(llvm::StringRef activation);

  TextScope &scope;
  const ModelOptions &options;
  const Stream &stream;
  std::string x;
  std::string result, resultTail;
};

} // namespace einsum::frontend

#endif // LIB_FRONTEND_HUGGINGFACE_LAYERWRITER_H
