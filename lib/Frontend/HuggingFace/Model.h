//===- Model.h - A model as facts -------------------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the families of models differ in, as plain structs: a family fills them
// from a config (Families.cpp), and one writer turns them into Einsums
// (Write*.cpp). So a layer is described, not coded: Mistral is Llama with
// `window` set, and Gemma is Llama with four norms and two soft caps.
//
// A number of 0 and a kind of `None` mean that the model has no such thing.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_FRONTEND_HUGGINGFACE_MODEL_H
#define LIB_FRONTEND_HUGGINGFACE_MODEL_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace einsum::frontend {

struct Norm {
  /// Layer takes off the mean, and has a gain and a bias; Centred is the same
  /// without the bias, Rms without the mean, too, and Bare without the gain.
  enum class Kind { None, Layer, Centred, Rms, Bare };
  Kind kind = Kind::None;
  double epsilon = 0;
  bool gainFromOne = false; ///< multiplies by 1 + gain

  explicit operator bool() const { return kind != Kind::None; }
};

/// Rotary positions (Su et al. 2021): pairs of elements turn with the position.
struct Rotary {
  enum class Kind { None, Halves, Interleaved };
  Kind kind = Kind::None;
  int64_t extent = 0; ///< elements that turn, from the first on; 0 for all
  std::string table;  ///< models with two bases have two tables of angles

  explicit operator bool() const { return kind != Kind::None; }
};

/// Keys and values from one compressed row (DeepSeek-AI 2024).
struct Latent {
  int64_t query = 0; ///< extent of the compressed query; 0 if it is not
  int64_t keyValue = 0;
  int64_t rotary = 0; ///< elements that carry positions, one row for all heads
  Norm norm;
};

struct Attention {
  int64_t heads = 0, keyValueHeads = 0;
  int64_t keyExtent = 0, valueExtent = 0;
  bool queryBias = false, keyBias = false, valueBias = false,
       outputBias = false;
  Norm headNorm; ///< of queries and keys
  /// Over what: each head, all heads together, or each head once it has turned.
  enum class NormOf { Head, Row, Turned } normOf = NormOf::Head;
  bool hasGainPerHead = false; ///< of that norm, or one for all heads
  Rotary rotary;
  std::optional<Latent> latent;
  double scale = 1;   ///< of the scores
  double softcap = 0; ///< c * tanh(score / c)
  int64_t window = 0; ///< keys that a query sees, itself included
  int64_t reach = 0;  ///< how far to both sides an encoder's query sees
  int64_t chunk = 0;  ///< tokens see those of their chunk
  bool isCausal = true;
  bool hasSinks = false;        ///< a score per head that no value belongs to
  bool isTempered = false;      ///< queries are scaled by position, an input
  bool hasRelativeBias = false; ///< per head and bucket of distances
  /// Scores grow with the position of the key by a slope per head, times this
  /// (Press et al. 2022, ALiBi); 0 if they do not.
  double slope = 0;
};

struct Experts {
  int64_t count = 0, chosen = 0, inner = 0;
  int64_t sharedInner = 0;
  bool isSharedGated = false; ///< by the sigmoid of a score of the token
  bool isInputScaled = false; ///< gates scale what experts read
  bool hasRouterBias = false;
  bool isSigmoid = false;     ///< scores by sigmoid, not softmax
  bool isNormalised = false;  ///< gates of the chosen ones add up to 1
  bool hasCorrection = false; ///< a bias that takes part in the choice alone
  int64_t groups = 1, chosenGroups = 1;
  /// What a group is worth: its best expert, or the sum of its two best.
  enum class GroupScore { Best, BestTwo } groupScore = GroupScore::BestTwo;
  double scale = 1;
};

struct FeedForward {
  int64_t inner = 0;
  std::string activation; ///< a function of Activations.h
  bool isGated = false;
  bool hasBias = false;
  /// Gate and linear part are kept within this, and 1 is added to the latter.
  double limit = 0;
  std::optional<Experts> experts;
};

/// Selective state space (Gu & Dao 2023).
struct StateSpace {
  int64_t inner = 0, state = 0, window = 0, stepRank = 0;
  bool hasBias = false, hasWindowBias = true;
  std::string activation;
};

/// The same with one decay per head (Dao & Gu 2024): heads of a group share
/// what writes and reads the state.
struct HeadedStateSpace {
  int64_t heads = 0, extent = 0, groups = 1, state = 0, window = 0;
  bool hasBias = false, hasWindowBias = true;
  Norm norm;                          ///< of the gated result
  double leastStep = 0, mostStep = 0; ///< 0 if there is no such limit
  std::string activation;
};

/// One branch beside the residual stream: x + scale * post(branch(pre(x))), or
/// after(x + branch(x)).
struct Branch {
  Norm pre, post, after;
  double scale = 1;
};

struct Layer {
  std::optional<Attention> attention;
  Branch attentionBranch;
  std::optional<Attention> cross; ///< over the other stack
  Branch crossBranch;
  std::optional<StateSpace> stateSpace;
  std::optional<HeadedStateSpace> headedStateSpace;
  Branch stateSpaceBranch;
  std::optional<FeedForward> feedForward;
  Branch feedForwardBranch;
  /// Attention and feed-forward read one x, and both are added to it; a
  /// feed-forward branch without a norm then reads that of attention.
  bool isParallel = false;
};

/// Layers one after the other: layer i is kinds[pattern[i]].
struct Stack {
  std::vector<Layer> kinds;
  std::vector<unsigned> pattern;
  Norm final;
  int64_t buckets = 0; ///< of distances, for the relative bias of all layers
};

struct Embedding {
  int64_t positions = 0;      ///< rows of a learned table
  int64_t positionOffset = 0; ///< row of the first token
  int64_t segments = 0;       ///< kinds of tokens
  double scale = 1;
  Norm norm;
  int64_t width = 0; ///< of the table, if it is projected to the hidden size
};

/// An image in patches, with a row in front that stands for all of it.
struct Patches {
  int64_t image = 0, patch = 0, channels = 0;
};

struct Head {
  enum class Kind { None, Language, Masked, Pooled, Classes };
  Kind kind = Kind::None;
  bool isTied = false; ///< with the table of embeddings
  bool hasBias = false;
  double scale = 1; ///< of what is multiplied with the table
  double softcap = 0;
  int64_t classes = 0;
  std::string activation;   ///< of Masked
  Norm norm;                ///< of Masked
  bool hasDenseBias = true; ///< of Masked
};

struct Model {
  std::string name, datatype;
  int64_t hidden = 0, vocabulary = 0;
  Embedding embedding;
  std::optional<Patches> patches;
  std::optional<Stack> encoder; ///< of an encoder-decoder model
  Stack stack;
  Head head;
  bool isCausal = true; ///< can decode
};

} // namespace einsum::frontend

#endif // LIB_FRONTEND_HUGGINGFACE_MODEL_H
