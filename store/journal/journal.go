// Package journal keeps opaque records in files, between the requests that make
// them and the store that takes them in batches. What it has accepted survives
// the end of the process, however it ends, and it promises room for a record
// before the call begins that the record is about.
//
// It knows what a call is, and that a record begins with the ID of its call;
// nothing else of a record. No log row, no store and no policy may enter it.
//
// The folder holds segments, files of blocks that are allocated before they are
// promised and whose names are their first positions; the calls in flight in
// "inflight"; the journal's id in "writer"; and "lock".
package journal

import (
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// The errors that callers tell apart.
var (
	// ErrFull: the journal has reached Options.MaxBytes.
	ErrFull = errors.New("the journal is full")
	// ErrDisk: the disk has no space, or the last write or sync failed.
	ErrDisk = errors.New("the journal cannot be written")
	// ErrTooLarge: a record is longer than Options.MaxRecord.
	ErrTooLarge = errors.New("the record is too large for the journal")
	// ErrSettled: the slot has had its final record or was released.
	ErrSettled = errors.New("the call is settled already")
	// ErrClosed: the journal is closed.
	ErrClosed = errors.New("the journal is closed")
	// ErrInUse: another process, or another Journal, has the folder.
	ErrInUse = errors.New("the journal is in use by another process")
	// ErrPosition: there is no such position in the journal yet.
	ErrPosition = errors.New("the position is beyond the journal's end")
)

// Options say where a journal is and how large it grows.
type Options struct {
	// Dir is the folder, made with mode 0700 where it is missing.
	Dir string
	// SyncAlways makes each Append and Extra wait until the disk has the record;
	// those that wait share one sync. Without it a sync follows within a second.
	SyncAlways bool
	// MaxBytes bounds all segments and what is reserved in them; default 1 GiB.
	MaxBytes int64
	// SegmentBytes is the size of a segment; default 16 MiB, less where
	// MaxBytes is less than four of them.
	SegmentBytes int64
	// MaxRecord is the most bytes of a record; default 16 KiB, at most 64 MiB.
	// So much is reserved for each call in flight.
	MaxRecord int
	// LockWait is how long Open waits for another process to let go of the
	// folder; default 5 s, negative: not at all.
	LockWait time.Duration
	// OnError is told of each failure of the disk and of records found rotten
	// while reading; nil: nobody is told. It must not call the journal.
	OnError func(error)
	// Settled says whether the record of a call is known elsewhere. Open asks it
	// for the calls in flight whose records it does not find, which takes a lost
	// or rotten journal to be of use; nil: they are all lost.
	Settled func(id [IDSize]byte) (bool, error)

	disk  disk          // nil: Dir
	delay time.Duration // of background work; 0: half a second
}

const (
	defaultMaxBytes     = 1 << 30
	defaultSegmentBytes = 16 << 20
	defaultMaxRecord    = 16 << 10
	defaultLockWait     = 5 * time.Second
	defaultDelay        = time.Second / 2
)

func (o *Options) complete() error {
	if o.disk == nil {
		if o.Dir == "" {
			return errors.New("the journal has no folder")
		}
		o.disk = osDisk(o.Dir)
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	if o.MaxRecord == 0 {
		o.MaxRecord = defaultMaxRecord
	}
	if o.MaxRecord < IDSize || o.MaxRecord > maxLength {
		return fmt.Errorf("the journal's largest record is of %d bytes, want %d to %d", o.MaxRecord, IDSize, maxLength)
	}
	if o.SegmentBytes == 0 {
		o.SegmentBytes = max(min(defaultSegmentBytes, o.MaxBytes/4), frameSize(o.MaxRecord))
	}
	o.SegmentBytes &^= alignment - 1
	if o.SegmentBytes < frameSize(o.MaxRecord) {
		return fmt.Errorf("a segment of %d bytes has no room for a record of %d", o.SegmentBytes, o.MaxRecord)
	}
	if o.MaxBytes < o.SegmentBytes {
		return fmt.Errorf("a journal of %d bytes has no room for a segment of %d", o.MaxBytes, o.SegmentBytes)
	}
	if o.LockWait == 0 {
		o.LockWait = defaultLockWait
	}
	if o.delay == 0 {
		o.delay = defaultDelay
	}
	return nil
}

// Journal is an open journal. Its methods may be called at the same time, those
// of the one deliverer (Read, Wait, Delivered) too.
//
// The locks are taken in the order of their fields.
type Journal struct {
	o       Options
	reserve int64 // bytes of a reservation
	lock    io.Closer
	writer  string

	growing   sync.Mutex // held while files are made larger
	syncing   sync.Mutex // held while segments are synced
	reading   sync.Mutex // held while segments are read, and while they are deleted
	writing   sync.Mutex // held while a record is written
	mu        sync.Mutex // guards what follows; never held over a call of the system
	closed    bool
	segments  []*segment // in order of position; the last one is never deleted
	current   *segment   // that records are written to; changes under writing too
	allocated int64      // bytes of all segments
	spare     int64      // reservations that fit into the segments behind current
	promised  int64      // reservations given
	inFlight  int
	delivered int64
	last      int64         // position of the last record; -1: none
	news      chan struct{} // closed when a record comes; nil: nobody waits
	floor     int64         // where the segments of this Open begin
	failed    error         // why Begin refuses; nil: it does not
	failures  uint64
	growErr   error // of the last attempt to allocate
	growTried time.Time
	wanted    bool   // the keeper has been told to allocate
	writes    uint64 // records written
	synced    uint64 // of which so many are lasting
	syncErr   error  // a failed sync that has not been made good

	calls inflight

	care  chan struct{} // tells the keeper that there is work
	armed atomic.Bool   // it will look by itself, before long
	stop  chan struct{}
	done  sync.WaitGroup
}

// Open opens or makes a journal and says what it found. Calls that were in
// flight when the last process ended are still in flight afterwards, see
// Recovery.Lost.
func Open(o Options) (*Journal, Recovery, error) {
	if err := o.complete(); err != nil {
		return nil, Recovery{}, err
	}
	lock, err := o.disk.lock(o.LockWait)
	if err != nil {
		return nil, Recovery{}, fmt.Errorf("opening the journal: %w", err)
	}
	j := &Journal{
		o:       o,
		reserve: frameSize(o.MaxRecord),
		lock:    lock,
		last:    -1,
		care:    make(chan struct{}, 1),
		stop:    make(chan struct{}),
	}
	r, err := j.restore()
	if err != nil {
		return nil, Recovery{}, fmt.Errorf("opening the journal: %w", errors.Join(err, j.closeFiles()))
	}
	j.done.Go(j.keep)
	j.attend()
	return j, r, nil
}

// Writer returns the id of this journal, made at random when its folder was new.
// Positions mean something only together with it: a journal whose segments are
// gone begins anew with another.
func (j *Journal) Writer() string { return j.writer }

// Close syncs and closes the journal. Calls still in flight are lost to the
// next Open unless they are settled there.
func (j *Journal) Close() error {
	if !j.end() {
		return nil
	}
	err := j.sync(true)
	if err == nil {
		err = j.clearSettled(math.MaxUint64)
	}
	if err == nil {
		err = j.calls.f.sync()
	}
	if err != nil {
		err = fmt.Errorf("closing the journal: %w", err)
	}
	return errors.Join(err, j.closeFiles())
}

// end stops all work. It says whether there was any to stop.
func (j *Journal) end() bool {
	j.writing.Lock()
	j.mu.Lock()
	was := j.closed
	j.closed = true
	j.notify()
	j.mu.Unlock()
	j.writing.Unlock()
	if !was {
		close(j.stop)
		j.done.Wait()
	}
	return !was
}

func (j *Journal) closeFiles() error {
	for _, l := range []*sync.Mutex{&j.growing, &j.syncing, &j.reading} {
		l.Lock()
		defer l.Unlock()
	}
	var errs []error
	for _, s := range j.segments {
		errs = append(errs, s.f.Close())
	}
	if j.calls.f != nil {
		errs = append(errs, j.calls.f.Close())
	}
	return errors.Join(append(errs, j.lock.Close())...)
}

// report tells the operator.
func (j *Journal) report(err error) {
	if j.o.OnError != nil {
		j.o.OnError(err)
	}
}
