//===- Server.cpp - The language server -----------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/LanguageServer/Server.h"

#include "lib/LanguageServer/Channel.h"
#include "lib/LanguageServer/Document.h"

#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"
#include "llvm/Support/LogicalResult.h"
#include "llvm/Support/raw_ostream.h"

#include <csignal>
#include <fcntl.h>
#include <map>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace mlir;
using namespace einsum::language;
using llvm::StringRef;
namespace json = llvm::json;

//===----------------------------------------------------------------------===//
// The child
//===----------------------------------------------------------------------===//

/// Runs MLIR's server between two pipes; their other ends are `channel`'s.
static pid_t startMlirServer(DialectRegistry &registry, int &in, int &out) {
  int toChild[2], fromChild[2];
  if (pipe(toChild) != 0 || pipe(fromChild) != 0)
    return -1;
  pid_t child = fork();
  if (child != 0) {
    ::close(toChild[0]);
    ::close(fromChild[1]);
    in = fromChild[0];
    out = toChild[1];
    return child;
  }
  dup2(toChild[0], STDIN_FILENO);
  dup2(fromChild[1], STDOUT_FILENO);
  for (int end : {toChild[0], toChild[1], fromChild[0], fromChild[1]})
    ::close(end);
  std::string name = "einsum-lsp-server", log = "--log=error";
  char *arguments[] = {name.data(), log.data(), nullptr};
  bool isDone = succeeded(MlirLspServerMain(2, arguments, registry));
  llvm::outs().flush();
  _exit(isDone ? 0 : 1);
}

//===----------------------------------------------------------------------===//
// Messages
//===----------------------------------------------------------------------===//

static std::string methodOf(const json::Object &message) {
  return message.getString("method").value_or("").str();
}

static const json::Object *documentOf(const json::Object &message) {
  const json::Object *params = message.getObject("params");
  return params ? params->getObject("textDocument") : nullptr;
}

static std::string uriOf(const json::Object &message) {
  const json::Object *document = documentOf(message);
  return document ? document->getString("uri").value_or("").str() : "";
}

static Place placeOf(const json::Object &message) {
  const json::Object *params = message.getObject("params");
  const json::Object *position =
      params ? params->getObject("position") : nullptr;
  if (!position)
    return {-1, 0};
  return {position->getInteger("line").value_or(-1),
          position->getInteger("character").value_or(0)};
}

/// An id as a key; numbers and strings differ.
static std::string keyOf(const json::Value &id) {
  std::string text;
  llvm::raw_string_ostream(text) << id;
  return text;
}

static json::Object makeReply(const json::Value &id, json::Value result) {
  return json::Object{
      {"jsonrpc", "2.0"}, {"id", id}, {"result", std::move(result)}};
}

static json::Object makeHover(StringRef text) {
  return json::Object{
      {"contents", json::Object{{"kind", "markdown"}, {"value", text.str()}}}};
}

namespace {

class Server {
public:
  Server(DialectRegistry &registry, Channel editor, Channel mlir)
      : registry(registry), editor(std::move(editor)), mlir(std::move(mlir)) {}

  bool run();

private:
  void fromEditor(json::Value message);
  void fromMlir(json::Value message);
  void setText(json::Object &message);
  void publish(const std::string &uri, const json::Array &diagnostics);
  void answer(const json::Object &message, const json::Value &id);

  DialectRegistry &registry;
  Channel editor, mlir;
  std::map<std::string, std::unique_ptr<Document>> documents; ///< by URI
  /// What we add to hovers that the child is about to answer, by id.
  std::map<std::string, std::string> additions;
  bool sawShutdown = false, sawExit = false;
};

} // namespace

void Server::publish(const std::string &uri, const json::Array &diagnostics) {
  editor.send(json::Object{
      {"jsonrpc", "2.0"},
      {"method", "textDocument/publishDiagnostics"},
      {"params",
       json::Object{{"uri", uri}, {"diagnostics", json::Array(diagnostics)}}}});
}

/// Takes over the text of a file that is opened or changed, whole each time.
void Server::setText(json::Object &message) {
  std::string uri = uriOf(message);
  json::Object &params = *message.getObject("params");
  json::Object *holder = params.getObject("textDocument");
  if (json::Array *changes = params.getArray("contentChanges"))
    holder = changes->empty() ? nullptr : changes->back().getAsObject();
  std::optional<StringRef> text =
      holder ? holder->getString("text") : std::nullopt;
  if (!text)
    return;
  std::unique_ptr<Document> &document = documents[uri];
  if (!document)
    document = std::make_unique<Document>(uri, registry);
  document->setText(*text);
  if (document->isCascade() || !document->isSafe())
    publish(uri, document->diagnostics());
  if (!document->isSafe())
    (*holder)["text"] = "";
}

