// The audio callback allocates nothing, takes no lock and makes no system call: driven a million times with all of
// these watched, at two levels. Library functions are stood in for by this program's own, which count what an armed
// thread calls, also where no system call results (an allocation from the heap's reserve, a free lock, the kernel's
// clock in user space). System calls are caught by the kernel (seccomp), also where no library function makes them.
// Linux with glibc. Usage: test_realtime [callbacks]
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <random>
#include <span>
#include <thread>
#include <tuple>
#include <vector>

#include "audio/capture.hpp"
#include "require.hpp"

namespace {

// What one thread did while armed. Nothing here may itself do what is watched.
thread_local bool armed = false;
thread_local std::uint64_t calls_seen = 0;
thread_local const char* first_call = nullptr;
thread_local std::uint64_t system_calls_seen = 0;
thread_local int first_system_call = -1;

void see(const char* name) noexcept {
    if (!armed) return;
    if (calls_seen++ == 0) first_call = name;
}

// The function of that name in the libraries. Its address is kept by the caller, since the search is slow.
void* in_library(std::atomic<void*>& kept, const char* name) noexcept {
    if (void* function = kept.load(std::memory_order_acquire)) return function;
    // x86-64 has two generations of condition variables, and a search without a version finds the old one.
    void* found = dlvsym(RTLD_NEXT, name, "GLIBC_2.3.2");
    if (found == nullptr) found = dlsym(RTLD_NEXT, name);
    kept.store(found, std::memory_order_release);
    return found;
}

}  // namespace

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);

// glibc's heap itself: dlsym() may need it.
void* malloc(std::size_t bytes) noexcept {
    see("malloc");
    return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) noexcept {
    see("calloc");
    return __libc_calloc(count, bytes);
}
void* realloc(void* old, std::size_t bytes) noexcept {
    see("realloc");
    return __libc_realloc(old, bytes);
}
void free(void* memory) noexcept {
    see("free");
    __libc_free(memory);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
    see("aligned_alloc");
    return __libc_memalign(alignment, bytes);
}
void* memalign(std::size_t alignment, std::size_t bytes) noexcept {
    see("memalign");
    return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t bytes) noexcept {
    see("posix_memalign");
    *memory = __libc_memalign(alignment, bytes);
    return *memory == nullptr ? ENOMEM : 0;
}

