//===- Replay.cpp - Commands executed -------------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Simulator/Replay.h"

#include "lib/Simulator/Cells.h"
#include "lib/Simulator/Stored.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <set>

using namespace mlir;
using namespace einsum;
using namespace einsum::sim;
using interp::Scalar;
using lowering::Numbers;
using CommandOp = lowering::Op;

namespace {

struct Buffer {
  int tensor = -1, level = -1;
  int64_t parent = -1;
  bool isPart = false; ///< holds `held` only, the rest is the parent's
  bool isOpen = false;
  llvm::DenseSet<int64_t> held;
  llvm::DenseMap<int64_t, Cell> cells;
};

/// What the runs of a latch group use is one transfer.
struct Group {
  int einsum = -1, read = -1, tensor = -1, registers = -1;
  int64_t buffer = -1;
  bool inRegisters = false;
  std::vector<int64_t> elements, continued;
  llvm::DenseMap<int64_t, Scalar> values; ///< latched, of a read
  std::set<std::vector<int64_t>> chosen;  ///< reads that gather
  std::set<int64_t> units;
};

class Replayer {
public:
  Replayer(Points &points, const arch::ArchSpec &arch,
           const lowering::CommandStream &stream,
           const interp::TensorMap &inputs, Simulation &result)
      : points(points), arch(arch), stream(stream), inputs(inputs),
        result(result), stored(points) {
    for (EinsumInfo &einsum : points.einsums)
      builders.emplace_back(einsum);
    result.levels.resize(arch.levels.size());
    result.links.resize(arch.links.size());
    result.arrays.resize(arch.arrays.size());
    result.engines.resize(arch.engines.size());
    result.tensors.resize(points.tensors.size() * arch.levels.size());
    result.einsums.resize(points.einsums.size() * arch.levels.size());
    result.runs.assign(points.einsums.size(), 0);
    result.points.assign(points.einsums.size(), 0);
    for (const TensorInfo &tensor : points.tensors)
      result.tensorNames.push_back(tensor.name);
    for (const EinsumInfo &einsum : points.einsums)
      result.einsumNames.push_back(einsum.name);
  }

  bool run() {
    if (!resolveNames())
      return false;
    return lowering::forEachCommand(stream.commands,
                                    [&](CommandOp op, ArrayRef<int64_t> args) {
                                      ++executed;
                                      current = op;
                                      numbers = args;
                                      at = 0;
                                      return execute();
                                    }) &&
           checkOutputs();
  }

private:
  //===--------------------------------------------------------------------===//
  // Arguments
  //===--------------------------------------------------------------------===//

  bool fail(const llvm::Twine &message) {
    Operation *cascade = points.cascade;
    cascade->emitError() << "command " << executed << ", "
                         << lowering::spell(current) << ": " << message.str();
    return false;
  }

  bool malformed() { return fail("its arguments do not fit the command"); }

  bool next(int64_t &value) {
    if (at >= numbers.size())
      return false;
    value = numbers[at++];
    return true;
  }

  bool next(int &value) {
    int64_t wide;
    if (!next(wide) || wide < INT32_MIN || wide > INT32_MAX)
      return false;
    value = static_cast<int>(wide);
    return true;
  }

  bool list(std::vector<int64_t> &values) {
    return lowering::readList(numbers, at, values);
  }

  template <typename Find>
  bool resolve(const std::vector<std::string> &names, const char *what,
               std::vector<int> &ids, Find find) {
    for (const std::string &name : names) {
      ids.push_back(find(name));
      if (ids.back() >= 0)
        continue;
      Operation *cascade = points.cascade;
      cascade->emitError() << "the commands use " << what << " '" << name
                           << "', which there is not";
      return false;
    }
    return true;
  }

  bool resolveNames() {
    return resolve(stream.tensors, "tensor", tensorIds,
                   [&](StringRef n) { return points.findTensor(n); }) &&
           resolve(stream.einsums, "Einsum", einsumIds,
                   [&](StringRef n) { return points.findEinsum(n); }) &&
           resolve(stream.levels, "level", levelIds,
                   [&](StringRef n) { return arch.findLevel(n); }) &&
           resolve(stream.arrays, "array", arrayIds,
                   [&](StringRef n) { return arch.findArray(n); }) &&
           resolve(stream.engines, "engine", engineIds,
                   [&](StringRef n) { return arch.findEngine(n); });
  }

