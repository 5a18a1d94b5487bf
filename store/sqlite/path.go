package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// maxLinks bounds the symbolic links followed in one path, as kernels do.
const maxLinks = 40

// canonical returns one name for all spellings of a path: absolute, with the
// symbolic links of the existing part resolved, dangling ones included, since
// creating the file will follow them.
func canonical(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("finding the database %q: %v", path, err)
	}
	resolved, err := resolve(abs, maxLinks)
	if err != nil {
		return "", fmt.Errorf("finding the database %q: %v", path, err)
	}
	return resolved, nil
}

func resolve(path string, links int) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return real, err
	}
	parent, base := filepath.Split(path)
	parent = filepath.Clean(parent)
	if parent == path { // a root that does not exist, such as a missing drive
		return path, nil
	}
	if parent, err = resolve(parent, links); err != nil {
		return "", err
	}
	path = filepath.Join(parent, base)

	target, err := os.Readlink(path)
	if err != nil { // it is no link
		return path, nil
	}
	if links == 0 {
		return "", fmt.Errorf("too many symbolic links at %q", path)
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(parent, target)
	}
	return resolve(target, links-1)
}
