//===- ArchSpec.h - One machine, as plain facts -----------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An ArchSpec is a machine as the cost model sees it: a tree of memories
// (levels) and the compute arrays that hang from it, each with its capacities,
// bandwidths, operators and energies. It comes from one JSON file; what an
// energy table knows (pJ per mac, per DRAM access) is kept in an energy profile
// that the file names, so that one machine can be judged under several tables.
//
//   { "schema": "einsum-arch/1", "name": "tiny", "clock": "1 GHz",
//     "word": "16 bit", "parameters": {"N": 4}, "energy_profile": "horowitz45",
//     "levels": [
//       {"name": "DRAM", "access": "8 B", "memory": "hbm2",
//        "bandwidth": "8 GB/s", "provenance": "guess", "placeholder": true},
//       {"name": "L1", "parent": "DRAM", "capacity": "N*N*2 B",
//        "access": "N*2 B", "memory": "sram_16mib"}],
//     "arrays": [
//       {"name": "pe", "shape": {"col": "N"}, "level": "L1",
//        "datatypes": ["f16"],
//        "ops": {"mac": {}, "exp": {"as": {"mac": 6}}}}] }
//
// By hand: L1 holds 4*4*2 = 32 bytes and moves 4*2 = 8 per access; `pe` has 4
// PEs; a mac costs what horowitz45 says of f16, 1.1 + 0.4 = 1.5 pJ and 1 cycle,
// and an exp six times that. A memory whose profile entry is for 64-byte
// accesses costs 8/64 of it per 8-byte access.
//
// Trusts: that the numbers describe the machine. It cannot know, so every
// number carries its provenance, and guessed ones say `placeholder`.
// Refuses: anything it would have to guess. An operator without an energy, an
// unknown key, a number without its unit, two levels without a parent, a zero
// bandwidth are errors at their line and column, all reported in one run. After
// readArchSpec returned a spec nobody needs to check it again: indices are in
// range, parents precede children, names are distinct, sizes are positive and
// products of them fit.
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_ARCH_ARCHSPEC_H
#define EINSUM_ARCH_ARCHSPEC_H

#include "lib/Arch/Constraints.h"
#include "lib/Arch/LogTable.h"
#include "lib/Support/Diagnostics.h"
#include <cstdint>

namespace einsum::arch {

/// How far a number can be relied on: read in a publication or data sheet of
/// the makers; in somebody else's account; from memory; not at all.
enum class Certainty { Published, Secondary, Recalled, Guess };

llvm::StringRef spell(Certainty certainty);

/// Where a number comes from; a placeholder is a guess to be replaced.
struct Provenance {
  std::string text;
  Certainty certainty = Certainty::Published;

  bool isPlaceholder() const { return certainty == Certainty::Guess; }
};

/// Where the numbers of one object come from, by key where they differ.
struct Sources {
  Provenance common;
  std::map<std::string, Provenance> byKey;

  const Provenance &of(const std::string &key) const;
};

/// The resolved cost of one operator at one PE.
struct OpCost {
  uint64_t cycles = 1;  ///< initiation interval if issued alone; 0 = free
  uint64_t latency = 1; ///< from issue to result; at least `cycles`
  double energyPj = 0;
  double areaUm2 = 0; ///< of the unit in one PE; 0 when it shares another's
  std::string madeOf; ///< "6 mac" when composed of the array's other operators
  Provenance provenance;
};

/// Words on their way to, or from, several units at once. `width` is how many
/// units one access serves, or how many contributions one access takes; 0 means
/// any number. The energy is per word and further unit.
struct Fanout {
  uint64_t width = 0;
  double energyPj = 0;
  Provenance provenance;
};

/// A direction along which units, or instances of a level, stand side by side.
struct ArrayDim {
  std::string name;
  uint64_t size = 1;
  /// How many units along it one access serves, and how many contributions
  /// along it become one; 0 means any number.
  uint64_t multicastWidth = 0, reductionWidth = 0;
  int level = -1; ///< >= 0: the level whose instances stand along it
};

/// One memory. Bandwidth, capacity, energy and area are those of one instance.
struct Level {
  std::string name;
  int parent = -1; ///< index of the enclosing level; -1 = backing level
  /// >= 0: a further backing level, beside that one; both feed the same levels.
  int beside = -1;
  int perArray = -1; ///< >= 0: one private instance per PE of that array
  /// One instance per coordinate along each of these: first those of the
  /// parent, then its own. All arrays further in have them as their first
  /// dimensions.
  std::vector<ArrayDim> dims;
  std::optional<uint64_t> capacityBytes; ///< nullopt = unlimited
  uint64_t accessBytes = 1; ///< moved by one charged access (row, burst)

