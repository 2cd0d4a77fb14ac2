//===- WriteAttention.cpp - Attention as Einsums
//---------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Queries, keys and values are projected, given a bias, a norm and a position;
// scores are scaled once, where the query is last touched. Then
//
//   prefill   softmax over the keys of all tokens, under the causal filter
//   decode    over the rows of the cache and, beside them, the one new key:
//
//     LM = max(m) QK[m]          GM = max(LM, QO)
//     SN[m] = exp(QK[m] - GM)    SO = exp(QO - GM)     SD = SN + SO
//
//   which is exact and copies no cache: the new row is delivered on its own,
//   to be appended.
//
// Latent attention multiplies the compressed rows out in prefill, and in decode
// leaves them as they are and multiplies the query instead (DeepSeek-AI 2024,
// section 2.1.2): the same product in another order.
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/HuggingFace/LayerWriter.h"

#include "llvm/ADT/StringExtras.h"

using namespace einsum::frontend;
using llvm::StringRef;

//===----------------------------------------------------------------------===//
// Projections
//===----------------------------------------------------------------------===//

/// {q} and {k}: ranks of query heads and of key heads; {e} and {f}.
void LayerWriter::setHeads(const Attention &attention) {
  CascadeText &text = scope.text;
  int64_t shared = attention.heads / attention.keyValueHeads;
  std::string query, key;
  if (shared == 1) {
    query = key = text.rank("h", attention.heads) + ",";
  } else if (attention.keyValueHeads == 1) {
    query = text.rank("h", attention.heads) + ",";
  } else {
    key = text.rank("g", attention.keyValueHeads) + ",";
    query = key + text.rank("r", shared) + ",";
  }
  scope.set("q", query);
  scope.set("k", key);
  scope.set("e", text.rank("e", attention.keyExtent));
  scope.set("f", text.rank("f", attention.valueExtent));
}

/// name[heads, token, element] = source * W(name), with its bias.
std::string LayerWriter::project(StringRef name, StringRef source,
                                 StringRef heads, StringRef token,
                                 StringRef element, bool hasBias) {
  std::string n = name.str(), h = heads.str();
  std::string to = "[{l}{b}" + h + token.str() + element.str() + "]";
  std::string w = "W" + n + "[{l}d," + h + element.str() + "]";
  scope.weight(w);
  line(n + to + " = " + source.str() + "{b}" + token.str() + "d] * " + w);
  if (!hasBias)
    return n;
  std::string b = "B" + n + "[{l}" + h + element.str() + "]";
  scope.weight(b);
  line(n + "B" + to + " = " + n + to + " + " + b);
  return n + "B";
}

std::string LayerWriter::scaled(StringRef name, StringRef heads,
                                StringRef token, double scale) {
  if (scale == 1)
    return name.str();
  std::string to = ("[{l}{b}" + heads + token + "{e}]").str();
  line(name.str() + "S" + to + " = " + name.str() + to + " * " +
       writeNumber(scale));
  return name.str() + "S";
}

/// Rotary positions: element j of half y turns with element j of the other
/// half; {z} becomes the ranks of the result. The scale comes for nothing. Of
/// `whole` elements the first `extent` turn.
std::string LayerWriter::turn(const Rotary &rotary, StringRef name,
                              StringRef heads, StringRef token, double scale,
                              int64_t extent, int64_t whole) {
  CascadeText &text = scope.text;
  std::string y = text.rank("y", 2), j = text.rank("j", extent / 2);
  std::string half = StringRef(j).upper();
  bool isHalves = rotary.kind == Rotary::Kind::Halves;
  std::string same = isHalves ? y + "*" + half + "+" + j : "2*" + j + "+" + y;
  std::string other =
      isHalves ? "(1-" + y + ")*" + half + "+" + j : "2*" + j + "+1-" + y;
  std::string angles = "[" + token.str() + j + "]";
  std::string n = name.str(), lead = ("[{l}{b}" + heads + token).str();
  std::string cosine = "COS" + rotary.table, sine = "SIN" + rotary.table;
  // Tables are of the tokens, the same for queries and keys.
  std::string row = "[" + scope.get("s") + j + "]";
  text.input(cosine + row);
  text.input(sine + row);
  scope.set("cos", cosine);
  scope.set("sin", sine);
  std::string value = n + lead + same + "] * {cos}" + angles + " + select(" +
                      y + " == 0, -1, 1) * " + n + lead + other + "] * {sin}" +
                      angles;
  if (scale != 1)
    value = "(" + value + ") * " + writeNumber(scale);
  line(n + "R" + lead + y + "," + j + "] = " + value);
  scope.set("z", y + "," + j);
  if (extent == whole)
    return n + "R";
  std::string t = text.rank("t", whole - extent);
  value = n + lead + StringRef(y).upper() + "*" + half + "+" + t + "]";
  if (scale != 1)
    value += " * " + writeNumber(scale);
  line(n + "T" + lead + t + "] = " + value);
  scope.set("t", t);
  return n + "R";
}

