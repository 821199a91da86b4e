#include "base/bytes.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <mutex>

#include "base/error.h"

namespace isomer {
namespace {

Error system_error(const std::filesystem::path& path, std::string_view action) {
  return Error(Fault::file, path.string(), std::string(action) + ": " + std::strerror(errno));
}

struct Unmap {
  std::size_t size;
  void operator()(void* start) const { ::munmap(start, size); }
};

}  // namespace

struct Bytes::Later {
  std::function<Bytes()> make;
  mutable std::mutex gate;
  mutable std::atomic<bool> done = false;
  mutable Bytes bytes;
};

Bytes Bytes::later(std::size_t size, std::function<Bytes()> make) {
  auto later = std::make_shared<Later>();
  later->make = std::move(make);
  Bytes bytes;
  bytes.later_ = later.get();
  bytes.owner_ = std::move(later);
  bytes.size_ = size;
  return bytes;
}

bool Bytes::waiting() const { return later_ != nullptr && !later_->done; }

const std::byte* Bytes::made() const {
  if (waiting()) {
    const std::lock_guard guard(later_->gate);
    if (waiting()) {
      later_->bytes = later_->make().now();
      later_->done = true;
    }
  }
  return later_->bytes.data().data() + skipped_;
}

Bytes Bytes::now() const { return waiting() ? later_->make().now().part(skipped_, size_) : *this; }

Bytes Bytes::part(std::size_t begin, std::size_t size) const {
  Bytes part = *this;
  if (later_ == nullptr) {
    part.begin_ += begin;
  } else {
    part.skipped_ += begin;
  }
  part.size_ = size;
  return part;
}

void Bytes::unload() const {
  if (later_ != nullptr && later_->done) return later_->bytes.part(skipped_, size_).unload();
  if (std::get_deleter<Unmap>(owner_) == nullptr) return;
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto address = reinterpret_cast<std::uintptr_t>(begin_);
  const std::uintptr_t start = address / page * page;
  // The file is mapped for reading only, so that nothing can be lost; if it fails, nothing is won.
  ::madvise(reinterpret_cast<void*>(start), address + size_ - start, MADV_DONTNEED);
}

Bytes bytes_of(std::string text) {
  auto owner = std::make_shared<const std::string>(std::move(text));
  return {owner, std::as_bytes(std::span(owner->data(), owner->size()))};
}

Bytes bytes_of(std::vector<std::byte> data) {
  auto owner = std::make_shared<const std::vector<std::byte>>(std::move(data));
  return {owner, std::span(owner->data(), owner->size())};
}

Bytes bytes_of(const Parts& parts) {
  std::string text;
  for (const Bytes& part : parts) text += part.text();
  return bytes_of(std::move(text));
}

Bytes map_file(const std::filesystem::path& path) {
  // Without O_NONBLOCK a pipe would wait for somebody to write into it.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) throw system_error(path, "cannot open");
  struct stat status {};
  if (::fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(file);
    throw Error(Fault::file, path.string(),
                "is no regular file; save what it gives as a file first");
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) {
    ::close(file);
    return {};
  }
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
  ::close(file);
  if (address == MAP_FAILED) throw system_error(path, "cannot map");
  std::shared_ptr<const void> owner(address, Unmap{size});
  return {std::move(owner), {static_cast<const std::byte*>(address), size}};
}

void write_file(const std::filesystem::path& path, const Parts& parts) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  for (const Bytes& part : parts) {
    const Bytes now = part.now();
    const std::string_view text = now.text();
    if (!out.write(text.data(), static_cast<std::streamsize>(text.size()))) break;
  }
  if (!out.flush()) throw system_error(path, "cannot write");
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  write_file(path, {{nullptr, std::as_bytes(std::span(text.data(), text.size()))}});
}

}  // namespace isomer