  /// The next argument as an index into names; -1 stays -1 if it may.
  bool id(const std::vector<int> &ids, int &value, bool mayLack = false) {
    if (!next(value))
      return false;
    if (value == -1 && mayLack)
      return true;
    if (value < 0 || value >= static_cast<int>(ids.size()))
      return false;
    value = ids[value];
    return true;
  }

  Buffer *find(int64_t buffer) {
    auto found = buffers.find(buffer);
    return found == buffers.end() ? nullptr : &found->second;
  }

  bool isElement(int tensor, int64_t element) const {
    return element >= 0 && element < points.tensors[tensor].elements;
  }

  //===--------------------------------------------------------------------===//
  // Commands
  //===--------------------------------------------------------------------===//

  bool execute() {
    switch (current) {
    case CommandOp::open:
      return open();
    case CommandOp::close:
      return close();
    case CommandOp::keep:
      return keep();
    case CommandOp::load:
    case CommandOp::store:
      return transfer();
    case CommandOp::group:
      return beginGroup();
    case CommandOp::end:
      return endGroup();
    case CommandOp::run:
      return runPoints();
    case CommandOp::output:
      return output();
    case CommandOp::signal:
    case CommandOp::wait:
      return synchronise();
    case CommandOp::barrier:
    case CommandOp::loop:
      return true;
    }
    return true;
  }

  bool open() {
    int64_t name, isPart;
    Buffer buffer;
    std::vector<int64_t> held;
    if (!next(name) || !id(tensorIds, buffer.tensor) ||
        !id(levelIds, buffer.level) || !next(buffer.parent) || !next(isPart) ||
        (isPart != 0 && !list(held)))
      return malformed();
    if (buffer.parent != -1 && !find(buffer.parent))
      return fail("there is no buffer " + llvm::Twine(buffer.parent));
    buffer.isPart = isPart != 0;
    buffer.isOpen = true;
    buffer.held.insert(held.begin(), held.end());
    auto [place, isNew] = buffers.try_emplace(name, std::move(buffer));
    return isNew || fail("buffer " + llvm::Twine(name) + " is there already");
  }

  bool close() {
    int64_t name;
    if (!next(name))
      return malformed();
    Buffer *buffer = find(name);
    if (!buffer || !buffer->isOpen)
      return fail("buffer " + llvm::Twine(name) + " is not open");
    // What a later visit keeps of it is still there; the next but one is gone.
    buffer->isOpen = false;
    return true;
  }

  bool keep() {
    int64_t to, from;
    std::vector<int64_t> elements;
    if (!next(to) || !next(from) || !list(elements))
      return malformed();
    Buffer *target = find(to), *source = find(from);
    if (!target || !source)
      return fail("there is no such buffer");
    for (int64_t element : elements) {
      auto found = source->cells.find(element);
      if (found == source->cells.end())
        return failElement(*source, element, "is not there");
      target->cells[element] = found->second;
    }
    return true;
  }

  bool output() {
    int tensorId;
    int64_t name;
    if (!id(tensorIds, tensorId) || !next(name))
      return malformed();
    Buffer *buffer = find(name);
    const TensorInfo &tensor = points.tensors[tensorId];
    auto place = result.outputs.find(tensor.name);
    if (!buffer || place == result.outputs.end() || tensor.producer < 0)
      return fail("buffer " + llvm::Twine(name) + " is not of an output");
    for (auto &[element, cell] : buffer->cells) {
      if (cell.contributions != tensor.points[element])
        continue;
      place->second.values[element] =
          builders[tensor.producer].getValue(cell, element, tensor.result);
      place->second.present[element] = 1;
    }
    return true;
  }

  bool synchronise() {
    int64_t semaphore;
    if (!next(semaphore))
      return malformed();
    if (current == CommandOp::signal)
      signalled.insert(semaphore);
    else if (!signalled.count(semaphore))
      return fail("nothing has signalled " + llvm::Twine(semaphore) +
                  ": the array would wait for ever");
    return true;
  }

  //===--------------------------------------------------------------------===//
  // Cells
  //===--------------------------------------------------------------------===//

