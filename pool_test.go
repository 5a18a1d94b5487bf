package aiproxy

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caddy-aiproxy/aiproxy/store"
)

// lockedStore takes a lock when it opens and gives it back when it closes, as
// a database does.
type lockedStore struct {
	store.Store
	lock   *atomic.Int32
	closed atomic.Bool
}

func (s *lockedStore) Close() error {
	if s.closed.Swap(true) {
		return errors.New("closed twice")
	}
	runtime.Gosched() // a close takes its time
	s.lock.Add(-1)
	return nil
}

// openLocked returns a state of such a store. It fails the test where another
// one is open.
func openLocked(t *testing.T, lock *atomic.Int32) (*state, error) {
	if n := lock.Add(1); n != 1 {
		t.Errorf("%d states of one identity are open at once", n)
	}
	runtime.Gosched()
	return &state{store: &lockedStore{lock: lock}, stop: make(chan struct{})}, nil
}

var errNoOpen = errors.New("cannot be opened")

// TestPoolTogether lets many goroutines take and give back states of a few
// identities, which now and then cannot be opened.
func TestPoolTogether(t *testing.T) {
	pool := statePool{entries: make(map[string]*poolEntry)}
	var locks [3]atomic.Int32
	var opened, failed, shared atomic.Int64
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 500 {
				i := rand.IntN(len(locks))
				identity := fmt.Sprint(i)
				mine := false
				s, err := pool.acquire(identity, func() (*state, error) {
					if rand.IntN(4) == 0 {
						failed.Add(1)
						return nil, errNoOpen
					}
					mine = true
					opened.Add(1)
					return openLocked(t, &locks[i])
				})
				if err != nil {
					if !errors.Is(err, errNoOpen) || s != nil {
						t.Errorf("got %v, %v", s, err)
					}
					continue
				}
				if !mine {
					shared.Add(1)
				}
				// Whoever holds it can take it again, without opening anything.
				again, err := pool.acquire(identity, nil)
				if err != nil || again != s {
					t.Errorf("taken again: %v, %v", again, err)
				}
				if s.store.(*lockedStore).closed.Load() || locks[i].Load() != 1 {
					t.Error("a state that is held is closed")
				}
				for range 2 {
					if err := pool.release(identity); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if len(pool.entries) != 0 {
		t.Errorf("%d entries are left", len(pool.entries))
	}
	for i := range locks {
		if n := locks[i].Load(); n != 0 {
			t.Errorf("identity %d is left open %d times", i, n)
		}
	}
	if opened.Load() == 0 || failed.Load() == 0 || shared.Load() == 0 {
		t.Errorf("opened %d, failed %d, shared %d: something was never tried", opened.Load(), failed.Load(), shared.Load())
	}
}

// TestPoolFailedOpen: one who cannot open leaves the next to try, and those
// who wait for him open for themselves.
func TestPoolFailedOpen(t *testing.T) {
	pool := statePool{entries: make(map[string]*poolEntry)}
	var lock atomic.Int32
	opening, fail := make(chan struct{}), make(chan struct{})
	first := make(chan error)
	go func() {
		_, err := pool.acquire("db", func() (*state, error) {
			close(opening)
			<-fail
			return nil, errNoOpen
		})
		first <- err
	}()
	<-opening
	second := make(chan error)
	go func() {
		_, err := pool.acquire("db", func() (*state, error) { return openLocked(t, &lock) })
		second <- err
	}()
	// Another identity does not wait for this one.
	var other atomic.Int32
	if _, err := pool.acquire("other", func() (*state, error) { return openLocked(t, &other) }); err != nil {
		t.Fatal(err)
	}
	close(fail)
	if err := <-first; !errors.Is(err, errNoOpen) {
		t.Errorf("the first got %v", err)
	}
	if err := <-second; err != nil || lock.Load() != 1 {
		t.Errorf("the second got %v", err)
	}
	for _, identity := range []string{"db", "other"} {
		if err := pool.release(identity); err != nil {
			t.Error(err)
		}
	}
	if len(pool.entries) != 0 || lock.Load() != 0 || other.Load() != 0 {
		t.Errorf("left: %d entries, %d and %d open", len(pool.entries), lock.Load(), other.Load())
	}
}

// TestPoolCloseError is told to the last user alone, and leaves room for the
// next.
func TestPoolCloseError(t *testing.T) {
	pool := statePool{entries: make(map[string]*poolEntry)}
	var lock atomic.Int32
	open := func() (*state, error) { return openLocked(t, &lock) }
	s, err := pool.acquire("db", open)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pool.acquire("db", nil); err != nil {
		t.Fatal(err)
	}
	if err := pool.release("db"); err != nil {
		t.Errorf("the first of two: %v", err)
	}
	s.store.(*lockedStore).closed.Store(true)
	lock.Store(0)
	if err := pool.release("db"); err == nil {
		t.Error("the error of the close is lost")
	}
	if next, err := pool.acquire("db", open); err != nil || next == s {
		t.Errorf("afterwards: %v", err)
	}
	if err := pool.release("db"); err != nil || len(pool.entries) != 0 {
		t.Errorf("the last: %v, %d entries", err, len(pool.entries))
	}
}
