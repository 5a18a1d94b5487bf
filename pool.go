package aiproxy

import "sync"

// statePool keeps the shared state of each database while any config or
// request uses it. Opening and closing hold one lock per identity, so that a
// reload which comes while the last user closes waits for the close and then
// opens anew. (caddy.UsagePool forgets the key before it destroys the value.)
type statePool struct {
	mu      sync.Mutex
	entries map[string]*poolEntry
}

type poolEntry struct {
	mu    sync.Mutex
	users int // under the pool's lock
	state *state
}

var states = statePool{entries: make(map[string]*poolEntry)}

// acquire returns the state of that identity, opened by open where nobody has
// it. Each success is paired with one release.
func (p *statePool) acquire(identity string, open func() (*state, error)) (*state, error) {
	p.mu.Lock()
	e := p.entries[identity]
	if e == nil {
		e = new(poolEntry)
		p.entries[identity] = e
	}
	e.users++
	p.mu.Unlock()

	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state == nil {
		s, err := open()
		if err != nil {
			p.leave(identity, e)
			return nil, err
		}
		e.state = s
	}
	return e.state, nil
}

// release gives one use back; the last one closes the state.
func (p *statePool) release(identity string) error {
	p.mu.Lock()
	e := p.entries[identity]
	p.mu.Unlock()

	e.mu.Lock()
	defer e.mu.Unlock()
	var err error
	if p.alone(e) {
		err = e.state.close()
		e.state = nil
	}
	p.leave(identity, e)
	return err
}

func (p *statePool) alone(e *poolEntry) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return e.users == 1
}

// leave counts one user out. An entry that somebody waits for stays, and is
// opened anew where it has been closed.
func (p *statePool) leave(identity string, e *poolEntry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.users--; e.users == 0 {
		delete(p.entries, identity)
	}
}
