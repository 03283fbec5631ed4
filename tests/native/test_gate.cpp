// What the gate promises: one holder at a time, first come first served, and no way to lose it.
#include <atomic>
#include <chrono>
#include <latch>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "engine/gate.hpp"
#include "errors.hpp"
#include "require.hpp"

using namespace std::chrono_literals;
using thoth::Gate;
using thoth::Patience;

namespace {

struct Interrupted : std::runtime_error {
    using std::runtime_error::runtime_error;
};

template <class Error, class Action>
bool throws(Action action) {
    try {
        action();
    } catch (const Error&) {
        return true;
    }
    return false;
}

void wait_until_waiting(const Gate& gate, std::size_t count) {
    while (gate.stats().waiting != count) std::this_thread::yield();
}

void no_patience_means_busy_at_once() {
    Gate gate;
    const auto held = gate.acquire();
    REQUIRE(
        throws<thoth::ModelBusy>([&] { static_cast<void>(gate.acquire({.timeout = 0ns, .stop = {}, .poll = {}})); }));
    REQUIRE(gate.stats().waiting == 0);
}

void a_timeout_is_kept_and_leaves_no_trace() {
    Gate gate;
    {
        const auto held = gate.acquire();
        const auto start = std::chrono::steady_clock::now();
        REQUIRE(throws<thoth::ModelBusy>(
            [&] { static_cast<void>(gate.acquire({.timeout = 30ms, .stop = {}, .poll = {}})); }));
        REQUIRE(std::chrono::steady_clock::now() - start >= 30ms);
        REQUIRE(gate.stats().waiting == 0);
    }
    REQUIRE(!gate.stats().busy);
}

void first_come_first_served() {
    Gate gate;
    std::vector<int> order;
    std::vector<std::jthread> threads;
    {
        const auto held = gate.acquire();
        for (int i = 0; i < 12; ++i) {
            threads.emplace_back([&, i] {
                const auto permit = gate.acquire();
                order.push_back(i);
            });
            wait_until_waiting(gate, static_cast<std::size_t>(i) + 1);
        }
    }
    threads.clear();
    for (int i = 0; i < 12; ++i) REQUIRE(order[static_cast<std::size_t>(i)] == i);
}

void a_waiter_that_gives_up_lets_the_next_one_through() {
    Gate gate;
    std::stop_source first_stop;
    std::atomic<bool> first_cancelled{false};
    std::atomic<bool> second_in{false};
    std::jthread first;
    std::jthread second;
    {
        const auto held = gate.acquire();
        first = std::jthread([&] {
            first_cancelled = throws<thoth::Cancelled>(
                [&] { static_cast<void>(gate.acquire({.timeout = {}, .stop = first_stop.get_token(), .poll = {}})); });
        });
        wait_until_waiting(gate, 1);
        second = std::jthread([&] {
            const auto permit = gate.acquire();
            second_in = true;
        });
        wait_until_waiting(gate, 2);
        first_stop.request_stop();
        first.join();
        REQUIRE(first_cancelled);
        REQUIRE(!second_in);
    }
    second.join();
    REQUIRE(second_in);
}

void what_poll_throws_ends_the_wait() {
    Gate gate;
    const auto held = gate.acquire();
    const auto poll = [] { throw Interrupted("signal"); };
    REQUIRE(throws<Interrupted>([&] { static_cast<void>(gate.acquire({.timeout = {}, .stop = {}, .poll = poll})); }));
    REQUIRE(gate.stats().waiting == 0);
}

// Sixteen threads that acquire, time out, are cancelled, are interrupted and throw while holding, at random. The
// counter is a plain int on purpose: two holders at once are a data race that ThreadSanitizer sees.
void storm() {
    Gate gate;
    int inside = 0;
    std::uint64_t held = 0;
    std::atomic<std::uint64_t> granted{0};
    std::atomic<std::uint64_t> refused{0};
    const auto end = std::chrono::steady_clock::now() + 5s;
    const auto work = [&](unsigned seed) {
        std::mt19937 random(seed);
        while (std::chrono::steady_clock::now() < end) {
            std::stop_source stop;
            Patience patience{.timeout = {}, .stop = stop.get_token(), .poll = {}};
            std::jthread canceller;
            switch (random() % 5) {
                case 0:
                    patience.timeout = std::chrono::microseconds(random() % 200);
                    break;
                case 1:
                    canceller = std::jthread([&stop] { stop.request_stop(); });
                    break;
                case 2:
                    patience.poll = [&random] {
                        if (random() % 2 == 0) throw Interrupted("signal");
                    };
                    break;
                default:
                    break;
            }
            try {
                const auto permit = gate.acquire(patience);
                REQUIRE(++inside == 1);
                ++held;
                if (random() % 7 == 0) std::this_thread::sleep_for(std::chrono::microseconds(random() % 300));
                --inside;
                ++granted;
                if (random() % 5 == 0) throw Interrupted("failure while holding");
            } catch (const thoth::Error&) {
                ++refused;
            } catch (const Interrupted&) {
                ++refused;
            }
        }
    };
    {
        std::vector<std::jthread> threads;
        for (unsigned i = 0; i < 16; ++i) threads.emplace_back(work, i);
    }
    REQUIRE(held == granted);
    REQUIRE(granted > 0 && refused > 0);
    REQUIRE(!gate.stats().busy && gate.stats().waiting == 0);
    REQUIRE(gate.stats().granted == granted);
    std::printf("storm: %llu granted, %llu ended otherwise\n", static_cast<unsigned long long>(granted),
                static_cast<unsigned long long>(refused));
}

}  // namespace

int main() {
    no_patience_means_busy_at_once();
    a_timeout_is_kept_and_leaves_no_trace();
    first_come_first_served();
    a_waiter_that_gives_up_lets_the_next_one_through();
    what_poll_throws_ends_the_wait();
    storm();
}
