package adaptors

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"sync"
)

// NewRequest returns the POST request that sends call's body to path below the
// channel's base URL. path begins with a slash and is escaped as it is to
// stand on the wire; query is the encoded query without its question mark, and
// comes after the one that the base URL itself has.
//
// The base URL was parsed once, when the channel was loaded: here its path is
// only added to, since parsing an address costs more than all else in this
// function. The request's header is call.Header itself, so that one call of
// Send may add to it; a second attempt needs a map of its own, else it would
// carry the first one's credential to another vendor.
func NewRequest(ctx context.Context, call *Call, path, query string) (*http.Request, error) {
	u := &url.URL{Scheme: call.BaseURL.Scheme, Host: call.BaseURL.Host}
	if err := setPath(u, call.BaseURL, path); err != nil {
		return nil, err
	}
	switch base := call.BaseURL.RawQuery; {
	case base == "":
		u.RawQuery = query
	case query == "":
		u.RawQuery = base
	default:
		u.RawQuery = base + "&" + query
	}

	header := call.Header
	if header == nil {
		header = make(http.Header, 4)
	}
	setDefaults(header)

	body := call.Body
	// A context can only be given to a copy: of an empty one, which costs nothing.
	req := new(http.Request).WithContext(ctx)
	req.Method, req.URL, req.Host = http.MethodPost, u, u.Host
	req.Proto, req.ProtoMajor, req.ProtoMinor = "HTTP/1.1", 1, 1
	req.Header = header
	req.Body, req.ContentLength = newBody(body, call.Lease), int64(len(body))
	// The transport sends the body again where a kept connection turns out to be
	// closed before a byte of the request was written.
	req.GetBody = func() (io.ReadCloser, error) { return newBody(body, call.Lease), nil }
	if len(body) == 0 {
		req.Body = http.NoBody
	}
	return req, nil
}

// setPath joins the base's path and an escaped one. RawPath is set only where
// the plain one would be escaped in another way, as net/url wants it.
func setPath(u, base *url.URL, path string) error {
	plain, err := url.PathUnescape(path)
	if err != nil {
		return err
	}
	u.Path = base.Path + plain
	if base.RawPath != "" || plain != path {
		u.RawPath = base.EscapedPath() + path
	}
	return nil
}

// The values of headers that every request has, shared by all of them: they
// are read only.
var (
	jsonType  = []string{"application/json"}
	identity  = []string{"identity"}
	userAgent = []string{"aiproxy"}
)

// setDefaults sets the headers that neither client nor channel decides, and
// the ones that they left out.
func setDefaults(header http.Header) {
	// The body was read as JSON before it came here, whatever the client
	// called it (curl says application/x-www-form-urlencoded).
	header["Content-Type"] = jsonType
	// See coding.go.
	header["Accept-Encoding"] = identity
	if len(header["User-Agent"]) == 0 {
		// Without one net/http names itself, and some vendors' firewalls
		// refuse that.
		header["User-Agent"] = userAgent
	}
}

// newBody returns a request's body over bytes that, with a lease, are held
// until the transport closes it, which may be after the answer has come.
func newBody(body []byte, lease Lease) io.ReadCloser {
	if lease == nil {
		// The transport knows this type and writes it together with the header.
		return io.NopCloser(bytes.NewReader(body))
	}
	lease.Hold()
	return &leased{Reader: bytes.NewReader(body), lease: lease}
}

// leased is a body that ends its lease when it is closed.
type leased struct {
	*bytes.Reader
	lease Lease
	once  sync.Once
}

// Close ends the lease, once.
func (l *leased) Close() error {
	l.once.Do(l.lease.Leave)
	return nil
}
