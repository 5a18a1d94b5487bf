package journal

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// disk is the journal's folder. Tests put a faulty one in its place.
type disk interface {
	// lock makes the folder this process's until the closer is closed.
	lock(wait time.Duration) (io.Closer, error)
	list() ([]string, error)
	// open opens a file and makes it where it is missing.
	open(name string) (file, error)
	remove(name string) error
	// sync makes lasting what names the folder has.
	sync() error
}

type file interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	size() (int64, error)
	// allocate grows the file by zeros that are real blocks, so that writing
	// over them needs no more space. After an error it is as it was.
	allocate(from, to int64) error
	// sync makes the data lasting.
	sync() error
}

// osDisk is a folder of the operating system.
type osDisk string

func (d osDisk) lock(wait time.Duration) (io.Closer, error) {
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return nil, err
	}
	return acquire(string(d), wait)
}

func (d osDisk) list() ([]string, error) {
	entries, err := os.ReadDir(string(d))
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		if e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func (d osDisk) open(name string) (file, error) {
	f, err := os.OpenFile(filepath.Join(string(d), name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (d osDisk) remove(name string) error {
	err := os.Remove(filepath.Join(string(d), name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (d osDisk) sync() error { return syncFolder(string(d)) }

type osFile struct{ *os.File }

func (f osFile) size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f osFile) allocate(from, to int64) error {
	err := allocate(f.File, from, to)
	if err != nil {
		return errors.Join(err, f.Truncate(from))
	}
	return nil
}

func (f osFile) sync() error { return syncData(f.File) }

// writeZeros allocates where the system has no call for it.
func writeZeros(f *os.File, from, to int64) error {
	zeros := make([]byte, min(to-from, 1<<20))
	for from < to {
		n, err := f.WriteAt(zeros[:min(to-from, int64(len(zeros)))], from)
		if err != nil {
			return err
		}
		from += int64(n)
	}
	return nil
}