#define SEEN(result, name, parameters, arguments, specifier)                         \
    result name parameters specifier {                                               \
        see(#name);                                                                  \
        static std::atomic<void*> kept = nullptr;                                    \
        return reinterpret_cast<decltype(&name)>(in_library(kept, #name)) arguments; \
    }

SEEN(int, pthread_mutex_lock, (pthread_mutex_t * mutex), (mutex), noexcept)
SEEN(int, pthread_mutex_trylock, (pthread_mutex_t * mutex), (mutex), noexcept)
SEEN(int, pthread_mutex_timedlock, (pthread_mutex_t * mutex, const timespec* until), (mutex, until), noexcept)
SEEN(int, pthread_mutex_unlock, (pthread_mutex_t * mutex), (mutex), noexcept)
SEEN(int, pthread_cond_wait, (pthread_cond_t * condition, pthread_mutex_t* mutex), (condition, mutex), )
SEEN(int, pthread_cond_timedwait, (pthread_cond_t * condition, pthread_mutex_t* mutex, const timespec* until),
     (condition, mutex, until), )
SEEN(int, pthread_cond_clockwait,
     (pthread_cond_t * condition, pthread_mutex_t* mutex, clockid_t clock, const timespec* until),
     (condition, mutex, clock, until), )
SEEN(int, pthread_cond_signal, (pthread_cond_t * condition), (condition), noexcept)
SEEN(int, pthread_cond_broadcast, (pthread_cond_t * condition), (condition), noexcept)
SEEN(int, pthread_rwlock_rdlock, (pthread_rwlock_t * lock), (lock), noexcept)
SEEN(int, pthread_rwlock_tryrdlock, (pthread_rwlock_t * lock), (lock), noexcept)
SEEN(int, pthread_rwlock_wrlock, (pthread_rwlock_t * lock), (lock), noexcept)
SEEN(int, pthread_rwlock_trywrlock, (pthread_rwlock_t * lock), (lock), noexcept)
SEEN(int, pthread_rwlock_unlock, (pthread_rwlock_t * lock), (lock), noexcept)
SEEN(int, pthread_spin_lock, (pthread_spinlock_t * lock), (lock), noexcept)
SEEN(int, sem_wait, (sem_t * semaphore), (semaphore), )
SEEN(int, sem_trywait, (sem_t * semaphore), (semaphore), noexcept)
SEEN(int, sem_timedwait, (sem_t * semaphore, const timespec* until), (semaphore, until), )
SEEN(int, sem_post, (sem_t * semaphore), (semaphore), noexcept)
SEEN(ssize_t, write, (int file, const void* bytes, std::size_t count), (file, bytes, count), )
SEEN(ssize_t, read, (int file, void* bytes, std::size_t count), (file, bytes, count), )
SEEN(int, nanosleep, (const timespec* time, timespec* left), (time, left), )
SEEN(int, clock_nanosleep, (clockid_t clock, int flags, const timespec* time, timespec* left),
     (clock, flags, time, left), )
SEEN(int, sched_yield, (), (), noexcept)
SEEN(int, clock_gettime, (clockid_t clock, timespec* time), (clock, time), noexcept)
SEEN(int, gettimeofday, (timeval * time, void* zone), (time, zone), noexcept)
SEEN(int, puts, (const char* text), (text), )
SEEN(int, fputs, (const char* text, FILE* file), (text, file), )
SEEN(std::size_t, fwrite, (const void* bytes, std::size_t size, std::size_t count, FILE* file),
     (bytes, size, count, file), )
SEEN(int, vfprintf, (FILE * file, const char* format, va_list values), (file, format, values), )
SEEN(int, vsnprintf, (char* to, std::size_t bytes, const char* format, va_list values), (to, bytes, format, values),
     noexcept)

int printf(const char* format, ...) {
    see("printf");
    va_list values;
    va_start(values, format);
    const int count = vfprintf(stdout, format, values);
    va_end(values);
    return count;
}
int fprintf(FILE* file, const char* format, ...) {
    see("fprintf");
    va_list values;
    va_start(values, format);
    const int count = vfprintf(file, format, values);
    va_end(values);
    return count;
}
int snprintf(char* to, std::size_t bytes, const char* format, ...) noexcept {
    see("snprintf");
    va_list values;
    va_start(values, format);
    const int count = vsnprintf(to, bytes, format, values);
    va_end(values);
    return count;
}
int open(const char* path, int flags, ...) {
    see("open");
    va_list values;
    va_start(values, flags);
    const auto mode = va_arg(values, unsigned);
    va_end(values);
    static std::atomic<void*> kept = nullptr;
    return reinterpret_cast<decltype(&open)>(in_library(kept, "open"))(path, flags, mode);
}
long syscall(long number, ...) noexcept {
    see("syscall");
    va_list values;
    va_start(values, number);
    std::array<long, 6> a;
    for (long& value : a) value = va_arg(values, long);
    va_end(values);
    static std::atomic<void*> kept = nullptr;
    return reinterpret_cast<decltype(&syscall)>(in_library(kept, "syscall"))(number, a[0], a[1], a[2], a[3], a[4],
                                                                             a[5]);
}
}  // extern "C"

// As the standard library's own, beside being seen.
void* operator new(std::size_t bytes) {
    see("operator new");
    if (void* memory = std::malloc(bytes > 0 ? bytes : 1)) return memory;
    throw std::bad_alloc();
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
    see("operator new");
    if (void* memory = __libc_memalign(static_cast<std::size_t>(alignment), bytes > 0 ? bytes : 1)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
    see("operator delete");
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { operator delete(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { operator delete(memory); }

namespace {

using thoth::Capture;

struct Seen {
    std::uint64_t calls = 0;
    const char* first_call = nullptr;
    std::uint64_t system_calls = 0;
    int first_system_call = -1;
};

// What the child found out, in memory that it shares with its parent: telling it takes no system call then.
struct Report {
    bool kernel_watches = false;
    int kernel_error = 0;
    std::array<Seen, 16> misbehaved{};
    Seen callbacks_seen;
    std::uint64_t callbacks = 0;
    std::uint64_t frames_offered = 0;
    std::uint64_t frames_read = 0;
    std::uint64_t frames_in_gaps = 0;
    std::uint64_t xruns = 0;
    std::uint64_t xruns_expected = 0;
    std::uint64_t wrong_gaps = 0;
    bool done = false;
};

void on_system_call(int /*signal*/, siginfo_t* what, void* /*context*/) {
    if (!armed) return;
    if (system_calls_seen++ == 0) first_system_call = what->si_syscall;
}

// From here on the kernel hands each system call of this thread to on_system_call() in place of carrying it out, but
// for the end of that handler and of the process. There is no way back.
int forbid_system_calls() {
    struct sigaction action{};
    action.sa_sigaction = on_system_call;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    if (sigaction(SIGSYS, &action, nullptr) != 0) return errno;
    std::array<sock_filter, 5> rules{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog program{static_cast<unsigned short>(rules.size()), rules.data()};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) return errno;
    return 0;
}

// The one place where callbacks are called, good and bad ones alike.
Seen call_armed(PaStreamCallback* callback, const void* input, unsigned long frames, unsigned long flags,
                void* user_data) {
    const PaStreamCallbackTimeInfo time{1.0, 2.0, 0.0};
    calls_seen = 0;
    system_calls_seen = 0;
    armed = true;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    callback(input, nullptr, frames, &time, flags, user_data);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    armed = false;
    return {calls_seen, first_call, system_calls_seen, first_system_call};
}

// Callbacks that do what none may: the watch must see each of them.
void* volatile kept_pointer;
pthread_mutex_t a_mutex = PTHREAD_MUTEX_INITIALIZER;
sem_t a_semaphore;
volatile std::size_t ten = 10;

template <class Deed>
int misbehave(const void*, void*, unsigned long, const PaStreamCallbackTimeInfo*, unsigned long, void*) {
    Deed()();
    return 0;
}

struct Allocate {
    void operator()() const { kept_pointer = std::malloc(ten); }
};
struct Free {
    void operator()() const { std::free(kept_pointer); }
};
struct New {
    void operator()() const { kept_pointer = new char[ten]; }
};
struct Delete {
    void operator()() const { delete[] static_cast<char*>(kept_pointer); }
};
struct NewAligned {
    struct alignas(128) Wide {
        char bytes[128];
    };
    void operator()() const { kept_pointer = std::make_unique<Wide>().get(); }
};
struct TakeLock {
    void operator()() const { pthread_mutex_lock(&a_mutex); }
};
struct ReleaseLock {
    void operator()() const { pthread_mutex_unlock(&a_mutex); }
};
struct Post {
    void operator()() const { sem_post(&a_semaphore); }
};
struct ReadClock {
    void operator()() const { static_cast<void>(std::chrono::steady_clock::now()); }
};
struct Format {
    void operator()() const {
        char text[16];
        std::snprintf(text, sizeof text, "%zu", ten);
        kept_pointer = nullptr;
    }
};
struct CallKernel {
    void operator()() const { syscall(SYS_getppid); }
};
// Past all library functions that are stood in for.
struct CallKernelUnseen {
    void operator()() const { static_cast<void>(getppid()); }
};

struct Misdeed {
    PaStreamCallback* callback;
    const char* first_call;  // nullptr: at the kernel alone
    int system_call;         // -1: none
};

constexpr Misdeed misdeeds[] = {
    {misbehave<Allocate>, "malloc", -1},
    {misbehave<Free>, "free", -1},
    {misbehave<New>, "operator new", -1},
    {misbehave<Delete>, "operator delete", -1},
    {misbehave<NewAligned>, "operator new", -1},
    {misbehave<TakeLock>, "pthread_mutex_lock", -1},
    {misbehave<ReleaseLock>, "pthread_mutex_unlock", -1},
    {misbehave<Post>, "sem_post", -1},
    {misbehave<ReadClock>, "clock_gettime", -1},
    {misbehave<Format>, "snprintf", -1},
    {misbehave<CallKernel>, "syscall", SYS_getppid},
    {misbehave<CallKernelUnseen>, nullptr, SYS_getppid},
};
static_assert(std::size(misdeeds) <= std::tuple_size_v<decltype(Report::misbehaved)>);

// Reads a capture and keeps its account; allocates nothing once made.
class Account {
public:
    void drain(Capture& capture) {
        bool more = true;
        while (more) {
            const auto position = capture.frames().position();
            const auto gap = capture.frames().gap();
            if (gap) step_over(*gap, position);
            const std::size_t frames = capture.frames().read(std::span(block_).first(512 * capture.channels()));
            frames_read += frames;
            more = gap || frames > 0;
        }
        std::array<std::uint64_t, 16> positions;
        while (capture.xruns().read(positions) > 0) {
        }
    }
    void finish(Capture& capture) {
        drain(capture);
        const auto position = capture.frames().position();
        if (const auto gap = capture.frames().last_gap()) step_over(*gap, position);
    }

    std::uint64_t frames_read = 0;
    std::uint64_t frames_in_gaps = 0;
    std::uint64_t wrong_gaps = 0;

private:
    void step_over(const thoth::Gap& gap, std::uint64_t position) {
        frames_in_gaps += gap.frames;
        wrong_gaps += gap.position != position || gap.frames == 0 ? 1 : 0;
    }

    std::array<float, 512 * 8> block_;
};

// A second thread that reads a capture lent to it, to the end of the process: joining it would be a system call.
// Whoever lends spins, for so would waiting be.
class OtherReader {
public:
    explicit OtherReader(Account& account) {
        std::thread([this, &account] {
            for (;;) {
                auto* capture = lent_.load(std::memory_order_acquire);
                if (capture != nullptr) account.drain(*capture);
                std::this_thread::yield();
                seen_.store(capture, std::memory_order_release);
                turned_.store(true, std::memory_order_release);
            }
        }).detach();
        while (!turned_.load(std::memory_order_acquire)) std::this_thread::yield();
    }

    // Lends it in place of the one lent before, and returns when that one is not touched any more.
    void lend(Capture* capture) {
        lent_.store(capture, std::memory_order_release);
        while (seen_.load(std::memory_order_acquire) != capture) {
        }
    }

private:
    std::atomic<Capture*> lent_ = nullptr;
    std::atomic<Capture*> seen_ = nullptr;
    std::atomic<bool> turned_ = false;
};

enum class Drained { at_once, not_at_all, by_another_thread };

// Runs in a child process of its own; from forbid_system_calls() on nothing here makes a system call.
[[noreturn]] void drive(Report& report, std::uint64_t callbacks) {
    constexpr std::size_t largest_block = 4096;
    constexpr std::uint64_t phase_callbacks = 5000;
    std::vector<std::unique_ptr<Capture>> captures;
    for (int channels = 1; channels <= 8; ++channels) {
        captures.push_back(std::make_unique<Capture>(8'000.0 * channels, channels, 1.0));
    }
    std::vector<float> input(largest_block * 8);
    std::mt19937 random(7);
    for (float& sample : input) sample = static_cast<float>(random()) / 4294967296.0F;
    auto account = std::make_unique<Account>();
    OtherReader other_reader(*account);
    sem_init(&a_semaphore, 0, 0);

    // Whatever the two threads call has been looked up from here on: under the loader's lock, which a thread that may
    // make no system call could not hand on to the one that waits for it.
    for (const auto& deed : misdeeds) call_armed(deed.callback, input.data(), 1, 0, nullptr);
    report.kernel_error = forbid_system_calls();
    report.kernel_watches = report.kernel_error == 0;
    for (std::size_t i = 0; i < std::size(misdeeds); ++i) {
        report.misbehaved[i] = call_armed(misdeeds[i].callback, input.data(), 1, 0, nullptr);
    }
    Capture* capture = nullptr;
    auto drained = Drained::at_once;
    for (std::uint64_t call = 0; call < callbacks; ++call) {
        if (call % phase_callbacks == 0) {
            other_reader.lend(nullptr);
            capture = captures[random() % captures.size()].get();
            drained = static_cast<Drained>(random() % 3);
            if (drained == Drained::by_another_thread) other_reader.lend(capture);
        }
        const unsigned long frames = 1 + random() % largest_block;
        const bool xrun = random() % 32 == 0;
        const bool no_input = random() % 64 == 0;
        const auto seen = call_armed(&Capture::callback, no_input ? nullptr : input.data(), frames,
                                     xrun ? thoth::pa_input_overflow : 0, capture);
        if (report.callbacks_seen.calls == 0) report.callbacks_seen.first_call = seen.first_call;
        if (report.callbacks_seen.system_calls == 0) report.callbacks_seen.first_system_call = seen.first_system_call;
        report.callbacks_seen.calls += seen.calls;
        report.callbacks_seen.system_calls += seen.system_calls;
        report.xruns_expected += xrun ? 1 : 0;
        report.frames_offered += frames;
        if (drained == Drained::at_once) account->drain(*capture);
    }
    other_reader.lend(nullptr);
    for (const auto& each : captures) {
        account->finish(*each);
        report.callbacks += each->callbacks();
        report.xruns += each->xrun_count();
    }
    report.frames_read = account->frames_read;
    report.frames_in_gaps = account->frames_in_gaps;
    report.wrong_gaps = account->wrong_gaps;
    report.done = true;
    for (;;) syscall(SYS_exit_group, 0);  // nothing is destroyed: that would take system calls
}

void require_all_misdeeds_seen(const Report& report) {
    for (std::size_t i = 0; i < std::size(misdeeds); ++i) {
        const auto& deed = misdeeds[i];
        const auto& seen = report.misbehaved[i];
        if (deed.first_call != nullptr) {
            REQUIRE(seen.calls > 0 && std::strcmp(seen.first_call, deed.first_call) == 0);
        }
        if (deed.system_call >= 0 && report.kernel_watches) {
            REQUIRE(seen.system_calls == 1 && seen.first_system_call == deed.system_call);
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    const std::uint64_t callbacks = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
    void* shared = mmap(nullptr, sizeof(Report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(shared != MAP_FAILED);
    auto& report = *new (shared) Report;
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) drive(report, callbacks);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 0 && report.done);

    require_all_misdeeds_seen(report);
    if (report.kernel_watches) {
        std::printf("system calls are watched by the kernel\n");
    } else {
        std::printf("this machine refuses seccomp (%s): library functions alone are watched\n",
                    std::strerror(report.kernel_error));
    }
    const auto& seen = report.callbacks_seen;
    if (seen.calls > 0) std::printf("in the callback: %s\n", seen.first_call);
    if (seen.system_calls > 0) std::printf("in the callback: system call %d\n", seen.first_system_call);
    REQUIRE(seen.calls == 0);
    REQUIRE(seen.system_calls == 0);

    // And they were real ones.
    REQUIRE(report.callbacks == callbacks && report.xruns == report.xruns_expected);
    REQUIRE(report.frames_read + report.frames_in_gaps == report.frames_offered && report.wrong_gaps == 0);
    REQUIRE(callbacks < 100'000 || (report.frames_read > report.frames_offered / 10 &&
                                    report.frames_in_gaps > report.frames_offered / 10 && report.xruns > 0));
    std::printf("%llu callbacks: nothing allocated, no lock, no system call; %llu frames read, %llu lost\n",
                static_cast<unsigned long long>(report.callbacks), static_cast<unsigned long long>(report.frames_read),
                static_cast<unsigned long long>(report.frames_in_gaps));
}
