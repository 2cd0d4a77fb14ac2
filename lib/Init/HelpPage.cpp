//===- HelpPage.cpp - What --help prints, and the man page ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/HelpPage.h"

#include "lib/Support/Version.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>

using namespace einsum;
using llvm::StringRef;

//===----------------------------------------------------------------------===//
// What there is to tell
//===----------------------------------------------------------------------===//

static std::string spell(const llvm::cl::Option &option) {
  std::string text = (option.ArgStr.size() > 1 ? "--" : "-");
  text += option.ArgStr;
  std::string value = option.ValueStr.str();
  if (value.empty())
    return text;
  bool isOptional = option.getValueExpectedFlag() == llvm::cl::ValueOptional;
  return text + (isOptional ? "[=" + value + "]" : "=" + value);
}

std::vector<HelpEntry>
einsum::listOptions(const llvm::cl::OptionCategory *category,
                    llvm::ArrayRef<StringRef> names) {
  std::vector<HelpEntry> entries;
  for (const auto &entry : llvm::cl::getRegisteredOptions()) {
    const llvm::cl::Option &option = *entry.getValue();
    if (category ? llvm::is_contained(option.Categories, category)
                 : llvm::is_contained(names, option.ArgStr))
      entries.push_back({spell(option), option.HelpStr.str()});
  }
  llvm::sort(entries);
  return entries;
}

std::string einsum::describeArgument(const llvm::cl::OptionCategory &category) {
  for (const llvm::cl::Option *option :
       llvm::cl::SubCommand::getTopLevel().PositionalOpts)
    if (llvm::is_contained(option->Categories, &category))
      return option->HelpStr.str();
  return "";
}

/// The first sentence, without its full stop, and the rest.
static std::pair<std::string, StringRef> splitSummary(StringRef overview) {
  size_t end = 0;
  while ((end = overview.find('.', end)) != StringRef::npos &&
         end + 1 < overview.size() && !llvm::isSpace(overview[end + 1]))
    ++end;
  std::string summary = overview.substr(0, end).str();
  std::replace(summary.begin(), summary.end(), '\n', ' ');
  if (!summary.empty())
    summary[0] = llvm::toLower(summary[0]);
  return {summary,
          overview.drop_front(std::min(end + 1, overview.size())).trim()};
}

static const std::vector<HelpEntry> &commonOptions() {
  static const std::vector<HelpEntry> options = {
      {"--help", "Show this page"},
      {"--help-hidden", "Show all options, those of LLVM's libraries too"},
      {"--version", "Show the version"}};
  return options;
}

static const std::vector<HelpEntry> &exitCodes() {
  static const std::vector<HelpEntry> codes = {
      {"0", "ok"},
      {"1", "bad input; what and where is on standard error"},
      {"2", "infeasible: nothing fits, or outputs differ"},
      {"3", "a limit was reached; the best found is printed"},
      {"4", "an internal error, which is a bug of the tool"}};
  return codes;
}

//===----------------------------------------------------------------------===//
// For a terminal
//===----------------------------------------------------------------------===//

/// Words of `text` in lines of 80 columns.
static void printWrapped(StringRef text, unsigned indent,
                         llvm::raw_ostream &os) {
  llvm::SmallVector<StringRef> words;
  llvm::SplitString(text, words, " \n");
  size_t column = 0;
  for (StringRef word : words) {
    if (column > 0 && column + 1 + word.size() > 80) {
      os << "\n";
      column = 0;
    }
    if (column == 0) {
      os.indent(indent) << word;
      column = indent + word.size();
    } else {
      os << " " << word;
      column += 1 + word.size();
    }
  }
  os << "\n";
}

static void printSection(const HelpSection &section, llvm::raw_ostream &os) {
  os << "\n" << section.title << "\n";
  for (const auto &[term, text] : section.entries) {
    if (term.size() < 4) {
      printWrapped(term + std::string(4 - term.size(), ' ') + text, 4, os);
      continue;
    }
    os << "    " << term << "\n";
    printWrapped(text, 8, os);
  }
}

static void printText(const HelpPage &page, llvm::raw_ostream &os) {
  auto [summary, rest] = splitSummary(page.overview);
  os << "NAME\n";
  printWrapped(page.tool + " - " + summary, 4, os);
  os << "\nSYNOPSIS\n";
  printWrapped(page.tool + " [OPTION]... " + page.arguments, 4, os);
  if (!rest.empty()) {
    os << "\nDESCRIPTION\n";
    llvm::SmallVector<StringRef> lines;
    rest.split(lines, '\n');
    for (StringRef line : lines)
      os << (line.empty() ? "" : "    ") << line << "\n";
  }
  for (const HelpSection &section : page.sections)
    printSection(section, os);
  printSection({"GENERAL OPTIONS", commonOptions()}, os);
  printSection({"EXIT STATUS", exitCodes()}, os);
}

//===----------------------------------------------------------------------===//
// For man
//===----------------------------------------------------------------------===//

/// Text in which troff sees no commands.
static std::string escapeMan(StringRef text) {
  std::string escaped;
  bool isLineStart = true;
  for (char c : text) {
    if (isLineStart && (c == '.' || c == '\''))
      escaped += "\\&";
    isLineStart = c == '\n';
    if (c == '\\')
      escaped += "\\e";
    else if (c == '-')
      escaped += "\\-";
    else
      escaped += c;
  }
  return escaped;
}

static void printManSection(const HelpSection &section, llvm::raw_ostream &os) {
  os << ".SH " << section.title << "\n";
  for (const auto &[term, text] : section.entries)
    os << ".TP\n.B " << escapeMan(term) << "\n" << escapeMan(text) << "\n";
}

static void printMan(const HelpPage &page, llvm::raw_ostream &os) {
  auto [summary, rest] = splitSummary(page.overview);
  os << ".TH " << StringRef(page.tool).upper() << " 1 \"\" \"EinsumCascade "
     << page.version << "\" \"User Commands\"\n.SH NAME\n"
     << escapeMan(page.tool) << " \\- " << escapeMan(summary)
     << "\n.SH SYNOPSIS\n.B " << escapeMan(page.tool) << "\n[OPTION]... "
     << escapeMan(page.arguments) << "\n";
  if (!rest.empty())
    os << ".SH DESCRIPTION\n.nf\n" << escapeMan(rest) << "\n.fi\n";
  for (const HelpSection &section : page.sections)
    printManSection(section, os);
  printManSection({"GENERAL OPTIONS", commonOptions()}, os);
  printManSection({"EXIT STATUS", exitCodes()}, os);
  os << ".SH SEE ALSO\nPages of the formats and passes are installed in\n"
        "share/doc/einsum\\-cascade, architectures and JSON schemas in\n"
        "share/einsum\\-cascade, beside the folder of the tools.\n";
}

bool einsum::printHelpIfAsked(int argc, char **argv,
                              llvm::function_ref<HelpPage()> makePage) {
  for (int i = 1; i < argc && StringRef(argv[i]) != "--"; ++i) {
    StringRef word = argv[i];
    bool isMan = word == "--help-man";
    if (!isMan && word != "--help" && word != "-help" && word != "-h")
      continue;
    (isMan ? printMan : printText)(makePage(), llvm::outs());
    return true;
  }
  return false;
}

void einsum::setVersion(StringRef tool) {
  llvm::cl::SetVersionPrinter([tool = tool.str()](llvm::raw_ostream &os) {
    os << tool << " " EINSUM_CASCADE_VERSION " (MLIR " LLVM_VERSION_STRING
       << ")\n";
  });
}