/// Over the last rank or ranks `element` of so many elements; of all heads at
/// once, or of each.
std::string LayerWriter::normHeads(const Attention &attention,
                                   const std::string &n, StringRef heads,
                                   StringRef token, const std::string &element,
                                   const std::string &extent) {
  const Norm &norm = attention.headNorm;
  bool isRow = attention.normOf == Attention::NormOf::Row;
  std::string sum = ("[{l}{b}" + (isRow ? "" : heads) + token).str();
  std::string to = ("[{l}{b}" + heads + token).str() + element + "]";
  std::string gain =
      "G" + n + "[{l}" + (isRow ? heads.str() : "") + element + "]";
  bool isGainOfHead = attention.hasGainPerHead && !isRow;
  if (isGainOfHead)
    gain = "G" + n + "[{l}" + heads.str() + element + "]";
  bool hasGain = norm.kind != Norm::Kind::Bare;
  if (hasGain)
    scope.weight(gain);
  if (norm.gainFromOne)
    gain = "(1 + " + gain + ")";
  if (norm.kind == Norm::Kind::Centred) {
    std::string mean = n + "S" + sum + "] / " + extent;
    line(n + "S" + sum + "] = " + n + to);
    line(n + "D" + to + " = " + n + to + " - " + mean);
    line(n + "Q" + sum + "] = " + n + "D" + to + " * " + n + "D" + to);
    line(n + "N" + to + " = " + n + "D" + to + " * rsqrt(" + n + "Q" + sum +
         "] / " + extent + " + " + writeNumber(norm.epsilon) + ") * " + gain);
    return n + "N";
  }
  line(n + "Q" + sum + "] = " + n + to + " * " + n + to);
  line(n + "N" + to + " = " + n + to + " * rsqrt(" + n + "Q" + sum + "] / " +
       extent + " + " + writeNumber(norm.epsilon) + ")" +
       (hasGain ? " * " + gain : ""));
  return n + "N";
}

/// A query times a number per position, which is an input.
std::string LayerWriter::temper(const std::string &name, StringRef heads,
                                StringRef token, StringRef element) {
  std::string to = ("[{l}{b}" + heads + token + element + "]").str();
  std::string row = "TEMP[" + scope.get("s") + "]";
  scope.text.input(StringRef(row).ends_with(",]")
                       ? StringRef(row).drop_back(2).str() + "]"
                       : row);
  scope.set("temper", "TEMP");
  line(name + "M" + to + " = " + name + to + " * {temper}[{s}]");
  return name + "M";
}

