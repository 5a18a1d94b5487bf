package journal

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func allocate(f *os.File, from, to int64) error {
	err := control(f, func(fd int) error { return unix.Fallocate(fd, 0, from, to-from) })
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return writeZeros(f, from, to)
	}
	return err
}

func syncData(f *os.File) error {
	return control(f, unix.Fdatasync)
}

// control keeps the file open while the call runs. Of a file that is closed it
// says os.ErrClosed.
func control(f *os.File, call func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = conn.Control(func(fd uintptr) {
		for {
			if failed = call(int(fd)); !errors.Is(failed, unix.EINTR) {
				return
			}
		}
	})
	if err != nil {
		return os.ErrClosed
	}
	return failed
}
