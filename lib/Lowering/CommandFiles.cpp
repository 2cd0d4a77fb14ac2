//===- CommandFiles.cpp - Commands as JSON and as text --------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Lowering/CommandStream.h"

#include "lib/Support/ObjectReader.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <nlohmann/json.hpp>

using namespace einsum;
using namespace einsum::lowering;
using Json = nlohmann::ordered_json;

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

static void writeCommand(const Command &command, unsigned indent,
                         llvm::raw_ostream &os) {
  os.indent(indent) << "{\"op\": \"" << spell(command.op) << "\"";
  if (command.op == Op::loop) {
    os << ", \"times\": " << command.times << ", \"body\": [\n";
    for (const Command &one : command.body) {
      writeCommand(one, indent + 1, os);
      os << (&one == &command.body.back() ? "\n" : ",\n");
    }
    os.indent(indent) << "]}";
    return;
  }
  os << ", \"args\": " << Json(command.args).dump();
  bool advances =
      llvm::any_of(command.steps, [](const Numbers &n) { return !n.empty(); });
  if (advances)
    os << ", \"steps\": " << Json(command.steps).dump();
  os << "}";
}

void einsum::lowering::writeCommandsJson(const CommandStream &stream,
                                         llvm::raw_ostream &os) {
  os << "{\"schema\": \"einsum-commands/1\",\n";
  for (const auto &[key, text] : {std::pair("cascade", &stream.cascade),
                                  {"arch", &stream.arch},
                                  {"schedule", &stream.schedule}})
    os << " \"" << key << "\": " << Json(*text).dump() << ",\n";
  for (const auto &[key, names] : {std::pair("tensors", &stream.tensors),
                                   {"einsums", &stream.einsums},
                                   {"levels", &stream.levels},
                                   {"arrays", &stream.arrays},
                                   {"engines", &stream.engines}})
    os << " \"" << key << "\": " << Json(*names).dump() << ",\n";
  os << " \"commands\": [\n";
  for (const Command &command : stream.commands) {
    writeCommand(command, 2, os);
    os << (&command == &stream.commands.back() ? "\n" : ",\n");
  }
  os << "]}\n";
}

namespace {

class StreamReader {
public:
  explicit StreamReader(Diagnostics &diags) : diags(diags) {}

  std::optional<CommandStream> read(const JsonValue &json) {
    ObjectReader object(json, "the commands", parameters, diags);
    for (const char *key : {"schema", "cascade", "arch", "tensors", "einsums",
                            "levels", "arrays", "engines", "commands"})
      object.require(key);
    if (const JsonValue *schema = object.get("schema", JsonValue::Kind::String))
      if (schema->string != "einsum-commands/1")
        diags.error(schema->loc, "the schema is '" + schema->string +
                                     "', and this reads 'einsum-commands/1'");
    CommandStream stream;
    stream.cascade = object.string("cascade");
    stream.arch = object.string("arch");
    stream.schedule = object.string("schedule");
    for (auto [key, names] : {std::pair("tensors", &stream.tensors),
                              {"einsums", &stream.einsums},
                              {"levels", &stream.levels},
                              {"arrays", &stream.arrays},
                              {"engines", &stream.engines}})
      readNames(object, key, *names);
    if (const JsonValue *list = object.get("commands", JsonValue::Kind::Array))
      readCommands(*list, 0, stream.commands);
    object.finish();
    if (diags.hasErrors())
      return std::nullopt;
    return stream;
  }

private:
  void readNames(ObjectReader &object, const char *key,
                 std::vector<std::string> &names) {
    if (const JsonValue *list = object.get(key, JsonValue::Kind::Array))
      for (const JsonValue &name : list->elements) {
        if (name.kind != JsonValue::Kind::String)
          diags.error(name.loc,
                      "a name must be a string, found " + describe(name.kind));
        names.push_back(name.string);
      }
  }

