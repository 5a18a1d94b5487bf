package journal

import (
	"errors"
	"fmt"
	"os"
)

// syncTo returns when so many records are lasting. Those that wait here share
// the sync of one of them.
func (j *Journal) syncTo(count uint64) error {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	j.mu.Lock()
	done, err := j.synced >= count, j.syncErr
	j.mu.Unlock()
	if done {
		return nil
	}
	if err == nil {
		if err = j.syncSegments(); err == nil {
			return nil
		}
		j.fail(err) //nolint:errcheck // reported
	}
	return fmt.Errorf("%w: %w", ErrDisk, err)
}

// sync makes all records lasting. After a failed sync it does so only where it
// is told to repair.
func (j *Journal) sync(repair bool) error {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	j.mu.Lock()
	err := j.syncErr
	j.mu.Unlock()
	if err != nil {
		if !repair {
			return err
		}
		if err := j.rewrite(); err != nil {
			return err
		}
	}
	return j.syncSegments()
}

// stretch is a part of a segment that has yet to be synced.
type stretch struct {
	*segment
	from, to int64
}

// unsynced lists what has yet to be synced, and counts the records until there.
func (j *Journal) unsynced() (list []stretch, count uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, s := range j.segments {
		if s.synced < s.end {
			list = append(list, stretch{s, s.synced, s.end})
		}
	}
	return list, j.writes
}

// syncSegments syncs what was written. It needs Journal.syncing.
func (j *Journal) syncSegments() error {
	list, count := j.unsynced()
	var err error
	for _, s := range list {
		// One that was delivered may have been deleted meanwhile.
		if err = s.f.sync(); err != nil && !errors.Is(err, os.ErrClosed) {
			err = fmt.Errorf("syncing the journal: %w", err)
			break
		}
		err = nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.syncErr = err
	if err != nil {
		return err
	}
	for _, s := range list {
		s.synced = s.to
	}
	j.synced = count
	return nil
}

// rewrite writes once more what a failed sync may have left in memory: the
// system takes such bytes for written, and the next sync would pass them over.
func (j *Journal) rewrite() error {
	list, _ := j.unsynced()
	for _, s := range list {
		sc := s.scan(s.from, s.to, nil)
		for at := s.from; at < s.to; {
			b, err := sc.bytes(at, min(windowSize, s.to-at))
			if err == nil {
				_, err = s.f.WriteAt(b, at-s.base)
			}
			if err != nil && !errors.Is(err, os.ErrClosed) {
				return fmt.Errorf("repairing the journal: %w", err)
			}
			if err != nil {
				break
			}
			at += int64(len(b))
		}
	}
	return nil
}
