#include "systems/mgs/run/samplers.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/text.h"
#include "systems/mgs/run/parameters.h"

namespace isomer::mgs {
namespace {

constexpr std::size_t any = 100;

constexpr FunctorArity arities[] = {
    {"EachAvg", 1, 1},
    {"EachSrc", 1, 1},
    {"EachDst", 1, 1},
    {"EachDstPropSrc", 1, 2},
    {"EachSrcPropDst", 1, 2},
    {"IsoSampler", 0, any},
    {"RadialSampler", 1, 3},
    {"ToroidalRadialSampler", 1, 2},
    {"RadialDensitySampler", 3, 4},
    {"RadialHistoSampler", 3, 3},
    {"ManhattanRing", 1, 1},
    {"ManhattanRing2", 1, 1},
    {"SrcDimensionConstrainedSampler", 1, 1},
    {"DstDimensionConstrainedSampler", 1, 1},
    {"ReverseFunctor", 1, 1},
    {"Unique", 1, 1},
    {"ConvSampler", 5, 5},
    {"UniformLayout", 1, 1},
    {"Same", 1, 1},
    {"NdplInAttrInit", 1, 1},
    {"NdplNodeInit", 1, 1},
    {"SetSourceArrayIndexFunctor", 1, 1},
    {"BindName", 2, any},
    {"LoadMatrix", 3, 3},
    {"UniformDist", 2, 2},
    {"Gaussian", 2, 2},
};

constexpr std::string_view set_samplers[] = {
    "EachAvg",
    "RadialSampler",
    "ToroidalRadialSampler",
    "RadialDensitySampler",
    "RadialHistoSampler",
    "ManhattanRing",
    "ManhattanRing2",
};
constexpr std::string_view pair_samplers[] = {
    "IsoSampler",
    "IsoSamplerHybrid",
    "EachSrc",
    "EachDst",
    "EachDstPropSrc",
    "EachSrcPropDst",
    "ReverseFunctor",
    "Unique",
    "SrcDimensionConstrainedSampler",
    "ConvSampler",
    "DstDimensionConstrainedSampler",
};

double number_of(const FunctorValue& functor, std::size_t i) {
  double number = 0;
  if (i < functor.arguments.size() && real_of(functor.arguments[i], number) != nullptr)
    return number;
  throw Mismatch{
      Mistake::type,
      fmt::format("argument {} of {} is {}, not a number", i + 1, functor.type,
                  i < functor.arguments.size() ? kind_of(functor.arguments[i]) : "missing")};
}

std::vector<double> numbers_at(const FunctorValue& functor, std::size_t i) {
  if (const auto* reals = functor.arguments[i].as_shared<std::vector<float>>())
    return {reals->begin(), reals->end()};
  if (const auto* integers = functor.arguments[i].as_shared<std::vector<std::int32_t>>())
    return {integers->begin(), integers->end()};
  throw Mismatch{Mistake::type, fmt::format("argument {} of {} is {}, not a list of numbers", i + 1,
                                            functor.type, kind_of(functor.arguments[i]))};
}

std::vector<double> coordinates_of(const Node& node) {
  const auto found = node.layer->coordinates(node.index);
  return {found.begin(), found.end()};
}

/// Of a set's nodes, how far each is from a reference.
class Distances {
 public:
  Distances(const NodeList& set, bool toroidal) : toroidal_(toroidal) {
    for (const Node& node : set.nodes) coordinates_.push_back(coordinates_of(node));
    lengths_.assign(set.grid->dimensions.rbegin(), set.grid->dimensions.rend());
  }

  std::size_t count() const { return coordinates_.size(); }
  double straight(std::size_t i, const std::vector<double>& reference) const {
    double sum = 0;
    each(i, reference, [&](double along) { sum += along * along; });
    return std::sqrt(sum);
  }
  double by_blocks(std::size_t i, const std::vector<double>& reference) const {
    double sum = 0;
    each(i, reference, [&](double along) { sum += along; });
    return sum;
  }