/// Norm, position and scale of a query or key.
LayerWriter::Projected LayerWriter::finish(const Attention &attention,
                                           std::string name, StringRef heads,
                                           StringRef token, double scale) {
  using NormOf = Attention::NormOf;
  std::string e = scope.get("e");
  scope.set("z", e);
  std::string extent = StringRef(e).upper(), rows;
  std::string ranks = scope.expand(heads);
  for (StringRef part : llvm::split(ranks, ','))
    if (!part.empty())
      rows += " / " + part.upper();
  if (attention.headNorm && attention.normOf == NormOf::Row)
    extent += rows;
  if (attention.headNorm && attention.normOf != NormOf::Turned)
    name = normHeads(attention, name, heads, token, "{e}", extent);
  if (!attention.rotary)
    return {scaled(name, heads, token, scale), ""};
  int64_t whole = attention.keyExtent;
  int64_t turning = attention.rotary.extent ? attention.rotary.extent : whole;
  bool isNormed = attention.headNorm && attention.normOf == NormOf::Turned;
  std::string turned = turn(attention.rotary, name, heads, token,
                            isNormed ? 1 : scale, turning, whole);
  if (!isNormed)
    return {turned, turning == whole ? "" : name + "T"};
  scope.set("e", scope.get("z"));
  turned = normHeads(attention, turned, heads, token, "{z}", extent);
  turned = scaled(turned, heads, token, scale);
  scope.set("e", e);
  return {turned, ""};
}

//===----------------------------------------------------------------------===//
// Scores and softmax
//===----------------------------------------------------------------------===//

/// Which keys a query sees, where that is not all of them.
std::string LayerWriter::keyFilter(const Attention &attention) const {
  if (isDecoding())
    return "";
  std::string reach = std::to_string(attention.reach);
  if (attention.reach > 0 && attention.reach + 1 < stream.tokens)
    return " where " + stream.key + " <= " + stream.token + " + " + reach +
           ", " + stream.token + " <= " + stream.key + " + " + reach;
  if (!attention.isCausal)
    return "";
  std::string filter = " where " + stream.key + " <= " + stream.token;
  if (attention.window > 0 && attention.window < stream.tokens)
    filter += ", " + stream.token + " < " + stream.key + " + " +
              std::to_string(attention.window);
  return filter;
}

/// Soft cap and relative bias; `distance` is the row of the bias to add.
std::string LayerWriter::adjustScores(const Attention &attention,
                                      std::string scores, StringRef ranks,
                                      StringRef distance) {
  if (attention.softcap != 0) {
    std::string cap = writeNumber(attention.softcap);
    line(scores + "C" + ranks.str() + " = tanh(" + scores + ranks.str() +
         " / " + cap + ") * " + cap);
    scores += "C";
  }
  if (attention.hasRelativeBias) {
    line(scores + "P" + ranks.str() + " = " + scores + ranks.str() + " + {pb}" +
         distance.str() + ",{q}]");
    scores += "P";
  }
  return scores;
}

/// What a score grows by at a position.
static std::string slopeAt(const Attention &attention, StringRef position) {
  return "{slope}[{q}] * " + position.str() +
         (attention.slope == 1 ? "" : " * " + writeNumber(attention.slope));
}

/// name[heads, key] = slope * position: only distances between keys of one
/// query matter to its softmax, so that the position of the query may be left
/// out.
void LayerWriter::writeSlopes(const Attention &attention, StringRef name,
                              StringRef key) {
  std::string heads = scope.expand("{q}");
  scope.text.input("SLOPE[" + StringRef(heads).drop_back().str() + "]");
  scope.set("slope", "SLOPE");
  line(name.str() + "[{q}" + key.str() +
       "] = " + slopeAt(attention, key.substr(0, key.find(','))));
}

/// name[ranks] = query * key; what turned and what did not are two products.
void LayerWriter::writeScores(StringRef name, StringRef ranks,
                              const Projected &query, StringRef queryToken,
                              const Projected &key, StringRef keyToken,
                              StringRef filter) {
  std::string n = name.str(), to = ranks.str(), f = filter.str();
  auto product = [&](const std::string &q, const std::string &k,
                     StringRef element) {
    return (" = " + q + "[{l}{b}{q}" + queryToken + element + "] * " + k +
            "[{l}{b}{k}" + keyToken + element + "]")
               .str() +
           f;
  };
  if (query.rest.empty()) {
    line(n + to + product(query.turned, key.turned, "{z}"));
    return;
  }
  line(n + "E" + to + product(query.rest, key.rest, "{t}"));
  line(n + "P" + to + product(query.turned, key.turned, "{z}"));
  line(n + to + " = " + n + "E" + to + " + " + n + "P" + to);
}