  void readCommands(const JsonValue &list, size_t depth,
                    std::vector<Command> &commands) {
    for (const JsonValue &json : list.elements) {
      ObjectReader object(json, "the command", parameters, diags);
      object.require("op");
      const JsonValue *name = object.get("op", JsonValue::Kind::String);
      if (!name)
        continue;
      std::vector<std::string> names;
      std::optional<Op> op;
      for (int i = 0; i <= static_cast<int>(Op::loop); ++i) {
        names.push_back(spell(static_cast<Op>(i)).str());
        if (name->string == names.back())
          op = static_cast<Op>(i);
      }
      if (!op) {
        diags.error(name->loc, "unknown command '" + name->string + "'" +
                                   didYouMean(name->string, names));
        continue;
      }
      Command command;
      command.op = *op;
      if (*op == Op::loop)
        readLoop(object, depth, command);
      else
        readArguments(object, depth, command);
      object.finish();
      commands.push_back(std::move(command));
    }
  }

  void readLoop(ObjectReader &object, size_t depth, Command &command) {
    object.require("times");
    object.require("body");
    if (const JsonValue *times = object.get("times", JsonValue::Kind::Number)) {
      command.times = times->int64.value_or(0);
      if (command.times < 1)
        diags.error(times->loc, "'times' must be a whole number from 1");
    }
    if (const JsonValue *body = object.get("body", JsonValue::Kind::Array))
      readCommands(*body, depth + 1, command.body);
  }

  void readArguments(ObjectReader &object, size_t depth, Command &command) {
    object.require("args");
    if (const JsonValue *args = object.get("args", JsonValue::Kind::Array))
      command.args = readNumbers(*args);
    const JsonValue *steps = object.get("steps", JsonValue::Kind::Array);
    if (!steps)
      return;
    for (const JsonValue &step : steps->elements) {
      if (step.kind != JsonValue::Kind::Array) {
        diags.error(step.loc,
                    "a step must be an array, found " + describe(step.kind));
        continue;
      }
      command.steps.push_back(readNumbers(step));
      if (!command.steps.back().empty() &&
          command.steps.back().size() != command.args.size())
        diags.error(step.loc, "a step has as many numbers as there are "
                              "arguments, " +
                                  llvm::Twine(command.args.size()) +
                                  ", or none");
    }
    if (command.steps.size() > depth)
      diags.error(steps->loc, "there are " + llvm::Twine(command.steps.size()) +
                                  " steps in " + llvm::Twine(depth) + " loops");
  }

  Numbers readNumbers(const JsonValue &list) {
    Numbers numbers;
    for (const JsonValue &one : list.elements) {
      if (one.kind != JsonValue::Kind::Number || !one.int64)
        diags.error(one.loc, "an argument must be a whole number");
      numbers.push_back(one.int64.value_or(0));
    }
    return numbers;
  }

  Diagnostics &diags;
  Parameters parameters;
};

} // namespace

