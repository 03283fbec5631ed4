#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace thoth {

// A regular file open for writing at chosen offsets: the one place where recordings meet the system's calls.
// What can fail while writing returns an errno value, 0 for success, because the caller has a file to leave in
// order before it throws. One thread at a time.
class OutputFile {
public:
    struct Written {
        std::size_t bytes;  // may be fewer than asked for when `error` is set
        int error;
    };

    // Creates the file, or with `overwrite` also empties one that exists. Throws AudioError with the path and
    // what to do: the file exists, its folder does not, permission, a folder or a device instead of a file.
    OutputFile(const std::filesystem::path& path, bool overwrite);
    ~OutputFile() { close(); }
    OutputFile(const OutputFile&) = delete;
    OutputFile& operator=(const OutputFile&) = delete;

    [[nodiscard]] Written write_at(std::uint64_t offset, std::span<const std::byte> bytes) noexcept;
    // Returns once the bytes written and the file's length are on the disk, as far as the system can tell.
    [[nodiscard]] int sync() noexcept;
    [[nodiscard]] int truncate(std::uint64_t size) noexcept;
    // True when no folder holds the file any more: it would vanish on close.
    [[nodiscard]] bool removed() const noexcept;
    // A second call does nothing and returns 0.
    int close() noexcept;
    [[nodiscard]] bool is_open() const noexcept { return descriptor_ >= 0; }

private:
    int descriptor_ = -1;
};

// UTF-8 on Windows and the system's own bytes elsewhere.
[[nodiscard]] std::string shown(const std::filesystem::path& path);

}  // namespace thoth