  /// nullopt = not a constraint; shared bounds reads and writes together.
  std::optional<double> readBytesPerS, writeBytesPerS, sharedBytesPerS;
  /// Ports of one instance, each one access per cycle; 0 = not a constraint.
  uint64_t readPorts = 0, writePorts = 0, sharedPorts = 0;
  Fanout multicast;

  double readPj = 0, writePj = 0; ///< per access of accessBytes
  double areaUm2 = 0, leakageW = 0;
  uint64_t banks = 1;
  bool energyKnown = false; ///< false: readPj and writePj mean nothing

  std::string memory;          ///< entry of the energy profile, or empty
  std::string estimate;        ///< "sram", "registers", or empty
  Sources sources;             ///< of what the spec itself gives
  Provenance memoryProvenance; ///< of energy, area, leakage from the profile
  uint64_t chunkBytes = 1;     ///< a transfer moves whole chunks
  uint64_t latencyCycles = 0;  ///< from a request to its first byte
  int link = -1;               ///< to what is around it: index into links
  SourceLocation loc;
};

/// How the instances on the far end of a link are reached from its near end.
enum class Topology {
  Bus,     ///< one hop, whoever listens
  Mesh,    ///< from the corner at 0, along one dimension after the other
  Ring,    ///< as a mesh whose dimensions are rings, the shorter way round
  AllToAll ///< one hop, over a link of its own for each instance
};

llvm::StringRef spell(Topology topology);

/// The way into a level, or an array, from what is around it. All words pass it
/// that move between a place outside and one inside; see
/// dialects/Schedule/README.md, section 5.
struct Link {
  std::string name;           ///< of the level or array
  int level = -1, array = -1; ///< one of them
  Topology topology = Topology::Bus;
  std::optional<double> bytesPerS; ///< of the busiest wire; nullopt = no bound
  double pjPerByte = 0;            ///< per hop
  uint64_t latencyCycles = 0;      ///< per hop, before the first byte
  Provenance provenance;
  SourceLocation loc;
};

/// operator -> cost
using OpCosts = std::map<std::string, OpCost>;

/// One compute unit: a 2D PE array, a vector unit, a scalar unit.
struct Array {
  std::string name;
  /// First those of the level that feeds it; none = scalar unit.
  std::vector<ArrayDim> dims;
  int level =
      -1;      ///< innermost level that feeds it, maybe its own register file
  OpCosts ops; ///< at the first datatype
  std::map<std::string, OpCosts> opsByDatatype; ///< one entry per datatype
  std::vector<std::string> datatypes;           ///< empty = any
  uint64_t fillCycles = 0;  ///< until the last unit has its first operand
  uint64_t drainCycles = 0; ///< until the last result is out
  Fanout reduction;         ///< sums over units on the way out
  double leakageW = 0;      ///< of the whole array
  double areaUm2PerPe = 0;  ///< sum of the operators' areas unless given
  int link = -1;            ///< to the level that feeds it: index into links
  Sources sources;
  SourceLocation loc;

  uint64_t peCount() const;