  bool failElement(const Buffer &buffer, int64_t element,
                   const llvm::Twine &what) {
    const TensorInfo &tensor = points.tensors[buffer.tensor];
    return fail("'" +
                (isElement(buffer.tensor, element)
                     ? tensor.describe(element)
                     : tensor.name + "'s element " + std::to_string(element)) +
                "' " + what + " at level '" + arch.levels[buffer.level].name +
                "'");
  }

  /// The buffer that an element is in, as seen from one.
  Buffer *locate(int64_t name, int64_t element) {
    Buffer *buffer = find(name);
    while (buffer && buffer->isPart && !buffer->held.count(element))
      buffer = find(buffer->parent);
    return buffer;
  }

  Cell *get(int64_t name, int64_t element) {
    Buffer *buffer = locate(name, element);
    if (!buffer || !isElement(buffer->tensor, element))
      return nullptr;
    auto found = buffer->cells.find(element);
    if (found != buffer->cells.end())
      return &found->second;
    const TensorInfo &tensor = points.tensors[buffer->tensor];
    if (buffer->parent >= 0 || !tensor.present[element])
      return nullptr;
    // Inputs, and elements without points, stand where their tensor lives.
    if (tensor.producer < 0) {
      Cell cell;
      cell.values.push_back(inputs.find(tensor.name)->second.values[element]);
      return &(buffer->cells[element] = std::move(cell));
    }
    if (tensor.points[element] > 0)
      return nullptr;
    return &(buffer->cells[element] = builders[tensor.producer].makeIdentity());
  }

  bool isComplete(int tensor, int64_t element, const Cell &cell) const {
    const TensorInfo &info = points.tensors[tensor];
    return info.producer < 0 || cell.contributions == info.points[element];
  }

  //===--------------------------------------------------------------------===//
  // Counting
  //===--------------------------------------------------------------------===//

  void count(int level, int tensor, int einsum, bool isWrite, uint64_t elements,
             uint64_t bytes, uint64_t times) {
    if (elements == 0 || times == 0)
      return;
    const arch::Level &at = arch.levels[level];
    bytes = llvm::alignTo(bytes, at.chunkBytes);
    uint64_t accesses = llvm::divideCeil(bytes, at.accessBytes);
    Traffic traffic;
    (isWrite ? traffic.writeElements : traffic.readElements) = elements * times;
    (isWrite ? traffic.writeBytes : traffic.readBytes) = bytes * times;
    (isWrite ? traffic.writeAccesses : traffic.readAccesses) = accesses * times;
    size_t levels = arch.levels.size();
    result.levels[level].traffic += traffic;
    result.tensors[tensor * levels + level].total += traffic;
    if (einsum >= 0)
      result.einsums[einsum * levels + level] += traffic;
  }

  void countRegisters(const Group &group, bool isWrite, uint64_t times) {
    count(group.registers, group.tensor, group.einsum, isWrite, 1,
          points.tensors[group.tensor].bytes(1), times);
  }

  struct Port {
    bool isWrite = false;
    uint64_t times = 1, receivers = 1, repeats = 1;
    int einsum = -1, engine = -1;
    bool movesBlocks = false; ///< with all scales: of loads and stores
  };

  /// One transfer at a buffer; what is not held there is moved at its parent.
  bool move(int64_t name, ArrayRef<int64_t> elements, const Port &port) {
    Buffer *buffer = find(name);
    if (!buffer)
      return fail("there is no buffer " + llvm::Twine(name));
    std::vector<int64_t> here, elsewhere;
    for (int64_t element : elements)
      (buffer->isPart && !buffer->held.count(element) ? elsewhere : here)
          .push_back(element);
    const TensorInfo &tensor = points.tensors[buffer->tensor];
    uint64_t times = port.times,
             bytes =
                 port.movesBlocks
                     ? tensor.wholeBytes(here.size(), tensor.countBlocks(here))
                     : tensor.bytes(here.size());
    if (!port.isWrite) {
      uint64_t width = arch.levels[buffer->level].multicast.width;
      times *=
          std::max(port.repeats,
                   width == 0 ? 1 : llvm::divideCeil(port.receivers, width));
    } else {
      times *= port.repeats;
    }
    count(buffer->level, buffer->tensor, port.einsum, port.isWrite, here.size(),
          bytes, times);
    if (port.engine >= 0)
      result.engines[port.engine].bytes += bytes * times;
    return elsewhere.empty() || move(buffer->parent, elsewhere, port);
  }