void LayerWriter::writeSoftmax(const Attention &attention, StringRef scores) {
  std::string z = scores.str(), top = "GM", sum = "SD";
  if (attention.hasSinks) {
    scope.weight("BSINK[{l}{q}]");
    top = "LM";
    sum = "LD";
  }
  line(top + "[{l}{b}{q}{s}] = max(" + stream.key + ") " + z +
       "[{l}{b}{q}{m}{s}]");
  if (attention.hasSinks)
    line("GM[{l}{b}{q}{s}] = max(LM[{l}{b}{q}{s}], BSINK[{l}{q}])");
  line("SN[{l}{b}{q}{m}{s}] = exp(" + z +
       "[{l}{b}{q}{m}{s}] - GM[{l}{b}{q}{s}])");
  line(sum + "[{l}{b}{q}{s}] = SN[{l}{b}{q}{m}{s}]");
  if (attention.hasSinks)
    line("SD[{l}{b}{q}{s}] = LD[{l}{b}{q}{s}] + exp(BSINK[{l}{q}] - "
         "GM[{l}{b}{q}{s}])");
  line("A[{l}{b}{q}{m}{s}] = SN[{l}{b}{q}{m}{s}] / SD[{l}{b}{q}{s}]");
}

/// Over the rows of a cache and one key beside them.
void LayerWriter::writeJointSoftmax(const Attention &attention,
                                    StringRef cached, StringRef own) {
  std::string z = cached.str(), o = own.str(), sink;
  line("LM[{l}{b}{q}] = max(" + StringRef(scope.get("c")).drop_back().str() +
       ") " + z + "[{l}{b}{q}{c}]");
  std::string top = "max(LM[{l}{b}{q}], " + o + "[{l}{b}{q}])";
  if (attention.hasSinks) {
    scope.weight("BSINK[{l}{q}]");
    top = "max(" + top + ", BSINK[{l}{q}])";
    sink = " + exp(BSINK[{l}{q}] - GM[{l}{b}{q}])";
  }
  line("GM[{l}{b}{q}] = " + top);
  line("SN[{l}{b}{q}{c}] = exp(" + z + "[{l}{b}{q}{c}] - GM[{l}{b}{q}])");
  line("SO[{l}{b}{q}] = exp(" + o + "[{l}{b}{q}] - GM[{l}{b}{q}])");
  line("LD[{l}{b}{q}] = SN[{l}{b}{q}{c}]");
  line("SD[{l}{b}{q}] = LD[{l}{b}{q}] + SO[{l}{b}{q}]" + sink);
  line("A[{l}{b}{q}{c}] = SN[{l}{b}{q}{c}] / SD[{l}{b}{q}]");
  line("AO[{l}{b}{q}] = SO[{l}{b}{q}] / SD[{l}{b}{q}]");
}

//===----------------------------------------------------------------------===//
// Attention to the tokens of the same stack
//===----------------------------------------------------------------------===//

void LayerWriter::writeAttention(const Attention &attention) {
  setHeads(attention);
  std::string query =
      project("Q", "{n}", "{q}", "{s}", "{e}", attention.queryBias);
  if (attention.isTempered)
    query = temper(query, "{q}", "{s}", "{e}");
  Projected finished = finish(attention, query, "{q}", "{s}", attention.scale);
  if (isDecoding())
    attendToCache(attention, finished);
  else
    attendToAll(attention, finished);
  scope.weight("WO[{l}{q}{f},d]");
  line("O[{l}{b}{s}d] = AV[{l}{b}{q}{s}{f}] * WO[{l}{q}{f},d]");
}

