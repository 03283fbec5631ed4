# Cross-building for 64-bit ARM Linux with Debian's g++-aarch64-linux-gnu; what is built runs here under qemu-user.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)

# qemu and the loader find the C library of the cross compiler there.
set(sysroot /usr/aarch64-linux-gnu)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -cpu cortex-a72 -L ${sysroot})

# Headers and libraries of the machine that builds are of no use to the one that runs; its programs are.
set(CMAKE_FIND_ROOT_PATH ${sysroot})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)

# The instructions of the machine that builds are not those of the one that runs: plain ARMv8.0, which a Pi 4 has.
set(GGML_NATIVE OFF CACHE BOOL "The CPU's own instructions")