 private:
  template <class Action>
  void each(std::size_t i, const std::vector<double>& reference, const Action& action) const {
    for (std::size_t k = 0; k < coordinates_[i].size(); ++k) {
      double along = std::abs(coordinates_[i][k] - (k < reference.size() ? reference[k] : 0));
      if (toroidal_) along = std::min(along, static_cast<double>(lengths_[k]) - along);
      action(along);
    }
  }

  std::vector<std::vector<double>> coordinates_;
  std::vector<std::int64_t> lengths_;
  bool toroidal_;
};

/// Each node so often, and a random part of them once more.
class EachAverage final : public Sampler {
 public:
  EachAverage(std::size_t count, double average, Random& random)
      : count_(count),
        whole_(static_cast<std::size_t>(average)),
        rest_(average - std::floor(average)),
        random_(random) {
    for (std::size_t i = 0; i < count_; ++i)
      for (std::size_t k = 0; k < whole_; ++k) places_.push_back(static_cast<std::uint32_t>(i));
  }
  std::span<const std::uint32_t> sample(const std::vector<double>&) override {
    if (rest_ == 0) return places_;
    places_.clear();
    for (std::size_t i = 0; i < count_; ++i) {
      const std::size_t times = whole_ + (random_.uniform() < rest_ ? 1 : 0);
      for (std::size_t k = 0; k < times; ++k) places_.push_back(static_cast<std::uint32_t>(i));
    }
    return places_;
  }

 private:
  std::size_t count_;
  std::size_t whole_;
  double rest_;
  Random& random_;
  std::vector<std::uint32_t> places_;
};

/// All within a distance.
class Radial final : public Sampler {
 public:
  Radial(const NodeList& set, double radius, bool toroidal)
      : distances_(set, toroidal), radius_(radius) {}
  std::span<const std::uint32_t> sample(const std::vector<double>& reference) override {
    places_.clear();
    for (std::size_t i = 0; i < distances_.count(); ++i)
      if (distances_.straight(i, reference) <= radius_)
        places_.push_back(static_cast<std::uint32_t>(i));
    return places_;
  }

 private:
  Distances distances_;
  double radius_;
  std::vector<std::uint32_t> places_;
};

/// So many within a distance, drawn by a profile over it, in the order of the set.
class RadialDraw final : public Sampler {
 public:
  RadialDraw(const NodeList& set, std::size_t count, double scale, std::vector<double> profile,
             Random& random)
      : distances_(set, false),
        count_(count),
        scale_(scale),
        profile_(std::move(profile)),
        random_(random) {}
  std::span<const std::uint32_t> sample(const std::vector<double>& reference) override {
    std::vector<std::pair<double, std::uint32_t>> drawn;
    for (std::size_t i = 0; i < distances_.count(); ++i) {
      const double distance = distances_.straight(i, reference);
      const double density = distance <= scale_ ? density_at(distance / scale_) : 0;
      if (density <= 0) continue;
      // The smallest of these are a draw by density without replacement.
      drawn.emplace_back(-std::log(1.0 - random_.uniform()) / density,
                         static_cast<std::uint32_t>(i));
    }
    std::ranges::sort(drawn);
    if (drawn.size() > count_) drawn.resize(count_);
    places_.clear();
    for (const auto& [key, place] : drawn) places_.push_back(place);
    std::ranges::sort(places_);
    return places_;
  }

 private:
  double density_at(double part) const {
    if (profile_.empty()) return 1;
    const double at = part * static_cast<double>(profile_.size() - 1);
    const auto before = static_cast<std::size_t>(at);
    if (before + 1 >= profile_.size()) return profile_.back();
    const double rest = at - std::floor(at);
    return profile_[before] * (1 - rest) + profile_[before + 1] * rest;
  }

