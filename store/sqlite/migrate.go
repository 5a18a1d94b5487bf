package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/caddy-aiproxy/aiproxy/store"
)

// applicationID marks a SQLite file as ours ("aipx"), so that another
// program's database named by mistake is not filled with our tables.
const applicationID = 0x61697078

//go:embed migrations/*.sql
var embedded embed.FS

// inspect looks at the file before anything is written to it: whether it is a
// database, ours, and not newer than this program. An empty file passes.
func inspect(ctx context.Context, path string) error {
	db, err := connect(path, "_pragma=query_only(1)")
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)

	var id, tables, versioned int64
	err = db.QueryRowContext(ctx, `SELECT application_id, (SELECT count(*) FROM sqlite_schema),
		(SELECT count(*) FROM sqlite_schema WHERE name = ?) FROM pragma_application_id`,
		goose.DefaultTablename).Scan(&id, &tables, &versioned)
	switch {
	case err != nil:
		return err
	case tables == 0 && (id == 0 || id == applicationID):
		return nil
	case id != applicationID:
		return fmt.Errorf("the file is a database of another program (application id %#x)", id)
	case versioned == 0:
		return nil
	}
	provider, err := newProvider(db)
	if err != nil {
		return err
	}
	version, newest, err := provider.GetVersions(ctx)
	if err != nil {
		return err
	}
	if version > newest {
		return fmt.Errorf("%w: its version is %d, this program knows up to %d", store.ErrNewer, version, newest)
	}
	return nil
}

// migrate brings the tables up to date, each step in a transaction.
func migrate(ctx context.Context, db *sql.DB) error {
	// Before the first table, so that no crash leaves tables without the mark.
	var id int64
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return err
	}
	if id != applicationID {
		if _, err := db.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", applicationID)); err != nil {
			return err
		}
	}
	provider, err := newProvider(db)
	if err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("bringing the tables up to date: %w", err)
	}
	return nil
}

// newProvider keeps goose to our own migrations, whatever other Caddy modules
// have registered with it, and off the standard log.
func newProvider(db *sql.DB) (*goose.Provider, error) {
	migrations, err := migrations()
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, db, nil, goose.WithGoMigrations(migrations...),
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
}

// migrations returns the embedded files, VERSION_NAME.sql, as steps that hand
// their text to SQLite whole: it runs several statements by itself. Goose's own
// parser would cut them up, and keeps 8 MiB of buffers for that.
func migrations() ([]*goose.Migration, error) {
	files, err := fs.Glob(embedded, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	var steps []*goose.Migration
	for _, file := range files {
		version, err := goose.NumericComponent(file)
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", file, err)
		}
		text, err := embedded.ReadFile(file)
		if err != nil {
			return nil, err
		}
		steps = append(steps, goose.NewGoMigration(version, &goose.GoFunc{
			RunTx: func(ctx context.Context, tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, string(text))
				return err
			},
		}, nil))
	}
	return steps, nil
}
