//===- QuantizeSpec.cpp - What a user asks to be quantised ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Quant/QuantizeSpec.h"

#include "lib/Quant/Sharing.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace einsum;
using namespace einsum::quant;
using llvm::StringRef;

llvm::ArrayRef<StringRef> quant::getClassNames() {
  static const StringRef names[] = {"weights", "activations", "inputs"};
  return names;
}

bool Rule::isClass() const {
  return llvm::is_contained(getClassNames(), StringRef(selector));
}

bool Rule::isPattern() const {
  return StringRef(selector).find_first_of("*?") != StringRef::npos;
}

/// Greedy with one step back: the last star takes one letter more.
static bool matchesPattern(StringRef pattern, StringRef text) {
  size_t p = 0, t = 0, star = StringRef::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() &&
               (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != StringRef::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*')
    ++p;
  return p == pattern.size();
}

bool Rule::matches(StringRef tensor) const {
  return !isClass() && matchesPattern(selector, tensor);
}

std::vector<std::string> quant::splitOutside(StringRef text, char separator) {
  std::vector<std::string> parts;
  int depth = 0;
  size_t begin = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && (text[i] == '(' || text[i] == '{'))
      ++depth;
    if (i < text.size() && (text[i] == ')' || text[i] == '}'))
      --depth;
    if (i < text.size() && (text[i] != separator || depth > 0))
      continue;
    parts.push_back(text.slice(begin, i).trim().str());
    begin = i + 1;
  }
  return parts;
}

/// Takes the words that are no part of the storage from its end.
static std::string takeWords(StringRef text, Rule &rule) {
  text = text.trim();
  bool isStored = false;
  for (bool found = true; found;) {
    found = false;
    if (size_t at = text.rfind("rearranged(");
        at != StringRef::npos && at > 0 && text[at - 1] == ' ' &&
        text.find(')', at) == text.size() - 1) {
      StringRef names = text.drop_front(at).drop_front(11).drop_back();
      for (const std::string &name : splitOutside(names, ','))
        rule.granted.push_back(name);
      rule.isRearranged = found = true;
      text = text.take_front(at).rtrim();
      if (llvm::is_contained(rule.granted, ""))
        return "'" + rule.selector +
               "': rearranged(...) takes names of "
               "tensors, as in rearranged(COS, SIN)";
      continue;
    }
    for (StringRef word : {"stored", "explicit", "offline", "online",
                           "rearranged", "balanced"}) {
      StringRef rest = text;
      if (!rest.consume_back(word) || (!rest.empty() && rest.back() != ' '))
        continue;
      found = true;
      text = rest.rtrim();
      isStored |= word == "stored";
      if (word == "explicit")
        rule.form = Form::explicitly;
      rule.isOnline |= word == "online";
      rule.isOffline |= word == "offline";
      rule.isRearranged |= word == "rearranged" || word == "balanced";
      rule.isBalanced |= word == "balanced";
    }
  }
  rule.storage = text.str();
  if (isStored && rule.form == Form::explicitly)
    return "'" + rule.selector + "' is asked for both stored and explicit";
  if (rule.isOnline && rule.isOffline)
    return "'" + rule.selector + "' is asked for both online and offline";
  if ((rule.isOnline || rule.isOffline) && rule.form == Form::stored)
    return "'" + rule.selector + "' is stored, which " +
           (rule.isOnline ? "computes nothing online" : "is always offline") +
           "; say explicit";
  return {};
}

static std::string parseRule(StringRef text, Rule &rule) {
  size_t equals = text.find('=');
  if (equals == StringRef::npos || equals == 0)
    return "takes rules TENSOR=FORMAT, found '" + text.str() +
           "'; TENSOR is a name, a pattern with * and ?, or one of " +
           llvm::join(getClassNames(), ", ");
  rule.selector = text.take_front(equals).trim().str();
  if (std::string error = takeWords(text.drop_front(equals + 1), rule);
      !error.empty())
    return error;
  if (rule.storage.empty())
    return "'" + rule.selector + "' has no format; there are " +
           llvm::join(formats::getFormatNames(), ", ");
  return checkFormat(rule.storage);
}

std::variant<QuantizeSpec, std::string> quant::parseSpec(StringRef text) {
  QuantizeSpec spec;
  for (const std::string &part : splitOutside(text, ',')) {
    Rule rule;
    if (std::string error = parseRule(part, rule); !error.empty())
      return error;
    for (const Rule &other : spec.rules)
      if (other.selector == rule.selector)
        return "gives '" + rule.selector + "' twice";
    spec.rules.push_back(std::move(rule));
  }
  return spec;
}

static std::string printRule(const Rule &rule) {
  std::string text = rule.selector + "=" + rule.storage;
  if (rule.form == Form::explicitly)
    text += " explicit";
  if (rule.isOnline || rule.isOffline)
    text += rule.isOnline ? " online" : " offline";
  if (!rule.granted.empty())
    text += " rearranged(" + llvm::join(rule.granted, ", ") + ")";
  if (rule.isBalanced)
    text += " balanced";
  else if (rule.isRearranged && rule.granted.empty())
    text += " rearranged";
  return text;
}

std::string quant::printSpec(const QuantizeSpec &spec) {
  std::vector<std::string> rules;
  for (const Rule &rule : spec.rules)
    rules.push_back(printRule(rule));
  return llvm::join(rules, ",");
}