  Distances distances_;
  std::size_t count_;
  double scale_;
  std::vector<double> profile_;
  Random& random_;
  std::vector<std::uint32_t> places_;
};

/// So many at each distance by blocks, drawn.
class Rings final : public Sampler {
 public:
  Rings(const NodeList& set, std::vector<double> counts, Random& random)
      : distances_(set, false), counts_(std::move(counts)), random_(random) {}
  std::span<const std::uint32_t> sample(const std::vector<double>& reference) override {
    places_.clear();
    for (std::size_t ring = 0; ring < counts_.size(); ++ring) {
      std::vector<std::uint32_t> there;
      for (std::size_t i = 0; i < distances_.count(); ++i)
        if (distances_.by_blocks(i, reference) == static_cast<double>(ring))
          there.push_back(static_cast<std::uint32_t>(i));
      for (auto left = static_cast<std::int64_t>(counts_[ring]); left > 0 && !there.empty();
           --left) {
        const auto last = static_cast<std::int64_t>(there.size()) - 1;
        const auto at = static_cast<std::size_t>(random_.integer(0, last));
        places_.push_back(there[at]);
        there.erase(there.begin() + static_cast<std::ptrdiff_t>(at));
      }
    }
    return places_;
  }

 private:
  Distances distances_;
  std::vector<double> counts_;
  Random& random_;
  std::vector<std::uint32_t> places_;
};

std::unique_ptr<Sampler> set_sampler(const Value& value, const NodeList& set, Random& random) {
  const auto* functor = value.as_shared<FunctorValue>();
  if (functor == nullptr || !is_set_sampler(functor->type)) {
    throw Mismatch{Mistake::type,
                   fmt::format("a sampler of one set is expected, not {}",
                               functor != nullptr ? quoted(functor->type) : kind_of(value))};
  }
  const double first = functor->type.starts_with("Manhattan") ? 0 : number_of(*functor, 0);
  if (functor->type == "EachAvg") {
    constexpr double most = 1e8;
    if (!(first >= 0) || first * static_cast<double>(set.nodes.size()) > most)
      throw Mismatch{Mistake::limit, fmt::format("EachAvg({}) is out of range", first)};
    return std::make_unique<EachAverage>(set.nodes.size(), first, random);
  }
  if (functor->type == "RadialSampler") return std::make_unique<Radial>(set, first, false);
  if (functor->type == "ToroidalRadialSampler") return std::make_unique<Radial>(set, first, true);
  if (functor->type == "RadialDensitySampler" || functor->type == "RadialHistoSampler") {
    return std::make_unique<RadialDraw>(set, static_cast<std::size_t>(std::max(first, 0.0)),
                                        number_of(*functor, 1), numbers_at(*functor, 2), random);
  }
  return std::make_unique<Rings>(set, numbers_at(*functor, 0), random);
}

/// Each node of one set with what a sampler gives of the other.
class Each final : public PairSampler {
 public:
  Each(const NodeList& sources, const NodeList& destinations, bool by_source, bool proportional,
       const Value& sampler, Random& random)
      : outer_(by_source ? sources : destinations),
        inner_(by_source ? destinations : sources),
        by_source_(by_source),
        proportional_(proportional),
        sampler_(set_sampler(sampler, inner_, random)) {}

  bool next(Node& source, Node& destination) override {
    while (at_ >= places_.size()) {
      if (outer_at_ >= outer_.nodes.size()) return false;
      places_ = sampler_->sample(reference_of(outer_.nodes[outer_at_++]));
      at_ = 0;
    }
    const Node& outer = outer_.nodes[outer_at_ - 1];
    const Node& inner = inner_.nodes[places_[at_++]];
    source = by_source_ ? outer : inner;
    destination = by_source_ ? inner : outer;
    return true;
  }
  std::string_view reference() const override { return by_source_ ? "source" : "destination"; }

 private:
  std::vector<double> reference_of(const Node& node) const {
    std::vector<double> at = coordinates_of(node);
    if (!proportional_) return at;
    const auto& from = outer_.grid->dimensions;
    const auto& to = inner_.grid->dimensions;
    at.resize(to.size());
    for (std::size_t i = 0; i < at.size(); ++i) {
      // Coordinates are the slowest first, dimensions the fastest.
      const auto own = i < from.size() ? static_cast<double>(from[from.size() - 1 - i]) : 1;
      const auto other = static_cast<double>(to[to.size() - 1 - i]);
      at[i] = own > 1 ? std::trunc(at[i] * (other - 1) / (own - 1)) : 0;
    }
    return at;
  }

