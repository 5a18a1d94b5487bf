package relay

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
)

// A large body's bytes stay as they are until the last holder has left.
func TestBodyHeldIsNotUsedAgain(t *testing.T) {
	budget := NewBudget(1 << 30)
	text := bytes.Repeat([]byte("a"), 3*smallest)
	body, err := budget.ReadBody(bytes.NewReader(text), int64(len(text)), 1<<30)
	if err != nil || !body.Reused() {
		t.Fatalf("%v, reused %v", err, body.Reused())
	}
	kept := body.Bytes
	body.Hold()
	body.Release()
	body.Release()
	if budget.Taken() != 0 {
		t.Errorf("%d bytes are still taken", budget.Taken())
	}
	// A body of the same size must not get the buffer that is held.
	other, err := budget.ReadBody(bytes.NewReader(bytes.Repeat([]byte("b"), len(text))), int64(len(text)), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(kept, text) {
		t.Error("the bytes changed under their holder")
	}
	body.Leave()
	other.Release()
	if n := body.holders.Load(); n != 0 {
		t.Errorf("%d holders are left", n)
	}
}

// Bodies of all sizes around the edges come whole, announced or not, and give
// back what they took.
func TestBodySizes(t *testing.T) {
	budget := NewBudget(64 << 20)
	for _, size := range []int{0, 1, firstRead - 1, firstRead, firstRead + 1, smallest - 1, smallest, smallest + 1,
		trust*smallest - 1, trust * smallest, trust*smallest + 1, 5 << 20} {
		text := bytes.Repeat([]byte("xyz"), size/3+1)[:size]
		for _, length := range []int64{-1, int64(size)} {
			body, err := budget.ReadBody(bytes.NewReader(text), length, 8<<20)
			if err != nil || !bytes.Equal(body.Bytes, text) {
				t.Fatalf("%d bytes, announced %d: %v", size, length, err)
			}
			if taken := budget.Taken(); taken < int64(size) {
				t.Errorf("%d bytes took %d", size, taken)
			}
			body.Release()
			if budget.Taken() != 0 {
				t.Fatalf("%d bytes, announced %d: %d are still taken", size, length, budget.Taken())
			}
		}
	}
}

// A client that announces much and sends little holds little.
func TestBodyIsBelievedByWhatItSends(t *testing.T) {
	budget := NewBudget(1 << 30)
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		budget.ReadBody(r, 32<<20, 32<<20)
	}()
	w.Write(make([]byte, 10))
	if taken := budget.Taken(); taken > smallest {
		t.Errorf("10 bytes sent, %d taken", taken)
	}
	w.Write(make([]byte, smallest))
	if taken := budget.Taken(); taken > trust*smallest+1 {
		t.Errorf("%d bytes sent, %d taken", smallest+10, taken)
	}
	w.CloseWithError(io.ErrUnexpectedEOF)
	<-done
	if budget.Taken() != 0 {
		t.Errorf("%d bytes are still taken", budget.Taken())
	}
}

// An upstream that answers before it has read the request leaves the transport
// reading: the next call must not write into those bytes. The race detector
// and the upstream's comparison see it.
func TestLeaseOutlastsAnEarlyAnswer(t *testing.T) {
	var mu sync.Mutex
	var wrong int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		http.NewResponseController(w).EnableFullDuplex()
		w.Write([]byte("{}"))
		http.NewResponseController(w).Flush()
		got, _ := io.ReadAll(r.Body)
		for _, b := range got {
			if b != got[0] {
				mu.Lock()
				wrong++
				mu.Unlock()
				break
			}
		}
	}))
	defer server.Close()
	base, _ := url.Parse(server.URL)
	budget := NewBudget(1 << 30)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 3 {
				text := bytes.Repeat([]byte{byte('a' + i)}, 3*smallest)
				body, err := budget.ReadBody(bytes.NewReader(text), int64(len(text)), 1<<30)
				if err != nil {
					t.Error(err)
					return
				}
				req, err := adaptors.NewRequest(t.Context(), &adaptors.Call{BaseURL: base, Body: body.Bytes, Lease: body}, "/x", "")
				if err != nil {
					t.Error(err)
					return
				}
				if resp, err := transport.RoundTrip(req); err == nil {
					resp.Body.Close()
				}
				body.Release()
			}
		})
	}
	wg.Wait()
	if wrong > 0 {
		t.Errorf("%d bodies were written over while they were sent", wrong)
	}
}
