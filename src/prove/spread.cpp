#include "prove/spread.h"

#include <map>
#include <utility>

#include "base/error.h"

namespace isomer {

struct SpreadOf::Shared {
  std::function<Graph()> make;
  const Engine& engine;
  std::unique_ptr<Rounding> rounding;
  std::string failure;

  Rounding& made() {
    if (rounding == nullptr) rounding = std::make_unique<Rounding>(make(), engine);
    return *rounding;
  }
};

SpreadOf::SpreadOf(std::function<Graph()> make, const Engine& engine)
    : shared_(std::make_shared<Shared>(Shared{std::move(make), engine, {}, {}})) {}

void SpreadOf::release() const { shared_->rounding.reset(); }

const std::string& SpreadOf::failure() const { return shared_->failure; }

Spread SpreadOf::on(InputSet set, std::vector<Place> places) const {
  struct Measured {
    InputSet set;
    std::vector<Place> places;
    std::map<Precision, Rounding::Spread> spreads;
  };
  const auto measured = std::make_shared<Measured>(Measured{std::move(set), std::move(places), {}});
  return [shared = shared_, measured](std::size_t tensor, Precision precision,
                                      int runs) -> std::optional<std::span<const double>> {
    if (!shared->failure.empty()) return std::nullopt;
    const Place& place = measured->places.at(tensor);
    if (!place.number) return std::span<const double>{};
    try {
      Rounding::Spread& spread = measured->spreads[precision];
      if (spread.runs < runs) shared->made().measure(spread, measured->set, precision, runs);
      return spread.most.at(place.call).at(*place.number);
    } catch (const Error& error) {
      if (error.fault() == Fault::bug) throw;
      shared->failure = error.what();
      return std::nullopt;
    }
  };
}

}  // namespace isomer