  const NodeList& outer_;
  const NodeList& inner_;
  bool by_source_;
  bool proportional_;
  std::unique_ptr<Sampler> sampler_;
  std::size_t outer_at_ = 0;
  std::span<const std::uint32_t> places_ = {};
  std::size_t at_ = 0;
};

/// Pairs that are listed beforehand.
class Listed final : public PairSampler {
 public:
  explicit Listed(std::vector<std::pair<Node, Node>> pairs) : pairs_(std::move(pairs)) {}
  bool next(Node& source, Node& destination) override {
    if (at_ == pairs_.size()) return false;
    std::tie(source, destination) = pairs_[at_++];
    return true;
  }

 private:
  std::vector<std::pair<Node, Node>> pairs_;
  std::size_t at_ = 0;
};

std::unique_ptr<PairSampler> paired(const FunctorValue& functor, const NodeList& sources,
                                    const NodeList& destinations) {
  if (sources.nodes.size() != destinations.nodes.size()) {
    throw Ended{aborted,
                {Mistake::crash, functor.place,
                 fmt::format("IsoSampler pairs sets of {} and {} nodes, and MGS ends the program; "
                             "they must be of equal size",
                             sources.nodes.size(), destinations.nodes.size())}};
  }
  std::vector<std::pair<Node, Node>> pairs;
  for (std::size_t i = 0; i < sources.nodes.size(); ++i)
    pairs.emplace_back(sources.nodes[i], destinations.nodes[i]);
  return std::make_unique<Listed>(std::move(pairs));
}

/// Pairs nodes that agree in all dimensions but one, which the other set has not.
std::unique_ptr<PairSampler> constrained(const FunctorValue& functor, const NodeList& sources,
                                         const NodeList& destinations, bool by_source) {
  const NodeList& flat = by_source ? destinations : sources;
  const auto& lengths = flat.grid->dimensions;
  if (std::ranges::count(lengths, 1) != 1) {
    throw Ended{0,
                {Mistake::value, functor.place,
                 fmt::format("{}: the {} must have precisely one dimension of size 1; MGS ends "
                             "with exit status 0 and without a simulation",
                             functor.type, by_source ? "destination" : "source")}};
  }
  // Coordinates are the slowest first.
  const auto free = static_cast<std::size_t>(
      std::ranges::find(lengths.rbegin(), lengths.rend(), 1) - lengths.rbegin());
  std::vector<std::pair<Node, Node>> pairs;
  const auto agree = [&](const Node& a, const Node& b) {
    const auto x = coordinates_of(a), y = coordinates_of(b);
    if (x.size() != y.size()) return false;
    for (std::size_t i = 0; i < x.size(); ++i)
      if (i != free && x[i] != y[i]) return false;
    return true;
  };
  constexpr std::size_t most = 100'000'000;
  if (sources.nodes.size() * destinations.nodes.size() > most)
    throw Mismatch{Mistake::limit, fmt::format("{} over sets that large", functor.type)};
  for (const Node& destination : destinations.nodes)
    for (const Node& source : sources.nodes)
      if (agree(source, destination)) pairs.emplace_back(source, destination);
  return std::make_unique<Listed>(std::move(pairs));
}

/// Every pixel of an output with those of its window in the input: grids of width, height and
/// channels.
std::unique_ptr<PairSampler> convolving(const FunctorValue& functor, const NodeList& sources,
                                        const NodeList& destinations) {
  std::int64_t given[5];
  for (std::size_t i = 0; i < 5; ++i) given[i] = static_cast<std::int64_t>(number_of(functor, i));
  const auto [height, width, stride, padding, by_channel] = given;
  const auto crash = [&](std::string_view what) {
    throw Ended{
        crashed,
        {Mistake::crash, functor.place, fmt::format("ConvSampler: {}, and MGS crashes", what)}};
  };
  const auto& lengths = sources.grid->dimensions;
  if (lengths.size() != 3 || destinations.grid->dimensions.size() != 3)
    crash("its grids have other than three dimensions");
  std::vector<std::pair<Node, Node>> pairs;
  for (const Node& destination : destinations.nodes) {
    const auto at = destination.layer->coordinates(destination.index);
    for (std::int64_t c = 0; c < lengths[2]; ++c) {
      if (by_channel != 0 && c != at[0]) continue;
      const std::int64_t top = at[1] * stride - padding, left = at[2] * stride - padding;
      for (std::int64_t i = std::max<std::int64_t>(top, 0); i < std::min(top + height, lengths[1]);
           ++i)
        for (std::int64_t j = std::max<std::int64_t>(left, 0);
             j < std::min(left + width, lengths[0]); ++j) {
          const auto place = static_cast<std::size_t>((c * lengths[1] + i) * lengths[0] + j);
          if (place >= sources.nodes.size()) crash("its sources are only a part of their grid");
          pairs.emplace_back(sources.nodes[place], destination);
        }
    }
  }
  return std::make_unique<Listed>(std::move(pairs));
}

/// Another sampler's pairs, turned round or without those of a node with itself.
class Changed final : public PairSampler {
 public:
  Changed(std::unique_ptr<PairSampler> inner, bool reverses)
      : inner_(std::move(inner)), reverses_(reverses) {}
  bool next(Node& source, Node& destination) override {
    if (reverses_) return inner_->next(destination, source);
    do {
      if (!inner_->next(source, destination)) return false;
    } while (source == destination);
    return true;
  }
  std::string_view reference() const override { return inner_->reference(); }