  bool crossLinks() {
    int64_t links;
    if (!next(links))
      return malformed();
    for (int64_t i = 0; i < links; ++i) {
      int64_t link, copies, bytes;
      if (!next(link) || !next(copies) || !next(bytes) || link < 0 ||
          link >= static_cast<int64_t>(result.links.size()))
        return malformed();
      result.links[link].bytes += static_cast<uint64_t>(bytes * copies);
    }
    return true;
  }

  //===--------------------------------------------------------------------===//
  // Loads and stores
  //===--------------------------------------------------------------------===//

  bool transfer() {
    int tensor, einsum, engine;
    int64_t ports, copies;
    if (!id(tensorIds, tensor) || !id(einsumIds, einsum, true) ||
        !id(engineIds, engine, true) || !next(ports))
      return malformed();
    std::vector<int64_t> elements;
    for (int64_t i = 0; i < ports; ++i) {
      int64_t isWrite, isFar, buffer, times, receivers, repeats;
      if (!next(isWrite) || !next(isFar) || !next(buffer) || !next(times) ||
          !next(receivers) || !next(repeats) || !list(elements))
        return malformed();
      Port port{isWrite != 0,
                static_cast<uint64_t>(times),
                static_cast<uint64_t>(receivers),
                static_cast<uint64_t>(repeats),
                einsum,
                isFar != 0 ? engine : -1,
                /*movesBlocks=*/true};
      if (!move(buffer, elements, port))
        return false;
    }
    if (!next(copies))
      return malformed();
    std::set<std::pair<Buffer *, int64_t>> brought;
    for (int64_t i = 0; i < copies; ++i) {
      int64_t to, from;
      if (!next(to) || !next(from) || !list(elements))
        return malformed();
      for (int64_t element : elements)
        if (!copy(to, from, element, brought))
          return false;
    }
    return crossLinks();
  }

  /// Copies of one element that meet in a transfer are combined.
  bool copy(int64_t to, int64_t from, int64_t element,
            std::set<std::pair<Buffer *, int64_t>> &brought) {
    Buffer *target = locate(to, element), *source = find(from);
    Cell *cell = get(from, element);
    if (!target || !source || !target->isOpen)
      return fail("there is no such buffer");
    if (!cell)
      return failElement(*source, element, "is not there");
    if (brought.insert({target, element}).second) {
      target->cells[element] = Cell(*cell);
      return true;
    }
    int producer = points.tensors[target->tensor].producer;
    Cell other = *cell;
    return (producer >= 0 &&
            builders[producer].merge(target->cells[element], other)) ||
           failElement(*target, element, "cannot be combined");
  }

  //===--------------------------------------------------------------------===//
  // Groups and runs
  //===--------------------------------------------------------------------===//

  bool beginGroup() {
    int64_t name, port, inRegisters;
    Group group;
    if (!next(name) || !id(einsumIds, group.einsum) || !next(port) ||
        !next(group.buffer) || !next(group.read) ||
        !id(tensorIds, group.tensor) || !id(levelIds, group.registers, true) ||
        !next(inRegisters))
      return malformed();
    const EinsumInfo &einsum = points.einsums[group.einsum];
    if (group.read >= static_cast<int>(einsum.reads.size()))
      return malformed();
    group.inRegisters = inRegisters != 0;
    if (!find(group.buffer))
      return fail("there is no buffer " + llvm::Twine(group.buffer));
    groups[name] = std::move(group);
    return true;
  }

  bool endGroup() {
    int64_t name, times, receivers, repeats;
    if (!next(name) || !next(times) || !next(receivers) || !next(repeats))
      return malformed();
    auto found = groups.find(name);
    if (found == groups.end())
      return fail("there is no group " + llvm::Twine(name));
    Group &group = found->second;
    Port port{group.read < 0, static_cast<uint64_t>(times),
              static_cast<uint64_t>(receivers), static_cast<uint64_t>(repeats),
              group.einsum};
    if (!move(group.buffer, group.elements, port))
      return false;
    if (group.read < 0) {
      // Each write but the first contribution is preceded by a read.
      Port before{false, static_cast<uint64_t>(times) - 1, 1, 1, group.einsum};
      Port partial{false, 1, 1, 1, group.einsum};
      if (!move(group.buffer,
                arch.accounting.unreadSums ? group.continued : group.elements,
                before) ||
          !move(group.buffer, group.continued, partial))
        return false;
    } else if (group.registers >= 0) {
      countRegisters(group, true, group.units.size());
    }
    bool ok = crossLinks();
    groups.erase(found);
    return ok;
  }

