#include "audio/pump.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <utility>

#include "errors.hpp"

namespace thoth {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;

constexpr double sample_rate_hz = LiveConverter::out_rate_hz;
// How long frames may lie before they are looked for. A look costs some 5 us: 0.1 % of a core.
constexpr milliseconds poll_interval{4};
constexpr double max_preroll_s = 600.0;
constexpr double max_tap_s = 3600.0;
constexpr std::size_t piece_frames = 1024;
// Silence for an outage: enough to end any utterance. A device that is gone for days must not fill the disk.
constexpr double most_outage_silence_s = 10.0;

void require_seconds(const char* option, double value, double most) {
    if (value >= 0.0 && value <= most) return;
    std::ostringstream message;
    message << option << " takes 0 to " << most << " s, not " << value;
    throw InvalidOption(message.str());
}

std::size_t samples_in(double seconds) { return static_cast<std::size_t>(std::llround(seconds * sample_rate_hz)); }

PumpOptions checked(const PumpOptions& options) {
    require_seconds("preroll_s", options.preroll_s, max_preroll_s);
    require_seconds("stall_s", options.stall_s, max_preroll_s);
    PumpOptions checked = options;
    if (options.lossless) checked.stall_s = 0.0;  // a source that waits for its readers falls silent with them
    return checked;
}

}  // namespace

std::shared_ptr<Pump> Pump::create(const PumpOptions& options) {
    return {new Pump(checked(options)), [](Pump* pump) {
                if (pump->process_.here()) delete pump;  // elsewhere the copy is left alone
            }};
}

Pump::Pump(const PumpOptions& options)
    : options_(options), history_(samples_in(options.preroll_s)), thread_([this] { run(); }) {}

Pump::~Pump() { stop(); }

void Pump::attach(std::shared_ptr<Capture> capture) {
    require_own_process();
    const Lock lock(mutex_);
    if (state_ == State::ended) throw AudioError("this stream has ended: open a new one");
    if (capture_) throw AudioError("a stream is attached already: detach it first");
    if (options_.lossless && capture->rate_hz() != sample_rate_hz) {
        throw InvalidOption("a source that waits for its readers must deliver 16000 Hz");
    }
    converter_.emplace(capture->rate_hz(), capture->channels());
    stream_lost_ = 0;
    calls_taken_ = 0;
    last_look_ = Clock::now();
    heartbeat_ = Heartbeat(options_.stall_s);
    frames_.resize(piece_frames * capture->channels());
    capture_ = std::move(capture);
    first_sample_ = counts_.samples;
    // Until audio comes, the outage goes on: a device may take seconds to begin, or open and never do.
    awaits_audio_ = std::exchange(had_stream_, true);
    if (!awaits_audio_) note_audio();
    change(State::running);
}

void Pump::detach() {
    require_own_process();
    const Lock lock(mutex_);
    end_stream();
    if (finishing_) {
        end(*finishing_);
    } else if (state_ == State::running) {
        change(awaits_audio_ ? State::stalled : State::idle);
    }
}

Taps Pump::add_taps(std::size_t count, const TapOptions& options) {
    require_own_process();
    require_seconds("capacity_s", options.capacity_s, max_tap_s);
    require_seconds("preroll_s", options.preroll_s, max_preroll_s);
    if (samples_in(options.capacity_s) == 0) throw InvalidOption("capacity_s takes more than 0 s");
    const std::size_t past = std::min(samples_in(options.preroll_s), history_.capacity());
    Taps taps;  // made before the lock is taken: the memory of long ones takes its time
    for (std::size_t i = 0; i < count; ++i) {
        taps.push_back(std::make_shared<Tap>(samples_in(options.capacity_s) + past, options.most_samples));
    }
    const Lock lock(mutex_);
    if (capture_) take_all();
    for (const auto& tap : taps) begin_in_the_past(*tap, past);
    readers_.add(taps);
    if (state_ == State::ended) readers_.end_all();
    return taps;
}

void Pump::begin_in_the_past(Tap& tap, std::size_t samples) const {
    const auto [older, newer] = history_.last(samples);
    const std::uint64_t begin = counts_.samples - older.size() - newer.size();
    tap.begin_at(begin);
    for (Loss loss : losses_.kept()) {
        if (loss.sample < begin && loss.sample + loss.silence <= begin) continue;
        const std::uint64_t before = begin - std::min(begin, loss.sample);
        loss.silence -= before;
        loss.sample += before - begin;
        tap.note(loss);
    }
    tap.write(older);
    tap.write(newer);
}

void Pump::remove_taps(const Taps& taps) {
    require_own_process();
    const Lock lock(mutex_);
    if (capture_) take_all();
    readers_.remove(taps);
}

