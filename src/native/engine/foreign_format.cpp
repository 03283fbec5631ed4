#include "engine/foreign_format.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "errors.hpp"

namespace thoth {
namespace {

using namespace std::string_view_literals;

constexpr const char* kConvert =
    "; Thoth runs ggml Whisper models (ggml-….bin): take one from `thoth models list`, or convert this one "
    "with "
    "whisper.cpp's convert script";

struct Signature {
    std::size_t offset;
    std::string_view bytes;
    const char* what;
    const char* advice;
};

constexpr std::array kSignatures = {
    Signature{0, "GGUF"sv, "a GGUF model (the format of llama.cpp)", kConvert},
    Signature{0, "PK\x03\x04"sv, "a zip archive, perhaps a PyTorch checkpoint (.pt)", kConvert},
    Signature{0, "\x80\x02"sv, "a Python pickle, perhaps an old PyTorch checkpoint", kConvert},
    Signature{8, "{\""sv, "a safetensors file", kConvert},
    Signature{0, "\x1f\x8b"sv, "gzip-compressed", "; unpack it first"},
    Signature{0, "version https://git-lfs"sv, "a Git LFS pointer, not the model itself",
              "; run `git lfs pull` where it came from, or download the model with `thoth models pull`"},
    // Silero models carry the same mark as Whisper's, then the length and text of their name.
    Signature{4, "\x0a\0\0\0silero-16k"sv, "a voice activity detection model, not a Whisper model",
              "; give the path of a Whisper model"},
};

std::string lower_start(std::string_view text) {
    constexpr std::string_view utf8_mark = "\xEF\xBB\xBF";
    if (text.starts_with(utf8_mark)) {
        text.remove_prefix(utf8_mark.size());
    }
    const auto is_space = [](unsigned char c) { return std::isspace(c) != 0; };
    const auto first = std::find_if_not(text.begin(), text.end(), is_space);
    std::string lower(first, text.end());
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return lower;
}

bool looks_like_web_page(std::string_view text) {
    const std::string start = lower_start(text);
    constexpr std::array openings = {"<!doctype"sv, "<html"sv, "<head"sv, "<?xml"sv, "<!--"sv};
    return std::ranges::any_of(openings, [&](std::string_view opening) { return start.starts_with(opening); });
}

}  // namespace

void refuse_foreign_format(ByteSource& source, const std::string& name) {
    std::array<char, 256> bytes{};
    const std::size_t count = source.read_at(0, std::as_writable_bytes(std::span(bytes)));
    const std::string_view start(bytes.data(), count);
    if (source.size() == 0) {
        throw InvalidModel(name +
                           ": the file is empty (0 bytes), so its magic is missing; download it again "
                           "(`thoth models pull`)");
    }
    if (looks_like_web_page(start)) {
        throw InvalidModel(name +
                           ": this is a web page saved in place of a model (its magic is text); the download "
                           "address was wrong or needed a login: download it again (`thoth models pull`)");
    }
    for (const Signature& signature : kSignatures) {
        if (start.size() > signature.offset && start.substr(signature.offset).starts_with(signature.bytes)) {
            throw InvalidModel(name + ": by its magic this is " + signature.what + signature.advice);
        }
    }
}

}  // namespace thoth
