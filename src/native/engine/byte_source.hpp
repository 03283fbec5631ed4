#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>

namespace thoth {

// Bytes at known offsets: what the model check reads from, so that a file and a buffer in memory are judged
// by the same code. An instance belongs to one thread at a time.
class ByteSource {
public:
    virtual ~ByteSource() = default;

    // Fixed when the source is made, also when the file changes afterwards.
    virtual std::uint64_t size() const noexcept = 0;

    // Copies up to `out.size()` bytes from `offset` on and returns how many there were. Fewer than asked for
    // means the end of the bytes or a read error.
    virtual std::size_t read_at(std::uint64_t offset, std::span<std::byte> out) = 0;
};

// Borrows the bytes: they must outlive the source.
class MemorySource final : public ByteSource {
public:
    explicit MemorySource(std::span<const std::byte> bytes) : bytes_(bytes) {}

    std::uint64_t size() const noexcept override { return bytes_.size(); }
    std::size_t read_at(std::uint64_t offset, std::span<std::byte> out) override;

private:
    std::span<const std::byte> bytes_;
};

// A regular file, held open. Anything else (a directory, a pipe, a device) is refused without being opened or
// waited for, with an InvalidModel that says what it is; so is a file that is missing or may not be read.
// `path` is UTF-8 on Windows and the system's own bytes elsewhere.
class FileSource final : public ByteSource {
public:
    explicit FileSource(const std::string& path);

    std::uint64_t size() const noexcept override { return size_; }
    std::size_t read_at(std::uint64_t offset, std::span<std::byte> out) override;

private:
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };

    std::unique_ptr<std::FILE, Close> file_;
    std::uint64_t size_ = 0;
    std::uint64_t position_ = 0;
};

}  // namespace thoth
