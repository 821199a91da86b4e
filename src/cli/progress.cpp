#include "cli/progress.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>

#include "base/text.h"

namespace isomer::cli {
namespace {

/// Over the last one: what `say` would escape is ours here.
void draw_line(std::string_view line) {
  fmt::print(stderr, "\r\033[K{}", line);
  std::fflush(stderr);
}

class Bar {
 public:
  Bar() = default;
  Bar(const Bar&) = delete;
  Bar& operator=(const Bar&) = delete;
  ~Bar() {
    if (drawn_) draw_line("");
  }

  void draw(std::string_view what, std::size_t done, std::size_t total) {
    using namespace std::chrono_literals;
    const auto now = std::chrono::steady_clock::now();
    if (now - begin_ < 1s || now - last_ < 100ms) return;
    last_ = now;
    drawn_ = true;
    constexpr std::size_t width = 30;
    const std::size_t full = total == 0 ? 0 : std::min(width, width * done / total);
    constexpr std::size_t longest = 200;
    draw_line(
        fmt::format("[{:=<{}}{: <{}}] {}", "", full, "", width - full, printable(what, longest)));
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_{};
  bool drawn_ = false;
};

}  // namespace

Progress progress_bar() {
  if (::isatty(STDERR_FILENO) == 0) return {};
  auto bar = std::make_shared<Bar>();
  return [bar](std::string_view what, std::size_t done, std::size_t total) {
    bar->draw(what, done, total);
  };
}

}  // namespace isomer::cli