void LayerWriter::attendToAll(const Attention &attention,
                              const Projected &query) {
  Projected key = finish(
      attention, project("K", "{n}", "{k}", "{m}", "{e}", attention.keyBias),
      "{k}", "{m}", 1);
  std::string value =
      project("V", "{n}", "{k}", "{m}", "{f}", attention.valueBias);
  writeScores("QK", "[{l}{b}{q}{m}{s}]", query, "{s}", key, "{m}",
              keyFilter(attention));
  std::string scores = "QK";
  if (attention.slope != 0) {
    writeSlopes(attention, "AL", stream.key + ",");
    line("QKA[{l}{b}{q}{m}{s}] = QK[{l}{b}{q}{m}{s}] + AL[{q}{m}]");
    scores = "QKA";
  }
  std::string distance = attention.isCausal ? stream.token + "-" + stream.key
                                            : stream.key + "-" + stream.token +
                                                  "+" + stream.extent + "-1";
  writeSoftmax(attention,
               adjustScores(attention, scores, "[{l}{b}{q}{m}{s}]", distance));
  line("AV[{l}{b}{q}{s}{f}] = A[{l}{b}{q}{m}{s}] * " + value +
       "[{l}{b}{k}{m}{f}]");
  if (options.phase == Phase::Prefill && attention.isCausal) {
    scope.output(key.turned);
    if (!key.rest.empty())
      scope.output(key.rest);
    scope.output(value);
  }
}

void LayerWriter::attendToCache(const Attention &attention,
                                const Projected &query) {
  Projected key = finish(
      attention, project("K", "{n}", "{k}", "", "{e}", attention.keyBias),
      "{k}", "", 1);
  std::string value =
      project("V", "{n}", "{k}", "", "{f}", attention.valueBias);
  // Rows that a window has passed are not kept.
  int64_t rows = stream.keys;
  if (attention.window > 0)
    rows = std::max<int64_t>(1, std::min(rows, attention.window - 1));
  std::string cached = scope.text.rank(stream.key, rows);
  scope.set("c", cached + ",");
  scope.input("KC[{l}{b}{k}{c}{z}]");
  if (!key.rest.empty())
    scope.input("KTC[{l}{b}{k}{c}{t}]");
  scope.input("VC[{l}{b}{k}{c}{f}]");
  writeScores("QK", "[{l}{b}{q}{c}]", query, "",
              {"KC", key.rest.empty() ? "" : "KTC"}, "{c}", "");
  writeScores("QO", "[{l}{b}{q}]", query, "", key, "", "");
  std::string scores = "QK", own = "QO";
  if (attention.slope != 0) {
    writeSlopes(attention, "AL", cached + ",");
    line("QKA[{l}{b}{q}{c}] = QK[{l}{b}{q}{c}] + AL[{q}{c}]");
    line("QOA[{l}{b}{q}] = QO[{l}{b}{q}] + " +
         slopeAt(attention, StringRef(cached).upper()));
    scores = "QKA";
    own = "QOA";
  }
  writeJointSoftmax(attention,
                    adjustScores(attention, scores, "[{l}{b}{q}{c}]",
                                 StringRef(cached).upper() + "-" + cached),
                    adjustScores(attention, own, "[{l}{b}{q}]", "0"));
  line("LV[{l}{b}{q}{f}] = A[{l}{b}{q}{c}] * VC[{l}{b}{k}{c}{f}]");
  line("AV[{l}{b}{q}{f}] = LV[{l}{b}{q}{f}] + AO[{l}{b}{q}] * " + value +
       "[{l}{b}{k}{f}]");
  scope.output(key.turned);
  if (!key.rest.empty())
    scope.output(key.rest);
  scope.output(value);
}

//===----------------------------------------------------------------------===//
// Attention to another stack
//===----------------------------------------------------------------------===//

