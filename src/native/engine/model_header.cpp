#include "engine/model_header.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "engine/weight_scan.hpp"

namespace thoth {
namespace {

// A vocabulary of more ids has language tokens.
constexpr std::int32_t kEnglishIds = 51864;
constexpr std::int32_t kMagic = 0x67676d6c;  // GGML_FILE_MAGIC: "lmgg" in the file

// GGML_QNT_VERSION_FACTOR and GGML_QNT_VERSION: quantized files carry `version * factor + ftype`, and older
// versions order the bits of a block differently, which whisper.cpp does not look at.
constexpr std::int32_t kQuantizationFactor = 1000;
constexpr std::int32_t kQuantizationVersion = 2;

// Text ids 0 to 50255 exist in every Whisper vocabulary; the ids behind them are special and need no word.
constexpr std::int32_t kTextWords = 50256;
// The longest word of Whisper's vocabularies has 128 bytes.
constexpr std::int32_t kWordBytes = 1024;
// whisper.cpp's spectrum has WHISPER_N_FFT / 2 + 1 bins, whatever the filters say.
constexpr std::int32_t kSpectrumBins = 201;

struct Limits {
    std::int32_t low;
    std::int32_t high;
    const char* why;
};

// The order is the file's.
struct SizeField {
    const char* name;
    std::int32_t ModelInfo::* member;
    Limits limits;
};

// - n_vocab fixes where whisper.cpp puts the special ids: below 51864 the timestamps run past the logits,
//   above 51866 it looks up a language that it does not know.
// - Its clock (100 frames a second, windows of 30 s) fits 1500 encoder frames only.
// - Half of the text positions take the prompt; the rest must hold a batch of 8 decoders.
// - A decoder block takes up to 62 of the graph's 4096 nodes and tensor headers, part of which the graph
//   itself uses: 48 layers keep clear of the limit (large has 32).
constexpr std::array kSizeFields = {
    SizeField{"n_vocab", &ModelInfo::n_vocab, {51864, 51866, " (English 51864, multilingual 51865, large-v3 51866)"}},
    SizeField{"n_audio_ctx", &ModelInfo::n_audio_ctx, {1500, 1500, " (30 s in frames of 20 ms)"}},
    SizeField{"n_audio_state", &ModelInfo::n_audio_state, {32, 4096, ""}},
    SizeField{"n_audio_head", &ModelInfo::n_audio_head, {1, 64, ""}},
    SizeField{"n_audio_layer", &ModelInfo::n_audio_layer, {1, 48, ""}},
    SizeField{"n_text_ctx", &ModelInfo::n_text_ctx, {64, 448, ""}},
    SizeField{"n_text_state", &ModelInfo::n_text_state, {32, 4096, ""}},
    SizeField{"n_text_head", &ModelInfo::n_text_head, {1, 64, ""}},
    SizeField{"n_text_layer", &ModelInfo::n_text_layer, {1, 48, ""}},
    SizeField{"n_mels", &ModelInfo::n_mels, {80, 128, ""}},
};

std::string range_text(const Limits& limits) {
    const std::string low = std::to_string(limits.low);
    return (limits.low == limits.high ? low : low + " to " + std::to_string(limits.high)) + limits.why;
}

class HeaderCheck {
public:
    explicit HeaderCheck(StructureReader& reader) : reader_(reader) {}

    ModelHeader run() {
        check_magic();
        read_sizes();
        check_relations();
        check_weight_type();
        check_filters();
        check_vocabulary();
        return {info_, weights_, ftype_offset_};
    }

private:
    void check_magic() {
        const std::int32_t magic = reader_.read_int("magic");
        if (magic != kMagic) {
            const auto raw = std::as_bytes(std::span(&magic, 1));
            reader_.fault("magic", quoted(raw), 0, "'lmgg', the mark of a ggml model");
        }
    }

    void read_sizes() {
        for (const SizeField& field : kSizeFields) {
            const std::int32_t value = reader_.read_int(field.name);
            if (value < field.limits.low || value > field.limits.high) {
                reader_.wrong(range_text(field.limits));
            }
            info_.*field.member = value;
        }
        ftype_offset_ = reader_.position();
        info_.ftype = reader_.read_int("ftype");
    }

