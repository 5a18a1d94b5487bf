package journal

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// tryLock locks the file without waiting. It says whether another holds it.
func tryLock(f *os.File) (taken bool, err error) {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err = windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return true, nil
	}
	return false, err
}

// syncFolder does nothing: Windows has no such call and keeps names by itself.
func syncFolder(string) error { return nil }