  bool runPoints() {
    int einsumId, array;
    int64_t ranks, ports;
    std::vector<int64_t> units;
    if (!id(einsumIds, einsumId) || !id(arrayIds, array) || !list(units) ||
        !next(ranks))
      return malformed();
    const EinsumInfo &einsum = points.einsums[einsumId];
    if (ranks != static_cast<int64_t>(einsum.ranks.size()))
      return malformed();
    std::vector<std::vector<int64_t>> coordinates(ranks);
    for (std::vector<int64_t> &column : coordinates)
      if (!list(column) || column.size() != units.size())
        return malformed();
    if (!next(ports) || ports < 0 || ports > 1024)
      return malformed();
    std::vector<std::vector<int64_t>> names(ports);
    for (std::vector<int64_t> &column : names)
      if (!list(column) || column.size() != units.size())
        return malformed();
    Coords point(points.ranks.size(), 0);
    std::vector<Group *> ofUnit(ports);
    for (size_t unit = 0; unit < units.size(); ++unit) {
      for (auto [k, rank] : llvm::enumerate(einsum.ranks)) {
        point[rank] = coordinates[k][unit];
        if (point[rank] < 0 || point[rank] >= points.ranks[rank].extent)
          return fail("a point lies outside of rank '" +
                      points.ranks[rank].name + "'");
      }
      for (int64_t port = 0; port < ports; ++port) {
        auto found = groups.find(names[port][unit]);
        if (found == groups.end() || found->second.einsum != einsumId)
          return fail("there is no group " + llvm::Twine(names[port][unit]));
        ofUnit[port] = &found->second;
      }
      if (!runPoint(einsumId, point, units[unit], ofUnit))
        return false;
    }
    result.points[einsumId] += units.size();
    ++result.runs[einsumId];
    for (const auto &[name, number] : einsum.operators)
      result.arrays[array].operators[name] += number * units.size();
    return true;
  }

  bool runPoint(int einsumId, const Coords &point, int64_t unit,
                ArrayRef<Group *> ports) {
    const EinsumInfo &einsum = points.einsums[einsumId];
    SmallVector<Scalar, 4> operands(einsum.reads.size()), values;
    for (bool gathers : {false, true})
      for (Group *group : ports)
        if (group->read >= 0 &&
            einsum.reads[group->read].gathers() == gathers &&
            !readOperand(*group, point, unit, operands))
          return false;
    if (builders[einsumId].evaluate(point, operands, values))
      return fail("Einsum '" + einsum.name + "' has no value at a point");
    for (Group *group : ports)
      if (group->read < 0 && !writeResult(*group, point, values))
        return false;
    return true;
  }

  bool readOperand(Group &group, const Coords &point, int64_t unit,
                   MutableArrayRef<Scalar> operands) {
    Scalar &value = operands[group.read];
    const TensorInfo &tensor = points.tensors[group.tensor];
    const EinsumInfo &einsum = points.einsums[group.einsum];
    const ReadInfo &read = einsum.reads[group.read];
    if (group.registers >= 0)
      countRegisters(group, false, 1);
    int64_t element;
    int outside;
    Found where =
        points.locate(einsum, read, point, operands, element, outside);
    if (where == Found::initial) {
      value = builders[tensor.producer].getInitial(tensor.result);
      return true;
    }
    const Buffer &home = *find(group.buffer);
    if (where == Found::outside || !isElement(group.tensor, element))
      return fail("a point reads outside of '" + tensor.name + "'");
    group.units.insert(unit);
    if (read.gathers() && group.chosen.insert(read.chosen(point)).second) {
      group.values.erase(element);
    } else if (auto latched = group.values.find(element);
               latched != group.values.end()) {
      value = latched->second;
      return true;
    }
    Cell *cell = get(group.buffer, element);
    if (!cell)
      return failElement(home, element, "is not there");
    if (!isComplete(group.tensor, element, *cell))
      return failElement(home, element, "is not complete");
    value =
        tensor.producer < 0
            ? cell->values.front()
            : builders[tensor.producer].getValue(*cell, element, tensor.result);
    if (stored.isStored(group.tensor)) {
      auto found = stored.read(group.tensor, element);
      if (std::holds_alternative<int64_t>(found))
        return failElement(home, element, "waits for what shares its scale");
      value = Scalar::ofReal(std::get<double>(found));
    }
    group.values[element] = value;
    group.elements.push_back(element);
    return true;
  }

