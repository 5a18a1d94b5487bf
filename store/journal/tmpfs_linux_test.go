package journal

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFullTmpfs fills a real file system. Where the process may not mount one,
// TestFullDisk alone has shown what happens, and this test fills a disk that is
// the same in memory.
func TestFullTmpfs(t *testing.T) {
	dir := t.TempDir()
	o := Options{Dir: filepath.Join(dir, "journal"), MaxRecord: 4096 - headerSize, SegmentBytes: 128 << 10}
	if err := unix.Mount("none", dir, "tmpfs", 0, "size=320k,mode=700"); err != nil {
		t.Logf("no tmpfs: %v", err)
		d := newMemDisk()
		d.space = 320 << 10
		o.disk = d
		fullDisk(t, o, func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.space *= 2
		})
		return
	}
	defer func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	}()
	fullDisk(t, o, func() {
		if err := unix.Mount("none", dir, "tmpfs", unix.MS_REMOUNT, "size=640k,mode=700"); err != nil {
			t.Error(err)
		}
	})
}
