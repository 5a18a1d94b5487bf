package journal

import (
	"fmt"
	"time"
)

// keep works in the background: it allocates before room is short, syncs what
// was written, clears the slots of settled calls, and finds out whether a failed
// disk is well again.
func (j *Journal) keep() {
	timer := time.NewTimer(j.o.delay)
	defer timer.Stop()
	j.armed.Store(true)
	for {
		select {
		case <-j.stop:
			return
		case <-j.care:
			j.prepare()
			if j.armed.Swap(true) {
				continue
			}
			timer.Reset(j.o.delay)
		case <-timer.C:
			// Before what there is to do is looked at: what comes later calls again.
			j.armed.Store(false)
			if j.tidy() && !j.armed.Swap(true) {
				timer.Reset(j.o.delay)
			}
		}
	}
}

// attend makes the keeper look, at the latest after its delay.
func (j *Journal) attend() {
	if !j.armed.Load() {
		j.call()
	}
}

// want makes the keeper allocate. It needs Journal.mu.
func (j *Journal) want() {
	j.wanted = true
	j.call()
}

func (j *Journal) call() {
	select {
	case j.care <- struct{}{}:
	default:
	}
}

// prepare allocates where room is short, if it may.
func (j *Journal) prepare() {
	j.mu.Lock()
	short := (j.wanted || j.growErr != nil) && j.room() <= j.promised+j.low() && j.nextSize() >= j.reserve
	j.wanted = false
	if !short {
		j.growErr = nil
	}
	j.mu.Unlock()
	if short {
		j.grow(j.low()) //nolint:errcheck // reported
	}
}

// tidy does what is due. It says whether it has to come again.
func (j *Journal) tidy() (again bool) {
	j.prepare()
	j.mu.Lock()
	failed, failures := j.failed != nil, j.failures
	j.mu.Unlock()

	err := j.sync(failed)
	if err == nil {
		err = j.clearLasting()
	}
	if err == nil && failed {
		err = j.probe()
	}
	if err == nil && j.calls.dirty.Swap(false) {
		if err = j.calls.f.sync(); err != nil {
			j.calls.dirty.Store(true)
			err = fmt.Errorf("syncing the calls in flight: %w", err)
		}
	}
	if err == nil {
		err = j.drop()
	}
	if err != nil {
		j.fail(err) //nolint:errcheck // reported
	}

	j.mu.Lock()
	defer j.mu.Unlock()
	if failed && failures == j.failures {
		j.failed = nil
	}
	return j.failed != nil || j.growErr != nil
}

// clearLasting clears the slots whose calls have lasting records.
func (j *Journal) clearLasting() error {
	j.reading.Lock()
	defer j.reading.Unlock()
	j.mu.Lock()
	writes := j.synced
	j.mu.Unlock()
	return j.clearSettled(writes)
}

// fail makes Begin refuse until the keeper has written again, and reports it.
func (j *Journal) fail(err error) error {
	j.mu.Lock()
	closed := j.closed
	if !closed {
		j.failed = err
		j.failures++
	}
	j.mu.Unlock()
	if !closed {
		j.report(err)
		j.attend()
	}
	return err
}

// probe finds out whether the disk takes writes: zeros behind the last record,
// and in a free slot. The sync is the caller's.
func (j *Journal) probe() error {
	j.writing.Lock()
	seg := j.current
	zeros := make([]byte, min(seg.limit-seg.end, 4096))
	_, err := seg.f.WriteAt(zeros, seg.end-seg.base)
	j.writing.Unlock()
	if err == nil {
		err = seg.f.sync()
	}
	if err != nil {
		return fmt.Errorf("probing the disk: %w", err)
	}
	j.mu.Lock()
	index, ok := j.calls.take()
	j.mu.Unlock()
	if !ok {
		return nil
	}
	return j.clearSlots([]settledSlot{{index: index}})
}
