//go:build !linux

package subject

import (
	"errors"
	"syscall"
	"time"
)

var errLinux = errors.New("the bench reads processor time and memory of processes on Linux only")

// CPU is not known on this system.
func CPU(int) (time.Duration, error) { return 0, errLinux }

// Busy is not known on this system.
func Busy() (time.Duration, error) { return 0, errLinux }

func rss(int) (int64, error) { return 0, errLinux }

func dieWithParent() *syscall.SysProcAttr { return nil }
