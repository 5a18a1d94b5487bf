package journal

import (
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"time"
)

// memDisk is a folder in memory that can fail, be full and lose what was not
// synced.
type memDisk struct {
	mu     sync.Mutex
	files  map[string]*memFile
	space  int64 // bytes of all files; 0: no limit
	locked bool
	// fault may fail an operation: open, remove, allocate, write, sync, folder.
	// Of a write that fails, half is done.
	fault func(op, name string) error
	// before is called before a sync, without a lock.
	before func()
}

type memFile struct {
	data, synced []byte
	dirty        map[int]bool // blocks to be synced
}

// block is what the disk writes at once.
const block = 512

func (f *memFile) touch(from, to int64) {
	if f.dirty == nil {
		f.dirty = map[int]bool{}
	}
	for b := from / block; b*block < to; b++ {
		f.dirty[int(b)] = true
	}
}

// sync copies the dirty blocks. One that fails leaves them lost, but clean: so
// do Linux's.
func (f *memFile) sync(fails bool) {
	old := f.synced
	f.synced = make([]byte, len(f.data))
	copy(f.synced, old)
	for b := range f.dirty {
		if from := b * block; !fails && from < len(f.data) {
			copy(f.synced[from:], f.data[from:min(from+block, len(f.data))])
		}
	}
	f.dirty = nil
}

func newMemDisk() *memDisk { return &memDisk{files: map[string]*memFile{}} }

// setFault changes what fails.
func (d *memDisk) setFault(fault func(op, name string) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = fault
}

func (d *memDisk) failing(op, name string) error {
	if d.fault == nil {
		return nil
	}
	return d.fault(op, name)
}

func (d *memDisk) used() (n int64) {
	for _, f := range d.files {
		n += int64(len(f.data))
	}
	return n
}

type memLock struct{ d *memDisk }

func (l memLock) Close() error {
	l.d.mu.Lock()
	defer l.d.mu.Unlock()
	l.d.locked = false
	return nil
}

func (d *memDisk) lock(time.Duration) (io.Closer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.locked {
		return nil, ErrInUse
	}
	d.locked = true
	return memLock{d}, nil
}

func (d *memDisk) list() ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.files)), nil
}

func (d *memDisk) open(name string) (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.failing("open", name); err != nil {
		return nil, err
	}
	if d.files[name] == nil {
		d.files[name] = &memFile{}
	}
	return &memHandle{d: d, name: name, f: d.files[name]}, nil
}

func (d *memDisk) remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.failing("remove", name); err != nil {
		return err
	}
	delete(d.files, name)
	return nil
}

func (d *memDisk) sync() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failing("folder", "")
}

// losePower keeps of each block that was not synced either the old or the new.
func (d *memDisk) losePower(r *rand.Rand) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.locked = false
	for _, f := range d.files {
		for at := 0; at < len(f.data); at += block {
			if r.IntN(2) == 0 {
				continue
			}
			b := f.data[at:min(at+block, len(f.data))]
			clear(b)
			if at < len(f.synced) {
				copy(b, f.synced[at:])
			}
		}
		f.synced, f.dirty = slices.Clone(f.data), nil
	}
}

// clone is a copy of the files, without limits and faults.
func (d *memDisk) clone() *memDisk {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := newMemDisk()
	for name, f := range d.files {
		c.files[name] = &memFile{data: slices.Clone(f.data), synced: slices.Clone(f.synced)}
	}
	return c
}

type memHandle struct {
	d      *memDisk
	name   string
	f      *memFile
	closed bool
}

func (h *memHandle) enter(op string) error {
	h.d.mu.Lock()
	if h.closed {
		return fs.ErrClosed
	}
	return h.d.failing(op, h.name)
}

func (h *memHandle) ReadAt(b []byte, off int64) (int, error) {
	defer h.d.mu.Unlock()
	if err := h.enter("read"); err != nil {
		return 0, err
	}
	n := copy(b, h.f.data[min(off, int64(len(h.f.data))):])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (h *memHandle) grow(to int64) error {
	f := h.f
	more := to - int64(len(f.data))
	if more > 0 && h.d.space > 0 && h.d.used()+more > h.d.space {
		return syscall.ENOSPC
	}
	if more > 0 {
		h.f.data = append(h.f.data, make([]byte, more)...)
	}
	return nil
}

func (h *memHandle) WriteAt(b []byte, off int64) (int, error) {
	defer h.d.mu.Unlock()
	err := h.enter("write")
	if err == fs.ErrClosed {
		return 0, err
	}
	if err != nil {
		b = b[:len(b)/2]
	}
	if full := h.grow(off + int64(len(b))); full != nil {
		return 0, full
	}
	h.f.touch(off, off+int64(len(b)))
	return copy(h.f.data[off:], b), err
}

func (h *memHandle) Truncate(size int64) error {
	defer h.d.mu.Unlock()
	if err := h.enter("truncate"); err != nil {
		return err
	}
	if size < int64(len(h.f.data)) {
		h.f.data = slices.Clone(h.f.data[:size])
		return nil
	}
	return h.grow(size)
}

func (h *memHandle) size() (int64, error) {
	defer h.d.mu.Unlock()
	if err := h.enter("size"); err != nil {
		return 0, err
	}
	return int64(len(h.f.data)), nil
}

func (h *memHandle) allocate(_, to int64) error {
	defer h.d.mu.Unlock()
	if err := h.enter("allocate"); err != nil {
		return err
	}
	return h.grow(to)
}

func (h *memHandle) sync() error {
	h.d.mu.Lock()
	before := h.d.before
	h.d.mu.Unlock()
	if before != nil {
		before()
	}
	defer h.d.mu.Unlock()
	err := h.enter("sync")
	if err == fs.ErrClosed {
		return err
	}
	h.f.sync(err != nil)
	return err
}

func (h *memHandle) Close() error {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	h.closed = true
	return nil
}
