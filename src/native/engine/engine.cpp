#include "engine/engine.hpp"

#include <whisper.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <new>
#include <numeric>
#include <system_error>

#include "engine/backends.hpp"
#include "engine/collect.hpp"
#include "engine/decoding_run.hpp"
#include "engine/lane.hpp"
#include "engine/log.hpp"
#include "engine/pair.hpp"
#include "engine/quality.hpp"
#include "engine/widening.hpp"
#include "errors.hpp"
#include "free_memory.hpp"

namespace thoth {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr int position_samples = 320;  // one encoder position: two mel frames of 10 ms
// Encoding only what is there, as measured on recordings (docs/architecture.md): with less than a floor, or with
// less silence than a margin behind the last word, words get lost or said twice.
constexpr int context_floor = 256;
constexpr int context_margin = 128;
// Attention multiplies by rows as long as the context, and ggml's fast matrix kernels want these in whole vectors:
// the full 1500 positions fall to a slow one and take a fifth longer than 1472.
constexpr int context_step = 64;
// Silence that a window must at least have behind it to be encoded at less than the full width.
constexpr int context_least_margin = 32;
constexpr int most_candidates = 8;  // WHISPER_MAX_DECODERS
// whisper.cpp's status for "no memory for this many candidates", upon which it has freed the caller's state.
constexpr int status_state_freed = -7;

// The languages that a multilingual model has tokens for: 99, or 100 since large-v3. whisper.cpp's own list is that of
// the newest; on an older model the last language would be read from the token of another meaning.
constexpr int newest_vocabulary = 51866;
int language_count(const ModelInfo& info) { return info.n_vocab - 51766; }

void require(bool holds, const char* message) {
    if (!holds) throw InvalidOption(message);
}

void validate(const DecodeOptions& options, const ModelInfo& info) {
    require(options.beam_size >= 1 && options.beam_size <= most_candidates, "beam_size must be 1 to 8");
    require(options.best_of >= 1 && options.best_of <= most_candidates, "best_of must be 1 to 8");
    require(options.temperature >= 0 && options.temperature <= 1, "temperature must be 0 to 1");
    require(options.temperature_step >= 0 && options.temperature_step <= 1, "the step of temperature must be 0 to 1");
    require(options.repetition_penalty > 0, "repetition_penalty must be above 0 (1 turns it off)");
    require(options.no_repeat_ngram_size >= 0, "no_repeat_ngram_size must be 0 (off) or more");
    require(options.max_new_tokens >= 0, "max_new_tokens must be 0 (no limit) or more");
    require(options.max_segment_length >= 0, "max_segment_length must be 0 (no limit) or more");
    require(options.threads >= 1, "threads must be 1 or more");
    require(options.audio_context >= DecodeOptions::reduced_context && options.audio_context <= info.n_audio_ctx,
            "audio_context must be 'auto', 'reduced', 'full' or 1 up to the model's own number of positions");
    const auto known = [&info](int token) { return token >= 0 && token < info.n_vocab; };
    require(std::ranges::all_of(options.prompt, known), "initial_prompt holds a token id outside of the vocabulary");
    const int language = whisper_lang_id(options.language.c_str());
    require(!info.multilingual || (language >= 0 && language < language_count(info)),
            "language is not one that this model knows; give a code such as 'en', or None to detect it");
}

// whisper.cpp computes the spectrogram on threads that it starts for it, and lets through what the system says to that.
int run_model(const Workspace& workspace, const whisper_full_params& params, std::span<const float> samples) {
    try {
        return whisper_full_with_state(workspace.context(), workspace.state(), params, samples.data(),
                                       static_cast<int>(samples.size()));
    } catch (const std::system_error& error) {
        if (error.code() != std::errc::resource_unavailable_try_again) throw;
        throw ModelError("not enough memory, or too many threads on this machine, to start one more");
    }
}

whisper_full_params parameters(const DecodeOptions& options, int audio_context, bool fall_back) {
    const bool beam = options.beam_size > 1;
    auto params = whisper_full_default_params(beam ? WHISPER_SAMPLING_BEAM_SEARCH : WHISPER_SAMPLING_GREEDY);
    params.n_threads = options.threads;
    params.translate = options.translate;
    params.language = options.language.c_str();
    params.no_context = true;  // the caller carries the context: whisper.cpp would keep it for whoever comes next
    params.prompt_tokens = options.prompt.empty() ? nullptr : options.prompt.data();
    params.prompt_n_tokens = static_cast<int>(options.prompt.size());
    params.no_timestamps = options.without_timestamps;
    params.max_initial_ts = options.max_initial_timestamp;
    params.token_timestamps = options.token_timestamps;
    params.max_len = options.max_segment_length;
    params.split_on_word = true;
    params.max_tokens = options.max_new_tokens;
    params.suppress_blank = options.suppress_blank;
    params.suppress_nst = options.suppress_non_speech;
    params.temperature = options.temperature;
    params.temperature_inc = fall_back ? options.temperature_step : 0.0F;
    params.entropy_thold = options.entropy_threshold;
    params.logprob_thold = options.log_prob_threshold;
    // whisper.cpp reads the no-speech probability from the wrong row unless the prompt is one token long; Thoth
    // computes and applies it itself, so this test is switched off with a value no probability exceeds.
    params.no_speech_thold = 2.0F;
    params.length_penalty = options.length_penalty;
    // At temperature 0 nothing is drawn, and whisper.cpp would still set up every candidate.
    params.greedy.best_of = params.temperature > 0 || params.temperature_inc > 0 ? options.best_of : 1;
    params.beam_search.beam_size = options.beam_size;
    params.audio_ctx = audio_context;
    params.print_progress = false;
    params.print_realtime = false;
    params.print_special = false;
    params.print_timestamps = false;
    return params;
}

whisper_context_params context_parameters() {
    auto params = whisper_context_default_params();
    params.use_gpu = false;
    // whisper.cpp's flash attention reads keys and values padded to a multiple of 256 positions, unmasked: what a run
    // at another audio context left there would count as audio of this one. Plain attention has no padding; on CPUs it
    // is faster up to half the full width, and 10-20 % slower at all of it (docs/architecture.md).
    params.flash_attn = false;
    return params;
}

struct LoaderState {
    ModelFile& file;
    const Engine::LoadProgress& on_progress;
    std::exception_ptr failure = nullptr;
};

std::size_t loader_read(void* context, void* output, std::size_t size) {
    auto& state = *static_cast<LoaderState*>(context);
    const std::size_t got = state.file.read(output, size);
    // Only tensors are worth a report: the vocabulary comes in fifty thousand tiny reads.
    if (state.on_progress && !state.failure && size >= 4096) {
        try {
            state.on_progress(state.file.position(), state.file.info().file_bytes);
        } catch (...) {
            state.failure = std::current_exception();
        }
    }
    return got;
}

}  // namespace