/// About a cascade file.
void Server::answer(const json::Object &message, const json::Value &id) {
  auto found = documents.find(uriOf(message));
  std::string method = methodOf(message);
  json::Value result = nullptr;
  if (found != documents.end() && method == "textDocument/hover") {
    std::string text = found->second->hover(placeOf(message));
    if (!text.empty())
      result = makeHover(text);
  }
  if (found != documents.end() && method == "textDocument/completion") {
    json::Array items;
    for (const std::string &name : found->second->names())
      items.push_back(json::Object{{"label", name}});
    result = json::Object{{"isIncomplete", false}, {"items", std::move(items)}};
  }
  editor.send(makeReply(id, std::move(result)));
}

void Server::fromEditor(json::Value value) {
  json::Object *message = value.getAsObject();
  if (!message)
    return;
  std::string method = methodOf(*message), uri = uriOf(*message);
  const json::Value *id = message->get("id");
  sawShutdown |= method == "shutdown";
  sawExit |= method == "exit";
  if (method == "textDocument/didOpen" || method == "textDocument/didChange")
    setText(*message);
  auto document = documents.find(uri);
  if (StringRef(uri).ends_with(".ein")) {
    if (method == "textDocument/didClose")
      publish(uri, {});
    else if (id && !method.empty())
      answer(*message, *id);
  } else {
    if (id && method == "textDocument/hover" && document != documents.end())
      additions[keyOf(*id)] = document->second->hover(placeOf(*message));
    mlir.send(value);
  }
  if (method == "textDocument/didClose" && document != documents.end())
    documents.erase(document);
}

void Server::fromMlir(json::Value value) {
  json::Object *message = value.getAsObject();
  if (!message)
    return;
  // What it says of a file that it never saw.
  if (methodOf(*message) == "textDocument/publishDiagnostics")
    if (const json::Object *params = message->getObject("params")) {
      auto document =
          documents.find(params->getString("uri").value_or("").str());
      if (document != documents.end() && !document->second->isSafe())
        return;
    }
  const json::Value *id = message->get("id");
  auto addition = id ? additions.find(keyOf(*id)) : additions.end();
  if (addition != additions.end()) {
    std::string text = std::move(addition->second);
    additions.erase(addition);
    json::Object *hover = message->getObject("result");
    json::Object *contents = hover ? hover->getObject("contents") : nullptr;
    if (!text.empty() && contents)
      (*contents)["value"] =
          text + "\n\n***\n" + contents->getString("value").value_or("").str();
    else if (!text.empty() && !message->get("error"))
      (*message)["result"] = makeHover(text);
  }
  editor.send(value);
}

bool Server::run() {
  while (editor.isOpen() || editor.hasOutput()) {
    short none = 0;
    pollfd waits[] = {
        {editor.isOpen() && !sawExit ? editor.input() : -1, POLLIN, none},
        {mlir.isOpen() ? mlir.input() : -1, POLLIN, none},
        {editor.hasOutput() ? editor.output() : -1, POLLOUT, none},
        {mlir.isOpen() && mlir.hasOutput() ? mlir.output() : -1, POLLOUT,
         none}};
    if (poll(waits, 4, -1) < 0 && errno != EINTR)
      return false;
    if (waits[0].revents)
      for (json::Value &message : editor.receive())
        fromEditor(std::move(message));
    if (waits[1].revents)
      for (json::Value &message : mlir.receive())
        fromMlir(std::move(message));
    if (waits[2].revents)
      editor.flush();
    if (waits[3].revents)
      mlir.flush();
    if (!mlir.isOpen() && !editor.hasOutput())
      break; // it has ended, as told or by itself
  }
  return sawShutdown && sawExit;
}

bool einsum::language::runServer(DialectRegistry &registry) {
  signal(SIGPIPE, SIG_IGN); // a side that is gone is seen when writing to it
  int in = -1, out = -1;
  pid_t child = startMlirServer(registry, in, out);
  if (child < 0) {
    llvm::errs() << "cannot start MLIR's server\n";
    return false;
  }
  fcntl(out, F_SETFL, fcntl(out, F_GETFL) | O_NONBLOCK);
  bool isDone;
  {
    Server server(registry, {STDIN_FILENO, STDOUT_FILENO}, {in, out});
    isDone = server.run();
  }
  // Without its input it ends.
  ::close(out);
  ::close(in);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status))
    llvm::errs() << "MLIR's server ended by signal " << WTERMSIG(status)
                 << "\n";
  return isDone && WIFEXITED(status);
}
