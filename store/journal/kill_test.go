package journal

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// childDir names the folder that a child process is to work in.
const childDir = "JOURNAL_TEST_CHILD_DIR"

// TestChild is no test: in a child process it opens the journal, makes calls until
// it is killed, and says which have begun and which have their record. It also
// delivers, into the file "store", whose lines are a position and what came before it.
func TestChild(t *testing.T) {
	dir := os.Getenv(childDir)
	if dir == "" {
		return
	}
	var first int
	if _, err := fmt.Sscan(os.Getenv(childDir+"_FIRST"), &first); err != nil {
		t.Fatal(err)
	}
	j, r := mustOpen(t, killOptions(dir))
	position, _ := readStore(t, dir)
	j.Delivered(position)
	for _, s := range r.Lost {
		n := int(binary.BigEndian.Uint64(s.call.ID[8:])) - 1
		mustAppend(t, s, recordOf(n, 1))
		fmt.Println("lost", n)
	}
	var next atomic.Int64
	next.Store(int64(first))
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for {
				n := int(next.Add(1))
				s, err := j.Begin(callOf(n))
				if errors.Is(err, ErrFull) {
					time.Sleep(time.Millisecond)
					continue
				}
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					return
				}
				if n%7 == 0 {
					if err := s.Extra(recordOf(n, 3)); err != nil && !errors.Is(err, ErrFull) {
						fmt.Fprintln(os.Stderr, err)
					}
				}
				if _, err := s.Append(recordOf(n, 100+n%900)); err != nil {
					fmt.Fprintln(os.Stderr, err)
					return
				}
				fmt.Println("done", n)
			}
		})
	}
	group.Go(func() { childDelivers(t, j, dir, position) })
	group.Wait()
}

func killOptions(dir string) Options {
	return Options{Dir: filepath.Join(dir, "journal"), MaxRecord: 2048, SegmentBytes: 32 << 10, MaxBytes: 256 << 10,
		LockWait: 10 * time.Second, delay: 5 * time.Millisecond}
}

func childDelivers(t *testing.T, j *Journal, dir string, from int64) {
	store, err := os.OpenFile(filepath.Join(dir, "store"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	for {
		if err := j.Wait(t.Context(), from); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return
		}
		records, next, err := j.Read(from, 50)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return
		}
		if _, err := store.WriteString(storeLine(next, records)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return
		}
		j.Delivered(next)
		from = next
	}
}

func storeLine(next int64, records []Record) string {
	line := fmt.Sprint(next)
	for i, n := range numbers(records) {
		if !records[i].Extra {
			line += fmt.Sprint(" ", n)
		}
	}
	return line + " .\n"
}

// readStore returns what the child has delivered: batches that are whole.
func readStore(t *testing.T, dir string) (position int64, calls []int) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "store"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[len(fields)-1] != "." {
			t.Fatalf("the store has the line %q", line)
		}
		if _, err := fmt.Sscan(fields[0], &position); err != nil {
			t.Fatal(err)
		}
		for _, f := range fields[1 : len(fields)-1] {
			var n int
			if _, err := fmt.Sscan(f, &n); err != nil {
				t.Fatal(err)
			}
			calls = append(calls, n)
		}
	}
	return position, calls
}

// runChild runs a child and kills it after so many lines. It returns all lines.
func runChild(t *testing.T, dir string, first, lines int) (done, lost []int) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestChild$")
	child.Env = append(os.Environ(), childDir+"="+dir, fmt.Sprintf("%s_FIRST=%d", childDir, first))
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(out)
	for i := 0; ; i++ {
		line, err := in.ReadString('\n')
		if err == io.EOF {
			break
		}
		var word string
		var n int
		if _, err := fmt.Sscan(line, &word, &n); err != nil {
			t.Errorf("the child says %q", line)
			break
		}
		switch word {
		case "done":
			done = append(done, n)
		case "lost":
			lost = append(lost, n)
		default:
			t.Errorf("the child says %q", line)
		}
		if i == 0 {
			inUse(t, dir)
		}
		if i == lines {
			if err := child.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	if err := child.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the child ended with %v", err)
	}
	return done, lost
}

// inUse checks that the folder is refused while a child has it.
func inUse(t *testing.T, dir string) {
	t.Helper()
	o := killOptions(dir)
	o.LockWait = -1
	if _, _, err := Open(o); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), o.Dir) {
		t.Errorf("a second process: %v", err)
	}
}

