package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/caddy-aiproxy/aiproxy/store"
)

// stamps are the columns at the end of each table, kept by put.
const stamps = "revision, created_at, updated_at"

// table says how the rows of one kind lie in the database; all statements are
// made from it.
type table[T any] struct {
	// kind is the word for a row in errors, name the table's.
	kind, name string
	// columns are those that a Put writes, the key first; values gives theirs.
	columns []string
	values  func(T) []any
	// kept names the column that keeps its value where an update gives NULL.
	kept string
	// more are columns that others write.
	more []string
	// scan reads one row: columns, more, stamps.
	scan func(scan func(...any) error) (T, error)
}

// key names the column of the primary key.
func (t *table[T]) key() string { return t.columns[0] }

// all lists the columns that scan reads.
func (t *table[T]) all() string {
	columns := append(append([]string{}, t.columns...), t.more...)
	return strings.Join(columns, ", ") + ", " + stamps
}

func (t *table[T]) insert() string {
	return fmt.Sprintf("INSERT INTO %s (%s, %s) VALUES (?%s) RETURNING %s", t.name,
		strings.Join(t.columns, ", "), stamps, strings.Repeat(", ?", len(t.columns)+2), t.all())
}

func (t *table[T]) update() string {
	var set strings.Builder
	for _, column := range t.columns[1:] {
		if column == t.kept {
			fmt.Fprintf(&set, "%s = coalesce(?, %[1]s), ", column)
		} else {
			fmt.Fprintf(&set, "%s = ?, ", column)
		}
	}
	return fmt.Sprintf("UPDATE %s SET %srevision = ?, updated_at = ? WHERE %s = ? AND revision = ? RETURNING %s",
		t.name, set.String(), t.key(), t.all())
}

// put makes a new row (revision 0) or replaces the one of that revision.
func put[T any](ctx context.Context, db *database, t *table[T], row T, revision int64, c store.Change) (T, error) {
	values := t.values(row)
	var stored T
	err := db.change(ctx, c, func(tx *sql.Tx, c store.Change) (err error) {
		if revision == 0 {
			stored, err = insertRow(ctx, tx, t, row, c)
			return err
		}
		args := append(append([]any{}, values[1:]...), c.ID, micros(c.Time), values[0], revision)
		stored, err = t.scan(tx.QueryRowContext(ctx, t.update(), args...).Scan)
		if errors.Is(err, sql.ErrNoRows) {
			return missing(ctx, tx, t, values[0])
		}
		return err
	})
	if err != nil {
		var none T
		return none, fmt.Errorf("%s %q: %w", t.kind, values[0], err)
	}
	return stored, nil
}

func insertRow[T any](ctx context.Context, tx *sql.Tx, t *table[T], row T, c store.Change) (T, error) {
	args := append(t.values(row), c.ID, micros(c.Time), micros(c.Time))
	return t.scan(tx.QueryRowContext(ctx, t.insert(), args...).Scan)
}

// remove deletes the row of that revision, or of any (0), and then does the
// rest in the same transaction.
func remove[T any](ctx context.Context, db *database, t *table[T], key string, revision int64, c store.Change,
	rest ...func(tx *sql.Tx) error) error {
	statement := fmt.Sprintf("DELETE FROM %s WHERE %s = ?1 AND ?2 IN (0, revision)", t.name, t.key())
	err := db.change(ctx, c, func(tx *sql.Tx, _ store.Change) error {
		result, err := tx.ExecContext(ctx, statement, key, revision)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			return missing(ctx, tx, t, key)
		}
		for _, f := range rest {
			if err := f(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s %q: %w", t.kind, key, err)
	}
	return nil
}

// missing says why a change of a row has met none: there is no such row, or
// one of another revision.
func missing[T any](ctx context.Context, tx *sql.Tx, t *table[T], key any) error {
	var n int
	statement := fmt.Sprintf("SELECT count(*) FROM %s WHERE %s = ?", t.name, t.key())
	if err := tx.QueryRowContext(ctx, statement, key).Scan(&n); err != nil {
		return err
	}
	if n == 0 {
		return store.ErrNotFound
	}
	return store.ErrConflict
}

// querier is a pool or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// list reads the rows that the condition, with its arguments, lets through.
func list[T any](ctx context.Context, q querier, t *table[T], condition string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, fmt.Sprintf("SELECT %s FROM %s %s", t.all(), t.name, condition), args...)
	if err != nil {
		return nil, translate(ctx, err)
	}
	defer rows.Close()
	found := []T{}
	for rows.Next() {
		row, err := t.scan(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("reading a %s: %w", t.kind, translate(ctx, err))
		}
		found = append(found, row)
	}
	return found, translate(ctx, rows.Err())
}

// get reads the row of that key.
func get[T any](ctx context.Context, db *database, t *table[T], key string) (T, error) {
	rows, err := page(ctx, db, t, "WHERE "+t.key()+" = ? LIMIT ?", 1, key)
	if err == nil && len(rows) == 0 {
		err = fmt.Errorf("%s %q: %w", t.kind, key, store.ErrNotFound)
	}
	if err != nil {
		var none T
		return none, err
	}
	return rows[0], nil
}

// page reads at most limit rows; the condition's last argument is the limit.
func page[T any](ctx context.Context, db *database, t *table[T], condition string, limit int, args ...any) ([]T, error) {
	leave, err := db.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	return list(ctx, db.reader, t, condition, append(args, max(limit, 0))...)
}
