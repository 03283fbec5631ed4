#include <pybind11/functional.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <whisper.h>

#include <array>

#include "bindings/released.hpp"
#include "bindings/signals.hpp"
#include "bindings/waiting.hpp"
#include "engine/backends.hpp"
#include "engine/engine.hpp"
#include "engine/log.hpp"
#include "engine/model_file.hpp"
#include "engine/vad.hpp"
#include "free_memory.hpp"

namespace py = pybind11;
using namespace py::literals;

namespace thoth {
namespace {

using Samples = py::array_t<float, py::array::c_style>;

std::span<const float> view(const Samples& samples) {
    if (samples.ndim() != 1) throw py::value_error("samples must be a one-dimensional float32 array");
    return {samples.data(), static_cast<std::size_t>(samples.size())};
}

RunControl control(std::optional<double> timeout_s, const CancelToken* cancel, const std::string& priority,
                   SignalWatch& signals) {
    return {patience(timeout_s, cancel, signals), signals.callback(), priority_named(priority)};
}

py::dict model_info(const ModelInfo& info) {
    return py::dict(
        "n_vocab"_a = info.n_vocab, "n_audio_ctx"_a = info.n_audio_ctx, "n_audio_state"_a = info.n_audio_state,
        "n_audio_head"_a = info.n_audio_head, "n_audio_layer"_a = info.n_audio_layer, "n_text_ctx"_a = info.n_text_ctx,
        "n_text_state"_a = info.n_text_state, "n_text_head"_a = info.n_text_head, "n_text_layer"_a = info.n_text_layer,
        "n_mels"_a = info.n_mels, "ftype"_a = info.ftype, "weight_type"_a = std::string(info.weight_type),
        "loaded_type"_a = std::string(info.loaded_type), "multilingual"_a = info.multilingual,
        "file_bytes"_a = info.file_bytes, "n_tensors"_a = info.n_tensors);
}

std::function<void(std::uint64_t, std::uint64_t)> with_gil(const py::object& on_progress) {
    if (on_progress.is_none()) return {};
    return [on_progress](std::uint64_t done, std::uint64_t total) {
        const py::gil_scoped_acquire gil;
        on_progress(done, total);
    };
}

std::unique_ptr<Engine> load_engine(const std::string& path, const py::object& on_progress, bool widen) {
    const auto progress = with_gil(on_progress);
    const Released released;
    return std::make_unique<Engine>(path, progress, widen ? Engine::Weights::widened : Engine::Weights::as_they_are);
}

WindowResult transcribe(Engine& engine, const Samples& samples, const DecodeOptions& options,
                        std::optional<double> timeout_s, const CancelToken* cancel, const std::string& priority) {
    const auto window = view(samples);
    SignalWatch signals;
    const auto run = control(timeout_s, cancel, priority, signals);
    const Released released;
    return engine.transcribe(window, options, run);
}

PairResult transcribe_pair(Engine& engine, const Samples& first, const DecodeOptions& first_options,
                           const Samples& second, const DecodeOptions& second_options, std::optional<double> timeout_s,
                           const CancelToken* cancel, const std::string& priority) {
    const WindowRequest one{view(first), first_options};
    const WindowRequest other{view(second), second_options};
    SignalWatch signals;
    const auto run = control(timeout_s, cancel, priority, signals);
    const Released released;
    return engine.transcribe_pair(one, other, run);
}

auto detect_language(Engine& engine, const Samples& samples, int threads, std::optional<double> timeout_s,
                     const CancelToken* cancel, const std::string& priority) {
    const auto window = view(samples);
    SignalWatch signals;
    const auto run = control(timeout_s, cancel, priority, signals);
    const Released released;
    return engine.detect_language(window, threads, run);
}

auto tokenize(Engine& engine, const std::string& text, std::optional<double> timeout_s, const CancelToken* cancel,
              const std::string& priority) {
    SignalWatch signals;
    const auto run = control(timeout_s, cancel, priority, signals);
    const Released released;
    return engine.tokenize(text, run);
}

py::list stages_of(const WindowResult& result) {
    static constexpr std::array names{"mel", "encode", "decode"};
    py::list stages;
    for (const auto& [stage, start_s, end_s] : result.stages) {
        stages.append(py::make_tuple(names[static_cast<std::size_t>(stage)], start_s, end_s));
    }
    return stages;
}

py::array_t<float> vad_process(Vad& vad, const Samples& samples) {
    const auto block = view(samples);
    std::vector<float> probabilities;
    {
        const Released released;
        probabilities = vad.process(block);
    }
    return py::array_t<float>(static_cast<py::ssize_t>(probabilities.size()), probabilities.data());
}

py::list drain_log_lines() {
    py::list lines;
    for (const auto& line : thoth::drain_log()) {
        lines.append(py::make_tuple(static_cast<int>(line.level), py::bytes(line.text)));
    }
    return lines;
}

void register_options(py::module_& m) {
    py::class_<DecodeOptions>(m, "DecodeOptions")
        .def(py::init<>())
        .def_readonly_static("AUTO_CONTEXT", &DecodeOptions::auto_context)
        .def_readonly_static("FULL_CONTEXT", &DecodeOptions::full_context)
        .def_readonly_static("REDUCED_CONTEXT", &DecodeOptions::reduced_context)
        .def_readwrite("language", &DecodeOptions::language)
        .def_readwrite("translate", &DecodeOptions::translate)
        .def_readwrite("beam_size", &DecodeOptions::beam_size)
        .def_readwrite("best_of", &DecodeOptions::best_of)
        .def_readwrite("length_penalty", &DecodeOptions::length_penalty)
        .def_readwrite("temperature", &DecodeOptions::temperature)
        .def_readwrite("temperature_step", &DecodeOptions::temperature_step)
        .def_readwrite("repetition_penalty", &DecodeOptions::repetition_penalty)
        .def_readwrite("no_repeat_ngram_size", &DecodeOptions::no_repeat_ngram_size)
        .def_readwrite("prompt", &DecodeOptions::prompt)
        .def_readwrite("suppress_blank", &DecodeOptions::suppress_blank)
        .def_readwrite("suppress_non_speech", &DecodeOptions::suppress_non_speech)
        .def_readwrite("suppress_tokens", &DecodeOptions::suppress_tokens)
        .def_readwrite("entropy_threshold", &DecodeOptions::entropy_threshold)
        .def_readwrite("log_prob_threshold", &DecodeOptions::log_prob_threshold)
        .def_readwrite("no_speech_threshold", &DecodeOptions::no_speech_threshold)
        .def_readwrite("without_timestamps", &DecodeOptions::without_timestamps)
        .def_readwrite("max_initial_timestamp", &DecodeOptions::max_initial_timestamp)
        .def_readwrite("token_timestamps", &DecodeOptions::token_timestamps)
        .def_readwrite("max_new_tokens", &DecodeOptions::max_new_tokens)
        .def_readwrite("max_segment_length", &DecodeOptions::max_segment_length)
        .def_readwrite("audio_context", &DecodeOptions::audio_context)
        .def_readwrite("speech_end_s", &DecodeOptions::speech_end_s)
        .def_readwrite("threads", &DecodeOptions::threads);
}

void register_results(py::module_& m) {
    py::class_<TokenResult>(m, "TokenResult")
        .def_readonly("id", &TokenResult::id)
        .def_property_readonly("text", [](const TokenResult& token) { return py::bytes(token.text); })
        .def_readonly("probability", &TokenResult::probability)
        .def_readonly("start_s", &TokenResult::start_s)
        .def_readonly("end_s", &TokenResult::end_s);
    py::class_<SegmentResult>(m, "SegmentResult")
        .def_readonly("start_s", &SegmentResult::start_s)
        .def_readonly("end_s", &SegmentResult::end_s)
        .def_property_readonly("text", [](const SegmentResult& segment) { return py::bytes(segment.text); })
        .def_readonly("tokens", &SegmentResult::tokens)
        .def_readonly("average_log_probability", &SegmentResult::average_log_probability);
    py::class_<WindowResult>(m, "WindowResult")
        .def_readonly("segments", &WindowResult::segments)
        .def_readonly("no_speech_probability", &WindowResult::no_speech_probability)
        .def_readonly("temperature", &WindowResult::temperature)
        .def_readonly("rerun_at_full_context", &WindowResult::rerun_at_full_context)
        .def_readonly("waited_s", &WindowResult::waited_s)
        .def_readonly("paused_s", &WindowResult::paused_s)
        .def_readonly("ran_s", &WindowResult::ran_s)
        .def_readonly("preemptions", &WindowResult::preemptions)
        .def_property_readonly("stages", &stages_of);
    py::class_<PairResult>(m, "PairResult")
        .def_readonly("windows", &PairResult::windows)
        .def("finish", [](const PairResult& pair) {
            if (pair.failure) std::rethrow_exception(pair.failure);
        });
}

void register_model(py::module_& m) {
    py::class_<Engine>(m, "Engine")
        .def(py::init(&load_engine), "path"_a, "on_progress"_a = py::none(), "widen"_a = true)
        .def("transcribe", &transcribe, py::arg("samples").noconvert(), "options"_a, "timeout_s"_a = py::none(),
             "cancel"_a = py::none(), "priority"_a = "batch")
        .def("transcribe_pair", &transcribe_pair, py::arg("first").noconvert(), "first_options"_a,
             py::arg("second").noconvert(), "second_options"_a, "timeout_s"_a = py::none(), "cancel"_a = py::none(),
             "priority"_a = "batch")
        .def("detect_language", &detect_language, py::arg("samples").noconvert(), "threads"_a,
             "timeout_s"_a = py::none(), "cancel"_a = py::none(), "priority"_a = "batch")
        .def("tokenize", &tokenize, "text"_a, "timeout_s"_a = py::none(), "cancel"_a = py::none(),
             "priority"_a = "batch")
        .def("close", &Engine::close, py::call_guard<Released>())
        .def_property_readonly("closed", &Engine::closed)
        .def_property_readonly("info", [](const Engine& engine) { return model_info(engine.info()); })
        .def_property_readonly("parse_s", &Engine::parse_s)
        .def_property_readonly("transfer_s", &Engine::transfer_s)
        .def_property_readonly("window_samples", &Engine::window_samples)
        .def_property_readonly("end_of_text_token", &Engine::end_of_text_token)
        .def_property_readonly("context_reruns", &Engine::context_reruns)
        .def_property_readonly("windows", &Engine::windows)
        .def_property_readonly("pairs", &Engine::pairs)
        .def_property_readonly("since_live_s", &Engine::since_live_s)
        .def_property_readonly("gate_stats", &Engine::gate_stats)
        .def_property_readonly("most_inside", &Engine::most_inside);
    m.def(
        "check_model",
        [](const std::string& path) {
            const auto info = [&path] {
                const Released released;
                return ModelFile(path).info();
            }();
            return model_info(info);
        },
        "path"_a);
    m.def("languages", [] {
        py::dict names;
        for (int id = 0; id <= whisper_lang_max_id(); ++id) names[whisper_lang_str(id)] = whisper_lang_str_full(id);
        return names;
    });
}

}  // namespace

void register_engine(py::module_& m) {
    register_options(m);
    register_results(m);
    register_model(m);
    py::class_<Vad>(m, "Vad")
        .def(py::init<const std::string&>(), "path"_a, py::call_guard<Released>())
        .def_readonly_static("FRAME_SAMPLES", &Vad::frame_samples)
        .def("process", &vad_process, py::arg("samples").noconvert())
        .def("reset", &Vad::reset, py::call_guard<Released>());
    m.def("drain_log", &drain_log_lines);
    m.def("release_free_memory", [] {
        const thoth::Released released;
        thoth::release_free_memory();
    });
    m.def("cpu_variant", &cpu_variant, py::call_guard<Released>());
    m.def("system_info", [] {
        load_backends();
        return whisper_print_system_info();
    });
    m.def("whisper_version", &whisper_version);
}

}  // namespace thoth
