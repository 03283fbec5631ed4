// Every way in which the ring's two threads can meet, on a machine as weakly ordered as C++ allows: the real header,
// with atomics that may give any value that release and acquire do not forbid, and every interleaving of a short
// program. It fails if an element is read before it is surely there, overwritten before it is surely read, or comes out
// wrong.
//
// The machine: a location holds all values ever stored to it; a load may give any from the last one that its thread
// knows of (coherence). An acquire of what a release stored hands over what the releasing thread knew. Copies of
// elements are checked for races by vector clocks, so whatever is not ordered by that is found, whether or not it went
// wrong here. That is C++'s model (N4861, 6.9.2.2) less its loads that foresee later stores, which neither compilers
// nor processors can make of a load with acquire. Programs are short: up to six blocks each way, rings of up to three
// elements.
#include <ucontext.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "require.hpp"

namespace {

// The choices of one execution; the next one takes the last choice that was not exhausted another way.
class Choices {
public:
    std::size_t among(std::size_t options) {
        if (options == 1) return 0;
        if (step_ == taken_.size()) taken_.push_back({0, options});
        return taken_[step_++].first;
    }

    bool next() {
        step_ = 0;
        while (!taken_.empty() && taken_.back().first + 1 == taken_.back().second) taken_.pop_back();
        if (taken_.empty()) return false;
        ++taken_.back().first;
        return true;
    }

private:
    std::vector<std::pair<std::size_t, std::size_t>> taken_;
    std::size_t step_ = 0;
};

constexpr std::size_t threads = 2;
constexpr std::size_t locations = 2;

// How far into each thread, and into each location's values, somebody is sure of all that happened.
struct Knowledge {
    std::array<std::size_t, threads> events{};
    std::array<std::size_t, locations> values{};

    void join(const Knowledge& other) {
        const auto later = [](std::size_t one, std::size_t another) { return std::max(one, another); };
        std::ranges::transform(events, other.events, events.begin(), later);
        std::ranges::transform(values, other.values, values.begin(), later);
    }
};

struct Value {
    std::size_t value;
    Knowledge handed_over;
};

struct Element {
    std::size_t writer = 0;
    std::size_t written = 0;  // the writer's event; 0: before the threads began
    std::array<std::size_t, threads> read{};
};

enum class Weaken { nothing, written_store, written_load, read_store, read_load };

// One execution of two programs, on fibers of this thread.
class Machine {
public:
    Machine(Choices& choices, Weaken weaken) : choices_(choices), weaken_(weaken) {}

    void run(const std::array<std::function<void()>, threads>& programs) {
        programs_ = &programs;
        for (std::size_t thread = 0; thread < threads; ++thread) {
            stacks_[thread].resize(64 * 1024);
            getcontext(&fibers_[thread]);
            fibers_[thread].uc_stack = {
                .ss_sp = stacks_[thread].data(), .ss_flags = 0, .ss_size = stacks_[thread].size()};
            fibers_[thread].uc_link = nullptr;
            makecontext(&fibers_[thread], &Machine::enter, 0);
        }
        running_ = choices_.among(threads);
        swapcontext(&outside_, &fibers_[running_]);
    }

    std::size_t add_location(std::size_t value) {
        values_[known_locations_].push_back({value, {}});
        return known_locations_++;
    }

    std::size_t load(std::size_t location, bool acquire) {
        pause();
        auto& known = known_[running_];
        auto& oldest = known.values[location];
        oldest += choices_.among(values_[location].size() - oldest);
        const Value found = values_[location][oldest];
        if (acquire && !is_weak(location, Weaken::written_load, Weaken::read_load)) known.join(found.handed_over);
        return found.value;
    }

    void store(std::size_t location, std::size_t value, bool release) {
        pause();
        auto& known = known_[running_];
        ++known.events[running_];
        known.values[location] = values_[location].size();
        const bool hands_over = release && !is_weak(location, Weaken::written_store, Weaken::read_store);
        values_[location].push_back({value, hands_over ? known : Knowledge{}});
        ++known.events[running_];
    }

    void read_element(const std::byte* at) {
        Element& element = elements_[at];
        if (!surely_before(element.writer, element.written)) wrong_ = true;
        element.read[running_] = known_[running_].events[running_];
    }

    void write_element(const std::byte* at) {
        Element& element = elements_[at];
        if (!surely_before(element.writer, element.written)) wrong_ = true;
        for (std::size_t thread = 0; thread < threads; ++thread) {
            if (!surely_before(thread, element.read[thread])) wrong_ = true;
        }
        element.writer = running_;
        element.written = known_[running_].events[running_];
    }

    void expect(bool holds) { wrong_ = wrong_ || !holds; }
    [[nodiscard]] bool wrong() const { return wrong_; }

    static inline Machine* current = nullptr;

private:
    static void enter() {
        Machine& machine = *current;
        (*machine.programs_)[machine.running_]();
        machine.ended_[machine.running_] = true;
        const std::size_t other = 1 - machine.running_;
        if (machine.ended_[other]) setcontext(&machine.outside_);
        machine.running_ = other;
        setcontext(&machine.fibers_[other]);
    }