Engine::Engine(const std::string& path, const LoadProgress& on_progress, Weights weights) {
    capture_log();
    load_backends();
    const auto begun = Clock::now();
    ModelFile file(path, weights == Weights::widened ? widen_to_q8_0 : nullptr);
    info_ = file.info();
    const auto parsed = Clock::now();
    const Turn turn(gate_, occupancy_, Priority::batch, {});
    load(file, on_progress);
    parse_s_ = Seconds(parsed - begun).count();
    transfer_s_ = Seconds(Clock::now() - parsed).count();
}

Engine::~Engine() { free_model(); }

void Engine::load(ModelFile& file, const LoadProgress& on_progress) {
    LoaderState loading{file, on_progress};
    whisper_model_loader loader{
        &loading,
        loader_read,
        [](void* state) { return static_cast<LoaderState*>(state)->file.eof(); },
        [](void*) {},
    };
    file.rewind();
    try {
        model_.context = {whisper_init_with_params_no_state(&loader, context_parameters()), whisper_free};
    } catch (const std::bad_alloc&) {
        throw ModelError("not enough memory to load the model; use a smaller or a quantized one");
    }
    if (loading.failure) std::rethrow_exception(loading.failure);
    if (file.short_read()) throw InvalidModel("the model file was cut short while it was being loaded");
    if (!model_.context) throw InvalidModel("whisper.cpp refused the model: " + last_logged_error());
    model_.idle_states.push_back(new_state(model_.context.get()));
    end_of_text_ = whisper_token_eot(model_.context.get());
}