/// Keys and values come from `memory`; while decoding they are all cached.
void LayerWriter::writeCrossAttention(const Attention &attention,
                                      const Stream &other, StringRef memory) {
  setHeads(attention);
  std::string m = other.key + ",";
  std::string query =
      scaled(project("CQ", "{n}", "{q}", "{s}", "{e}", attention.queryBias),
             "{q}", "{s}", attention.scale);
  scope.set("o", m);
  scope.set("memory", memory);
  if (isDecoding()) {
    scope.input("CK[{l}{b}{k}{o}{e}]");
    scope.input("CV[{l}{b}{k}{o}{f}]");
  } else {
    project("CK", "{memory}", "{k}", "{o}", "{e}", attention.keyBias);
    project("CV", "{memory}", "{k}", "{o}", "{f}", attention.valueBias);
    if (options.phase == Phase::Prefill) {
      scope.output("CK");
      scope.output("CV");
    }
  }
  line("CS[{l}{b}{q}{o}{s}] = " + query +
       "[{l}{b}{q}{s}{e}] * CK[{l}{b}{k}{o}{e}]");
  line("CM[{l}{b}{q}{s}] = max(" + other.key + ") CS[{l}{b}{q}{o}{s}]");
  line("CE[{l}{b}{q}{o}{s}] = exp(CS[{l}{b}{q}{o}{s}] - CM[{l}{b}{q}{s}])");
  line("CD[{l}{b}{q}{s}] = CE[{l}{b}{q}{o}{s}]");
  line("CA[{l}{b}{q}{o}{s}] = CE[{l}{b}{q}{o}{s}] / CD[{l}{b}{q}{s}]");
  line("CAV[{l}{b}{q}{s}{f}] = CA[{l}{b}{q}{o}{s}] * CV[{l}{b}{k}{o}{f}]");
  scope.weight("WCO[{l}{q}{f},d]");
  line("CO[{l}{b}{s}d] = CAV[{l}{b}{q}{s}{f}] * WCO[{l}{q}{f},d]");
}

//===----------------------------------------------------------------------===//
// Latent attention
//===----------------------------------------------------------------------===//

/// The query's two parts, Q over {e} and the returned one over {z}; {c} is the
/// rank of the compressed row.
std::string LayerWriter::writeLatentQuery(const Attention &attention) {
  const Latent &latent = *attention.latent;
  CascadeText &text = scope.text;
  std::string p = text.rank("p", latent.rotary);
  scope.set("p", p);
  std::string source = "{n}", in = "d";
  if (latent.query > 0) {
    in = text.rank("u", latent.query);
    scope.weight("WDQ[{l}d," + in + "]");
    scope.weight("GUQ[{l}" + in + "]");
    line("CQ[{l}{b}{s}" + in + "] = {n}{b}{s}d] * WDQ[{l}d," + in + "]");
    line("CQQ[{l}{b}{s}] = CQ[{l}{b}{s}" + in + "] * CQ[{l}{b}{s}" + in + "]");
    line("UQ[{l}{b}{s}" + in + "] = CQ[{l}{b}{s}" + in +
         "] * rsqrt(CQQ[{l}{b}{s}] / " + StringRef(in).upper() + " + " +
         writeNumber(latent.norm.epsilon) + ") * GUQ[{l}" + in + "]");
    source = "UQ[{l}";
  }
  std::string w = "WQ[{l}" + in + ",{q}{e}]", v = "WQP[{l}" + in + ",{q}{p}]";
  scope.weight(w);
  scope.weight(v);
  line("Q[{l}{b}{q}{s}{e}] = " + source + "{b}{s}" + in + "] * " + w);
  line("QP[{l}{b}{q}{s}{p}] = " + source + "{b}{s}" + in + "] * " + v);
  return turn(attention.rotary, "QP", "{q}", "{s}", attention.scale,
              latent.rotary, latent.rotary);
}

void LayerWriter::writeLatentAttention(const Attention &attention) {
  const Latent &latent = *attention.latent;
  setHeads(attention);
  scope.set("c", scope.text.rank("c", latent.keyValue));
  std::string extent = StringRef(scope.get("c")).upper();
  std::string t = isDecoding() ? "" : "{m}";
  std::string query = writeLatentQuery(attention);
  std::string scaledQuery = scaled("Q", "{q}", "{s}", attention.scale);
  scope.set("query", scope.own(scaledQuery));
  scope.set("turned", scope.own(query));
  scope.weight("WDK[{l}d,{c}]");
  scope.weight("GCN[{l}{c}]");
  scope.weight("WKP[{l}d,{p}]");
  line("CK[{l}{b}" + t + "{c}] = {n}{b}" + t + "d] * WDK[{l}d,{c}]");
  line("CKQ[{l}{b}" + t + "] = CK[{l}{b}" + t + "{c}] * CK[{l}{b}" + t +
       "{c}]");
  line("CN[{l}{b}" + t + "{c}] = CK[{l}{b}" + t + "{c}] * rsqrt(CKQ[{l}{b}" +
       t + "] / " + extent + " + " + writeNumber(latent.norm.epsilon) +
       ") * GCN[{l}{c}]");
  line("KP[{l}{b}" + t + "{p}] = {n}{b}" + t + "d] * WKP[{l}d,{p}]");
  std::string key =
      turn(attention.rotary, "KP", "", t, 1, latent.rotary, latent.rotary);
  scope.weight("WUK[{l}{c},{q}{e}]");
  scope.weight("WUV[{l}{c},{q}{f}]");
  if (isDecoding())
    attendToLatentCache(attention);
  else
    attendToLatent(attention);
  if (options.phase != Phase::Train) {
    scope.output("CN");
    scope.output(key);
  }
  scope.weight("WO[{l}{q}{f},d]");
  line("O[{l}{b}{s}d] = AV[{l}{b}{q}{s}{f}] * WO[{l}{q}{f},d]");
}

