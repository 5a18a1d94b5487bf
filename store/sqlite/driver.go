// Package sqlite keeps the runtime data in one SQLite file, the default store
// of a single gateway. It is a guest module and knows nothing but the store's
// interface: what the rows mean is decided elsewhere.
//
// One process at a time has the file, held by a lock file beside it; inside it
// there is one writing connection and a pool of reading ones.
package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/caddy-aiproxy/aiproxy/store"
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// lockWait is how long Open waits for another process to let go of the file.
const lockWait = 5 * time.Second

func init() {
	caddy.RegisterModule(new(Driver))
}

// Driver opens a store in a SQLite file. The file belongs to one process: a
// second one waits 5 s for it and is then refused.
type Driver struct {
	// The database file. A relative path starts at the working directory;
	// placeholders such as `{env.DATA}` are expanded. A missing folder is made
	// with mode 0700 and a missing file with mode 0600; the files `-wal`,
	// `-shm` and `.lock` stand beside it. It must be on a local disk, since
	// network file systems do not lock reliably.
	// Default: `aiproxy/aiproxy.db` in Caddy's data folder.
	Path string `json:"path,omitempty"`

	lockWait time.Duration
}

// CaddyModule returns the Caddy module information.
func (*Driver) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "aiproxy.stores.sqlite",
		New: func() caddy.Module { return new(Driver) },
	}
}

// Provision expands the path. It touches no file.
func (d *Driver) Provision(caddy.Context) error {
	d.lockWait = lockWait
	if d.Path == "" {
		d.Path = filepath.Join(caddy.AppDataDir(), "aiproxy", "aiproxy.db")
		return nil
	}
	path, err := caddy.NewReplacer().ReplaceOrErr(d.Path, true, true)
	if err != nil {
		return fmt.Errorf("expanding path %q: %v", d.Path, err)
	}
	d.Path = path
	return nil
}

// Identity returns the canonical path of the database file: absolute, with
// symbolic links resolved as far as the path exists. It creates nothing.
func (d *Driver) Identity() (string, error) {
	return canonical(d.Path)
}

// Open opens the database, making it where it is missing, and brings it up to
// date. It fails with store.ErrNewer where a newer version of the program has
// written it, and leaves the file as it is then.
func (d *Driver) Open(ctx context.Context) (store.Store, error) {
	path, err := canonical(d.Path)
	if err != nil {
		return nil, err
	}
	db, err := open(ctx, path, d.lockWait)
	if err != nil {
		return nil, err
	}
	return db, nil
}

// UnmarshalCaddyfile sets up the driver from Caddyfile tokens. Syntax:
//
//	sqlite [<path>] {
//		path <path>
//	}
func (d *Driver) UnmarshalCaddyfile(c *caddyfile.Dispenser) error {
	c.Next() // the name of the driver
	if c.NextArg() {
		if err := d.setPath(c); err != nil {
			return err
		}
	}
	for c.NextBlock(0) {
		switch option := c.Val(); option {
		case "path":
			if !c.NextArg() {
				return c.ArgErr()
			}
			if err := d.setPath(c); err != nil {
				return err
			}
		default:
			return c.Errf("unknown option %q of the sqlite store, expected path", option)
		}
	}
	return nil
}

// setPath takes the argument under the cursor, the last of its line.
func (d *Driver) setPath(c *caddyfile.Dispenser) error {
	path := c.Val()
	switch {
	case path == "}":
		return c.Err("a closing brace stands on a line of its own")
	case path == "":
		return c.Err("the path is empty")
	case d.Path != "":
		return c.Errf("path is set twice: %q and %q", d.Path, path)
	case c.NextArg():
		return c.ArgErr()
	}
	d.Path = path
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner     = (*Driver)(nil)
	_ caddyfile.Unmarshaler = (*Driver)(nil)
	_ store.Driver          = (*Driver)(nil)
)
