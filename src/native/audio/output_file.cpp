#include "audio/output_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "errors.hpp"

#ifdef _WIN32
#include <io.h>
#else
#include <unistd.h>
#endif

namespace thoth {
namespace {

// One call of write takes an int on Windows and at most 2 GiB on Linux.
constexpr std::size_t max_call_bytes = std::size_t{1} << 30;

std::string advice(int error) {
    switch (error) {
        case EEXIST:
            return "the file exists and was left as it is: choose another name, or ask for it to be overwritten";
        case ENOENT:
        case ENOTDIR:
            return "the folder for this file does not exist: create it or choose another path";
        case EISDIR:
            return "this is a folder: give the path of a file";
        case EACCES:
        case EPERM:
        case EROFS:
            return "not allowed to write here (" + std::generic_category().message(error) +
                   "): choose a folder you may write to";
        case ENOSPC:
#ifdef EDQUOT
        case EDQUOT:
#endif
            return "the disk is full: free some space or choose another disk";
        default:
            return "the file cannot be created (" + std::generic_category().message(error) + "): choose another path";
    }
}

#ifdef _WIN32
int open_for_writing(const std::filesystem::path& path, bool overwrite) noexcept {
    const int flags = _O_WRONLY | _O_BINARY | _O_CREAT | _O_NOINHERIT | (overwrite ? 0 : _O_EXCL);
    return ::_wopen(path.c_str(), flags, _S_IREAD | _S_IWRITE);
}
#else
// Where a program was started without a standard stream, its number is free, and whoever redirects that stream for a
// moment would do so to this file.
int above_standard_streams(int descriptor) noexcept {
    if (descriptor < 0 || descriptor > STDERR_FILENO) return descriptor;
    const int moved = ::fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    const int error = errno;
    ::close(descriptor);
    errno = error;
    return moved;
}

int open_for_writing(const std::filesystem::path& path, bool overwrite) noexcept {
    // Not truncating yet: what is found must first prove to be a regular file. Not blocking: it may be a pipe.
    const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (overwrite ? 0 : O_EXCL);
    return above_standard_streams(::open(path.c_str(), flags, 0666));
}
#endif

bool is_regular(int descriptor) noexcept {
#ifdef _WIN32
    struct _stat64 found{};
    return ::_fstat64(descriptor, &found) == 0 && (found.st_mode & _S_IFMT) == _S_IFREG;
#else
    struct stat found{};
    return ::fstat(descriptor, &found) == 0 && S_ISREG(found.st_mode);
#endif
}

// The count written, or -1 with errno set.
std::int64_t write_once(int descriptor, std::uint64_t offset, std::span<const std::byte> bytes) noexcept {
    const std::size_t size = std::min(bytes.size(), max_call_bytes);
#ifdef _WIN32
    if (::_lseeki64(descriptor, static_cast<std::int64_t>(offset), SEEK_SET) < 0) return -1;
    return ::_write(descriptor, bytes.data(), static_cast<unsigned>(size));
#else
    return ::pwrite(descriptor, bytes.data(), size, static_cast<off_t>(offset));
#endif
}

}  // namespace

std::string shown(const std::filesystem::path& path) {
#ifdef _WIN32
    const std::u8string text = path.u8string();
    return std::string(text.begin(), text.end());
#else
    return path.string();
#endif
}

OutputFile::OutputFile(const std::filesystem::path& path, bool overwrite)
    : descriptor_(open_for_writing(path, overwrite)) {
    if (descriptor_ < 0) {
        throw AudioError(shown(path) + ": " + advice(errno));
    }
    if (!is_regular(descriptor_)) {
        close();
        throw AudioError(shown(path) + ": this is a device or a pipe, not a file: give the path of a file");
    }
    if (const int error = truncate(0); error != 0) {
        close();
        throw AudioError(shown(path) + ": " + advice(error));
    }
}

OutputFile::Written OutputFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) noexcept {
    std::size_t done = 0;
    while (done < bytes.size()) {
        const std::int64_t count = write_once(descriptor_, offset + done, bytes.subspan(done));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return {done, count < 0 ? errno : ENOSPC};
        }
        done += static_cast<std::size_t>(count);
    }
    return {done, 0};
}

int OutputFile::sync() noexcept {
#if defined(_WIN32)
    return ::_commit(descriptor_) == 0 ? 0 : errno;
#elif defined(__APPLE__)
    return ::fsync(descriptor_) == 0 ? 0 : errno;
#else
    return ::fdatasync(descriptor_) == 0 ? 0 : errno;
#endif
}

int OutputFile::truncate(std::uint64_t size) noexcept {
#ifdef _WIN32
    return ::_chsize_s(descriptor_, static_cast<std::int64_t>(size));
#else
    return ::ftruncate(descriptor_, static_cast<off_t>(size)) == 0 ? 0 : errno;
#endif
}

bool OutputFile::removed() const noexcept {
#ifdef _WIN32
    return false;  // Windows does not remove a file that is open
#else
    struct stat found{};
    return ::fstat(descriptor_, &found) == 0 && found.st_nlink == 0;
#endif
}

int OutputFile::close() noexcept {
    if (descriptor_ < 0) {
        return 0;
    }
    const int descriptor = std::exchange(descriptor_, -1);
#ifdef _WIN32
    return ::_close(descriptor) == 0 ? 0 : errno;
#else
    // Not repeated after EINTR: on Linux the descriptor is gone by then and may already be somebody else's.
    return ::close(descriptor) == 0 || errno == EINTR ? 0 : errno;
#endif
}

}  // namespace thoth