// TestKill: of a process that is killed at any moment, every record that it was
// told is there, none twice; and a call without a record is lost, exactly.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	all := map[int]bool{} // done by the children, or lost
	for round := range 5 {
		done, _ := runChild(t, dir, round*1_000_000, 200+rand.IntN(1500))
		for _, n := range done {
			all[n] = true
		}

		// What a child has not been heard of is in the journal or lost.
		j, r := mustOpen(t, killOptions(dir))
		position, stored := readStore(t, dir)
		for i := position; ; {
			records, next, err := j.Read(i, 100)
			if err != nil {
				t.Fatal(err)
			}
			if len(records) == 0 {
				break
			}
			for k, n := range numbers(records) {
				if !records[k].Extra {
					stored = append(stored, n)
				}
			}
			i = next
		}
		seen := map[int]bool{}
		for _, n := range stored {
			if seen[n] {
				t.Errorf("round %d: the record of call %d is there twice", round, n)
			}
			seen[n] = true
		}
		for n := range all {
			if !seen[n] {
				t.Errorf("round %d: the record of call %d is lost", round, n)
			}
		}
		if len(r.Damage) > 0 && !r.Damage[len(r.Damage)-1].Cut || len(r.Damage) > 1 {
			t.Errorf("round %d: the damage is %+v", round, r.Damage)
		}
		if len(r.Lost) > 4 {
			t.Errorf("round %d: %d calls are lost, and 4 were in flight", round, len(r.Lost))
		}
		for _, n := range lostNumbers(r) {
			if seen[n] {
				t.Errorf("round %d: call %d is lost and has a record", round, n)
			}
			all[n] = true // the next child settles it
		}
		mustClose(t, j)
	}
	if len(all) < 1000 {
		t.Errorf("there were %d calls only", len(all))
	}
}

// TestLock: a folder belongs to one journal, and the next waits for it.
func TestLock(t *testing.T) {
	o := Options{Dir: t.TempDir(), SegmentBytes: 1 << 16, LockWait: 60 * time.Millisecond}
	j, _ := mustOpen(t, o)
	if _, _, err := Open(o); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), "in use by another process") ||
		!strings.Contains(err.Error(), o.Dir) || !strings.Contains(err.Error(), "waited 60ms") {
		t.Errorf("a second journal: %v", err)
	}
	put(t, j, 0, 1, 0)
	o.LockWait = time.Minute
	closed := make(chan error, 1)
	time.AfterFunc(10*time.Millisecond, func() { closed <- j.Close() })
	second, r := mustOpen(t, o)
	if err := <-closed; err != nil || r.Records != 1 {
		t.Errorf("closing: %v; the second has %d records", err, r.Records)
	}
	mustClose(t, second)
}

// TestOpenFails: an opening that fails leaves nothing behind, and the folder free.
func TestOpenFails(t *testing.T) {
	whole, _ := smallJournal(t)
	broken := errors.New("broken")
	for _, op := range []string{"open", "size", "read", "folder"} {
		d := whole.clone()
		d.files["writer"].data[0] ^= 1 // it has to be made again
		d.setFault(func(at, _ string) error {
			if at == op {
				return broken
			}
			return nil
		})
		if _, _, err := Open(small(d)); !errors.Is(err, broken) || !strings.Contains(err.Error(), "opening the journal") {
			t.Errorf("%s fails: %v", op, err)
		}
		d.setFault(nil)
		j, r := mustOpen(t, small(d))
		if r.Records != 5 || len(r.Lost) != 2 {
			t.Errorf("%s failed, and then there are %+v", op, r)
		}
		mustClose(t, j)
	}
}

// TestSettled: calls whose record the journal has not are asked for.
func TestSettled(t *testing.T) {
	d, _ := smallJournal(t)
	o := small(d)
	broken := errors.New("broken")
	o.Settled = func([IDSize]byte) (bool, error) { return false, broken }
	if _, _, err := Open(o); !errors.Is(err, broken) {
		t.Errorf("the error is %v", err)
	}
	var asked []Call
	o.Settled = func(id [IDSize]byte) (bool, error) {
		asked = append(asked, Call{ID: id})
		return id == callOf(10).ID, nil
	}
	j, r := mustOpen(t, o)
	if got := lostNumbers(r); len(got) != 1 || got[0] != 11 || len(asked) != 2 {
		t.Errorf("lost are %v of %d", got, len(asked))
	}
	mustClose(t, j)
}

// TestConcurrent is for the race detector: everything at once.
func TestConcurrent(t *testing.T) {
	o := killOptions(t.TempDir())
	j, _ := mustOpen(t, o)
	const workers, calls = 8, 200
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := 0; i < calls; {
				n := w*calls + i
				s, err := j.Begin(callOf(n))
				if errors.Is(err, ErrFull) {
					time.Sleep(time.Millisecond)
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := s.Append(recordOf(n, n%2000)); err != nil {
					t.Error(err)
				}
				s.Release()
				j.Stats()
				i++
			}
		})
	}
	seen := map[int]int{}
	var next int64
	for len(seen) < workers*calls {
		if err := j.Wait(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		records, to, err := j.Read(next, 64)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range numbers(records) {
			if seen[n]++; seen[n] > 1 {
				t.Fatalf("call %d came twice", n)
			}
		}
		next = to
		j.Delivered(next)
	}
	group.Wait()
	if st := j.Stats(); st.InFlight != 0 || st.Records != 0 || st.Reserved != 0 || st.Full {
		t.Errorf("the stats are %+v", st)
	}
	mustClose(t, j)
}
