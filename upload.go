package aiproxy

import (
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// upload reads a request's body and gives up on a client that pauses for too
// long: after one pause without a byte, or at most two where some came first.
// It costs one timer that looks, when it fires, at whether anything came.
type upload struct {
	body    io.Reader
	control *http.ResponseController
	pause   time.Duration
	came    atomic.Bool

	mu    sync.Mutex
	timer *time.Timer
	over  bool
}

// watchUpload starts to read; stop is to be called when it is done.
func watchUpload(w http.ResponseWriter, body io.Reader, pause time.Duration) *upload {
	u := &upload{body: body, control: http.NewResponseController(w), pause: pause}
	u.mu.Lock()
	u.timer = time.AfterFunc(pause, u.look)
	u.mu.Unlock()
	return u
}

// Read reads from the body.
func (u *upload) Read(p []byte) (int, error) {
	n, err := u.body.Read(p)
	if n > 0 {
		u.came.Store(true)
	}
	return n, err
}

func (u *upload) look() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.over {
		return
	}
	if u.came.Swap(false) {
		u.timer.Reset(u.pause)
		return
	}
	// The read that is under way ends with os.ErrDeadlineExceeded.
	u.control.SetReadDeadline(time.Now())
}

func (u *upload) stop() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.over = true
	u.timer.Stop()
}
