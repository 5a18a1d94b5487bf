//go:build linux

// Command nosocket runs a command that the kernel ends with SIGSYS when it
// opens a socket, to show that one touches no network:
//
//	nosocket aiproxy validate --config Caddyfile
package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"unsafe"
)

// Constants of prctl(2) and seccomp(2), which the standard library lacks.
const (
	prSetSeccomp      = 22
	prSetNoNewPrivs   = 38
	seccompModeFilter = 2
	seccompKill       = 0x80000000
	seccompAllow      = 0x7fff0000
	// offset of the system call's number in struct seccomp_data
	offsetNumber = 0
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "nosocket:", err)
		os.Exit(1)
	}
}

// run replaces this process by the command.
func run(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("usage: nosocket <command> [<args...>]")
	}
	path, err := exec.LookPath(args[0])
	if err != nil {
		return err
	}
	// The filter holds for the thread that sets it, which has to be the one
	// that becomes the command.
	runtime.LockOSThread()
	if err := forbidSockets(); err != nil {
		return err
	}
	return syscall.Exec(path, args, os.Environ())
}

func forbidSockets() error {
	filter := []syscall.SockFilter{
		{Code: syscall.BPF_LD | syscall.BPF_W | syscall.BPF_ABS, K: offsetNumber},
		{Code: syscall.BPF_JMP | syscall.BPF_JEQ | syscall.BPF_K, K: syscall.SYS_SOCKET, Jt: 0, Jf: 1},
		{Code: syscall.BPF_RET | syscall.BPF_K, K: seccompKill},
		{Code: syscall.BPF_RET | syscall.BPF_K, K: seccompAllow},
	}
	program := syscall.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, prSetNoNewPrivs, 1, 0, 0, 0, 0); errno != 0 {
		return fmt.Errorf("giving up new privileges: %w", errno)
	}
	_, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetSeccomp, seccompModeFilter, uintptr(unsafe.Pointer(&program)))
	runtime.KeepAlive(filter)
	if errno != 0 {
		return fmt.Errorf("setting the filter: %w", errno)
	}
	return nil
}