std::size_t Engine::window_samples() const noexcept {
    return static_cast<std::size_t>(info_.n_audio_ctx) * position_samples;
}

void Engine::require_open() const {
    if (closed_) throw ModelError("the model is closed; load it again");
}

int Engine::automatic_context(std::size_t n_samples) const noexcept {
    const int positions = static_cast<int>((n_samples + position_samples - 1) / position_samples);
    const int wanted = std::max(context_floor, positions + context_margin);
    const int widest = info_.n_audio_ctx / context_step * context_step;
    const int stepped = (wanted + context_step - 1) / context_step * context_step;
    if (stepped <= widest) return stepped;
    return positions + context_least_margin <= widest ? widest : DecodeOptions::full_context;
}

void Engine::require_window(std::span<const float> samples) const {
    // With no samples at all whisper.cpp would go on with the spectrogram of the run before.
    if (samples.empty()) throw AudioError("there is no audio: not one sample");
    if (samples.size() > window_samples()) {
        throw AudioError("a window holds at most " + std::to_string(window_samples()) + " samples, not " +
                         std::to_string(samples.size()));
    }
}

DecodeOptions Engine::suited(const DecodeOptions& asked) const {
    validate(asked, info_);
    DecodeOptions options = asked;
    // Distilled models of the first generation were trained without timestamps, and whisper.cpp forces them off.
    if (info_.n_text_layer == 2 && info_.n_vocab != newest_vocabulary) options.without_timestamps = true;
    require(!(options.without_timestamps && options.token_timestamps),
            "word_timestamps and max_segment_length need timestamps: this call or this model has none");
    return options;
}

WindowResult Engine::transcribe(std::span<const float> samples, const DecodeOptions& asked, const RunControl& control) {
    require_window(samples);
    const DecodeOptions options = suited(asked);
    Turn turn(gate_, occupancy_, control.priority, control.patience);
    require_open();
    Workspace workspace(model_, turn);
    if (control.priority == Priority::live) last_live_ = Clock::now();
    Lane lane(turn, control);
    return run_checked(samples, options, lane, workspace);
}

PairResult Engine::transcribe_pair(const WindowRequest& first, const WindowRequest& second, const RunControl& control) {
    const std::array requests{&first, &second};
    std::array<DecodeOptions, 2> options;
    for (std::size_t i = 0; i < requests.size(); ++i) {
        require_window(requests[i]->samples);
        options[i] = suited(requests[i]->options);
    }
    Turn turn(gate_, occupancy_, control.priority, control.patience);
    require_open();
    Workspace own(model_, turn);
    std::optional<Workspace> other;
    try {
        other.emplace(model_, turn);
    } catch (const ModelError&) {  // no memory for a second state: one after the other, then
    } catch (const std::bad_alloc&) {
    }
    std::array<std::optional<WindowResult>, 2> results;
    const auto run = [&](std::size_t i, Lane& lane, Workspace& workspace) {
        results[i] = run_checked(requests[i]->samples, options[i], lane, workspace);
    };
    PairResult pair;
    if (Pair lanes(turn, control);
        other && lanes.run([&](Lane& lane) { run(0, lane, own); }, [&](Lane& lane) { run(1, lane, *other); })) {
        pair.failure = lanes.failure();
        ++pairs_;
    } else {
        try {
            for (std::size_t i = 0; i < requests.size(); ++i) {
                Lane lane(turn, control);
                run(i, lane, own);
            }
        } catch (...) {
            pair.failure = std::current_exception();
        }
    }
    for (auto& result : results) {
        if (!result) break;
        pair.windows.push_back(std::move(*result));
    }
    return pair;
}

std::optional<double> Engine::since_live_s() const noexcept {
    const auto last = last_live_.load();
    if (last == Clock::time_point::min()) return {};
    return Seconds(Clock::now() - last).count();
}

