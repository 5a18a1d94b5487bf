package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// lockPoll is how often a taken lock is tried again.
const lockPoll = 50 * time.Millisecond

// acquire takes the lock that makes a folder belong to this process. Closing the
// file gives it back, and so does the end of the process, however it ends. The
// file stays: removing it would let two processes lock two files of one name.
func acquire(dir string, wait time.Duration) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(wait); ; time.Sleep(lockPoll) {
		taken, err := tryLock(f)
		if err == nil && !taken {
			return f, nil
		}
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("locking %q: %w", f.Name(), err)
		}
		if time.Until(deadline) <= 0 {
			f.Close()
			return nil, fmt.Errorf("%w: %q (waited %s)", ErrInUse, dir, max(wait, 0))
		}
	}
}