  bool writeResult(Group &group, const Coords &point, ArrayRef<Scalar> values) {
    const EinsumInfo &einsum = points.einsums[group.einsum];
    int64_t element = points.madeElement(einsum, point);
    Buffer *home = locate(group.buffer, element);
    if (!home || !isElement(group.tensor, element))
      return fail("there is no room for the result");
    Cell *cell = get(group.buffer, element);
    bool continues = cell && !isComplete(group.tensor, element, *cell);
    if (group.values.try_emplace(element).second) {
      group.elements.push_back(element);
      if (continues)
        group.continued.push_back(element);
    }
    Cell next = continues ? *cell : builders[group.einsum].makeIdentity();
    if (!builders[group.einsum].add(next, element, point, values))
      return failElement(*home, element, "cannot be continued");
    if (stored.isStored(group.tensor))
      stored.record(
          group.tensor, element,
          builders[group.einsum]
              .getValue(next, element, points.tensors[group.tensor].result)
              .real);
    home->cells[element] = std::move(next);
    if (group.registers < 0)
      return true;
    countRegisters(group, true, 1);
    if (!group.inRegisters || !einsum.reductions.empty())
      countRegisters(group, false, 1);
    return true;
  }

  bool checkOutputs() {
    Operation *cascade = points.cascade;
    for (auto [id, tensor] : llvm::enumerate(points.tensors)) {
      if (!tensor.isOutput || tensor.producer < 0)
        continue;
      interp::Tensor &output = result.outputs.find(tensor.name)->second;
      CellBuilder &builder = builders[tensor.producer];
      for (int64_t element = 0; element < tensor.elements; ++element) {
        if (output.present[element] || !tensor.present[element])
          continue;
        if (tensor.points[element] > 0) {
          cascade->emitError()
              << "the commands end, and output '" << tensor.describe(element)
              << "' has not arrived";
          return false;
        }
        output.values[element] =
            builder.getValue(builder.makeIdentity(), element, tensor.result);
        output.present[element] = 1;
      }
      for (int64_t element = 0;
           stored.isStored(id) && element < tensor.elements; ++element)
        if (output.present[element])
          if (auto value = stored.read(id, element);
              std::holds_alternative<double>(value))
            output.values[element] = Scalar::ofReal(std::get<double>(value));
      if (llvm::all_of(output.present,
                       [](uint8_t present) { return present != 0; }))
        output.present.clear();
    }
    return true;
  }

  Points &points;
  const arch::ArchSpec &arch;
  const lowering::CommandStream &stream;
  const interp::TensorMap &inputs;
  Simulation &result;
  StoredTensors stored;
  std::vector<CellBuilder> builders;
  std::vector<int> tensorIds, einsumIds, levelIds, arrayIds, engineIds;
  std::map<int64_t, Buffer> buffers;
  std::map<int64_t, Group> groups;
  std::set<int64_t> signalled;

  // The command being executed.
  uint64_t executed = 0;
  CommandOp current = CommandOp::barrier;
  ArrayRef<int64_t> numbers;
  size_t at = 0;
};

} // namespace

FailureOr<Simulation> einsum::sim::replay(const lowering::CommandStream &stream,
                                          CascadeOp cascade,
                                          const arch::ArchSpec &arch,
                                          const interp::TensorMap &inputs,
                                          const SimulationOptions &options) {
  FailureOr<Points> points =
      Points::create(cascade, options.arithmetic, options.limit);
  if (failed(points))
    return failure();
  if (arch.accounting.onePerPoint)
    for (EinsumInfo &einsum : points->einsums)
      einsum.operators = {{"compute", 1}};
  Simulation result;
  interp::TensorMap operands;
  if (failed(prepareTensors(*points, inputs, options.arithmetic, operands,
                            result.outputs)) ||
      !Replayer(*points, arch, stream, operands, result).run())
    return failure();
  return std::move(result);
}