  /// The cost of `op`, or null if the array cannot do it at this datatype. An
  /// empty datatype asks for the first one.
  const OpCost *findOp(llvm::StringRef op, llvm::StringRef datatype = {}) const;
};

/// A unit that only moves tiles; schedules name it in `schedule.transfer`.
struct Engine {
  std::string name;
  std::optional<double> bytesPerS; ///< nullopt = as fast as the memories
  uint64_t latencyCycles = 0;      ///< before the first byte of each tile
  Provenance provenance;
  SourceLocation loc;
};

/// The process that a machine is built in, to which energies and areas of
/// profiles and tables are scaled.
struct Technology {
  double nodeNm = 0;
  double volts = 0.8;
  std::string scaling;     ///< "stillmaker2017", or "table" for one of its own
  LogTable energy{{1, 1}}; ///< "table": energy of logic by node
  LogTable area{{1, 1}};   ///< "table": area of logic by node
  Provenance provenance;
};

/// How moves and times are counted; see dialects/Schedule/README.md, section 8.
struct Accounting {
  std::string profile = "default";
  bool everyRun = false;      ///< "operands": "per_point"
  bool onePerPoint = false;   ///< "operators": "one_per_point"
  bool sequential = false;    ///< "einsums": "sequential"
  bool buffered = false;      ///< "overlap": "buffered"
  bool singleBuffers = false; ///< "buffers": "ignored"
  bool freeSums = false;      ///< "sums": "free"
  bool unreadSums = false;    ///< "first_sums": "unread"

  /// A profile by name; nullopt if there is none.
  static std::optional<Accounting> named(llvm::StringRef name);
  static llvm::ArrayRef<const char *> names();
};

struct ArchSpec {
  std::string name, description;
  double clockHz = 0;
  unsigned wordBits = 16;
  std::map<std::string, double> parameters; ///< after overrides
  std::vector<Level> levels;                ///< parents before children
  std::vector<Array> arrays;
  std::vector<Engine> engines;
  std::vector<Link> links;
  std::optional<Technology> technology;
  Accounting accounting;
  Constraints constraints;
  std::string energyProfile;           ///< name, or empty
  std::vector<std::string> provenance; ///< every distinct text, in spec order
  SourceLocation loc;                  ///< of the name

  /// Index of the level or array of that name, or -1.
  int findLevel(llvm::StringRef name) const;
  int findArray(llvm::StringRef name) const;
  int findEngine(llvm::StringRef name) const;

  /// How many instances of a level there are: the PEs of its array, or as many
  /// as its dimensions have coordinates.
  uint64_t instances(const Level &level) const;

  /// The dimensions along which a link reaches several instances.
  llvm::ArrayRef<ArrayDim> dimsOf(const Link &link) const;
  /// How many of a link there are: one in each instance of what is around it.
  uint64_t instances(const Link &link) const;
  /// Hops to the farthest instance.
  uint64_t longestWay(const Link &link) const;

  double areaUm2() const;
  double leakageW() const;
};

/// Numbers whose source is not a publication: which, and how many.
struct DoubtfulNumber {
  std::string what; ///< "level 'DRAM', bandwidth", "array 'pe': exp, log"
  Provenance provenance;
  unsigned count = 1;
};

/// All of them, in the order of the spec.
std::vector<DoubtfulNumber> listDoubtful(const ArchSpec &spec);

/// Reads, resolves profile and expressions, verifies; reports everything wrong
/// at once. `path` is a file, "-" for standard input, or the name of a spec
/// that was installed (lib/Support/Installation.h). `parameterOverrides`
/// replace declared parameters, `energyProfile`, if not empty, the profile that
/// the spec names. Profiles are `energy/NAME.json` beside the spec.
std::optional<ArchSpec>
readArchSpec(llvm::StringRef path, Diagnostics &diags,
             const std::map<std::string, double> &parameterOverrides = {},
             llvm::StringRef energyProfile = {});

/// The same for a text in memory, which stands for the file at `path`.
std::optional<ArchSpec>
parseArchSpec(llvm::StringRef text, llvm::StringRef path, Diagnostics &diags,
              const std::map<std::string, double> &parameterOverrides = {},
              llvm::StringRef energyProfile = {});

/// A table for a person, and the same facts for a program
/// (schema "einsum-arch-check/1").
void printArchTable(const ArchSpec &spec, llvm::raw_ostream &os);
void printArchJson(const ArchSpec &spec, llvm::raw_ostream &os);

} // namespace einsum::arch

#endif // EINSUM_ARCH_ARCHSPEC_H