std::optional<CommandStream>
einsum::lowering::readCommands(const JsonValue &json, Diagnostics &diags) {
  return StreamReader(diags).read(json);
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

namespace {

class Printer {
public:
  Printer(const CommandStream &stream, llvm::raw_ostream &os)
      : stream(stream), os(os) {}

  void print(llvm::ArrayRef<Command> commands, unsigned depth) {
    for (const Command &command : commands) {
      os.indent(2 * depth) << spell(command.op);
      if (command.op == Op::loop) {
        os << " " << command.times << " times, i" << depth << "\n";
        print(command.body, depth + 1);
        continue;
      }
      current = &command;
      at = 0;
      describe();
      os << "\n";
    }
  }

private:
  /// The next argument, with what it advances by: "3", "3+2*i0".
  std::string next() {
    if (at >= current->args.size())
      return "?";
    std::string text = std::to_string(current->args[at]);
    for (auto [depth, step] : llvm::enumerate(current->steps))
      if (at < step.size() && step[at] != 0)
        text += (step[at] > 0 ? "+" : "-") +
                (std::abs(step[at]) == 1
                     ? ""
                     : std::to_string(std::abs(step[at])) + "*") +
                "i" + std::to_string(depth);
    ++at;
    return text;
  }

  int64_t plain() {
    return at < current->args.size() ? current->args[at++] : -1;
  }

  std::string name(const std::vector<std::string> &names) {
    int64_t id = plain();
    return id >= 0 && id < static_cast<int64_t>(names.size()) ? names[id] : "-";
  }

  /// "0:8", "0:8:2", "(0:8) x 4 by 16"
  std::string list() {
    int64_t runs = plain();
    std::string text;
    for (int64_t r = 0; r < runs; ++r) {
      std::string start = next(), run = start;
      int64_t count = plain(), step = plain(), repeats = plain(),
              distance = plain();
      if (count > 1)
        run += ":" + std::to_string(count) +
               (step == 1 ? "" : ":" + std::to_string(step));
      if (repeats > 1)
        run = "(" + run + ") x " + std::to_string(repeats) + " by " +
              std::to_string(distance);
      text += (text.empty() ? "" : " ") + run;
    }
    return text.empty() ? "nothing" : text;
  }

  void links() {
    int64_t count = plain();
    for (int64_t i = 0; i < count; ++i) {
      int64_t link = plain(), copies = plain();
      os << "; link " << link << ": " << copies << " x " << next() << " bytes";
    }
  }

  void describe() {
    switch (current->op) {
    case Op::open: {
      std::string buffer = next(), tensor = name(stream.tensors),
                  level = name(stream.levels);
      os << " " << buffer << ": " << tensor << " at " << level << ", below "
         << next();
      if (plain() != 0)
        os << ", holds " << list();
      return;
    }
    case Op::keep: {
      std::string to = next(), from = next();
      os << " " << to << " from " << from << ": " << list();
      return;
    }
    case Op::load:
    case Op::store:
      return transfer();
    case Op::group: {
      std::string group = next(), einsum = name(stream.einsums);
      int64_t port = plain();
      os << " " << group << ": port " << port << " of " << einsum
         << " at buffer " << next();
      return;
    }
    case Op::end: {
      std::string group = next();
      os << " " << group << ", x " << next();
      plain(); // receivers
      plain(); // repeats
      return links();
    }
    case Op::run: {
      std::string einsum = name(stream.einsums), array = name(stream.arrays);
      os << " " << einsum << " on " << array << ", units " << list();
      int64_t ranks = plain();
      for (int64_t i = 0; i < ranks; ++i)
        os << (i == 0 ? ", at " : ", ") << list();
      int64_t ports = plain();
      for (int64_t i = 0; i < ports; ++i)
        os << (i == 0 ? ", groups " : ", ") << list();
      return;
    }
    case Op::output: {
      std::string tensor = name(stream.tensors);
      os << " " << tensor << " from " << next();
      return;
    }
    default:
      while (at < current->args.size())
        os << " " << next();
    }
  }

  void transfer() {
    std::string tensor = name(stream.tensors), einsum = name(stream.einsums),
                engine = name(stream.engines);
    os << " " << tensor << " for " << einsum;
    if (engine != "-")
      os << " by " << engine;
    int64_t ports = plain();
    for (int64_t i = 0; i < ports; ++i) {
      bool writes = plain() != 0;
      plain(); // far
      std::string buffer = next(), times = next();
      plain(); // receivers
      plain(); // repeats
      os << "; " << (writes ? "write " : "read ") << buffer
         << (times == "1" ? "" : " x " + times) << ": " << list();
    }
    int64_t copies = plain();
    for (int64_t i = 0; i < copies; ++i) {
      std::string to = next(), from = next();
      os << "; copy " << from << " -> " << to << ": " << list();
    }
    links();
  }

  const CommandStream &stream;
  llvm::raw_ostream &os;
  const Command *current = nullptr;
  size_t at = 0;
};

} // namespace

void einsum::lowering::printCommands(const CommandStream &stream,
                                     llvm::raw_ostream &os) {
  StreamSize size = measure(stream.commands);
  os << "commands of " << stream.schedule << ", " << stream.cascade << " on "
     << stream.arch << ": " << size.written << " written, "
     << static_cast<uint64_t>(size.executed) << " executed\n\n";
  Printer(stream, os).print(stream.commands, 0);
}