void Pump::set_paused(const Taps& taps, bool paused) {
    require_own_process();
    const Lock lock(mutex_);
    if (capture_) take_all();
    readers_.set_paused(taps, paused);
}

void Pump::finish(const std::string& why) {
    require_own_process();
    const Lock lock(mutex_);
    finishing_ = why;
    if (!capture_) end(why);
}

void Pump::expect_end() {
    require_own_process();
    const Lock lock(mutex_);
    end_expected_ = true;
}

void Pump::stop() {
    require_own_process();
    {
        const Lock lock(mutex_);
        try {
            end_stream();
            end("");
        } catch (const std::exception& error) {
            break_off(error);
        }
    }
    join();
}

Pump::State Pump::state() const {
    require_own_process();
    const Lock lock(mutex_);
    return state_;
}

std::string Pump::failure() const {
    require_own_process();
    const Lock lock(mutex_);
    return failure_;
}

bool Pump::wait_while(State state, Clock::time_point deadline) const {
    require_own_process();
    Lock lock(mutex_);
    return changed_.wait_until(lock, deadline, [&] { return state_ != state; });
}

PumpStats Pump::stats() const {
    require_own_process();
    const Lock lock(mutex_);
    PumpStats stats = counts_;
    stats.loss_count = losses_.count();
    stats.losses = losses_.kept();
    if (capture_) {
        // The gap that is still going on has not been met yet.
        stats.frames_lost += capture_->frames_lost() - stream_lost_;
        stats.xruns += capture_->xrun_count();
        stats.bad_samples += converter_->bad_samples();
        stats.held_back_s = static_cast<double>(capture_->frames().position()) / capture_->rate_hz() -
                            static_cast<double>(counts_.samples - first_sample_) / sample_rate_hz;
    }
    if (in_outage()) {
        stats.losses.push_back(outage());
        stats.frames_lost += stats.losses.back().frames;
        stats.loss_count += 1;
    }
    stats.handover_mean_s = handovers_ == 0 ? 0.0 : handover_total_s_ / static_cast<double>(handovers_);
    return stats;
}

Level::Reading Pump::level() const {
    require_own_process();
    const Lock lock(mutex_);
    return level_.reading();
}

void Pump::require_own_process() const {
    if (!process_.here()) {
        throw AudioError("this stream was opened before fork(): open one in the process that uses it");
    }
}

void Pump::join() {
    const std::lock_guard lock(join_mutex_);
    if (thread_.joinable()) thread_.join();
}

void Pump::run() {
    Lock lock(mutex_);
    while (state_ != State::ended) {
        if (!capture_) {
            changed_.wait(lock, [&] { return capture_ || state_ == State::ended; });
            continue;
        }
        try {
            pass();
        } catch (const std::exception& error) {  // it would end the process with the thread
            break_off(error);
        }
        changed_.wait_for(lock, poll_interval, [&] { return state_ == State::ended; });
    }
}

void Pump::pass() {
    const auto at_the_end = finishing_;  // seen before the frames, so that all that came before it is taken
    take_all();
    if (at_the_end && capture_->frames().available() == 0) {
        end_stream();
        end(*at_the_end);
    } else {
        watch_heartbeat();
    }
}

// What there is now, and no more: a source that never rests must not keep the lock here.
void Pump::take_all() {
    take_xruns();
    std::size_t left = frames_to_take();
    if (left > 0) {
        if (awaits_audio_) end_outage();
        time_handover();
        note_audio();
    }
    while (left > 0) {
        if (const auto gap = capture_->frames().gap()) lose_frames(*gap);
        left -= take(std::min(left, piece_frames));
    }
    if (const auto gap = capture_->frames().gap()) lose_frames(*gap);
    last_look_ = Clock::now();
}

std::size_t Pump::frames_to_take() {
    const std::size_t frames = capture_->frames().available();
    if (!options_.lossless) return frames;
    return std::min(frames, readers_.room());
}

std::size_t Pump::take(std::size_t most_frames) {
    const auto room = std::span(frames_).first(most_frames * capture_->channels());
    const std::size_t frames = capture_->frames().read(room);
    counts_.frames_captured += frames;
    const auto begin = Clock::now();
    const auto converted = converter_->convert(room.first(frames * capture_->channels()));
    counts_.conversion_s += std::chrono::duration<double>(Clock::now() - begin).count();
    deliver(converted);
    return frames;
}

void Pump::take_xruns() {
    std::uint64_t frame = 0;
    while (capture_->xruns().read({&frame, 1}) == 1) note({LossCause::device, 0, frame, sample_at(frame), 0});
}

