package sqlite

import (
	"context"
	"fmt"
	"os"
	"time"
)

// lockPoll is how often a taken lock is tried again.
const lockPoll = 50 * time.Millisecond

// acquire takes the lock that makes a database belong to this process, and
// waits for it at most as long as told. Closing the file gives it back, and so
// does the end of the process, however it ends. The lock file stays: removing
// it would let two processes lock two files of the same name.
func acquire(ctx context.Context, database string, wait time.Duration) (*os.File, error) {
	f, err := os.OpenFile(database+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the database: %w", err)
	}
	deadline := time.Now().Add(wait)
	for {
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
			return nil, fmt.Errorf("the database %q is in use by another process (waited %s): "+
				"a SQLite file belongs to one process at a time", database, wait)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("waiting for the database %q: %w", database, context.Cause(ctx))
		case <-time.After(lockPoll):
		}
	}
}