    // Before each atomic step the other thread may get ahead; copies between two such steps concern nobody else, or
    // race.
    void pause() {
        const std::size_t other = 1 - running_;
        if (started_ && !ended_[other] && choices_.among(2) == 1) {
            const std::size_t from = std::exchange(running_, other);
            swapcontext(&fibers_[from], &fibers_[other]);
        }
        started_ = true;
    }

    [[nodiscard]] bool is_weak(std::size_t location, Weaken of_written, Weaken of_read) const {
        return weaken_ == (location == 0 ? of_written : of_read);
    }

    // Written as "not known": an event of one's own always is.
    [[nodiscard]] bool surely_before(std::size_t thread, std::size_t event) const {
        return thread == running_ || event <= known_[running_].events[thread];
    }

    Choices& choices_;
    Weaken weaken_;
    const std::array<std::function<void()>, threads>* programs_ = nullptr;
    std::array<std::vector<std::byte>, threads> stacks_;
    std::array<ucontext_t, threads> fibers_{};
    ucontext_t outside_{};
    std::size_t running_ = 0;
    bool started_ = false;
    std::array<bool, threads> ended_{};
    std::array<std::vector<Value>, locations> values_;
    std::size_t known_locations_ = 0;
    // An event counts from 1, so that one in progress is not taken for known.
    std::array<Knowledge, threads> known_{Knowledge{{1, 0}, {}}, Knowledge{{0, 1}, {}}};
    std::map<const std::byte*, Element> elements_;
    bool wrong_ = false;
};

using Number = std::uint32_t;

}  // namespace

// Under the header's own names, which are std's: this program's only way to put them in its place without changing it.
namespace std {

template <class T>
class checked_atomic {
public:
    static constexpr bool is_always_lock_free = true;
    explicit checked_atomic(T value) : location_(Machine::current->add_location(value)) {}
    T load(memory_order order) const { return Machine::current->load(location_, order == memory_order_acquire); }
    void store(T value, memory_order order) {
        Machine::current->store(location_, value, order == memory_order_release);
    }

private:
    std::size_t location_;
};

inline void checked_memcpy(void* to, const void* from, std::size_t bytes) {
    for (std::size_t offset = 0; offset < bytes; offset += sizeof(Number)) {
        Machine::current->read_element(static_cast<const std::byte*>(from) + offset);
        Machine::current->write_element(static_cast<const std::byte*>(to) + offset);
    }
    std::memmove(to, from, bytes);
}

}  // namespace std

#define atomic checked_atomic
#define memcpy checked_memcpy
#include "audio/ring_buffer.hpp"
#undef atomic
#undef memcpy

namespace {

using Ring = thoth::RingBuffer<Number>;
using Blocks = std::vector<std::size_t>;

struct Program {
    std::size_t capacity;
    Blocks writes;
    Blocks reads;
};

void produce(Ring::Producer& producer, const Blocks& blocks) {
    Number next = 0;
    for (const std::size_t size : blocks) {
        std::array<Number, 3> block{};
        for (std::size_t i = 0; i < size; ++i) block[i] = next + static_cast<Number>(i);
        next += static_cast<Number>(producer.write(std::span(block).first(size)));
    }
}

void consume(Ring::Consumer& consumer, const Blocks& blocks) {
    Number next = 0;
    for (const std::size_t size : blocks) {
        std::array<Number, 3> block{};
        const std::size_t count = consumer.read(std::span(block).first(size));
        for (std::size_t i = 0; i < count; ++i) Machine::current->expect(block[i] == next++);
    }
}

struct Outcome {
    std::size_t executions = 0;
    bool wrong = false;
};

// Up to the first execution that goes wrong, or all of them.
Outcome check(const Program& program, Weaken weaken) {
    Choices choices;
    Outcome outcome;
    do {
        Machine machine(choices, weaken);
        Machine::current = &machine;
        auto [producer, consumer] = Ring::create(program.capacity, std::numeric_limits<std::size_t>::max() - 1);
        machine.run({[&] { produce(producer, program.writes); }, [&] { consume(consumer, program.reads); }});
        ++outcome.executions;
        outcome.wrong = machine.wrong();
    } while (!outcome.wrong && choices.next());
    return outcome;
}

const std::vector<Program> programs{
    {1, {1, 1, 1, 1}, {1, 1, 1, 1}},       {2, {1, 1, 1, 1, 1}, {1, 1, 1, 1, 1}}, {2, {2, 1, 2, 1}, {1, 2, 2, 1}},
    {3, {1, 2, 3, 2, 1}, {2, 1, 3, 2, 1}}, {3, {3, 1, 3, 1}, {3, 3, 1}},          {2, {1, 1, 1, 1, 1, 1}, {2, 2, 2, 2}},
};

}  // namespace

int main() {
    std::size_t executions = 0;
    for (const Program& program : programs) {
        const Outcome outcome = check(program, Weaken::nothing);
        REQUIRE(!outcome.wrong);
        executions += outcome.executions;
    }
    REQUIRE(executions > 10'000);
    std::printf("%zu executions of %zu programs, all right\n", executions, programs.size());
    for (const Weaken weaken : {Weaken::written_store, Weaken::written_load, Weaken::read_store, Weaken::read_load}) {
        bool seen = false;
        for (const Program& program : programs) seen = seen || check(program, weaken).wrong;
        REQUIRE(seen);
    }
    std::printf("each of the four orders is needed: without it, an execution goes wrong\n");
}
