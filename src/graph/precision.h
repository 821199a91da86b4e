#pragma once

namespace isomer {

/// In which precision a model runs: as it was written, or with an f64 for each f32, for proofs.
enum class Precision { f32, f64 };

}  // namespace isomer
