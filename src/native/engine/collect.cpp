#include "engine/collect.hpp"

#include <whisper.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

namespace thoth {
namespace {

SegmentResult segment_of(const Workspace& workspace, int index, bool with_times) {
    whisper_state* state = workspace.state();
    SegmentResult segment;
    segment.start_s = 0.01 * static_cast<double>(whisper_full_get_segment_t0_from_state(state, index));
    segment.end_s = 0.01 * static_cast<double>(whisper_full_get_segment_t1_from_state(state, index));
    segment.text = whisper_full_get_segment_text_from_state(state, index);
    const int n = whisper_full_n_tokens_from_state(state, index);
    double sum = 0;
    for (int i = 0; i < n; ++i) {
        const auto data = whisper_full_get_token_data_from_state(state, index, i);
        sum += data.plog;
        segment.tokens.push_back({
            data.id,
            whisper_full_get_token_text_from_state(workspace.context(), state, index, i),
            data.p,
            with_times ? 0.01 * static_cast<double>(data.t0) : -1.0,
            with_times ? 0.01 * static_cast<double>(data.t1) : -1.0,
        });
    }
    segment.average_log_probability = n > 0 ? static_cast<float>(sum / n) : 0.0F;
    return segment;
}

// The probability of <|nospeech|> right after <|startoftranscript|> (Radford et al. 2022, section 4.5), over the
// window that was encoded last.
float no_speech_probability(const Workspace& workspace, const ModelInfo& info, int threads) {
    const whisper_token start = whisper_token_sot(workspace.context());
    if (whisper_decode_with_state(workspace.context(), workspace.state(), &start, 1, 0, threads) != 0) return 0.0F;
    const float* logits = whisper_get_logits_from_state(workspace.state());
    const std::span<const float> row(logits, static_cast<std::size_t>(info.n_vocab));
    const float largest = *std::max_element(row.begin(), row.end());
    double sum = 0;
    for (const float logit : row) sum += std::exp(static_cast<double>(logit - largest));
    const auto token = static_cast<std::size_t>(whisper_token_nosp(workspace.context()));
    return static_cast<float>(std::exp(static_cast<double>(row[token] - largest)) / sum);
}

}  // namespace

void collect(WindowResult& result, const Workspace& workspace, const ModelInfo& info, const DecodeOptions& options) {
    const int n = whisper_full_n_segments_from_state(workspace.state());
    for (int i = 0; i < n; ++i) result.segments.push_back(segment_of(workspace, i, options.token_timestamps));
    if (result.segments.empty()) return;
    result.no_speech_probability = no_speech_probability(workspace, info, options.threads);
    const auto silent = [&](const SegmentResult& segment) {
        return result.no_speech_probability > options.no_speech_threshold &&
               segment.average_log_probability < options.log_prob_threshold;
    };
    std::erase_if(result.segments, silent);
}

}  // namespace thoth
