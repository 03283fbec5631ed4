// libFuzzer target for the model check. The first byte of an input picks one of three ways in:
//   'r'  the rest is the whole file
//   'e'  the rest is a list of edits to a sound model: random bytes would hardly ever get past its 50,256
//   words 's'  the rest is weights of the type that the next byte picks; the fast scan must agree with a
//   plain one
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "engine/model_check.hpp"
#include "engine/model_file.hpp"
#include "engine/weight_scan.hpp"
#include "errors.hpp"
#include "tiny_model.hpp"

namespace {

using Bytes = std::span<const std::byte>;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

template <class T>
T take(Bytes& input) {
    T value{};
    const std::size_t count = std::min(sizeof value, input.size());
    std::memcpy(&value, input.data(), count);
    input = input.subspan(count);
    return value;
}

// A sound model with a few bytes changed and another end, without a copy of its megabytes.
class EditedSource final : public thoth::ByteSource {
public:
    explicit EditedSource(const tiny_model::Model& base) : base_(base), size_(base.bytes.size()) {}

    void apply(Bytes edits) {
        while (!edits.empty() && patches_.size() < 16) {
            const auto kind = take<std::uint8_t>(edits);
            const auto where = take<std::uint16_t>(edits);
            const auto value = take<std::uint32_t>(edits);
            apply(kind % 6, where, value);
        }
    }

    std::uint64_t size() const noexcept override { return size_; }
    bool untouched() const { return patches_.empty() && size_ == base_.bytes.size(); }

    std::size_t read_at(std::uint64_t offset, std::span<std::byte> out) override {
        const std::size_t count = offset < size_ ? std::min<std::uint64_t>(out.size(), size_ - offset) : 0;
        for (std::size_t done = 0; done < count;) {
            done += copy_base(offset + done, out.subspan(done, count - done));
        }
        for (const Patch& patch : patches_) {
            for (std::size_t i = 0; i < patch.length; ++i) {
                const std::uint64_t at = patch.offset + i;
                if (at >= offset && at < offset + count) {
                    out[at - offset] = std::byte(patch.value >> (8 * i) & 0xFF);
                }
            }
        }
        return count;
    }

private:
    struct Patch {
        std::uint64_t offset;
        std::size_t length;
        std::uint32_t value;
    };

    // Behind the base's end its last tensors come again, so that a longer file has something to say.
    std::size_t copy_base(std::uint64_t offset, std::span<std::byte> out) const {
        const std::uint64_t end = base_.bytes.size();
        const std::uint64_t from = offset < end ? offset : base_.fields[15] + (offset - end) % (end - base_.fields[15]);
        const std::size_t count = std::min<std::uint64_t>(out.size(), end - from);
        std::memcpy(out.data(), base_.bytes.data() + from, count);
        return count;
    }

    void apply(int kind, std::uint16_t where, std::uint32_t value) {
        const std::uint64_t field = base_.fields[where % base_.fields.size()];
        switch (kind) {
            case 0:
                patches_.push_back({field, 4, value});
                break;
            case 1:
                patches_.push_back({field + value % 64, 1, value >> 8});
                break;
            case 2:
                size_ = std::min<std::uint64_t>(size_, field + value % 64);
                break;
            case 3:
                size_ += value % 8192;
                break;
            case 4:
                patches_.push_back({base_.weights[where % base_.weights.size()] + value % 4096, 2, value >> 16});
                break;
            default:
                patches_.push_back({value % base_.bytes.size(), 4, where});
                break;
        }
    }

    const tiny_model::Model& base_;
    std::uint64_t size_;
    std::vector<Patch> patches_;
};

void require_plausible(const thoth::CheckedModel& model, std::uint64_t size) {
    const thoth::ModelInfo& info = model.info;
    require(info.file_bytes == size && info.n_audio_state % info.n_audio_head == 0);
    require(info.n_text_state == info.n_audio_state && info.n_mels <= 128);
    require(info.n_tensors == std::uint64_t(7 + 15 * info.n_audio_layer + 4 + 24 * info.n_text_layer));
    require(model.structure.size() == info.n_tensors + 1);
}

void check_raw(Bytes input) {
    try {
        thoth::check_model(input);
    } catch (const thoth::InvalidModel&) {
    }
}

void check_edited(Bytes input) {
    static const tiny_model::Model f16 = tiny_model::make(1);
    static const tiny_model::Model q5_1 = tiny_model::make(9);
    EditedSource source(take<std::uint8_t>(input) % 2 == 0 ? f16 : q5_1);
    source.apply(input);
    try {
        require_plausible(thoth::check_source(source, "edited model"), source.size());
    } catch (const thoth::InvalidModel&) {
        require(!source.untouched());
    }
}

bool finite_half(const std::byte* at) {
    std::uint16_t half;
    std::memcpy(&half, at, sizeof half);
    return (half >> 10 & 31) != 31;
}

bool finite_float(const std::byte* at) {
    float number;
    std::memcpy(&number, at, sizeof number);
    return std::isfinite(number);
}

std::optional<std::size_t> plain_scan(const thoth::TensorType& type, Bytes bytes) {
    const auto finite = type.name == "f32" ? finite_float : finite_half;
    for (std::size_t block = 0; block + type.block_bytes <= bytes.size(); block += type.block_bytes) {
        for (const std::uint32_t offset : type.float_offsets) {
            if (!finite(bytes.data() + block + offset)) {
                return block + offset;
            }
        }
    }
    return std::nullopt;
}

void check_scan(Bytes input) {
    const auto types = thoth::tensor_types();
    const thoth::TensorType& type = types[take<std::uint8_t>(input) % types.size()];
    std::vector<std::byte> weights(3 * 4096);  // long enough for the fast path
    std::ranges::copy(input.first(std::min(input.size(), weights.size())),
                      weights.end() - std::ptrdiff_t(std::min(input.size(), weights.size())));
    require(thoth::first_non_finite(type, weights) == plain_scan(type, weights));
    require(thoth::first_non_finite(type, input) == plain_scan(type, input));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Bytes input = std::as_bytes(std::span(data, size));
    if (input.empty()) {
        check_raw(input);
        return 0;
    }
    switch (take<char>(input)) {
        case 'e':
            check_edited(input);
            break;
        case 's':
            check_scan(input);
            break;
        default:
            check_raw(input);
            break;
    }
    return 0;
}
