#include "passes/differentiate_control.h"

#include <algorithm>

#include "base/text.h"
#include "ops/expansion.h"
#include "ops/rules.h"
#include "ops/validate.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

namespace isomer {
namespace {

using Values = std::vector<ValueId>;

void require_no_draws(const Graph& body) {
  for (const Node& node : body.nodes) {
    if (!draws(node)) continue;
    throw Error(Fault::unsupported, describe(body, node),
                "a body with a 'while' that draws random numbers has no derivative: it would run "
                "again and draw others");
  }
}

Body derivative_of(const Body& body) {
  require_no_draws(*body);
  return std::make_shared<const Graph>(differentiate(*body));
}

bool floating(const Builder& out, ValueId id) { return is_floating(out.dtype(id)); }

Values floating_of(const Builder& out, std::span<const ValueId> ids) {
  Values result;
  std::ranges::copy_if(ids, std::back_inserter(result),
                       [&](ValueId id) { return floating(out, id); });
  return result;
}

void append(Values& values, const Values& more) {
  values.insert(values.end(), more.begin(), more.end());
}

ValueId flipped(Builder& out, ValueId id) {
  return out.emit("flip", {id}, {{"dims", std::vector<std::int64_t>{0}}});
}

/// Cotangents that there are, given those of the floating ones, in order.
Values spread_out(const Builder& out, std::span<const ValueId> ids,
                  std::span<const ValueId> cotangents) {
  Values result;
  std::size_t next = 0;
  for (const ValueId id : ids)
    result.push_back(floating(out, id) ? cotangents[next++] : ValueId::none);
  return result;
}

// if --------------------------------------------------------------------------------------------

Values pull_back_if(Builder& out, const Node& node, std::span<const ValueId> inputs,
                    std::span<const ValueId> cotangents) {
  const std::vector<Body> bodies = {derivative_of(node.bodies[0]), derivative_of(node.bodies[1])};
  Values operands(inputs.begin(), inputs.end());
  for (const ValueId id : cotangents) {
    if (id != ValueId::none) operands.push_back(id);
  }
  const Values found = out.emit_all("if", std::move(operands), {}, bodies);
  Values result = spread_out(out, inputs.subspan(1), found);
  result.insert(result.begin(), ValueId::none);
  return result;
}

// scan ------------------------------------------------------------------------------------------

/// A scan's inputs, or what belongs to them, by their part in it.
struct ScanParts {
  Values carried;
  Values scanned;
  Values shared;

  ScanParts(const Node& node, std::span<const ValueId> all) {
    const auto count = [&](std::string_view name) {
      return static_cast<std::size_t>(get<std::int64_t>(node.attributes, name));
    };
    const std::size_t carries = count("carried");
    const std::size_t scans = count("scanned");
    carried.assign(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(carries));
    scanned.assign(all.begin() + static_cast<std::ptrdiff_t>(carries),
                   all.begin() + static_cast<std::ptrdiff_t>(carries + scans));
    shared.assign(all.begin() + static_cast<std::ptrdiff_t>(carries + scans), all.end());
  }
};

/// The body that also gives what it was given to carry.
Body saving(const Graph& body, std::size_t carried) {
  Graph result = body;
  result.outputs.insert(result.outputs.end(), body.inputs.begin(),
                        body.inputs.begin() + static_cast<std::ptrdiff_t>(carried));
  result.signature.results = {
      Structure::Kind::tuple, {}, std::vector<Structure>(result.outputs.size())};
  return std::make_shared<const Graph>(std::move(result));
}

/// Types of one trip, in a graph of its own.
TensorType slice_type(const Builder& out, ValueId stacked) {
  TensorType type = out.type(stacked);
  type.shape.erase(type.shape.begin());
  return type;
}

/// What runs from the last trip to the first. It carries the cotangents of what was carried, and
/// sums up those of what was shared.
struct Reverse {
  ScanParts inputs;  // of the scan
  Values saved;      // what each trip was given to carry
  Values carried;    // cotangents of the floating ones, after the last trip
  Values slices;     // cotangents of the floating stacked outputs
  Values shared;     // the floating ones

