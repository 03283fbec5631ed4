#include "engine/byte_source.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "errors.hpp"

#ifndef _WIN32
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace thoth {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const std::string& path, const std::string& why) { throw InvalidModel(path + ": " + why); }

std::string reason(int error) { return std::generic_category().message(error); }

const char* kind_name(fs::file_type type) {
    switch (type) {
        case fs::file_type::directory:
            return "a directory";
        case fs::file_type::fifo:
            return "a pipe";
        case fs::file_type::socket:
            return "a socket";
        case fs::file_type::block:
        case fs::file_type::character:
            return "a device";
        default:
            return "not a regular file";
    }
}

fs::path native_path(const std::string& path) {
#ifdef _WIN32
    return fs::path(std::u8string(path.begin(), path.end()));
#else
    return fs::path(path);
#endif
}

void require_regular(const std::string& path, const fs::path& native) {
    std::error_code error;
    const fs::file_status status = fs::status(native, error);
    if (status.type() == fs::file_type::not_found) {
        refuse(path, "no such file; give the path of a ggml Whisper model, or see `thoth models list`");
    }
    if (error) {
        refuse(path, "the model cannot be looked up (" + error.message() + "); check the path and its permissions");
    }
    if (status.type() != fs::file_type::regular) {
        refuse(path, std::string("this is ") + kind_name(status.type()) +
                         ", not a model; give the path of a ggml Whisper model file (ggml-….bin)");
    }
}

// The file may have been exchanged since it was looked at: opening must not block on a pipe that took its
// place.
std::FILE* open_unblocked(const std::string& path, const fs::path& native) {
#ifdef _WIN32
    std::FILE* file = ::_wfopen(native.c_str(), L"rb");
    const int error = errno;
#else
    const int descriptor = ::open(native.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int error = errno;
    std::FILE* file = nullptr;
    if (descriptor >= 0) {
        struct stat found{};
        if (::fstat(descriptor, &found) != 0 || !S_ISREG(found.st_mode)) {
            ::close(descriptor);
            refuse(path, "this is no longer a regular file; give the path of a ggml Whisper model file");
        }
        file = ::fdopen(descriptor, "rb");
        error = errno;
        if (file == nullptr) {
            ::close(descriptor);
        }
    }
#endif
    if (file == nullptr) {
        refuse(path, "the model cannot be opened (" + reason(error) + "); check that you may read this file");
    }
    return file;
}

bool seek(std::FILE* file, std::uint64_t offset, int whence) {
#ifdef _WIN32
    return ::_fseeki64(file, static_cast<long long>(offset), whence) == 0;
#else
    return ::fseeko(file, static_cast<off_t>(offset), whence) == 0;
#endif
}

std::int64_t tell(std::FILE* file) {
#ifdef _WIN32
    return ::_ftelli64(file);
#else
    return static_cast<std::int64_t>(::ftello(file));
#endif
}

}  // namespace

std::size_t MemorySource::read_at(std::uint64_t offset, std::span<std::byte> out) {
    if (offset >= bytes_.size() || out.empty()) {
        return 0;
    }
    const std::size_t count = std::min<std::uint64_t>(out.size(), bytes_.size() - offset);
    std::memcpy(out.data(), bytes_.data() + offset, count);
    return count;
}

FileSource::FileSource(const std::string& path) {
    if (path.find('\0') != std::string::npos) {
        refuse(path.substr(0, path.find('\0')), "the path holds a NUL character; no file can have this name");
    }
    const fs::path native = native_path(path);
    require_regular(path, native);
    file_.reset(open_unblocked(path, native));
    // The callers read in large pieces: a second buffer would only copy once more.
    std::setvbuf(file_.get(), nullptr, _IONBF, 0);
    const std::int64_t end = seek(file_.get(), 0, SEEK_END) ? tell(file_.get()) : -1;
    if (end < 0 || !seek(file_.get(), 0, SEEK_SET)) {
        refuse(path, "the model cannot be read (" + reason(errno) + ")");
    }
    size_ = static_cast<std::uint64_t>(end);
}

std::size_t FileSource::read_at(std::uint64_t offset, std::span<std::byte> out) {
    if (offset >= size_ || out.empty()) {
        return 0;
    }
    if (offset != position_ && !seek(file_.get(), offset, SEEK_SET)) {
        return 0;
    }
    const std::size_t wanted = std::min<std::uint64_t>(out.size(), size_ - offset);
    const std::size_t count = std::fread(out.data(), 1, wanted, file_.get());
    position_ = offset + count;
    if (count < wanted) {
        std::clearerr(file_.get());
    }
    return count;
}

}  // namespace thoth
