package sqlite

import (
	"context"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"github.com/caddy-aiproxy/aiproxy/store"
)

// translate turns SQLite's codes into the errors of the store, and into words
// where SQLite's own say too little.
func translate(ctx context.Context, err error) error {
	failure, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch failure.Code() {
	case codes.SQLITE_CONSTRAINT_UNIQUE, codes.SQLITE_CONSTRAINT_PRIMARYKEY:
		return store.ErrExists
	case codes.SQLITE_INTERRUPT:
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	switch failure.Code() & 0xff { // the low byte is the kind, the rest details
	case codes.SQLITE_NOTADB:
		return fmt.Errorf("the file is not a SQLite database, or is damaged: %w", err)
	case codes.SQLITE_CORRUPT:
		return fmt.Errorf("the database is damaged: %w", err)
	case codes.SQLITE_FULL:
		return fmt.Errorf("the disk is full: %w", err)
	}
	return err
}
