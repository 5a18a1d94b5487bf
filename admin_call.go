package aiproxy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-aiproxy/aiproxy/store"
)

const (
	// adminBody is the longest body of a request, in bytes.
	adminBody = 1 << 20
	// adminPage and adminPageMax are how many items a list has where the
	// request does not say, and at most.
	adminPage, adminPageMax = 100, 1000
	// changeTimeout bounds the writing of one change.
	changeTimeout = 10 * time.Second
)

// The content types of bodies.
const (
	typeJSON  = "application/json"
	typeMerge = "application/merge-patch+json"
)

// adminCall is one request on its way through the admin API.
type adminCall struct {
	w      http.ResponseWriter
	r      *http.Request
	params map[string]string
	routes []adminRoute
	view   *view
	app    *App
	state  *state
}

// adminList is the body of a list.
type adminList[Doc any] struct {
	Items []Doc `json:"items"`
	// Next is the `after` of the next page; empty on the last one.
	Next string `json:"next"`
}

// send answers with a JSON body.
func (c *adminCall) send(status int, body any) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(body); err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", typeJSON)
	c.w.Header().Set("Content-Length", strconv.Itoa(text.Len()))
	c.w.WriteHeader(status)
	_, err := c.w.Write(text.Bytes())
	if err != nil && c.r.Context().Err() != nil {
		return nil // nobody is there to be told
	}
	return err
}

// sendEntity answers with an entity and its ETag.
func (c *adminCall) sendEntity(status int, etag string, doc any) error {
	c.w.Header().Set("ETag", etag)
	return c.send(status, doc)
}

// read returns the body, which is in one of these content types and within the
// limit. A body that may be absent is empty then.
func (c *adminCall) read(optional bool, types ...string) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, adminBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, refuse(http.StatusRequestEntityTooLarge, "the body is longer than %d bytes", tooLarge.Limit)
	case err != nil:
		return nil, refuse(http.StatusBadRequest, "the body broke off")
	case len(body) == 0 && optional:
		return nil, nil
	}
	given := c.r.Header.Get("Content-Type")
	if media, _, err := mime.ParseMediaType(given); err != nil || !slices.Contains(types, media) {
		return nil, refuse(http.StatusUnsupportedMediaType, "the Content-Type is %.64q, expected %s", given, strings.Join(types, " or "))
	}
	return body, nil
}

// limit returns how many items a list may have.
func (c *adminCall) limit() (int, error) {
	text := c.r.URL.Query().Get("limit")
	if text == "" {
		return adminPage, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > adminPageMax {
		return 0, refuse(http.StatusBadRequest, "limit: %.20q is not a number from 1 to %d", text, adminPageMax)
	}
	return n, nil
}

// after returns where a list goes on.
func (c *adminCall) after() string { return c.r.URL.Query().Get("after") }

// matches compares the request's If-Match, if it has one, with the ETag of what
// is there.
func (c *adminCall) matches(etag string) error {
	conditions := c.r.Header.Values("If-Match")
	for _, line := range conditions {
		for one := range strings.SplitSeq(line, ",") {
			if one = strings.TrimSpace(one); one == etag || one == "*" {
				return nil
			}
		}
	}
	if len(conditions) == 0 {
		return nil
	}
	return refuse(http.StatusPreconditionFailed, "it has been changed in the meantime: its ETag is %s now", etag)
}

// conditional says whether the request has an If-Match.
func (c *adminCall) conditional() bool { return c.r.Header.Get("If-Match") != "" }

// actor names who makes the change: on the remote admin endpoint with the hash
// of the client's public key, by which Caddy knows it.
func (c *adminCall) actor() string {
	if c.r.TLS == nil || len(c.r.TLS.PeerCertificates) == 0 {
		return "admin"
	}
	sum := sha256.Sum256(c.r.TLS.PeerCertificates[0].RawSubjectPublicKeyInfo)
	return "admin sha256:" + hex.EncodeToString(sum[:])
}

// change makes a change of the store and of what mirrors it in memory. It goes
// on when the client leaves: what is half done would be in the store and not in
// memory. Where channels or models change, every catalogue is made anew before
// it returns; the lock is not held then, since a config that is being opened
// asks for both in the other order.
func (c *adminCall) change(catalogue bool, do func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.r.Context()), changeTimeout)
	defer cancel()
	err := func() error {
		c.state.changing.Lock()
		defer c.state.changing.Unlock()
		return do(ctx)
	}()
	if err == nil && catalogue {
		c.state.changed()
	}
	return err
}

// row begins the audit row of a change.
func (c *adminCall) row(action, kind, name string, before, after json.RawMessage) store.Change {
	return store.Change{Time: time.Now(), Actor: c.actor(), Action: action, Kind: kind, Name: name, Before: before, After: after}
}

// revisionTag is the ETag of a stored entity.
func revisionTag(revision int64) string { return `"` + strconv.FormatInt(revision, 10) + `"` }

// contentTag is the ETag of an entity that has no revision.
func contentTag(doc any) (string, error) {
	text, err := json.Marshal(doc)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return `"c` + hex.EncodeToString(sum[:8]) + `"`, nil
}
