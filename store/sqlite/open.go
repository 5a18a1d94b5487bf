package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite"
)

// readers is the most connections that read at the same time; one of them
// stays open when nothing is read.
const readers = 4

var errClosed = errors.New("the store is closed")

// database is an open store.
type database struct {
	// writer has one connection, which makes writers queue in Go and not in
	// SQLite; reader has a few, which see the last committed state.
	writer, reader *sql.DB
	lock           *os.File

	// inUse is held for reading by each call and for writing by Close.
	inUse  sync.RWMutex
	closed bool
}

func open(ctx context.Context, path string, wait time.Duration) (*database, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("making the database's folder: %w", err)
	}
	lock, err := acquire(ctx, path, wait)
	if err != nil {
		return nil, err
	}
	db := &database{lock: lock}
	if err := db.open(ctx, path); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the database %q: %w", path, translate(ctx, err)), db.Close())
	}
	return db, nil
}

// open does the part of opening that needs the lock.
func (db *database) open(ctx context.Context, path string) error {
	// SQLite would make the file readable for all, and gives its -wal and -shm
	// the mode that the file has. Done before SQLite opens it: closing a file
	// drops all POSIX locks that the process has on it.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case err == nil:
		f.Close()
	case !errors.Is(err, fs.ErrExist):
		return err
	}

	if err := inspect(ctx, path); err != nil {
		return err
	}
	if db.writer, err = connect(path, "_txlock=immediate",
		"_pragma=journal_mode(wal)", "_pragma=synchronous(normal)", "_pragma=foreign_keys(1)"); err != nil {
		return err
	}
	db.writer.SetMaxOpenConns(1)
	if err := migrate(ctx, db.writer); err != nil {
		return err
	}
	if db.reader, err = connect(path, "_pragma=query_only(1)"); err != nil {
		return err
	}
	db.reader.SetMaxOpenConns(readers)
	db.reader.SetMaxIdleConns(1)
	return db.reader.PingContext(ctx)
}

// connect makes a pool. Settings go with the name, since a statement would
// reach one connection of the pool only.
func connect(path string, settings ...string) (*sql.DB, error) {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") { // a drive's letter
		path = "/" + path
	}
	settings = append(settings, "_pragma=busy_timeout(5000)")
	name := url.URL{Scheme: "file", Path: path, RawQuery: strings.Join(settings, "&")}
	connector, err := sqlite.NewConnector(name.String())
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// enter begins a call; leave ends it.
func (db *database) enter() (leave func(), err error) {
	db.inUse.RLock()
	if db.closed {
		db.inUse.RUnlock()
		return nil, errClosed
	}
	return db.inUse.RUnlock, nil
}

// Close waits for the calls in flight, moves what is in the write-ahead log
// into the database file, closes it and lets go of the lock.
func (db *database) Close() error {
	db.inUse.Lock()
	defer db.inUse.Unlock()
	if db.closed {
		return nil
	}
	db.closed = true

	var errs []error
	if db.reader != nil {
		errs = append(errs, db.reader.Close())
		// Without a reader the database was never opened whole.
		_, err := db.writer.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
		errs = append(errs, err)
	}
	if db.writer != nil {
		errs = append(errs, db.writer.Close())
	}
	errs = append(errs, db.lock.Close())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("closing the database: %w", err)
	}
	return nil
}