    void check_relations() {
        require_size("n_mels", info_.n_mels == 80 || info_.n_mels == 128, "80 or 128");
        require_size("n_audio_state", info_.n_audio_state % 32 == 0, "a multiple of 32");
        require_size("n_audio_head",
                     info_.n_audio_state % info_.n_audio_head == 0 && info_.n_audio_state / info_.n_audio_head % 8 == 0,
                     "to divide n_audio_state (" + std::to_string(info_.n_audio_state) + ") into multiples of 8");
        require_size("n_text_state", info_.n_text_state == info_.n_audio_state,
                     "n_audio_state (" + std::to_string(info_.n_audio_state) + ")");
        require_size("n_text_head", info_.n_text_head == info_.n_audio_head,
                     "n_audio_head (" + std::to_string(info_.n_audio_head) + ")");
    }

    void require_size(std::string_view name, bool holds, const std::string& expected) {
        if (holds) {
            return;
        }
        const auto field = std::ranges::find(kSizeFields, name, &SizeField::name);
        const auto index = static_cast<std::uint64_t>(field - kSizeFields.begin());
        reader_.fault(field->name, std::to_string(info_.*field->member), 4 + 4 * index, expected);
    }

    void check_weight_type() {
        const std::int32_t raw = info_.ftype;
        info_.ftype = raw % kQuantizationFactor;
        weights_ = raw < 0 ? nullptr : tensor_type_of_ftype(info_.ftype);
        if (weights_ == nullptr) {
            reader_.wrong(
                "1 (f16) or 2000 plus 2 (q4_0), 3 (q4_1), 7 (q8_0), 8 (q5_0), 9 (q5_1), 10 to 14 (k-quants); "
                "whisper.cpp cannot run models that are f32 throughout, and Thoth cannot check other types");
        }
        const std::int32_t version = raw / kQuantizationFactor;
        if (version != kQuantizationVersion && (weights_->quantized || version != 0)) {
            reader_.wrong("quantization version 2, that is 2000 plus the type; quantize the model again");
        }
        if (info_.n_audio_state % static_cast<std::int32_t>(weights_->block_values) != 0) {
            reader_.wrong("a type whose blocks (" + std::to_string(weights_->block_values) +
                          " values) divide n_audio_state (" + std::to_string(info_.n_audio_state) + ")");
        }
        info_.weight_type = weights_->name;
        info_.multilingual = info_.n_vocab > kEnglishIds;
    }

    void check_filters() {
        if (reader_.read_int("mel filters n_mel") != info_.n_mels) {
            reader_.wrong("n_mels (" + std::to_string(info_.n_mels) + ")");
        }
        if (reader_.read_int("mel filters n_fft") != kSpectrumBins) {
            reader_.wrong(std::to_string(kSpectrumBins));
        }
        const std::uint64_t start = reader_.position();
        std::vector<std::byte> filters(sizeof(float) * std::size_t(info_.n_mels) * kSpectrumBins);
        reader_.read(filters, "mel filters data");
        if (const auto bad = first_non_finite(*tensor_type(0), filters)) {
            reader_.fault("mel filters data[" + std::to_string(*bad / sizeof(float)) + "]", "NaN or infinite",
                          start + *bad, "a finite number");
        }
    }

    void check_vocabulary() {
        const std::int32_t count = reader_.read_int("vocabulary size");
        if (count < kTextWords || count > info_.n_vocab) {
            reader_.wrong(std::to_string(kTextWords) + " to n_vocab (" + std::to_string(info_.n_vocab) + ")");
        }
        const std::uint64_t start = reader_.position();
        bool has_space = false;
        for (std::int32_t id = 0; id < count; ++id) {
            has_space |= read_word(id) == " ";
        }
        if (!has_space) {
            reader_.fault("vocabulary", "without the word ' '", start, "it among the words: decoding looks it up");
        }
    }

    std::string read_word(std::int32_t id) {
        static const std::string length_field = "a vocabulary word's length";
        const std::uint64_t offset = reader_.position();
        const std::int32_t length = reader_.read_int(length_field);
        if (length < 0 || length > kWordBytes) {
            reader_.fault("vocabulary word " + std::to_string(id) + " length",
                          std::to_string(static_cast<std::uint32_t>(length)), offset,
                          "0 to " + std::to_string(kWordBytes) + " bytes");
        }
        static const std::string word_field = "a vocabulary word";
        return reader_.read_text(static_cast<std::uint32_t>(length), word_field);
    }

    StructureReader& reader_;
    ModelInfo info_;
    const TensorType* weights_ = nullptr;
    std::uint64_t ftype_offset_ = 0;
};

}  // namespace

ModelHeader read_header(StructureReader& reader) { return HeaderCheck(reader).run(); }

}  // namespace thoth