 private:
  std::unique_ptr<PairSampler> inner_;
  bool reverses_;
};

}  // namespace

const FunctorArity* find_arity(std::string_view name) {
  const auto* found = std::ranges::find(arities, name, &FunctorArity::name);
  return found == std::end(arities) ? nullptr : found;
}

bool is_set_sampler(std::string_view name) {
  return std::ranges::find(set_samplers, name) != std::end(set_samplers);
}

bool is_pair_sampler(std::string_view name) {
  return std::ranges::find(pair_samplers, name) != std::end(pair_samplers);
}

std::unique_ptr<PairSampler> pair_sampler(const FunctorValue& functor, const NodeList& sources,
                                          const NodeList& destinations, Random& random) {
  const std::string& type = functor.type;
  const auto each = [&](bool by_source, bool proportional) {
    return std::make_unique<Each>(sources, destinations, by_source, proportional,
                                  functor.arguments[0], random);
  };
  if (type.starts_with("IsoSampler")) return paired(functor, sources, destinations);
  if (type == "EachSrc") return each(true, false);
  if (type == "EachDst") return each(false, false);
  if (type == "EachSrcPropDst") return each(true, true);
  if (type == "EachDstPropSrc") return each(false, true);
  if (type == "ConvSampler") return convolving(functor, sources, destinations);
  if (type == "SrcDimensionConstrainedSampler")
    return constrained(functor, sources, destinations, true);
  if (type == "DstDimensionConstrainedSampler")
    return constrained(functor, sources, destinations, false);
  if (type != "ReverseFunctor" && type != "Unique") return nullptr;
  const auto* inner = functor.arguments[0].as_shared<FunctorValue>();
  if (inner == nullptr || !is_pair_sampler(inner->type))
    throw Mismatch{Mistake::type, fmt::format("{} takes a sampler of pairs", type)};
  const bool reverses = type == "ReverseFunctor";
  auto of = reverses ? pair_sampler(*inner, destinations, sources, random)
                     : pair_sampler(*inner, sources, destinations, random);
  return of == nullptr ? nullptr : std::make_unique<Changed>(std::move(of), reverses);
}

}  // namespace isomer::mgs