void LayerWriter::attendToLatent(const Attention &attention) {
  std::string filter = keyFilter(attention);
  line("K[{l}{b}{q}{m}{e}] = CN[{l}{b}{m}{c}] * WUK[{l}{c},{q}{e}]");
  line("V[{l}{b}{q}{m}{f}] = CN[{l}{b}{m}{c}] * WUV[{l}{c},{q}{f}]");
  line("QKE[{l}{b}{q}{m}{s}] = {query}[{l}{b}{q}{s}{e}] * K[{l}{b}{q}{m}{e}]" +
       filter);
  line("QKP[{l}{b}{q}{m}{s}] = {turned}[{l}{b}{q}{s}{z}] * "
       "KPR[{l}{b}{m}{z}]" +
       filter);
  line("QK[{l}{b}{q}{m}{s}] = QKE[{l}{b}{q}{m}{s}] + QKP[{l}{b}{q}{m}{s}]");
  writeSoftmax(attention, "QK");
  line("AV[{l}{b}{q}{s}{f}] = A[{l}{b}{q}{m}{s}] * V[{l}{b}{q}{m}{f}]");
}

/// The query is multiplied by WUK and the result by WUV: no key or value of the
/// cache is ever expanded.
void LayerWriter::attendToLatentCache(const Attention &attention) {
  std::string c = scope.get("c"), m = scope.text.rank(stream.key, stream.keys);
  scope.set("i", m + ",");
  scope.input("CNC[{l}{b}{i}{c}]");
  scope.input("KPC[{l}{b}{i}{z}]");
  line("QL[{l}{b}{q}{c}] = {query}[{l}{b}{q}{e}] * WUK[{l}{c},{q}{e}]");
  line("QKE[{l}{b}{q}{i}] = QL[{l}{b}{q}{c}] * CNC[{l}{b}{i}{c}]");
  line("QKP[{l}{b}{q}{i}] = {turned}[{l}{b}{q}{z}] * KPC[{l}{b}{i}{z}]");
  line("QK[{l}{b}{q}{i}] = QKE[{l}{b}{q}{i}] + QKP[{l}{b}{q}{i}]");
  line("QOE[{l}{b}{q}] = QL[{l}{b}{q}{c}] * CN[{l}{b}{c}]");
  line("QOP[{l}{b}{q}] = {turned}[{l}{b}{q}{z}] * KPR[{l}{b}{z}]");
  line("QO[{l}{b}{q}] = QOE[{l}{b}{q}] + QOP[{l}{b}{q}]");
  scope.set("c", m + ",");
  writeJointSoftmax(attention, "QK", "QO");
  scope.set("c", c);
  line("AL[{l}{b}{q}{c}] = A[{l}{b}{q}{i}] * CNC[{l}{b}{i}{c}]");
  line("AC[{l}{b}{q}{c}] = AL[{l}{b}{q}{c}] + AO[{l}{b}{q}] * CN[{l}{b}{c}]");
  line("AV[{l}{b}{q}{f}] = AC[{l}{b}{q}{c}] * WUV[{l}{c},{q}{f}]");
}
