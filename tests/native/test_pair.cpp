// Two lanes in one turn of a gate, without a model: that both stand still while a live turn runs, that whatever ends
// one of them ends what it should and nothing else, and that the gate is free afterwards. ThreadSanitizer sees whether
// a lane touches what belongs to the holder while it is another.
#include <atomic>
#include <chrono>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "engine/gate.hpp"
#include "engine/pair.hpp"
#include "errors.hpp"
#include "require.hpp"

using namespace std::chrono_literals;

namespace {

struct Injected : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// What the gate guards: written by live turns, read by the lanes. Neither atomic nor locked.
struct Shared {
    thoth::Gate gate;
    thoth::Occupancy inside;
    long value = 0;
};

void live_turn(Shared& shared) {
    const thoth::Turn turn(shared.gate, shared.inside, thoth::Priority::live, {});
    shared.value += 1;
    std::this_thread::yield();
    shared.value += 1;
}

struct Lanes {
    std::atomic<int> steps[2]{};

    // Between two checkpoints nobody else has a turn: the value stands, and is even.
    thoth::Pair::Work walk(const Shared& shared, std::size_t which, int steps_to_go) {
        return [this, &shared, which, steps_to_go](thoth::Lane& lane) {
            for (int i = 0; i < steps_to_go; ++i) {
                const long before = shared.value;
                std::this_thread::yield();
                REQUIRE(shared.value == before && before % 2 == 0);
                ++steps[which];
                lane.checkpoint();
            }
        };
    }
};

thoth::Pair::Work failing(const thoth::Pair::Work& walk) {
    return [walk](thoth::Lane& lane) {
        walk(lane);
        throw Injected("injected");
    };
}

template <typename Error>
bool holds(const std::exception_ptr& failure) {
    if (!failure) return false;
    try {
        std::rethrow_exception(failure);
    } catch (const Error&) {
        return true;
    } catch (...) {
        return false;
    }
}

void both_run_to_their_ends() {
    Shared shared;
    const thoth::RunControl control;
    thoth::Turn turn(shared.gate, shared.inside, thoth::Priority::batch, {});
    thoth::Pair pair(turn, control);
    Lanes lanes;
    REQUIRE(pair.run(lanes.walk(shared, 0, 100), lanes.walk(shared, 1, 300)));
    REQUIRE(!pair.failure() && lanes.steps[0] == 100 && lanes.steps[1] == 300 && turn.held());
}

void the_firsts_failure_ends_the_second() {
    Shared shared;
    const thoth::RunControl control;
    thoth::Turn turn(shared.gate, shared.inside, thoth::Priority::batch, {});
    thoth::Pair pair(turn, control);
    Lanes lanes;
    REQUIRE(pair.run(failing(lanes.walk(shared, 0, 10)), lanes.walk(shared, 1, 1 << 30)));
    REQUIRE(holds<Injected>(pair.failure()) && lanes.steps[1] < 1 << 30);
}

void the_seconds_failure_lets_the_first_go_on() {
    Shared shared;
    const thoth::RunControl control;
    thoth::Turn turn(shared.gate, shared.inside, thoth::Priority::batch, {});
    thoth::Pair pair(turn, control);
    Lanes lanes;
    REQUIRE(pair.run(lanes.walk(shared, 0, 5000), failing(lanes.walk(shared, 1, 10))));
    REQUIRE(holds<Injected>(pair.failure()) && lanes.steps[0] == 5000 && lanes.steps[1] == 10);
}

// The caller's interrupt is asked while its own lane is over and the other goes on, on the caller's thread alone.
void an_interrupt_ends_the_wait_for_the_second() {
    Shared shared;
    const auto caller = std::this_thread::get_id();
    int asked = 0;
    thoth::RunControl control;
    control.interrupt = [&] {
        REQUIRE(std::this_thread::get_id() == caller);
        if (++asked == 3) throw Injected("injected");
    };
    thoth::Turn turn(shared.gate, shared.inside, thoth::Priority::batch, {});
    thoth::Pair pair(turn, control);
    Lanes lanes;
    REQUIRE(pair.run(lanes.walk(shared, 0, 1), lanes.walk(shared, 1, 1 << 30)));
    REQUIRE(holds<Injected>(pair.failure()) && asked == 3);
}

// Cancelled while others have their turn: the gate is lost, and both lanes are told.
void cancelled_while_it_has_given_way() {
    Shared shared;
    std::stop_source stop;
    thoth::RunControl control;
    control.patience.stop = stop.get_token();
    thoth::Turn turn(shared.gate, shared.inside, thoth::Priority::batch, {});
    std::atomic<bool> waiting{false};
    std::jthread live([&] {
        waiting = true;
        const thoth::Turn inside(shared.gate, shared.inside, thoth::Priority::live, {});
        stop.request_stop();
        while (shared.gate.stats().waiting() > 0) std::this_thread::yield();
    });
    while (!waiting) std::this_thread::yield();
    thoth::Pair pair(turn, control);
    Lanes lanes;
    REQUIRE(pair.run(lanes.walk(shared, 0, 1 << 30), lanes.walk(shared, 1, 1 << 30)));
    REQUIRE(holds<thoth::Cancelled>(pair.failure()) && !turn.held());
}

// Live turns come and go, give up waiting, and pairs fail and are cancelled at random.
void many_at_random(std::chrono::seconds duration) {
    Shared shared;
    const auto end = std::chrono::steady_clock::now() + duration;
    std::atomic<int> whole{0};
    std::atomic<int> ended{0};
    std::atomic<int> gave_way{0};
    // However slow the machine is, everything has happened before it ends.
    const auto goes_on = [&] {
        return std::chrono::steady_clock::now() < end || whole == 0 || ended == 0 || gave_way == 0;
    };
    std::vector<std::jthread> threads;
    for (unsigned seed = 0; seed < 3; ++seed) {
        threads.emplace_back([&, seed] {
            std::mt19937 random(seed);
            while (goes_on()) {
                if (random() % 4 == 0) {
                    try {
                        static_cast<void>(
                            shared.gate.acquire(thoth::Priority::live, {.timeout = 50us, .stop = {}, .poll = {}}));
                    } catch (const thoth::ModelBusy&) {
                    }
                }
                live_turn(shared);
                std::this_thread::sleep_for(std::chrono::microseconds(random() % 2000));
            }
        });
    }
    for (unsigned seed = 3; seed < 5; ++seed) {
        threads.emplace_back([&, seed] {
            std::mt19937 random(seed);
            while (goes_on()) {
                std::stop_source stop;
                int asked = 0;
                const int last = random() % 4 == 0 ? static_cast<int>(random() % 50) : -1;
                const bool throws = random() % 2 == 0;
                thoth::RunControl control;
                control.patience.stop = stop.get_token();
                control.interrupt = [&] {
                    if (asked++ != last) return;
                    if (throws) throw Injected("injected");
                    stop.request_stop();
                };
                thoth::Turn turn(shared.gate, shared.inside, thoth::Priority::batch, {});
                thoth::Pair pair(turn, control);
                Lanes lanes;
                auto first = lanes.walk(shared, 0, static_cast<int>(random() % 200));
                auto second = lanes.walk(shared, 1, static_cast<int>(random() % 200));
                if (random() % 8 == 0) second = failing(second);
                REQUIRE(pair.run(first, second));
                ++(pair.failure() ? ended : whole);
                thoth::WindowResult result;
                turn.describe(result);
                gave_way += result.preemptions;
            }
        });
    }
    threads.clear();
    REQUIRE(shared.inside.most() == 1);
    REQUIRE(!shared.gate.stats().holder && shared.gate.stats().waiting() == 0);
    std::printf("%d pairs whole, %d ended early, %d times given way, %ld live turns\n", whole.load(), ended.load(),
                gave_way.load(), shared.value / 2);
}

}  // namespace

int main() {
    both_run_to_their_ends();
    the_firsts_failure_ends_the_second();
    the_seconds_failure_lets_the_first_go_on();
    an_interrupt_ends_the_wait_for_the_second();
    cancelled_while_it_has_given_way();
    many_at_random(5s);
}
