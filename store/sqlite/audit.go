package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/caddy-aiproxy/aiproxy/store"
)

// change writes the audit row and does the rest in one transaction. The audit
// row's id, which only ever grows, is the revision of the rows that the change
// writes; c comes with it and with its time.
func (db *database) change(ctx context.Context, c store.Change, rest func(tx *sql.Tx, c store.Change) error) error {
	leave, err := db.enter()
	if err != nil {
		return err
	}
	defer leave()
	tx, err := db.writer.BeginTx(ctx, nil)
	if err != nil {
		return translate(ctx, err)
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing

	if c.Time.IsZero() {
		c.Time = time.Now()
	}
	err = tx.QueryRowContext(ctx, `INSERT INTO audit (time, actor, action, kind, name, before, after)
		VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id`,
		micros(c.Time), c.Actor, c.Action, c.Kind, c.Name, jsonOrNull(c.Before), jsonOrNull(c.After)).Scan(&c.ID)
	if err != nil {
		return translate(ctx, err)
	}
	if err := rest(tx, c); err != nil {
		return translate(ctx, err)
	}
	return translate(ctx, tx.Commit())
}

// Changes lists audit rows, newest first.
func (db *database) Changes(ctx context.Context, before int64, limit int) ([]store.Change, error) {
	leave, err := db.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	rows, err := db.reader.QueryContext(ctx, `SELECT id, time, actor, action, kind, name, before, after
		FROM audit WHERE ?1 <= 0 OR id < ?1 ORDER BY id DESC LIMIT ?2`, before, max(limit, 0))
	if err != nil {
		return nil, translate(ctx, err)
	}
	defer rows.Close()
	changes := []store.Change{}
	for rows.Next() {
		var c store.Change
		err := rows.Scan(&c.ID, (*moment)(&c.Time), &c.Actor, &c.Action, &c.Kind, &c.Name,
			(*[]byte)(&c.Before), (*[]byte)(&c.After))
		if err != nil {
			return nil, translate(ctx, err)
		}
		changes = append(changes, c)
	}
	return changes, translate(ctx, rows.Err())
}