void Pump::lose_frames(const Gap& gap) {
    const std::uint64_t begin = sample_at(gap.position);
    note({LossCause::overrun, gap.frames, gap.position, begin, sample_at(gap.position + gap.frames) - begin});
    counts_.frames_lost += gap.frames;
    stream_lost_ += gap.frames;
    for (std::uint64_t left = gap.frames; left > 0;) {
        const auto piece = std::min<std::uint64_t>(left, piece_frames);
        deliver(converter_->convert_silence(static_cast<std::size_t>(piece)));
        left -= piece;
    }
}

// Of several callbacks since the last look the first came soon after it, at worst.
void Pump::time_handover() {
    const std::uint64_t calls = capture_->callbacks();
    const double since_look_s = duration<double>(Clock::now() - last_look_).count();
    const double age_s = calls - calls_taken_ > 1 ? since_look_s : capture_->since_callback_s();
    calls_taken_ = calls;
    handover_total_s_ += age_s;
    handovers_ += 1;
    counts_.handover_worst_s = std::max(counts_.handover_worst_s, age_s);
}

bool Pump::in_outage() const noexcept { return state_ == State::stalled || (awaits_audio_ && state_ != State::ended); }

void Pump::note_audio() noexcept {
    last_audio_ = Clock::now();
    rate_hz_ = capture_->rate_hz();
}

// What is missing up to now, and is not in the account yet, in frames of the stream that was heard last: the next one
// may have another rate, and counts never go back. Silence stands for it only when it is over.
Loss Pump::outage() const {
    const double outage_s = duration<double>(Clock::now() - last_audio_).count();
    const bool is_of_this_stream = capture_ && !awaits_audio_;
    const std::uint64_t first_frame = is_of_this_stream ? capture_->frames().position() : stream_frames_;
    return {LossCause::outage, static_cast<std::uint64_t>(outage_s * rate_hz_), first_frame, counts_.samples, 0};
}

void Pump::end_outage() {
    Loss loss = outage();
    loss.silence = samples_in(std::min(static_cast<double>(loss.frames) / rate_hz_, most_outage_silence_s));
    awaits_audio_ = false;
    failure_.clear();
    note(loss);
    counts_.frames_lost += loss.frames;
    const std::vector<float> silent_piece(piece_frames);
    for (std::uint64_t left = loss.silence; left > 0;) {
        const auto piece = std::min<std::uint64_t>(left, silent_piece.size());
        deliver(std::span(silent_piece).first(static_cast<std::size_t>(piece)));
        left -= piece;
    }
    first_sample_ = counts_.samples;
}

void Pump::note(const Loss& loss) {
    losses_.note(loss);
    readers_.note(loss, loss.sample - std::min(loss.sample, counts_.samples));
}

void Pump::deliver(std::span<const float> samples) {
    counts_.samples += samples.size();
    history_.push(samples);
    level_.push(samples);
    readers_.write(samples);
}

void Pump::watch_heartbeat() {
    if (!heartbeat_.failed(capture_->callbacks()) || end_expected_ || state_ == State::stalled) return;
    std::ostringstream why;
    why << "no audio came for " << heartbeat_.patience_s() << " s";
    if (options_.reconnects) {
        failure_ = why.str();
        change(State::stalled);
    } else {
        end_stream();
        end(why.str());
    }
}

// Takes all there is from the stream, the filter's rest included, and lets go of it.
void Pump::end_stream() {
    if (!capture_) return;
    take_all();
    if (capture_->frames().available() == 0) {  // unless readers were waited for and it is over now
        if (const auto gap = capture_->frames().last_gap()) lose_frames(*gap);
    }
    deliver(converter_->flush());
    counts_.bad_samples += converter_->bad_samples();
    counts_.xruns += capture_->xrun_count();
    stream_frames_ = capture_->frames().position();
    capture_.reset();
}

void Pump::end(const std::string& why) {
    if (state_ == State::ended) return;
    if (in_outage()) {
        const Loss loss = outage();
        note(loss);
        counts_.frames_lost += loss.frames;
    } else {
        failure_ = why;
    }
    readers_.end_all();
    change(State::ended);
}

void Pump::break_off(const std::exception& error) {
    capture_.reset();
    failure_ = std::string("the stream failed: ") + error.what();
    readers_.end_all();
    change(State::ended);
}

void Pump::change(State state) {
    state_ = state;
    changed_.notify_all();
}

std::uint64_t Pump::sample_at(std::uint64_t frame) const {
    const double samples = static_cast<double>(frame) * sample_rate_hz / capture_->rate_hz();
    return first_sample_ + static_cast<std::uint64_t>(std::llround(samples));
}

}  // namespace thoth