  Body body(const Builder& out, const Graph& derivative) const {
    Builder b("body");
    b.assume(derivative.signature.lengths);
    const auto take = [&](const Values& ids, bool sliced) {
      Values result;
      for (const ValueId id : ids)
        result.push_back(b.input("", sliced ? slice_type(out, id) : out.type(id)));
      return result;
    };
    const Values carried_cotangents = take(carried, false);
    const Values sums = take(shared, false);
    Values operands = take(saved, true);
    append(operands, take(inputs.scanned, true));
    const Values slice_cotangents = take(slices, true);
    append(operands, take(inputs.shared, false));
    append(operands, carried_cotangents);
    append(operands, slice_cotangents);
    const Values found = emit_body(b, derivative, operands);
    const auto slices_found = static_cast<std::ptrdiff_t>(found.size() - sums.size());
    Values results(found.begin(),
                   found.begin() + static_cast<std::ptrdiff_t>(carried_cotangents.size()));
    for (std::size_t i = 0; i < sums.size(); ++i)
      results.push_back(
          b.emit("add", {sums[i], found[static_cast<std::size_t>(slices_found) + i]}));
    results.insert(results.end(),
                   found.begin() + static_cast<std::ptrdiff_t>(carried_cotangents.size()),
                   found.begin() + slices_found);
    Signature signature;
    signature.lengths = derivative.signature.lengths;
    return std::make_shared<const Graph>(std::move(b).finish(results, std::move(signature)));
  }
};

Values pull_back_scan(Builder& out, const Node& node, std::span<const ValueId> inputs,
                      const EmittedNode& forward, std::span<const ValueId> cotangents) {
  const Body derivative = derivative_of(node.bodies[0]);
  Reverse reverse{ScanParts(node, inputs), forward.saved, {}, {}, {}};
  const std::size_t carries = reverse.inputs.carried.size();
  for (std::size_t i = 0; i < cotangents.size(); ++i) {
    if (cotangents[i] == ValueId::none) continue;
    (i < carries ? reverse.carried : reverse.slices).push_back(cotangents[i]);
  }
  reverse.shared = floating_of(out, reverse.inputs.shared);
  const Body body = reverse.body(out, *derivative);
  Values operands = reverse.carried;
  for (const ValueId id : reverse.shared) operands.push_back(zeros(out, out.type(id)));
  const auto carried = static_cast<std::int64_t>(operands.size());
  for (const Values* stacked : {&reverse.saved, &reverse.inputs.scanned, &reverse.slices}) {
    for (const ValueId id : *stacked) operands.push_back(flipped(out, id));
  }
  const std::int64_t scanned = static_cast<std::int64_t>(operands.size()) - carried;
  append(operands, reverse.inputs.shared);
  const Values found = out.emit_all(
      "scan", std::move(operands),
      {{"carried", carried}, {"scanned", scanned}, {"trips", trips_of(out, node, inputs)}}, {body});
  const std::size_t sums = reverse.carried.size();
  const std::size_t slices = sums + reverse.shared.size();
  Values ordered(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(sums));
  for (std::size_t i = slices; i < found.size(); ++i) ordered.push_back(flipped(out, found[i]));
  ordered.insert(ordered.end(), found.begin() + static_cast<std::ptrdiff_t>(sums),
                 found.begin() + static_cast<std::ptrdiff_t>(slices));
  return spread_out(out, inputs, ordered);
}

}  // namespace

ValueId zeros(Builder& out, const TensorType& type) {
  return out.emit("full", {}, {{"shape", type.shape}, {"value", 0.0}, {"dtype", type.dtype}});
}

Dim trips_of(const Builder& out, const Node& node, std::span<const ValueId> inputs) {
  return with_call(out, node, inputs,
                   [](const OpSchema&, const OpCall& call) { return scan_trips(call); });
}

bool differentiates_bodies(std::string_view op) { return op == "if" || op == "scan"; }

EmittedNode emit_forward(Builder& out, const Node& node, std::span<const ValueId> inputs) {
  std::vector<Body> bodies = node.bodies;
  std::size_t carried = 0;
  if (node.op == "scan") {
    carried = ScanParts(node, inputs).carried.size();
    bodies[0] = saving(*bodies[0], carried);
  }
  EmittedNode result{
      out.emit_all(node.op, {inputs.begin(), inputs.end()}, node.attributes, std::move(bodies)),
      {}};
  const auto outputs = static_cast<std::ptrdiff_t>(result.outputs.size() - carried);
  result.saved.assign(result.outputs.begin() + outputs, result.outputs.end());
  result.outputs.resize(static_cast<std::size_t>(outputs));
  return result;
}

std::vector<ValueId> pull_back_bodies(Builder& out, const Node& node,
                                      std::span<const ValueId> inputs, const EmittedNode& forward,
                                      std::span<const ValueId> cotangents) {
  return node.op == "if" ? pull_back_if(out, node, inputs, cotangents)
                         : pull_back_scan(out, node, inputs, forward, cotangents);
}

}  // namespace isomer