WindowResult Engine::run_checked(std::span<const float> samples, const DecodeOptions& options, Lane& lane,
                                 Workspace& workspace) {
    const auto run = [&](int audio_context, bool fall_back) {
        return run_window(samples, options, audio_context, fall_back, lane, workspace);
    };
    const bool as_needed = options.audio_context < DecodeOptions::full_context;
    const int context = as_needed ? automatic_context(samples.size()) : options.audio_context;
    const bool checked = options.audio_context == DecodeOptions::auto_context && context != DecodeOptions::full_context;
    WindowResult result = run(context, !checked);
    const double window_s = static_cast<double>(samples.size()) / WHISPER_SAMPLE_RATE;
    if (checked && looks_bad(result, window_s, end_of_text_, options)) {
        ++context_reruns_;
        result = run(DecodeOptions::full_context, true);
        result.rerun_at_full_context = true;
    }
    ++windows_;
    lane.describe(result);
    return result;
}

WindowResult Engine::run_window(std::span<const float> samples, const DecodeOptions& options, int audio_context,
                                bool fall_back, Lane& lane, Workspace& workspace) {
    const double window_s = static_cast<double>(samples.size()) / WHISPER_SAMPLE_RATE;
    workspace.renew_if_used_up();
    auto params = parameters(options, audio_context, fall_back);
    DecodingRun run(options, lane, window_s);
    run.attach(params);
    lane.begin(Stage::mel);
    const int status = run_model(workspace, params, samples);
    if (status == status_state_freed) workspace.forget_state();
    if (run.sampled()) workspace.use_up();
    run.finish(status);
    WindowResult result;
    result.temperature = options.temperature + static_cast<float>(run.fallbacks()) * params.temperature_inc;
    collect(result, workspace, info_, options);
    if (options.without_timestamps) {
        // whisper.cpp then reads times out of tokens that are none.
        for (auto& segment : result.segments) {
            segment.start_s = 0;
            segment.end_s = window_s;
        }
    }
    return result;
}

std::vector<std::pair<std::string, float>> Engine::detect_language(std::span<const float> samples, int threads,
                                                                   const RunControl& control) {
    if (!info_.multilingual) return {{"en", 1.0F}};
    const auto window = samples.first(std::min(samples.size(), window_samples()));
    require_window(window);
    Turn turn(gate_, occupancy_, control.priority, control.patience);
    require_open();
    Workspace workspace(model_, turn);
    // Detection encodes with whatever audio context the last run left behind. A run that stops before its first
    // pass computes the spectrogram and sets the full context, and does no more.
    DecodeOptions options;
    options.threads = threads;
    auto params = parameters(options, DecodeOptions::full_context, false);
    params.encoder_begin_callback = [](whisper_context*, whisper_state*, void*) { return false; };
    Lane lane(turn, control);
    DecodingRun run(options, lane, 0);
    run.finish(run_model(workspace, params, window));
    lane.checkpoint();
    std::vector<float> probabilities(static_cast<std::size_t>(whisper_lang_max_id()) + 1);
    const int status =
        whisper_lang_auto_detect_with_state(workspace.context(), workspace.state(), 0, threads, probabilities.data());
    run.finish(std::min(status, 0));
    probabilities.resize(static_cast<std::size_t>(language_count(info_)));
    const float known = std::accumulate(probabilities.begin(), probabilities.end(), 0.0F);
    std::vector<std::pair<std::string, float>> languages;
    for (int id = 0; id < language_count(info_); ++id) {
        languages.emplace_back(whisper_lang_str(id), probabilities[static_cast<std::size_t>(id)] / known);
    }
    std::ranges::sort(languages, std::greater{}, &std::pair<std::string, float>::second);
    return languages;
}

std::vector<int> Engine::tokenize(const std::string& text, const RunControl& control) {
    const Turn turn(gate_, occupancy_, control.priority, control.patience);
    require_open();
    // A token stands for one byte at least.
    std::vector<int> tokens(text.size() + 1);
    const int n = whisper_tokenize(model_.context.get(), text.c_str(), tokens.data(), static_cast<int>(tokens.size()));
    tokens.resize(static_cast<std::size_t>(std::max(n, 0)));
    return tokens;
}

// As one of the batch class: a window that has given way stands before it in the line, so none is under way.
void Engine::close() {
    const Turn turn(gate_, occupancy_, Priority::batch, {});
    closed_ = true;
    free_model();
}

void Engine::free_model() noexcept {
    model_.idle_states.clear();
    model_.context.reset();
    // The vocabulary alone is fifty thousand small strings: glibc would keep their pages, and a process that loads
    // models again and again would grow by tens of megabytes before it settles.
    release_free_memory();
}

}  // namespace thoth
